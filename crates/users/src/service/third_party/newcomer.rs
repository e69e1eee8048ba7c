//! Accounts of people who come in by another service for the first time.

use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::ThirdPartyLogin;
use crate::error::{CompleteOAuthError, InsertAccountError, InsertIdentityError, LoginError};
use crate::events;
use crate::model::{
    BuiltInRole, EmailAddress, ExternalIdentity, IdentityId, NewAccount, OAuthState, PasswordHash, ProviderProfile,
    Username,
};
use crate::service::sessions::{Draft, Opened, Proof};

/// How many usernames are tried for a new account, each with another number.
pub(super) const MAX_NAMES: u32 = 20;

/// Why there is no new account.
pub(super) enum SignUp {
    NameTaken,
    EmailTaken,
    IdentityTaken,
    Uninvited,
}

impl From<InsertAccountError> for CreateError {
    fn from(error: InsertAccountError) -> Self {
        match error {
            InsertAccountError::EmailTaken => Self::EmailTaken,
            InsertAccountError::UsernameTaken => Self::NameTaken,
            InsertAccountError::Store(error) => Self::Store(error),
        }
    }
}

impl From<LoginError> for CreateError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Store(error) => Self::Store(error),
            error => Self::Store(sharestack_kernel::error::StoreError::corrupt(error)),
        }
    }
}

impl From<InsertIdentityError> for CreateError {
    fn from(error: InsertIdentityError) -> Self {
        match error {
            InsertIdentityError::Taken => Self::IdentityTaken,
            InsertIdentityError::Store(error) => Self::Store(error),
        }
    }
}

/// Why a new account was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CreateError {
    #[error("username is taken")]
    NameTaken,
    #[error("address is taken")]
    EmailTaken,
    #[error("identity is taken")]
    IdentityTaken,
    #[error("invitation is worth nothing")]
    Uninvited,
    #[error(transparent)]
    Store(#[from] sharestack_kernel::error::StoreError),
}

sharestack_kernel::carries_store!(CreateError);

impl ThirdPartyLogin {
    /// Makes the account of who nobody has linked, and their session, when one is to be opened.
    pub(super) async fn create(
        &self,
        id: UserId,
        state: &OAuthState,
        profile: &ProviderProfile,
        attempt: u32,
        draft: Option<&Draft>,
    ) -> Result<Result<Opened, SignUp>, CompleteOAuthError> {
        let (ports, now, provider) = (&self.ports, self.ports.clock.now(), &state.provider);
        let event_ids = [(); 3].map(|()| ports.ids.uuid());
        let identity_id = ports.ids.uuid();
        let placeholder = || EmailAddress::placeholder(&format!("{provider}-{}", identity_id.simple()));
        let account = NewAccount {
            id,
            username: self.username(profile, attempt),
            email: profile.email.clone().unwrap_or_else(placeholder),
            password_hash: PasswordHash::unset(),
            profile: profile.profile(),
            is_verified: profile.email.is_some() && profile.email_verified,
            created_at: now,
        };
        let mut identity = ExternalIdentity::link(IdentityId::new(identity_id), id, provider.clone(), profile, now);
        identity.last_used_at = Some(now);
        let made = transact!(ports.store, |tx| {
            tx.accounts().insert(&account).await?;
            tx.roles().replace(id, &[BuiltInRole::User.id()], None, now).await?;
            tx.identities().insert(&identity).await?;
            if let Some(token) = state.invitation {
                let used = tx.invitations().redeem(token, &account.email, id, now).await?;
                let used = used.ok_or(CreateError::Uninvited)?;
                let event = events::about_invitation(event_ids[2], events::INVITATION_USED, used, Some(id), now);
                tx.outbox().append(&event).await?;
            }
            tx.outbox().append(&events::registered(event_ids[0], id, account.username.as_str(), now)).await?;
            tx.outbox().append(&events::identity(event_ids[1], events::IDENTITY_LINKED, &identity, now)).await?;
            let Some(draft) = draft else { return Ok(Opened::Stale) };
            Ok::<_, CreateError>(ports.sessions.open(tx, id, &Proof::Other, draft).await?)
        });
        match made {
            Ok(opened) => Ok(Ok(opened)),
            Err(CreateError::NameTaken) => Ok(Err(SignUp::NameTaken)),
            Err(CreateError::EmailTaken) => Ok(Err(SignUp::EmailTaken)),
            Err(CreateError::IdentityTaken) => Ok(Err(SignUp::IdentityTaken)),
            Err(CreateError::Uninvited) => Ok(Err(SignUp::Uninvited)),
            Err(CreateError::Store(error)) => Err(error.into()),
        }
    }

    /// The name that they have there, with a number once it was taken.
    fn username(&self, profile: &ProviderProfile, attempt: u32) -> Username {
        let base = profile.username_base();
        if attempt == 0
            && let Ok(name) = Username::parse(&base)
        {
            return name;
        }
        let mut bytes = [0; 4];
        self.ports.randomness.fill(&mut bytes);
        // The attempt keeps numbers apart, however random they are.
        let number = u64::from(u32::from_le_bytes(bytes)) * u64::from(MAX_NAMES) + u64::from(attempt);
        // Few digits are nicer and mostly do; many are certain.
        let number = if attempt < MAX_NAMES / 4 { number % 10_000 } else { number };
        let plain = || Username::parse(&format!("user-{number}"));
        let numbered = Username::parse(&format!("{base}-{number}")).or_else(|_| plain());
        numbered.unwrap_or_else(|_| unreachable!("letters, a dash and digits are a username"))
    }
}
