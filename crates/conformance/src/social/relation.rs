//! [`sharestack_social::ports`]: follows and blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;
use sharestack_social::error::RelateError;
use sharestack_social::model::{Edge, FollowCounts, Listed, Relation};

use super::Subject;

fn edge(from: UserId, to: UserId) -> Edge {
    Edge::try_new(from, to).unwrap()
}

/// Runs one step in a transaction of its own, on a held pair.
macro_rules! held {
    ($subject:expr, $edge:expr, |$tx:ident| $work:expr) => {{
        let done: Result<_, StoreError> = transact!($subject.store, |$tx| {
            $tx.relations().hold_pair($edge).await?;
            $work
        });
        done.unwrap()
    }};
}

fn page(number: u32, limit: u32) -> PageRequest {
    PageRequest::try_new(number, limit).unwrap()
}

fn ids(items: &[Listed]) -> Vec<UserId> {
    items.iter().map(|one| one.person.id).collect()
}

/// Returns `false`, and MUST change nothing, when it is there already.
pub async fn an_edge_is_there_once_and_goes_once(subject: Subject) {
    let [a, b] = subject.people().await;
    let (edge, now) = (edge(a, b), subject.clock.now());
    assert!(held!(subject, edge, |tx| tx.relations().insert_follow(edge, now).await));
    let later = now + TimeDelta::hours(1);
    assert!(!held!(subject, edge, |tx| tx.relations().insert_follow(edge, later).await));
    let seen = subject.queries.followers(b, None, PageRequest::default()).await.unwrap();
    assert_eq!((seen.total, seen.items[0].since), (1, now));
    let relation = |from, to| subject.queries.relation(from, to);
    assert_eq!(relation(a, b).await.unwrap(), Relation { following: true, ..Relation::default() });
    assert_eq!(relation(b, a).await.unwrap(), Relation { followed_by: true, ..Relation::default() });
    assert_eq!(relation(a, a).await.unwrap(), Relation::default());
    assert!(held!(subject, edge, |tx| tx.relations().delete_follow(edge).await));
    assert!(!held!(subject, edge, |tx| tx.relations().delete_follow(edge).await));
    assert_eq!(relation(a, b).await.unwrap(), Relation::default());

    assert!(held!(subject, edge, |tx| tx.relations().insert_block(edge, now).await));
    assert!(!held!(subject, edge, |tx| tx.relations().insert_block(edge, later).await));
    assert_eq!(relation(a, b).await.unwrap(), Relation { blocked: true, ..Relation::default() });
    assert_eq!(relation(b, a).await.unwrap(), Relation::default());
    assert!(held!(subject, edge, |tx| tx.relations().delete_block(edge).await));
    assert!(!held!(subject, edge, |tx| tx.relations().delete_block(edge).await));
}

/// MUST compare names by `fold`; who may not be used is not found.
pub async fn a_person_is_found_by_id_or_name(subject: Subject) {
    let [a, b] = subject.people().await;
    for text in ["1", "user1", "USER1", "ｕｓｅｒ1"] {
        let found = subject.queries.find_person(text).await.unwrap().unwrap();
        assert_eq!((found.id, found.username.as_str()), (a, "user1"), "{text}");
    }
    (subject.disable)(b).await;
    for nobody in ["2", "user2", "-1", "+1", "99999999999999999999", "", "' OR 1=1 --", "a\0b"] {
        assert_eq!(subject.queries.find_person(nobody).await.unwrap(), None, "{nobody}");
    }
}

/// Whether one of the two blocked the other, whichever asks.
pub async fn a_block_is_seen_from_both_sides(subject: Subject) {
    let [a, b, c] = subject.people().await;
    let now = subject.clock.now();
    held!(subject, edge(a, b), |tx| tx.relations().insert_block(edge(a, b), now).await);
    for (pair, blocked) in [(edge(a, b), true), (edge(b, a), true), (edge(a, c), false), (edge(c, b), false)] {
        assert_eq!(held!(subject, pair, |tx| tx.relations().has_block(pair).await), blocked);
    }
}

/// Whether there is an account that may be used.
pub async fn only_accounts_that_may_be_used_are_active(subject: Subject) {
    let [a, b] = subject.people().await;
    (subject.disable)(b).await;
    for (user, active) in [(a, true), (b, false), (UserId::new(99), false)] {
        assert_eq!(held!(subject, edge(a, b), |tx| tx.relations().is_active(user).await), active);
    }
}

/// MUST make every other transaction that holds the pair, from either side, wait (or start
/// over), and what is read afterwards MUST be what the last holder left.
pub async fn holding_a_pair_makes_others_wait_from_either_side(subject: Subject) {
    let [a, b] = subject.people().await;
    for (first, second) in [(edge(a, b), edge(a, b)), (edge(a, b), edge(b, a))] {
        let is_held = Arc::new(AtomicBool::new(false));
        let (theirs, other) = (is_held.clone(), subject.clone());
        let now = subject.clock.now();
        let holder = tokio::spawn(async move {
            held!(other, first, |tx| {
                theirs.store(true, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(200)).await;
                tx.relations().insert_block(first, now).await
            })
        });
        while !is_held.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let seen = held!(subject, second, |tx| {
            let seen = tx.relations().has_block(second).await?;
            tx.relations().delete_block(first).await?;
            Ok(seen)
        });
        assert!(holder.await.unwrap());
        // A store that starts the loser over may let the second go first.
        let left = held!(subject, first, |tx| tx.relations().has_block(first).await);
        assert_eq!(seen, !left);
        held!(subject, first, |tx| tx.relations().delete_block(first).await);
    }
}

/// Counts are what is stored, whoever comes and goes at once.
pub async fn fifty_follows_and_unfollows_at_once_never_drift(subject: Subject) {
    let people: [UserId; 11] = subject.people().await;
    let (star, fans) = (people[0], &people[1..]);
    let rush = (0..50_usize).map(|n| {
        let (follows, fan) = (subject.follows(), fans[n % fans.len()]);
        tokio::spawn(async move {
            if n % 3 == 2 { follows.unfollow(fan, star).await } else { follows.follow(fan, star).await }
        })
    });
    for done in join_all(rush).await {
        done.unwrap().unwrap();
    }
    let listed = subject.queries.followers(star, None, page(1, 100)).await.unwrap();
    let mut followed = 0;
    for fan in fans {
        let follows = subject.queries.relation(*fan, star).await.unwrap().following;
        assert_eq!(subject.queries.counts(*fan).await.unwrap().following, u64::from(follows));
        assert_eq!(ids(&listed.items).contains(fan), follows);
        followed += u64::from(follows);
    }
    assert_eq!((listed.total, listed.items.len() as u64), (followed, followed));
    assert_eq!(subject.queries.counts(star).await.unwrap(), FollowCounts { followers: followed, following: 0 });
    for fan in fans {
        subject.follows().follow(*fan, star).await.unwrap();
    }
    assert_eq!(subject.queries.counts(star).await.unwrap().followers, 10);
}

/// Whatever comes first, a block is the end of it.
pub async fn a_block_and_follows_at_once_leave_no_follow(subject: Subject) {
    let [a, b] = subject.people().await;
    for _ in 0..8 {
        let (one, other, block) = (subject.follows(), subject.follows(), subject.blocks());
        let (one, other, block) = tokio::join!(
            tokio::spawn(async move { one.follow(a, b).await }),
            tokio::spawn(async move { other.follow(b, a).await }),
            tokio::spawn(async move { block.block(b, a).await }),
        );
        for follow in [one, other] {
            let follow = follow.unwrap();
            assert!(matches!(follow, Ok(()) | Err(RelateError::Blocked)), "{follow:?}");
        }
        block.unwrap().unwrap();
        let relation = subject.queries.relation(b, a).await.unwrap();
        assert_eq!(relation, Relation { blocked: true, ..Relation::default() });
        assert_eq!(subject.queries.counts(a).await.unwrap(), FollowCounts::default());
        subject.blocks().unblock(b, a).await.unwrap();
    }
}

/// MUST show each exactly once over all pages, the latest first.
pub async fn pages_show_each_once_and_the_latest_first(subject: Subject) {
    let people: [UserId; 8] = subject.people().await;
    for (n, fan) in people[1..].iter().enumerate() {
        // Some at the same moment.
        if n % 2 == 0 {
            subject.clock.advance(TimeDelta::seconds(1));
        }
        subject.follows().follow(*fan, people[0]).await.unwrap();
        subject.follows().follow(people[0], *fan).await.unwrap();
    }
    let (mut followers, mut following) = (Vec::new(), Vec::new());
    for number in 1..=4 {
        let one = subject.queries.followers(people[0], None, page(number, 3)).await.unwrap();
        let other = subject.queries.following(people[0], None, page(number, 3)).await.unwrap();
        assert_eq!((one.total, other.total), (7, 7));
        followers.extend(one.items);
        following.extend(other.items);
    }
    let expected: Vec<_> = people[1..].iter().rev().copied().collect();
    assert_eq!((ids(&followers), ids(&following)), (expected.clone(), expected));
    assert!(followers.is_sorted_by_key(|one| std::cmp::Reverse(one.since)));
    assert_eq!(followers[0].person.username, "user8");
    assert_eq!(subject.queries.counts(people[0]).await.unwrap(), FollowCounts { followers: 7, following: 7 });
}

/// Of each whether `viewer` follows them; nothing when there is no viewer.
pub async fn lists_say_whom_the_viewer_follows(subject: Subject) {
    let [a, b, c] = subject.people().await;
    for fan in [a, b] {
        subject.follows().follow(fan, c).await.unwrap();
    }
    subject.follows().follow(a, b).await.unwrap();
    for (viewer, expected) in
        [(Some(a), [Some(true), Some(false)]), (Some(c), [Some(false), Some(false)]), (None, [None, None])]
    {
        let seen = subject.queries.followers(c, viewer, PageRequest::default()).await.unwrap();
        assert_eq!(ids(&seen.items), [b, a]);
        assert_eq!(seen.items.iter().map(|one| one.following).collect::<Vec<_>>(), expected);
    }
}

/// Who is inactive or deleted is neither listed nor counted.
pub async fn who_may_not_be_used_is_neither_listed_nor_counted(subject: Subject) {
    let [a, b, c] = subject.people().await;
    for fan in [a, b] {
        subject.follows().follow(fan, c).await.unwrap();
        subject.follows().follow(c, fan).await.unwrap();
    }
    (subject.disable)(b).await;
    let page = PageRequest::default();
    for seen in [
        subject.queries.followers(c, Some(a), page).await.unwrap(),
        subject.queries.following(c, None, page).await.unwrap(),
    ] {
        assert_eq!((seen.total, ids(&seen.items)), (1, vec![a]));
    }
    assert_eq!(subject.queries.counts(c).await.unwrap(), FollowCounts { followers: 1, following: 1 });
}

/// One page of whom a user blocked, the latest first.
pub async fn blocks_are_listed_for_who_blocked(subject: Subject) {
    let [a, b, c] = subject.people().await;
    for other in [b, c] {
        subject.blocks().block(a, other).await.unwrap();
        subject.clock.advance(TimeDelta::seconds(1));
    }
    let seen = subject.queries.blocks(a, page(1, 1)).await.unwrap();
    assert_eq!((seen.total, ids(&seen.items)), (2, vec![c]));
    assert_eq!(ids(&subject.queries.blocks(a, page(2, 1)).await.unwrap().items), [b]);
    assert_eq!(subject.queries.blocks(b, page(1, 1)).await.unwrap().total, 0);
}
