//! What the files of this folder share beside [`crate::rows`].

use sea_orm::sea_query::{Expr, JoinType, SelectStatement};
use sea_orm::{DbErr, ExprTrait};
use sharestack_billing::model::interval::Interval;
use sharestack_billing::ports::{InsertError, Profile, UpdateError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money};

use crate::error::{Constraint, store_error, violated};
pub(super) use crate::rows::{Fields, Stored, all, count, known, one, page, select_as, whole};

/// Joins the user whose id stands in `column` as `alias`, and selects the profile under
/// the same prefix.
pub(super) fn join_profile(select: &mut SelectStatement, column: (&'static str, &'static str), alias: &'static str) {
    let on = Expr::col((alias, "id")).equals(column);
    select.join_as(JoinType::LeftJoin, "users", alias, on);
    select_as(select, alias, &format!("{alias}_"), &["username", "display_name", "avatar_url"]);
}

/// What [`join_profile`] joined.
pub(super) fn profile(fields: Fields<'_>, id: UserId) -> Result<Profile, StoreError> {
    Ok(Profile {
        id,
        username: fields.get("username")?,
        display_name: fields.get("display_name")?,
        avatar_url: fields.get("avatar_url")?,
    })
}

pub(super) fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    Ok(Money::new(amount, known("currency", currency, Currency::parse(currency))?))
}

/// The amount and the currency of a row.
pub(super) fn amount(fields: Fields<'_>) -> Result<Money, StoreError> {
    money(fields.get("amount")?, &fields.get::<String>("currency")?)
}

/// A column with a name that the model must know.
pub(super) fn named<T>(fields: Fields<'_>, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let name: String = fields.get(column)?;
    known(column, &name, parse(&name))
}

pub(super) fn interval(fields: Fields<'_>) -> Result<Interval, StoreError> {
    named(fields, "period", Interval::parse)
}

/// A write that met the constraint, or another failure.
pub(super) fn taken(error: DbErr, constraint: Constraint) -> InsertError {
    if violated(&error) == Some(constraint) { InsertError::Taken } else { store_error(error).into() }
}

/// A versioned write that changed one row, or none.
pub(super) fn changed(rows: u64) -> Result<(), UpdateError> {
    if rows == 1 { Ok(()) } else { Err(UpdateError::Stale) }
}
