//! [`sharestack_billing::ports::order`].

use chrono::Duration;
use futures::future::join_all;
use sharestack_billing::model::id::PaymentId;
use sharestack_billing::model::order::Order;
use sharestack_billing::model::payment::{Payment, PaymentState};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, new_order, order, plan, step, subscription, uuid};

async fn update(subject: &Subject, order: &Order) -> Result<(), PortError> {
    step!(subject, PortError, |tx| Ok(tx.orders().update(order).await?))
}

/// Every field survives, by every way to find it; the view has the payment beside it.
pub async fn an_inserted_order_is_found_as_it_was(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let new = order(&subject, &plan, &one, "键 '\"").await;
    let found = step!(subject, StoreError, |tx| {
        let by_id = tx.orders().lock_by_id(new.id).await?;
        let by_number = tx.orders().lock_by_number(&new.number).await?;
        let by_key = tx.orders().find_by_key(READER, &new.idempotency_key).await?;
        Ok([by_id, by_number, by_key])
    });
    assert_eq!(found.unwrap(), [(); 3].map(|()| Some(new.clone())));
    let view = subject.orders.find(new.id).await.unwrap().unwrap();
    assert_eq!((view.order, view.pay_data, view.channel_txn_id), (new.clone(), None, None));

    let id = PaymentId::new(uuid(&subject));
    let mut payment = Payment::start(id, new.id, "test", new.total, subject.now());
    payment.pay_data = Some(serde_json::json!({ "pay_url": "x" }));
    payment.settle(PaymentState::Succeeded, "txn", new.total, subject.now());
    step!(subject, PortError, |tx| Ok(tx.payments().insert(&payment).await?)).unwrap();
    let view = subject.orders.find(new.id).await.unwrap().unwrap();
    assert_eq!((view.pay_data, view.channel_txn_id.as_deref()), (payment.pay_data, Some("txn")));
    assert_eq!(view.plan_name, plan.name.as_str());
}

/// Another order may have a key that was released, in the same transaction already.
pub async fn a_released_key_is_another_order_s(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let first = order(&subject, &plan, &one, "k").await;
    let (second, third) = (new_order(&subject, &plan, &one, "k").await, new_order(&subject, &plan, &one, "k").await);
    step!(subject, PortError, |tx| {
        tx.orders().release_key(first.id).await?;
        Ok(tx.orders().insert(&second).await?)
    })
    .unwrap();
    let found = step!(subject, StoreError, |tx| tx.orders().find_by_key(READER, "k").await).unwrap();
    assert_eq!(found, Some(second.clone()));
    // The first keeps what it was asked with, and stays as it was.
    let kept = step!(subject, StoreError, |tx| tx.orders().lock_by_id(first.id).await).unwrap();
    assert_eq!(kept, Some(first.clone()));
    for id in [first.id, second.id] {
        step!(subject, StoreError, |tx| tx.orders().release_key(id).await).unwrap();
    }
    assert_eq!(step!(subject, StoreError, |tx| tx.orders().find_by_key(READER, "k").await).unwrap(), None);
    step!(subject, PortError, |tx| Ok(tx.orders().insert(&third).await?)).unwrap();
}

/// MUST return `Taken` when another order has the key.
pub async fn a_buyer_s_key_is_one_order(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    order(&subject, &plan, &one, "k").await;
    let twin = new_order(&subject, &plan, &one, "k").await;
    let refused = step!(subject, PortError, |tx| Ok(tx.orders().insert(&twin).await?));
    assert!(matches!(refused, Err(PortError::Taken)));
    let other = subscription(&subject, &plan, UserId::new(3)).await;
    order(&subject, &plan, &other, "k").await;
    // Keys are compared byte by byte.
    order(&subject, &plan, &one, "K").await;
}

/// MUST still have the version it was read with.
pub async fn an_update_of_an_old_version_is_stale(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let mut order = order(&subject, &plan, &one, "k").await;
    order.await_payment(subject.now()).unwrap();
    update(&subject, &order).await.unwrap();
    assert!(matches!(update(&subject, &order).await, Err(PortError::Stale)));
}

/// The orders of a subscription that are neither paid nor closed, the oldest first.
pub async fn only_unpaid_orders_are_locked_together(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let open = order(&subject, &plan, &one, "open").await;
    let mut failed = order(&subject, &plan, &one, "failed").await;
    let (mut paid, mut closed) =
        (order(&subject, &plan, &one, "paid").await, order(&subject, &plan, &one, "closed").await);
    failed.fail(subject.now()).unwrap();
    paid.pay(subject.now(), subject.now()).unwrap();
    closed.close(subject.now()).unwrap();
    for order in [&failed, &paid, &closed] {
        update(&subject, order).await.unwrap();
    }
    let unpaid = step!(subject, StoreError, |tx| tx.orders().lock_unpaid(one.id).await).unwrap();
    assert_eq!(unpaid.into_iter().map(|order| order.id).collect::<Vec<_>>(), [open.id, failed.id]);
}

/// MUST give it at most once in every `gap`, over all nodes.
pub async fn of_rivals_one_may_ask_the_channel(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let one = subscription(&subject, &plan, READER).await;
    let order = order(&subject, &plan, &one, "k").await;
    let gap = Duration::seconds(5);
    for _ in 0..2 {
        let rivals = (0..10).map(|_| subject.orders.claim_sync(order.id, subject.now(), gap));
        let claimed = join_all(rivals).await.into_iter().filter(|claimed| *claimed.as_ref().unwrap()).count();
        assert_eq!(claimed, 1);
        subject.clock.advance(gap);
    }
}
