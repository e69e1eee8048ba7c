//! [`sharestack_kernel::cache::RateLimiter`].

use std::time::Duration;

use futures::future::join_all;
use sharestack_kernel::cache::Limit;

use super::{Node, Subject};

const LONG: Limit = Limit { limit: 5, window: Duration::from_mins(1) };
const SHORT: Limit = Limit { limit: 3, window: Duration::from_millis(300) };

async fn allowed(node: &Node, key: &str, limit: Limit) -> bool {
    node.limiter.hit(key, limit).await.unwrap().allowed
}

/// Tries with ever longer windows: calls on a busy machine may come too late to meet in one
/// of those that a quiet machine need not wait long for.
async fn in_time(mut attempt: impl AsyncFnMut(Limit) -> bool) {
    for times in [1, 5, 25, 100] {
        if attempt(Limit { window: SHORT.window * times, ..SHORT }).await {
            return;
        }
    }
    panic!("no window was long enough for the calls to meet in it");
}

/// `remaining` counts down to the refusal.
pub async fn allows_the_limit_and_no_more(subject: Subject) {
    for left in (0..LONG.limit).rev() {
        let decision = subject.one.limiter.hit("key", LONG).await.unwrap();
        assert_eq!((decision.allowed, decision.remaining, decision.limit), (true, left, LONG));
    }
    let decision = subject.one.limiter.hit("key", LONG).await.unwrap();
    assert_eq!((decision.allowed, decision.remaining), (false, 0));
}

/// A refused call MUST not count: who keeps asking gets in when the window has passed.
pub async fn refused_calls_do_not_count(subject: Subject) {
    for _ in 0..SHORT.limit {
        assert!(allowed(&subject.one, "key", SHORT).await);
    }
    for _ in 0..20 {
        let _ = subject.one.limiter.hit("key", SHORT).await.unwrap();
    }
    (subject.pass)(SHORT.window).await;
    for _ in 0..SHORT.limit {
        assert!(allowed(&subject.one, "key", SHORT).await);
    }
}

/// MUST never allow more than the limit in any window: not around its edge either.
pub async fn never_allows_more_in_any_window(subject: Subject) {
    in_time(async |limit| {
        let hit = async || subject.one.limiter.hit("key", limit).await.unwrap();
        assert!(hit().await.allowed);
        (subject.pass)(limit.window / 2).await;
        assert!(hit().await.allowed);
        assert!(hit().await.allowed);
        (subject.pass)(limit.window * 55 / 100).await;
        // The first has left, and the second and third have not.
        let (fourth, fifth) = (hit().await, hit().await);
        (fourth.allowed, fourth.remaining, fifth.allowed) == (true, 0, false)
    })
    .await;
}

/// MUST never allow more than the limit, however many come at once.
pub async fn never_allows_more_to_calls_at_the_same_time(subject: Subject) {
    let limit = Limit { limit: 20, ..LONG };
    let calls = (0..100).map(|n| {
        let node = if n % 2 == 0 { subject.one.clone() } else { subject.other.clone() };
        tokio::spawn(async move { allowed(&node, "key", limit).await })
    });
    let passed = join_all(calls).await.into_iter().filter(|call| *call.as_ref().unwrap()).count();
    assert_eq!(passed, 20);
}

/// Over all nodes that share the store.
pub async fn nodes_share_the_limit(subject: Subject) {
    for n in 0..LONG.limit {
        assert!(allowed(if n % 2 == 0 { &subject.one } else { &subject.other }, "key", LONG).await);
    }
    assert!(!allowed(&subject.one, "key", LONG).await);
    assert!(!allowed(&subject.other, "key", LONG).await);
}

/// One key's calls do not count for another.
pub async fn keys_are_apart(subject: Subject) {
    for _ in 0..LONG.limit {
        assert!(allowed(&subject.one, "key", LONG).await);
    }
    assert!(allowed(&subject.one, "another", LONG).await);
}

/// `reset_at` is when there is room again, and moves when the oldest call has left, to when
/// the next one will.
pub async fn reset_at_is_when_the_oldest_call_leaves(subject: Subject) {
    in_time(async |limit| {
        let hit = async || subject.one.limiter.hit("key", limit).await.unwrap();
        let first = hit().await;
        (subject.pass)(limit.window / 2).await;
        let second = hit().await;
        (subject.pass)(limit.window * 55 / 100).await;
        let third = hit().await;
        // The first two were in one window, and then the last two were.
        if (second.remaining, third.remaining) != (1, 1) {
            return false;
        }
        assert_eq!(first.reset_at, second.reset_at);
        let (moved, window) = (third.reset_at - first.reset_at, chrono::Duration::from_std(limit.window).unwrap());
        // Two clocks that agree to a hundredth.
        assert!(moved >= window * 49 / 100 && moved <= window, "moved by {moved} of {window}");
        true
    })
    .await;
}

/// A limit of 0 is a closed door.
pub async fn a_limit_of_none_refuses_all(subject: Subject) {
    let decision = subject.one.limiter.hit("key", Limit { limit: 0, ..LONG }).await.unwrap();
    assert_eq!((decision.allowed, decision.remaining), (false, 0));
}

/// `peek` MUST count nothing, and says what `hit` would.
pub async fn a_look_counts_nothing(subject: Subject) {
    let peek = async || subject.other.limiter.peek("key", LONG).await.unwrap();
    for _ in 0..20 {
        let decision = peek().await;
        assert_eq!((decision.allowed, decision.remaining, decision.limit), (true, LONG.limit, LONG));
    }
    for left in (0..LONG.limit).rev() {
        assert!(peek().await.allowed);
        let hit = subject.one.limiter.hit("key", LONG).await.unwrap();
        assert_eq!((hit.allowed, hit.remaining, peek().await.remaining), (true, left, left));
    }
    let (looked, hit) = (peek().await, subject.one.limiter.hit("key", LONG).await.unwrap());
    // A node may answer by its own clock or by the store's.
    let apart = (looked.reset_at - hit.reset_at).abs();
    assert!(!looked.allowed && apart < chrono::Duration::seconds(1), "{apart}");
    in_time(async |limit| {
        for _ in 0..limit.limit {
            assert!(allowed(&subject.one, "short", limit).await);
        }
        let full = !subject.other.limiter.peek("short", limit).await.unwrap().allowed;
        (subject.pass)(limit.window).await;
        let decision = subject.other.limiter.peek("short", limit).await.unwrap();
        assert_eq!((decision.allowed, decision.remaining), (true, limit.limit), "the window has passed");
        full
    })
    .await;
}

/// `forget` MUST leave other keys and other windows of the same key alone.
pub async fn what_is_forgotten_makes_room_under_its_key_and_window_only(subject: Subject) {
    let wide = Limit { window: LONG.window * 2, ..LONG };
    for _ in 0..LONG.limit {
        assert!(allowed(&subject.one, "key", LONG).await);
        assert!(allowed(&subject.one, "key", wide).await);
        assert!(allowed(&subject.one, "another", LONG).await);
    }
    subject.one.limiter.forget("key", LONG).await.unwrap();
    subject.one.limiter.forget("never counted", LONG).await.unwrap();
    assert!(allowed(&subject.one, "key", LONG).await);
    assert!(!allowed(&subject.one, "key", wide).await);
    assert!(!allowed(&subject.one, "another", LONG).await);
}
