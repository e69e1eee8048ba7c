//! What plans and subscriptions are made and changed with.

use serde::Deserialize;
use sharestack_billing::model::id::PlanId;
use sharestack_billing::model::order::Scene;
use sharestack_billing::model::plan::{PlanContent, PlanDescription, PlanName, Terms, TrialDays};
use sharestack_billing::model::subscription::CancelReason;
use sharestack_billing::service::plans::PlanPatch;
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::patch::Patch;
use utoipa::ToSchema;

use super::fields::{benefits, channel, currency, interval, option, price, scene, set};
use crate::http::extract::{Parse, ParseAt};
use crate::wiring::App;

/// A new plan. It is on sale at once.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "月度会员", "description": "每月四篇深度文章", "benefits": ["全部付费文章", "读者群"],
    "price": 1990, "currency": "CNY", "interval": "month", "trial_days": 0
}))]
pub struct PlanCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Up to 20 lines of up to 200 characters.
    #[schema(max_items = 20)]
    benefits: Option<Vec<String>>,
    /// What one period costs, in minor units.
    #[schema(required = true, nullable = false, minimum = 1, maximum = 100_000_000)]
    price: Option<i64>,
    /// ISO 4217; `CNY` when it is left out.
    currency: Option<String>,
    /// `month`, `quarter`, `year` or `lifetime`.
    #[schema(required = true, nullable = false)]
    interval: Option<String>,
    /// How many days a first-time subscriber reads before paying.
    #[schema(minimum = 0, maximum = 90)]
    trial_days: Option<i64>,
}

impl Parse for PlanCreate {
    type Output = PlanContent;

    fn parse(self) -> Result<PlanContent, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = check.required("name", self.name);
        let name = option(&mut check, "name", name, |text| PlanName::parse(&text));
        let description = option(&mut check, "description", self.description, |text| PlanDescription::parse(&text));
        let benefits = benefits(&mut check, self.benefits.unwrap_or_default());
        let amount = check.required("price", self.price);
        let amount = option(&mut check, "price", amount, price);
        let currency = option(&mut check, "currency", self.currency, |text| currency(&text)).unwrap_or(Currency::Cny);
        let interval_name = check.required("interval", self.interval);
        let interval = option(&mut check, "interval", interval_name, |text| interval(&text));
        let trial_days = option(&mut check, "trial_days", self.trial_days, TrialDays::parse).unwrap_or_default();
        check.finish()?;
        let incomplete = || FieldErrors::of("name", Issue::Required);
        let (name, amount) = name.zip(amount).ok_or_else(incomplete)?;
        let terms = Terms::try_new(Money::new(amount, currency), interval.ok_or_else(incomplete)?);
        let terms = terms.map_err(|issue| FieldErrors::of("price", issue))?;
        let benefits = benefits.unwrap_or_default();
        Ok(PlanContent { name, description: description.flatten(), benefits, trial_days, terms })
    }
}

/// Changes to a plan: omitted fields stay, `null` clears a nullable one, arrays replace.
/// Another price, currency or interval is a new version of the price; running
/// subscriptions keep theirs.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "price": 2990, "description": null, "benefits": ["全部付费文章"] }))]
pub struct PlanUpdate {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 100)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    benefits: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, nullable = false, minimum = 1, maximum = 100_000_000)]
    price: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    currency: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    interval: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, nullable = false, minimum = 0, maximum = 90)]
    trial_days: Patch<i64>,
}

impl Parse for PlanUpdate {
    type Output = PlanPatch;

    fn parse(self) -> Result<PlanPatch, FieldErrors> {
        let mut check = FieldErrors::new();
        let description = match self.description {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            // An empty description is none.
            Patch::Set(text) => check
                .check("description", PlanDescription::parse(&text))
                .map_or(Patch::Keep, |description| description.map_or(Patch::Clear, Patch::Set)),
        };
        let patch = PlanPatch {
            name: set(&mut check, "name", self.name, |text| PlanName::parse(&text)),
            description,
            benefits: match self.benefits {
                Patch::Keep => None,
                Patch::Clear => benefits(&mut check, Vec::new()),
                Patch::Set(lines) => benefits(&mut check, lines),
            },
            trial_days: set(&mut check, "trial_days", self.trial_days, TrialDays::parse),
            price: set(&mut check, "price", self.price, price),
            currency: set(&mut check, "currency", self.currency, |text| currency(&text)),
            interval: set(&mut check, "interval", self.interval, |text| interval(&text)),
            expected_versions: None,
        };
        check.finish().map(|()| patch)
    }
}

/// A wish to subscribe.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "plan_id": 5, "channel": "sandbox", "scene": "web" }))]
pub struct SubscribeRequest {
    #[schema(required = true, nullable = false, minimum = 1)]
    plan_id: Option<i64>,
    /// A payment channel that is switched on.
    #[schema(required = true, nullable = false)]
    channel: Option<String>,
    /// Where the payer stands: `native`, `h5`, `jsapi`, `app` or `web` (default).
    #[schema(example = "web")]
    scene: Option<String>,
    #[schema(max_length = 64)]
    coupon: Option<String>,
}

/// How something is paid.
pub struct Wish {
    pub channel: String,
    pub scene: Scene,
}

/// A checked wish to subscribe.
pub struct SubscribeWish {
    pub plan_id: PlanId,
    pub coupon: Option<String>,
    pub wish: Wish,
}

fn wish(check: &mut FieldErrors, app: &App, name: Option<String>, place: Option<String>) -> Wish {
    let name = check.required("channel", name);
    let enabled = app.billing.checkout.channel_names();
    Wish {
        channel: option(check, "channel", name, |text| channel(text, &enabled)).unwrap_or_default(),
        scene: option(check, "scene", place, |text| scene(&text)).unwrap_or(Scene::Web),
    }
}

impl ParseAt for SubscribeRequest {
    type Output = SubscribeWish;

    fn parse_at(self, app: &App) -> Result<SubscribeWish, FieldErrors> {
        let mut check = FieldErrors::new();
        let plan_id = check.required("plan_id", self.plan_id);
        let plan_id = plan_id.and_then(|id| check.range("plan_id", id, 1, MAX_NUMERIC_ID - 1));
        let wish = wish(&mut check, app, self.channel, self.scene);
        let coupon = option(&mut check, "coupon", self.coupon, |text| length(text, 1, 64));
        check.finish()?;
        let plan_id = plan_id.ok_or_else(|| FieldErrors::of("plan_id", Issue::Required))?;
        Ok(SubscribeWish { plan_id: PlanId::new(plan_id), coupon, wish })
    }
}

/// How a renewal is paid.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "channel": "sandbox", "scene": "web" }))]
pub struct RenewRequest {
    /// A payment channel that is switched on.
    #[schema(required = true, nullable = false)]
    channel: Option<String>,
    /// Where the payer stands: `native`, `h5`, `jsapi`, `app` or `web` (default).
    #[schema(example = "web")]
    scene: Option<String>,
}

impl ParseAt for RenewRequest {
    type Output = Wish;

    fn parse_at(self, app: &App) -> Result<Wish, FieldErrors> {
        let mut check = FieldErrors::new();
        let wish = wish(&mut check, app, self.channel, self.scene);
        check.finish().map(|()| wish)
    }
}

/// A wish to leave.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "at_period_end": true, "reason": "读不完" }))]
pub struct CancelRequest {
    /// Whether access stays until the paid period ends; `true` when it is left out.
    at_period_end: Option<bool>,
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// A checked wish to leave.
pub struct CancelWish {
    pub at_period_end: bool,
    pub reason: Option<CancelReason>,
}

impl Parse for CancelRequest {
    type Output = CancelWish;

    fn parse(self) -> Result<CancelWish, FieldErrors> {
        let mut check = FieldErrors::new();
        let reason = option(&mut check, "reason", self.reason, |text| CancelReason::parse(&text)).flatten();
        check.finish()?;
        Ok(CancelWish { at_period_end: self.at_period_end.unwrap_or(true), reason })
    }
}
