//! Second factors: enrolling, the second proof, removing.

use chrono::Duration;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::NewJob;
use sharestack_kernel::message::{Message, Recipient};
use sharestack_kernel::transact;

use super::*;
use crate::error::{FactorError, SecondFactorError};
use crate::events;
use crate::model::{Language, UserSettings};

/// Signs in with the password, and returns what goes with the second proof.
async fn first(world: &World) -> String {
    let login = Login { name: "lin".to_owned(), password: PASSWORD.into(), client: Client::default() };
    match world.sessions.login(login).await.unwrap() {
        SignIn::SecondFactor(needed) => needed.mfa_token.expose_secret().to_owned(),
        SignIn::Tokens(_) => panic!("no second factor was asked for"),
    }
}

async fn second(world: &World, token: &str, code: &str) -> Result<Tokens, SecondFactorError> {
    let asked = world.factors.reserve(token).await?;
    world.factors.verify(&asked, code, Client::default()).await
}

/// The code that the test's app shows at this moment.
fn code(world: &World) -> String {
    PlainTotp::code(world.clock.now())
}

/// Somebody with a confirmed app, a step ago; their recovery codes.
async fn guarded(world: &World) -> (UserId, Vec<String>) {
    let user = world.user("lin").await.id;
    world.factors.enrol(&own(user)).await.unwrap();
    let codes = world.factors.confirm(&own(user), &code(world)).await.unwrap();
    world.clock.advance(Duration::seconds(30));
    (user, codes.iter().map(|code| code.expose_secret().to_owned()).collect())
}

fn kinds(world: &World) -> Vec<String> {
    let kinds = world.store.events().into_iter().map(|event| event.kind);
    kinds.filter(|kind| kind.contains("mfa") || kind.contains("factor") || kind.contains("recovery")).collect()
}

/// What was written to lin: template and language.
fn told(world: &World) -> Vec<(String, String)> {
    let read = |job: NewJob| serde_json::from_value::<Message>(job.payload).unwrap();
    let messages = world.store.jobs().into_iter().filter(|job| job.kind == "message.send").map(read);
    let to_lin = messages.filter(|message| message.to == Recipient::Mail("lin@example.com".to_owned()));
    to_lin.map(|message| (message.template, message.language)).collect()
}

/// Has a user set their language.
async fn speaks(world: &World, user: UserId, language: Language) {
    let settings = UserSettings { language: Some(language), ..UserSettings::default() };
    let store = &world.store;
    let saved: Result<(), StoreError> =
        transact!(store, |tx| { tx.settings().save(user, &settings, DateTime::UNIX_EPOCH).await });
    saved.unwrap();
}

#[tokio::test]
async fn a_secret_is_kept_sealed_and_not_asked_for_until_it_is_confirmed() {
    let world = World::new();
    let user = world.user("lin").await.id;
    let made = world.factors.enrol(&own(user)).await.unwrap();
    assert_eq!(made.secret.expose_secret(), "SECRET OF lin");
    assert!(world.login("lin", PASSWORD).await.is_ok());
    assert!(matches!(world.factors.confirm(&own(user), "000000").await, Err(FactorError::Wrong("code"))));
    let codes = world.factors.confirm(&own(user), &code(&world)).await.unwrap();
    assert_eq!(codes.len(), 10);
    let first_code = codes[0].expose_secret();
    assert!(codes[1..].iter().all(|code| code.expose_secret() != first_code));
    let view = world.factors.find(user).await.unwrap();
    assert_eq!((view.totp.unwrap().confirmed_at.is_some(), view.recovery_codes_left), (true, 10));
    first(&world).await;
    assert_eq!(kinds(&world), [events::MFA_ENABLED]);
}

#[tokio::test]
async fn enrolling_again_replaces_what_is_not_confirmed_and_nothing_else() {
    let world = World::new();
    let user = world.user("lin").await.id;
    assert!(matches!(world.factors.confirm(&own(user), "123456").await, Err(FactorError::NotEnrolled)));
    world.factors.enrol(&own(user)).await.unwrap();
    world.factors.enrol(&own(user)).await.unwrap();
    world.factors.confirm(&own(user), &code(&world)).await.unwrap();
    assert!(matches!(world.factors.enrol(&own(user)).await, Err(FactorError::AlreadyConfirmed)));
    assert!(matches!(world.factors.confirm(&own(user), &code(&world)).await, Err(FactorError::AlreadyConfirmed)));
    assert!(matches!(world.factors.enrol(&own(UserId::new(999))).await, Err(FactorError::NoSuchUser(_))));
}

#[tokio::test]
async fn a_code_is_good_once_and_never_backwards() {
    let world = World::new();
    guarded(&world).await;
    let now = code(&world);
    let token = first(&world).await;
    second(&world, &token, &now).await.unwrap();
    assert!(matches!(second(&world, &token, &now).await, Err(SecondFactorError::InvalidToken)));
    let token = first(&world).await;
    let wrong = second(&world, &token, &now).await;
    assert!(matches!(wrong, Err(SecondFactorError::WrongCode { attempts_left: 4 })), "{wrong:?}");
    let before = PlainTotp::code(world.clock.now() - Duration::seconds(30));
    assert!(matches!(second(&world, &token, &before).await, Err(SecondFactorError::WrongCode { attempts_left: 3 })));
    let ahead = PlainTotp::code(world.clock.now() + Duration::seconds(30));
    second(&world, &token, &ahead).await.unwrap();
    assert_eq!(kinds(&world), [events::MFA_ENABLED, events::SECOND_FACTOR_FAILED, events::SECOND_FACTOR_FAILED]);
}

#[tokio::test]
async fn a_recovery_code_is_good_once() {
    let world = World::new();
    let (user, codes) = guarded(&world).await;
    second(&world, &first(&world).await, &codes[0]).await.unwrap();
    let again = second(&world, &first(&world).await, &codes[0]).await;
    assert!(matches!(again, Err(SecondFactorError::WrongCode { .. })));
    assert_eq!(world.factors.find(user).await.unwrap().recovery_codes_left, 9);
    assert!(kinds(&world).contains(&events::RECOVERY_CODE_USED.to_owned()));
}

#[tokio::test]
async fn a_token_ends_after_its_tries_and_after_its_time() {
    let world = World::new();
    guarded(&world).await;
    let token = first(&world).await;
    for left in (0..5).rev() {
        let wrong = second(&world, &token, "000000").await;
        assert!(matches!(wrong, Err(SecondFactorError::WrongCode { attempts_left }) if attempts_left == left));
    }
    assert!(matches!(second(&world, &token, &code(&world)).await, Err(SecondFactorError::InvalidToken)));
    let token = first(&world).await;
    world.clock.advance(Duration::minutes(5));
    assert!(matches!(second(&world, &token, &code(&world)).await, Err(SecondFactorError::Expired)));
    for text in ["", "ssm_x", "ssr_AAAA"] {
        assert!(matches!(second(&world, text, "123456").await, Err(SecondFactorError::InvalidToken)));
    }
    assert_eq!(world.factors.prune().await.unwrap(), 0);
    world.clock.advance(Duration::days(2));
    assert_eq!(world.factors.prune().await.unwrap(), 2);
}

#[tokio::test]
async fn an_account_has_twenty_tries_an_hour_for_each_kind_of_code() {
    let world = World::new();
    let (_, codes) = guarded(&world).await;
    for _ in 0..4 {
        let token = first(&world).await;
        for _ in 0..5 {
            second(&world, &token, "000000").await.unwrap_err();
        }
    }
    let token = first(&world).await;
    let Err(SecondFactorError::TooMany(throttle)) = second(&world, &token, &code(&world)).await else {
        panic!("the twenty-first try was counted");
    };
    assert_eq!(throttle.limit, 20);
    second(&world, &token, &codes[0]).await.unwrap();
    world.clock.advance(Duration::hours(1));
    second(&world, &first(&world).await, &code(&world)).await.unwrap();
}

#[tokio::test]
async fn a_limiter_that_is_away_shuts_nobody_out() {
    let world = World::new();
    guarded(&world).await;
    world.limiter.away.store(true, Ordering::Relaxed);
    second(&world, &first(&world).await, &code(&world)).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_ends_what_the_old_one_began() {
    let world = World::new();
    guarded(&world).await;
    let token = first(&world).await;
    world.hasher.version.store(1, Ordering::Relaxed);
    // Made anew by a later login, as by a change.
    first(&world).await;
    assert!(matches!(second(&world, &token, &code(&world)).await, Err(SecondFactorError::InvalidToken)));
}

#[tokio::test]
async fn a_weak_hash_is_made_anew_before_the_second_proof_too() {
    let world = World::new();
    guarded(&world).await;
    world.hasher.version.store(1, Ordering::Relaxed);
    let token = first(&world).await;
    second(&world, &token, &code(&world)).await.unwrap();
    assert_eq!(world.hasher.hashed.load(Ordering::Relaxed), 2, "at the registration, and once anew");
    world.clock.advance(Duration::seconds(30));
    first(&world).await;
    assert_eq!(world.hasher.hashed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_disabled_account_is_told_so_only_with_both_proofs() {
    let world = World::new();
    let (user, _) = guarded(&world).await;
    let token = first(&world).await;
    world.store.set_active(user, false);
    assert!(matches!(second(&world, &token, "000000").await, Err(SecondFactorError::WrongCode { .. })));
    assert!(matches!(
        second(&world, &token, &code(&world)).await,
        Err(SecondFactorError::Login(LoginError::AccountDisabled))
    ));
}

#[tokio::test]
async fn a_passkey_is_both_proofs_and_another_service_is_one() {
    let world = World::new();
    let (user, _) = guarded(&world).await;
    let establish = async |method| world.sessions.establish(user, method, Client::default()).await.unwrap();
    assert!(matches!(establish(AuthMethod::Passkey).await, SignIn::Tokens(_)));
    for method in [AuthMethod::OAuth, AuthMethod::Code] {
        let SignIn::SecondFactor(needed) = establish(method).await else { panic!("{method:?} is enough") };
        second(&world, needed.mfa_token.expose_secret(), &code(&world)).await.unwrap();
        world.clock.advance(Duration::seconds(30));
        let last = world.store.events().into_iter().rfind(|event| event.kind == events::LOGGED_IN).unwrap();
        assert_eq!(last.payload["method"], method.as_str());
    }
}

#[tokio::test]
async fn removing_takes_a_code_or_the_password() {
    let world = World::new();
    let (user, codes) = guarded(&world).await;
    let remove = async |proof| world.factors.remove(&own(user), proof, "en").await;
    for (text, field) in [("000000", "code"), ("nonsense", "code"), (codes[0].trim_end_matches('z'), "code")] {
        if text != codes[0] {
            assert!(
                matches!(remove(FactorProof::Code(text.to_owned())).await, Err(FactorError::Wrong(wrong)) if wrong == field)
            );
        }
    }
    assert!(matches!(remove(FactorProof::Password("wrong".into())).await, Err(FactorError::Wrong("password"))));
    let long = "x".repeat(1000);
    assert!(matches!(remove(FactorProof::Password(long.into())).await, Err(FactorError::Wrong("password"))));
    remove(FactorProof::Code(code(&world))).await.unwrap();
    assert!(matches!(remove(FactorProof::Password(PASSWORD.into())).await, Err(FactorError::NotEnrolled)));
    assert!(world.login("lin", PASSWORD).await.is_ok());
    for proof in [FactorProof::Password(PASSWORD.into()), FactorProof::Code(codes[1].clone())] {
        world.factors.enrol(&own(user)).await.unwrap();
        let fresh = world.factors.confirm(&own(user), &code(&world)).await.unwrap();
        let proof = match proof {
            FactorProof::Code(_) => FactorProof::Code(fresh[1].expose_secret().to_owned()),
            password @ FactorProof::Password(_) => password,
        };
        remove(proof).await.unwrap();
    }
    assert_eq!(kinds(&world).iter().filter(|kind| *kind == events::MFA_DISABLED).count(), 3);
}

#[tokio::test]
async fn a_wrong_proof_is_noted_as_a_failure() {
    let world = World::new();
    let user = world.user("lin").await.id;
    let noted = || {
        let events = world.store.events().into_iter().filter(|event| event.kind == events::PROOF_FAILED);
        events.map(|event| (event.actor, event.payload["reason"].clone())).collect::<Vec<_>>()
    };
    world.factors.enrol(&own(user)).await.unwrap();
    world.factors.confirm(&own(user), "000000").await.unwrap_err();
    world.factors.confirm(&own(user), &code(&world)).await.unwrap();
    assert_eq!(noted(), [(Some(user), serde_json::json!("code"))]);
    for proof in [FactorProof::Code("000000".to_owned()), FactorProof::Password("wrong".into())] {
        world.factors.remove(&own(user), proof, "en").await.unwrap_err();
    }
    assert_eq!(noted()[1..], [(Some(user), serde_json::json!("code")), (Some(user), serde_json::json!("password"))]);
    world.factors.remove(&own(user), FactorProof::Password(PASSWORD.into()), "en").await.unwrap();
    assert_eq!(noted().len(), 3, "what is right is no failure");
    assert_eq!(told(&world), [("second_factor_removed".to_owned(), "en".to_owned())], "its owner hears of it");
}

/// Whoever removes it may be somebody else, with a language of their own.
#[tokio::test]
async fn who_has_set_a_language_is_warned_in_it_whatever_the_request_speaks() {
    let world = World::new();
    let (user, _) = guarded(&world).await;
    speaks(&world, user, Language::ZhCn).await;
    world.factors.remove(&own(user), FactorProof::Password(PASSWORD.into()), "en").await.unwrap();
    let warned = ("second_factor_removed".to_owned(), "zh-CN".to_owned());
    assert_eq!(told(&world), std::slice::from_ref(&warned));
    world.factors.enrol(&own(user)).await.unwrap();
    world.factors.confirm(&own(user), &code(&world)).await.unwrap();
    reset(&world).reset(user, "en").await.unwrap();
    assert_eq!(told(&world), [warned.clone(), warned]);
}

#[tokio::test]
async fn guesses_at_a_removal_are_counted() {
    let world = World::new();
    let (user, _) = guarded(&world).await;
    for _ in 0..20 {
        world.factors.remove(&own(user), FactorProof::Code("000000".to_owned()), "en").await.unwrap_err();
    }
    let refused = world.factors.remove(&own(user), FactorProof::Password(PASSWORD.into()), "en").await;
    assert!(matches!(refused, Err(FactorError::TooMany(_))));
}

#[tokio::test]
async fn other_recovery_codes_take_the_place_of_those_before() {
    let world = World::new();
    let (user, old) = guarded(&world).await;
    let new = world.factors.renew_recovery_codes(&own(user)).await.unwrap();
    let new: Vec<_> = new.iter().map(|code| code.expose_secret().to_owned()).collect();
    assert!(new.len() == 10 && new.iter().all(|code| !old.contains(code)));
    assert_eq!(kinds(&world).last().unwrap(), events::RECOVERY_CODES_RENEWED);
    let token = first(&world).await;
    assert!(matches!(second(&world, &token, &old[0]).await, Err(SecondFactorError::WrongCode { .. })));
    second(&world, &token, &new[0]).await.unwrap();
    assert_eq!(world.factors.find(user).await.unwrap().recovery_codes_left, 9);
    // Without a confirmed app there is nothing that they would stand in for.
    let wei = world.user("wei").await.id;
    for _ in 0..2 {
        assert!(matches!(world.factors.renew_recovery_codes(&own(wei)).await, Err(FactorError::NotEnrolled)));
        world.factors.enrol(&own(wei)).await.unwrap();
    }
    assert!(matches!(
        world.factors.renew_recovery_codes(&own(UserId::new(999))).await,
        Err(FactorError::NoSuchUser(_))
    ));
}

fn reset(world: &World) -> FactorReset {
    let (store, clock) = (Arc::new(world.store.clone()), Arc::new(world.clock.clone()));
    FactorReset::new(store, Arc::new(PlainMailroom), world.ids.clone(), clock)
}

#[tokio::test]
async fn who_has_lost_the_app_comes_in_without_after_a_reset() {
    let world = World::new();
    let (user, codes) = guarded(&world).await;
    let reset = reset(&world);
    reset.reset(user, "zh-CN").await.unwrap();
    assert!(world.login("lin", PASSWORD).await.is_ok());
    let view = world.factors.find(user).await.unwrap();
    assert_eq!((view.totp.is_none(), view.recovery_codes_left), (true, 0));
    assert!(world.factors.prove(user, &codes[0]).await.is_err());
    let event = world.store.events().into_iter().rfind(|event| event.kind == events::MFA_DISABLED).unwrap();
    assert_eq!((event.actor, &event.payload["by"]), (None, &serde_json::json!("operator")));
    assert_eq!(told(&world), [("second_factor_removed".to_owned(), "zh-CN".to_owned())]);
    assert!(matches!(reset.reset(user, "zh-CN").await, Err(FactorError::NotEnrolled)));
    assert!(matches!(reset.reset(UserId::new(999), "en").await, Err(FactorError::NoSuchUser(_))));
}
