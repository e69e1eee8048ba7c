use sharestack_kernel::event::Subscriber;

use super::*;
use crate::error::CheckError;
use crate::events::{self, RevokeReason};
use crate::ports::{Cached, SessionCache, SessionQueries};

#[tokio::test]
async fn an_expired_token_and_an_expired_session_are_told_apart_from_invalid_ones() {
    let world = World::new();
    world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    assert!(matches!(world.checks.authenticate("nonsense").await, Err(CheckError::Token(TokenError::Invalid))));
    world.clock.advance(chrono::Duration::minutes(30));
    let refused = world.checks.authenticate(access(&tokens)).await;
    assert!(matches!(refused, Err(CheckError::Token(TokenError::Expired))));
}

#[tokio::test]
async fn claims_of_another_user_do_not_open_a_session() {
    let world = World::new();
    world.user("lin").await;
    let wei = world.user("wei").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    let mut claims = world.checks.claims(access(&tokens)).unwrap();
    claims.user_id = wei.id;
    assert!(world.checks.check(&claims).await.is_err());
    assert!(world.checks.authenticate(access(&tokens)).await.is_ok());
    assert!(world.checks.check(&claims).await.is_err());
}

#[tokio::test]
async fn without_a_cache_the_store_is_asked() {
    let world = World::new();
    world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    world.cache.away.store(true, Ordering::Relaxed);
    world.actor(&tokens).await;
    let claims = world.checks.claims(access(&tokens)).unwrap();
    world.sessions.logout(&claims, None).await.unwrap();
    assert!(world.checks.authenticate(access(&tokens)).await.is_err());
}

#[tokio::test]
async fn a_second_look_is_answered_by_the_cache() {
    let world = World::new();
    let lin = world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    let first = world.actor(&tokens).await;
    assert!(matches!(world.cached.get(lin.id, first.session_id().unwrap()).await.unwrap(), Cached::Hit(_)));
    world.store.set_active(lin.id, false);
    let before = world.cache.reads.load(Ordering::Relaxed);
    assert_eq!(world.actor(&tokens).await, first);
    assert_eq!(world.cache.reads.load(Ordering::Relaxed) - before, 1, "a check is one read");
    world.cached.forget(lin.id).await.unwrap();
    assert!(world.checks.authenticate(access(&tokens)).await.is_err());
}

#[tokio::test]
async fn what_was_read_before_a_forget_and_put_after_it_is_not_believed() {
    let world = World::new();
    let lin = world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    let claims = world.checks.claims(access(&tokens)).unwrap();
    for _ in 0..2 {
        let Cached::Miss(stamp) = world.cached.get(lin.id, claims.session_id).await.unwrap() else { panic!() };
        let stale = world.store.find_active(claims.session_id).await.unwrap().unwrap();
        world.cached.forget(lin.id).await.unwrap();
        world.cached.put(stamp, &stale).await.unwrap();
        assert!(matches!(world.cached.get(lin.id, claims.session_id).await.unwrap(), Cached::Miss(_)));
    }
}

#[tokio::test]
async fn the_event_makes_up_for_a_cache_that_was_away() {
    let world = World::new();
    let lin = world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    let actor = world.actor(&tokens).await;
    world.cache.away.store(true, Ordering::Relaxed);
    let claims = world.checks.claims(access(&tokens)).unwrap();
    world.sessions.logout(&claims, None).await.unwrap();
    let subscriber = ForgetSessions::new(world.cached.clone(), Arc::new(world.store.clone()));
    let event = world.store.events().pop().unwrap();
    assert!(subscriber.wants(&event.kind) && !subscriber.wants(events::LOGGED_IN));
    assert_eq!(event.payload["reason"], RevokeReason::Logout.as_str());
    assert!(subscriber.handle(&event).await.is_err());
    world.cache.away.store(false, Ordering::Relaxed);
    subscriber.handle(&event).await.unwrap();
    assert!(matches!(world.cached.get(lin.id, actor.session_id().unwrap()).await.unwrap(), Cached::Miss(_)));
    assert!(world.checks.authenticate(access(&tokens)).await.is_err());
}
