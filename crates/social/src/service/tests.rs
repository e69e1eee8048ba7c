use std::sync::Arc;

use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::id::{SequentialIds, UserId};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::permission::Permission;
use uuid::Uuid;

use super::*;
use crate::error::ListError;
use crate::memory::MemorySocial;
use crate::model::{FollowCounts, ListPrivacy, Relation};
use crate::ports::{AllShown, MockFollowPrivacy};

const WEI: UserId = UserId::new(1);
const LIN: UserId = UserId::new(2);
const SAN: UserId = UserId::new(3);

struct World {
    store: MemorySocial,
    clock: FakeClock,
    follows: Follows,
    blocks: Blocks,
    lists: Lists,
}

fn world() -> World {
    let (store, clock) = (MemorySocial::of([WEI, LIN, SAN]), FakeClock::default());
    let social = Social::new(Arc::new(store.clone()), Arc::new(SequentialIds::default()), Arc::new(clock.clone()));
    World {
        follows: Follows::new(social.clone()),
        blocks: Blocks::new(social),
        lists: Lists::new(Arc::new(store.clone()), Arc::new(AllShown)),
        store,
        clock,
    }
}

impl World {
    fn told(&self) -> Vec<(String, u64, u64)> {
        let told = self.store.books().events.into_iter();
        let id = |value: &serde_json::Value| value.as_u64().unwrap();
        told.map(|event| (event.kind, id(&event.payload["user_id"]), id(&event.payload["target_id"]))).collect()
    }

    async fn relation(&self, viewer: UserId, other: UserId) -> Relation {
        self.lists.relation(viewer, other).await.unwrap()
    }
}

fn actor(user_id: UserId, permissions: &[&str]) -> Actor {
    Actor {
        user_id,
        credential: Credential::ApiKey(Uuid::nil()),
        role: "user".to_owned(),
        permissions: permissions.iter().map(|text| Permission::parse(text).unwrap()).collect(),
    }
}

#[tokio::test]
async fn following_twice_is_following_once_and_so_is_leaving() {
    let world = world();
    for _ in 0..2 {
        world.follows.follow(WEI, LIN).await.unwrap();
    }
    assert_eq!(world.relation(WEI, LIN).await, Relation { following: true, ..Relation::default() });
    assert_eq!(world.relation(LIN, WEI).await, Relation { followed_by: true, ..Relation::default() });
    assert_eq!(world.lists.counts(LIN).await.unwrap(), FollowCounts { followers: 1, following: 0 });
    for _ in 0..2 {
        world.follows.unfollow(WEI, LIN).await.unwrap();
    }
    assert_eq!(world.lists.counts(WEI).await.unwrap(), FollowCounts::default());
    assert_eq!(world.told(), [("user.followed".to_owned(), 1, 2), ("user.unfollowed".to_owned(), 1, 2)]);
    let event = &world.store.books().events[0];
    assert_eq!((event.aggregate.as_str(), event.aggregate_id.as_str()), ("relation", "1:2"));
    assert_eq!(event.actor, Some(WEI));
}

#[tokio::test]
async fn nobody_relates_to_themselves_or_to_nobody() {
    let world = world();
    let nobody = UserId::new(9);
    for (other, expected) in [(WEI, Category::Unprocessable), (nobody, Category::NotFound)] {
        for refused in [
            world.follows.follow(WEI, other).await,
            world.follows.unfollow(WEI, other).await,
            world.blocks.block(WEI, other).await,
            world.blocks.unblock(WEI, other).await,
        ] {
            assert_eq!(refused.unwrap_err().category(), expected);
        }
    }
    assert!(world.store.books().events.is_empty());
}

#[tokio::test]
async fn a_block_ends_follows_both_ways_and_lets_none_begin() {
    let world = world();
    world.follows.follow(WEI, LIN).await.unwrap();
    world.follows.follow(LIN, WEI).await.unwrap();
    for _ in 0..2 {
        world.blocks.block(LIN, WEI).await.unwrap();
    }
    assert_eq!(world.relation(LIN, WEI).await, Relation { blocked: true, ..Relation::default() });
    // Who was blocked is not told.
    assert_eq!(world.relation(WEI, LIN).await, Relation::default());
    for (from, to) in [(WEI, LIN), (LIN, WEI)] {
        assert!(matches!(world.follows.follow(from, to).await, Err(RelateError::Blocked)));
        world.follows.unfollow(from, to).await.unwrap();
    }
    let kinds: Vec<_> = world.told().into_iter().skip(2).collect();
    let told = |kind: &str, from, to| (kind.to_owned(), from, to);
    assert_eq!(kinds, [told("user.unfollowed", 2, 1), told("user.unfollowed", 1, 2), told("user.blocked", 2, 1)]);
    assert!(world.store.books().events[2..].iter().all(|event| event.actor == Some(LIN)));
    assert_eq!(world.lists.blocks(LIN, PageRequest::default()).await.unwrap().items[0].person.id, WEI);
    for _ in 0..2 {
        world.blocks.unblock(LIN, WEI).await.unwrap();
    }
    assert_eq!(world.told().last(), Some(&told("user.unblocked", 2, 1)));
    world.follows.follow(WEI, LIN).await.unwrap();
}

#[tokio::test]
async fn lists_show_the_latest_first_and_whom_the_viewer_follows() {
    let world = world();
    world.follows.follow(WEI, LIN).await.unwrap();
    world.clock.advance(chrono::Duration::seconds(1));
    world.follows.follow(SAN, LIN).await.unwrap();
    world.follows.follow(WEI, SAN).await.unwrap();
    let (wei, page) = (actor(WEI, &[]), PageRequest::default());
    let seen = world.lists.followers(Some(&wei), LIN, page).await.unwrap();
    let seen: Vec<_> = seen.items.iter().map(|one| (one.person.id, one.following)).collect();
    assert_eq!(seen, [(SAN, Some(true)), (WEI, Some(false))]);
    let seen = world.lists.following(None, WEI, page).await.unwrap();
    assert_eq!(
        seen.items.iter().map(|one| (one.person.id, one.following)).collect::<Vec<_>>(),
        [(SAN, None), (LIN, None)]
    );
}

#[tokio::test]
async fn who_keeps_a_list_to_themselves_shows_it_to_who_may_read_users_alone() {
    let world = world();
    world.follows.follow(WEI, LIN).await.unwrap();
    let mut privacy = MockFollowPrivacy::new();
    privacy.expect_find().returning(|_| Ok(ListPrivacy { show_followers: false, show_following: true }));
    let lists = Lists::new(Arc::new(world.store.clone()), Arc::new(privacy));
    let page = PageRequest::default();
    for viewer in [None, Some(actor(SAN, &["photo.read"]))] {
        let hidden = lists.followers(viewer.as_ref(), LIN, page).await.unwrap_err();
        assert_eq!(hidden.category(), Category::Denied);
        assert!(matches!(hidden, ListError::Hidden(denied) if denied.required == USER_READ));
        assert_eq!(lists.following(viewer.as_ref(), LIN, page).await.unwrap().total, 0);
    }
    for viewer in [actor(LIN, &[]), actor(SAN, &["user.read"])] {
        assert_eq!(lists.followers(Some(&viewer), LIN, page).await.unwrap().total, 1);
    }
    // How many there are is no secret.
    assert_eq!(lists.counts(LIN).await.unwrap().followers, 1);
}
