//! Times that may lie far ahead, where a statement is put together before its connection
//! ([`crate::conn::Conn`]) would mend them.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use crate::connect::Dialect;

/// A time as a parameter that may lie beyond 2038. The driver sends a `DateTime<Utc>` to
/// MySQL as a `TIMESTAMP`, which ends there, and MariaDB makes `NULL` of what is later.
pub(crate) fn far(dialect: Dialect, at: DateTime<Utc>) -> Value {
    match dialect {
        Dialect::MySql => at.naive_utc().into(),
        Dialect::Sqlite | Dialect::Postgres => at.into(),
    }
}

/// The same for a time that may be missing.
pub(crate) fn far_or_null(dialect: Dialect, at: Option<DateTime<Utc>>) -> Value {
    at.map_or_else(|| Option::<DateTime<Utc>>::None.into(), |at| far(dialect, at))
}
