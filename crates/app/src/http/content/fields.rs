//! Checks that several request types of this domain share.

use chrono::{DateTime, Utc};
use sharestack_content::model::{Body, Format, Price};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;

pub(in crate::http) use crate::http::extract::{option, set};

/// Takes a field that may be cleared.
pub(in crate::http) fn patch<T, U>(
    check: &mut FieldErrors,
    field: &str,
    value: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, Issue>,
) -> Patch<U> {
    match value {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => check.check(field, parse(value)).map_or(Patch::Keep, Patch::Set),
    }
}

/// Takes a list, whose errors name their own fields.
pub(in crate::http) fn all<T>(check: &mut FieldErrors, read: Result<T, FieldErrors>) -> Option<T> {
    read.map_err(|errors| errors.iter().for_each(|error| check.push(error.field.clone(), error.issue.clone()))).ok()
}

/// Takes one field under two names; two different values are an error.
pub(in crate::http) fn either<T: PartialEq>(
    check: &mut FieldErrors,
    (name, value): (&'static str, Patch<T>),
    (alias, other): (&'static str, Patch<T>),
) -> Patch<T> {
    match (value, other) {
        (Patch::Keep, value) | (value, Patch::Keep) => value,
        (value, other) if value == other => value,
        (value, _) => {
            check.push(alias, Issue::Mismatch { other: name });
            value
        }
    }
}

/// Takes a text and its format. A format alone says nothing.
pub(in crate::http) fn body(
    check: &mut FieldErrors,
    content: Patch<String>,
    format: Option<String>,
    parse: fn(Format, String) -> Result<Body, Issue>,
) -> Option<Body> {
    let had_format = format.is_some();
    let format = option(check, "format", format, |text| Format::parse(&text)).unwrap_or_default();
    if had_format && content == Patch::Keep {
        check.push("content", Issue::Required);
    }
    set(check, "content", content, |text| parse(format, text))
}

/// Takes an amount and its currency. A currency alone says nothing.
pub(in crate::http) fn price(check: &mut FieldErrors, amount: Patch<i64>, currency: Option<&str>) -> Patch<Price> {
    match amount {
        Patch::Set(amount) => all(check, Price::parse(amount, currency)).map_or(Patch::Keep, Patch::Set),
        Patch::Clear => Patch::Clear,
        Patch::Keep => {
            if currency.is_some() {
                check.push("price", Issue::Required);
            }
            Patch::Keep
        }
    }
}

/// Reads a time of RFC 3339.
pub(in crate::http) fn time(text: &str) -> Result<DateTime<Utc>, Issue> {
    sharestack_kernel::time::parse(text).map(|time| time.to_utc())
}

/// An omitted or null field of a new thing is simply not there.
pub(in crate::http) fn into_option<T>(patch: Patch<T>) -> Option<T> {
    match patch {
        Patch::Set(value) => Some(value),
        Patch::Keep | Patch::Clear => None,
    }
}

/// A list that is cleared is an empty one.
pub(in crate::http) fn list<T>(patch: Patch<Vec<T>>) -> Option<Vec<T>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(Vec::new()),
        Patch::Set(list) => Some(list),
    }
}

pub(in crate::http) fn from_option<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}
