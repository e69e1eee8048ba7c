use chrono::Duration;

use super::*;
use crate::model::access::AccessLevel;
use crate::model::id::PlanId;
use crate::model::interval::Interval;
use crate::ports::access::{MockAccessQueries, MockArticleAccess};
use crate::service::subscriptions::Cancel;
use crate::testing::{CREATOR, READER, World};

fn gate(level: AccessLevel) -> Gate {
    Gate { author_id: CREATOR, level, plan_ids: Vec::new() }
}

#[tokio::test]
async fn a_whole_list_is_one_look_at_the_store_and_free_lists_are_none() {
    let world = World::new();
    let mut access = MockAccessQueries::new();
    access.expect_holdings().times(1).withf(|_, creators| creators == [CREATOR]).returning(|_, _| Ok(Vec::new()));
    let entitlements = Entitlements::new(Arc::new(access), Arc::new(world.clock.clone()));
    let gates = [gate(AccessLevel::Paid), gate(AccessLevel::Free), gate(AccessLevel::Paid)];
    let reasons = entitlements.decide_many(Some(READER), &gates).await.unwrap();
    assert_eq!(reasons, [Reason::NotSubscribed, Reason::Free, Reason::NotSubscribed]);
    assert_eq!(entitlements.decide(None, &gates[0]).await.unwrap(), Reason::Anonymous);
    assert_eq!(entitlements.decide(Some(CREATOR), &gates[0]).await.unwrap(), Reason::Author);
}

#[tokio::test]
async fn a_canceled_subscription_opens_articles_until_its_end_and_not_after() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let entitlements = Entitlements::new(Arc::new(world.store.clone()), Arc::new(world.clock.clone()));
    let decide = || {
        entitlements.decide(
            Some(READER),
            const { &Gate { author_id: CREATOR, level: AccessLevel::Paid, plan_ids: Vec::new() } },
        )
    };
    assert_eq!(decide().await.unwrap(), Reason::Subscribed);
    let id = ticket.subscription.id;
    world.subscriptions.cancel(&Cancel { id, subscriber_id: READER, at_period_end: true, reason: None }).await.unwrap();
    assert_eq!(decide().await.unwrap(), Reason::CanceledActiveUntilEnd);
    let end = Interval::Month.end_after(world.now(), 1).unwrap();
    world.wait(end - world.now() - Duration::microseconds(1));
    assert_eq!(decide().await.unwrap(), Reason::CanceledActiveUntilEnd);
    world.wait(Duration::microseconds(1));
    assert_eq!(decide().await.unwrap(), Reason::Expired);
}

#[tokio::test]
async fn a_closed_article_names_the_plans_that_open_it() {
    let world = World::new();
    let (open, other) = (world.plan(Interval::Month, 0).await, world.plan(Interval::Year, 0).await);
    let mut articles = MockArticleAccess::new();
    articles.expect_find().returning(move |article, _| {
        let plan_ids = if article == 1 { vec![open.id] } else { Vec::new() };
        Ok((article < 3).then_some(Gate { author_id: CREATOR, level: AccessLevel::Paid, plan_ids }))
    });
    let store = Arc::new(world.store.clone());
    let entitlements = Entitlements::new(store.clone(), Arc::new(world.clock.clone()));
    let articles = ArticleEntitlements::new(entitlements, Arc::new(articles), store);
    let plans = |decision: ArticleDecision| decision.plans.iter().map(|plan| plan.id).collect::<Vec<PlanId>>();
    assert_eq!(plans(articles.decide(Some(READER), false, 1).await.unwrap()), [open.id]);
    assert_eq!(plans(articles.decide(Some(READER), false, 2).await.unwrap()), [open.id, other.id]);
    assert_eq!(plans(articles.decide(Some(CREATOR), false, 2).await.unwrap()), []);
    let edited = articles.decide(Some(READER), true, 1).await.unwrap();
    assert_eq!((edited.reason, edited.plans.len()), (Reason::Editor, 0));
    assert!(matches!(articles.decide(Some(READER), false, 3).await, Err(AccessError::ArticleNotFound(3))));
}
