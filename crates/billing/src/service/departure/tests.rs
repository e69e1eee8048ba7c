use chrono::Duration;

use super::*;
use crate::error::CheckoutError;
use crate::model::interval::Interval;
use crate::model::order::OrderState;
use crate::model::payment::PaymentState;
use crate::model::subscription::Subscription;
use crate::ports::channel::Outcome;
use crate::ports::ledger::LedgerQueries as _;
use crate::service::checkout::{Payer, Ticket};
use crate::service::closing::CLOSE_ORDER;
use crate::service::settlement::Settled;
use crate::testing::{CREATOR, READER, World, payer, wish};

fn stored(world: &World, ticket: &Ticket) -> Subscription {
    world.store.books().subscriptions[&ticket.subscription.id].clone()
}

fn order_state(world: &World, ticket: &Ticket) -> OrderState {
    world.store.books().orders[&ticket.order.id].state
}

#[tokio::test]
async fn when_a_creator_leaves_nothing_of_theirs_is_sold_any_more() {
    let world = World::new();
    let (plan, paid) = world.subscribed(Interval::Month).await;
    let renewal = world.checkout.renew(paid.subscription.id, &payer("renewal")).await.unwrap();
    let unpaid = world.subscribe(&world.plan(Interval::Year, 0).await, "unpaid").await;
    let trial = world.subscribe(&world.plan(Interval::Month, 7).await, "trial").await;
    let lifetime = world.subscribe(&world.plan(Interval::Lifetime, 0).await, "lifetime").await;
    world.settlement.settle("test", &world.told(&lifetime.order, "txn-2", Outcome::Paid)).await.unwrap();
    let money = world.store.books().ledger;
    world.leave(CREATOR).await;

    let books = world.store.books();
    assert!(books.plans.values().all(|plan| plan.status == PlanStatus::Archived));
    // What is paid is read to its end; what has no end, ends now.
    for ticket in [&paid, &trial] {
        let left = stored(&world, ticket);
        assert!(left.state.is_running() && left.cancel_at_period_end, "{left:?}");
    }
    assert_eq!(stored(&world, &lifetime).state, SubscriptionState::Canceled);
    assert_eq!(stored(&world, &unpaid).state, SubscriptionState::Expired);
    assert_eq!([&renewal, &unpaid].map(|ticket| order_state(&world, ticket)), [OrderState::Closed; 2]);
    let told = |kind: &str| books.events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(told(events::SUBSCRIPTION_CANCELED_SCHEDULED), 2);
    assert_eq!((told(events::SUBSCRIPTION_CANCELED), told(events::SUBSCRIPTION_EXPIRED)), (1, 1));
    assert_eq!((told(events::ORDER_CLOSED), told(events::PLAN_ARCHIVED)), (2, 4));
    assert_eq!(books.ledger, money, "what was paid stays paid");
    world.work(CLOSE_ORDER).await.unwrap();
    let closed = world.channel.closed.lock().unwrap().clone();
    assert!([&renewal, &unpaid].iter().all(|ticket| closed.contains(&ticket.order.number)));

    // Nothing brings it back.
    let again = world.checkout.renew(paid.subscription.id, &payer("again")).await;
    assert!(matches!(again, Err(CheckoutError::CreatorLeft)), "{again:?}");
    let resumed = world.subscriptions.resume(READER, paid.subscription.id).await;
    assert!(matches!(resumed, Err(SubscriptionError::CreatorLeft)), "{resumed:?}");
    assert!(matches!(world.checkout.subscribe(&wish(&plan, "new")).await, Err(CheckoutError::PlanArchived)));
    // Told again, it is told once.
    let count = books.events.len();
    world.leave(CREATOR).await;
    assert_eq!(world.store.books().events.len(), count);
    world.wait(Duration::days(32));
    assert!(world.expire_subscription.expire(paid.subscription.id).await.unwrap());
    assert_eq!(stored(&world, &paid).state, SubscriptionState::Canceled);
}

#[tokio::test]
async fn nothing_is_sold_for_who_has_left_before_billing_hears_of_it() {
    let world = World::new();
    let (plan, paid) = world.subscribed(Interval::Month).await;
    world.store.leave(CREATOR);
    let orders = world.store.books().orders;
    let renewed = world.checkout.renew(paid.subscription.id, &payer("renewal")).await;
    assert!(matches!(renewed, Err(CheckoutError::CreatorLeft)), "{renewed:?}");
    let other = Payer { buyer_id: UserId::new(9), ..payer("other") };
    let wanted =
        world.checkout.subscribe(&crate::service::checkout::Subscribe { payer: other, ..wish(&plan, "") }).await;
    assert!(matches!(wanted, Err(CheckoutError::CreatorLeft)), "{wanted:?}");
    assert_eq!(world.store.books().orders, orders);
}

#[tokio::test]
async fn money_that_comes_after_the_creator_or_the_reader_left_is_owed_back() {
    for (left, heard) in [(CREATOR, true), (CREATOR, false), (READER, true), (READER, false)] {
        let world = World::new();
        let (_, paid) = world.subscribed(Interval::Month).await;
        let renewal = world.checkout.renew(paid.subscription.id, &payer("renewal")).await.unwrap();
        let before = (world.balance("creator_payable"), world.balance("platform_fee_revenue"));
        if heard {
            world.leave(left).await;
        } else {
            world.store.leave(left);
        }
        let (order, seen) = (order_state(&world, &renewal), stored(&world, &paid));
        let told = world.told(&renewal.order, "late", Outcome::Paid);
        assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Surplus);
        assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Ignored);
        assert_eq!(stored(&world, &paid), seen, "nobody reads for it");
        assert_eq!(order_state(&world, &renewal), order);
        assert_eq!((world.balance("creator_payable"), world.balance("platform_fee_revenue")), before);
        assert_eq!(world.balance("suspense"), -1990);
        assert!(world.store.trial_balance().await.unwrap().is_zero());
        let books = world.store.books();
        assert!(books.payments.values().any(|payment| payment.state == PaymentState::Surplus));
        assert_eq!(books.event_kinds().last(), Some(&events::PAYMENT_UNMATCHED));
    }
}

#[tokio::test]
async fn when_a_reader_leaves_all_they_had_ends_and_nothing_can_be_paid_any_more() {
    let world = World::new();
    let (_, paid) = world.subscribed(Interval::Month).await;
    let renewal = world.checkout.renew(paid.subscription.id, &payer("renewal")).await.unwrap();
    // More than are read at once.
    let mut unpaid = Vec::new();
    for number in 0..PAGE + 5 {
        unpaid.push(world.subscribe(&world.plan(Interval::Month, 0).await, &format!("unpaid-{number}")).await);
    }
    let other = Payer { buyer_id: UserId::new(9), ..payer("other") };
    let plan = world.plan(Interval::Month, 0).await;
    let others = crate::service::checkout::Subscribe { payer: other, ..wish(&plan, "") };
    let others = world.checkout.subscribe(&others).await.unwrap();
    world.leave(READER).await;

    assert_eq!(stored(&world, &paid).state, SubscriptionState::Canceled);
    assert_eq!(order_state(&world, &renewal), OrderState::Closed);
    for ticket in &unpaid {
        let found = (stored(&world, ticket).state, order_state(&world, ticket));
        assert_eq!(found, (SubscriptionState::Expired, OrderState::Closed));
    }
    assert_eq!(stored(&world, &others).state, SubscriptionState::Incomplete);
    assert_eq!(order_state(&world, &others), OrderState::Paying);
    let books = world.store.books();
    assert!(books.plans.values().all(|plan| plan.status == PlanStatus::Active));
    assert_eq!(books.jobs.iter().filter(|job| job.kind == CLOSE_ORDER).count(), unpaid.len() + 1);
}

#[tokio::test]
async fn an_order_that_outlived_its_subscription_is_closed_too() {
    let world = World::new();
    let (_, paid) = world.subscribed(Interval::Month).await;
    let end = stored(&world, &paid).current_period_end.unwrap();
    world.wait(end - world.now() - Duration::hours(1));
    let renewal = world.checkout.renew(paid.subscription.id, &payer("renewal")).await.unwrap();
    world.wait(Duration::hours(1));
    world.expire_subscription.expire(paid.subscription.id).await.unwrap();
    world.leave(CREATOR).await;
    assert_eq!(order_state(&world, &renewal), OrderState::Closed);
    assert_eq!(stored(&world, &paid).state, SubscriptionState::Expired);
}
