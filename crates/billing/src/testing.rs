//! The world that the services' tests play in.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::clock::{Clock, FakeClock};
use sharestack_kernel::event::{DomainEvent, Subscriber as _};
use sharestack_kernel::id::{SequentialIds, SessionId, UserId};
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::permission::Permission;
use uuid::Uuid;

use crate::memory::MemoryBilling;
use crate::model::interval::Interval;
use crate::model::order::{Order, OrderNumber, Scene};
use crate::model::plan::{Benefits, Plan, PlanContent, PlanName, Terms, TrialDays};
use crate::ports::channel::{
    ChannelError, Channels, Closing, Notification, NotificationError, NotificationHeaders, Outcome, PayRequest,
    PaymentChannel,
};
use crate::service::checkout::{Checkout, Payer, Subscribe, Ticket};
use crate::service::closing::CloseOrder;
use crate::service::departure::EndBusiness;
use crate::service::expiry::{ExpireOrder, ExpireSubscription};
use crate::service::orders::Orders;
use crate::service::plans::Plans;
use crate::service::remainder::Remainders;
use crate::service::settlement::Settlement;
use crate::service::subscriptions::Subscriptions;
use crate::service::{Billing, BillingPolicy};

pub const CREATOR: UserId = UserId::new(1);
pub const READER: UserId = UserId::new(2);

/// A channel that believes everything and answers what it is told to.
#[derive(Default)]
pub struct TestChannel {
    pub down: Mutex<bool>,
    pub answer: Mutex<Option<Notification>>,
    pub started: Mutex<Vec<PayRequest>>,
    pub closed: Mutex<Vec<OrderNumber>>,
    meanwhile: Mutex<Option<BoxFuture>>,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

impl TestChannel {
    /// What happens while the channel prepares the next payment.
    pub fn while_starting(&self, work: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::pin(work));
    }

    fn answers(&self) -> Result<(), ChannelError> {
        if *self.down.lock().unwrap() { Err(ChannelError::Unavailable("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl PaymentChannel for TestChannel {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn start(&self, request: &PayRequest) -> Result<Value, ChannelError> {
        self.started.lock().unwrap().push(request.clone());
        self.answers()?;
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        Ok(json!({ "pay_url": format!("https://pay/{}", request.order_number.as_str()) }))
    }

    fn verify_notification(
        &self,
        _headers: &NotificationHeaders,
        _body: &[u8],
    ) -> Result<Notification, NotificationError> {
        Err(NotificationError::Signature)
    }

    async fn query(&self, _order: &OrderNumber) -> Result<Option<Notification>, ChannelError> {
        self.answers()?;
        Ok(self.answer.lock().unwrap().clone())
    }

    async fn close(&self, order: &OrderNumber) -> Result<Closing, ChannelError> {
        self.answers()?;
        let told = self.answer.lock().unwrap().clone().filter(|told| told.order_number == *order);
        if let Some(told) = told.filter(|told| told.outcome == Outcome::Paid) {
            return Ok(Closing::Paid(told));
        }
        self.closed.lock().unwrap().push(order.clone());
        Ok(Closing::Closed)
    }
}

pub struct World {
    pub store: MemoryBilling,
    pub clock: FakeClock,
    pub channel: Arc<TestChannel>,
    pub billing: Billing,
    pub plans: Plans,
    pub checkout: Checkout,
    pub settlement: Settlement,
    pub subscriptions: Subscriptions,
    pub orders: Orders,
    pub expire_order: ExpireOrder,
    pub close_order: CloseOrder,
    pub expire_subscription: ExpireSubscription,
    pub end_business: EndBusiness,
    pub remainders: Remainders,
}

pub fn actor(user_id: UserId, permissions: &[&str]) -> Actor {
    Actor {
        user_id,
        credential: Credential::Session { id: SessionId::new(Uuid::nil()), proved_at: DateTime::UNIX_EPOCH },
        role: "user".to_owned(),
        permissions: permissions.iter().map(|text| Permission::parse(text).unwrap()).collect(),
    }
}

pub fn payer(key: &str) -> Payer {
    Payer { buyer_id: READER, channel: "test".to_owned(), scene: Scene::Web, idempotency_key: key.to_owned() }
}

pub fn wish(plan: &Plan, key: &str) -> Subscribe {
    Subscribe { plan_id: plan.id, coupon: None, payer: payer(key) }
}

/// A job as a worker holds it for the `attempt`-th time.
pub fn claimed(kind: &str, payload: Value, attempt: u32) -> ClaimedJob {
    ClaimedJob { id: Uuid::nil(), kind: kind.to_owned(), payload, attempt, max_attempts: 10, lost: 0 }
}

pub fn content(interval: Interval, trial_days: i64) -> PlanContent {
    PlanContent {
        name: PlanName::parse("会员").unwrap(),
        description: None,
        benefits: Benefits::default(),
        trial_days: TrialDays::parse(trial_days).unwrap(),
        terms: Terms::try_new(Money::new(1990, Currency::Cny), interval).unwrap(),
    }
}

impl World {
    pub fn new() -> Self {
        let (store, clock, channel) = (MemoryBilling::new(), FakeClock::default(), Arc::new(TestChannel::default()));
        let shared: Arc<MemoryBilling> = Arc::new(store.clone());
        let mut policy = BillingPolicy::new("https://example.org/payments");
        policy.platform_fee_basis_points = 1000;
        let ids = Arc::new(SequentialIds::default());
        let billing = Billing::new(shared.clone(), ids.clone(), Arc::new(clock.clone()), policy);
        let channels = Channels::new([channel.clone() as Arc<dyn PaymentChannel>]);
        Self {
            plans: Plans::new(billing.clone()),
            checkout: Checkout::new(billing.clone(), channels.clone()),
            settlement: Settlement::new(billing.clone(), channels.clone()),
            subscriptions: Subscriptions::new(billing.clone(), shared.clone()),
            orders: Orders::new(billing.clone(), channels.clone(), shared.clone()),
            expire_order: ExpireOrder::new(billing.clone(), channels.clone(), shared.clone()),
            end_business: EndBusiness::new(billing.clone(), shared.clone(), shared.clone()),
            remainders: Remainders::new(shared.clone(), shared, ids, Arc::new(clock.clone())),
            close_order: CloseOrder::new(billing.clone(), channels),
            expire_subscription: ExpireSubscription::new(billing.clone()),
            store,
            clock,
            channel,
            billing,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn wait(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Does the jobs of a kind that are due, in the order they were left; they stay.
    pub async fn work(&self, kind: &str) -> Result<(), JobError> {
        let handlers: [&dyn JobHandler; 3] = [&self.close_order, &self.expire_order, &self.expire_subscription];
        let handler = handlers.into_iter().find(|handler| handler.kind() == kind).unwrap();
        for job in self.store.books().jobs {
            if job.kind == kind && job.run_at <= self.now() {
                handler.run(&claimed(kind, job.payload, 1)).await?;
            }
        }
        Ok(())
    }

    pub async fn plan(&self, interval: Interval, trial_days: i64) -> Plan {
        self.plans.create(&actor(CREATOR, &["plan.create"]), content(interval, trial_days)).await.unwrap()
    }

    pub async fn subscribe(&self, plan: &Plan, key: &str) -> Ticket {
        self.checkout.subscribe(&wish(plan, key)).await.unwrap()
    }

    pub fn told(&self, order: &Order, txn: &str, outcome: Outcome) -> Notification {
        Notification {
            channel_txn_id: txn.to_owned(),
            order_number: order.number.clone(),
            amount: order.total,
            outcome,
            at: self.now(),
        }
    }

    /// Somebody's account ends, and billing hears of it.
    pub async fn leave(&self, user: UserId) {
        self.store.leave(user);
        self.end_business.handle(&self.deleted(user)).await.unwrap();
        let job = self.store.books().jobs.pop().unwrap();
        self.end_business.run(&claimed(&job.kind, job.payload, 1)).await.unwrap();
    }

    fn deleted(&self, user: UserId) -> DomainEvent {
        DomainEvent {
            id: Uuid::nil(),
            kind: "user.deleted".to_owned(),
            aggregate: "user".to_owned(),
            aggregate_id: user.to_string(),
            actor: None,
            origin: None,
            occurred_at: self.now(),
            payload: json!({}),
        }
    }

    /// The sum of what stands on each account, by its kind.
    pub fn balance(&self, kind: &str) -> i64 {
        let books = self.store.books();
        let postings = books.ledger.iter().flat_map(|entry| entry.entry.postings());
        postings.filter(|posting| posting.account.kind() == kind).map(|posting| posting.amount.amount()).sum()
    }

    /// A subscription that is paid.
    pub async fn subscribed(&self, interval: Interval) -> (Plan, Ticket) {
        let plan = self.plan(interval, 0).await;
        let ticket = self.subscribe(&plan, "first").await;
        self.settlement.settle("test", &self.told(&ticket.order, "txn-1", Outcome::Paid)).await.unwrap();
        (plan, ticket)
    }
}
