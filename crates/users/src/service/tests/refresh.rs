use chrono::Duration;
use proptest::prelude::*;

use super::*;
use crate::error::{CheckError, RefreshError};
use crate::events;

#[tokio::test]
async fn refresh_twice_within_grace_returns_the_same_successor() {
    let world = World::new();
    world.user("lin").await;
    let first = world.login("lin", PASSWORD).await.unwrap();
    let next = world.sessions.refresh(refresh(&first)).await.unwrap();
    assert_ne!(refresh(&first), refresh(&next));
    world.clock.advance(Duration::seconds(10));
    let again = world.sessions.refresh(refresh(&first)).await.unwrap();
    assert_eq!(refresh(&next), refresh(&again));
    world.actor(&next).await;
    world.actor(&again).await;
}

#[tokio::test]
async fn a_used_token_after_grace_ends_the_family() {
    let world = World::new();
    world.user("lin").await;
    let first = world.login("lin", PASSWORD).await.unwrap();
    let next = world.sessions.refresh(refresh(&first)).await.unwrap();
    world.actor(&next).await;
    world.clock.advance(Duration::milliseconds(10_001));
    assert!(matches!(world.sessions.refresh(refresh(&first)).await, Err(RefreshError::Invalid)));
    assert!(matches!(world.sessions.refresh(refresh(&next)).await, Err(RefreshError::Invalid)));
    let refused = world.checks.authenticate(access(&next)).await;
    assert!(matches!(refused, Err(CheckError::Token(TokenError::Invalid))));
    let event = world.store.events().pop().unwrap();
    assert_eq!((event.kind.as_str(), event.payload["reason"].as_str()), (events::SESSION_REVOKED, Some("token_reuse")));
}

#[tokio::test]
async fn other_sessions_of_the_user_go_on() {
    let world = World::new();
    world.user("lin").await;
    let (here, there) = (world.login("lin", PASSWORD).await.unwrap(), world.login("lin", PASSWORD).await.unwrap());
    world.sessions.refresh(refresh(&here)).await.unwrap();
    world.clock.advance(Duration::minutes(1));
    assert!(world.sessions.refresh(refresh(&here)).await.is_err());
    assert!(world.sessions.refresh(refresh(&there)).await.is_ok());
}

#[tokio::test]
async fn each_refresh_prolongs_the_session_and_an_old_token_is_expired() {
    let world = World::new();
    world.user("lin").await;
    let mut tokens = world.login("lin", PASSWORD).await.unwrap();
    for _ in 0..4 {
        world.clock.advance(Duration::days(6));
        tokens = world.sessions.refresh(refresh(&tokens)).await.unwrap();
        world.actor(&tokens).await;
    }
    world.clock.advance(Duration::days(7));
    assert!(matches!(world.sessions.refresh(refresh(&tokens)).await, Err(RefreshError::Expired)));
}

#[tokio::test]
async fn unknown_tokens_and_those_of_disabled_accounts_are_invalid() {
    let world = World::new();
    let lin = world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    let stranger = RefreshSecret::new([9; 32]).text();
    for text in ["", "nonsense", access(&tokens), stranger.expose_secret()] {
        assert!(matches!(world.sessions.refresh(text).await, Err(RefreshError::Invalid)));
    }
    world.store.set_active(lin.id, false);
    assert!(matches!(world.sessions.refresh(refresh(&tokens)).await, Err(RefreshError::Invalid)));
}

proptest! {
    /// Whoever presents whichever token whenever: there is never more than one unused
    /// token in a family, a token has one successor, and a family that ended stays so.
    #[test]
    fn refreshes_in_any_order_keep_one_line(steps in prop::collection::vec((any::<prop::sample::Index>(), 0_i64..15), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            world.user("lin").await;
            let first = world.login("lin", PASSWORD).await.unwrap();
            let mut known = vec![refresh(&first).to_owned()];
            let mut used_at: Vec<Option<i64>> = vec![None];
            let (mut now, mut ended) = (0, false);
            for (pick, seconds) in steps {
                world.clock.advance(Duration::seconds(seconds));
                now += seconds;
                let place = pick.index(known.len());
                let result = world.sessions.refresh(&known[place].clone()).await;
                let in_time = used_at[place].is_none_or(|at| now - at <= 10);
                prop_assert_eq!(result.is_ok(), in_time && !ended);
                match result {
                    Ok(next) => {
                        if used_at[place].is_none() {
                            used_at[place] = Some(now);
                            known.push(refresh(&next).to_owned());
                            used_at.push(None);
                        }
                        prop_assert_eq!(&known[place + 1], refresh(&next));
                    }
                    Err(_) => ended = true,
                }
                prop_assert_eq!(world.store.unused_tokens(), 1);
            }
            Ok(())
        })?;
    }
}
