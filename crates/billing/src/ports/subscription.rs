//! Subscriptions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::{InsertError, Profile, UpdateError};
use crate::model::id::{PlanId, SubscriptionId};
use crate::model::plan::Terms;
use crate::model::subscription::{Subscription, SubscriptionState};

/// Subscriptions, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SubscriptionRepository: Send {
    /// One subscription.
    async fn find_by_id(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StoreError>;

    /// One subscription, which no other transaction changes until this one ends. MUST
    /// return what the last transaction that changed it left.
    async fn lock_by_id(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StoreError>;

    /// The one that has not ended, of a reader to a plan.
    async fn find_live(&mut self, subscriber: UserId, plan: PlanId) -> Result<Option<Subscription>, StoreError>;

    /// Whether a reader ever had a trial of a plan.
    async fn had_trial(&mut self, subscriber: UserId, plan: PlanId) -> Result<bool, StoreError>;

    /// Adds a subscription. MUST return [`InsertError::Taken`] when another one with the
    /// same live key has not ended.
    async fn insert(&mut self, subscription: &Subscription) -> Result<(), InsertError>;

    /// Writes a subscription, which MUST still have the version it was read with, else
    /// [`UpdateError::Stale`]; the stored version moves on by one. MUST also return
    /// [`UpdateError::Stale`] when it takes a live key that another one has.
    async fn update(&mut self, subscription: &Subscription) -> Result<(), UpdateError>;
}

/// A subscription with what a screen shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionView {
    /// The subscription.
    pub subscription: Subscription,
    /// The name of its plan.
    pub plan_name: String,
    /// The terms it runs at.
    pub terms: Terms,
    /// Whose plan it is.
    pub creator: Profile,
    /// Who reads.
    pub subscriber: Profile,
}

/// Subscriptions, for reading.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SubscriptionQueries: Send + Sync {
    /// One subscription.
    async fn find(&self, id: SubscriptionId) -> Result<Option<SubscriptionView>, StoreError>;

    /// A page of a reader's subscriptions, the newest first; with `state` only those that
    /// stand there at `now`.
    ///
    /// MUST count a subscription whose period has ended as ended, noted or not.
    async fn list(
        &self,
        subscriber: UserId,
        state: Option<SubscriptionState>,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<SubscriptionView>, StoreError>;

    /// Up to `limit` of the subscriptions that a user has or has sold and that are not done
    /// with, by id, behind `after`.
    ///
    /// MUST have every one whose end is not noted, and every one with an unpaid order.
    async fn unfinished(
        &self,
        user: UserId,
        after: Option<SubscriptionId>,
        limit: u64,
    ) -> Result<Vec<SubscriptionId>, StoreError>;

    /// How many readers have a subscription to a creator that runs at `now`. MUST count a
    /// reader once, whatever they subscribed to.
    async fn count_subscribers(&self, creator: UserId, now: DateTime<Utc>) -> Result<u64, StoreError>;
}
