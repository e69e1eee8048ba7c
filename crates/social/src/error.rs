//! Why an operation of social was refused.

use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::id::UserId;
use thiserror::Error;

use crate::model::ToOneself;

fn missing(user: UserId) -> Details {
    Details::Missing { resource: "user", id: user.get().into() }
}

/// Why nothing changed between two people.
#[derive(Debug, Error)]
pub enum RelateError {
    /// It was asked of somebody towards themselves.
    #[error(transparent)]
    ToOneself(#[from] ToOneself),
    /// There is no such user.
    #[error("user not found")]
    NotFound(UserId),
    /// One of the two blocked the other. Which one is not told.
    #[error("user cannot be followed")]
    Blocked,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for RelateError {
    fn category(&self) -> Category {
        match self {
            Self::ToOneself(_) => Category::Unprocessable,
            Self::NotFound(_) => Category::NotFound,
            Self::Blocked => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NotFound(user) => missing(*user),
            _ => Details::None,
        }
    }
}

/// Why a list was not shown.
#[derive(Debug, Error)]
pub enum ListError {
    /// The user keeps it to themselves.
    #[error(transparent)]
    Hidden(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ListError {
    fn category(&self) -> Category {
        match self {
            Self::Hidden(denied) => denied.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Hidden(denied) => denied.details(),
            Self::Store(_) => Details::None,
        }
    }
}

carries_store!(RelateError, ListError);
