//! Many photos at once.

use actix_web::web::Data;
use actix_web::{post, route};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sharestack_content::model::{CategoryId, PhotoId, PhotoStatus, tag_names, wanted_tags};
use sharestack_content::service::{BatchAction, BatchOutcome, MAX_BATCH, MAX_REORDER};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use utoipa::ToSchema;

use super::requests::{categories, ids, sort_order};
use crate::http::content::fields::all;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, Parse, option};
use crate::http::messages;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// What is done with many photos at once.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "photo_ids": [1, 2, 3, 4, 5], "action": "update_status", "data": { "status": "published" } }))]
pub struct PhotoBatch {
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100)]
    photo_ids: Option<Vec<i64>>,
    /// `update_status`, `add_tags`, `remove_tags`, `add_categories`, `remove_categories` or `delete`.
    #[schema(required = true, nullable = false)]
    action: Option<String>,
    /// `status`, `tags` or `categories`, as the action needs it.
    data: Option<PhotoBatchData>,
}

/// What an action needs to know.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({ "status": "published" }))]
pub struct PhotoBatchData {
    status: Option<String>,
    tags: Option<Vec<String>>,
    categories: Option<Vec<i64>>,
}

const ACTIONS: [&str; 6] =
    ["update_status", "add_tags", "remove_tags", "add_categories", "remove_categories", "delete"];

impl PhotoBatchData {
    fn tags<T>(self, check: &mut FieldErrors, read: fn(Vec<String>) -> Result<Vec<T>, FieldErrors>) -> Vec<T> {
        let tags = check.required("data.tags", self.tags.filter(|tags| !tags.is_empty())).unwrap_or_default();
        all(check, read(tags)).unwrap_or_default()
    }

    fn categories(self, check: &mut FieldErrors) -> Vec<CategoryId> {
        let ids = check.required("data.categories", self.categories.filter(|ids| !ids.is_empty()));
        categories(check, ids.unwrap_or_default())
    }
}

impl Parse for PhotoBatch {
    type Output = (Vec<PhotoId>, BatchAction);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let photos = check.required("photo_ids", self.photo_ids.filter(|ids| !ids.is_empty())).unwrap_or_default();
        let photos = ids(&mut check, "photo_ids", photos, MAX_BATCH);
        let data = self.data.unwrap_or_default();
        let action = match check.required("action", self.action).as_deref() {
            None => None,
            Some("update_status") => {
                let status = check.required("data.status", data.status);
                option(&mut check, "data.status", status, |text| PhotoStatus::parse(&text))
                    .map(BatchAction::UpdateStatus)
            }
            Some("add_tags") => Some(BatchAction::AddTags(data.tags(&mut check, tag_names))),
            Some("remove_tags") => Some(BatchAction::RemoveTags(data.tags(&mut check, wanted_tags))),
            Some("add_categories") => Some(BatchAction::AddCategories(data.categories(&mut check))),
            Some("remove_categories") => Some(BatchAction::RemoveCategories(data.categories(&mut check))),
            Some("delete") => Some(BatchAction::Delete),
            Some(_) => {
                check.push("action", Issue::not_allowed(ACTIONS));
                None
            }
        };
        check.finish()?;
        Ok((photos.into_iter().map(PhotoId::new).collect(), action.unwrap_or(BatchAction::Delete)))
    }
}

/// Where a photo is put.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "id": 1, "sort_order": 10 }))]
pub struct PhotoPlace {
    #[schema(required = true, nullable = false)]
    id: Option<i64>,
    #[schema(required = true, nullable = false)]
    sort_order: Option<i64>,
}

/// Photos in their order: `[{id, sort_order}]`.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(example = json!([{ "id": 1, "sort_order": 10 }, { "id": 2, "sort_order": 20 }]))]
pub struct PhotoOrder(Vec<PhotoPlace>);

impl Parse for PhotoOrder {
    type Output = Vec<(PhotoId, i64)>;

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        if self.0.is_empty() {
            check.push("photos", Issue::Required);
        }
        if self.0.len() > MAX_REORDER {
            check.push("photos", Issue::TooLong { max: MAX_REORDER });
        }
        let mut order: Vec<(PhotoId, i64)> = Vec::new();
        for (index, place) in self.0.into_iter().take(MAX_REORDER).enumerate() {
            let field = format!("[{index}].id");
            let id = check.required(&field, place.id);
            let id = id.and_then(|id| check.range(&field, id, 1, MAX_NUMERIC_ID - 1)).map(PhotoId::new);
            let field = format!("[{index}].sort_order");
            let at = check.required(&field, place.sort_order);
            let at = at.and_then(|at| check.check(&field, sort_order(at)));
            let Some((id, at)) = id.zip(at) else { continue };
            if order.iter().any(|(known, _)| *known == id) {
                check.push(format!("[{index}].id"), Issue::NotAllowed { allowed: Vec::new() });
            }
            order.push((id, at));
        }
        check.finish().map(|()| order)
    }
}

/// Why it was not done with one photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "RESOURCE_NOT_FOUND",
    "message": "Resource not found",
    "details": { "resource_type": "photo", "resource_id": 1 }
}))]
pub struct BatchError {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'static str,
    /// As those of an answer of this type.
    #[schema(value_type = Object)]
    details: Value,
}

/// What became of one photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "success": true, "error": null }))]
pub struct BatchResult {
    id: i64,
    success: bool,
    error: Option<BatchError>,
}

/// How many there were.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "total": 1, "success": 1, "failed": 0 }))]
pub struct BatchSummary {
    total: usize,
    success: usize,
    failed: usize,
}

/// What became of all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{ "id": 1, "success": true, "error": null }],
    "summary": { "total": 1, "success": 1, "failed": 0 }
}))]
pub struct BatchReport {
    results: Vec<BatchResult>,
    summary: BatchSummary,
}

impl BatchReport {
    fn new(outcomes: Vec<BatchOutcome>, context: &RequestContext) -> Self {
        let result = |outcome: BatchOutcome| {
            let error = outcome.result.err().map(|error| {
                let error = ApiError::from(error);
                error.log();
                let message = messages::of_type(error.kind()).text(context.language);
                BatchError { kind: error.kind(), message, details: error.details_json(context.language) }
            });
            BatchResult { id: outcome.id.get(), success: error.is_none(), error }
        };
        let results: Vec<BatchResult> = outcomes.into_iter().map(result).collect();
        let success = results.iter().filter(|result| result.success).count();
        let summary = BatchSummary { total: results.len(), success, failed: results.len() - success };
        Self { results, summary }
    }
}

/// Does the same with up to 100 photos, each by itself, and says what became of each.
///
/// `delete` asks for what deleting one asks for, everything else for what changing one does.
#[utoipa::path(
    tag = "Photos",
    request_body = PhotoBatch,
    responses((status = 200, description = "What became of each, by id", body = Envelope<BatchReport>)),
)]
#[post("/api/v1/photos/batch")]
pub async fn batch_photos(
    app: Data<App>,
    auth: Auth,
    context: RequestContext,
    body: Body<PhotoBatch>,
) -> Result<Reply<BatchReport>, ApiError> {
    let (ids, action) = body.0;
    let outcomes = app.photos.batches.run(&auth.0, ids, action).await?;
    Ok(Reply::ok(BatchReport::new(outcomes, &context)))
}

/// How many photos were put in order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "reordered": 2 }))]
pub struct Reordered {
    reordered: usize,
}

/// Puts up to 500 photos in order: all of them, or none when one is not there for the caller.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/photos/reorder",
    tag = "Photos",
    request_body = PhotoOrder,
    responses((status = 200, description = "They stand in this order", body = Envelope<Reordered>)),
)]
#[route("/api/v1/photos/reorder", method = "PUT", method = "PATCH")]
pub async fn reorder_photos(app: Data<App>, auth: Auth, body: Body<PhotoOrder>) -> Result<Reply<Reordered>, ApiError> {
    let reordered = body.0.len();
    app.photos.changing.reorder(&auth.0, body.0).await?;
    Ok(Reply::ok(Reordered { reordered }).message("Photos reordered", "照片已重新排序"))
}
