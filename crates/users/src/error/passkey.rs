use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use thiserror::Error;

use super::{LoginError, Source};
use crate::model::PasskeyId;

/// A passkey could not be kept.
#[derive(Debug, Error)]
pub enum InsertPasskeyError {
    /// Some account has a key of this credential id.
    #[error("key is registered already")]
    Taken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An authenticator's answer is worth nothing, or there was nothing to answer.
#[derive(Debug, Error)]
pub enum CeremonyError {
    /// It is no answer at all.
    #[error("answer cannot be read")]
    Unreadable,
    /// It answers no challenge of ours, or one that was answered or is too old.
    #[error("there is no such challenge")]
    NoChallenge,
    /// It was signed with a key that nobody has registered.
    #[error("there is no such key")]
    NoSuchKey,
    /// Its counter did not grow: somebody has a copy of the key.
    #[error("key may have been copied")]
    Copied,
    /// It is wrong.
    #[error("answer is wrong")]
    Refused(#[source] Source),
    /// Challenges cannot be kept now.
    #[error(transparent)]
    Unavailable(CacheError),
    /// What was kept cannot be read, or no challenge can be made.
    #[error("ceremony failed")]
    Failed(#[source] Source),
}

impl CeremonyError {
    /// The category, where a worthless answer is of `worthless`.
    const fn category(&self, worthless: Category) -> Category {
        match self {
            Self::Unavailable(_) => Category::Unavailable,
            Self::Failed(_) => Category::Internal,
            _ => worthless,
        }
    }
}

/// A passkey was not registered or removed.
#[derive(Debug, Error)]
pub enum PasskeyError {
    /// The actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The account has as many as it may.
    #[error("there are too many passkeys")]
    TooMany,
    /// Some account has this key.
    #[error("key is registered already")]
    Taken,
    /// Nobody could get into the account any longer.
    #[error("the last way in stays")]
    LastWayIn,
    /// The account has no such passkey.
    #[error("passkey {0} does not exist")]
    NoSuchPasskey(PasskeyId),
    /// The account is gone.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// The authenticator's answer is worth nothing.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertPasskeyError> for PasskeyError {
    fn from(error: InsertPasskeyError) -> Self {
        match error {
            InsertPasskeyError::Taken => Self::Taken,
            InsertPasskeyError::Store(error) => Self::Store(error),
        }
    }
}

impl Classified for PasskeyError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::TooMany | Self::Taken | Self::LastWayIn => Category::Conflict,
            Self::NoSuchPasskey(_) | Self::NoSuchUser(_) => Category::NotFound,
            Self::Ceremony(error) => error.category(Category::Invalid),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::LastWayIn => Details::Object(json!({ "reason": "last_login_method" })),
            Self::NoSuchPasskey(id) => Details::Missing { resource: "passkey", id: json!(id) },
            Self::NoSuchUser(id) => Details::Missing { resource: "user", id: json!(id) },
            Self::Ceremony(CeremonyError::Unreadable) => {
                Details::Fields(FieldErrors::of("credential", Issue::InvalidFormat))
            }
            Self::Ceremony(error) if matches!(error.category(Category::Invalid), Category::Invalid) => {
                Details::Fields(FieldErrors::of("credential", Issue::not_allowed::<&str>([])))
            }
            _ => Details::None,
        }
    }
}

/// A login with a passkey was refused. What exactly is wrong goes to the log only.
#[derive(Debug, Error)]
pub enum PasskeyLoginError {
    /// The authenticator's answer is worth nothing.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The session could not be opened.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for PasskeyLoginError {
    fn category(&self) -> Category {
        match self {
            Self::Ceremony(error) => error.category(Category::Unauthenticated),
            Self::Login(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Ceremony(error) if matches!(error.category(Category::Invalid), Category::Invalid) => {
                Some("INVALID_CREDENTIALS")
            }
            Self::Login(error) => error.code(),
            _ => None,
        }
    }

    fn reason(&self) -> Option<&'static str> {
        matches!(self, Self::Ceremony(_)).then_some("passkey_refused")
    }
}

carries_store!(InsertPasskeyError, PasskeyError, PasskeyLoginError);
