//! What can be refused about codes, and what they are used for.

use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError, Throttle};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::seal::SealFailed;
use thiserror::Error;

use super::{HashError, InsertAccountError, LoginError};

/// A code was not sent.
#[derive(Debug, Error)]
pub enum SendCodeError {
    /// One was sent a moment ago, or too many today.
    #[error("another code cannot be sent yet")]
    TooOften(Throttle),
    /// The message could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for SendCodeError {
    fn category(&self) -> Category {
        match self {
            Self::TooOften(_) => Category::RateLimited,
            Self::Seal(_) => Category::Internal,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::TooOften(throttle) => Details::Throttled(*throttle),
            _ => Details::None,
        }
    }
}

/// A proof was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofRefused {
    /// The code is wrong, or too old.
    Code {
        /// How many more may be tried now.
        attempts_left: u32,
    },
    /// Too many wrong codes were tried.
    Exhausted(Throttle),
    /// The token is unknown, was used, is too old, or proves something else.
    Token,
}

/// Something that asks for a code was refused.
#[derive(Debug, Error)]
pub enum CodeError {
    /// The actor is a program with a key.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The proof was not taken.
    #[error("code or token is wrong")]
    Proof {
        /// Why.
        refused: ProofRefused,
        /// The field that the proof came in.
        field: &'static str,
    },
    /// The address is another account's.
    #[error("e-mail address is taken")]
    EmailTaken,
    /// The account is gone.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// The new password is too easily guessed for this user.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The session could not be opened.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The message could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertAccountError> for CodeError {
    fn from(error: InsertAccountError) -> Self {
        match error {
            InsertAccountError::EmailTaken => Self::EmailTaken,
            InsertAccountError::UsernameTaken => Self::Store(StoreError::corrupt("an address is no username")),
            InsertAccountError::Store(error) => Self::Store(error),
        }
    }
}

/// What a refused proof means.
pub(super) fn proof_category(refused: ProofRefused) -> Category {
    match refused {
        ProofRefused::Code { .. } | ProofRefused::Token => Category::Invalid,
        ProofRefused::Exhausted(_) => Category::RateLimited,
    }
}

/// What is said of a refused proof.
pub(super) fn proof_details(refused: ProofRefused, field: &'static str) -> Details {
    match refused {
        ProofRefused::Code { attempts_left } => {
            Details::Fields(FieldErrors::of(field, Issue::WrongCode { attempts_left }))
        }
        ProofRefused::Token => Details::Fields(FieldErrors::of(field, Issue::NotAllowed { allowed: Vec::new() })),
        ProofRefused::Exhausted(throttle) => Details::Throttled(throttle),
    }
}

impl Classified for CodeError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::Proof { refused, .. } => proof_category(*refused),
            Self::EmailTaken => Category::Conflict,
            Self::NoSuchUser(_) => Category::NotFound,
            Self::Fields(errors) => errors.category(),
            Self::Hash(error) => error.category(),
            Self::Login(error) => error.category(),
            Self::Seal(_) => Category::Internal,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Login(error) => error.code(),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::Proof { refused, field } => proof_details(*refused, field),
            Self::EmailTaken => Details::Object(json!({ "field": "email" })),
            Self::NoSuchUser(id) => Details::Missing { resource: "user", id: json!(id) },
            Self::Fields(errors) => errors.details(),
            Self::Login(error) => error.details(),
            _ => Details::None,
        }
    }
}

carries_store!(SendCodeError, CodeError);
