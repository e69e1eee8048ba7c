//! [`sharestack_billing::ports::channel::PaymentChannel`]: what every channel keeps to.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{Duration, Utc};
use sharestack_billing::model::id::PaymentId;
use sharestack_billing::model::order::{OrderNumber, Scene};
use sharestack_billing::ports::channel::{
    Closing, NotificationError, NotificationHeaders, Outcome, PayRequest, PaymentChannel,
};
use sharestack_kernel::clock::Clock;
use uuid::Uuid;

use super::fen;

/// Who pays at the channel, as the channel lets people pay.
#[async_trait]
pub trait Payer: Send + Sync {
    /// Tries to pay an order; whether the channel took the money.
    async fn pay(&self, order: &OrderNumber) -> bool;

    /// An attempt that the channel refuses.
    async fn fail(&self, order: &OrderNumber);
}

/// A channel over empty books, and the clock it goes by.
pub struct Subject {
    /// Who pays there.
    pub payer: Arc<dyn Payer>,
    /// The channel.
    pub channel: Arc<dyn PaymentChannel>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// The name of the header that carries its signature.
    pub signature_header: &'static str,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! channel_cases {
    ($run:ident) => {
        $run! {
            asking_twice_for_one_attempt_is_asking_once,
            nothing_is_told_before_the_payer_paid,
            a_body_that_nobody_signed_is_refused,
            a_closed_order_takes_no_money,
            a_paid_order_is_left_as_it_is_and_says_so,
            an_order_that_the_channel_does_not_know_is_closed,
            a_failed_attempt_is_no_reason_to_keep_an_order_open,
        }
    };
}

impl Subject {
    fn request(&self, number: u128) -> PayRequest {
        let id = Uuid::from_u128(number);
        PayRequest {
            order_number: OrderNumber::from_uuid(id),
            amount: fen(1990),
            subject: "会员 & <b>".to_owned(),
            scene: Scene::Web,
            notify_url: "https://example.org/notify".to_owned(),
            expires_at: self.clock.now().with_timezone(&Utc) + Duration::hours(2),
            idempotency: PaymentId::new(id),
        }
    }
}

/// MUST return data for the same payment when it is asked again with the same attempt.
pub async fn asking_twice_for_one_attempt_is_asking_once(subject: Subject) {
    let first = subject.channel.start(&subject.request(1)).await.unwrap();
    assert_eq!(subject.channel.start(&subject.request(1)).await.unwrap(), first);
    assert_ne!(subject.channel.start(&subject.request(2)).await.unwrap(), first);
}

/// `None` while the payer has not paid, and for an order that the channel does not know.
pub async fn nothing_is_told_before_the_payer_paid(subject: Subject) {
    let request = subject.request(1);
    assert_eq!(subject.channel.query(&request.order_number).await.unwrap(), None);
    subject.channel.start(&request).await.unwrap();
    assert_eq!(subject.channel.query(&request.order_number).await.unwrap(), None);
}

/// Nobody MUST be able to pay it from then on, also when it is prepared again; closing twice
/// is closing once.
pub async fn a_closed_order_takes_no_money(subject: Subject) {
    let (request, other) = (subject.request(1), subject.request(2));
    subject.channel.start(&request).await.unwrap();
    subject.channel.start(&other).await.unwrap();
    for _ in 0..2 {
        assert_eq!(subject.channel.close(&request.order_number).await.unwrap(), Closing::Closed);
        drop(subject.channel.start(&request).await);
        assert!(!subject.payer.pay(&request.order_number).await);
        assert_eq!(subject.channel.query(&request.order_number).await.unwrap(), None);
    }
    assert!(subject.payer.pay(&other.order_number).await);
}

/// MUST leave an order that was paid as it is and return what came of it.
pub async fn a_paid_order_is_left_as_it_is_and_says_so(subject: Subject) {
    let request = subject.request(1);
    subject.channel.start(&request).await.unwrap();
    assert!(subject.payer.pay(&request.order_number).await);
    let told = subject.channel.query(&request.order_number).await.unwrap().unwrap();
    assert_eq!((told.outcome, told.amount), (Outcome::Paid, request.amount));
    for _ in 0..2 {
        assert_eq!(subject.channel.close(&request.order_number).await.unwrap(), Closing::Paid(told.clone()));
    }
    assert_eq!(subject.channel.query(&request.order_number).await.unwrap(), Some(told));
}

/// MUST take an order that it does not know for closed.
pub async fn an_order_that_the_channel_does_not_know_is_closed(subject: Subject) {
    let number = subject.request(1).order_number;
    assert_eq!(subject.channel.close(&number).await.unwrap(), Closing::Closed);
    assert!(!subject.payer.pay(&number).await);
}

/// An order whose last attempt failed is closed as any other.
pub async fn a_failed_attempt_is_no_reason_to_keep_an_order_open(subject: Subject) {
    let request = subject.request(1);
    subject.channel.start(&request).await.unwrap();
    subject.payer.fail(&request.order_number).await;
    assert_eq!(subject.channel.close(&request.order_number).await.unwrap(), Closing::Closed);
    assert!(!subject.payer.pay(&request.order_number).await);
}

/// MUST refuse a body that was signed by nobody.
#[expect(clippy::unused_async, reason = "cases are async, whatever they call")]
pub async fn a_body_that_nobody_signed_is_refused(subject: Subject) {
    let body = br#"{"amount":1990,"result":"success"}"#;
    let unsigned = NotificationHeaders::default();
    assert_eq!(subject.channel.verify_notification(&unsigned, body), Err(NotificationError::Signature));
    let now = subject.clock.now().timestamp();
    for signature in [String::new(), "x".to_owned(), format!("t={now},n=x,v1={}", "00".repeat(32))] {
        let headers: NotificationHeaders = [(subject.signature_header, signature)].into_iter().collect();
        assert_eq!(subject.channel.verify_notification(&headers, body), Err(NotificationError::Signature));
    }
}
