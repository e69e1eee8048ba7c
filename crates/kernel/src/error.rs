//! What an error means to a caller: its category, its stable code, and whether the
//! same call may succeed when it is made again.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use serde_json::Value;

use crate::actor::Denied;
use crate::field::FieldErrors;

/// What kind of refusal an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Fields are missing or break a rule.
    Invalid,
    /// Well-formed, but impossible.
    Unprocessable,
    /// Nobody is signed in, or not rightly.
    Unauthenticated,
    /// Signed in, but without the right.
    Denied,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The state of the thing forbids it.
    Conflict,
    /// The caller looked at an older version.
    Stale,
    /// It was there, and is no longer.
    Gone,
    /// What was sent is longer than may be.
    TooLarge,
    /// What was sent is of no kind that is read here.
    Unsupported,
    /// Too often.
    RateLimited,
    /// A dependency does not answer now.
    Unavailable,
    /// A defect, or a broken dependency.
    Internal,
}

/// How often something may be done, and when it may be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// So often.
    pub limit: u64,
    /// In so long.
    pub window: Duration,
    /// When it may be done again.
    pub reset_at: DateTime<Utc>,
    /// How long that is from now.
    pub wait: Duration,
}

impl Throttle {
    /// `limit` times in `window`, and at `now` not again before `reset_at`.
    pub fn new(limit: u64, window: Duration, reset_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self { limit, window, reset_at, wait: (reset_at - now).to_std().unwrap_or_default() }
    }
}

/// The machine-readable part of an error's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Details {
    /// Nothing to add.
    #[default]
    None,
    /// Every field that breaks a rule.
    Fields(FieldErrors),
    /// The permission that is missing.
    Denied(Denied),
    /// The thing that is not there.
    Missing {
        /// What kind of thing, for example `article`.
        resource: &'static str,
        /// The id or slug that was asked for.
        id: Value,
    },
    /// Too often: what goes with [`Category::RateLimited`].
    Throttled(Throttle),
    /// An object of the error's own.
    Object(Value),
}

/// An error that knows what it means to a caller.
pub trait Classified: Error + Send + Sync + 'static {
    /// Its category.
    fn category(&self) -> Category;

    /// The contract's `error.type`; `None` for the category's usual one.
    fn code(&self) -> Option<&'static str> {
        None
    }

    /// What the answer's `details` say.
    fn details(&self) -> Details {
        Details::None
    }

    /// Which of several refusals of one code it is, where people are told more than the
    /// code says; `None` for what they are usually told.
    fn reason(&self) -> Option<&'static str> {
        None
    }
}

/// An error that can carry a failure of the store: what [`crate::transact!`] needs.
pub trait CarriesStore: From<StoreError> {
    /// The store's failure, when that is what this error is.
    fn store(&self) -> Option<&StoreError>;
}

type Source = Box<dyn Error + Send + Sync>;

/// A failure of the store itself, never a refusal by a rule.
#[derive(Debug)]
pub enum StoreError {
    /// The same work may succeed at once: serialisation, deadlock, busy.
    Transient(Source),
    /// The store does not answer.
    Unavailable(Source),
    /// The store answered what it never should.
    Internal(Source),
}

impl StoreError {
    /// A stored value that the model cannot hold.
    pub fn corrupt(what: impl Into<Source>) -> Self {
        Self::Internal(what.into())
    }

    /// Whether running the unit of work again may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient(_) => "store is busy",
            Self::Unavailable(_) => "store is unavailable",
            Self::Internal(_) => "store failed",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Transient(source) | Self::Unavailable(source) | Self::Internal(source) => Some(source.as_ref()),
        }
    }
}

impl Classified for StoreError {
    fn category(&self) -> Category {
        match self {
            Self::Transient(_) | Self::Unavailable(_) => Category::Unavailable,
            Self::Internal(_) => Category::Internal,
        }
    }
}

impl CarriesStore for StoreError {
    fn store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl Classified for Denied {
    fn category(&self) -> Category {
        Category::Denied
    }

    fn details(&self) -> Details {
        Details::Denied(self.clone())
    }
}

impl Classified for FieldErrors {
    fn category(&self) -> Category {
        Category::Invalid
    }

    fn details(&self) -> Details {
        Details::Fields(self.clone())
    }
}

/// Implements [`CarriesStore`] for an enum with a variant `Store(StoreError)`.
#[macro_export]
macro_rules! carries_store {
    ($($error:ty),+ $(,)?) => {$(
        impl $crate::error::CarriesStore for $error {
            fn store(&self) -> Option<&$crate::error::StoreError> {
                match self {
                    Self::Store(store) => Some(store),
                    _ => None,
                }
            }
        }
    )+};
}
