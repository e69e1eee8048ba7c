//! A person's records, a few at a time. Between two pieces no connection is held: a copy
//! may be written for as long as it takes, and nobody waits for it.
//!
//! Which rows are somebody's is asked for many at once, by their keys alone; then they are
//! read by these, however many more there are.

use std::collections::VecDeque;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::{Stream, StreamExt as _, stream};
use sea_orm::sea_query::{Cond, Expr, Order, Query, SelectStatement, SubQueryStatement};
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
/// How many keys of records are: they are short, and finding them reads all that somebody has.
pub(super) const KEYS: usize = 20_000;

/// What tells a row of a table from all others.
type RowKey = Vec<Bound>;

/// Every extract of a person, an empty one too.
pub(super) fn extracts(store: Store, user: UserId) -> Extracts {
    let shown = holdings().filter_map(|holding| Some((holding.extract?, holding)));
    stream::iter(shown).flat_map(move |(name, holding)| pieces(store.clone(), user, name, holding)).boxed()
}

/// How far the reading of one table came.
struct Reading {
    store: Store,
    /// Rows that are still to be read.
    known: VecDeque<RowKey>,
    /// Behind which row others may be: at first before all.
    behind: Option<RowKey>,
}

fn pieces(
    store: Store,
    user: UserId,
    name: &'static str,
    holding: &'static Holding,
) -> impl Stream<Item = Result<Extract, StoreError>> + Send {
    let reading = Reading { store, known: VecDeque::new(), behind: Some(RowKey::new()) };
    stream::try_unfold(reading, move |mut reading| async move {
        let records = reading.next(holding, user).await.map_err(store_error)?;
        Ok(records.map(|records| (Extract { name, records }, reading)))
    })
}

impl Reading {
    /// The next piece; the first may be empty.
    async fn next(&mut self, holding: &Holding, user: UserId) -> Result<Option<Vec<Value>>, DbErr> {
        if self.known.is_empty() {
            let Some(behind) = self.behind.take() else { return Ok(None) };
            let found = self.store.read().query_all(&keys(holding, user, &behind)).await?;
            self.known = found.iter().map(|row| row_key(row, holding.key)).collect::<Result<_, _>>()?;
            self.behind = self.known.back().filter(|_| self.known.len() == KEYS).cloned();
            if self.known.is_empty() {
                return Ok(behind.is_empty().then(Vec::new));
            }
        }
        let piece: Vec<_> = self.known.drain(..self.known.len().min(PIECE)).collect();
        let found = self.store.read().query_all(&rows(holding, &piece)).await?;
        found.iter().map(|row| record(row, holding, user)).collect::<Result<_, _>>().map(Some)
    }
}

/// Which rows are theirs, behind one of them.
fn keys(holding: &Holding, user: UserId, behind: &[Bound]) -> SelectStatement {
    let mut select = Query::select()
        .columns(holding.key.iter().map(|(column, _)| *column))
        .from(holding.table)
        .and_where(holding.whose.condition(user))
        .limit(KEYS as u64)
        .to_owned();
    if !behind.is_empty() {
        select.cond_where(after(holding.key, behind));
    }
    in_order(select, holding.key)
}

/// These rows, which are found by nothing but their keys.
pub(super) fn rows(holding: &Holding, keys: &[RowKey]) -> SelectStatement {
    let mut select = Query::select().from(holding.table).cond_where(one_of(holding.key, keys)).to_owned();
    let mut read = Vec::new();
    for (column, kind) in holding.columns {
        match kind {
            Kind::Of(reference, table, there) => {
                let named = Query::select()
                    .column((*table, *there))
                    .from(*table)
                    .and_where(Expr::col((*table, "id")).equals((holding.table, *reference)))
                    .to_owned();
                select.expr_as(Expr::from(SubQueryStatement::from(named)), *column);
            }
            Kind::Own(owner, _) => read.extend([*owner, *column]),
            _ => read.push(*column),
        }
    }
    read.sort_unstable();
    read.dedup();
    select.columns(read);
    in_order(select, holding.key)
}

fn in_order(mut select: SelectStatement, key: Key) -> SelectStatement {
    for (column, _) in key {
        select.order_by(*column, Order::Asc);
    }
    select
}

/// The rows that come after the one with these values.
fn after(key: Key, values: &[Bound]) -> Cond {
    let equal = |count| equal(&key[..count], values);
    key.iter().zip(values).enumerate().fold(Cond::any(), |any, (place, ((column, _), value))| {
        any.add(equal(place).add(Expr::col(*column).gt(value.clone())))
    })
}

fn one_of(key: Key, rows: &[RowKey]) -> Cond {
    match key {
        [(column, _)] => Cond::all().add(Expr::col(*column).is_in(rows.iter().flatten().cloned())),
        _ => rows.iter().fold(Cond::any(), |any, values| any.add(equal(key, values))),
    }
}

fn equal(key: &[(&'static str, Kind)], values: &[Bound]) -> Cond {
    let columns = key.iter().zip(values);
    columns.fold(Cond::all(), |all, ((column, _), value)| all.add(Expr::col(*column).eq(value.clone())))
}

fn row_key(row: &QueryResult, key: Key) -> Result<RowKey, DbErr> {
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
        Kind::Text | Kind::Of(..) => row.try_get::<Option<String>>("", column)?.into(),
        Kind::Word(spoken) => {
            let stored = row.try_get::<Option<String>>("", column)?;
            stored.map(|stored| spoken(&stored).map_or(stored, str::to_owned)).into()
        }
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
