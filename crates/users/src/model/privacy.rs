use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::id::UserId;
use sharestack_kernel::uuid_id;

uuid_id!(
    /// A copy of everything that the product holds of one person.
    ExportId
);

/// How long things of a person's own data last.
#[derive(Debug, Clone, Copy)]
pub struct PrivacyPolicy {
    /// Between two copies of the same person's data.
    pub export_gap: Duration,
    /// How long a copy is kept.
    pub export_ttl: Duration,
    /// How long a link to a copy works.
    pub link_ttl: Duration,
    /// Between the wish to go and the going; until then it can be taken back. The law asks
    /// for an end within 15 working days (PIPL, articles 47 and 50).
    pub cooling_off: Duration,
}

impl Default for PrivacyPolicy {
    /// One day, seven days, ten minutes, seven days.
    fn default() -> Self {
        Self {
            export_gap: Duration::days(1),
            export_ttl: Duration::days(7),
            link_ttl: Duration::minutes(10),
            cooling_off: Duration::days(7),
        }
    }
}

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportState {
    /// It is being made.
    Pending,
    /// It can be fetched.
    Ready {
        /// When it was made.
        at: DateTime<Utc>,
        /// The file that holds it.
        file: String,
        /// Its size in bytes.
        size: u64,
        /// When the file goes.
        expires_at: DateTime<Utc>,
    },
    /// It could not be made.
    Failed {
        /// When that was given up.
        at: DateTime<Utc>,
    },
    /// The file is gone.
    Expired,
}

impl ExportState {
    /// The stable name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready { .. } => "ready",
            Self::Failed { .. } => "failed",
            Self::Expired => "expired",
        }
    }

    /// The name of the one state that it can follow.
    pub const fn comes_after(&self) -> Option<&'static str> {
        match self {
            Self::Pending => None,
            Self::Ready { .. } | Self::Failed { .. } => Some("pending"),
            Self::Expired => Some("ready"),
        }
    }
}

/// A copy of what the product holds of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// Whose data it holds.
    pub user_id: UserId,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// Where it stands.
    pub state: ExportState,
}

impl Export {
    /// When the same person may ask for the next copy. A copy that failed does not count.
    pub fn next_at(&self, policy: &PrivacyPolicy) -> Option<DateTime<Utc>> {
        match self.state {
            ExportState::Failed { .. } => None,
            _ => Some(self.requested_at + policy.export_gap),
        }
    }

    /// The file and its size, as long as it can be fetched.
    pub fn file(&self, now: DateTime<Utc>) -> Option<(&str, u64)> {
        match &self.state {
            ExportState::Ready { file, size, expires_at, .. } if *expires_at > now => Some((file, *size)),
            _ => None,
        }
    }
}

/// The wish of a person to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Who wants to go.
    pub user_id: UserId,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When they said so.
    pub requested_at: DateTime<Utc>,
    /// When they will be gone.
    pub due_at: DateTime<Utc>,
}

/// A piece of what one area of the product holds of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    /// What it is: the name of the file in the copy, for example `articles`.
    pub name: &'static str,
    /// The records.
    pub records: Vec<serde_json::Value>,
}

/// A person's file that is not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// Where the store of files has it.
    pub key: String,
    /// What it is called in the copy.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(state: ExportState) -> Export {
        let id = ExportId::new(uuid::Uuid::nil());
        Export { id, user_id: UserId::new(1), requested_at: DateTime::UNIX_EPOCH, state }
    }

    #[test]
    fn a_failed_copy_does_not_count_against_the_next_one() {
        let policy = PrivacyPolicy::default();
        let failed = export(ExportState::Failed { at: DateTime::UNIX_EPOCH });
        assert_eq!(failed.next_at(&policy), None);
        let tomorrow = DateTime::UNIX_EPOCH + Duration::days(1);
        assert_eq!(export(ExportState::Pending).next_at(&policy), Some(tomorrow));
        assert_eq!(export(ExportState::Expired).next_at(&policy), Some(tomorrow));
    }

    #[test]
    fn a_copy_can_be_fetched_until_it_expires() {
        let end = DateTime::UNIX_EPOCH + Duration::days(7);
        let ready = ExportState::Ready { at: DateTime::UNIX_EPOCH, file: "a.zip".into(), size: 9, expires_at: end };
        let ready = export(ready);
        assert_eq!(ready.file(end - Duration::seconds(1)), Some(("a.zip", 9)));
        assert_eq!(ready.file(end), None);
        assert_eq!(export(ExportState::Pending).file(end), None);
    }
}
