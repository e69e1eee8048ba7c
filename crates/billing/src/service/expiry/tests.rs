use chrono::Duration;
use serde_json::json;

use super::*;
use crate::model::interval::Interval;
use crate::model::order::OrderState;
use crate::model::subscription::SubscriptionState;
use crate::ports::channel::Outcome;
use crate::testing::{World, claimed, payer};

#[tokio::test]
async fn an_order_is_given_up_only_when_its_time_is_over() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    assert!(!world.expire_order.expire(ticket.order.id).await.unwrap());
    world.wait(Duration::hours(2));
    assert!(world.expire_order.expire(ticket.order.id).await.unwrap());
    assert!(!world.expire_order.expire(ticket.order.id).await.unwrap());
    let books = world.store.books();
    assert_eq!(books.orders[&ticket.order.id].state, OrderState::Closed);
    assert_eq!(books.subscriptions[&ticket.subscription.id].state, SubscriptionState::Expired);
    assert!(books.event_kinds().ends_with(&["order.closed", "subscription.expired"]));
}

#[tokio::test]
async fn an_order_that_the_channel_has_money_for_is_settled_not_given_up() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    *world.channel.answer.lock().unwrap() = Some(world.told(&ticket.order, "untold", Outcome::Paid));
    // Nobody asks before its time is over.
    assert!(!world.expire_order.expire(ticket.order.id).await.unwrap());
    assert_eq!(world.store.books().orders[&ticket.order.id].state, OrderState::Paying);
    world.wait(Duration::hours(2));
    assert!(!world.expire_order.expire(ticket.order.id).await.unwrap());
    let books = world.store.books();
    assert_eq!(books.orders[&ticket.order.id].state, OrderState::Paid);
    assert_eq!(books.subscriptions[&ticket.subscription.id].state, SubscriptionState::Active);
    assert!(!books.event_kinds().contains(&"order.closed"));
}

#[tokio::test]
async fn an_attempt_that_failed_at_the_channel_does_not_keep_its_order_open() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    *world.channel.answer.lock().unwrap() = Some(world.told(&ticket.order, "no", Outcome::Failed));
    world.wait(Duration::hours(2));
    assert!(world.expire_order.expire(ticket.order.id).await.unwrap());
    assert!(world.store.books().event_kinds().ends_with(&["order.failed", "order.closed", "subscription.expired"]));
}

#[tokio::test]
async fn a_channel_that_is_down_delays_the_end_but_not_for_ever() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    world.wait(Duration::hours(2));
    *world.channel.down.lock().unwrap() = true;
    let job = |attempt| claimed(EXPIRE_ORDER, json!({ "order_id": ticket.order.id }), attempt);
    assert!(world.expire_order.run(&job(9)).await.is_err());
    assert_eq!(world.store.books().orders[&ticket.order.id].state, OrderState::Paying);
    world.expire_order.run(&job(10)).await.unwrap();
    assert_eq!(world.store.books().orders[&ticket.order.id].state, OrderState::Closed);
}

#[tokio::test]
async fn a_paid_order_is_left_alone() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    world.wait(Duration::hours(3));
    assert!(!world.expire_order.expire(ticket.order.id).await.unwrap());
    assert_eq!(world.store.books().subscriptions[&ticket.subscription.id].state, SubscriptionState::Active);
}

#[tokio::test]
async fn a_renewal_that_nobody_paid_does_not_end_the_subscription() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let renewal = world.checkout.renew(ticket.subscription.id, &payer("r")).await.unwrap();
    world.wait(Duration::hours(3));
    assert!(world.expire_order.expire(renewal.order.id).await.unwrap());
    assert_eq!(world.store.books().subscriptions[&ticket.subscription.id].state, SubscriptionState::Active);
}

#[tokio::test]
async fn the_jobs_are_there_and_do_their_work() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let job = world.store.books().jobs.into_iter().find(|job| job.kind == EXPIRE_SUBSCRIPTION).unwrap();
    assert_eq!(Some(job.run_at), Interval::Month.end_after(world.now(), 1));
    world.wait(job.run_at - world.now());
    let held = |payload| claimed(EXPIRE_SUBSCRIPTION, payload, 1);
    world.expire_subscription.run(&held(job.payload.clone())).await.unwrap();
    world.expire_subscription.run(&held(job.payload)).await.unwrap();
    assert_eq!(world.store.books().subscriptions[&ticket.subscription.id].state, SubscriptionState::Expired);
    assert!(world.expire_subscription.run(&held(json!({}))).await.is_err());
    assert!(world.expire_order.run(&held(json!({ "order_id": 99 }))).await.is_ok());
}
