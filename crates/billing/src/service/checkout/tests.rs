use chrono::Duration;

use super::*;
use crate::model::interval::Interval;
use crate::model::payment::PaymentState;
use crate::model::subscription::TransitionError;
use crate::ports::channel::Outcome;
use crate::service::plans::PlanPatch;
use crate::service::settlement::Settled;
use crate::testing::{CREATOR, READER, World, actor, payer, wish};

#[tokio::test]
async fn a_wish_becomes_an_incomplete_subscription_with_an_order_to_pay() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    assert_eq!(ticket.subscription.state, SubscriptionState::Incomplete);
    assert_eq!((ticket.order.state, ticket.order.total.amount()), (OrderState::Paying, 1990));
    assert_eq!(ticket.pay_data.unwrap()["pay_url"], format!("https://pay/{}", ticket.order.number.as_str()));
    let request = world.channel.started.lock().unwrap()[0].clone();
    assert_eq!(request.notify_url, "https://example.org/payments/test/notify");
    let books = world.store.books();
    assert_eq!(books.event_kinds(), ["plan.created", "order.created", "subscription.created"]);
    assert_eq!(books.jobs[0].run_at, world.now() + Duration::hours(2));
}

#[tokio::test]
async fn the_same_key_is_the_same_order_and_another_request_under_it_is_refused() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let (first, second) = (world.subscribe(&plan, "k").await, world.subscribe(&plan, "k").await);
    assert_eq!(first, second);
    assert_eq!(world.channel.started.lock().unwrap().len(), 1);
    let mut other = wish(&plan, "k");
    other.payer.scene = Scene::H5;
    assert!(matches!(world.checkout.subscribe(&other).await, Err(CheckoutError::KeyReused)));
    assert_eq!(world.store.books().orders.len(), 1);
}

#[tokio::test]
async fn a_key_is_another_order_after_a_day() {
    let world = World::new();
    let (plan, other) = (world.plan(Interval::Month, 0).await, world.plan(Interval::Year, 0).await);
    let first = world.subscribe(&plan, "k").await;
    world.wait(Duration::hours(24) - Duration::seconds(1));
    assert_eq!(world.subscribe(&plan, "k").await.order.id, first.order.id);
    assert!(matches!(world.checkout.subscribe(&wish(&other, "k")).await, Err(CheckoutError::KeyReused)));
    world.wait(Duration::seconds(1));
    let second = world.subscribe(&plan, "k").await;
    assert_ne!(second.order.id, first.order.id);
    assert!(second.pay_data.is_some());
    assert_eq!(world.subscribe(&plan, "k").await.order.id, second.order.id);
    world.wait(Duration::hours(24));
    assert_eq!(world.subscribe(&other, "k").await.subscription.plan_id, other.id);
    assert_eq!(world.store.books().orders.len(), 3);
}

#[tokio::test]
async fn a_renewal_s_key_is_free_after_a_day_too() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.subscription.id;
    let first = world.checkout.renew(id, &payer("r")).await.unwrap();
    world.wait(Duration::hours(24));
    let second = world.checkout.renew(id, &payer("r")).await.unwrap();
    assert_ne!(first.order.id, second.order.id);
    assert_eq!(world.store.books().orders[&first.order.id].state, OrderState::Closed);
}

#[tokio::test]
async fn a_replay_after_a_failed_payment_shows_the_failure_and_the_way_to_pay() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let first = world.subscribe(&plan, "k").await;
    let settle = |txn, outcome| {
        let (settlement, told) = (world.settlement.clone(), world.told(&first.order, txn, outcome));
        async move { settlement.settle("test", &told).await.unwrap() }
    };
    settle("no", Outcome::Failed).await;
    let again = world.subscribe(&plan, "k").await;
    assert_eq!((again.order.state, &again.pay_data), (OrderState::Failed, &first.pay_data));
    assert_eq!(settle("yes", Outcome::Paid).await, Settled::Paid);
    let paid = world.subscribe(&plan, "k").await;
    assert_eq!((paid.order.state, paid.pay_data), (OrderState::Paid, None));
}

#[tokio::test]
async fn a_failure_that_is_told_before_the_channel_answered_leaves_a_way_to_pay() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    *world.channel.down.lock().unwrap() = true;
    world.checkout.subscribe(&wish(&plan, "k")).await.unwrap_err();
    let order = world.store.books().orders.into_values().next().unwrap();
    world.settlement.settle("test", &world.told(&order, "no", Outcome::Failed)).await.unwrap();
    *world.channel.down.lock().unwrap() = false;
    let ticket = world.subscribe(&plan, "k").await;
    assert_eq!(ticket.order.state, OrderState::Failed);
    assert!(ticket.pay_data.is_some());
    assert_eq!(world.subscribe(&plan, "k").await.pay_data, ticket.pay_data);
}

#[tokio::test]
async fn a_replay_of_an_order_that_was_given_up_offers_nothing_to_pay() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    world.wait(Duration::hours(2));
    assert_eq!(world.subscribe(&plan, "k").await.pay_data, None);
    world.expire_order.expire(ticket.order.id).await.unwrap();
    let again = world.subscribe(&plan, "k").await;
    assert_eq!((again.order.state, again.pay_data), (OrderState::Closed, None));
}

#[tokio::test]
async fn a_channel_that_failed_is_asked_again_under_the_same_key() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    *world.channel.down.lock().unwrap() = true;
    assert!(matches!(world.checkout.subscribe(&wish(&plan, "k")).await, Err(CheckoutError::Channel(_))));
    *world.channel.down.lock().unwrap() = false;
    let ticket = world.subscribe(&plan, "k").await;
    assert!(ticket.pay_data.is_some());
    let started = world.channel.started.lock().unwrap().clone();
    assert_eq!(started[0].idempotency, started[1].idempotency);
    assert_eq!(world.store.books().orders.len(), 1);
}

#[tokio::test]
async fn an_unpaid_subscription_is_taken_up_again_and_its_old_order_closed() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let (first, second) = (world.subscribe(&plan, "a").await, world.subscribe(&plan, "b").await);
    assert_eq!(first.subscription.id, second.subscription.id);
    let books = world.store.books();
    assert_eq!(books.orders[&first.order.id].state, OrderState::Closed);
    assert_eq!(books.orders[&second.order.id].state, OrderState::Paying);
    // Both are paid after all: two periods.
    for (ticket, txn) in [(&second, "1"), (&first, "2")] {
        let told = world.told(&ticket.order, txn, Outcome::Paid);
        assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Paid);
    }
    let subscription = &world.store.books().subscriptions[&first.subscription.id];
    assert_eq!(subscription.current_period_end, Interval::Month.end_after(world.now(), 2));
}

#[tokio::test]
async fn what_cannot_be_bought_is_refused() {
    let world = World::new();
    let (plan, _) = world.subscribed(Interval::Month).await;
    let refused = |wish: Subscribe| {
        let checkout = world.checkout.clone();
        async move { checkout.subscribe(&wish).await.unwrap_err() }
    };
    let wished = |key| wish(&plan, key);
    assert!(matches!(refused(wished("again")).await, CheckoutError::AlreadySubscribed(_)));
    let own = Subscribe { payer: Payer { buyer_id: CREATOR, ..payer("own") }, ..wished("own") };
    assert!(matches!(refused(own).await, CheckoutError::OwnPlan));
    let unknown = Subscribe { plan_id: PlanId::new(99), ..wished("x") };
    assert!(matches!(refused(unknown).await, CheckoutError::PlanNotFound(_)));
    let channel = Subscribe { payer: Payer { channel: "cash".to_owned(), ..payer("x") }, ..wished("x") };
    assert!(matches!(refused(channel).await, CheckoutError::UnknownChannel { .. }));
    let coupon = Subscribe { coupon: Some("X".to_owned()), ..wished("x") };
    assert!(matches!(refused(coupon).await, CheckoutError::InvalidCoupon));
    world.plans.archive(&actor(CREATOR, &[]), plan.id, None).await.unwrap();
    let other = Subscribe { payer: Payer { buyer_id: UserId::new(3), ..payer("x") }, ..wished("x") };
    assert!(matches!(refused(other).await, CheckoutError::PlanArchived));
}

#[tokio::test]
async fn a_period_that_ended_unnoticed_does_not_stand_in_the_way() {
    let world = World::new();
    let (plan, first) = world.subscribed(Interval::Month).await;
    world.wait(Duration::days(40));
    let second = world.subscribe(&plan, "again").await;
    assert_ne!(first.subscription.id, second.subscription.id);
    assert_eq!(world.store.books().subscriptions[&first.subscription.id].state, SubscriptionState::Expired);
}

#[tokio::test]
async fn a_trial_runs_at_once_costs_nothing_and_is_given_once() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 7).await;
    let ticket = world.subscribe(&plan, "a").await;
    assert_eq!(ticket.subscription.state, SubscriptionState::Trialing);
    assert_eq!((ticket.order.state, ticket.order.total.amount(), ticket.pay_data), (OrderState::Paid, 0, None));
    assert_eq!(world.subscribe(&plan, "a").await.order, ticket.order);
    let books = world.store.books();
    assert!(books.ledger.is_empty() && books.payments.is_empty());
    assert_eq!(books.jobs[0].run_at, world.now() + Duration::days(7));
    world.wait(Duration::days(8));
    let second = world.subscribe(&plan, "b").await;
    assert_eq!((second.subscription.state, second.order.total.amount()), (SubscriptionState::Incomplete, 1990));
}

#[tokio::test]
async fn a_renewal_runs_behind_the_paid_period_at_the_old_price() {
    let world = World::new();
    let (plan, ticket) = world.subscribed(Interval::Month).await;
    let dearer = PlanPatch { price: Some(9990), ..PlanPatch::default() };
    world.plans.update(&actor(CREATOR, &[]), plan.id, dearer).await.unwrap();
    let anchor = world.now();
    world.wait(Duration::days(20));
    let id = ticket.subscription.id;
    let renewal = world.checkout.renew(id, &payer("renew")).await.unwrap();
    assert_eq!((renewal.order.kind, renewal.order.total.amount()), (OrderKind::Renewal, 1990));
    let told = world.told(&renewal.order, "txn-2", Outcome::Paid);
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Paid);
    let books = world.store.books();
    assert_eq!(books.subscriptions[&id].current_period_end, Interval::Month.end_after(anchor, 2));
    assert!(books.event_kinds().contains(&"subscription.renewed"));
}

#[tokio::test]
async fn a_renewal_takes_a_running_subscription_of_one_s_own() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.subscription.id;
    let stranger = Payer { buyer_id: CREATOR, ..payer("k") };
    let refused = world.checkout.renew(id, &stranger).await;
    assert!(matches!(refused, Err(CheckoutError::SubscriptionNotFound(_))));
    world.wait(Duration::days(40));
    let refused = world.checkout.renew(id, &payer("k")).await;
    assert!(matches!(refused, Err(CheckoutError::Transition(TransitionError::Ended))));
}

#[tokio::test]
async fn a_second_renewal_order_takes_the_place_of_the_first() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Year).await;
    let id = ticket.subscription.id;
    let first = world.checkout.renew(id, &payer("r1")).await.unwrap();
    world.checkout.renew(id, &payer("r2")).await.unwrap();
    let books = world.store.books();
    assert_eq!(books.orders[&first.order.id].state, OrderState::Closed);
    assert_eq!(books.orders.values().filter(|order| order.state.is_open()).count(), 1);
    let started = books.payments.values().filter(|payment| payment.state == PaymentState::Started).count();
    assert_eq!(started, 2);
    assert_eq!(books.orders[&first.order.id].buyer_id, READER);
}
