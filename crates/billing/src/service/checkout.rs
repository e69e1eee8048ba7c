//! From a wish to an order with what it takes to pay it.
//!
//! The order and the attempt to pay are committed before the channel is asked, and what
//! the channel answers is committed after it. Whoever crashes in between asks again with
//! the same key: it is the same order, and the channel is asked again.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;
use sharestack_kernel::transact;
use uuid::Uuid;

use super::closing::{ClosingDraws, close_at_channel, close_orders};
use super::{Billing, RACES, expire_order, expire_subscription, note_end, order_expiry};
use crate::error::CheckoutError;
use crate::events::{self, Cause};
use crate::model::id::{OrderId, PaymentId, PlanId, SubscriptionId};
use crate::model::order::{Order, OrderKind, OrderNumber, OrderState, Scene};
use crate::model::payment::Payment;
use crate::model::plan::{Plan, PlanStatus, Price};
use crate::model::subscription::{Subscription, SubscriptionState};
use crate::ports::channel::{Channels, PayRequest};
use crate::ports::tx::BillingTx;

/// Orders subscriptions and renewals.
#[derive(Clone)]
pub struct Checkout {
    pub(super) billing: Billing,
    pub(super) channels: Channels,
}

/// How the buyer wants to pay, and the key that makes a repeated request the same one.
#[derive(Debug, Clone)]
pub struct Payer {
    /// Who buys.
    pub buyer_id: UserId,
    /// Through which channel.
    pub channel: String,
    /// Where they stand.
    pub scene: Scene,
    /// 1 to 255 characters.
    pub idempotency_key: String,
}

/// A wish to subscribe.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// To which plan.
    pub plan_id: PlanId,
    /// A coupon's code.
    pub coupon: Option<String>,
    /// How it is paid.
    pub payer: Payer,
}

/// What came of a wish.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// The subscription it is about.
    pub subscription: Subscription,
    /// The order.
    pub order: Order,
    /// What the payer's device needs; none when there is nothing to pay, or no longer.
    pub pay_data: Option<Value>,
}

/// An order as it is committed before the channel is asked.
pub(super) struct Placed {
    pub(super) subscription: Subscription,
    pub(super) order: Order,
    pub(super) payment: Option<Payment>,
}

/// Everything that is drawn before the transaction.
pub(super) struct Draw {
    pub(super) order: OrderId,
    pub(super) number: OrderNumber,
    pub(super) payment: PaymentId,
    pub(super) job: Uuid,
    pub(super) cause: [Cause; 3],
    /// For the orders that this one takes the place of.
    pub(super) closing: ClosingDraws,
}

impl Checkout {
    /// The service over its ports.
    pub fn new(billing: Billing, channels: Channels) -> Self {
        Self { billing, channels }
    }

    /// Orders a subscription. With a trial that the reader has not had yet it runs at
    /// once and nothing is to be paid.
    ///
    /// # Errors
    /// When the plan cannot be bought by this reader, or the channel fails; in the latter
    /// case the order stands, and the same call with the same key goes on with it.
    pub async fn subscribe(&self, command: &Subscribe) -> Result<Ticket, CheckoutError> {
        self.check_channel(&command.payer.channel)?;
        if command.coupon.is_some() {
            return Err(CheckoutError::InvalidCoupon);
        }
        let mut placed = Err(CheckoutError::Contended);
        for _ in 0..RACES {
            placed = self.place_subscription(command).await;
            if !matches!(placed, Err(CheckoutError::Contended)) {
                break;
            }
        }
        self.begin_payment(placed?).await
    }

    async fn place_subscription(&self, command: &Subscribe) -> Result<Placed, CheckoutError> {
        let Billing { ids, .. } = &self.billing;
        let payer = &command.payer;
        let fingerprint =
            fingerprint(&["subscribe", &command.plan_id.to_string(), &payer.channel, payer.scene.as_str()]);
        let fresh_id = SubscriptionId::new(ids.number(SubscriptionId::SEQUENCE).await?);
        let draw = self.draw(payer.buyer_id).await?;
        let now = draw.cause[0].at;
        transact!(self.billing.store, |tx| {
            if let Some(known) = replay(tx, payer, &fingerprint, now).await? {
                return Ok(known);
            }
            let plan = tx.plans().find_by_id(command.plan_id).await?;
            let plan = plan.ok_or(CheckoutError::PlanNotFound(command.plan_id))?;
            check_buyable(&plan, payer.buyer_id)?;
            check_creator(tx, plan.creator_id).await?;
            let reused = make_room(tx, &plan, payer.buyer_id, &draw).await?;
            let is_new = reused.is_none();
            let mut subscription = reused.unwrap_or_else(|| {
                Subscription::open(fresh_id, payer.buyer_id, plan.creator_id, plan.id, plan.price.id, now)
            });
            subscription.price_id = plan.price.id;
            let trial = plan.trial_days.get() > 0 && !tx.subscriptions().had_trial(payer.buyer_id, plan.id).await?;
            if trial {
                subscription.start_trial(plan.trial_days, now)?;
            }
            if is_new {
                tx.subscriptions().insert(&subscription).await?;
            } else {
                subscription.updated_at = now;
                tx.subscriptions().update(&subscription).await?;
                subscription.version += 1;
            }
            let kind = if trial { OrderKind::Trial } else { OrderKind::Subscription };
            let order =
                self.new_order(kind, payer, &fingerprint, &subscription, &plan.price, plan.name.as_str(), &draw);
            let payment = write_order(tx, &order, &draw).await?;
            if let (true, Some(job)) = (trial, expire_subscription(draw.job, &subscription)) {
                tx.jobs().enqueue(&job).await?;
            }
            let kind = if trial { events::SUBSCRIPTION_TRIAL_STARTED } else { events::SUBSCRIPTION_CREATED };
            if is_new || trial {
                tx.outbox().append(&events::subscription(draw.cause[1], kind, &subscription)).await?;
            }
            Ok(Placed { subscription, order, payment })
        })
    }

    /// Asks the channel for what the payer's device needs, unless that is known or the order
    /// cannot be paid any more. After an attempt that failed the order is paid as before.
    pub(super) async fn begin_payment(&self, placed: Placed) -> Result<Ticket, CheckoutError> {
        let Placed { subscription, order, payment } = placed;
        let payment = payment.filter(|_| order.is_payable(self.billing.clock.now()));
        let Some(payment) = payment else { return Ok(Ticket { subscription, order, pay_data: None }) };
        if payment.pay_data.is_some() {
            return Ok(Ticket { subscription, order, pay_data: payment.pay_data });
        }
        let channel = self.check_channel(&order.channel)?;
        let request = PayRequest {
            order_number: order.number.clone(),
            amount: order.total,
            subject: order.subject.clone(),
            scene: order.scene,
            notify_url: format!("{}/{}/notify", self.billing.policy.notify_base, order.channel),
            expires_at: order.expires_at,
            idempotency: payment.id,
        };
        let pay_data = channel.start(&request).await?;
        let order = self.store_pay_data(&order, &pay_data).await?;
        let pay_data = order.state.is_unpaid().then_some(pay_data);
        Ok(Ticket { subscription, order, pay_data })
    }

    /// Notes what the channel answered. What was told about the order meanwhile stays; when
    /// it was given up meanwhile, the channel may have heard so before it knew the order.
    async fn store_pay_data(&self, order: &Order, pay_data: &Value) -> Result<Order, CheckoutError> {
        let Billing { ids, clock, .. } = &self.billing;
        let (now, job) = (clock.now(), ids.uuid());
        transact!(self.billing.store, |tx| {
            let Some(mut locked) = tx.orders().lock_by_id(order.id).await? else { return Ok(order.clone()) };
            if let Some(mut first) = tx.payments().find_first(order.id).await? {
                first.pay_data = Some(pay_data.clone());
                tx.payments().update(&first).await?;
            }
            match locked.state {
                OrderState::Created => {
                    locked.state = OrderState::Paying;
                    locked.updated_at = now;
                    tx.orders().update(&locked).await?;
                    locked.version += 1;
                }
                OrderState::Closed => close_at_channel(tx, &locked, job, now).await?,
                _ => {}
            }
            Ok::<_, CheckoutError>(locked)
        })
    }

    /// The channels that are switched on.
    pub fn channel_names(&self) -> Vec<&'static str> {
        self.channels.names().collect()
    }

    pub(super) fn check_channel(
        &self,
        name: &str,
    ) -> Result<&std::sync::Arc<dyn crate::ports::channel::PaymentChannel>, CheckoutError> {
        let unknown = || CheckoutError::UnknownChannel { enabled: self.channel_names() };
        self.channels.find_by_name(name).ok_or_else(unknown)
    }

    pub(super) async fn draw(&self, buyer: UserId) -> Result<Draw, CheckoutError> {
        let Billing { ids, clock, .. } = &self.billing;
        let at = clock.now();
        let cause = || Cause { id: ids.uuid(), actor: Some(buyer), at };
        Ok(Draw {
            order: OrderId::new(ids.number(OrderId::SEQUENCE).await?),
            number: OrderNumber::from_uuid(ids.uuid()),
            payment: PaymentId::new(ids.uuid()),
            job: ids.uuid(),
            cause: [cause(), cause(), cause()],
            closing: self.billing.closings(),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "an order has as many parts")]
    pub(super) fn new_order(
        &self,
        kind: OrderKind,
        payer: &Payer,
        fingerprint: &str,
        subscription: &Subscription,
        price: &Price,
        subject: &str,
        draw: &Draw,
    ) -> Order {
        let now = draw.cause[0].at;
        let trial = kind == OrderKind::Trial;
        let total = if trial { Money::zero(price.terms.price().currency()) } else { price.terms.price() };
        Order {
            id: draw.order,
            number: draw.number.clone(),
            buyer_id: payer.buyer_id,
            seller_id: subscription.creator_id,
            kind,
            subscription_id: subscription.id,
            plan_id: subscription.plan_id,
            price_id: price.id,
            total,
            interval: price.terms.interval(),
            subject: subject.to_owned(),
            state: if trial { OrderState::Paid } else { OrderState::Created },
            channel: payer.channel.clone(),
            scene: payer.scene,
            idempotency_key: payer.idempotency_key.clone(),
            fingerprint: fingerprint.to_owned(),
            expires_at: order_expiry(&self.billing.policy, now),
            paid_at: trial.then_some(now),
            closed_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

fn check_buyable(plan: &Plan, buyer: UserId) -> Result<(), CheckoutError> {
    if plan.creator_id == buyer {
        return Err(CheckoutError::OwnPlan);
    }
    if plan.status == PlanStatus::Archived {
        return Err(CheckoutError::PlanArchived);
    }
    Ok(())
}

/// Nothing is sold for who has left, also before that is noted everywhere.
pub(super) async fn check_creator(tx: &mut dyn BillingTx, creator: UserId) -> Result<(), CheckoutError> {
    if tx.people().has_left(creator).await? { Err(CheckoutError::CreatorLeft) } else { Ok(()) }
}

/// What identifies a request under its key.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    hex::encode(Sha256::digest(parts.join("\n")))
}

/// What was ordered before under the same key; an order that no longer remembers it gives
/// it up.
pub(super) async fn replay(
    tx: &mut dyn BillingTx,
    payer: &Payer,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> Result<Option<Placed>, CheckoutError> {
    let Some(order) = tx.orders().find_by_key(payer.buyer_id, &payer.idempotency_key).await? else {
        return Ok(None);
    };
    if !order.remembers_key(now) {
        tx.orders().release_key(order.id).await?;
        return Ok(None);
    }
    if order.fingerprint != fingerprint {
        return Err(CheckoutError::KeyReused);
    }
    let id = order.subscription_id;
    let subscription = tx.subscriptions().find_by_id(id).await?.ok_or(CheckoutError::SubscriptionNotFound(id))?;
    let payment = tx.payments().find_first(order.id).await?;
    Ok(Some(Placed { subscription, order, payment }))
}

/// Sees what stands in the way of a new subscription: one whose period is over is noted
/// as ended, one that was never paid is taken up again and its orders are closed, and a
/// running one refuses.
async fn make_room(
    tx: &mut dyn BillingTx,
    plan: &Plan,
    buyer: UserId,
    draw: &Draw,
) -> Result<Option<Subscription>, CheckoutError> {
    let Some(seen) = tx.subscriptions().find_live(buyer, plan.id).await? else { return Ok(None) };
    let locked = lock_with_orders(tx, seen.id).await?;
    let (mut live, unpaid) = locked.ok_or(CheckoutError::SubscriptionNotFound(seen.id))?;
    let now = draw.cause[0].at;
    if live.state.has_ended() {
        return Ok(None);
    }
    if live.expire(now) {
        note_end(tx, &live, draw.cause[2]).await?;
        return Ok(None);
    }
    if live.state != SubscriptionState::Incomplete {
        return Err(CheckoutError::AlreadySubscribed(live.id));
    }
    close_orders(tx, unpaid, draw.cause[0], draw.closing).await?;
    Ok(Some(live))
}

/// Locks a subscription and its unpaid orders, the orders first as everybody does. Those
/// that a rival added before the subscription was locked are found by looking again.
pub(super) async fn lock_with_orders(
    tx: &mut dyn BillingTx,
    id: SubscriptionId,
) -> Result<Option<(Subscription, Vec<Order>)>, StoreError> {
    tx.orders().lock_unpaid(id).await?;
    let Some(subscription) = tx.subscriptions().lock_by_id(id).await? else { return Ok(None) };
    Ok(Some((subscription, tx.orders().lock_unpaid(id).await?)))
}

/// Writes an order, its attempt to pay, and the job that gives it up.
pub(super) async fn write_order(
    tx: &mut dyn BillingTx,
    order: &Order,
    draw: &Draw,
) -> Result<Option<Payment>, CheckoutError> {
    tx.orders().insert(order).await?;
    tx.outbox().append(&events::order(draw.cause[0], events::ORDER_CREATED, order)).await?;
    if !order.state.is_open() {
        return Ok(None);
    }
    let payment = Payment::start(draw.payment, order.id, &order.channel, order.total, order.created_at);
    tx.payments().insert(&payment).await?;
    tx.jobs().enqueue(&expire_order(draw.job, order)).await?;
    Ok(Some(payment))
}

#[cfg(test)]
mod tests;
