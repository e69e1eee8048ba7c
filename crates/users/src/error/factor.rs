use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError, Throttle};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::seal::SealFailed;
use thiserror::Error;

use super::{HashError, LoginError, Source};

/// Codes of the moment cannot be made or checked.
#[derive(Debug, Error)]
#[error("codes of the moment cannot be checked")]
pub struct TotpError(#[source] pub Source);

impl Classified for TotpError {
    fn category(&self) -> Category {
        Category::Internal
    }
}

/// An app that shows codes was not enrolled, confirmed or removed.
#[derive(Debug, Error)]
pub enum FactorError {
    /// The actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// One is confirmed already: it must be removed first.
    #[error("an app is enrolled already")]
    AlreadyConfirmed,
    /// None is enrolled.
    #[error("no app is enrolled")]
    NotEnrolled,
    /// What was given as proof, in this field, proves nothing.
    #[error("{0} is wrong")]
    Wrong(&'static str),
    /// Too many wrong proofs.
    #[error("too many tries")]
    TooMany(Throttle),
    /// The account is gone.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// A secret can be neither made nor read.
    #[error(transparent)]
    Totp(#[from] TotpError),
    /// A password could not be checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The mail that tells of it could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for FactorError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::AlreadyConfirmed => Category::Conflict,
            Self::NotEnrolled | Self::NoSuchUser(_) => Category::NotFound,
            Self::Wrong(_) => Category::Invalid,
            Self::TooMany(_) => Category::RateLimited,
            Self::Totp(error) => error.category(),
            Self::Hash(error) => error.category(),
            Self::Seal(_) => Category::Internal,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::Wrong(field) => Details::Fields(FieldErrors::of(*field, Issue::not_allowed::<&str>([]))),
            Self::TooMany(throttle) => Details::Throttled(*throttle),
            Self::NotEnrolled => Details::Missing { resource: "mfa_factor", id: json!("totp") },
            Self::NoSuchUser(id) => Details::Missing { resource: "user", id: json!(id) },
            _ => Details::None,
        }
    }
}

/// A second proof was refused.
#[derive(Debug, Error)]
pub enum SecondFactorError {
    /// The token is unknown, was used or tried too often, or the password has changed since.
    #[error("mfa token is invalid")]
    InvalidToken,
    /// The token's time is over.
    #[error("mfa token has expired")]
    Expired,
    /// The code is wrong, or was used before.
    #[error("code is wrong")]
    WrongCode {
        /// How many more may be tried with this token.
        attempts_left: u32,
    },
    /// A mail is no second proof of this login.
    #[error("no code is sent by mail")]
    NoMail,
    /// The account was tried too often.
    #[error("too many tries")]
    TooMany(Throttle),
    /// The secret cannot be read.
    #[error(transparent)]
    Totp(#[from] TotpError),
    /// The session could not be opened.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for SecondFactorError {
    fn category(&self) -> Category {
        match self {
            Self::InvalidToken | Self::Expired | Self::WrongCode { .. } => Category::Unauthenticated,
            Self::NoMail => Category::Invalid,
            Self::TooMany(_) => Category::RateLimited,
            Self::Totp(error) => error.category(),
            Self::Login(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::InvalidToken => Some("INVALID_TOKEN"),
            Self::Expired => Some("TOKEN_EXPIRED"),
            Self::WrongCode { .. } => Some("INVALID_CREDENTIALS"),
            Self::Login(error) => error.code(),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NoMail => Details::Fields(FieldErrors::of("purpose", Issue::not_allowed::<&str>([]))),
            Self::WrongCode { attempts_left } => Details::Object(json!({ "attempts_left": attempts_left })),
            Self::TooMany(throttle) => Details::Throttled(*throttle),
            _ => Details::None,
        }
    }

    fn reason(&self) -> Option<&'static str> {
        matches!(self, Self::WrongCode { .. }).then_some("wrong_second_factor")
    }
}

carries_store!(FactorError, SecondFactorError);
