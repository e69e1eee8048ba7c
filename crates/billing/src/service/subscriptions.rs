//! What a reader does with a subscription.

use std::sync::Arc;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;

use super::Billing;
use super::checkout::lock_with_orders;
use super::closing::close_orders;
use crate::error::SubscriptionError;
use crate::events::{self, Cause};
use crate::model::id::SubscriptionId;
use crate::model::subscription::{CancelReason, Subscription, SubscriptionState};
use crate::ports::subscription::{SubscriptionQueries, SubscriptionView};

/// Shows, cancels and resumes subscriptions.
#[derive(Clone)]
pub struct Subscriptions {
    billing: Billing,
    queries: Arc<dyn SubscriptionQueries>,
}

/// A wish to leave.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// Which subscription.
    pub id: SubscriptionId,
    /// Whose it is.
    pub subscriber_id: UserId,
    /// Whether access stays until the paid period ends.
    pub at_period_end: bool,
    /// Why.
    pub reason: Option<CancelReason>,
}

impl Subscriptions {
    /// The service over its ports.
    pub fn new(billing: Billing, queries: Arc<dyn SubscriptionQueries>) -> Self {
        Self { billing, queries }
    }

    /// A page of the reader's own, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        subscriber: UserId,
        state: Option<SubscriptionState>,
        page: PageRequest,
    ) -> Result<Page<SubscriptionView>, StoreError> {
        self.queries.list(subscriber, state, self.billing.clock.now(), page).await
    }

    /// How many readers have a subscription to a creator that runs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_subscribers(&self, creator: UserId) -> Result<u64, StoreError> {
        self.queries.count_subscribers(creator, self.billing.clock.now()).await
    }

    /// One subscription, for its reader and for the creator of its plan.
    ///
    /// # Errors
    /// When there is none, or `viewer` is neither of the two.
    pub async fn find(&self, viewer: UserId, id: SubscriptionId) -> Result<SubscriptionView, SubscriptionError> {
        let found = self.queries.find(id).await?.ok_or(SubscriptionError::NotFound(id))?;
        let Subscription { subscriber_id, creator_id, .. } = found.subscription;
        if viewer != subscriber_id && viewer != creator_id {
            return Err(SubscriptionError::NotFound(id));
        }
        Ok(found)
    }

    /// Ends a subscription, with its period or at once. At once, its unpaid orders are
    /// closed too.
    ///
    /// # Errors
    /// When it is not the reader's, or not in a state to be canceled.
    pub async fn cancel(&self, command: &Cancel) -> Result<Subscription, SubscriptionError> {
        let at = self.billing.clock.now();
        let (id, closing) = (self.billing.ids.uuid(), self.billing.closings());
        let cause = Cause { id, actor: Some(command.subscriber_id), at };
        transact!(self.billing.store, |tx| {
            let locked = lock_with_orders(tx, command.id).await?;
            let (locked, unpaid) = locked.map_or((None, Vec::new()), |(one, orders)| (Some(one), orders));
            let mut subscription = own(locked, command.id, command.subscriber_id)?;
            let kind = if command.at_period_end {
                subscription.cancel_at_end(command.reason.clone(), at)?;
                events::SUBSCRIPTION_CANCELED_SCHEDULED
            } else {
                subscription.cancel_now(command.reason.clone(), at)?;
                close_orders(tx, unpaid, cause, closing).await?;
                events::SUBSCRIPTION_CANCELED
            };
            tx.subscriptions().update(&subscription).await?;
            subscription.version += 1;
            tx.outbox().append(&events::subscription(cause, kind, &subscription)).await?;
            Ok(subscription)
        })
    }

    /// Takes back a cancellation at period end.
    ///
    /// # Errors
    /// When it is not the reader's, has ended, or was not canceled, or when its creator has
    /// left.
    pub async fn resume(&self, subscriber: UserId, id: SubscriptionId) -> Result<Subscription, SubscriptionError> {
        let Billing { ids, clock, .. } = &self.billing;
        let cause = Cause { id: ids.uuid(), actor: Some(subscriber), at: clock.now() };
        transact!(self.billing.store, |tx| {
            let locked = tx.subscriptions().lock_by_id(id).await?;
            let mut subscription = own(locked, id, subscriber)?;
            subscription.resume(cause.at)?;
            if tx.people().has_left(subscription.creator_id).await? {
                return Err(SubscriptionError::CreatorLeft);
            }
            tx.subscriptions().update(&subscription).await?;
            subscription.version += 1;
            let event = events::subscription(cause, events::SUBSCRIPTION_RESUMED, &subscription);
            tx.outbox().append(&event).await?;
            Ok(subscription)
        })
    }
}

/// The subscription, if it is the reader's.
fn own(found: Option<Subscription>, id: SubscriptionId, subscriber: UserId) -> Result<Subscription, SubscriptionError> {
    found.filter(|found| found.subscriber_id == subscriber).ok_or(SubscriptionError::NotFound(id))
}

#[cfg(test)]
mod tests;
