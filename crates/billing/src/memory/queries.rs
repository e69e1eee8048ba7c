//! Queries over what is committed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Currency;
use sharestack_kernel::page::{Page, PageRequest};

use super::{Books, MemoryBilling};
use crate::model::access::Holding;
use crate::model::id::{OrderId, PlanId, SubscriptionId};
use crate::model::ledger::{Account, Line};
use crate::model::order::OrderNumber;
use crate::model::payment::{Payment, PaymentState};
use crate::model::plan::{Plan, PlanStatus};
use crate::model::revenue::{RevenuePeriod, RevenueSummary};
use crate::model::subscription::{Subscription, SubscriptionState};
use crate::ports::Profile;
use crate::ports::access::AccessQueries;
use crate::ports::ledger::{LedgerQueries, TrialBalance};
use crate::ports::order::{OrderQueries, OrderView};
use crate::ports::plan::{PlanFilter, PlanQueries, PlanView};
use crate::ports::sandbox::{SandboxPayment, SandboxQueries};
use crate::ports::subscription::{SubscriptionQueries, SubscriptionView};

fn cut<T>(mut items: Vec<T>, request: PageRequest) -> Page<T> {
    let total = items.len() as u64;
    let offset = usize::try_from(request.offset()).unwrap_or(usize::MAX).min(items.len());
    let mut items = items.split_off(offset);
    items.truncate(request.limit() as usize);
    Page { items, total, request }
}

#[async_trait]
impl PlanQueries for MemoryBilling {
    async fn find(&self, id: PlanId) -> Result<Option<PlanView>, StoreError> {
        let view = |plan: &Plan| PlanView { plan: plan.clone(), creator: Profile::unknown(plan.creator_id) };
        Ok(self.lock().plans.get(&id).map(view))
    }

    async fn list(&self, filter: PlanFilter, page: PageRequest) -> Result<Page<PlanView>, StoreError> {
        let shown = |plan: &&Plan| {
            filter.creator_id.is_none_or(|creator| plan.creator_id == creator)
                && filter.status.is_none_or(|status| plan.status == status)
                && (plan.status == PlanStatus::Active || filter.viewer == Some(plan.creator_id))
        };
        let mut plans: Vec<Plan> = self.lock().plans.values().filter(shown).cloned().collect();
        plans.sort_by_key(|plan| Reverse((plan.created_at, plan.id)));
        Ok(cut(plans, page).map(|plan| PlanView { creator: Profile::unknown(plan.creator_id), plan }))
    }

    async fn offers(&self, creator: UserId, plan_ids: &[PlanId]) -> Result<Vec<Plan>, StoreError> {
        let offered = |plan: &&Plan| {
            plan.creator_id == creator
                && plan.status == PlanStatus::Active
                && (plan_ids.is_empty() || plan_ids.contains(&plan.id))
        };
        let mut plans: Vec<Plan> = self.lock().plans.values().filter(offered).cloned().collect();
        plans.sort_by_key(|plan| (plan.price.terms.price().amount(), plan.id));
        plans.truncate(20);
        Ok(plans)
    }
}

fn view(books: &Books, subscription: &Subscription) -> Option<SubscriptionView> {
    Some(SubscriptionView {
        plan_name: books.plans.get(&subscription.plan_id)?.name.as_str().to_owned(),
        terms: books.prices.get(&subscription.price_id)?.terms,
        creator: Profile::unknown(subscription.creator_id),
        subscriber: Profile::unknown(subscription.subscriber_id),
        subscription: subscription.clone(),
    })
}

#[async_trait]
impl SubscriptionQueries for MemoryBilling {
    async fn find(&self, id: SubscriptionId) -> Result<Option<SubscriptionView>, StoreError> {
        let books = self.lock();
        Ok(books.subscriptions.get(&id).and_then(|found| view(&books, found)))
    }

    async fn list(
        &self,
        subscriber: UserId,
        state: Option<SubscriptionState>,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<SubscriptionView>, StoreError> {
        let books = self.lock();
        let shown = |one: &&Subscription| {
            one.subscriber_id == subscriber && state.is_none_or(|state| one.state_at(now) == state)
        };
        let mut found: Vec<&Subscription> = books.subscriptions.values().filter(shown).collect();
        found.sort_by_key(|one| Reverse((one.created_at, one.id)));
        Ok(cut(found.into_iter().filter_map(|one| view(&books, one)).collect(), page))
    }

    async fn unfinished(
        &self,
        user: UserId,
        after: Option<SubscriptionId>,
        limit: u64,
    ) -> Result<Vec<SubscriptionId>, StoreError> {
        let books = self.lock();
        let unpaid = |id: SubscriptionId| {
            books.orders.values().any(|order| order.subscription_id == id && order.state.is_unpaid())
        };
        let open = |one: &&Subscription| {
            [one.subscriber_id, one.creator_id].contains(&user)
                && after.is_none_or(|after| one.id > after)
                && (!one.state.has_ended() || unpaid(one.id))
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(books.subscriptions.values().filter(open).map(|one| one.id).take(limit).collect())
    }

    async fn count_subscribers(&self, creator: UserId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let books = self.lock();
        let runs = |one: &&Subscription| one.creator_id == creator && one.state_at(now).is_running();
        let readers: BTreeSet<UserId> =
            books.subscriptions.values().filter(runs).map(|one| one.subscriber_id).collect();
        Ok(readers.len() as u64)
    }
}

#[async_trait]
impl OrderQueries for MemoryBilling {
    async fn find(&self, id: OrderId) -> Result<Option<OrderView>, StoreError> {
        let books = self.lock();
        let Some(order) = books.orders.get(&id) else { return Ok(None) };
        let own: Vec<&Payment> = books.payments.values().filter(|payment| payment.order_id == Some(id)).collect();
        let paid = own.iter().find(|payment| payment.state == PaymentState::Succeeded);
        Ok(Some(OrderView {
            order: order.clone(),
            plan_name: books.plans.get(&order.plan_id).map(|plan| plan.name.as_str().to_owned()).unwrap_or_default(),
            pay_data: own.iter().find_map(|payment| payment.pay_data.clone()),
            channel_txn_id: paid.and_then(|payment| payment.channel_txn_id.clone()),
        }))
    }

    async fn claim_sync(&self, id: OrderId, now: DateTime<Utc>, gap: Duration) -> Result<bool, StoreError> {
        let mut books = self.lock();
        let free = books.synced.get(&id).is_none_or(|last| *last + gap <= now);
        if free {
            books.synced.insert(id, now);
        }
        Ok(free)
    }
}

#[async_trait]
impl LedgerQueries for MemoryBilling {
    async fn revenue(
        &self,
        creator: UserId,
        currency: Currency,
        period: RevenuePeriod,
        settled_before: DateTime<Utc>,
    ) -> Result<RevenueSummary, StoreError> {
        let account = Account::CreatorPayable(creator);
        let mut sum = RevenueSummary {
            currency,
            period,
            gross: 0,
            fees: 0,
            refunds: 0,
            net: 0,
            withdrawn: 0,
            pending: 0,
            available: 0,
        };
        for entry in &self.lock().ledger {
            let inside = period.bounds().is_none_or(|(from, until)| (from..until).contains(&entry.occurred_at));
            for posting in entry.entry.postings() {
                if posting.account != account || posting.amount.currency() != currency {
                    continue;
                }
                let amount = posting.amount.amount();
                let settled = posting.line == Line::Withdrawal || entry.occurred_at < settled_before;
                *if settled { &mut sum.available } else { &mut sum.pending } -= amount;
                if inside {
                    match posting.line {
                        Line::Sale => sum.gross -= amount,
                        Line::Fee => sum.fees += amount,
                        Line::Refund => sum.refunds += amount,
                        Line::Withdrawal => sum.withdrawn += amount,
                        Line::Suspense => {}
                    }
                }
            }
        }
        sum.net = sum.gross - sum.fees - sum.refunds;
        Ok(sum)
    }

    async fn earned_currencies(&self, creator: UserId) -> Result<Vec<Currency>, StoreError> {
        let account = Account::CreatorPayable(creator);
        let books = self.lock();
        let postings = books.ledger.iter().flat_map(|entry| entry.entry.postings());
        let mut codes: Vec<_> =
            postings.filter(|posting| posting.account == account).map(|posting| posting.amount.currency()).collect();
        codes.sort_by_key(|currency| currency.code());
        codes.dedup();
        Ok(codes)
    }

    async fn trial_balance(&self) -> Result<TrialBalance, StoreError> {
        let books = self.lock();
        let mut sums = BTreeMap::<Currency, i64>::new();
        for posting in books.ledger.iter().flat_map(|entry| entry.entry.postings()) {
            *sums.entry(posting.amount.currency()).or_default() += posting.amount.amount();
        }
        Ok(TrialBalance { sums: sums.into_iter().collect(), entries: books.ledger.len() as u64 })
    }
}

#[async_trait]
impl AccessQueries for MemoryBilling {
    async fn holdings(&self, reader: UserId, creators: &[UserId]) -> Result<Vec<Holding>, StoreError> {
        let held = |one: &&Subscription| {
            one.subscriber_id == reader
                && creators.contains(&one.creator_id)
                && one.state != SubscriptionState::Incomplete
        };
        let holding = |one: &Subscription| Holding {
            creator_id: one.creator_id,
            plan_id: one.plan_id,
            state: one.state,
            cancel_at_period_end: one.cancel_at_period_end,
            period_end: one.current_period_end,
        };
        Ok(self.lock().subscriptions.values().filter(held).map(holding).collect())
    }
}

#[async_trait]
impl SandboxQueries for MemoryBilling {
    async fn find(&self, order: &OrderNumber) -> Result<Option<SandboxPayment>, StoreError> {
        Ok(self.lock().sandbox.get(order.as_str()).cloned())
    }
}
