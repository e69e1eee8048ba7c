//! Who may read what they have not written.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;

use crate::model::{AccessLevel, ArticleId, PlanId};

/// What a decision needs to know of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateQuery {
    /// The article.
    pub article_id: ArticleId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Who may read it.
    pub access_level: AccessLevel,
    /// The plans that open it; empty for every plan of the author.
    pub plan_ids: Vec<PlanId>,
    /// What it costs alone.
    pub price: Option<Money>,
}

/// A plan that would open an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanOffer {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it costs.
    pub price: Money,
    /// How long one payment lasts, for example `month`.
    pub interval: String,
}

/// Whether a reader may read the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whether they may.
    pub allowed: bool,
    /// Why, as a stable word, for example `subscription` or `not_subscribed`.
    pub reason: String,
    /// What would open it, when they may not.
    pub plans: Vec<PlanOffer>,
}

impl Access {
    /// May read, for this reason.
    pub fn allowed(reason: &str) -> Self {
        Self { allowed: true, reason: reason.to_owned(), plans: Vec::new() }
    }

    /// May not read, for this reason.
    pub fn refused(reason: &str, plans: Vec<PlanOffer>) -> Self {
        Self { allowed: false, reason: reason.to_owned(), plans }
    }
}

/// Decides about articles that are not free, for readers who are neither their authors
/// nor editors.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Entitlements: Send + Sync {
    /// Decides about one article. MUST name the plans that would open it when it refuses.
    async fn decide(&self, reader: Option<UserId>, article: &GateQuery) -> Result<Access, StoreError>;

    /// Decides about all articles of a list, in their order, without plans.
    ///
    /// MUST allow exactly what `decide` allows.
    async fn decide_many(&self, reader: Option<UserId>, articles: &[GateQuery]) -> Result<Vec<bool>, StoreError>;

    /// Those of these plans that are the author's, on sale or not.
    async fn owned_plans(&self, author: UserId, plans: &[PlanId]) -> Result<Vec<PlanId>, StoreError>;

    /// Whether somebody has bought the article alone: it must not vanish then.
    async fn is_sold_one_off(&self, article: ArticleId) -> Result<bool, StoreError>;
}
