use std::sync::Mutex;

use async_trait::async_trait;
use chrono::Duration;
use sharestack_billing::memory::MemoryBilling;
use sharestack_billing::model::id::PaymentId;
use sharestack_billing::model::order::{OrderNumber, Scene};
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::channel::{
    Closing, NotificationError, NotificationHeaders, Outcome, PayRequest, PaymentChannel,
};
use sharestack_billing::ports::sandbox::CallbackSender;
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::SequentialIds;
use sharestack_kernel::job::{ClaimedJob, JobHandler};
use sharestack_kernel::money::{Currency, Money};
use uuid::Uuid;

use super::*;

/// What was posted: address, signature, body.
type Sent = (String, String, Vec<u8>);

#[derive(Default)]
struct Recorder {
    sent: Mutex<Vec<Sent>>,
    status: Mutex<u16>,
}

#[async_trait]
impl CallbackSender for Recorder {
    async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        let signature = headers.iter().find(|(name, _)| *name == SIGNATURE_HEADER).unwrap().1.clone();
        self.sent.lock().unwrap().push((url.to_owned(), signature, body.to_vec()));
        Ok(*self.status.lock().unwrap())
    }
}

struct World {
    store: MemoryBilling,
    clock: FakeClock,
    sandbox: Sandbox,
    cashier: Cashier,
    notify: NotifySandbox,
    sender: Arc<Recorder>,
}

fn config() -> SandboxConfig {
    let secret = SandboxSecret::try_new("s".repeat(32).into()).unwrap();
    SandboxConfig::try_new(secret, "https://example.org/pay/", "test").unwrap()
}

fn world() -> World {
    let (store, clock) = (MemoryBilling::new(), FakeClock::default());
    let shared = Arc::new(store.clone());
    let ids = Arc::new(SequentialIds::default());
    let ports =
        SandboxPorts { store: shared.clone(), queries: shared, ids: ids.clone(), clock: Arc::new(clock.clone()) };
    let sender = Arc::new(Recorder { status: Mutex::new(200), ..Recorder::default() });
    World {
        sandbox: Sandbox::new(config(), ports.clone()),
        cashier: Cashier::new(ports),
        notify: NotifySandbox::new(config(), sender.clone(), ids, Arc::new(clock.clone())),
        store,
        clock,
        sender,
    }
}

fn request(world: &World) -> PayRequest {
    PayRequest {
        order_number: OrderNumber::parse("o1").unwrap(),
        amount: Money::new(1990, Currency::Cny),
        subject: "<b>会员</b>".to_owned(),
        scene: Scene::Web,
        notify_url: "https://example.org/notify".to_owned(),
        expires_at: world.clock.now() + Duration::hours(2),
        idempotency: PaymentId::new(Uuid::nil()),
    }
}

impl World {
    /// Does the jobs that wait, once each.
    async fn work(&self) -> Vec<Result<(), String>> {
        let mut results = Vec::new();
        for job in self.store.books().jobs {
            let job =
                ClaimedJob { id: job.id, kind: job.kind, payload: job.payload, attempt: 1, max_attempts: 10, lost: 0 };
            results.push(self.notify.run(&job).await.map_err(|error| error.to_string()));
        }
        results
    }

    fn verify(&self, sent: &Sent) -> Result<sharestack_billing::ports::channel::Notification, NotificationError> {
        let headers: NotificationHeaders = [("X-Sandbox-Signature", sent.1.clone())].into_iter().collect();
        self.sandbox.verify_notification(&headers, &sent.2)
    }
}

#[test]
fn production_and_short_secrets_are_refused() {
    let secret = SandboxSecret::try_new("s".repeat(32).into()).unwrap();
    let refused = SandboxConfig::try_new(secret, "x", "Production");
    assert_eq!(refused.unwrap_err(), SandboxConfigError::Production);
    assert_eq!(SandboxSecret::try_new("short".into()).unwrap_err(), SandboxConfigError::ShortSecret);
    assert!(!format!("{:?}", config()).contains("ssss"));
}

#[tokio::test]
async fn a_click_becomes_a_signed_notification_that_the_channel_believes() {
    let world = world();
    let data = world.sandbox.start(&request(&world)).await.unwrap();
    assert_eq!(data["pay_url"], "https://example.org/pay/o1");
    assert_eq!(world.sandbox.start(&request(&world)).await.unwrap(), data);
    world.cashier.click("o1", Click::Success).await.unwrap();
    assert_eq!(world.work().await, [Ok(())]);
    let sent = world.sender.sent.lock().unwrap()[0].clone();
    assert_eq!(sent.0, "https://example.org/notify");
    let notification = world.verify(&sent).unwrap();
    assert_eq!((notification.outcome, notification.amount.amount()), (Outcome::Paid, 1990));
    assert_eq!(world.sandbox.query(&notification.order_number).await.unwrap(), Some(notification));
}

#[tokio::test]
async fn a_notification_is_refused_without_its_signature_and_after_a_while() {
    let world = world();
    world.sandbox.start(&request(&world)).await.unwrap();
    world.cashier.click("o1", Click::Fail).await.unwrap();
    world.work().await;
    let sent = world.sender.sent.lock().unwrap()[0].clone();
    assert_eq!(world.verify(&sent).unwrap().outcome, Outcome::Failed);
    let unsigned = world.sandbox.verify_notification(&NotificationHeaders::default(), &sent.2);
    assert_eq!(unsigned, Err(NotificationError::Signature));
    world.clock.advance(TOLERANCE + Duration::seconds(1));
    assert_eq!(world.verify(&sent), Err(NotificationError::Signature));
    // Sent again it is signed again: late is not wrong.
    world.work().await;
    let again = world.sender.sent.lock().unwrap()[1].clone();
    assert!(world.verify(&again).is_ok());
}

#[tokio::test]
async fn signed_nonsense_is_nonsense() {
    let world = world();
    for body in [
        "",
        "{}",
        r#"{"transaction_id":"","order_number":"o1","amount":1,"currency":"CNY","result":"success","at":"2026-01-01T00:00:00Z"}"#,
        r#"{"transaction_id":"x","order_number":"o1","amount":1,"currency":"XXX","result":"success","at":"2026-01-01T00:00:00Z"}"#,
    ] {
        let secret = SandboxSecret::try_new("s".repeat(32).into()).unwrap();
        let header = signature::sign(&secret, world.clock.now(), "n", body.as_bytes());
        let sent = (String::new(), header, body.as_bytes().to_vec());
        assert_eq!(world.verify(&sent), Err(NotificationError::Malformed), "{body}");
    }
}

#[tokio::test]
async fn money_that_came_stays_and_pay_tells_it_once_more() {
    let world = world();
    world.sandbox.start(&request(&world)).await.unwrap();
    let failed = world.cashier.click("o1", Click::Fail).await.unwrap();
    let paid = world.cashier.click("o1", Click::Success).await.unwrap();
    assert_ne!(failed.txn_id, paid.txn_id);
    assert_eq!(world.cashier.click("o1", Click::Fail).await.unwrap(), paid);
    assert_eq!(world.cashier.click("o1", Click::Success).await.unwrap(), paid);
    let told: Vec<_> =
        world.store.books().jobs.iter().map(|job| job.payload["message"]["transaction_id"].clone()).collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[1], told[2]);
    assert_eq!(world.store.books().sandbox["o1"].state, PaymentState::Succeeded);
}

#[tokio::test]
async fn an_answer_that_is_no_success_is_tried_again() {
    let world = world();
    world.sandbox.start(&request(&world)).await.unwrap();
    world.cashier.click("o1", Click::Success).await.unwrap();
    *world.sender.status.lock().unwrap() = 503;
    assert!(world.work().await[0].as_ref().is_err_and(|error| error.contains("503")));
}

#[tokio::test]
async fn a_closed_payment_has_no_buttons_and_takes_no_click() {
    let world = world();
    world.sandbox.start(&request(&world)).await.unwrap();
    let number = OrderNumber::parse("o1").unwrap();
    assert_eq!(world.sandbox.close(&number).await.unwrap(), Closing::Closed);
    for click in [Click::Success, Click::Fail] {
        assert!(matches!(world.cashier.click("o1", click).await, Err(CashierError::Closed(_))));
    }
    let html = page(&world.cashier.find("o1").await.unwrap());
    assert!(html.contains("Closed.") && !html.contains("<button"));
    assert!(world.store.books().jobs.is_empty());
}

#[tokio::test]
async fn unknown_payments_are_not_found_and_the_page_escapes_what_it_shows() {
    let world = world();
    for number in ["nothing", "", "../../x", "<script>"] {
        assert!(matches!(world.cashier.find(number).await, Err(CashierError::NotFound(_))));
        assert!(matches!(world.cashier.click(number, Click::Fail).await, Err(CashierError::NotFound(_))));
    }
    world.sandbox.start(&request(&world)).await.unwrap();
    let html = page(&world.cashier.find("o1").await.unwrap());
    assert!(html.contains("&lt;b&gt;会员&lt;/b&gt;") && !html.contains("<b>") && html.contains("19.90 CNY"));
    assert!(html.contains("value=\"success\"") && html.contains("value=\"fail\""));
}
