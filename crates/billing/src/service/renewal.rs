//! A further period of a running subscription, bought by hand.

use sharestack_kernel::transact;

use super::RACES;
use super::checkout::{
    Checkout, Payer, Placed, Ticket, check_creator, fingerprint, lock_with_orders, replay, write_order,
};
use super::closing::close_orders;
use crate::error::CheckoutError;
use crate::model::id::SubscriptionId;
use crate::model::order::OrderKind;

impl Checkout {
    /// Orders the period behind the one that is paid, at the price the subscription runs
    /// at. An unpaid order for it is closed; its payment, should it still come, counts.
    ///
    /// # Errors
    /// When the subscription is not the caller's, does not run, or runs for ever, when its
    /// creator has left, or when the channel fails.
    pub async fn renew(&self, id: SubscriptionId, payer: &Payer) -> Result<Ticket, CheckoutError> {
        self.check_channel(&payer.channel)?;
        let mut placed = Err(CheckoutError::Contended);
        for _ in 0..RACES {
            placed = self.place_renewal(id, payer).await;
            if !matches!(placed, Err(CheckoutError::Contended)) {
                break;
            }
        }
        self.begin_payment(placed?).await
    }

    async fn place_renewal(&self, id: SubscriptionId, payer: &Payer) -> Result<Placed, CheckoutError> {
        let missing = || CheckoutError::SubscriptionNotFound(id);
        let fingerprint = fingerprint(&["renew", &id.to_string(), &payer.channel, payer.scene.as_str()]);
        let draw = self.draw(payer.buyer_id).await?;
        transact!(self.billing.store, |tx| {
            if let Some(known) = replay(tx, payer, &fingerprint, draw.cause[0].at).await? {
                return Ok(known);
            }
            let seen = tx.subscriptions().find_by_id(id).await?;
            seen.filter(|seen| seen.subscriber_id == payer.buyer_id).ok_or_else(missing)?;
            let (subscription, unpaid) = lock_with_orders(tx, id).await?.ok_or_else(missing)?;
            subscription.check_renewable(draw.cause[0].at)?;
            check_creator(tx, subscription.creator_id).await?;
            close_orders(tx, unpaid, draw.cause[0], draw.closing).await?;
            let plan_id = subscription.plan_id;
            let plan = tx.plans().find_by_id(plan_id).await?.ok_or(CheckoutError::PlanNotFound(plan_id))?;
            let price = tx.plans().find_price(subscription.price_id).await?;
            let price = price.ok_or(CheckoutError::PlanNotFound(plan_id))?;
            let name = plan.name.as_str();
            let order = self.new_order(OrderKind::Renewal, payer, &fingerprint, &subscription, &price, name, &draw);
            let payment = write_order(tx, &order, &draw).await?;
            Ok(Placed { subscription, order, payment })
        })
    }
}
