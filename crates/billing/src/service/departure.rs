//! What becomes of the business of who has gone.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::Billing;
use super::subscriptions::{Cancel, Subscriptions};
use crate::error::{PlanError, SubscriptionError};
use crate::events::{self, Cause};
use crate::model::plan::PlanStatus;
use crate::model::subscription::SubscriptionState;
use crate::ports::plan::{PlanFilter, PlanQueries};

/// What the users domain says of an account that ended.
const ACCOUNT_DELETED: &str = "user.deleted";

/// Takes the plans of who has gone off sale, and ends what they subscribed to. Money that
/// moved stays as it is.
pub struct EndBusiness {
    billing: Billing,
    subscriptions: Subscriptions,
    plans: Arc<dyn PlanQueries>,
}

impl EndBusiness {
    /// A subscriber over these ports.
    pub const fn new(billing: Billing, subscriptions: Subscriptions, plans: Arc<dyn PlanQueries>) -> Self {
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
                let (id, cause) =
                    (view.plan.id, Cause { id: self.billing.ids.uuid(), actor: None, at: self.billing.clock.now() });
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

    async fn end_subscriptions(&self, subscriber: UserId) -> Result<(), StoreError> {
        use SubscriptionState::{Active, Incomplete, PastDue, Paused, Trialing};
        for state in [Incomplete, Trialing, Active, PastDue, Paused] {
            let page = PageRequest::try_new(1, 100).unwrap_or_default();
            for view in self.subscriptions.list(subscriber, Some(state), page).await?.items {
                let id = view.subscription.id;
                let cancel = Cancel { id, subscriber_id: subscriber, at_period_end: false, reason: None };
                match self.subscriptions.cancel(&cancel).await {
                    // It ended by itself meanwhile.
                    Ok(_) | Err(SubscriptionError::Transition(_) | SubscriptionError::NotFound(_)) => {}
                    Err(SubscriptionError::Store(error)) => return Err(error),
                    Err(error) => return Err(StoreError::Transient(Box::new(error))),
                }
            }
        }
        Ok(())
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

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let user = UserId::new(event.aggregate_id.parse().map_err(StoreError::corrupt)?);
        self.archive_plans(user).await?;
        self.end_subscriptions(user).await
    }
}
