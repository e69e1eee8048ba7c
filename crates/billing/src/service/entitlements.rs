//! The one authority on who may read what.

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::AccessError;
use crate::model::access::{Gate, Reason};
use crate::model::plan::Plan;
use crate::ports::access::{AccessQueries, ArticleAccess};
use crate::ports::plan::PlanQueries;

/// Decides about access.
#[derive(Clone)]
pub struct Entitlements {
    access: Arc<dyn AccessQueries>,
    clock: Arc<dyn Clock>,
}

impl Entitlements {
    /// The authority over its ports.
    pub fn new(access: Arc<dyn AccessQueries>, clock: Arc<dyn Clock>) -> Self {
        Self { access, clock }
    }

    /// Whether `reader` may read what stands behind `gate` now, and why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn decide(&self, reader: Option<UserId>, gate: &Gate) -> Result<Reason, StoreError> {
        let decided = self.decide_many(reader, std::slice::from_ref(gate)).await?;
        decided.first().copied().ok_or_else(|| StoreError::corrupt("no decision"))
    }

    /// As [`Self::decide`], for a whole list in one look at the store; the answers stand
    /// in the order of the gates.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn decide_many(&self, reader: Option<UserId>, gates: &[Gate]) -> Result<Vec<Reason>, StoreError> {
        let mut creators: Vec<UserId> =
            gates.iter().filter(|gate| gate.decide_alone(reader).is_none()).map(|gate| gate.author_id).collect();
        creators.sort_unstable();
        creators.dedup();
        let holdings = match reader {
            Some(reader) if !creators.is_empty() => self.access.holdings(reader, &creators).await?,
            _ => Vec::new(),
        };
        let now = self.clock.now();
        Ok(gates.iter().map(|gate| gate.decide(reader, &holdings, now)).collect())
    }
}

/// A decision about an article, and what would change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleDecision {
    /// Why it is open or not.
    pub reason: Reason,
    /// The plans that would open it; empty when it is open.
    pub plans: Vec<Plan>,
}

/// Answers for articles by their id.
#[derive(Clone)]
pub struct ArticleEntitlements {
    entitlements: Entitlements,
    articles: Arc<dyn ArticleAccess>,
    plans: Arc<dyn PlanQueries>,
}

impl ArticleEntitlements {
    /// The authority and the articles it is asked about.
    pub fn new(entitlements: Entitlements, articles: Arc<dyn ArticleAccess>, plans: Arc<dyn PlanQueries>) -> Self {
        Self { entitlements, articles, plans }
    }

    /// Whether `reader` may read an article, and which plans would open it. Who `edits`
    /// every article reads every one.
    ///
    /// # Errors
    /// When the reader may not know of the article.
    pub async fn decide(
        &self,
        reader: Option<UserId>,
        edits: bool,
        article: i64,
    ) -> Result<ArticleDecision, AccessError> {
        let gate = self.articles.find(article, reader).await?.ok_or(AccessError::ArticleNotFound(article))?;
        let mut reason = self.entitlements.decide(reader, &gate).await?;
        if edits && !reason.allows() {
            reason = Reason::Editor;
        }
        let plans =
            if reason.allows() { Vec::new() } else { self.plans.offers(gate.author_id, &gate.plan_ids).await? };
        Ok(ArticleDecision { reason, plans })
    }
}

#[cfg(test)]
mod tests;
