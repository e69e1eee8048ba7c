//! Ids are types: a [`UserId`] is not an article's id, and mixing them does not compile.
//!
//! Numbered things have a 64-bit integer below 2^53, so that JavaScript reads it
//! exactly; the others have a `UUIDv7`. Both are drawn before a transaction starts, so
//! that a second run of the work repeats them.

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::StoreError;

/// The first number that JavaScript can no longer tell from its neighbour.
pub const MAX_NUMERIC_ID: i64 = 1 << 53;

/// Declares a numeric id type; its second argument names the sequence it is drawn from.
#[macro_export]
macro_rules! numeric_id {
    ($(#[$meta:meta])* $name:ident, $sequence:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The sequence this id is drawn from.
            pub const SEQUENCE: &'static str = $sequence;

            /// Wraps a number that is known to be such an id.
            pub const fn new(value: i64) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl $crate::id::NumericId for $name {
            fn from_number(value: i64) -> Self {
                Self(value)
            }

            fn number(self) -> i64 {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// An id that is a number, whichever thing it names.
pub trait NumericId: Copy + Eq + std::hash::Hash + std::fmt::Debug + std::fmt::Display + Send + Sync + 'static {
    /// Wraps a number that is known to be such an id.
    fn from_number(value: i64) -> Self;

    /// The number.
    fn number(self) -> i64;
}

/// Declares an id type that holds a `UUIDv7`.
#[macro_export]
macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(::uuid::Uuid);

        impl $name {
            /// Wraps a UUID that is known to be such an id.
            pub const fn new(value: ::uuid::Uuid) -> Self {
                Self(value)
            }

            /// The UUID.
            pub const fn get(self) -> ::uuid::Uuid {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

numeric_id!(
    /// A user, in every domain: the one id that all of them know.
    UserId,
    "users"
);
uuid_id!(
    /// A signed-in session.
    SessionId
);

/// Draws ids.
#[async_trait]
pub trait IdGenerator: Send + Sync {
    /// The next number of a sequence.
    ///
    /// MUST never return a number twice for one sequence, on any node, and never one
    /// outside `1..2^53`. Numbers may be skipped.
    async fn number(&self, sequence: &'static str) -> Result<i64, StoreError>;

    /// A new `UUIDv7`, later than every one this generator returned before.
    fn uuid(&self) -> Uuid;
}

/// Ids in order from 1, for tests.
#[cfg(feature = "mocks")]
#[derive(Debug, Default)]
pub struct SequentialIds {
    next: std::sync::atomic::AtomicI64,
}

#[cfg(feature = "mocks")]
#[async_trait]
impl IdGenerator for SequentialIds {
    async fn number(&self, _sequence: &'static str) -> Result<i64, StoreError> {
        Ok(self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
    }

    fn uuid(&self) -> Uuid {
        let n = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(n.unsigned_abs()))
    }
}
