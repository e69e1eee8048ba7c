use chrono::Duration;
use serde_json::json;

use super::*;
use crate::model::interval::Interval;
use crate::model::order::OrderState;
use crate::model::payment::PaymentState;
use crate::model::subscription::SubscriptionState;
use crate::ports::channel::Outcome;
use crate::service::subscriptions::Cancel;
use crate::testing::{READER, World, claimed, payer, wish};

fn closed(world: &World) -> Vec<OrderNumber> {
    world.channel.closed.lock().unwrap().clone()
}

#[tokio::test]
async fn an_order_that_another_takes_the_place_of_is_closed_at_the_channel() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let first = world.subscribe(&plan, "a").await;
    world.subscribe(&plan, "b").await;
    // Not inside the transaction: by a job that it left.
    assert_eq!(closed(&world), []);
    world.work(CLOSE_ORDER).await.unwrap();
    assert_eq!(closed(&world), [first.order.number]);
}

#[tokio::test]
async fn orders_that_were_replaced_canceled_or_expired_are_all_closed_at_the_channel() {
    let world = World::new();
    let (plan, ticket) = world.subscribed(Interval::Year).await;
    let id = ticket.subscription.id;
    let replaced = world.checkout.renew(id, &payer("r1")).await.unwrap();
    let canceled = world.checkout.renew(id, &payer("r2")).await.unwrap();
    let cancel = Cancel { id, subscriber_id: READER, at_period_end: false, reason: None };
    world.subscriptions.cancel(&cancel).await.unwrap();
    let expired = world.subscribe(&plan, "again").await;
    world.wait(Duration::hours(2));
    world.expire_order.expire(expired.order.id).await.unwrap();
    world.work(CLOSE_ORDER).await.unwrap();
    assert_eq!(closed(&world), [replaced, canceled, expired].map(|ticket| ticket.order.number));
}

#[tokio::test]
async fn what_the_payer_paid_before_the_channel_closed_the_order_counts() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let first = world.subscribe(&plan, "a").await;
    world.subscribe(&plan, "b").await;
    *world.channel.answer.lock().unwrap() = Some(world.told(&first.order, "late", Outcome::Paid));
    world.work(CLOSE_ORDER).await.unwrap();
    let books = world.store.books();
    assert_eq!(books.orders[&first.order.id].state, OrderState::Paid);
    assert_eq!(books.subscriptions[&first.subscription.id].state, SubscriptionState::Active);
    let told = books.payments.values().find(|one| one.channel_txn_id.as_deref() == Some("late")).unwrap();
    assert_eq!(told.state, PaymentState::Succeeded);
}

#[tokio::test]
async fn a_channel_that_is_down_is_told_later() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    world.subscribe(&plan, "a").await;
    world.subscribe(&plan, "b").await;
    *world.channel.down.lock().unwrap() = true;
    assert!(world.work(CLOSE_ORDER).await.is_err());
    *world.channel.down.lock().unwrap() = false;
    world.work(CLOSE_ORDER).await.unwrap();
    assert_eq!(closed(&world).len(), 1);
    let unknown = world.close_order.close("cash", &closed(&world)[0]).await;
    assert!(matches!(unknown, Err(SettleError::UnknownChannel(_))));
    let job = claimed(CLOSE_ORDER, json!({ "channel": "test", "order_number": "<>" }), 1);
    assert!(world.close_order.run(&job).await.is_err());
}

#[tokio::test]
async fn an_order_that_is_closed_while_the_channel_prepares_it_is_closed_there_after_all() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    *world.channel.down.lock().unwrap() = true;
    world.checkout.subscribe(&wish(&plan, "a")).await.unwrap_err();
    *world.channel.down.lock().unwrap() = false;
    let order = world.store.books().orders.into_values().next().unwrap();
    // The order is given up between its commit and the channel's answer.
    let expiry = world.expire_order.clone();
    world.clock.advance(Duration::hours(2) - Duration::seconds(1));
    let clock = world.clock.clone();
    world.channel.while_starting(async move {
        clock.advance(Duration::seconds(1));
        expiry.give_up(order.id).await.unwrap();
    });
    let ticket = world.subscribe(&plan, "a").await;
    assert_eq!((ticket.order.state, ticket.pay_data), (OrderState::Closed, None));
    let jobs = world.store.books().jobs.into_iter().filter(|job| job.kind == CLOSE_ORDER).count();
    assert_eq!(jobs, 2);
}
