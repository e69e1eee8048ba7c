//! What payment channels call, and the sandbox's pay page.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use sharestack_billing::ports::channel::NotificationHeaders;
use sharestack_billing::ports::sandbox::SandboxPayment;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_payments::sandbox::{Cashier, CashierError, Click, NAME, SIGNATURE_HEADER, page};
use utoipa::ToSchema;

use super::fields::{one_of, option};
use crate::http::error::ApiError;
use crate::http::extract::{FormOrBody, Parse, read_at_most};
use crate::wiring::App;

/// The page has one form and nothing else.
const POLICY: &str = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// No channel tells more at once, in bytes.
const LONGEST_NOTIFICATION: usize = 64 * 1024;

/// A click on one of the page's buttons.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "result": "success" }))]
pub struct SandboxClick {
    /// `success` or `fail`.
    #[schema(required = true, nullable = false)]
    result: Option<String>,
}

impl Parse for SandboxClick {
    type Output = Click;

    fn parse(self) -> Result<Click, FieldErrors> {
        let mut check = FieldErrors::new();
        let text = check.required("result", self.result);
        let click = option(&mut check, "result", text, |text| one_of(&text, Click::parse, ["success", "fail"]));
        check.finish()?;
        click.ok_or_else(|| FieldErrors::of("result", Issue::Required))
    }
}

/// What a channel is told once its notification is written down.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "code": "SUCCESS" }))]
pub struct NotificationTaken {
    code: &'static str,
}

fn cashier<'a>(app: &'a App, number: &str) -> Result<&'a Cashier, ApiError> {
    app.billing.cashier.as_ref().ok_or_else(|| ApiError::not_found("payment", number))
}

fn html(status: StatusCode, payment: &SandboxPayment) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
        .body(page(payment))
}

/// The sandbox's pay page: a small form with "pay" and "fail". No money moves.
#[utoipa::path(
    tag = "Subscriptions",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    params(("order_no" = String, Path, description = "The order's number", example = "019bc0a25b3c7d1e8f6a4b2c9d0e1f3a")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html", example = "<!DOCTYPE html>…")),
)]
#[get("/api/v1/subscriptions/payments/sandbox/pay/{order_no}")]
pub async fn show_sandbox_payment(app: Data<App>, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let payment = cashier(&app, &path)?.find(&path).await?;
    Ok(html(StatusCode::OK, &payment))
}

/// A click on the page: `result=success` pays, `result=fail` does not.
///
/// The sandbox then calls the notify route, as any channel does.
#[utoipa::path(
    tag = "Subscriptions",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    params(("order_no" = String, Path, description = "The order's number", example = "019bc0a25b3c7d1e8f6a4b2c9d0e1f3a")),
    request_body(content = SandboxClick, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The page after the click", body = String, content_type = "text/html", example = "<!DOCTYPE html>…"),
        (status = 409, description = "The order was given up: the page says so, and nothing was paid", body = String, content_type = "text/html", example = "<!DOCTYPE html>…"),
    ),
)]
#[post("/api/v1/subscriptions/payments/sandbox/pay/{order_no}")]
pub async fn click_sandbox_payment(
    app: Data<App>,
    path: Path<String>,
    body: FormOrBody<SandboxClick>,
) -> Result<HttpResponse, ApiError> {
    match cashier(&app, &path)?.click(&path, body.0).await {
        Ok(payment) => Ok(html(StatusCode::OK, &payment)),
        Err(CashierError::Closed(payment)) => Ok(html(StatusCode::CONFLICT, &payment)),
        Err(error) => Err(error.into()),
    }
}

/// The sandbox tells what came of a payment.
///
/// The header `X-Sandbox-Signature` is `t=<epoch seconds>,n=<nonce>,v1=<hex>`, an
/// HMAC-SHA256 over `t.n.body`. The same notification may come any number of times, late,
/// and in any order. It is no longer than 64 KiB, and not read without the header.
#[utoipa::path(
    tag = "Subscriptions",
    security(("channel_signature" = [])),
    extensions(("x-max-size" = json!(65_536))),
    request_body(content = serde_json::Value, content_type = "application/json", example = json!({
        "transaction_id": "sandbox_019bc0a26f4e7a10b3d5c7e9f1a2b3c4", "order_number": "019bc0a25b3c7d1e8f6a4b2c9d0e1f3a",
        "amount": 1990, "currency": "CNY", "result": "success", "at": "2026-01-15T10:31:00Z"
    })),
    responses(
        (status = 200, description = "It is written down", body = NotificationTaken),
        (status = 401, description = "The signature is missing, wrong or too old"),
    ),
)]
#[post("/api/v1/subscriptions/payments/sandbox/notify")]
pub async fn notify_sandbox(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let headers = request.headers().iter();
    let headers: NotificationHeaders =
        headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?.to_owned()))).collect();
    // Nobody counts how often this is called: what cannot be the channel's is not read.
    let may_be = app.billing.cashier.is_some() && headers.get(SIGNATURE_HEADER).is_some();
    let body = if may_be {
        read_at_most(LONGEST_NOTIFICATION, &request, &mut payload.into_inner()).await?
    } else {
        BytesMut::new()
    };
    app.billing.settlement.notify(NAME, &headers, &body).await?;
    Ok(HttpResponse::Ok().json(NotificationTaken { code: "SUCCESS" }))
}
