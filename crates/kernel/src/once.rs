//! A request that is to be done once, however often it is sent.
//!
//! Whoever serves such a request holds a key for a time. A store that commits a change
//! on the holder's behalf notes in the same transaction that the request was carried out,
//! and refuses to commit when another holds the key by now. So nobody has to ask, after a
//! crash, whether the change was made: the key says so.
//!
//! The held key travels with the task that serves the request: [`within`] sets it for a
//! future, [`HeldKey::current`] reads it, and [`apart`] leaves it out.

use std::cell::RefCell;

use chrono::{DateTime, Utc};

use crate::ambient;

/// The right to carry out the request of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// Whose key.
    pub owner: String,
    /// The key.
    pub key: String,
    /// Since when it is held: what tells its holders apart.
    pub held_since: DateTime<Utc>,
}

thread_local! {
    static CURRENT: RefCell<Option<HeldKey>> = const { RefCell::new(None) };
}

impl HeldKey {
    /// The key of the request that is being served; `None` when it has none, and in work of
    /// the system's own.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// Runs `work` as the request of `key`. What it spawns is not part of it.
pub async fn within<F: Future>(key: HeldKey, work: F) -> F::Output {
    ambient::within(&CURRENT, Some(key), work).await
}

/// Runs `work` as no part of the request of a key: what it commits is undone, or ends by
/// itself, when the request does not come to its end. So the request may be done again.
pub async fn apart<F: Future>(work: F) -> F::Output {
    ambient::within(&CURRENT, None, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> HeldKey {
        HeldKey { owner: "user:1".to_owned(), key: key.to_owned(), held_since: DateTime::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn each_of_two_interleaved_requests_sees_its_own_key() {
        let serve = |name: &'static str| {
            within(key(name), async move {
                for _ in 0..3 {
                    assert_eq!(HeldKey::current(), Some(key(name)));
                    assert_eq!(apart(async { HeldKey::current() }).await, None);
                    tokio::task::yield_now().await;
                }
            })
        };
        assert_eq!(HeldKey::current(), None);
        tokio::join!(serve("a"), serve("b"));
        assert_eq!(HeldKey::current(), None);
    }
}
