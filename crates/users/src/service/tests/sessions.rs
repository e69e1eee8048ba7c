use sharestack_kernel::actor::RECENT_LOGIN;
use sharestack_kernel::clock::Clock as _;

use super::*;
use crate::error::{CheckError, RefreshError};
use crate::events;
use crate::model::AuthMethod;
use crate::ports::AccountQueries;

#[tokio::test]
async fn name_or_address_and_password_open_a_session() {
    let world = World::new();
    let lin = world.user("lin").await;
    for name in ["lin", "LIN", "Lin@Example.com"] {
        let tokens = world.login(name, PASSWORD).await.unwrap();
        assert_eq!((tokens.user.id, tokens.expires_in), (lin.id, 1800));
        assert!(tokens.user.last_login_at.is_some());
        assert_eq!(world.actor(&tokens).await.user_id, lin.id);
    }
    assert_eq!(world.store.events().pop().unwrap().kind, events::LOGGED_IN);
}

#[tokio::test]
async fn a_wrong_pair_is_refused_after_the_same_work() {
    let world = World::new();
    world.user("lin").await;
    for (name, password) in [("lin", "wrong horse"), ("nobody", PASSWORD), ("' OR 1=1 --", PASSWORD), ("", "")] {
        assert!(matches!(world.login(name, password).await, Err(LoginError::InvalidCredentials)));
    }
    assert_eq!(world.hasher.verified.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_password_that_nobody_can_have_is_not_hashed() {
    let world = World::new();
    world.user("lin").await;
    assert!(matches!(world.login("lin", &"x".repeat(1 << 20)).await, Err(LoginError::InvalidCredentials)));
    assert_eq!(world.hasher.verified.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_disabled_account_is_told_only_to_who_knows_its_password() {
    let world = World::new();
    let lin = world.user("lin").await;
    world.store.set_active(lin.id, false);
    assert!(matches!(world.login("lin", "wrong horse").await, Err(LoginError::InvalidCredentials)));
    assert!(matches!(world.login("lin", PASSWORD).await, Err(LoginError::AccountDisabled)));
}

#[tokio::test]
async fn a_weak_hash_is_renewed_at_login() {
    let world = World::new();
    world.user("lin").await;
    world.hasher.version.store(1, Ordering::Relaxed);
    world.login("lin", PASSWORD).await.unwrap();
    let name = crate::model::LoginName::parse("lin").unwrap();
    let credentials = world.store.find_credentials(&name).await.unwrap().unwrap();
    assert!(credentials.password_hash.as_str().starts_with("1$"));
    world.login("lin", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn logout_ends_both_tokens_and_may_be_repeated() {
    let world = World::new();
    world.user("lin").await;
    let (here, there) = (world.login("lin", PASSWORD).await.unwrap(), world.login("lin", PASSWORD).await.unwrap());
    world.actor(&here).await;
    let claims = world.checks.claims(access(&here)).unwrap();
    world.sessions.logout(&claims, None).await.unwrap();
    let refused = world.checks.authenticate(access(&here)).await;
    assert!(matches!(refused, Err(CheckError::Token(TokenError::Invalid))));
    assert!(matches!(world.sessions.refresh(refresh(&here)).await, Err(RefreshError::Invalid)));
    let before = world.store.events().len();
    world.sessions.logout(&claims, None).await.unwrap();
    assert_eq!(world.store.events().len(), before);
    assert!(world.checks.authenticate(access(&there)).await.is_ok());
}

#[tokio::test]
async fn logout_ends_the_session_of_a_given_refresh_token_of_the_same_user() {
    let world = World::new();
    world.user("lin").await;
    world.user("wei").await;
    let (here, there) = (world.login("lin", PASSWORD).await.unwrap(), world.login("lin", PASSWORD).await.unwrap());
    let other = world.login("wei", PASSWORD).await.unwrap();
    let claims = world.checks.claims(access(&here)).unwrap();
    world.sessions.logout(&claims, Some(refresh(&other))).await.unwrap();
    assert!(world.checks.authenticate(access(&other)).await.is_ok());
    world.sessions.logout(&claims, Some(refresh(&there))).await.unwrap();
    assert!(world.checks.authenticate(access(&there)).await.is_err());
}

#[tokio::test]
async fn old_sessions_are_pruned() {
    let world = World::new();
    world.user("lin").await;
    world.login("lin", PASSWORD).await.unwrap();
    world.clock.advance(chrono::Duration::days(13));
    let young = world.login("lin", PASSWORD).await.unwrap();
    assert_eq!(world.sessions.prune().await.unwrap(), 0);
    world.clock.advance(chrono::Duration::days(2));
    assert_eq!(world.sessions.prune().await.unwrap(), 2);
    assert!(world.sessions.refresh(refresh(&young)).await.is_ok());
}

#[tokio::test]
async fn another_proof_than_the_password_opens_a_session_of_an_active_account() {
    let world = World::new();
    let lin = world.user("lin").await;
    let open = || world.sessions.establish(lin.id, AuthMethod::Code, Client::default());
    let tokens = open().await.unwrap().tokens().unwrap();
    let actor = world.actor(&tokens).await;
    assert_eq!(actor.user_id, lin.id);
    assert!(actor.require_recent(world.clock.now()).is_ok());
    assert_eq!(world.store.events().pop().unwrap().payload["method"], "code");
    world.clock.advance(chrono::Duration::seconds(1));
    assert_eq!(actor.require_recent(world.clock.now()).unwrap_err().required, RECENT_LOGIN);
    world.store.set_active(lin.id, false);
    assert!(matches!(open().await, Err(LoginError::AccountDisabled)));
}
