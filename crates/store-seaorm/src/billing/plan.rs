use async_trait::async_trait;
use sea_orm::sea_query::{Cond, Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_billing::model::id::{PlanId, PriceId};
use sharestack_billing::model::plan::{Benefits, Plan, PlanDescription, PlanName, PlanStatus, Price, Terms, TrialDays};
use sharestack_billing::ports::UpdateError;
use sharestack_billing::ports::plan::{PlanFilter, PlanQueries, PlanRepository, PlanView};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::rows::{self, Fields, Stored};
use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

const PLAN: [&str; 11] = [
    "id",
    "creator_id",
    "name",
    "description",
    "benefits",
    "status",
    "trial_days",
    "price_id",
    "version",
    "created_at",
    "updated_at",
];
const PRICE: [&str; 6] = ["id", "number", "amount", "currency", "period", "created_at"];

impl Stored for Price {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: PriceId::new(row.get("id")?),
            number: row.get::<i32>("number")?.unsigned_abs(),
            terms: terms(row)?,
            created_at: row.get("created_at")?,
        })
    }
}

/// Stored terms.
pub(super) fn terms(row: Fields<'_>) -> Result<Terms, StoreError> {
    let terms = Terms::try_new(rows::amount(row)?, rows::interval(row)?);
    terms.map_err(|_| StoreError::corrupt("a stored price is out of range"))
}

impl Stored for Plan {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let broken = |what: &'static str| StoreError::corrupt(what);
        let benefits: Vec<String> =
            serde_json::from_str(&row.get::<String>("benefits")?).map_err(StoreError::corrupt)?;
        let description: Option<String> = row.get("description")?;
        let description = description.as_deref().map(PlanDescription::parse).transpose();
        let trial_days: i32 = row.get("trial_days")?;
        Ok(Self {
            id: PlanId::new(row.get("id")?),
            creator_id: UserId::new(row.get("creator_id")?),
            name: PlanName::parse(&row.get::<String>("name")?).map_err(|_| broken("a stored plan has no name"))?,
            description: description.map_err(|_| broken("a stored description is too long"))?.flatten(),
            benefits: Benefits::parse("benefits", benefits).map_err(StoreError::corrupt)?,
            status: rows::named(row, "status", PlanStatus::parse)?,
            trial_days: TrialDays::parse(trial_days.into()).map_err(|_| broken("a stored trial is too long"))?,
            price: Price::read(row.under("price_"))?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Plans with their present prices.
fn plans() -> SelectStatement {
    let mut select = Query::select();
    rows::select_as(&mut select, "plans", "", &PLAN);
    rows::select_as(&mut select, "plan_prices", "price_", &PRICE);
    select
        .from("plans")
        .inner_join("plan_prices", Expr::col(("plan_prices", "id")).equals(("plans", "price_id")))
        .to_owned()
}

fn benefits(plan: &Plan) -> Result<String, StoreError> {
    serde_json::to_string(plan.benefits.lines()).map_err(StoreError::corrupt)
}

impl SeaTx {
    async fn insert_price(&self, plan: PlanId, price: &Price) -> Result<(), StoreError> {
        let terms = price.terms;
        let insert = Query::insert()
            .into_table("plan_prices")
            .columns(["id", "plan_id", "number", "amount", "currency", "period", "created_at"])
            .values_panic([
                price.id.get().into(),
                plan.get().into(),
                i32::try_from(price.number).unwrap_or(i32::MAX).into(),
                terms.price().amount().into(),
                terms.price().currency().code().into(),
                terms.interval().as_str().into(),
                price.created_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl PlanRepository for SeaTx {
    async fn find_by_id(&mut self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        let select = plans().and_where(Expr::col(("plans", "id")).eq(id.get())).to_owned();
        rows::one(self.conn(), &select).await
    }

    async fn find_price(&mut self, id: PriceId) -> Result<Option<Price>, StoreError> {
        let select =
            Query::select().columns(PRICE).from("plan_prices").and_where(Expr::col("id").eq(id.get())).to_owned();
        rows::one(self.conn(), &select).await
    }

    async fn insert(&mut self, plan: &Plan) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("plans")
            .columns(PLAN)
            .values_panic([
                plan.id.get().into(),
                plan.creator_id.get().into(),
                plan.name.as_str().into(),
                plan.description.as_ref().map(PlanDescription::as_str).into(),
                benefits(plan)?.into(),
                plan.status.as_str().into(),
                i32::from(plan.trial_days.get()).into(),
                plan.price.id.get().into(),
                plan.version.into(),
                plan.created_at.into(),
                plan.updated_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map_err(store_error)?;
        self.insert_price(plan.id, &plan.price).await
    }

    async fn update(&mut self, plan: &Plan) -> Result<(), UpdateError> {
        let update = Query::update()
            .table("plans")
            .value("name", plan.name.as_str())
            .value("description", plan.description.as_ref().map(PlanDescription::as_str))
            .value("benefits", benefits(plan)?)
            .value("status", plan.status.as_str())
            .value("trial_days", i32::from(plan.trial_days.get()))
            .value("price_id", plan.price.id.get())
            .value("version", plan.version + 1)
            .value("updated_at", plan.updated_at)
            .and_where(Expr::col("id").eq(plan.id.get()))
            .and_where(Expr::col("version").eq(plan.version))
            .to_owned();
        rows::changed(self.conn().execute(&update).await.map_err(store_error)?.rows_affected())?;
        if PlanRepository::find_price(self, plan.price.id).await?.is_none() {
            self.insert_price(plan.id, &plan.price).await?;
        }
        Ok(())
    }
}

impl Stored for PlanView {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let plan = Plan::read(row)?;
        Ok(Self { creator: rows::profile(row.under("creator_"), plan.creator_id)?, plan })
    }
}

fn views() -> SelectStatement {
    let mut select = plans();
    rows::join_profile(&mut select, ("plans", "creator_id"), "creator");
    select
}

#[async_trait]
impl PlanQueries for Store {
    async fn find(&self, id: PlanId) -> Result<Option<PlanView>, StoreError> {
        let select = views().and_where(Expr::col(("plans", "id")).eq(id.get())).to_owned();
        rows::one(self.read(), &select).await
    }

    async fn list(&self, filter: PlanFilter, page: PageRequest) -> Result<Page<PlanView>, StoreError> {
        let status = |status: PlanStatus| Expr::col(("plans", "status")).eq(status.as_str());
        let mut visible = Cond::any().add(status(PlanStatus::Active));
        if let Some(viewer) = filter.viewer {
            visible = visible.add(Expr::col(("plans", "creator_id")).eq(viewer.get()));
        }
        let mut select = views();
        select
            .cond_where(visible)
            .order_by(("plans", "created_at"), Order::Desc)
            .order_by(("plans", "id"), Order::Desc);
        if let Some(creator) = filter.creator_id {
            select.and_where(Expr::col(("plans", "creator_id")).eq(creator.get()));
        }
        if let Some(wanted) = filter.status {
            select.and_where(status(wanted));
        }
        rows::page(self, select, page).await
    }

    async fn offers(&self, creator: UserId, plan_ids: &[PlanId]) -> Result<Vec<Plan>, StoreError> {
        let mut select = plans();
        select
            .and_where(Expr::col(("plans", "creator_id")).eq(creator.get()))
            .and_where(Expr::col(("plans", "status")).eq(PlanStatus::Active.as_str()))
            .order_by(("plan_prices", "amount"), Order::Asc)
            .order_by(("plans", "id"), Order::Asc)
            .limit(20);
        if !plan_ids.is_empty() {
            select.and_where(Expr::col(("plans", "id")).is_in(plan_ids.iter().map(|id| id.get())));
        }
        rows::all(self.read(), &select).await
    }
}
