//! A person's records, a few at a time. Between two pieces no connection is held: a copy
//! may be written for as long as it takes, and nobody waits for it.

use chrono::{DateTime, SecondsFormat, Utc};
use futures::{Stream, StreamExt as _, stream};
use sea_orm::sea_query::{Cond, Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, QueryResult, Value as Bound};
use serde_json::{Map, Value};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::model::Extract;
use sharestack_users::ports::Extracts;
use uuid::Uuid;

use super::holding::{Holding, Key, Kind};
use super::holdings;
use crate::connect::Store;
use crate::error::store_error;

/// How many records are in memory at once: an article may be long.
pub(super) const PIECE: usize = 50;

/// Every extract of a person, an empty one too.
pub(super) fn extracts(store: Store, user: UserId) -> Extracts {
    let shown = holdings().filter_map(|holding| Some((holding.extract?, holding)));
    stream::iter(shown).flat_map(move |(name, holding)| pieces(store.clone(), user, name, holding)).boxed()
}

fn pieces(
    store: Store,
    user: UserId,
    name: &'static str,
    holding: &'static Holding,
) -> impl Stream<Item = Result<Extract, StoreError>> + Send {
    // Where the next piece begins; there is none behind the last.
    let from = Some(Vec::new());
    stream::try_unfold((store, from), move |(store, from)| async move {
        let Some(from) = from else { return Ok(None) };
        let select = select(holding, user, &from);
        let rows = store.read().query_all(&select).await.map_err(store_error)?;
        let records: Result<_, DbErr> = rows.iter().map(|row| record(row, holding, user)).collect();
        let last = rows.last().filter(|_| rows.len() == PIECE);
        let next = last.map(|row| place(row, holding.key)).transpose().map_err(store_error)?;
        Ok(Some((Extract { name, records: records.map_err(store_error)? }, (store, next))))
    })
}

fn select(holding: &Holding, user: UserId, from: &[Bound]) -> SelectStatement {
    let mut columns: Vec<_> = holding.columns.iter().map(|(column, _)| *column).collect();
    let owners = holding.columns.iter().filter_map(|(_, kind)| match kind {
        Kind::Own(owner, _) => Some(*owner),
        _ => None,
    });
    for column in holding.key.iter().map(|(column, _)| *column).chain(owners) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let mut select = Query::select()
        .columns(columns)
        .from(holding.table)
        .and_where(holding.whose.condition(user))
        .limit(PIECE as u64)
        .to_owned();
    for (column, _) in holding.key {
        select.order_by(*column, Order::Asc);
    }
    if !from.is_empty() {
        select.cond_where(behind(holding.key, from));
    }
    select
}

/// The rows that come after the one with these values.
fn behind(key: Key, values: &[Bound]) -> Cond {
    let equal = |count| {
        let known = key.iter().zip(values).take(count);
        known.fold(Cond::all(), |all, ((column, _), value)| all.add(Expr::col(*column).eq(value.clone())))
    };
    key.iter().zip(values).enumerate().fold(Cond::any(), |any, (place, ((column, _), value))| {
        any.add(equal(place).add(Expr::col(*column).gt(value.clone())))
    })
}

/// The values of a row's key.
fn place(row: &QueryResult, key: Key) -> Result<Vec<Bound>, DbErr> {
    let value = |(column, kind): &(&str, Kind)| match kind {
        Kind::Number => row.try_get::<i64>("", column).map(Bound::from),
        Kind::Id => row.try_get::<Uuid>("", column).map(Bound::from),
        _ => row.try_get::<String>("", column).map(Bound::from),
    };
    key.iter().map(value).collect()
}

fn record(row: &QueryResult, holding: &Holding, user: UserId) -> Result<Value, DbErr> {
    let field = |(column, kind): &(&'static str, Kind)| Ok(((*column).to_owned(), read(row, column, *kind, user)?));
    holding.columns.iter().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object)
}

fn read(row: &QueryResult, column: &str, kind: Kind, user: UserId) -> Result<Value, DbErr> {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into();
    Ok(match kind {
        Kind::Number => row
            .try_get::<Option<i64>>("", column)
            .or_else(|_| row.try_get::<Option<i32>>("", column).map(|number| number.map(i64::from)))?
            .into(),
        Kind::Text => row.try_get::<Option<String>>("", column)?.into(),
        Kind::Time => row.try_get::<Option<DateTime<Utc>>>("", column)?.map_or(Value::Null, time),
        Kind::Flag => row.try_get::<Option<bool>>("", column)?.into(),
        Kind::Id => row.try_get::<Option<Uuid>>("", column)?.map(|id| id.to_string()).into(),
        Kind::Own(owner, kind) => {
            let own = row.try_get::<Option<i64>>("", owner)? == Some(user.get());
            if own { read(row, column, *kind, user)? } else { Value::Null }
        }
        Kind::Json => {
            let text = row.try_get::<Option<String>>("", column)?;
            text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        }
    })
}
