use chrono::Duration;
use sharestack_kernel::actor::Credential;
use sharestack_kernel::clock::Clock as _;

use super::*;
use crate::error::{ApiKeyError, CheckError};
use crate::events;
use crate::model::{ApiKeyId, ApiKeyInput, ApiKeyRequest};
use crate::ports::SessionCache as _;

pub(super) fn request(scopes: &[&str]) -> ApiKeyRequest {
    let scopes = scopes.iter().map(|text| (*text).to_owned()).collect();
    ApiKeyInput { name: Some("importer".to_owned()), scopes: Some(scopes), expires_at: None }.parse().unwrap()
}

/// A user who is signed in.
async fn lin(world: &World) -> Actor {
    world.user("lin").await;
    world.actor(&world.login("lin", PASSWORD).await.unwrap()).await
}

#[tokio::test]
async fn a_key_opens_what_its_owner_may_and_it_is_for() {
    let world = World::new();
    let lin = lin(&world).await;
    let made = world.keys.create(&lin, request(&["article.read", "own.read"])).await.unwrap();
    let actor = world.keys.authenticate(made.secret.expose_secret()).await.unwrap();
    assert_eq!((actor.user_id, actor.credential), (lin.user_id, Credential::ApiKey(made.view.id.get())));
    assert!(actor.may("article.read") && !actor.may("photo.read"));
    assert!(actor.require_recent(world.clock.now() - Duration::days(1)).is_err());
    assert_eq!(world.keys.list(&lin).await.unwrap(), [made.view]);
    let event = world.store.events().pop().unwrap();
    assert_eq!((event.kind.as_str(), event.actor), (events::API_KEY_CREATED, Some(lin.user_id)));
    assert!(!event.payload.to_string().contains(&made.secret.expose_secret()[12..]));
}

#[tokio::test]
async fn nobody_makes_a_key_that_may_more_than_they() {
    let world = World::new();
    let lin = lin(&world).await;
    let refused = world.keys.create(&lin, request(&["article.read", "user.delete", "*"])).await;
    let Err(ApiKeyError::Fields(errors)) = refused else { panic!("{refused:?}") };
    let fields: Vec<_> = errors.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect();
    assert_eq!(fields, ["scopes[1] NOT_ALLOWED", "scopes[2] NOT_ALLOWED"]);
    for (ahead, good) in [(0, false), (-1, false), (1, true), (36_525 * 86_400, true), (36_526 * 86_400, false)] {
        let mut request = request(&["article.read"]);
        request.expires_at = Some(world.clock.now() + Duration::seconds(ahead));
        assert_eq!(world.keys.create(&lin, request).await.is_ok(), good, "{ahead}");
    }
    let root = world.root().await;
    assert!(world.keys.create(&root, request(&["user.delete", "*"])).await.is_ok());
}

#[tokio::test]
async fn a_key_ends_when_it_says_and_when_it_is_deleted() {
    let world = World::new();
    let lin = lin(&world).await;
    let mut ends = request(&["own.read"]);
    ends.expires_at = Some(world.clock.now() + Duration::minutes(1));
    let (short, long) =
        (world.keys.create(&lin, ends).await.unwrap(), world.keys.create(&lin, request(&["own.read"])).await.unwrap());
    let check = async |made: &CreatedApiKey| world.keys.authenticate(made.secret.expose_secret()).await;
    assert!(check(&short).await.is_ok() && check(&long).await.is_ok());
    world.clock.advance(Duration::minutes(1));
    assert!(matches!(check(&short).await, Err(CheckError::Token(TokenError::Expired))));
    let wei = {
        world.user("wei").await;
        world.actor(&world.login("wei", PASSWORD).await.unwrap()).await
    };
    assert!(matches!(world.keys.delete(&wei, long.view.id).await, Err(ApiKeyError::NoSuchKey(_))));
    assert!(check(&long).await.is_ok());
    world.keys.delete(&lin, long.view.id).await.unwrap();
    assert_eq!(world.store.events().pop().unwrap().kind, events::API_KEY_DELETED);
    assert!(matches!(check(&long).await, Err(CheckError::Token(TokenError::Invalid))));
    assert!(matches!(world.keys.delete(&lin, long.view.id).await, Err(ApiKeyError::NoSuchKey(_))));
    for text in ["", "ssk_", "nonsense", "ssk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"] {
        assert!(matches!(world.keys.authenticate(text).await, Err(CheckError::Token(TokenError::Invalid))));
    }
}

#[tokio::test]
async fn what_ends_a_users_sessions_ends_their_keys_at_once_with_and_without_a_cache() {
    for away in [false, true] {
        let world = World::new();
        let lin = lin(&world).await;
        let root = world.root().await;
        let made = world.keys.create(&lin, request(&["own.*", "article.read"])).await.unwrap();
        world.cache.away.store(away, Ordering::Relaxed);
        let check = async || world.keys.authenticate(made.secret.expose_secret()).await;
        assert!(check().await.unwrap().may("article.read"));
        world.accounts.grant_roles(&root, lin.user_id, &names(&[BuiltInRole::Finance]), None).await.unwrap();
        let actor = check().await.unwrap();
        assert!(!actor.may("article.read") && actor.may("own.read"));
        world.store.set_active(lin.user_id, false);
        world.cached.forget(lin.user_id).await.ok();
        assert!(check().await.is_err());
    }
}

#[tokio::test]
async fn a_second_look_is_answered_by_the_cache() {
    let world = World::new();
    let lin = lin(&world).await;
    let made = world.keys.create(&lin, request(&["own.read"])).await.unwrap();
    let check = async || world.keys.authenticate(made.secret.expose_secret()).await;
    check().await.unwrap();
    world.store.set_active(lin.user_id, false);
    assert!(check().await.is_ok(), "the store is not asked");
    world.cached.forget(lin.user_id).await.unwrap();
    assert!(check().await.is_err());
}

#[tokio::test]
async fn nobody_has_more_than_fifty_keys() {
    let world = World::new();
    let lin = lin(&world).await;
    let mut first = None;
    for _ in 0..50 {
        first = Some(world.keys.create(&lin, request(&["own.read"])).await.unwrap().view.id);
    }
    let refused = world.keys.create(&lin, request(&["own.read"])).await;
    assert!(matches!(refused, Err(ApiKeyError::TooMany { max: 50 })));
    world.keys.delete(&lin, first.unwrap()).await.unwrap();
    assert!(world.keys.create(&lin, request(&["own.read"])).await.is_ok());
}

#[tokio::test]
async fn a_use_is_written_once_a_minute_and_later_when_the_store_is_away() {
    let world = World::new();
    let lin = lin(&world).await;
    let made = world.keys.create(&lin, request(&["own.read"])).await.unwrap();
    let key = Carrier::from(&world.keys.authenticate(made.secret.expose_secret()).await.unwrap());
    let session = Carrier::from(&lin);
    assert_eq!((key, session), (Carrier::Key(made.view.id), Carrier::Session(lin.session_id().unwrap())));
    let used = async || world.keys.list(&lin).await.unwrap()[0].last_used_at;
    assert_eq!(world.seen.flush().await.unwrap(), 0);
    world.clock.advance(Duration::minutes(1));
    let first = world.clock.now();
    for _ in 0..100 {
        world.seen.record(key);
        world.seen.record(session);
    }
    assert_eq!(world.seen.flush().await.unwrap(), 2);
    assert_eq!(used().await, Some(first));
    world.clock.advance(Duration::seconds(59));
    world.seen.record(key);
    assert_eq!(world.seen.flush().await.unwrap(), 0);
    world.clock.advance(Duration::seconds(1));
    world.seen.record(key);
    assert_eq!(world.seen.flush().await.unwrap(), 1);
    assert_eq!(used().await, Some(world.clock.now()));
    world.seen.record(Carrier::Key(ApiKeyId::new(Uuid::nil())));
    assert_eq!(world.seen.flush().await.unwrap(), 1);
}
