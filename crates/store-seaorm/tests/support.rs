//! A fresh database for each test.

use std::sync::Arc;

use futures::future::BoxFuture;
use sharestack_conformance::{kernel, platform, portfolio, social, users};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::UserId;
use sharestack_kernel::random::uuid_v7;
use sharestack_store_seaorm::{SeaTx, SequenceIds, Store, StoreConfig};

/// A kind of database.
#[derive(Debug, Clone, Copy)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A database of a test's own, with its schema.
pub struct Fixture {
    pub store: Store,
    pub clock: FakeClock,
    pub url: String,
    server: Option<(String, String)>,
    _directory: tempfile::TempDir,
}

fn embedded_only() -> bool {
    std::env::var("SHARESTACK_TEST_EMBEDDED").is_ok_and(|value| value == "1")
}

fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} names no server; run `make test`, or set SHARESTACK_TEST_EMBEDDED=1 to test without servers")
    })
}

impl Database {
    /// A database with its schema; `None` when only embedded stores are to be tested.
    pub async fn fresh(self) -> Option<Fixture> {
        let fixture = self.empty().await?;
        fixture.store.migrate().await.unwrap();
        Some(fixture)
    }

    /// A database without a schema.
    pub async fn empty(self) -> Option<Fixture> {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("test_{}", uuid_v7().simple());
        let server = match self {
            Self::Sqlite => None,
            _ if embedded_only() => return None,
            Self::Postgres => Some(server("TEST_POSTGRES_URL")),
            Self::MariaDb => Some(server("TEST_MYSQL_URL")),
        };
        let url = match &server {
            None => format!("sqlite://{}", directory.path().join("test.db").display()),
            Some(server) => {
                administer(server, &format!("CREATE DATABASE {name}")).await;
                in_database(server, &name)
            }
        };
        let clock = FakeClock::at(sharestack_conformance::far_ahead());
        let store = open(&url, &clock).await;
        Some(Fixture { store, clock, url, server: server.map(|server| (server, name)), _directory: directory })
    }
}

/// Opens the database again, as another node would.
pub async fn open(url: &str, clock: &FakeClock) -> Store {
    Store::connect(&StoreConfig::new(url), Arc::new(clock.clone())).await.unwrap()
}

async fn administer(server: &str, sql: &str) {
    let store = open(server, &FakeClock::default()).await;
    store.execute_raw(sql).await.unwrap();
    store.close().await;
}

/// The server's URL with another database.
fn in_database(server: &str, name: &str) -> String {
    let (base, query) =
        server.split_once('?').map_or((server, String::new()), |(base, rest)| (base, format!("?{rest}")));
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = base[start..].find('/').map_or(base.len(), |at| start + at);
    format!("{}/{name}{query}", &base[..end])
}

impl Fixture {
    /// What the kernel's cases need.
    pub fn kernel(&self) -> kernel::Subject<SeaTx> {
        let store = self.store.clone();
        let payloads = move || -> BoxFuture<'static, Vec<String>> {
            let store = store.clone();
            Box::pin(async move { store.texts_raw("SELECT payload FROM jobs ORDER BY id").await.unwrap() })
        };
        kernel::Subject {
            payloads: Arc::new(payloads),
            store: Arc::new(self.store.clone()),
            events: Arc::new(self.store.clone()),
            tail: Arc::new(self.store.clone()),
            jobs: Arc::new(self.store.clone()),
            ids: self.ids(),
            other_ids: self.ids(),
            clock: self.clock.clone(),
        }
    }

    /// What the cases of the social ports need.
    pub fn social(&self) -> social::Subject {
        social::Subject {
            store: Arc::new(self.store.clone()),
            queries: Arc::new(self.store.clone()),
            ids: self.ids(),
            clock: self.clock.clone(),
            register: self.register(),
            disable: self.disable(),
        }
    }

    /// What the cases of the portfolio's ports need.
    pub fn portfolio(&self) -> portfolio::Subject {
        portfolio::Subject {
            store: Arc::new(self.store.clone()),
            files: Arc::new(self.store.clone()),
            processing: Arc::new(self.store.clone()),
            register: self.register(),
        }
    }

    /// Ids of the database's own.
    fn ids(&self) -> Arc<SequenceIds> {
        Arc::new(SequenceIds::new(self.store.clone()))
    }

    /// Opens an account.
    fn register(&self) -> social::ToAccount {
        let store = self.store.clone();
        Arc::new(move |id: UserId| -> BoxFuture<'static, ()> {
            let store = store.clone();
            Box::pin(async move { users::register(&store, id).await })
        })
    }

    /// Makes an account inactive.
    fn disable(&self) -> users::Disable {
        self.change("is_active = false")
    }

    /// Changes an account.
    fn change(&self, set: &'static str) -> social::ToAccount {
        let store = self.store.clone();
        Arc::new(move |id: UserId| -> BoxFuture<'static, ()> {
            let store = store.clone();
            Box::pin(async move {
                store.execute_raw(&format!("UPDATE users SET {set} WHERE id = {id}")).await.unwrap();
            })
        })
    }

    /// What the cases of the users ports need.
    pub fn users(&self) -> users::Subject {
        users::Subject::over(&self.store, self.disable())
    }

    /// What the cases of the billing ports need.
    pub fn billing(&self) -> sharestack_conformance::billing::Subject {
        let leave = self.change("deleted_at = created_at");
        sharestack_conformance::billing::Subject::over(
            &self.store,
            self.ids(),
            self.clock.clone(),
            [self.register(), leave],
        )
    }

    /// What the cases of the content ports need.
    pub fn content(&self) -> sharestack_conformance::content::Subject {
        sharestack_conformance::content::Subject::over(&self.store, self.ids())
    }

    /// What the cases of the ports of photos need.
    pub fn photos(&self) -> sharestack_conformance::photos::Subject {
        sharestack_conformance::photos::Subject::over(&self.store, self.ids())
    }

    /// What the cases of the ports of categories, tags and the timeline need.
    pub fn taxonomy(&self) -> sharestack_conformance::taxonomy::Subject {
        sharestack_conformance::taxonomy::Subject::over(&self.store, self.ids(), self.clock.clone())
    }

    /// What the cases of the platform ports need.
    pub fn platform(&self) -> platform::Subject<SeaTx> {
        platform::Subject {
            idempotency: Arc::new(self.store.clone()),
            audit: Arc::new(self.store.clone()),
            kernel: self.kernel(),
        }
    }

    /// Drops the database.
    pub async fn remove(self) {
        self.store.close().await;
        if let Some((server, name)) = &self.server {
            administer(server, &format!("DROP DATABASE {name}")).await;
        }
    }
}
