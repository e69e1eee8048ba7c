//! What readers do with subscriptions.

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use serde::Deserialize;
use sharestack_billing::model::id::SubscriptionId;
use sharestack_billing::model::subscription::SubscriptionState;
use sharestack_billing::service::checkout::{Payer, Subscribe};
use sharestack_billing::service::subscriptions::Cancel;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::page::PageRequest;

use super::fields::{one_of, option};
use super::requests::{CancelRequest, RenewRequest, SubscribeRequest, Wish};
use super::views::{Checkout, Order, Subscription};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IdempotencyKey, NumericId, OptionalBody, Params, Parse, parse_page};
use crate::http::reply::{Envelope, Paged, Reply};
use crate::wiring::App;

/// Which subscriptions a list shows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// `incomplete`, `trialing`, `active`, `past_due`, `paused`, `canceled` or `expired`.
    #[param(example = "active")]
    status: Option<String>,
}

impl Parse for SubscriptionListQuery {
    type Output = (Option<SubscriptionState>, PageRequest);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let names = SubscriptionState::ALL.map(SubscriptionState::as_str);
        let state = option(&mut check, "status", self.status, |text| one_of(&text, SubscriptionState::parse, names));
        check.finish()?;
        Ok((state, page))
    }
}

fn subscription_id(segment: &str) -> Result<SubscriptionId, ApiError> {
    NumericId::parse("subscription", segment).map(SubscriptionId::new)
}

async fn view(app: &App, actor: &Actor, id: SubscriptionId) -> Result<Subscription, ApiError> {
    let found = app.billing.subscriptions.find(actor.user_id, id).await?;
    Ok(Subscription::at(found, app.clock.now()))
}

fn payer(actor: &Actor, wish: Wish, key: &IdempotencyKey) -> Payer {
    let Wish { channel, scene } = wish;
    Payer { buyer_id: actor.user_id, channel, scene, idempotency_key: key.0.as_str().to_owned() }
}

/// One's own subscriptions, the newest first.
#[utoipa::path(
    tag = "Subscriptions",
    params(SubscriptionListQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<Subscription>>)),
)]
#[get("/api/v1/subscriptions/me")]
pub async fn list_my_subscriptions(
    app: Data<App>,
    auth: Auth,
    query: Params<SubscriptionListQuery>,
) -> Result<Reply<Vec<Subscription>>, ApiError> {
    let (state, page) = query.0;
    let page = app.billing.subscriptions.list(auth.0.user_id, state, page).await?;
    let now = app.clock.now();
    Ok(Reply::page(page.map(|view| Subscription::at(view, now))))
}

/// Orders a subscription, and says what it takes to pay it.
///
/// With a trial that the caller has not had yet the subscription runs at once, and
/// `pay_data` is `null`. An earlier order for the same plan that was never paid is closed.
#[utoipa::path(
    tag = "Subscriptions",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 characters; the same key is the same order", example = "6f1c2f0e-9f0b-4f4e-8d0a-2b1c3d4e5f60")),
    request_body = SubscribeRequest,
    responses(
        (status = 201, description = "The subscription with its order", body = Envelope<Checkout>),
        (status = 404, description = "There is no such plan"),
        (status = 409, description = "A subscription to the plan is active already, or the plan is archived"),
        (status = 502, description = "The payment channel does not answer; the same call goes on with the order"),
    ),
)]
#[post("/api/v1/subscriptions")]
pub async fn subscribe(
    app: Data<App>,
    auth: Auth,
    key: IdempotencyKey,
    body: Body<SubscribeRequest>,
) -> Result<Reply<Checkout>, ApiError> {
    let payer = payer(&auth.0, body.0.wish, &key);
    let command = Subscribe { plan_id: body.0.plan_id, coupon: body.0.coupon, payer };
    let ticket = app.billing.checkout.subscribe(&command).await?;
    let subscription = view(&app, &auth.0, ticket.subscription.id).await?;
    let location = format!("/api/v1/subscriptions/{}", subscription.id);
    let order = Order::new(ticket.order, ticket.pay_data, app.clock.now());
    let checkout = Checkout { subscription, pay_data: order.pay_data.clone(), order };
    Ok(Reply::created(checkout).message("Subscription created", "订阅已创建").location(location))
}

/// One subscription, for its reader and for the creator of its plan.
#[utoipa::path(
    tag = "Subscriptions",
    params(("id" = i64, Path, description = "The subscription's id", example = 12)),
    responses(
        (status = 200, description = "The subscription", body = Envelope<Subscription>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/subscriptions/{id}")]
pub async fn find_subscription(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
) -> Result<Reply<Subscription>, ApiError> {
    Ok(Reply::ok(view(&app, &auth.0, subscription_id(&path)?).await?).tagged())
}

/// Ends a subscription with its paid period, or at once.
///
/// At the period's end access stays until then, and the cancellation can be taken back.
#[utoipa::path(
    tag = "Subscriptions",
    params(("id" = i64, Path, description = "The subscription's id", example = 12)),
    request_body = Option<CancelRequest>,
    responses(
        (status = 200, description = "The subscription", body = Envelope<Subscription>),
        (status = 409, description = "It is not paid, has ended, is canceled already, or has no period end"),
    ),
)]
#[post("/api/v1/subscriptions/{id}/cancel")]
pub async fn cancel_subscription(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    body: OptionalBody<CancelRequest>,
) -> Result<Reply<Subscription>, ApiError> {
    let id = subscription_id(&path)?;
    let command =
        Cancel { id, subscriber_id: auth.0.user_id, at_period_end: body.0.at_period_end, reason: body.0.reason };
    app.billing.subscriptions.cancel(&command).await?;
    Ok(Reply::ok(view(&app, &auth.0, id).await?).message("Subscription canceled", "订阅已取消"))
}

/// Takes back a cancellation at period end.
#[utoipa::path(
    tag = "Subscriptions",
    params(("id" = i64, Path, description = "The subscription's id", example = 12)),
    responses(
        (status = 200, description = "The subscription", body = Envelope<Subscription>),
        (status = 409, description = "It has ended, or was not canceled"),
    ),
)]
#[post("/api/v1/subscriptions/{id}/resume")]
pub async fn resume_subscription(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
) -> Result<Reply<Subscription>, ApiError> {
    let id = subscription_id(&path)?;
    app.billing.subscriptions.resume(auth.0.user_id, id).await?;
    Ok(Reply::ok(view(&app, &auth.0, id).await?).message("Subscription resumed", "订阅已恢复"))
}

/// Orders the period behind the one that is paid, at the price the subscription runs at.
#[utoipa::path(
    tag = "Subscriptions",
    params(
        ("id" = i64, Path, description = "The subscription's id", example = 12),
        ("Idempotency-Key" = String, Header, description = "1 to 255 characters; the same key is the same order", example = "0b9f6f0c-58c5-4a53-9d3f-0d9b8e7c6a51"),
    ),
    request_body = RenewRequest,
    responses(
        (status = 201, description = "The order", body = Envelope<Order>),
        (status = 409, description = "The subscription does not run, or runs for ever"),
        (status = 502, description = "The payment channel does not answer; the same call goes on with the order"),
    ),
)]
#[post("/api/v1/subscriptions/{id}/renew")]
pub async fn renew_subscription(
    app: Data<App>,
    auth: Auth,
    key: IdempotencyKey,
    path: Path<String>,
    body: Body<RenewRequest>,
) -> Result<Reply<Order>, ApiError> {
    let id = subscription_id(&path)?;
    let ticket = app.billing.checkout.renew(id, &payer(&auth.0, body.0, &key)).await?;
    let order = Order::new(ticket.order, ticket.pay_data, app.clock.now());
    let location = format!("/api/v1/subscriptions/orders/{}", order.id);
    Ok(Reply::created(order).message("Order created", "订单已创建").location(location))
}
