//! What a channel tells about money, written down once.
//!
//! A channel tells the same thing twice, late, in another order, or to two nodes at once.
//! The order's row is locked, what stands there is looked at, and everything that follows
//! is one transaction: payment, order, ledger, subscription, events and jobs. Money is
//! never dropped: what fits no order is booked as owed back.

use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;
use uuid::Uuid;

use super::{Billing, RACES, expire_subscription, note_end};
use crate::error::SettleError;
use crate::events::{self, Cause};
use crate::model::id::{LedgerEntryId, PaymentId};
use crate::model::ledger::{BalancedEntry, LedgerEntry};
use crate::model::order::Order;
use crate::model::payment::{Payment, PaymentState};
use crate::model::subscription::{Extension, Subscription};
use crate::ports::channel::{Channels, Notification, NotificationHeaders, Outcome};
use crate::ports::tx::BillingTx;

/// Takes the notifications of channels.
#[derive(Clone)]
pub struct Settlement {
    billing: Billing,
    channels: Channels,
}

/// What a notification did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It paid the order.
    Paid,
    /// It failed the order.
    Failed,
    /// It was known, or had nothing to say any more.
    Ignored,
    /// It brought money that does not match: somebody has to look.
    Suspicious,
    /// It brought money for what is paid already, or for what nobody gets any more: it is
    /// owed back.
    Surplus,
}

struct Draw {
    payment: PaymentId,
    entry: LedgerEntryId,
    job: Uuid,
    order: Cause,
    subscription: Cause,
    ended: Cause,
    now: DateTime<Utc>,
}

impl Settlement {
    /// The service over its ports.
    pub fn new(billing: Billing, channels: Channels) -> Self {
        Self { billing, channels }
    }

    /// Checks what a channel sent to its notify route, and writes it down.
    ///
    /// # Errors
    /// When no such channel is switched on, when the signature is not the channel's, or
    /// when the store fails: the channel will tell it again.
    pub async fn notify(
        &self,
        channel: &str,
        headers: &NotificationHeaders,
        body: &[u8],
    ) -> Result<Settled, SettleError> {
        let unknown = || SettleError::UnknownChannel(channel.to_owned());
        let found = self.channels.find_by_name(channel).ok_or_else(unknown)?;
        let notification = found.verify_notification(headers, body)?;
        self.settle(found.name(), &notification).await
    }

    /// Asks an order's channel what came of it, and writes that down; `None` when the channel
    /// has nothing to tell, or is not switched on.
    ///
    /// # Errors
    /// When the channel does not answer, or the store fails.
    pub async fn ask(&self, order: &Order) -> Result<Option<Settled>, SettleError> {
        let Some(channel) = self.channels.find_by_name(&order.channel) else { return Ok(None) };
        let Some(told) = channel.query(&order.number).await? else { return Ok(None) };
        self.settle(channel.name(), &told).await.map(Some)
    }

    /// Writes down what a channel told, whether it called or was asked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle(&self, channel: &str, notification: &Notification) -> Result<Settled, SettleError> {
        let mut settled = Err(SettleError::Contended);
        for _ in 0..RACES {
            settled = self.settle_once(channel, notification).await;
            if !matches!(settled, Err(SettleError::Contended)) {
                break;
            }
        }
        if matches!(settled, Ok(Settled::Suspicious | Settled::Surplus)) {
            tracing::warn!(
                payment.channel = channel,
                payment.transaction = notification.channel_txn_id,
                order.number = notification.order_number.as_str(),
                "money came that fits no open order"
            );
        }
        settled
    }

    async fn settle_once(&self, channel: &str, notification: &Notification) -> Result<Settled, SettleError> {
        let Billing { ids, clock, .. } = &self.billing;
        let now = clock.now();
        let cause = || Cause { id: ids.uuid(), actor: None, at: now };
        let draw = Draw {
            payment: PaymentId::new(ids.uuid()),
            entry: LedgerEntryId::new(ids.uuid()),
            job: ids.uuid(),
            order: cause(),
            subscription: cause(),
            ended: cause(),
            now,
        };
        let fee = self.billing.policy.platform_fee_basis_points;
        transact!(self.billing.store, |tx| { apply(tx, channel, notification, fee, &draw).await })
    }
}

async fn apply(
    tx: &mut dyn BillingTx,
    channel: &str,
    told: &Notification,
    fee: u32,
    draw: &Draw,
) -> Result<Settled, SettleError> {
    // The lock comes first: what is read behind it is what the last holder left.
    let order = tx.orders().lock_by_number(&told.order_number).await?;
    let known = tx.payments().find_by_transaction(channel, &told.channel_txn_id).await?;
    let is_old = known.as_ref().is_some_and(|known| known.state.has_money() || told.outcome == Outcome::Failed);
    if is_old {
        return Ok(Settled::Ignored);
    }
    let Some(mut order) = order.filter(|order| order.channel == channel) else {
        return match told.outcome {
            Outcome::Paid => set_aside(tx, channel, told, None, known, PaymentState::Suspicious, draw).await,
            Outcome::Failed => Ok(Settled::Ignored),
        };
    };
    if told.outcome == Outcome::Failed {
        return fail(tx, channel, told, order, draw).await;
    }
    if told.amount != order.total {
        return set_aside(tx, channel, told, Some(&order), known, PaymentState::Suspicious, draw).await;
    }
    let unpaid = order.clone();
    if order.pay(told.at, draw.now).is_err() || is_void(tx, &order).await? {
        return set_aside(tx, channel, told, Some(&unpaid), known, PaymentState::Surplus, draw).await;
    }
    let mut subscription = subscription_to_pay(tx, &order, draw).await?;
    order.subscription_id = subscription.id;
    let Ok(extension) = subscription.pay_period(order.price_id, order.interval, order.created_at, draw.now) else {
        // Nothing can follow a subscription for ever: the order stays as it was.
        return set_aside(tx, channel, told, Some(&unpaid), known, PaymentState::Surplus, draw).await;
    };
    tx.orders().update(&order).await?;
    tx.outbox().append(&events::order(draw.order, events::ORDER_PAID, &order)).await?;
    let payment = record(tx, channel, told, Some(&order), known, PaymentState::Succeeded, draw).await?;
    let entry = BalancedEntry::sale(channel, order.seller_id, told.amount, fee)?;
    tx.ledger().post(&LedgerEntry::of_payment(draw.entry, payment.id, entry, draw.now)).await?;
    run_longer(tx, &subscription, extension, draw).await?;
    Ok(Settled::Paid)
}

/// Whether one of the two has left: there is nothing to read, or nobody to read it.
async fn is_void(tx: &mut dyn BillingTx, order: &Order) -> Result<bool, StoreError> {
    Ok(tx.people().has_left(order.seller_id).await? || tx.people().has_left(order.buyer_id).await?)
}

/// Writes a subscription that was paid, tells it, and sees to its end.
async fn run_longer(
    tx: &mut dyn BillingTx,
    subscription: &Subscription,
    extension: Extension,
    draw: &Draw,
) -> Result<(), SettleError> {
    tx.subscriptions().update(subscription).await?;
    let kind = match extension {
        Extension::Activated => events::SUBSCRIPTION_ACTIVATED,
        Extension::Renewed => events::SUBSCRIPTION_RENEWED,
    };
    tx.outbox().append(&events::subscription(draw.subscription, kind, subscription)).await?;
    if let Some(job) = expire_subscription(draw.job, subscription) {
        tx.jobs().enqueue(&job).await?;
    }
    Ok(())
}

/// The subscription that the order's money goes to: its own, or, when that has ended and
/// the reader has another one to the same plan by now, that one.
async fn subscription_to_pay(tx: &mut dyn BillingTx, order: &Order, draw: &Draw) -> Result<Subscription, SettleError> {
    let own = tx.subscriptions().lock_by_id(order.subscription_id).await?;
    let own = own.ok_or_else(|| StoreError::corrupt(format!("order {} has no subscription", order.id)))?;
    if !own.state.has_ended() {
        return Ok(own);
    }
    let Some(other) = tx.subscriptions().find_live(own.subscriber_id, own.plan_id).await? else { return Ok(own) };
    let Some(mut other) = tx.subscriptions().lock_by_id(other.id).await? else { return Ok(own) };
    if other.expire(draw.now) {
        note_end(tx, &other, draw.ended).await?;
    }
    Ok(if other.state.has_ended() { own } else { other })
}

async fn fail(
    tx: &mut dyn BillingTx,
    channel: &str,
    told: &Notification,
    mut order: Order,
    draw: &Draw,
) -> Result<Settled, SettleError> {
    if order.fail(draw.now).is_err() {
        return Ok(Settled::Ignored);
    }
    tx.orders().update(&order).await?;
    record(tx, channel, told, Some(&order), None, PaymentState::Failed, draw).await?;
    tx.outbox().append(&events::order(draw.order, events::ORDER_FAILED, &order)).await?;
    Ok(Settled::Failed)
}

/// Books money that pays nothing as owed back.
async fn set_aside(
    tx: &mut dyn BillingTx,
    channel: &str,
    told: &Notification,
    order: Option<&Order>,
    known: Option<Payment>,
    state: PaymentState,
    draw: &Draw,
) -> Result<Settled, SettleError> {
    let payment = record(tx, channel, told, order, known, state, draw).await?;
    if told.amount.amount() > 0 {
        let entry = BalancedEntry::suspense(channel, told.amount)?;
        tx.ledger().post(&LedgerEntry::of_payment(draw.entry, payment.id, entry, draw.now)).await?;
    }
    tx.outbox().append(&events::unmatched(draw.subscription, &payment)).await?;
    Ok(if state == PaymentState::Surplus { Settled::Surplus } else { Settled::Suspicious })
}

/// Writes what came of an attempt: on the row that has the channel's number, else, when
/// it settles the order, on the one that was started for it, else on a new one.
async fn record(
    tx: &mut dyn BillingTx,
    channel: &str,
    told: &Notification,
    order: Option<&Order>,
    known: Option<Payment>,
    state: PaymentState,
    draw: &Draw,
) -> Result<Payment, SettleError> {
    let settles = matches!(state, PaymentState::Succeeded | PaymentState::Failed);
    let mut row = known;
    if let (None, Some(order), true) = (&row, order, settles) {
        row = tx.payments().find_first(order.id).await?.filter(|first| first.state == PaymentState::Started);
    }
    if let Some(mut payment) = row {
        payment.settle(state, &told.channel_txn_id, told.amount, draw.now);
        tx.payments().update(&payment).await?;
        return Ok(payment);
    }
    let mut payment = Payment {
        id: draw.payment,
        order_id: order.map(|order| order.id),
        channel: channel.to_owned(),
        channel_txn_id: None,
        amount: told.amount,
        state,
        pay_data: None,
        created_at: draw.now,
        settled_at: None,
    };
    payment.settle(state, &told.channel_txn_id, told.amount, draw.now);
    tx.payments().insert(&payment).await?;
    Ok(payment)
}

#[cfg(test)]
mod tests;
