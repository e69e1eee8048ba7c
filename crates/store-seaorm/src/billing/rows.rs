//! What the files of this folder share: selecting columns under a prefix, and reading
//! stored values back into types that hold no wrong ones.

use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, FromQueryResult};
use sharestack_billing::model::interval::Interval;
use sharestack_billing::ports::{InsertError, Profile, UpdateError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::page::PageRequest;

use crate::connect::{Dialect, Store};
use crate::error::{Constraint, store_error, violated};

/// Selects columns of `table` under names that begin with `prefix`.
pub(super) fn select_as(select: &mut SelectStatement, table: &'static str, prefix: &str, columns: &[&'static str]) {
    for column in columns {
        select.expr_as(Expr::col((table, *column)), format!("{prefix}{column}"));
    }
}

/// Joins the user whose id stands in `column` as `alias`, and selects the profile under
/// the same prefix.
pub(super) fn join_profile(select: &mut SelectStatement, column: (&'static str, &'static str), alias: &'static str) {
    let on = Expr::col((alias, "id")).equals(column);
    select.join_as(sea_orm::sea_query::JoinType::LeftJoin, "users", alias, on);
    select_as(select, alias, &format!("{alias}_"), &["username", "display_name", "avatar_url"]);
}

#[derive(FromQueryResult)]
pub(super) struct ProfileRow {
    username: Option<String>,
    display_name: Option<String>,
    avatar_url: Option<String>,
}

impl ProfileRow {
    pub(super) fn into_profile(self, id: UserId) -> Profile {
        Profile { id, username: self.username, display_name: self.display_name, avatar_url: self.avatar_url }
    }
}

pub(super) async fn one<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Option<T>, StoreError> {
    let row = conn.query_one(select).await.map_err(store_error)?;
    row.map(|row| T::from_query_result(&row, "")).transpose().map_err(store_error)
}

pub(super) async fn all<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Vec<T>, StoreError> {
    let rows = conn.query_all(select).await.map_err(store_error)?;
    rows.iter().map(|row| T::from_query_result(row, "")).collect::<Result<_, _>>().map_err(store_error)
}

/// How many rows `select` has, its order and columns left aside.
pub(super) async fn count(store: &Store, mut select: SelectStatement) -> Result<u64, StoreError> {
    let total = select.clear_selects().clear_order_by().expr_as(Expr::cust("COUNT(*)"), "total");
    let row = store.read().query_one(&*total).await.map_err(store_error)?;
    let total = row.map(|row| row.try_get::<i64>("", "total")).transpose().map_err(store_error)?;
    Ok(total.unwrap_or_default().unsigned_abs())
}

pub(super) fn cut(select: &mut SelectStatement, page: PageRequest) {
    select.limit(u64::from(page.limit())).offset(page.offset());
}

/// What a 64-bit number is called in a `CAST`.
pub(super) const fn big_integer(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => "SIGNED",
        Dialect::Sqlite | Dialect::Postgres => "BIGINT",
    }
}

/// A stored name that the model must know.
pub(super) fn known<T>(what: &str, name: &str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::corrupt(format!("{what} {name:?} is not known")))
}

pub(super) fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    Ok(Money::new(amount, known("currency", currency, Currency::parse(currency))?))
}

pub(super) fn interval(name: &str) -> Result<Interval, StoreError> {
    known("interval", name, Interval::parse(name))
}

/// A write that met the constraint, or another failure.
pub(super) fn taken(error: DbErr, constraint: Constraint) -> InsertError {
    if violated(&error) == Some(constraint) { InsertError::Taken } else { store_error(error).into() }
}

/// A versioned write that changed one row, or none.
pub(super) fn changed(rows: u64) -> Result<(), UpdateError> {
    if rows == 1 { Ok(()) } else { Err(UpdateError::Stale) }
}
