//! What can be refused when somebody comes in by another service.

use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::field::{FieldErrors, Issue};
use thiserror::Error;

use super::{IssueError, LoginError, Source};
use crate::model::{IdentityId, ProviderName};

/// A provider did not vouch for anybody.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// The code is none of theirs, was used, or is too old; or it came back to another
    /// login than it went out from.
    #[error("provider refused the code")]
    CodeRefused(#[source] Source),
    /// The provider does not answer, or not in time.
    #[error("provider does not answer")]
    Unavailable(#[source] Source),
    /// The provider answered what it never should: nobody is believed.
    #[error("provider's answer cannot be believed")]
    Untrusted(#[source] Source),
}

impl Classified for ProviderError {
    fn category(&self) -> Category {
        match self {
            Self::CodeRefused(_) => Category::Invalid,
            Self::Unavailable(_) | Self::Untrusted(_) => Category::Unavailable,
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::CodeRefused(_) => None,
            Self::Unavailable(_) | Self::Untrusted(_) => Some("UPSTREAM_ERROR"),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::CodeRefused(_) => Details::Fields(FieldErrors::of("code", Issue::InvalidFormat)),
            Self::Unavailable(_) | Self::Untrusted(_) => Details::None,
        }
    }
}

/// An identity could not be inserted.
#[derive(Debug, Error)]
pub enum InsertIdentityError {
    /// The provider's account is linked already.
    #[error("identity is linked already")]
    Taken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A login could not be sent to a provider.
#[derive(Debug, Error)]
pub enum BeginOAuthError {
    /// There is no such provider, or it is not enabled.
    #[error("provider {0} does not exist")]
    NoSuchProvider(String),
    /// The client's address is not on the allow-list.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The provider does not answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn no_such_provider(name: &str) -> Details {
    Details::Missing { resource: "oauth_provider", id: json!(name) }
}

impl Classified for BeginOAuthError {
    fn category(&self) -> Category {
        match self {
            Self::NoSuchProvider(_) => Category::NotFound,
            Self::Fields(errors) => errors.category(),
            Self::Provider(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        if let Self::Provider(error) = self { error.code() } else { None }
    }

    fn details(&self) -> Details {
        match self {
            Self::NoSuchProvider(name) => no_such_provider(name),
            Self::Fields(errors) => errors.details(),
            Self::Provider(error) => error.details(),
            Self::Store(_) => Details::None,
        }
    }
}

/// A login that came back from a provider was refused.
#[derive(Debug, Error)]
pub enum CompleteOAuthError {
    /// There is no such provider, or it is not enabled.
    #[error("provider {0} does not exist")]
    NoSuchProvider(String),
    /// Nothing that comes back so went out from this browser, or it did long ago, or it
    /// came back before.
    #[error("no login of this browser is under way with this state")]
    StateMismatch,
    /// The user, or the provider for them, said no.
    #[error("provider said {0}")]
    Denied(String),
    /// The provider did not vouch for anybody.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The address belongs to an account that this identity is not linked to.
    #[error("address belongs to another account")]
    EmailTaken,
    /// The provider does not vouch for the address, so no account is made with it.
    #[error("provider {0} has not verified the address")]
    EmailUnverified(ProviderName),
    /// The identity is linked to another account.
    #[error("identity is linked to another account")]
    IdentityTaken,
    /// Nobody new comes in by this way.
    #[error("accounts are not made by other services")]
    SignUpClosed,
    /// Only who was invited gets an account.
    #[error("an invitation is needed")]
    Uninvited {
        /// Whether an invitation was brought along, which is worth nothing.
        brought: bool,
    },
    /// The session that asked for the link has ended.
    #[error("session has ended")]
    SessionEnded,
    /// The session could not be opened.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CompleteOAuthError {
    /// What a client is told in the `error` parameter of its address.
    pub const fn client_code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "access_denied",
            Self::EmailTaken => "email_taken",
            Self::EmailUnverified(_) => "email_unverified",
            Self::IdentityTaken => "identity_taken",
            Self::SignUpClosed => "sign_up_closed",
            Self::Uninvited { .. } => "invitation_required",
            Self::SessionEnded => "session_ended",
            Self::Login(LoginError::AccountDisabled) => "account_disabled",
            Self::Provider(ProviderError::CodeRefused(_)) | Self::StateMismatch | Self::NoSuchProvider(_) => {
                "invalid_request"
            }
            Self::Provider(ProviderError::Unavailable(_) | ProviderError::Untrusted(_)) => "temporarily_unavailable",
            Self::Login(_) | Self::Store(_) => "server_error",
        }
    }
}

impl Classified for CompleteOAuthError {
    fn category(&self) -> Category {
        match self {
            Self::NoSuchProvider(_) => Category::NotFound,
            Self::StateMismatch | Self::Denied(_) | Self::Uninvited { .. } => Category::Invalid,
            Self::Provider(error) => error.category(),
            Self::EmailTaken | Self::IdentityTaken => Category::Conflict,
            Self::EmailUnverified(_) | Self::SignUpClosed => Category::Unprocessable,
            Self::SessionEnded => Category::Unauthenticated,
            Self::Login(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Provider(error) => error.code(),
            Self::Login(error) => error.code(),
            Self::SessionEnded => Some("INVALID_TOKEN"),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NoSuchProvider(name) => no_such_provider(name),
            Self::StateMismatch => {
                Details::Fields(FieldErrors::of("state", Issue::Mismatch { other: "authorization_request" }))
            }
            Self::Denied(_) => Details::Fields(FieldErrors::of("error", Issue::not_allowed::<&str>([]))),
            Self::Provider(error) => error.details(),
            Self::EmailTaken => Details::Object(json!({ "field": "email" })),
            Self::IdentityTaken => Details::Object(json!({ "field": "identity" })),
            Self::EmailUnverified(provider) => {
                Details::Object(json!({ "reason": "email_unverified", "provider": provider.as_str() }))
            }
            Self::Uninvited { brought } => {
                let issue = if *brought { Issue::not_allowed::<&str>([]) } else { Issue::Required };
                Details::Fields(FieldErrors::of("invite_code", issue))
            }
            Self::SignUpClosed => Details::Object(json!({ "reason": "sign_up_closed" })),
            Self::Login(error) => error.details(),
            Self::SessionEnded | Self::Store(_) => Details::None,
        }
    }
}

/// A one-time code was not exchanged.
#[derive(Debug, Error)]
pub enum ExchangeCodeError {
    /// The code is unknown, was used, is too old, or the client does not know its verifier.
    #[error("code is invalid")]
    Invalid,
    /// The session could not be opened.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ExchangeCodeError {
    fn category(&self) -> Category {
        match self {
            Self::Invalid => Category::Invalid,
            Self::Login(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        if let Self::Login(error) = self { error.code() } else { None }
    }

    fn details(&self) -> Details {
        match self {
            Self::Invalid => Details::Fields(FieldErrors::of("code", Issue::InvalidFormat)),
            Self::Login(error) => error.details(),
            Self::Store(_) => Details::None,
        }
    }
}

/// An identity was not unlinked.
#[derive(Debug, Error)]
pub enum UnlinkError {
    /// The actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The user has no such identity.
    #[error("identity {0} does not exist")]
    NoSuchIdentity(IdentityId),
    /// Nothing else would open the account.
    #[error("the last way into an account stays")]
    LastWayIn,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for UnlinkError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::NoSuchIdentity(_) => Category::NotFound,
            Self::LastWayIn => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::NoSuchIdentity(id) => Details::Missing { resource: "identity", id: json!(id) },
            Self::LastWayIn => Details::Object(json!({ "reason": "last_login_method" })),
            Self::Store(_) => Details::None,
        }
    }
}

impl From<IssueError> for ExchangeCodeError {
    fn from(error: IssueError) -> Self {
        Self::Login(error.into())
    }
}

carries_store!(InsertIdentityError, BeginOAuthError, CompleteOAuthError, ExchangeCodeError, UnlinkError);
