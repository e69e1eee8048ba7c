//! What creators sell.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use serde::Deserialize;
use sharestack_billing::error::PlanError;
use sharestack_billing::model::id::PlanId;
use sharestack_billing::model::plan::PlanStatus;
use sharestack_billing::ports::plan::PlanFilter;
use sharestack_billing::service::plans::PlanPatch;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;

use super::fields::{id, one_of, option};
use super::requests::{PlanCreate, PlanUpdate};
use super::views::Plan;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, MaybeAuth, NumericId, Params, Parse, parse_page};
use crate::http::reply::{Envelope, Paged, Reply, no_content};
use crate::wiring::App;

/// Which plans a list shows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlanListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// Only this creator's.
    #[param(value_type = Option<i64>, example = 42)]
    creator_id: Option<String>,
    /// `active`, or `archived` for one's own.
    #[param(example = "active")]
    status: Option<String>,
}

impl Parse for PlanListQuery {
    type Output = (PlanFilter, PageRequest);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let creator = option(&mut check, "creator_id", self.creator_id, |text| id(&text));
        let names = PlanStatus::ALL.map(PlanStatus::as_str);
        let status = option(&mut check, "status", self.status, |text| one_of(&text, PlanStatus::parse, names));
        check.finish()?;
        Ok((PlanFilter { creator_id: creator.map(UserId::new), status, viewer: None }, page))
    }
}

fn plan_id(segment: &str) -> Result<PlanId, ApiError> {
    NumericId::parse("plan", segment).map(PlanId::new)
}

async fn find(app: &App, id: PlanId) -> Result<Plan, ApiError> {
    let found = app.billing.plan_queries.find(id).await?;
    Ok(found.ok_or(PlanError::NotFound(id))?.into())
}

/// Plans on sale, the newest first; archived ones for their owner.
#[utoipa::path(
    tag = "Subscriptions",
    security((), ("bearer" = [])),
    params(PlanListQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<Plan>>)),
)]
#[get("/api/v1/subscriptions/plans")]
pub async fn list_plans(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<PlanListQuery>,
) -> Result<Reply<Vec<Plan>>, ApiError> {
    let (filter, page) = query.0;
    let filter = PlanFilter { viewer: auth.0.map(|actor| actor.user_id), ..filter };
    let page = app.billing.plan_queries.list(filter, page).await?;
    Ok(Reply::page(page.map(Plan::from)))
}

/// Puts a plan on sale. It needs `plan.create`.
#[utoipa::path(
    tag = "Subscriptions",
    extensions(("x-required-permission" = json!("plan.create"))),
    request_body = PlanCreate,
    responses((status = 201, description = "The plan", body = Envelope<Plan>)),
)]
#[post("/api/v1/subscriptions/plans")]
pub async fn create_plan(app: Data<App>, auth: Auth, body: Body<PlanCreate>) -> Result<Reply<Plan>, ApiError> {
    let created = app.billing.plans.create(&auth.0, body.0).await?;
    let plan = find(&app, created.id).await?;
    let (etag, location) = (plan.etag(), format!("/api/v1/subscriptions/plans/{}", plan.id));
    Ok(Reply::created(plan).message("Plan created", "订阅计划已创建").location(location).etag(etag))
}

/// A plan, on sale or archived.
#[utoipa::path(
    tag = "Subscriptions",
    security(()),
    params(("id" = i64, Path, description = "The plan's id", example = 5)),
    responses(
        (status = 200, description = "The plan", body = Envelope<Plan>),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/subscriptions/plans/{id}")]
pub async fn find_plan(app: Data<App>, path: Path<String>) -> Result<Reply<Plan>, ApiError> {
    let plan = find(&app, plan_id(&path)?).await?;
    let etag = plan.etag();
    Ok(Reply::ok(plan).etag(etag))
}

/// Changes a plan: omitted fields stay, `null` clears a nullable one, arrays replace.
///
/// For its owner, and for those who hold `plan.update`. Another price, currency or
/// interval is a new version of the price; running subscriptions keep theirs.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/subscriptions/plans/{id}",
    tag = "Subscriptions",
    params(
        ("id" = i64, Path, description = "The plan's id", example = 5),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = PlanUpdate,
    responses(
        (status = 200, description = "The plan", body = Envelope<Plan>),
        (status = 409, description = "It is archived"),
        (status = 412, description = "It was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/subscriptions/plans/{id}", method = "PUT", method = "PATCH")]
pub async fn update_plan(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<PlanUpdate>,
) -> Result<Reply<Plan>, ApiError> {
    let id = plan_id(&path)?;
    let change = PlanPatch { expected_versions: precondition.0, ..body.0 };
    app.billing.plans.update(&auth.0, id, change).await?;
    let plan = find(&app, id).await?;
    let etag = plan.etag();
    Ok(Reply::ok(plan).message("Plan updated", "订阅计划已更新").etag(etag))
}

/// Takes a plan off sale. Running subscriptions go on. For its owner, and for those who
/// hold `plan.delete`.
#[utoipa::path(
    tag = "Subscriptions",
    params(
        ("id" = i64, Path, description = "The plan's id", example = 5),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is archived"),
        (status = 412, description = "The plan was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/subscriptions/plans/{id}")]
pub async fn archive_plan(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    app.billing.plans.archive(&auth.0, plan_id(&path)?, precondition.0.as_ref()).await?;
    Ok(no_content())
}
