//! Reading rows: a stored value becomes a type that holds no wrong one, or the store is
//! corrupt.

use sea_orm::sea_query::{Expr, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait, QueryResult, TryGetable};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use crate::connect::{Dialect, Store};
use crate::error::store_error;

/// How many values one statement names at most. SQLite takes 32,766, PostgreSQL 65,535.
pub(crate) const AT_ONCE: usize = 500;

/// The columns of a row whose names begin with a prefix.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    row: &'a QueryResult,
    prefix: &'static str,
}

impl<'a> Fields<'a> {
    /// All columns of a row.
    pub(crate) const fn of(row: &'a QueryResult) -> Self {
        Self { row, prefix: "" }
    }

    /// Those whose names begin with `prefix`.
    pub(crate) const fn under(self, prefix: &'static str) -> Self {
        Self { row: self.row, prefix }
    }

    /// The column of this name behind the prefix.
    pub(crate) fn get<T: TryGetable>(self, name: &str) -> Result<T, StoreError> {
        self.row.try_get(self.prefix, name).map_err(store_error)
    }
}

/// What a row is read into.
pub(crate) trait Stored: Sized {
    /// Reads it.
    fn read(fields: Fields<'_>) -> Result<Self, StoreError>;
}

pub(crate) async fn one<T: Stored>(
    conn: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Option<T>, StoreError> {
    let row = conn.query_one(select).await.map_err(store_error)?;
    row.map(|row| T::read(Fields::of(&row))).transpose()
}

pub(crate) async fn all<T: Stored>(
    conn: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Vec<T>, StoreError> {
    let rows = conn.query_all(select).await.map_err(store_error)?;
    rows.iter().map(|row| T::read(Fields::of(row))).collect()
}

/// How many rows `select` has, its order and columns left aside.
pub(crate) async fn count(store: &Store, mut select: SelectStatement) -> Result<u64, StoreError> {
    let total = select.clear_selects().clear_order_by().expr_as(Expr::cust("COUNT(*)"), "total");
    let row = store.read().query_one(&*total).await.map_err(store_error)?;
    let total = row.map(|row| row.try_get::<i64>("", "total")).transpose().map_err(store_error)?;
    Ok(total.unwrap_or_default().unsigned_abs())
}

/// One page of `select`, and how many rows it has in all.
pub(crate) async fn page<T: Stored>(
    store: &Store,
    mut select: SelectStatement,
    request: PageRequest,
) -> Result<Page<T>, StoreError> {
    let total = count(store, select.clone()).await?;
    select.limit(u64::from(request.limit())).offset(request.offset());
    Ok(Page { items: all(store.read(), &select).await?, total, request })
}

/// A whole number as 64 bits: databases make decimals of sums else.
pub(crate) fn whole(expression: SimpleExpr, dialect: Dialect) -> SimpleExpr {
    let name = match dialect {
        Dialect::MySql => "signed",
        Dialect::Sqlite | Dialect::Postgres => "bigint",
    };
    expression.cast_as(name)
}

/// Selects columns of `table` under names that begin with `prefix`.
pub(crate) fn select_as(select: &mut SelectStatement, table: &'static str, prefix: &str, columns: &[&'static str]) {
    for column in columns {
        select.expr_as(Expr::col((table, *column)), format!("{prefix}{column}"));
    }
}

/// A stored name that the model must know.
pub(crate) fn known<T>(what: &str, name: &str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::corrupt(format!("{what} {name:?} is not known")))
}
