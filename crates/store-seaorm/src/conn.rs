//! Connections that bind times as every database keeps them.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, Value};

/// A connection, or a transaction, that repositories and queries run on.
///
/// The driver sends a `DateTime<Utc>` to MySQL as a `TIMESTAMP`, which ends in 2038, and
/// MariaDB makes `NULL` of what is later. Here it goes as a `DATETIME`, which every column
/// is; the session's time zone is UTC.
#[derive(Debug, Clone)]
pub(crate) struct Conn<C>(C);

impl<C> Conn<C> {
    pub(crate) const fn new(inner: C) -> Self {
        Self(inner)
    }

    /// The driver's: for migrations, and to begin or end a transaction.
    pub(crate) const fn inner(&self) -> &C {
        &self.0
    }

    pub(crate) fn into_inner(self) -> C {
        self.0
    }
}

fn with_far_times(mut statement: Statement) -> Statement {
    if statement.db_backend == DbBackend::MySql
        && let Some(values) = &mut statement.values
    {
        for value in &mut values.0 {
            if let Value::ChronoDateTimeUtc(at) = value {
                *value = Value::ChronoDateTime(at.map(|at| at.naive_utc()));
            }
        }
    }
    statement
}

#[async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Conn<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(with_far_times(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(with_far_times(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(with_far_times(statement)).await
    }

    fn support_returning(&self) -> bool {
        self.0.support_returning()
    }
}
