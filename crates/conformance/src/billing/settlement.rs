//! The promises that ports keep together: money is written down once, whoever races.

use chrono::Duration;
use futures::future::join_all;
use sharestack_billing::error::CheckoutError;
use sharestack_billing::model::order::{OrderState, Scene};
use sharestack_billing::model::plan::Plan;
use sharestack_billing::model::revenue::RevenuePeriod;
use sharestack_billing::model::subscription::SubscriptionState;
use sharestack_billing::ports::channel::{Notification, Outcome};
use sharestack_billing::service::checkout::{Checkout, Payer, Subscribe, Ticket};
use sharestack_billing::service::expiry::ExpireOrder;
use sharestack_billing::service::settlement::{Settled, Settlement};
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Currency;
use sharestack_kernel::page::PageRequest;

use super::{CREATOR, READER, Subject, channels, plan};

fn wish(plan: &Plan, buyer_id: UserId, key: &str) -> Subscribe {
    let payer = Payer { buyer_id, channel: "test".to_owned(), scene: Scene::Web, idempotency_key: key.to_owned() };
    Subscribe { plan_id: plan.id, coupon: None, payer }
}

async fn subscribe(subject: &Subject, wish: Subscribe) -> Result<Ticket, CheckoutError> {
    Checkout::new(subject.billing(), channels()).subscribe(&wish).await
}

fn paid(ticket: &Ticket, txn: &str) -> Notification {
    Notification {
        channel_txn_id: txn.to_owned(),
        order_number: ticket.order.number.clone(),
        amount: ticket.order.total,
        outcome: Outcome::Paid,
        at: ticket.order.created_at,
    }
}

/// Everything at once, each in a task of its own.
async fn at_once<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

async fn settle(subject: Subject, told: Notification) -> Settled {
    Settlement::new(subject.billing(), channels()).settle("test", &told).await.unwrap()
}

/// Twenty deliveries of one notification: one payment, one entry, one period.
pub async fn twenty_notifications_at_once_are_one_payment(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let ticket = subscribe(&subject, wish(&plan, READER, "k")).await.unwrap();
    assert_eq!(ticket.order.state, OrderState::Paying);
    let told = paid(&ticket, "txn");
    let settled = at_once((0..20).map(|_| settle(subject.clone(), told.clone()))).await;
    assert_eq!(settled.iter().filter(|settled| **settled == Settled::Paid).count(), 1);
    assert_eq!(settled.iter().filter(|settled| **settled == Settled::Ignored).count(), 19);
    let balance = subject.ledger.trial_balance().await.unwrap();
    assert!(balance.is_zero());
    assert_eq!(balance.entries, 1);
    let order = subject.orders.find(ticket.order.id).await.unwrap().unwrap();
    assert_eq!((order.order.state, order.channel_txn_id.as_deref()), (OrderState::Paid, Some("txn")));
    let view = subject.subscriptions.find(ticket.subscription.id).await.unwrap().unwrap();
    assert_eq!((view.subscription.state, view.subscription.periods), (SubscriptionState::Active, 1));
    let revenue = subject.ledger.revenue(CREATOR, Currency::Cny, RevenuePeriod::All, subject.now()).await.unwrap();
    assert_eq!(revenue.gross, 1990);
}

/// One request, sent ten times at once under one key.
pub async fn one_key_at_once_is_one_order(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let tickets = at_once((0..10).map(|_| {
        let (subject, wish) = (subject.clone(), wish(&plan, READER, "k"));
        async move { subscribe(&subject, wish).await.unwrap() }
    }))
    .await;
    assert!(tickets.iter().all(|ticket| ticket.order.id == tickets[0].order.id));
    assert!(tickets.iter().all(|ticket| ticket.pay_data == tickets[0].pay_data && ticket.pay_data.is_some()));
    let now = subject.now();
    let page = subject.subscriptions.list(READER, None, now, PageRequest::default()).await.unwrap();
    assert_eq!(page.total, 1);
}

/// A key that is a day old, sent ten times at once: one order more, and the old one stays.
pub async fn a_key_is_free_after_a_day_once_for_all_rivals(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let old = subscribe(&subject, wish(&plan, READER, "k")).await.unwrap();
    subject.clock.advance(Duration::hours(24) - Duration::microseconds(1));
    assert_eq!(subscribe(&subject, wish(&plan, READER, "k")).await.unwrap().order.id, old.order.id);
    subject.clock.advance(Duration::microseconds(1));
    let tickets = at_once((0..10).map(|_| {
        let (subject, wish) = (subject.clone(), wish(&plan, READER, "k"));
        async move { subscribe(&subject, wish).await.unwrap() }
    }))
    .await;
    assert!(tickets.iter().all(|ticket| ticket.order.id == tickets[0].order.id && ticket.pay_data.is_some()));
    assert_ne!(tickets[0].order.id, old.order.id);
    let old = subject.orders.find(old.order.id).await.unwrap().unwrap().order;
    assert_eq!((old.state, old.idempotency_key.as_str()), (OrderState::Closed, "k"));
}

/// Ten requests under keys of their own: one subscription, and one order that waits.
pub async fn rivals_for_a_plan_get_one_live_subscription(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let tickets = at_once((0..10).map(|n| {
        let (subject, wish) = (subject.clone(), wish(&plan, READER, &n.to_string()));
        async move { subscribe(&subject, wish).await }
    }))
    .await;
    let tickets: Vec<Ticket> = tickets.into_iter().filter_map(Result::ok).collect();
    assert!(!tickets.is_empty());
    assert!(tickets.iter().all(|ticket| ticket.subscription.id == tickets[0].subscription.id));
    let mut open = 0;
    for ticket in &tickets {
        open += usize::from(subject.orders.find(ticket.order.id).await.unwrap().unwrap().order.state.is_open());
    }
    assert_eq!(open, 1);
}

/// The money counts whether it comes before or after the order is given up.
pub async fn a_payment_and_the_end_of_its_order_at_once_lose_nothing(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    for n in 0..5 {
        let ticket = subscribe(&subject, wish(&plan, UserId::new(100 + n), "k")).await.unwrap();
        subject.clock.advance(Duration::hours(2));
        let (expiry, id) = (ExpireOrder::new(subject.billing(), channels(), subject.orders.clone()), ticket.order.id);
        let settled = settle(subject.clone(), paid(&ticket, &n.to_string()));
        let (settled, expired) =
            tokio::join!(tokio::spawn(settled), tokio::spawn(async move { expiry.expire(id).await }));
        expired.unwrap().unwrap();
        assert_eq!(settled.unwrap(), Settled::Paid);
        let order = subject.orders.find(ticket.order.id).await.unwrap().unwrap().order;
        assert_eq!((order.state, order.closed_at), (OrderState::Paid, None));
        let view = subject.subscriptions.find(ticket.subscription.id).await.unwrap().unwrap();
        assert_eq!(view.subscription.state, SubscriptionState::Active);
    }
    assert!(subject.ledger.trial_balance().await.unwrap().is_zero());
}

/// Many readers pay at once, some twice and some too little.
pub async fn the_books_balance_after_a_rush(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1999).await;
    let mut told = Vec::new();
    for n in 0..8 {
        let ticket = subscribe(&subject, wish(&plan, UserId::new(100 + n), "k")).await.unwrap();
        let mut little = paid(&ticket, &format!("little-{n}"));
        little.amount = super::fen(1);
        told.extend([paid(&ticket, &format!("a-{n}")), paid(&ticket, &format!("a-{n}")), little]);
        told.push(paid(&ticket, &format!("b-{n}")));
    }
    let settled = at_once(told.into_iter().map(|told| settle(subject.clone(), told))).await;
    let count = |wanted| settled.iter().filter(|settled| **settled == wanted).count();
    assert_eq!((count(Settled::Paid), count(Settled::Surplus)), (8, 8));
    assert_eq!((count(Settled::Suspicious), count(Settled::Ignored)), (8, 8));
    let balance = subject.ledger.trial_balance().await.unwrap();
    assert!(balance.is_zero());
    assert_eq!(balance.entries, 24);
    let revenue = subject.ledger.revenue(CREATOR, Currency::Cny, RevenuePeriod::All, subject.now()).await.unwrap();
    assert_eq!((revenue.gross, revenue.fees), (8 * 1999, 8 * 200));
}
