//! What becomes of the business of who has gone.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::Billing;
use super::checkout::lock_with_orders;
use super::closing::close_orders;
use crate::error::{PlanError, SubscriptionError};
use crate::events::{self, Cause};
use crate::model::id::SubscriptionId;
use crate::model::plan::PlanStatus;
use crate::model::subscription::{Party, SubscriptionState};
use crate::ports::plan::{PlanFilter, PlanQueries};
use crate::ports::subscription::SubscriptionQueries;

/// What the users domain says of an account that ended.
const ACCOUNT_DELETED: &str = "user.deleted";
/// The kind of the job that ends somebody's business.
pub const END_BUSINESS: &str = "business.end";
/// How many subscriptions are read at once.
const PAGE: u64 = 100;

#[derive(Serialize, Deserialize)]
struct Departed {
    user_id: UserId,
}

/// Takes the plans of who has gone off sale, closes what is ordered from them or by them and
/// not paid, and ends subscriptions: those they had at once, those to them with the period
/// that is paid. Money that moved stays as it is.
pub struct EndBusiness {
    billing: Billing,
    subscriptions: Arc<dyn SubscriptionQueries>,
    plans: Arc<dyn PlanQueries>,
}

impl EndBusiness {
    /// A subscriber over these ports.
    pub fn new(billing: Billing, subscriptions: Arc<dyn SubscriptionQueries>, plans: Arc<dyn PlanQueries>) -> Self {
        Self { billing, subscriptions, plans }
    }

    async fn archive_plans(&self, creator: UserId) -> Result<(), StoreError> {
        let filter = PlanFilter { creator_id: Some(creator), status: Some(PlanStatus::Active), viewer: Some(creator) };
        loop {
            let page = self.plans.list(filter, PageRequest::default()).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            for view in page.items {
                let (id, cause) = (view.plan.id, self.cause());
                let archived: Result<(), PlanError> = transact!(self.billing.store, |tx| {
                    let Some(mut plan) = tx.plans().find_by_id(id).await? else { return Ok(()) };
                    if plan.archive(cause.at) {
                        tx.plans().update(&plan).await?;
                        tx.outbox().append(&events::plan(cause, events::PLAN_ARCHIVED, &plan)).await?;
                    }
                    Ok(())
                });
                archived.map_err(|error| match error {
                    PlanError::Store(error) => error,
                    other => StoreError::Transient(Box::new(other)),
                })?;
            }
        }
    }

    async fn end_subscriptions(&self, gone: UserId) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let ids = self.subscriptions.unfinished(gone, after, PAGE).await?;
            let Some(last) = ids.last().copied() else { return Ok(()) };
            for id in ids {
                while self.wind_up(gone, id).await.map_err(|error| match error {
                    SubscriptionError::Store(error) => error,
                    other => StoreError::Transient(Box::new(other)),
                })? {}
            }
            after = Some(last);
        }
    }

    /// Ends one subscription and closes its unpaid orders; whether some of them are left.
    async fn wind_up(&self, gone: UserId, id: SubscriptionId) -> Result<bool, SubscriptionError> {
        let (cause, closing) = (self.cause(), self.billing.closings());
        transact!(self.billing.store, |tx| {
            let Some((mut subscription, unpaid)) = lock_with_orders(tx, id).await? else { return Ok(false) };
            let are_left = unpaid.len() > closing.len();
            close_orders(tx, unpaid, cause, closing).await?;
            let left = if subscription.subscriber_id == gone { Party::Subscriber } else { Party::Creator };
            if subscription.part(left, cause.at) {
                tx.subscriptions().update(&subscription).await?;
                let kind = match subscription.state {
                    SubscriptionState::Canceled => events::SUBSCRIPTION_CANCELED,
                    SubscriptionState::Expired => events::SUBSCRIPTION_EXPIRED,
                    _ => events::SUBSCRIPTION_CANCELED_SCHEDULED,
                };
                tx.outbox().append(&events::subscription(cause, kind, &subscription)).await?;
            }
            Ok(are_left)
        })
    }

    fn cause(&self) -> Cause {
        Cause { id: self.billing.ids.uuid(), actor: None, at: self.billing.clock.now() }
    }
}

#[async_trait]
impl Subscriber for EndBusiness {
    fn name(&self) -> &'static str {
        "billing.end_business"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == ACCOUNT_DELETED
    }

    /// By a job: it may be much, and events of others wait while one is handled.
    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let gone = Departed { user_id: UserId::new(event.aggregate_id.parse().map_err(StoreError::corrupt)?) };
        let Cause { id, at, .. } = self.cause();
        let job = NewJob::new(id, END_BUSINESS, json!(gone), at);
        transact!(self.billing.store, |tx| { tx.jobs().enqueue(&job).await.map(drop) })
    }
}

#[async_trait]
impl JobHandler for EndBusiness {
    fn kind(&self) -> &'static str {
        END_BUSINESS
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let Departed { user_id } = Departed::deserialize(&job.payload)?;
        self.archive_plans(user_id).await?;
        Ok(self.end_subscriptions(user_id).await?)
    }
}

#[cfg(test)]
mod tests;
