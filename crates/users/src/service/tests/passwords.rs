use sharestack_kernel::actor::Credential;
use sharestack_kernel::page::PageRequest;

use super::*;
use crate::error::{EndSessionError, ProofError, RefreshError};
use crate::events;

const ANOTHER: &str = "staple battery mule";

fn change(current: &str, new: &str) -> ChangePassword {
    let secret = |text: &str| Some(text.to_owned().into());
    ChangePasswordInput { current: secret(current), new: secret(new), confirm: secret(new) }.parse().unwrap()
}

fn fields(refused: ProofError) -> Vec<String> {
    let ProofError::Fields(errors) = refused else { panic!("{refused:?}") };
    errors.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect()
}

#[test]
fn shape_is_checked_before_all_else_and_all_at_once() {
    let secret = |text: &str| Some(text.to_owned().into());
    let input = |current, new, confirm| ChangePasswordInput { current, new, confirm };
    let broken = |input: ChangePasswordInput| -> Vec<String> {
        let errors = input.parse().unwrap_err();
        errors.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect()
    };
    assert_eq!(
        broken(ChangePasswordInput::default()),
        ["current_password REQUIRED", "new_password REQUIRED", "confirm_password REQUIRED"]
    );
    assert_eq!(
        broken(input(secret(""), secret("12345678"), secret("x"))),
        ["current_password REQUIRED", "new_password WEAK_PASSWORD", "confirm_password MISMATCH"]
    );
    assert_eq!(broken(input(secret("x"), secret(ANOTHER), secret(PASSWORD))), ["confirm_password MISMATCH"]);
    assert!(!format!("{:?}", input(secret(PASSWORD), None, None)).contains(PASSWORD));
}

#[tokio::test]
async fn a_change_ends_the_other_sessions_and_keeps_this_one() {
    let world = World::new();
    world.user("lin").await;
    let (here, there) = (world.login("lin", PASSWORD).await.unwrap(), world.login("lin", PASSWORD).await.unwrap());
    let actor = world.actor(&here).await;
    world.actor(&there).await;
    assert_eq!(world.passwords.change(&actor, change(PASSWORD, ANOTHER), "en").await.unwrap(), 1);
    assert!(world.checks.authenticate(access(&there)).await.is_err());
    assert!(matches!(world.sessions.refresh(refresh(&there)).await, Err(RefreshError::Invalid)));
    world.actor(&here).await;
    assert!(world.sessions.refresh(refresh(&here)).await.is_ok());
    let event = world.store.events().pop().unwrap();
    assert_eq!(
        (event.kind.as_str(), &event.payload["sessions_ended"]),
        (events::PASSWORD_CHANGED, &serde_json::json!(1))
    );
    assert!(world.login("lin", PASSWORD).await.is_err());
    assert!(world.login("lin", ANOTHER).await.is_ok());
}

#[tokio::test]
async fn a_change_that_may_not_be_changes_nothing() {
    let world = World::new();
    world.user("linxiaohong").await;
    let here = world.login("linxiaohong", PASSWORD).await.unwrap();
    world.login("linxiaohong", PASSWORD).await.unwrap();
    let actor = world.actor(&here).await;
    for (current, new, field) in [
        ("wrong horse", ANOTHER, "current_password MISMATCH"),
        (&"x".repeat(1 << 20), ANOTHER, "current_password MISMATCH"),
        ("wrong horse", PASSWORD, "current_password MISMATCH"),
        (PASSWORD, PASSWORD, "new_password NOT_ALLOWED"),
        (PASSWORD, "linxiaohong", "new_password WEAK_PASSWORD"),
    ] {
        let refused = world.passwords.change(&actor, change(current, new), "en").await.unwrap_err();
        assert_eq!(fields(refused), [field]);
    }
    let kinds: Vec<_> = world.store.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == events::PROOF_FAILED).count(), 3);
    assert!(!kinds.iter().any(|kind| kind == events::PASSWORD_CHANGED));
    assert_eq!(world.control.list(&actor, actor.user_id, PageRequest::default()).await.unwrap().total, 2);
    assert!(world.login("linxiaohong", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_program_with_a_key_manages_no_sessions_and_no_passwords() {
    let world = World::new();
    world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    let session = world.actor(&tokens).await;
    let key = Actor { credential: Credential::ApiKey(Uuid::nil()), ..session.clone() };
    let (id, page) = (session.session_id().unwrap(), PageRequest::default());
    assert!(matches!(world.control.list(&key, key.user_id, page).await, Err(EndSessionError::Denied(_))));
    assert!(matches!(world.control.end(&key, key.user_id, id).await, Err(EndSessionError::Denied(_))));
    assert!(matches!(world.control.end_all(&key, true).await, Err(EndSessionError::Denied(_))));
    assert!(matches!(world.passwords.change(&key, change(PASSWORD, ANOTHER), "en").await, Err(ProofError::Denied(_))));
    world.actor(&tokens).await;
}

#[tokio::test]
async fn sessions_are_ended_by_their_user_and_by_who_may_edit_users() {
    let world = World::new();
    world.user("lin").await;
    world.user("wei").await;
    let root = world.root().await;
    let mut opened = Vec::new();
    for _ in 0..4 {
        opened.push(world.login("lin", PASSWORD).await.unwrap());
    }
    let lin = world.actor(&opened[0]).await;
    let wei = world.actor(&world.login("wei", PASSWORD).await.unwrap()).await;
    let id = async |n: usize| world.actor(&opened[n]).await.session_id().unwrap();
    let page = PageRequest::default();
    let (second, third) = (id(1).await, id(2).await);
    assert!(matches!(world.control.list(&wei, lin.user_id, page).await, Err(EndSessionError::Denied(_))));
    assert!(matches!(world.control.end(&wei, lin.user_id, second).await, Err(EndSessionError::Denied(_))));
    assert!(matches!(world.control.end(&wei, wei.user_id, second).await, Err(EndSessionError::NoSuchSession(_))));
    assert!(matches!(world.control.end(&root, UserId::new(999), second).await, Err(EndSessionError::NoSuchUser(_))));
    world.control.end(&lin, lin.user_id, second).await.unwrap();
    assert!(world.checks.authenticate(access(&opened[1])).await.is_err());
    assert!(matches!(world.control.end(&lin, lin.user_id, second).await, Err(EndSessionError::NoSuchSession(_))));
    world.control.end(&root, lin.user_id, third).await.unwrap();
    let event = world.store.events().pop().unwrap();
    assert_eq!((event.actor, event.payload["reason"].as_str()), (Some(root.user_id), Some("forced")));
    assert!(world.checks.authenticate(access(&opened[2])).await.is_err());
    assert_eq!(world.control.list(&root, lin.user_id, page).await.unwrap().total, 2);
    assert_eq!(world.control.end_all(&lin, false).await.unwrap(), 1);
    assert_eq!(world.store.events().pop().unwrap().kind, events::SESSIONS_REVOKED);
    world.actor(&opened[0]).await;
    assert!(world.checks.authenticate(access(&opened[3])).await.is_err());
    assert_eq!(world.control.end_all(&lin, true).await.unwrap(), 1);
    assert!(world.checks.authenticate(access(&opened[0])).await.is_err());
}

#[tokio::test]
async fn who_does_not_get_in_is_noted_with_no_more_than_the_start_of_what_they_typed() {
    let world = World::new();
    let lin = world.user("lin").await;
    for (name, password) in
        [("lin", "wrong horse"), ("hunter2hunter2", PASSWORD), ("' OR 1=1", PASSWORD), ("lin", &"x".repeat(1000))]
    {
        world.login(name, password).await.unwrap_err();
    }
    world.store.set_active(lin.id, false);
    world.login("lin", PASSWORD).await.unwrap_err();
    let failed: Vec<_> = world.store.events().into_iter().filter(|event| event.kind == events::LOGIN_FAILED).collect();
    let targets: Vec<_> = failed.iter().map(|event| event.aggregate.as_str()).collect();
    assert_eq!(targets, ["user", "unknown", "unknown", "unknown", "user"]);
    assert_eq!((failed[0].aggregate_id.clone(), failed[0].actor), (lin.id.to_string(), None));
    assert_eq!(
        (failed[0].payload["reason"].as_str(), failed[4].payload["reason"].as_str()),
        (Some("wrong"), Some("disabled"))
    );
    assert!(failed.iter().all(|event| !event.payload.to_string().contains("hunter2") && !event.payload.to_string().contains("horse")));
}

#[tokio::test]
async fn who_has_another_password_is_told_by_mail() {
    let world = World::new();
    world.user("lin").await;
    let actor = world.actor(&world.login("lin", PASSWORD).await.unwrap()).await;
    world.passwords.change(&actor, change("wrong horse", ANOTHER), "zh-CN").await.unwrap_err();
    assert!(world.store.jobs().is_empty());
    world.passwords.change(&actor, change(PASSWORD, ANOTHER), "zh-CN").await.unwrap();
    let [job] = &world.store.jobs()[..] else { panic!("{:?}", world.store.jobs()) };
    let message: sharestack_kernel::message::Message = serde_json::from_value(job.payload.clone()).unwrap();
    assert_eq!((message.template.as_str(), message.language.as_str()), ("password_changed", "zh-CN"));
    assert_eq!(message.to, sharestack_kernel::message::Recipient::Mail("lin@example.com".to_owned()));
}

#[tokio::test]
async fn who_guesses_within_a_session_waits_longer_and_longer() {
    let world = World::new();
    world.user("lin").await;
    let actor = world.actor(&world.login("lin", PASSWORD).await.unwrap()).await;
    let guard = LoginGuard::new(
        world.limiter.clone(),
        world.cache.clone(),
        Arc::new(world.clock.clone()),
        GuardPolicy::default(),
    );
    let passwords = world.passwords.clone().guarded(guard);
    let attempt = async |current: &str| passwords.change(&actor, change(current, ANOTHER), "en").await;
    for _ in 0..10 {
        assert!(matches!(attempt("wrong horse").await, Err(ProofError::Fields(_))));
    }
    let verified = world.hasher.verified.load(Ordering::Relaxed);
    let Err(ProofError::TooMany(throttle)) = attempt(PASSWORD).await else { panic!("the eleventh was looked at") };
    assert_eq!((throttle.limit, world.hasher.verified.load(Ordering::Relaxed)), (10, verified));
    // A day of patience is worth forty tries, no more.
    let mut looked_at = 10;
    for _ in 0..95 {
        world.clock.advance(chrono::Duration::minutes(15));
        while matches!(attempt("wrong horse").await, Err(ProofError::Fields(_))) {
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 40);
    // Their owner waits for the day to pass, and has all tries again after the right one.
    world.clock.advance(chrono::Duration::days(1));
    attempt("wrong horse").await.unwrap_err();
    attempt(PASSWORD).await.unwrap();
    for _ in 0..10 {
        assert!(matches!(attempt("wrong horse").await, Err(ProofError::Fields(_))));
    }
}

#[tokio::test]
async fn nobody_sees_or_ends_the_sessions_of_who_stands_above_them() {
    let world = World::new();
    let root = world.root().await;
    let (boss, lin) = (world.user("boss").await.id, world.user("lin").await.id);
    world.accounts.grant_roles(&root, boss, &["admin".to_owned()], None).await.unwrap();
    let boss = world.actor(&world.login("boss", PASSWORD).await.unwrap()).await;
    let (mine, page) = (root.session_id().unwrap(), PageRequest::default());
    assert!(matches!(world.control.list(&boss, root.user_id, page).await, Err(EndSessionError::Denied(_))));
    assert!(matches!(world.control.end(&boss, root.user_id, mine).await, Err(EndSessionError::Denied(_))));
    assert_eq!(world.control.list(&root, root.user_id, page).await.unwrap().total, 1);
    // Below them, and their own, they may.
    let lins = world.actor(&world.login("lin", PASSWORD).await.unwrap()).await;
    assert_eq!(world.control.list(&boss, lin, page).await.unwrap().total, 1);
    world.control.end(&boss, lin, lins.session_id().unwrap()).await.unwrap();
    assert_eq!(world.control.list(&boss, boss.user_id, page).await.unwrap().total, 1);
    let own = world.actor(&world.login("boss", PASSWORD).await.unwrap()).await;
    world.control.end(&boss, boss.user_id, own.session_id().unwrap()).await.unwrap();
}
