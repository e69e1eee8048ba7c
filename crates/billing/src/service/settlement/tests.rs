use std::sync::Arc;

use chrono::Duration;
use proptest::prelude::*;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money};

use super::*;
use crate::model::interval::Interval;
use crate::model::order::{OrderNumber, OrderState};
use crate::model::revenue::RevenuePeriod;
use crate::model::subscription::SubscriptionState;
use crate::ports::channel::NotificationError;
use crate::ports::ledger::LedgerQueries;
use crate::service::revenue::Revenue;
use crate::service::subscriptions::Cancel;
use crate::testing::{CREATOR, READER, World, payer, wish};

#[tokio::test]
async fn a_payment_pays_the_order_opens_the_subscription_and_is_booked() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let books = world.store.books();
    let subscription = &books.subscriptions[&ticket.subscription.id];
    assert_eq!(subscription.state, SubscriptionState::Active);
    assert_eq!(subscription.current_period_end, Interval::Month.end_after(world.now(), 1));
    assert_eq!(books.orders[&ticket.order.id].state, OrderState::Paid);
    assert_eq!(books.ledger.len(), 1);
    assert!(books.event_kinds().ends_with(&["order.paid", "subscription.activated"]));
    let revenue = Revenue::new(world.billing.clone(), Arc::new(world.store.clone()));
    let summary = revenue.summary(CREATOR, Currency::Cny, RevenuePeriod::All).await.unwrap();
    assert_eq!(
        (summary.gross, summary.fees, summary.net, summary.pending, summary.available),
        (1990, 199, 1791, 1791, 0)
    );
    world.wait(Duration::days(3) + Duration::seconds(1));
    let summary = revenue.summary(CREATOR, Currency::Cny, RevenuePeriod::All).await.unwrap();
    assert_eq!((summary.pending, summary.available, summary.withdrawn), (0, 1791, 0));
    let elsewhere = revenue.summary(CREATOR, Currency::Usd, RevenuePeriod::parse("2020-01").unwrap()).await.unwrap();
    assert_eq!((elsewhere.gross, elsewhere.available), (0, 0));
}

#[tokio::test]
async fn what_is_told_twice_counts_once() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let before = world.store.books();
    let told = world.told(&ticket.order, "txn-1", Outcome::Paid);
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Ignored);
    let after = world.store.books();
    assert_eq!((before.events.len(), before.ledger.len()), (after.events.len(), after.ledger.len()));
    assert_eq!(before.subscriptions, after.subscriptions);
}

#[tokio::test]
async fn a_failure_after_the_success_is_old_news_and_a_success_after_a_failure_counts() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    let settle = |txn, outcome| {
        let (settlement, told) = (world.settlement.clone(), world.told(&ticket.order, txn, outcome));
        async move { settlement.settle("test", &told).await.unwrap() }
    };
    assert_eq!(settle("a", Outcome::Failed).await, Settled::Failed);
    assert_eq!(settle("a", Outcome::Failed).await, Settled::Ignored);
    assert_eq!(world.store.books().orders[&ticket.order.id].state, OrderState::Failed);
    assert_eq!(settle("b", Outcome::Paid).await, Settled::Paid);
    assert_eq!(settle("c", Outcome::Failed).await, Settled::Ignored);
    assert_eq!(world.store.books().orders[&ticket.order.id].state, OrderState::Paid);
}

#[tokio::test]
async fn money_that_does_not_match_is_set_aside_and_pays_nothing() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    let mut told = world.told(&ticket.order, "cheap", Outcome::Paid);
    told.amount = Money::new(1, Currency::Cny);
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Suspicious);
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Ignored);
    told.amount = Money::new(1990, Currency::Usd);
    told.channel_txn_id = "dollars".to_owned();
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Suspicious);
    told.order_number = OrderNumber::parse("nothing-of-ours").unwrap();
    told.channel_txn_id = "stray".to_owned();
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Suspicious);
    let books = world.store.books();
    assert_eq!(books.orders[&ticket.order.id].state, OrderState::Paying);
    assert_eq!((books.ledger.len(), books.payments.len()), (3, 4));
    assert!(world.store.trial_balance().await.unwrap().is_zero());
    assert_eq!(books.event_kinds().iter().filter(|kind| **kind == "payment.unmatched").count(), 3);
    // The right money still pays it.
    let right = world.told(&ticket.order, "right", Outcome::Paid);
    assert_eq!(world.settlement.settle("test", &right).await.unwrap(), Settled::Paid);
}

#[tokio::test]
async fn a_second_payment_of_one_order_is_owed_back() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let told = world.told(&ticket.order, "txn-2", Outcome::Paid);
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Surplus);
    let books = world.store.books();
    let subscription = &books.subscriptions[&ticket.subscription.id];
    assert_eq!(subscription.current_period_end, Interval::Month.end_after(world.now(), 1));
    assert_eq!(books.ledger.len(), 2);
}

#[tokio::test]
async fn late_money_opens_the_order_and_the_subscription_again() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    world.wait(Duration::hours(3));
    assert!(world.expire_order.expire(ticket.order.id).await.unwrap());
    let told = world.told(&ticket.order, "late", Outcome::Paid);
    assert_eq!(world.settlement.settle("test", &told).await.unwrap(), Settled::Paid);
    let subscription = &world.store.books().subscriptions[&ticket.subscription.id];
    assert_eq!(subscription.state, SubscriptionState::Active);
    assert_eq!(subscription.current_period_start, Some(world.now()));
}

#[tokio::test]
async fn late_money_goes_to_the_subscription_that_took_the_place_of_the_old_one() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let old = world.subscribe(&plan, "a").await;
    world.wait(Duration::hours(3));
    world.expire_order.expire(old.order.id).await.unwrap();
    let new = world.subscribe(&plan, "b").await;
    assert_ne!(old.subscription.id, new.subscription.id);
    world.settlement.settle("test", &world.told(&new.order, "1", Outcome::Paid)).await.unwrap();
    world.settlement.settle("test", &world.told(&old.order, "2", Outcome::Paid)).await.unwrap();
    let books = world.store.books();
    assert_eq!(books.subscriptions[&new.subscription.id].current_period_end, Interval::Month.end_after(world.now(), 2));
    assert_eq!(books.subscriptions[&old.subscription.id].state, SubscriptionState::Expired);
    assert_eq!(books.orders[&old.order.id].subscription_id, new.subscription.id);
}

#[tokio::test]
async fn nothing_can_follow_a_lifetime() {
    let world = World::new();
    let plan = world.plan(Interval::Lifetime, 0).await;
    let (first, second) = (world.subscribe(&plan, "a").await, world.subscribe(&plan, "b").await);
    let pay = |order, txn| world.told(order, txn, Outcome::Paid);
    assert_eq!(world.settlement.settle("test", &pay(&second.order, "1")).await.unwrap(), Settled::Paid);
    let before = world.store.books().orders[&first.order.id].state;
    assert_eq!(world.settlement.settle("test", &pay(&first.order, "2")).await.unwrap(), Settled::Surplus);
    assert!(world.store.trial_balance().await.unwrap().is_zero());
    // The order that nothing was bought with is not told as paid.
    assert_eq!(world.store.books().orders[&first.order.id].state, before);
    assert_ne!(before, OrderState::Paid);
}

#[tokio::test]
async fn another_channel_s_money_does_not_pay_the_order() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    let told = world.told(&ticket.order, "x", Outcome::Paid);
    assert_eq!(world.settlement.settle("other", &told).await.unwrap(), Settled::Suspicious);
    assert_eq!(world.store.books().orders[&ticket.order.id].state, OrderState::Paying);
}

#[tokio::test]
async fn a_notification_without_a_right_signature_changes_nothing() {
    let world = World::new();
    let headers = NotificationHeaders::default();
    let refused = world.settlement.notify("test", &headers, b"{}").await;
    assert!(matches!(refused, Err(SettleError::Notification(NotificationError::Signature))));
    assert!(matches!(world.settlement.notify("cash", &headers, b"{}").await, Err(SettleError::UnknownChannel(_))));
    assert!(world.store.books().payments.is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Subscribe(u8),
    Renew(u8),
    Tell { order: u8, txn: u8, paid: bool, amount: i64 },
    Cancel(bool),
    Wait(i64),
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_u8..6).prop_map(Step::Subscribe),
        1 => (6_u8..10).prop_map(Step::Renew),
        6 => (0_u8..8, 0_u8..10, any::<bool>(), prop_oneof![4 => Just(1990_i64), 1 => 0_i64..3000])
            .prop_map(|(order, txn, paid, amount)| Step::Tell { order, txn, paid, amount }),
        1 => any::<bool>().prop_map(Step::Cancel),
        1 => (0_i64..2000).prop_map(Step::Wait),
        1 => Just(Step::Expire),
    ]
}

/// Whatever is told in whatever order: the books balance, every paid order has one sale,
/// and every sum of money that came is booked once.
async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    for step in steps {
        let books = world.store.books();
        let latest = books.subscriptions.values().next_back().map(|subscription| subscription.id);
        match step {
            Step::Subscribe(key) => drop(world.checkout.subscribe(&wish(&plan, &key.to_string())).await),
            Step::Renew(key) => {
                if let Some(id) = latest {
                    drop(world.checkout.renew(id, &payer(&key.to_string())).await);
                }
            }
            Step::Tell { order, txn, paid, amount } => {
                let outcome = if paid { Outcome::Paid } else { Outcome::Failed };
                if let Some(order) = books.orders.values().nth(usize::from(order)) {
                    let mut told = world.told(order, &txn.to_string(), outcome);
                    told.amount = Money::new(amount, Currency::Cny);
                    world.settlement.settle("test", &told).await.unwrap();
                }
            }
            Step::Cancel(at_period_end) => {
                if let Some(id) = latest {
                    let cancel = Cancel { id, subscriber_id: READER, at_period_end, reason: None };
                    drop(world.subscriptions.cancel(&cancel).await);
                }
            }
            Step::Wait(minutes) => world.wait(Duration::minutes(minutes)),
            Step::Expire => {
                for id in books.orders.keys() {
                    world.expire_order.expire(*id).await.unwrap();
                }
                for id in books.subscriptions.keys() {
                    world.expire_subscription.expire(*id).await.unwrap();
                }
            }
        }
        let books = world.store.books();
        prop_assert!(world.store.trial_balance().await.unwrap().is_zero());
        let paid = books.orders.values().filter(|order| order.state == OrderState::Paid).count();
        let succeeded = books.payments.values().filter(|payment| payment.state == PaymentState::Succeeded).count();
        let money = books.payments.values().filter(|payment| payment.state.has_money() && payment.amount.amount() > 0);
        prop_assert!(succeeded <= paid);
        prop_assert_eq!(books.ledger.len(), money.count());
        let live = books.subscriptions.values().filter(|one| one.live_key().is_some()).count();
        prop_assert!(live <= 1);
    }
    let summary = world.store.revenue(CREATOR, Currency::Cny, RevenuePeriod::All, world.now()).await.unwrap();
    let paid = world.store.books().payments.values().filter(|one| one.state == PaymentState::Succeeded).count();
    prop_assert_eq!(summary.gross, 1990 * i64::try_from(paid).unwrap());
    prop_assert_eq!(summary.pending + summary.available, summary.net);
    let other = world.store.revenue(UserId::new(9), Currency::Cny, RevenuePeriod::All, world.now()).await.unwrap();
    prop_assert_eq!(other.gross, 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn money_is_booked_once_whatever_is_told_in_whatever_order(steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps))?;
    }
}
