//! The timeline and its events.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, route};
use sharestack_content::model::TimelineEventId;
use sharestack_content::service::EditEvent;

use super::requests::{MonthQuery, TimelineEventCreate, TimelineEventUpdate, TimelineQuery, month};
use super::views::{EventView, TimelineMonth, TimelineMonthDetail, TimelineView, TimelineYear};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, NumericId, Params};
use crate::http::reply::{Envelope, Reply, no_content};
use crate::wiring::App;

/// What stands in paths of events where those of months have a year.
const EVENTS: &str = "events";

/// What was photographed when, and what happened beside.
///
/// A photo stands in the month in which it was taken, by the clocks of the place where that
/// is known, else by UTC; one of which nobody knows when it was taken is left out. Only
/// photos that every visitor may see are shown and counted. The figures are over all years.
/// One answer shows at most 1,200 photos of months and as many of events, those of the latest
/// first: ask for a `year` to see those of earlier ones.
#[utoipa::path(
    tag = "Timeline",
    security((), ("bearer" = [])),
    params(TimelineQuery),
    responses(
        (status = 200, description = "The years, the latest first", body = Envelope<TimelineView>),
        (status = 304, description = "The caller has them already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/timeline")]
pub async fn read_timeline(
    app: Data<App>,
    context: RequestContext,
    query: Params<TimelineQuery>,
) -> Result<Reply<TimelineView>, ApiError> {
    let (year, photos) = query.0;
    let (years, stats) = app.taxonomy.timeline.years(year, photos).await?;
    let view = TimelineView {
        years: years.iter().map(|year| TimelineYear::new(&app, year, context.language)).collect(),
        stats: stats.into(),
    };
    Ok(Reply::ok(view).tagged())
}

/// One month; an empty one counts nothing.
#[utoipa::path(
    tag = "Timeline",
    security((), ("bearer" = [])),
    params(
        ("year" = i32, Path, description = "From 1 to 9999", example = 2024),
        ("month" = u32, Path, description = "From 1 to 12", example = 1),
        MonthQuery,
    ),
    responses(
        (status = 200, description = "The month", body = Envelope<TimelineMonthDetail>),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/timeline/{year}/{month}")]
pub async fn read_timeline_month(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    path: Path<(String, String)>,
    query: Result<Params<MonthQuery>, ApiError>,
) -> Result<Reply<TimelineMonthDetail>, ApiError> {
    if path.0 == EVENTS {
        // That is an event, which is changed and removed here and shown in its month, whatever
        // stands in the query.
        return Err(app.routes.not_allowed(request.path()));
    }
    let photos = query?.0;
    let wanted = month(&path.0, &path.1)?;
    let month = app.taxonomy.timeline.month(wanted, photos).await?;
    let view = TimelineMonthDetail { year: wanted.year, month: TimelineMonth::new(&app, &month, context.language) };
    Ok(Reply::ok(view).tagged())
}

async fn view(app: &App, id: TimelineEventId) -> Result<EventView, ApiError> {
    let (event, photos) = app.taxonomy.timeline.event(id).await?;
    Ok(EventView::new(app, &event, &photos))
}

/// Writes an event of the timeline. It needs `timeline.create`.
#[utoipa::path(
    tag = "Timeline",
    extensions(("x-required-permission" = json!("timeline.create"))),
    request_body = TimelineEventCreate,
    responses(
        (status = 201, description = "The event", body = Envelope<EventView>),
        (status = 404, description = "One of the photos is not there"),
    ),
)]
#[post("/api/v1/timeline/events")]
pub async fn create_timeline_event(
    app: Data<App>,
    auth: Auth,
    body: Body<TimelineEventCreate>,
) -> Result<Reply<EventView>, ApiError> {
    let id = app.taxonomy.timeline.create(&auth.0, body.0).await?;
    let event = view(&app, id).await?;
    let version = event.version;
    Ok(Reply::created(event).message("Event created", "事件已创建").versioned(version))
}

/// Changes an event of the timeline. It needs `timeline.update`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/timeline/events/{id}",
    tag = "Timeline",
    extensions(("x-required-permission" = json!("timeline.update"))),
    params(
        ("id" = i64, Path, description = "The event's id", example = 1),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = TimelineEventUpdate,
    responses(
        (status = 200, description = "The event", body = Envelope<EventView>),
        (status = 404, description = "The event or one of the photos is not there"),
        (status = 412, description = "The event was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/timeline/events/{id}", method = "PUT", method = "PATCH")]
pub async fn edit_timeline_event(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<TimelineEventUpdate>,
) -> Result<Reply<EventView>, ApiError> {
    let id = TimelineEventId::new(NumericId::parse("timeline_event", &path)?);
    let command = EditEvent { if_version: precondition.0, ..body.0 };
    app.taxonomy.timeline.edit(&auth.0, id, command).await?;
    let event = view(&app, id).await?;
    let version = event.version;
    Ok(Reply::ok(event).message("Event updated", "事件已更新").versioned(version))
}

/// Removes an event of the timeline. It needs `timeline.delete`.
#[utoipa::path(
    tag = "Timeline",
    extensions(("x-required-permission" = json!("timeline.delete"))),
    params(
        ("id" = i64, Path, description = "The event's id", example = 1),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "The event was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/timeline/events/{id}")]
pub async fn delete_timeline_event(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let id = TimelineEventId::new(NumericId::parse("timeline_event", &path)?);
    app.taxonomy.timeline.delete(&auth.0, id, precondition.0.as_ref()).await?;
    Ok(no_content())
}
