//! Plans, subscriptions and orders, as answers show them.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sharestack_billing::model::order::Order as OrderModel;
use sharestack_billing::model::plan::{Plan as PlanModel, PlanDescription};
use sharestack_billing::model::revenue::RevenueSummary as Summary;
use sharestack_billing::model::subscription::CancelReason;
use sharestack_billing::ports::Profile as ProfileModel;
use sharestack_billing::ports::order::OrderView;
use sharestack_billing::ports::plan::PlanView;
use sharestack_billing::ports::subscription::SubscriptionView;
use sharestack_billing::service::entitlements::ArticleDecision;
use sharestack_kernel::id::UserId;
use utoipa::ToSchema;

use crate::http::context::timestamp;

/// A user beside a plan or a subscription.
#[derive(Debug, Hash, Serialize, ToSchema)]
#[schema(as = BillingProfile, example = json!({
    "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": "https://example.com/avatar.jpg"
}))]
pub struct Profile {
    pub id: i64,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

impl From<ProfileModel> for Profile {
    fn from(profile: ProfileModel) -> Self {
        Self {
            id: profile.id.get(),
            username: profile.username,
            display_name: profile.display_name,
            avatar_url: profile.avatar_url,
        }
    }
}

/// What a creator sells.
#[derive(Debug, Hash, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 5, "creator_id": 42,
    "creator": { "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": null },
    "name": "月度会员", "description": "每月四篇深度文章", "benefits": ["全部付费文章", "读者群"], "status": "active",
    "price": 1990, "currency": "CNY", "interval": "month", "price_version": 1, "trial_days": 0, "version": 1,
    "created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-01-15T10:30:00Z"
}))]
pub struct Plan {
    pub id: i64,
    pub creator_id: i64,
    pub creator: Profile,
    pub name: String,
    pub description: Option<String>,
    pub benefits: Vec<String>,
    /// `active` or `archived`.
    pub status: String,
    /// What one period costs, in minor units.
    pub price: i64,
    pub currency: String,
    /// `month`, `quarter`, `year` or `lifetime`.
    pub interval: String,
    /// Grows when price, currency or interval change.
    pub price_version: u32,
    pub trial_days: u16,
    /// Grows with each change.
    pub version: i64,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl From<PlanView> for Plan {
    fn from(view: PlanView) -> Self {
        let PlanView { plan, creator } = view;
        let terms = plan.price.terms;
        Self {
            id: plan.id.get(),
            creator_id: plan.creator_id.get(),
            creator: creator.into(),
            name: plan.name.as_str().to_owned(),
            description: plan.description.as_ref().map(PlanDescription::as_str).map(str::to_owned),
            benefits: plan.benefits.lines().to_vec(),
            status: plan.status.as_str().to_owned(),
            price: terms.price().amount(),
            currency: terms.price().currency().code().to_owned(),
            interval: terms.interval().as_str().to_owned(),
            price_version: plan.price.number,
            trial_days: plan.trial_days.get(),
            version: plan.version,
            created_at: timestamp(plan.created_at),
            updated_at: timestamp(plan.updated_at),
        }
    }
}

impl Plan {
    /// The plan's version, and what else its answer depends on.
    pub fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.creator.hash(&mut hasher);
        format!("v{}-{:016x}", self.version, hasher.finish())
    }
}

/// The plan of a subscription, at the terms the subscription runs at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" }))]
pub struct SubscribedPlan {
    pub id: i64,
    pub name: String,
    /// In minor units.
    pub price: i64,
    pub currency: String,
    /// `month`, `quarter`, `year` or `lifetime`.
    pub interval: String,
}

impl From<&PlanModel> for SubscribedPlan {
    fn from(plan: &PlanModel) -> Self {
        let terms = plan.price.terms;
        Self {
            id: plan.id.get(),
            name: plan.name.as_str().to_owned(),
            price: terms.price().amount(),
            currency: terms.price().currency().code().to_owned(),
            interval: terms.interval().as_str().to_owned(),
        }
    }
}

/// A reader's subscription to a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 12, "status": "active", "plan_id": 5,
    "plan": { "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" },
    "creator": { "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": null },
    "subscriber": { "id": 43, "username": "reader", "display_name": null, "avatar_url": null },
    "current_period_start": "2026-01-15T10:31:00Z", "current_period_end": "2026-02-15T10:31:00Z", "trial_end": null,
    "cancel_at_period_end": false, "canceled_at": null, "cancel_reason": null, "ended_at": null,
    "created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-01-15T10:31:00Z"
}))]
pub struct Subscription {
    pub id: i64,
    /// `incomplete`, `trialing`, `active`, `past_due`, `paused`, `canceled` or `expired`.
    pub status: String,
    pub plan_id: i64,
    pub plan: SubscribedPlan,
    pub creator: Profile,
    pub subscriber: Profile,
    #[schema(format = DateTime)]
    pub current_period_start: Option<String>,
    /// When the paid time ends; `null` when it never does, or has not begun.
    #[schema(format = DateTime)]
    pub current_period_end: Option<String>,
    #[schema(format = DateTime)]
    pub trial_end: Option<String>,
    /// Whether it ends with the current period.
    pub cancel_at_period_end: bool,
    #[schema(format = DateTime)]
    pub canceled_at: Option<String>,
    pub cancel_reason: Option<String>,
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl Subscription {
    /// The subscription as it stands at `now`.
    pub fn at(view: SubscriptionView, now: DateTime<Utc>) -> Self {
        let one = view.subscription;
        let price = view.terms.price();
        Self {
            id: one.id.get(),
            status: one.state_at(now).as_str().to_owned(),
            plan_id: one.plan_id.get(),
            plan: SubscribedPlan {
                id: one.plan_id.get(),
                name: view.plan_name,
                price: price.amount(),
                currency: price.currency().code().to_owned(),
                interval: view.terms.interval().as_str().to_owned(),
            },
            creator: view.creator.into(),
            subscriber: view.subscriber.into(),
            current_period_start: one.current_period_start.map(timestamp),
            current_period_end: one.current_period_end.map(timestamp),
            trial_end: one.trial_end.map(timestamp),
            cancel_at_period_end: one.cancel_at_period_end,
            canceled_at: one.canceled_at.map(timestamp),
            cancel_reason: one.cancel_reason.as_ref().map(CancelReason::as_str).map(str::to_owned),
            ended_at: one.ended_at.or(one.current_period_end.filter(|end| *end <= now)).map(timestamp),
            created_at: timestamp(one.created_at),
            updated_at: timestamp(one.updated_at),
        }
    }
}

/// What somebody agreed to pay for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 31, "order_no": "019bc0a25b3c7d1e8f6a4b2c9d0e1f3a", "type": "subscription", "status": "paying",
    "amount": 1990, "currency": "CNY", "interval": "month", "plan_id": 5, "plan_name": "月度会员",
    "subscription_id": 12, "buyer_id": 43, "seller_id": 42, "channel": "sandbox", "scene": "web",
    "channel_txn_id": null,
    "pay_data": { "pay_url": "http://127.0.0.1:8000/api/v1/subscriptions/payments/sandbox/pay/019bc0a25b3c7d1e8f6a4b2c9d0e1f3a" },
    "expires_at": "2026-01-15T12:30:00Z", "paid_at": null, "closed_at": null,
    "created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-01-15T10:30:00Z"
}))]
pub struct Order {
    pub id: i64,
    /// The number that the payment channel knows.
    #[serde(rename = "order_no")]
    pub number: String,
    /// `subscription`, `renewal` or `trial`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `created`, `paying`, `paid`, `failed`, `closed`, `refunding`, `partially_refunded` or `refunded`.
    pub status: String,
    /// In minor units.
    pub amount: i64,
    pub currency: String,
    /// For how long it buys.
    pub interval: String,
    pub plan_id: i64,
    pub plan_name: String,
    pub subscription_id: i64,
    pub buyer_id: i64,
    pub seller_id: i64,
    pub channel: String,
    pub scene: String,
    /// The channel's own number of the payment that paid it.
    pub channel_txn_id: Option<String>,
    /// What the payer's device needs, for the buyer of an unpaid order. Its form depends
    /// on the channel.
    pub pay_data: Option<Value>,
    /// When it is given up unless it is paid.
    #[schema(format = DateTime)]
    pub expires_at: String,
    #[schema(format = DateTime)]
    pub paid_at: Option<String>,
    #[schema(format = DateTime)]
    pub closed_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl Order {
    /// An order for its buyer, with what it takes to pay it.
    pub fn new(order: OrderModel, pay_data: Option<Value>, now: DateTime<Utc>) -> Self {
        let viewer = order.buyer_id;
        let plan_name = order.subject.clone();
        Self::of(OrderView { order, plan_name, pay_data, channel_txn_id: None }, viewer, now)
    }

    /// An order as `viewer` sees it at `now`.
    pub fn of(view: OrderView, viewer: UserId, now: DateTime<Utc>) -> Self {
        let order = view.order;
        let payable = order.is_payable(now) && viewer == order.buyer_id;
        Self {
            id: order.id.get(),
            number: order.number.as_str().to_owned(),
            kind: order.kind.as_str().to_owned(),
            status: order.state.as_str().to_owned(),
            amount: order.total.amount(),
            currency: order.total.currency().code().to_owned(),
            interval: order.interval.as_str().to_owned(),
            plan_id: order.plan_id.get(),
            plan_name: view.plan_name,
            subscription_id: order.subscription_id.get(),
            buyer_id: order.buyer_id.get(),
            seller_id: order.seller_id.get(),
            channel: order.channel,
            scene: order.scene.as_str().to_owned(),
            channel_txn_id: view.channel_txn_id,
            pay_data: view.pay_data.filter(|_| payable),
            expires_at: timestamp(order.expires_at),
            paid_at: order.paid_at.map(timestamp),
            closed_at: order.closed_at.map(timestamp),
            created_at: timestamp(order.created_at),
            updated_at: timestamp(order.updated_at),
        }
    }
}

/// A subscription, its order, and what it takes to pay it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subscription": {
        "id": 12, "status": "incomplete", "plan_id": 5,
        "plan": { "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" },
        "creator": { "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": null },
        "subscriber": { "id": 43, "username": "reader", "display_name": null, "avatar_url": null },
        "current_period_start": null, "current_period_end": null, "trial_end": null, "cancel_at_period_end": false,
        "canceled_at": null, "cancel_reason": null, "ended_at": null,
        "created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-01-15T10:30:00Z"
    },
    "order": {
        "id": 31, "order_no": "019bc0a25b3c7d1e8f6a4b2c9d0e1f3a", "type": "subscription", "status": "paying",
        "amount": 1990, "currency": "CNY", "interval": "month", "plan_id": 5, "plan_name": "月度会员",
        "subscription_id": 12, "buyer_id": 43, "seller_id": 42, "channel": "sandbox", "scene": "web",
        "channel_txn_id": null,
        "pay_data": { "pay_url": "http://127.0.0.1:8000/api/v1/subscriptions/payments/sandbox/pay/019bc0a25b3c7d1e8f6a4b2c9d0e1f3a" },
        "expires_at": "2026-01-15T12:30:00Z", "paid_at": null, "closed_at": null,
        "created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-01-15T10:30:00Z"
    },
    "pay_data": { "pay_url": "http://127.0.0.1:8000/api/v1/subscriptions/payments/sandbox/pay/019bc0a25b3c7d1e8f6a4b2c9d0e1f3a" }
}))]
pub struct Checkout {
    pub subscription: Subscription,
    pub order: Order,
    /// The same as `order.pay_data`.
    pub pay_data: Option<Value>,
}

/// Whether the caller may read an article, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "article_id": 7, "allowed": false, "reason": "not_subscribed",
    "plans": [{ "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" }]
}))]
pub struct AccessDecision {
    pub article_id: i64,
    pub allowed: bool,
    /// `free`, `author`, `member`, `subscribed`, `trialing`, `canceled_active_until_end`,
    /// `not_subscribed` or `expired`.
    pub reason: String,
    /// The plans that would open it; empty when it is open.
    pub plans: Vec<SubscribedPlan>,
}

impl AccessDecision {
    /// The decision about `article`.
    pub fn new(article_id: i64, decision: &ArticleDecision) -> Self {
        Self {
            article_id,
            allowed: decision.reason.allows(),
            reason: decision.reason.as_str().to_owned(),
            plans: decision.plans.iter().map(SubscribedPlan::from).collect(),
        }
    }
}

/// What a creator earned, in minor units of one currency, read from the ledger.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "currency": "CNY", "period": "all", "gross": 1990, "fees": 0, "refunds": 0, "net": 1990,
    "pending": 1990, "available": 0, "withdrawn": 0
}))]
pub struct RevenueSummary {
    pub currency: String,
    /// `all` or `YYYY-MM`.
    pub period: String,
    /// What readers paid in the period.
    pub gross: i64,
    /// What the platform took of it.
    pub fees: i64,
    /// What went back to readers.
    pub refunds: i64,
    /// `gross` less `fees` and `refunds`.
    pub net: i64,
    /// What is owed now and too young to be paid out.
    pub pending: i64,
    /// What is owed now and can be paid out.
    pub available: i64,
    /// What was paid out in the period.
    pub withdrawn: i64,
}

impl From<Summary> for RevenueSummary {
    fn from(sum: Summary) -> Self {
        Self {
            currency: sum.currency.code().to_owned(),
            period: sum.period.label(),
            gross: sum.gross,
            fees: sum.fees,
            refunds: sum.refunds,
            net: sum.net,
            pending: sum.pending,
            available: sum.available,
            withdrawn: sum.withdrawn,
        }
    }
}
