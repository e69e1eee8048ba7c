use super::*;
use crate::testing::{CREATOR, READER, World, actor, content};

#[tokio::test]
async fn making_a_plan_takes_the_right() {
    let world = World::new();
    let refused = world.plans.create(&actor(READER, &["order.read"]), content(Interval::Month, 0)).await;
    assert!(matches!(refused, Err(PlanError::Denied(_))));
    assert!(world.store.books().plans.is_empty());
    let plan = world.plan(Interval::Month, 0).await;
    assert_eq!(world.store.books().plans[&plan.id], plan);
    assert_eq!(world.store.books().event_kinds(), ["plan.created"]);
}

#[tokio::test]
async fn a_new_price_is_a_new_version_and_the_old_one_stays() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let patch = PlanPatch { price: Some(2990), ..PlanPatch::default() };
    let edited = world.plans.update(&actor(CREATOR, &[]), plan.id, patch).await.unwrap();
    assert_eq!((edited.price.number, edited.version, edited.price.terms.price().amount()), (2, 2, 2990));
    let books = world.store.books();
    assert_eq!(books.prices[&plan.price.id], plan.price);
    assert_eq!(books.prices.len(), 2);
}

#[tokio::test]
async fn an_edit_is_the_owner_s_and_sees_the_version_it_names() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let edit = |actor, patch| {
        let plans = world.plans.clone();
        async move { plans.update(&actor, plan.id, patch).await }
    };
    assert!(matches!(edit(actor(READER, &["plan.create"]), PlanPatch::default()).await, Err(PlanError::Denied(_))));
    let dearer = PlanPatch { price: Some(2990), ..PlanPatch::default() };
    assert!(edit(actor(READER, &["plan.*"]), dearer).await.is_ok());
    let stale = PlanPatch { expected_versions: Some(Versions::These(vec![1])), ..PlanPatch::default() };
    assert!(matches!(edit(actor(CREATOR, &[]), stale).await, Err(PlanError::Stale)));
    let bad = PlanPatch { price: Some(0), ..PlanPatch::default() };
    assert!(matches!(edit(actor(CREATOR, &[]), bad).await, Err(PlanError::Invalid(_))));
    let unknown = world.plans.update(&actor(CREATOR, &[]), PlanId::new(99), PlanPatch::default()).await;
    assert!(matches!(unknown, Err(PlanError::NotFound(_))));
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_none() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let same = PlanPatch { price: Some(plan.price.terms.price().amount()), ..PlanPatch::default() };
    for patch in [PlanPatch::default(), same] {
        let edited = world.plans.update(&actor(CREATOR, &[]), plan.id, patch).await.unwrap();
        assert_eq!((edited.version, edited.updated_at), (1, plan.updated_at));
    }
    assert_eq!(world.store.books().event_kinds(), ["plan.created"]);
}

#[tokio::test]
async fn an_archived_plan_is_archived_again_and_not_edited() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    assert!(matches!(world.plans.archive(&actor(READER, &[]), plan.id, None).await, Err(PlanError::Denied(_))));
    world.plans.archive(&actor(CREATOR, &[]), plan.id, None).await.unwrap();
    world.plans.archive(&actor(CREATOR, &[]), plan.id, None).await.unwrap();
    let edit = world.plans.update(&actor(CREATOR, &[]), plan.id, PlanPatch::default()).await;
    assert!(matches!(edit, Err(PlanError::Archived)));
    assert_eq!(world.store.books().event_kinds(), ["plan.created", "plan.archived"]);
}
