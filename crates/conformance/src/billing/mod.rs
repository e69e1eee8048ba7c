//! What every adapter of the billing ports must pass, over an empty store.
//!
//! An adapter's tests hand [`crate::billing_cases`] a macro that turns the list into tests.

pub mod access;
pub mod channel;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod people;
pub mod plan;
pub mod sandbox;
pub mod settlement;
pub mod subscription;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_billing::model::id::{OrderId, PlanId, PriceId, SubscriptionId};
use sharestack_billing::model::interval::Interval;
use sharestack_billing::model::order::{Order, OrderKind, OrderNumber, OrderState, Scene};
use sharestack_billing::model::plan::{Benefits, Plan, PlanContent, PlanDescription, PlanName, Terms, TrialDays};
use sharestack_billing::model::subscription::Subscription;
use sharestack_billing::ports::access::AccessQueries;
use sharestack_billing::ports::channel::{
    ChannelError, Channels, Closing, Notification, NotificationError, NotificationHeaders, PayRequest, PaymentChannel,
};
use sharestack_billing::ports::ledger::LedgerQueries;
use sharestack_billing::ports::order::OrderQueries;
use sharestack_billing::ports::plan::PlanQueries;
use sharestack_billing::ports::sandbox::{SandboxQueries, SandboxTx};
use sharestack_billing::ports::subscription::SubscriptionQueries;
use sharestack_billing::ports::tx::BillingTx;
use sharestack_billing::ports::{InsertError, UpdateError};
use sharestack_billing::service::{Billing, BillingPolicy};
use sharestack_kernel::clock::{Clock, FakeClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use uuid::Uuid;

use crate::social::ToAccount;

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn BillingTx>>,
    /// Plans, to read.
    pub plans: Arc<dyn PlanQueries>,
    /// Subscriptions, to read.
    pub subscriptions: Arc<dyn SubscriptionQueries>,
    /// Orders, to read.
    pub orders: Arc<dyn OrderQueries>,
    /// The ledger, to read.
    pub ledger: Arc<dyn LedgerQueries>,
    /// What gates look at.
    pub access: Arc<dyn AccessQueries>,
    /// The sandbox's transactions.
    pub sandbox: Arc<dyn Begin<dyn SandboxTx>>,
    /// The sandbox's books, to read.
    pub sandbox_queries: Arc<dyn SandboxQueries>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// What time it is.
    pub clock: FakeClock,
    /// Opens an account with this id.
    pub register: ToAccount,
    /// Ends an account.
    pub leave: ToAccount,
}

impl Subject {
    /// The subject of an adapter that implements all ports in one type; `accounts` open and
    /// end one.
    pub fn over<S>(store: &S, ids: Arc<dyn IdGenerator>, clock: FakeClock, accounts: [ToAccount; 2]) -> Self
    where
        S: Begin<dyn BillingTx>
            + Begin<dyn SandboxTx>
            + PlanQueries
            + SubscriptionQueries
            + OrderQueries
            + LedgerQueries
            + AccessQueries
            + SandboxQueries
            + Clone
            + 'static,
    {
        let store = Arc::new(store.clone());
        let [register, leave] = accounts;
        Self {
            store: store.clone(),
            plans: store.clone(),
            subscriptions: store.clone(),
            orders: store.clone(),
            ledger: store.clone(),
            access: store.clone(),
            sandbox: store.clone(),
            sandbox_queries: store,
            ids,
            clock,
            register,
            leave,
        }
    }

    fn billing(&self) -> Billing {
        let mut policy = BillingPolicy::new("https://example.org/payments");
        policy.platform_fee_basis_points = 1000;
        Billing::new(self.store.clone(), self.ids.clone(), Arc::new(self.clock.clone()), policy)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! billing_cases {
    ($run:ident) => {
        $run! {
            billing::plan: [
                an_inserted_plan_is_found_as_it_was,
                an_update_of_an_old_version_is_stale,
                a_new_price_leaves_the_old_one_as_it_is,
                archived_plans_are_listed_for_their_owner_only,
                a_page_has_the_newest_first_and_counts_them_all,
                offers_are_on_sale_and_the_cheapest_comes_first
            ],
            billing::subscription: [
                an_inserted_subscription_is_found_as_it_was,
                a_second_live_one_is_refused_until_the_first_has_ended,
                taking_a_live_key_that_another_has_is_stale,
                an_update_of_an_old_version_is_stale,
                a_trial_is_remembered,
                a_period_that_ended_counts_as_ended_noted_or_not,
                subscribers_are_counted_once_while_they_run,
                what_is_not_done_with_is_listed_for_both_sides
            ],
            billing::people: [who_has_left_is_known],
            billing::order: [
                an_inserted_order_is_found_as_it_was,
                a_buyer_s_key_is_one_order,
                a_released_key_is_another_order_s,
                an_update_of_an_old_version_is_stale,
                only_unpaid_orders_are_locked_together,
                of_rivals_one_may_ask_the_channel
            ],
            billing::payment: [
                the_attempt_that_was_begun_is_found_whatever_came_of_it,
                a_number_of_the_channel_is_recorded_once
            ],
            billing::ledger: [
                a_reference_is_posted_once,
                revenue_is_the_sum_of_the_postings,
                rivals_open_an_account_once
            ],
            billing::access: [holdings_leave_out_what_was_never_paid],
            billing::sandbox: [a_payment_that_is_there_stays_as_it_is],
            billing::settlement: [
                twenty_notifications_at_once_are_one_payment,
                one_key_at_once_is_one_order,
                a_key_is_free_after_a_day_once_for_all_rivals,
                rivals_for_a_plan_get_one_live_subscription,
                a_payment_and_the_end_of_its_order_at_once_lose_nothing,
                the_books_balance_after_a_rush
            ],
        }
    };
}

const CREATOR: UserId = UserId::new(1);
const READER: UserId = UserId::new(2);

/// Runs one step in a transaction of its own.
macro_rules! step {
    ($subject:expr, $error:ty, |$tx:ident| $work:expr) => {{
        let done: Result<_, $error> = transact!($subject.store, |$tx| { $work });
        done
    }};
}
use step;

/// An error of the ports' own, with the store's failure inside.
#[derive(Debug)]
enum PortError {
    Taken,
    Stale,
    Store(StoreError),
}

sharestack_kernel::carries_store!(PortError);

impl From<StoreError> for PortError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<InsertError> for PortError {
    fn from(error: InsertError) -> Self {
        match error {
            InsertError::Taken => Self::Taken,
            InsertError::Store(error) => Self::Store(error),
        }
    }
}

impl From<UpdateError> for PortError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Stale => Self::Stale,
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

fn fen(amount: i64) -> Money {
    Money::new(amount, Currency::Cny)
}

/// A plan of `creator`'s, stored.
async fn plan(subject: &Subject, creator: UserId, price: i64) -> Plan {
    let id = PlanId::new(subject.ids.number(PlanId::SEQUENCE).await.unwrap());
    let price_id = PriceId::new(subject.ids.number(PriceId::SEQUENCE).await.unwrap());
    let content = PlanContent {
        name: PlanName::parse("会员 '\";--").unwrap(),
        description: PlanDescription::parse("全部文章 🎉").unwrap(),
        benefits: Benefits::parse("benefits", vec!["问答".to_owned(), "<b>".to_owned()]).unwrap(),
        trial_days: TrialDays::parse(0).unwrap(),
        terms: Terms::try_new(fen(price), Interval::Month).unwrap(),
    };
    let plan = Plan::create(id, price_id, creator, content, subject.now());
    step!(subject, StoreError, |tx| tx.plans().insert(&plan).await).unwrap();
    plan
}

/// A subscription that is not stored yet.
async fn new_subscription(subject: &Subject, plan: &Plan, reader: UserId) -> Subscription {
    let id = SubscriptionId::new(subject.ids.number(SubscriptionId::SEQUENCE).await.unwrap());
    Subscription::open(id, reader, plan.creator_id, plan.id, plan.price.id, subject.now())
}

/// A subscription, stored.
async fn subscription(subject: &Subject, plan: &Plan, reader: UserId) -> Subscription {
    let new = new_subscription(subject, plan, reader).await;
    step!(subject, PortError, |tx| Ok(tx.subscriptions().insert(&new).await?)).unwrap();
    new
}

/// An order that is not stored yet.
async fn new_order(subject: &Subject, plan: &Plan, subscription: &Subscription, key: &str) -> Order {
    let now = subject.now();
    Order {
        id: OrderId::new(subject.ids.number(OrderId::SEQUENCE).await.unwrap()),
        number: OrderNumber::from_uuid(subject.ids.uuid()),
        buyer_id: subscription.subscriber_id,
        seller_id: plan.creator_id,
        kind: OrderKind::Subscription,
        subscription_id: subscription.id,
        plan_id: plan.id,
        price_id: plan.price.id,
        total: plan.price.terms.price(),
        interval: Interval::Month,
        subject: plan.name.as_str().to_owned(),
        state: OrderState::Created,
        channel: "test".to_owned(),
        scene: Scene::Web,
        idempotency_key: key.to_owned(),
        fingerprint: "f".repeat(64),
        expires_at: now,
        paid_at: None,
        closed_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// An order of a subscription, stored.
async fn order(subject: &Subject, plan: &Plan, subscription: &Subscription, key: &str) -> Order {
    let new = new_order(subject, plan, subscription, key).await;
    step!(subject, PortError, |tx| Ok(tx.orders().insert(&new).await?)).unwrap();
    new
}

/// A channel that always answers.
struct Willing;

#[async_trait]
impl PaymentChannel for Willing {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn start(&self, request: &PayRequest) -> Result<Value, ChannelError> {
        Ok(json!({ "pay_url": request.order_number.as_str() }))
    }

    fn verify_notification(
        &self,
        _headers: &NotificationHeaders,
        _body: &[u8],
    ) -> Result<Notification, NotificationError> {
        Err(NotificationError::Signature)
    }

    async fn query(&self, _order: &OrderNumber) -> Result<Option<Notification>, ChannelError> {
        Ok(None)
    }

    async fn close(&self, _order: &OrderNumber) -> Result<Closing, ChannelError> {
        Ok(Closing::Closed)
    }
}

fn channels() -> Channels {
    Channels::new([Arc::new(Willing) as Arc<dyn PaymentChannel>])
}

fn uuid(subject: &Subject) -> Uuid {
    subject.ids.uuid()
}
