//! [`sharestack_billing::ports::sandbox`].

use sharestack_billing::model::order::OrderNumber;
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::sandbox::SandboxPayment;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::{Subject, fen};

/// MUST leave one that is there already as it is; a click is kept.
pub async fn a_payment_that_is_there_stays_as_it_is(subject: Subject) {
    let mut payment = SandboxPayment {
        order_number: OrderNumber::parse("o-1").unwrap(),
        amount: fen(1990),
        subject: "会员".to_owned(),
        state: PaymentState::Started,
        txn_id: None,
        notify_url: "https://example.org/notify".to_owned(),
        expires_at: subject.now(),
        clicked_at: None,
        closed_at: None,
        created_at: subject.now(),
    };
    let other = SandboxPayment { amount: fen(1), ..payment.clone() };
    for insert in [&payment, &other] {
        let done: Result<(), StoreError> =
            transact!(subject.sandbox, |tx| { tx.sandbox().insert_if_absent(insert).await });
        done.unwrap();
    }
    assert_eq!(subject.sandbox_queries.find(&payment.order_number).await.unwrap(), Some(payment.clone()));
    payment.state = PaymentState::Succeeded;
    payment.txn_id = Some("txn".to_owned());
    payment.clicked_at = Some(subject.now());
    payment.closed_at = Some(subject.now());
    let locked: Result<_, StoreError> = transact!(subject.sandbox, |tx| {
        tx.sandbox().update(&payment).await?;
        tx.sandbox().lock_by_number(&payment.order_number).await
    });
    assert_eq!(locked.unwrap(), Some(payment));
    let unknown = OrderNumber::parse("o-2").unwrap();
    assert_eq!(subject.sandbox_queries.find(&unknown).await.unwrap(), None);
}
