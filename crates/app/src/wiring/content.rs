//! The content domain with billing behind its gate, and itself behind billing's.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_billing::model::access::{AccessLevel as Level, Gate, Reason};
use sharestack_billing::model::id::PlanId;
use sharestack_billing::model::plan::Plan;
use sharestack_billing::ports::access::ArticleAccess;
use sharestack_billing::ports::plan::PlanQueries;
use sharestack_billing::service::entitlements::Entitlements as Authority;
use sharestack_content::model::{AccessLevel, ArticleId, PlanId as Named, Status};
use sharestack_content::ports::{
    Access, ArticleQueries, Articles, CategoryQueries, Entitlements, GateQuery, PlanOffer, SearchIndex,
};
use sharestack_content::service::{
    Authoring, Ports, Publishing, Reading, RenewTeasers, ScheduledPublish, Searching, ViewBuffer,
};
use sharestack_kernel::cache::Cache;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

/// What handlers and workers ask of the content domain.
pub struct Content {
    /// What every service of the domain works with.
    pub ports: Ports,
    pub authoring: Authoring,
    pub publishing: Publishing,
    pub reading: Reading,
    pub searching: Searching,
    /// Flushed by a worker.
    pub views: Arc<ViewBuffer>,
    /// The job of a schedule.
    pub scheduled: Arc<ScheduledPublish>,
    /// The job of a migration.
    pub teasers: Arc<RenewTeasers>,
}

impl Content {
    /// The services over these ports; `cache` remembers who was counted.
    pub fn new(
        ports: Ports,
        cache: Arc<dyn Cache>,
        categories: Arc<dyn CategoryQueries>,
        index: Arc<dyn SearchIndex<Articles>>,
    ) -> Self {
        let views = Arc::new(ViewBuffer::new(ports.store.clone(), cache));
        let reading = Reading::new(ports.clone(), views.clone());
        Self {
            searching: Searching::new(ports.clone(), reading.clone(), categories, index),
            authoring: Authoring::new(ports.clone()),
            publishing: Publishing::new(ports.clone()),
            reading,
            views,
            scheduled: Arc::new(ScheduledPublish::new(ports.clone())),
            teasers: Arc::new(RenewTeasers::new(ports.clone())),
            ports,
        }
    }
}

/// Billing decides who reads.
pub struct BillingGate {
    authority: Authority,
    plans: Arc<dyn PlanQueries>,
}

impl BillingGate {
    /// The gate before this authority.
    pub const fn new(authority: Authority, plans: Arc<dyn PlanQueries>) -> Self {
        Self { authority, plans }
    }
}

const fn level(level: AccessLevel) -> Level {
    match level {
        AccessLevel::Free => Level::Free,
        AccessLevel::Members => Level::Members,
        AccessLevel::Paid => Level::Paid,
    }
}

fn gate(article: &GateQuery) -> Gate {
    Gate {
        author_id: article.author_id,
        level: level(article.access_level),
        plan_ids: article.plan_ids.iter().map(|plan| PlanId::new(plan.get())).collect(),
    }
}

fn offer(plan: &Plan) -> PlanOffer {
    PlanOffer {
        id: plan.id.get(),
        name: plan.name.as_str().to_owned(),
        price: plan.price.terms.price(),
        interval: plan.price.terms.interval().as_str().to_owned(),
    }
}

#[async_trait]
impl Entitlements for BillingGate {
    async fn decide(&self, reader: Option<UserId>, article: &GateQuery) -> Result<Access, StoreError> {
        let gate = gate(article);
        let reason = self.authority.decide(reader, &gate).await?;
        if reason.allows() {
            return Ok(Access::allowed(reason.as_str()));
        }
        // Who only has to sign in is not asked to pay.
        let plans = match gate.level {
            Level::Paid => self.plans.offers(gate.author_id, &gate.plan_ids).await?,
            Level::Free | Level::Members => Vec::new(),
        };
        Ok(Access::refused(reason.as_str(), plans.iter().map(offer).collect()))
    }

    async fn decide_many(&self, reader: Option<UserId>, articles: &[GateQuery]) -> Result<Vec<bool>, StoreError> {
        let gates: Vec<Gate> = articles.iter().map(gate).collect();
        let reasons = self.authority.decide_many(reader, &gates).await?;
        Ok(reasons.into_iter().map(Reason::allows).collect())
    }

    async fn owned_plans(&self, author: UserId, plans: &[Named]) -> Result<Vec<Named>, StoreError> {
        let mut owned = Vec::with_capacity(plans.len());
        for plan in plans {
            let found = self.plans.find(PlanId::new(plan.get())).await?;
            if found.is_some_and(|view| view.plan.creator_id == author) {
                owned.push(*plan);
            }
        }
        Ok(owned)
    }

    /// Articles are not sold alone yet: only subscriptions are.
    async fn is_sold_one_off(&self, _article: ArticleId) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Content tells billing what stands before an article.
pub struct ArticleGates(pub Arc<dyn ArticleQueries>);

#[async_trait]
impl ArticleAccess for ArticleGates {
    async fn find(&self, article: i64, reader: Option<UserId>) -> Result<Option<Gate>, StoreError> {
        let head = self.0.find_head(&ArticleId::new(article).into()).await?;
        let known = head.filter(|head| head.status == Status::Published || reader == Some(head.author_id));
        Ok(known.map(|head| Gate {
            author_id: head.author_id,
            level: level(head.access_level),
            plan_ids: head.plan_ids.iter().map(|plan| PlanId::new(plan.get())).collect(),
        }))
    }
}
