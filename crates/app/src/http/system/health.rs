//! Is the product well?

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::health::{Report, Status};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::messages::{self, Message};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// One word.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "alive" }))]
pub struct Word {
    status: &'static str,
}

/// The health of the application and of each thing it depends on.
///
/// `degraded` answers 200: requests are served, slower or with limits per process.
/// `down` answers 503.
#[utoipa::path(
    tag = "General",
    security(()),
    responses(
        (status = 200, description = "Healthy or degraded", body = Envelope<Report>),
        (status = 503, description = "Something that every request needs is down"),
    ),
)]
#[get("/health")]
pub async fn health(app: Data<App>, context: RequestContext) -> HttpResponse {
    let report = app.health.report().await;
    let down = report.status == Status::Down;
    let status = if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let message = if down { messages::of_type("SERVICE_UNAVAILABLE") } else { Message::SUCCESS };
    let mut body = serde_json::json!({
        "success": !down,
        "code": status.as_u16(),
        "message": message.text(context.language),
        "meta": context.meta(),
    });
    if down {
        body["error"] = serde_json::json!({ "type": "SERVICE_UNAVAILABLE", "details": report });
    } else {
        body["data"] = serde_json::json!(report);
    }
    HttpResponse::build(status).json(body)
}

/// 200 while the process runs.
#[utoipa::path(tag = "General", security(()), responses((status = 200, description = "The process runs", body = Envelope<Word>)))]
#[get("/health/live")]
pub async fn live() -> Reply<Word> {
    Reply::ok(Word { status: "alive" })
}

/// 200 when requests can be served. What the product can do without does not count.
#[utoipa::path(
    tag = "General",
    security(()),
    responses(
        (status = 200, description = "Requests can be served", body = Envelope<Word>),
        (status = 503, description = "The database does not answer, or the server is stopping"),
    ),
)]
#[get("/health/ready")]
pub async fn ready(app: Data<App>) -> Result<Reply<Word>, ApiError> {
    app.health.ready().await?;
    Ok(Reply::ok(Word { status: "ready" }))
}
