//! A transaction of a test's own that holds rows, so that a server waits for them.

use sqlx::{Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};

use crate::{Client, Database, until};

/// Who holds the rows.
pub enum Holder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Holder {
    /// Holds the rows that `select` selects for an update; the whole file on SQLite.
    pub async fn of(database: Database, url: &str, select: &'static str) -> Self {
        match database {
            Database::Sqlite => {
                let mut connection = SqliteConnection::connect(url).await.unwrap();
                connection.execute("BEGIN IMMEDIATE").await.unwrap();
                Self::Sqlite(connection)
            }
            Database::Postgres => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                connection.execute("BEGIN").await.unwrap();
                connection.execute(select).await.unwrap();
                Self::Postgres(connection)
            }
            Database::MariaDb => {
                let mut connection = MySqlConnection::connect(url).await.unwrap();
                connection.execute("BEGIN").await.unwrap();
                connection.execute(select).await.unwrap();
                Self::MySql(connection)
            }
        }
    }

    /// Whoever waits goes on.
    pub async fn let_go(self) {
        match self {
            Self::Sqlite(mut connection) => {
                connection.execute("ROLLBACK").await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(mut connection) => {
                connection.execute("ROLLBACK").await.unwrap();
                connection.close().await.unwrap();
            }
            Self::MySql(mut connection) => {
                connection.execute("ROLLBACK").await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

/// Waits until the server answers another request than the one that asks.
pub async fn another_request_runs(client: &Client) {
    other_requests_run(client, 1).await;
}

/// Waits until the server answers so many other requests than the one that asks.
pub async fn other_requests_run(client: &Client, others: usize) {
    let line = format!("http_requests_in_flight {}", others + 1);
    let in_it = async || client.get("/metrics").await.text.lines().any(|one| one == line);
    until("the requests are in the server", in_it).await;
}
