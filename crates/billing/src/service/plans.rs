//! What creators sell.

use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::Billing;
use crate::error::PlanError;
use crate::events::{self, Cause};
use crate::model::id::{PlanId, PriceId};
use crate::model::interval::Interval;
use crate::model::plan::{Benefits, Plan, PlanContent, PlanDescription, PlanName, PlanStatus, Terms, TrialDays};

/// The right to make plans.
pub const PLAN_CREATE: &str = "plan.create";
/// The right to edit plans of others.
pub const PLAN_UPDATE: &str = "plan.update";
/// The right to archive plans of others.
pub const PLAN_DELETE: &str = "plan.delete";

/// Makes, edits and archives plans.
#[derive(Clone)]
pub struct Plans {
    billing: Billing,
}

/// What an edit changes.
#[derive(Debug, Clone, Default)]
pub struct PlanPatch {
    /// The name.
    pub name: Option<PlanName>,
    /// What it says of itself.
    pub description: Patch<PlanDescription>,
    /// What a subscriber gets.
    pub benefits: Option<Benefits>,
    /// How long the trial is.
    pub trial_days: Option<TrialDays>,
    /// The price of a period, in minor units.
    pub price: Option<i64>,
    /// The currency of the price.
    pub currency: Option<Currency>,
    /// How long a period is.
    pub interval: Option<Interval>,
    /// The versions that the caller would edit; without it any.
    pub expected_versions: Option<Versions>,
}

impl PlanPatch {
    fn onto(&self, plan: &Plan) -> Result<PlanContent, FieldErrors> {
        let mut content = plan.content();
        let terms = content.terms;
        let price =
            Money::new(self.price.unwrap_or(terms.price().amount()), self.currency.unwrap_or(terms.price().currency()));
        content.terms = Terms::try_new(price, self.interval.unwrap_or(terms.interval()))
            .map_err(|issue| FieldErrors::of("price", issue))?;
        self.description.clone().apply(&mut content.description);
        if let Some(name) = &self.name {
            content.name = name.clone();
        }
        if let Some(benefits) = &self.benefits {
            content.benefits = benefits.clone();
        }
        content.trial_days = self.trial_days.unwrap_or(content.trial_days);
        Ok(content)
    }
}

impl Plans {
    /// The service over its ports.
    pub fn new(billing: Billing) -> Self {
        Self { billing }
    }

    /// Makes a plan of the actor's own, which can be bought at once.
    ///
    /// # Errors
    /// Without the right `plan.create`.
    pub async fn create(&self, actor: &Actor, content: PlanContent) -> Result<Plan, PlanError> {
        actor.require(PLAN_CREATE)?;
        let Billing { ids, clock, .. } = &self.billing;
        let id = PlanId::new(ids.number(PlanId::SEQUENCE).await?);
        let price = PriceId::new(ids.number(PriceId::SEQUENCE).await?);
        let cause = Cause { id: ids.uuid(), actor: Some(actor.user_id), at: clock.now() };
        let plan = Plan::create(id, price, actor.user_id, content, cause.at);
        transact!(self.billing.store, |tx| {
            tx.plans().insert(&plan).await?;
            tx.outbox().append(&events::plan(cause, events::PLAN_CREATED, &plan)).await?;
            Ok::<_, PlanError>(())
        })?;
        Ok(plan)
    }

    /// Edits a plan. Other terms are a new version of the price; those who subscribed
    /// keep theirs.
    ///
    /// # Errors
    /// When there is no such plan, it is another's, archived, or changed meanwhile.
    pub async fn update(&self, actor: &Actor, id: PlanId, patch: PlanPatch) -> Result<Plan, PlanError> {
        let Billing { ids, clock, .. } = &self.billing;
        let price = PriceId::new(ids.number(PriceId::SEQUENCE).await?);
        let cause = Cause { id: ids.uuid(), actor: Some(actor.user_id), at: clock.now() };
        transact!(self.billing.store, |tx| {
            let mut plan = tx.plans().find_by_id(id).await?.ok_or(PlanError::NotFound(id))?;
            actor.require_owner_or(plan.creator_id, PLAN_UPDATE)?;
            if plan.status == PlanStatus::Archived {
                return Err(PlanError::Archived);
            }
            if patch.expected_versions.as_ref().is_some_and(|versions| !versions.admit(plan.version)) {
                return Err(PlanError::Stale);
            }
            let content = patch.onto(&plan)?;
            if content == plan.content() {
                return Ok(plan);
            }
            plan.edit(content, price, cause.at);
            tx.plans().update(&plan).await?;
            plan.version += 1;
            tx.outbox().append(&events::plan(cause, events::PLAN_UPDATED, &plan)).await?;
            Ok(plan)
        })
    }

    /// Takes a plan off sale; nothing happens when it is off sale already.
    ///
    /// # Errors
    /// When there is no such plan, it is another's, has none of the versions `if_version`, or
    /// changed meanwhile.
    pub async fn archive(&self, actor: &Actor, id: PlanId, if_version: Option<&Versions>) -> Result<(), PlanError> {
        let Billing { ids, clock, .. } = &self.billing;
        let cause = Cause { id: ids.uuid(), actor: Some(actor.user_id), at: clock.now() };
        transact!(self.billing.store, |tx| {
            let mut plan = tx.plans().find_by_id(id).await?.ok_or(PlanError::NotFound(id))?;
            actor.require_owner_or(plan.creator_id, PLAN_DELETE)?;
            if if_version.is_some_and(|versions| !versions.admit(plan.version)) {
                return Err(PlanError::Stale);
            }
            if plan.archive(cause.at) {
                tx.plans().update(&plan).await?;
                tx.outbox().append(&events::plan(cause, events::PLAN_ARCHIVED, &plan)).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
