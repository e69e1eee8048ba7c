//! [`sharestack_billing::ports::payment`].

use serde_json::json;
use sharestack_billing::model::id::PaymentId;
use sharestack_billing::model::payment::{Payment, PaymentState};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, fen, order, plan, step, subscription, uuid};

/// The attempt of an order that the channel has told nothing about yet; afterwards it is
/// found by the channel's number.
pub async fn an_attempt_is_found_until_the_channel_told(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let order = order(&subject, &plan, &one, "k").await;
    let mut payment = Payment::start(PaymentId::new(uuid(&subject)), order.id, "test", order.total, subject.now());
    payment.pay_data = Some(json!({ "pay_url": "https://例子/?a=1&b='" }));
    step!(subject, PortError, |tx| Ok(tx.payments().insert(&payment).await?)).unwrap();
    let started = || async { step!(subject, StoreError, |tx| tx.payments().find_started(order.id).await).unwrap() };
    assert_eq!(started().await, Some(payment.clone()));
    payment.settle(PaymentState::Succeeded, "txn", order.total, subject.now());
    step!(subject, PortError, |tx| Ok(tx.payments().update(&payment).await?)).unwrap();
    assert_eq!(started().await, None);
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
