//! [`sharestack_billing::ports::payment`].

use chrono::Duration;
use serde_json::json;
use sharestack_billing::model::id::PaymentId;
use sharestack_billing::model::payment::{Payment, PaymentState};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, fen, order, plan, step, subscription, uuid};

/// The attempt that was begun with an order is found as its first, before and after the
/// channel told, and by the channel's number; what only the channel told of comes later.
pub async fn the_attempt_that_was_begun_is_found_whatever_came_of_it(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let order = order(&subject, &plan, &one, "k").await;
    let mut payment = Payment::start(PaymentId::new(uuid(&subject)), order.id, "test", order.total, subject.now());
    payment.pay_data = Some(json!({ "pay_url": "https://例子/?a=1&b='" }));
    step!(subject, PortError, |tx| Ok(tx.payments().insert(&payment).await?)).unwrap();
    let first = || async { step!(subject, StoreError, |tx| tx.payments().find_first(order.id).await).unwrap() };
    assert_eq!(first().await, Some(payment.clone()));
    subject.clock.advance(Duration::seconds(1));
    let mut other = Payment::start(PaymentId::new(uuid(&subject)), order.id, "test", order.total, subject.now());
    other.settle(PaymentState::Surplus, "other", order.total, subject.now());
    step!(subject, PortError, |tx| Ok(tx.payments().insert(&other).await?)).unwrap();
    payment.settle(PaymentState::Succeeded, "txn", order.total, subject.now());
    step!(subject, PortError, |tx| Ok(tx.payments().update(&payment).await?)).unwrap();
    assert_eq!(first().await, Some(payment.clone()));
    let told = step!(subject, StoreError, |tx| {
        let found = tx.payments().find_by_transaction("test", "txn").await?;
        let elsewhere = tx.payments().find_by_transaction("other", "txn").await?;
        Ok((found, elsewhere))
    });
    assert_eq!(told.unwrap(), (Some(payment), None));
}

/// MUST return `Taken` when the channel's number is known already.
pub async fn a_number_of_the_channel_is_recorded_once(subject: Subject) {
    let payment = |channel: &str, txn: &str| {
        let mut payment = Payment {
            id: PaymentId::new(uuid(&subject)),
            order_id: None,
            channel: channel.to_owned(),
            channel_txn_id: None,
            amount: fen(1),
            state: PaymentState::Started,
            pay_data: None,
            created_at: subject.now(),
            settled_at: None,
        };
        payment.settle(PaymentState::Suspicious, txn, fen(1), subject.now());
        payment
    };
    let insert = |payment: Payment| {
        let subject = subject.clone();
        async move { step!(subject, PortError, |tx| Ok(tx.payments().insert(&payment).await?)) }
    };
    insert(payment("test", "a")).await.unwrap();
    insert(payment("other", "a")).await.unwrap();
    let mut second = payment("test", "b");
    insert(second.clone()).await.unwrap();
    assert!(matches!(insert(payment("test", "a")).await, Err(PortError::Taken)));
    second.channel_txn_id = Some("a".to_owned());
    let refused = step!(subject, PortError, |tx| Ok(tx.payments().update(&second).await?));
    assert!(matches!(refused, Err(PortError::Taken)));
}
