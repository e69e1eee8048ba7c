//! Orders.

use actix_web::get;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use sharestack_billing::model::id::OrderId;
use sharestack_kernel::field::{FieldErrors, Issue};

use super::fields::option;
use super::views::Order;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, NumericId, Params, Parse};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// Whether the channel is asked.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// Ask the payment channel first what came of it, at most once in five seconds.
    #[param(value_type = Option<bool>, default = false, example = false)]
    sync: Option<String>,
}

impl Parse for OrderQuery {
    type Output = bool;

    fn parse(self) -> Result<bool, FieldErrors> {
        let mut check = FieldErrors::new();
        let read = |text: String| text.parse::<bool>().map_err(|_| Issue::not_allowed(["true", "false"]));
        let sync = option(&mut check, "sync", self.sync, read).unwrap_or(false);
        check.finish().map(|()| sync)
    }
}

/// One order, for its buyer, its seller, and those who hold `order.read`.
#[utoipa::path(
    tag = "Subscriptions",
    params(("order_id" = i64, Path, description = "The order's id", example = 31), OrderQuery),
    responses(
        (status = 200, description = "The order", body = Envelope<Order>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/subscriptions/orders/{order_id}")]
pub async fn find_order(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    query: Params<OrderQuery>,
) -> Result<Reply<Order>, ApiError> {
    let id = OrderId::new(NumericId::parse("order", &path)?);
    let view = app.billing.orders.find(&auth.0, id, query.0).await?;
    Ok(Reply::ok(Order::of(view, auth.0.user_id, app.clock.now())).tagged())
}
