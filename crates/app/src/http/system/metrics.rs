//! `GET /metrics`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};

use crate::http::error::ApiError;
use crate::http::extract::bearer;
use crate::telemetry;
use crate::wiring::App;

/// Figures in the Prometheus text format.
///
/// With `telemetry.metrics_token` set it asks for that token as a bearer; in production
/// it answers nobody without one.
#[utoipa::path(
    tag = "General",
    security((), ("operator" = [])),
    responses(
        (status = 200, description = "Prometheus text", content_type = "text/plain", body = String, example = "http_requests_total{method=\"GET\",route=\"/\",status=\"200\"} 1"),
        (status = 401, description = "The operator's token is missing or wrong"),
    ),
)]
#[get("/metrics")]
pub async fn metrics(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let token = app.config.telemetry.metrics_token.expose();
    let open = token.is_empty() && !app.config.is_production();
    let matches = bearer(request.headers()).is_some_and(|sent| !token.is_empty() && same(sent, token));
    if !open && !matches {
        return Err(ApiError::authentication_required());
    }
    app.health.gauges().await;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(telemetry::render_metrics()))
}

/// Compares without telling by time where two texts differ.
fn same(left: &str, right: &str) -> bool {
    use sha2::{Digest, Sha256};
    Sha256::digest(left) == Sha256::digest(right)
}
