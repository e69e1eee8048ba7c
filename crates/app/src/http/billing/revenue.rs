//! What creators earned.

use actix_web::get;
use actix_web::web::Data;
use serde::Deserialize;
use sharestack_billing::model::revenue::RevenuePeriod;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::money::Currency;

use super::fields::{currency, option};
use super::views::RevenueSummary;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Params, Parse};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// The right to see one's own earnings.
const REVENUE_READ: &str = "revenue.read";

/// Which earnings.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevenueQuery {
    /// `YYYY-MM` in UTC, or `all`.
    #[param(default = "all", example = "all")]
    period: Option<String>,
    /// ISO 4217.
    #[param(default = "CNY", example = "CNY")]
    currency: Option<String>,
}

impl Parse for RevenueQuery {
    type Output = (Currency, RevenuePeriod);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let read = |text: String| RevenuePeriod::parse(&text).ok_or(Issue::InvalidFormat);
        let period = option(&mut check, "period", self.period, read).unwrap_or(RevenuePeriod::All);
        let currency = option(&mut check, "currency", self.currency, |text| currency(&text)).unwrap_or(Currency::Cny);
        check.finish()?;
        Ok((currency, period))
    }
}

/// What the caller earned in one currency, read from the ledger. It needs `revenue.read`.
#[utoipa::path(
    tag = "Subscriptions",
    extensions(("x-required-permission" = json!("revenue.read"))),
    params(RevenueQuery),
    responses((status = 200, description = "The summary", body = Envelope<RevenueSummary>)),
)]
#[get("/api/v1/subscriptions/revenue/summary")]
pub async fn summarize_revenue(
    app: Data<App>,
    auth: Auth,
    query: Params<RevenueQuery>,
) -> Result<Reply<RevenueSummary>, ApiError> {
    auth.0.require(REVENUE_READ)?;
    let (currency, period) = query.0;
    let summary = app.billing.revenue.summary(auth.0.user_id, currency, period).await?;
    Ok(Reply::ok(summary.into()))
}
