//! Checks that several request types of this domain share.

use sharestack_billing::model::interval::Interval;
use sharestack_billing::model::order::Scene;
use sharestack_billing::model::plan::{Benefits, MAX_PRICE};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use sharestack_kernel::money::Currency;

pub(super) use crate::http::extract::{option, set};

/// One of a few names.
pub(super) fn one_of<T>(
    value: &str,
    parse: fn(&str) -> Option<T>,
    all: impl IntoIterator<Item = &'static str>,
) -> Result<T, Issue> {
    parse(value).ok_or_else(|| Issue::not_allowed(all))
}

pub(super) fn interval(text: &str) -> Result<Interval, Issue> {
    one_of(text, Interval::parse, Interval::ALL.map(Interval::as_str))
}

pub(super) fn currency(text: &str) -> Result<Currency, Issue> {
    one_of(text, Currency::parse, Currency::ALL.map(Currency::code))
}

pub(super) fn scene(text: &str) -> Result<Scene, Issue> {
    one_of(text, Scene::parse, Scene::ALL.map(Scene::as_str))
}

/// The name of a channel that is switched on.
pub(super) fn channel(text: String, enabled: &[&'static str]) -> Result<String, Issue> {
    if enabled.contains(&text.as_str()) { Ok(text) } else { Err(Issue::not_allowed(enabled)) }
}

pub(super) fn price(amount: i64) -> Result<i64, Issue> {
    if (1..=MAX_PRICE).contains(&amount) { Ok(amount) } else { Err(Issue::OutOfRange { min: 1, max: MAX_PRICE }) }
}

/// Takes a list of benefits, whose errors name their own lines.
pub(super) fn benefits(check: &mut FieldErrors, lines: Vec<String>) -> Option<Benefits> {
    Benefits::parse("benefits", lines)
        .map_err(|errors| errors.iter().for_each(|error| check.push(error.field.clone(), error.issue.clone())))
        .ok()
}

/// An id in a query string.
pub(super) fn id(text: &str) -> Result<i64, Issue> {
    let id = text.parse::<i64>().map_err(|_| Issue::InvalidFormat)?;
    if (1..MAX_NUMERIC_ID).contains(&id) {
        return Ok(id);
    }
    Err(Issue::OutOfRange { min: 1, max: MAX_NUMERIC_ID - 1 })
}
