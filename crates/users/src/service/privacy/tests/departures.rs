//! The wish to go: who may have it, who is told of it, and how it is taken back.

use chrono::Duration;
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::message::{Message, Recipient};
use sharestack_kernel::version::Versions;

use super::*;
use crate::error::{AdministerError, DepartureError};
use crate::events;
use crate::model::{Language, UserSettings};

#[tokio::test]
async fn a_wish_to_go_counts_from_the_first_time_and_can_be_taken_back() {
    let world = World::new().await;
    let departures = world.departures(Vec::new());
    let wish = departures.schedule(world.user, Some("moved on".into()), "zh-CN", None).await.unwrap();
    assert_eq!(wish.due_at, world.clock.now() + Duration::days(7));
    world.clock.advance(Duration::days(1));
    assert_eq!(departures.schedule(world.user, None, "en", None).await.unwrap(), wish);
    assert_eq!(departures.find(world.user).await.unwrap(), Some(wish));
    departures.cancel(world.user).await.unwrap();
    assert!(matches!(departures.cancel(world.user).await, Err(DepartureError::NotScheduled)));
    assert_eq!(departures.find(world.user).await.unwrap(), None);
    assert_eq!(world.kinds(), [events::DEPARTURE_SCHEDULED, events::DEPARTURE_CANCELLED]);
    // Its owner is told once, whoever sat there: they could not take back what they do not know.
    let told: Vec<_> = world.store.jobs().into_iter().filter(|job| job.kind == "message.send").collect();
    let [told] = &told[..] else { panic!("{told:?}") };
    let told: Message = serde_json::from_value(told.payload.clone()).unwrap();
    assert_eq!((told.template.as_str(), told.language.as_str()), ("deletion_scheduled", "zh-CN"));
    assert_eq!(told.to, Recipient::Mail("lin@example.com".to_owned()));
    assert_eq!(told.data, json!({ "username": "lin", "due": "2026-01-22 10:30 UTC" }));
}

/// Whoever asks for it may be somebody else, with a language of their own.
#[tokio::test]
async fn who_has_set_a_language_is_told_in_it_that_their_account_ends() {
    let world = World::new().await;
    let settings = UserSettings { language: Some(Language::ZhCn), ..UserSettings::default() };
    let store = &world.store;
    let saved: Result<(), StoreError> =
        transact!(store, |tx| { tx.settings().save(world.user, &settings, DateTime::UNIX_EPOCH).await });
    saved.unwrap();
    world.departures(Vec::new()).schedule(world.user, None, "en", None).await.unwrap();
    let told = world.store.jobs().into_iter().find(|job| job.kind == "message.send").unwrap();
    let told: Message = serde_json::from_value(told.payload).unwrap();
    assert_eq!((told.template.as_str(), told.language.as_str()), ("deletion_scheduled", "zh-CN"));
}

#[tokio::test]
async fn who_has_money_here_or_rules_alone_does_not_go() {
    let world = World::new().await;
    let balance = Obligation { kind: "balance".into(), amount: Some(1990), currency: Some("CNY".into()) };
    let refused = world.departures(vec![balance]).schedule(world.user, None, "en", None).await.unwrap_err();
    assert!(matches!(refused, DepartureError::Account(AdministerError::Owes(_))));
    let root = person(&world.store, 2, "root", &[BuiltInRole::SuperAdmin]).await;
    let refused = world.departures(Vec::new()).schedule(root, None, "en", None).await.unwrap_err();
    assert!(matches!(refused, DepartureError::Account(AdministerError::LastSuperAdmin)));
    assert_eq!(refused.category(), Category::Conflict);
    assert!(world.kinds().is_empty());
}

#[tokio::test]
async fn who_asks_to_go_for_another_version_is_told_so_before_what_they_owe() {
    let world = World::new().await;
    let balance = Obligation { kind: "balance".into(), amount: Some(1990), currency: Some("CNY".into()) };
    let departures = world.departures(vec![balance]);
    let schedule =
        async |versions: Versions| departures.schedule(world.user, None, "en", Some(&versions)).await.unwrap_err();
    let refused = schedule(Versions::These(Vec::new())).await;
    assert!(matches!(refused, DepartureError::Account(AdministerError::Stale)), "{refused}");
    let refused = schedule(Versions::NotThese(Vec::new())).await;
    assert!(matches!(refused, DepartureError::Account(AdministerError::Owes(_))), "{refused}");
    assert_eq!(departures.find(world.user).await.unwrap(), None);
    assert!(world.kinds().is_empty() && world.store.jobs().is_empty());
}
