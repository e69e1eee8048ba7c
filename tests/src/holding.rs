//! A transaction of a test's own that holds rows, so that a server waits for them.

use std::time::Duration;

use sqlx::{Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};

use crate::{Client, Database, Harness, until};

/// How many wait for others in the database that is asked.
const WAITING_ON_POSTGRES: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
const WAITING_ON_MARIADB: &str = "SELECT COUNT(*) FROM information_schema.innodb_trx AS t \
     JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id \
     WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'";

/// MariaDB says again what it said last, of whatever round, until nobody has asked for a tenth of a
/// second. So there is a pause before each question, the first one too.
const MARIADB_REPEATS: Duration = Duration::from_millis(110);

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

    /// Waits until so many requests of the server wait for rows: those that are held, or those that
    /// another has who waits. Of a file of SQLite nobody says who waits; there they are in the server.
    pub async fn until_waited_for(&self, app: &Harness, requests: usize) {
        let (question, pause) = match self {
            Self::Sqlite(_) => return other_requests_run(app, requests).await,
            Self::Postgres(_) => (WAITING_ON_POSTGRES, Duration::ZERO),
            Self::MySql(_) => (WAITING_ON_MARIADB, MARIADB_REPEATS),
        };
        // Not the holder's own connection: within a transaction, PostgreSQL answers as it did first.
        let (store, wanted) = (app.store().await, i64::try_from(requests).unwrap());
        let they_wait = async || {
            tokio::time::sleep(pause).await;
            store.number_raw(question).await.unwrap() >= wanted
        };
        until(&format!("{requests} requests wait by `{question}`"), they_wait).await;
        store.close().await;
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
async fn other_requests_run(client: &Client, others: usize) {
    let line = format!("http_requests_in_flight {}", others + 1);
    let in_it = async || client.get("/metrics").await.text.lines().any(|one| one == line);
    until("the requests are in the server", in_it).await;
}
