use chrono::{DateTime, Utc};
use sharestack_kernel::field::Issue;
use sharestack_kernel::id::UserId;
use sharestack_kernel::uuid_id;

use super::{EmailAddress, TokenHash};

uuid_id!(
    /// An invitation to register.
    InvitationId
);

/// An invitation to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// What is kept of its token.
    pub hash: TokenHash,
    /// Whom it is for alone; `None` for whoever has it.
    pub email: Option<EmailAddress>,
    /// Who invited; `None` for the command line.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// After this it is worth nothing.
    pub expires_at: DateTime<Utc>,
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It can be used.
    Pending,
    /// Somebody has registered by it.
    Used,
    /// It was taken back.
    Revoked,
    /// Its time was over before anybody used it.
    Expired,
}

impl InvitationStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Used, Self::Revoked, Self::Expired];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Used => "used",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// When there is no such status.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// An invitation, as who runs the product sees it: without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// Whom it is for alone, as addresses are compared; `None` for whoever has it, and once
    /// it was used.
    pub email: Option<String>,
    /// Who invited; `None` for the command line.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// After this it is worth nothing.
    pub expires_at: DateTime<Utc>,
    /// When somebody registered by it.
    pub used_at: Option<DateTime<Utc>>,
    /// Who.
    pub used_by: Option<UserId>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl InvitationView {
    /// Where it stands at `now`.
    pub fn status(&self, now: DateTime<Utc>) -> InvitationStatus {
        if self.used_at.is_some() {
            InvitationStatus::Used
        } else if self.revoked_at.is_some() {
            InvitationStatus::Revoked
        } else if self.expires_at <= now {
            InvitationStatus::Expired
        } else {
            InvitationStatus::Pending
        }
    }
}

impl From<NewInvitation> for InvitationView {
    fn from(new: NewInvitation) -> Self {
        Self {
            id: new.id,
            email: new.email.map(|email| email.key().to_owned()),
            created_by: new.created_by,
            created_at: new.created_at,
            expires_at: new.expires_at,
            used_at: None,
            used_by: None,
            revoked_at: None,
        }
    }
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistrationMode {
    /// Everybody.
    #[default]
    Open,
    /// Who proves by a code that the address is theirs.
    Code,
    /// Who was invited.
    Invitation,
}

impl RegistrationMode {
    /// Reads the setting; `None` when there is no such mode.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "code" => Some(Self::Code),
            "invitation" => Some(Self::Invitation),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_named_by_the_setting() {
        assert_eq!(RegistrationMode::parse("invitation"), Some(RegistrationMode::Invitation));
        assert_eq!(RegistrationMode::parse("closed"), None);
        assert_eq!(RegistrationMode::default(), RegistrationMode::Open);
    }

    #[test]
    fn what_happened_first_decides_where_an_invitation_stands() {
        let (at, uuid) = (DateTime::<Utc>::UNIX_EPOCH, uuid::Uuid::nil());
        let open = InvitationView::from(NewInvitation {
            id: InvitationId::new(uuid),
            hash: TokenHash::of(&[0; 32]),
            email: EmailAddress::parse("Lin@Example.com").ok(),
            created_by: None,
            created_at: at,
            expires_at: at + chrono::Duration::days(1),
        });
        assert_eq!((open.email.as_deref(), open.status(at)), (Some("lin@example.com"), InvitationStatus::Pending));
        assert_eq!(open.status(open.expires_at), InvitationStatus::Expired);
        let revoked = InvitationView { revoked_at: Some(at), ..open.clone() };
        assert_eq!(revoked.status(open.expires_at), InvitationStatus::Revoked);
        let used = InvitationView { used_at: Some(at), ..open };
        assert_eq!(used.status(at + chrono::Duration::days(9)), InvitationStatus::Used);
        for status in InvitationStatus::ALL {
            assert_eq!(InvitationStatus::parse(status.as_str()), Ok(status));
        }
        assert!(InvitationStatus::parse("lost").is_err());
    }
}
