//! A database of a test's own.

use std::sync::Arc;

use sharestack_kernel::clock::SystemClock;
use sharestack_kernel::random::uuid_v7;
use sharestack_store_seaorm::{Store, StoreConfig};

use crate::{Place, embedded_only, server_url};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

/// An empty database on a server, or a file.
pub struct Fresh {
    /// Empty for SQLite under the data directory.
    pub url: String,
    server: Option<(String, String)>,
}

impl Database {
    /// The kind for tests that hold on every one: SQLite, where the run is about no other.
    pub fn usual() -> Self {
        Place::chosen().map_or(Self::Sqlite, |place| place.database)
    }

    /// Every kind that this run is about.
    pub fn all() -> Vec<Self> {
        match Place::chosen() {
            Some(place) => vec![place.database],
            None if embedded_only() => vec![Self::Sqlite],
            None => vec![Self::Sqlite, Self::Postgres, Self::MariaDb],
        }
    }

    /// Makes an empty one.
    pub async fn fresh(self) -> Fresh {
        let server = match self {
            Self::Sqlite => return Fresh { url: String::new(), server: None },
            Self::Postgres => server_url("TEST_POSTGRES_URL"),
            Self::MariaDb => server_url("TEST_MYSQL_URL"),
        };
        let name = format!("test_{}", uuid_v7().simple());
        administer(&server, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        Fresh { url: format!("{base}/{name}"), server: Some((server.clone(), name)) }
    }
}

async fn administer(server: &str, sql: &str) {
    let store = Store::connect(&StoreConfig::new(server), Arc::new(SystemClock)).await.unwrap();
    store.execute_raw(sql).await.unwrap();
    store.close().await;
}

impl Fresh {
    /// Drops it. What is not dropped goes with the test servers.
    pub async fn remove(self) {
        if let Some((server, name)) = self.server {
            administer(&server, &format!("DROP DATABASE {name}")).await;
        }
    }
}
