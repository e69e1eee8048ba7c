//! Plans and their prices.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::{Profile, UpdateError};
use crate::model::id::{PlanId, PriceId};
use crate::model::plan::{Plan, PlanStatus, Price};

/// Plans, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PlanRepository: Send {
    /// A plan with its present price, archived ones included.
    async fn find_by_id(&mut self, id: PlanId) -> Result<Option<Plan>, StoreError>;

    /// One version of a price. MUST find versions that are no longer offered.
    async fn find_price(&mut self, id: PriceId) -> Result<Option<Price>, StoreError>;

    /// Adds a plan and its first price.
    async fn insert(&mut self, plan: &Plan) -> Result<(), StoreError>;

    /// Writes a plan, which MUST still have the version it was read with, else
    /// [`UpdateError::Stale`]; the stored version moves on by one. When the price is a
    /// new one it is added, and the old ones MUST stay as they are.
    async fn update(&mut self, plan: &Plan) -> Result<(), UpdateError>;
}

/// Which plans a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanFilter {
    /// Only this creator's.
    pub creator_id: Option<UserId>,
    /// Only those with this status.
    pub status: Option<PlanStatus>,
    /// Archived ones are shown only when they belong to this user.
    pub viewer: Option<UserId>,
}

/// A plan and who sells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    /// The plan.
    pub plan: Plan,
    /// Who sells it.
    pub creator: Profile,
}

/// Plans, for reading.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PlanQueries: Send + Sync {
    /// One plan, archived or not.
    async fn find(&self, id: PlanId) -> Result<Option<PlanView>, StoreError>;

    /// A page of plans, the newest first.
    ///
    /// MUST leave out archived plans that are not the viewer's, from the items and from
    /// the total.
    async fn list(&self, filter: PlanFilter, page: PageRequest) -> Result<Page<PlanView>, StoreError>;

    /// The plans that can be bought and open a creator's paid article: those of `plan_ids`,
    /// or all when it is empty; the cheapest first, at most 20.
    async fn offers(&self, creator: UserId, plan_ids: &[PlanId]) -> Result<Vec<Plan>, StoreError>;
}
