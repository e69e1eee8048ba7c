//! What can be refused, one enum an operation.

mod codes;
mod factor;
mod invitation;
mod privacy;

mod passkey;

pub use factor::{FactorError, SecondFactorError, TotpError};
pub use invitation::InvitationError;
pub use passkey::{CeremonyError, InsertPasskeyError, PasskeyError, PasskeyLoginError};
pub use privacy::{DepartureError, ExportError};
use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError, Throttle};
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::seal::SealFailed;
use thiserror::Error;

use crate::model::ApiKeyId;
mod admin;

pub use admin::{AdministerError, AvatarError, EditAccountError, PictureError, RoleError, WriteRoleError};
pub use codes::{CodeError, ProofRefused, SendCodeError};

mod oauth;

pub use oauth::{
    BeginOAuthError, CompleteOAuthError, ExchangeCodeError, InsertIdentityError, ProviderError, UnlinkError,
};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A password could not be hashed.
#[derive(Debug, Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The hasher is broken, or the stored hash is.
    #[error("password hasher failed")]
    Failed(#[source] Source),
}

impl Classified for HashError {
    fn category(&self) -> Category {
        match self {
            Self::Busy => Category::Unavailable,
            Self::Failed(_) => Category::Internal,
        }
    }
}

/// An access token could not be made.
#[derive(Debug, Error)]
#[error("access token could not be issued")]
pub struct IssueError(#[source] pub Source);

impl Classified for IssueError {
    fn category(&self) -> Category {
        Category::Internal
    }
}

/// An access token is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It was not made here, or for something else, or is not valid yet.
    #[error("token is invalid")]
    Invalid,
    /// Its time is over.
    #[error("token has expired")]
    Expired,
}

/// An account could not be inserted.
#[derive(Debug, Error)]
pub enum InsertAccountError {
    /// Another account has the same normalised address.
    #[error("e-mail address is taken")]
    EmailTaken,
    /// Another account has the same normalised username.
    #[error("username is taken")]
    UsernameTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A registration was refused.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// Another account has the same normalised address.
    #[error("e-mail address is taken")]
    EmailTaken,
    /// Another account has the same normalised username.
    #[error("username is taken")]
    UsernameTaken,
    /// A proof that the address is theirs was not taken.
    #[error("code or token is wrong")]
    Proof {
        /// Why.
        refused: ProofRefused,
        /// The field that the proof came in.
        field: &'static str,
    },
    /// What the mode of registration asks for is missing or worth nothing.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertAccountError> for RegisterError {
    fn from(error: InsertAccountError) -> Self {
        match error {
            InsertAccountError::EmailTaken => Self::EmailTaken,
            InsertAccountError::UsernameTaken => Self::UsernameTaken,
            InsertAccountError::Store(error) => Self::Store(error),
        }
    }
}

impl Classified for RegisterError {
    fn category(&self) -> Category {
        match self {
            Self::EmailTaken | Self::UsernameTaken => Category::Conflict,
            Self::Proof { refused, .. } => codes::proof_category(*refused),
            Self::Fields(errors) => errors.category(),
            Self::Hash(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::EmailTaken => Details::Object(json!({ "field": "email" })),
            Self::UsernameTaken => Details::Object(json!({ "field": "username" })),
            Self::Proof { refused, field } => codes::proof_details(*refused, field),
            Self::Fields(errors) => errors.details(),
            _ => Details::None,
        }
    }
}

/// A login was refused.
#[derive(Debug, Error)]
pub enum LoginError {
    /// There is no such pair of name and password.
    #[error("name or password is wrong")]
    InvalidCredentials,
    /// The password is right, but the account may not be used.
    #[error("account is disabled")]
    AccountDisabled,
    /// Too many wrong passwords; whether this one is right was not looked at.
    #[error("too many wrong passwords")]
    TooMany(Throttle),
    /// The password could not be checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The token could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// The same, where a failure of the store stays one: so that its transaction runs again.
    pub(crate) fn within<E: From<Self> + From<StoreError>>(self) -> E {
        match self {
            Self::Store(error) => error.into(),
            refused => refused.into(),
        }
    }
}

impl Classified for LoginError {
    fn category(&self) -> Category {
        match self {
            Self::InvalidCredentials | Self::AccountDisabled => Category::Unauthenticated,
            Self::TooMany(_) => Category::RateLimited,
            Self::Hash(error) => error.category(),
            Self::Issue(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::InvalidCredentials => Some("INVALID_CREDENTIALS"),
            Self::AccountDisabled => Some("ACCOUNT_DISABLED"),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::TooMany(throttle) => Details::Throttled(*throttle),
            _ => Details::None,
        }
    }
}

/// A refresh was refused.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The token is unknown, was used, or its session has ended.
    #[error("refresh token is invalid")]
    Invalid,
    /// The token's time is over.
    #[error("refresh token has expired")]
    Expired,
    /// The token could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for RefreshError {
    fn category(&self) -> Category {
        match self {
            Self::Invalid | Self::Expired => Category::Unauthenticated,
            Self::Issue(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Invalid => Some("INVALID_TOKEN"),
            Self::Expired => Some("TOKEN_EXPIRED"),
            _ => None,
        }
    }
}

/// A bearer was not let in.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The token is worth nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for CheckError {
    fn category(&self) -> Category {
        match self {
            Self::Token(_) => Category::Unauthenticated,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Token(TokenError::Invalid) => Some("INVALID_TOKEN"),
            Self::Token(TokenError::Expired) => Some("TOKEN_EXPIRED"),
            Self::Store(_) => None,
        }
    }
}

/// Roles were not granted.
#[derive(Debug, Error)]
pub enum GrantError {
    /// The actor may not, or not so high.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Some of the roles do not exist.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// There is no such user.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// Nobody would be left who can do everything.
    #[error("the last super admin stays one")]
    LastSuperAdmin,
    /// The account was changed since.
    #[error("the account was changed in the meantime")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for GrantError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::Fields(errors) => errors.category(),
            Self::NoSuchUser(_) => Category::NotFound,
            Self::LastSuperAdmin => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::Fields(errors) => errors.details(),
            Self::NoSuchUser(id) => Details::Missing { resource: "user", id: json!(id) },
            Self::LastSuperAdmin | Self::Stale | Self::Store(_) => Details::None,
        }
    }
}

/// Sessions were not shown or ended.
#[derive(Debug, Error)]
pub enum EndSessionError {
    /// They are another's, or the actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such user.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// The user has no such session open.
    #[error("session {0} does not exist")]
    NoSuchSession(SessionId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for EndSessionError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::NoSuchUser(_) | Self::NoSuchSession(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::NoSuchUser(id) => Details::Missing { resource: "user", id: json!(id) },
            Self::NoSuchSession(id) => Details::Missing { resource: "session", id: json!(id) },
            Self::Store(_) => Details::None,
        }
    }
}

/// A proof within a session, or a change of password, was refused.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// What was given is wrong, or may not be.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// A code was not taken.
    #[error("code is wrong")]
    Code {
        /// Why.
        refused: ProofRefused,
        /// The field that it came in.
        field: &'static str,
    },
    /// Too many passwords were tried; whether this one is right was not looked at.
    #[error("too many tries")]
    TooMany(Throttle),
    /// A second factor was not taken.
    #[error(transparent)]
    Factor(#[from] FactorError),
    /// A passkey was not taken.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// There is no such user any more.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// A password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A message could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ProofError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::Fields(errors) => errors.category(),
            Self::Code { refused, .. } => codes::proof_category(*refused),
            Self::TooMany(_) => Category::RateLimited,
            Self::Factor(error) => error.category(),
            Self::Passkey(error) => error.category(),
            Self::NoSuchUser(_) => Category::NotFound,
            Self::Hash(error) => error.category(),
            Self::Seal(_) => Category::Internal,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::Fields(errors) => errors.details(),
            Self::Code { refused, field } => codes::proof_details(*refused, field),
            Self::TooMany(throttle) => Details::Throttled(*throttle),
            Self::Factor(error) => error.details(),
            Self::Passkey(error) => error.details(),
            Self::NoSuchUser(id) => Details::Missing { resource: "user", id: json!(id) },
            Self::Hash(_) | Self::Seal(_) | Self::Store(_) => Details::None,
        }
    }
}

/// An API key was not made or deleted.
#[derive(Debug, Error)]
pub enum ApiKeyError {
    /// The actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Fields break a rule, or name what the actor cannot give away.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The user has as many keys as anybody may.
    #[error("nobody has more than {max} keys")]
    TooMany {
        /// The most.
        max: u64,
    },
    /// The user has no such key.
    #[error("key {0} does not exist")]
    NoSuchKey(ApiKeyId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ApiKeyError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::Fields(errors) => errors.category(),
            Self::TooMany { .. } => Category::Conflict,
            Self::NoSuchKey(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::Fields(errors) => errors.details(),
            Self::TooMany { max } => Details::Object(json!({ "max": max })),
            Self::NoSuchKey(id) => Details::Missing { resource: "api_key", id: json!(id) },
            Self::Store(_) => Details::None,
        }
    }
}

carries_store!(
    ApiKeyError,
    EndSessionError,
    ProofError,
    InsertAccountError,
    RegisterError,
    LoginError,
    RefreshError,
    GrantError
);

#[cfg(test)]
mod tests;
