//! A server in this process, and people who use it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sharestack_app::config::Config;
use sharestack_app::server::{self, Server};
use sharestack_app::wiring;
use sharestack_conformance::blob::S3Server;
use sharestack_kernel::clock::SystemClock;
use sharestack_store_seaorm::{Store, StoreConfig};

use crate::client::Client;
use crate::database::{Database, Fresh};
use crate::place::{Files, Place, in_redis, in_s3};

/// The password of everybody in the tests.
pub const PASSWORD: &str = "correct horse 电池 staple";

/// What a test's server is like.
#[derive(Debug, Clone)]
pub struct Options {
    pub place: Place,
    /// Settings by their environment names, over those of the tests.
    pub variables: Vec<(String, String)>,
    pub workers: bool,
}

impl Options {
    /// The usual server where this run is.
    pub fn usual() -> Self {
        Self::on(Database::usual())
    }

    /// The usual server on this database, or in this place.
    pub fn on(place: impl Into<Place>) -> Self {
        Self { place: place.into(), variables: Vec::new(), workers: true }
    }

    /// With one setting more.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }
}

/// What every test's server is set to: cheap hashes, no limits, a free port.
pub fn settings(data: &Path) -> BTreeMap<String, String> {
    let data = data.display().to_string();
    [
        ("ENVIRONMENT", "test"),
        ("DATA_DIR", data.as_str()),
        ("API_HOST", "127.0.0.1"),
        ("API_PORT", "0"),
        ("API_WORKERS", "2"),
        ("LOG_LEVEL", "warn"),
        ("RATE_LIMIT_ENABLED", "false"),
        ("SHARESTACK__PASSWORD__MEMORY_KIB", "64"),
        ("SHARESTACK__PASSWORD__ITERATIONS", "1"),
        ("SHARESTACK__DATABASE__MIGRATE_ON_START", "true"),
        ("SHARESTACK__PAYMENTS__SANDBOX_SECRET", crate::money::SANDBOX_SECRET),
        ("SHARESTACK__SERVER__SHUTDOWN_TIMEOUT_SECONDS", "2"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// A server of a test's own, that goes when the test ends.
pub struct Harness {
    client: Client,
    server: Option<Server>,
    fresh: Option<Fresh>,
    url: String,
    _data: tempfile::TempDir,
    s3: Option<S3Server>,
}

impl Deref for Harness {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: i64,
    pub username: String,
    pub token: String,
    pub refresh_token: String,
}

impl Harness {
    /// The usual server where this run is: of tests that hold in every place.
    pub async fn usual() -> Self {
        Self::start(Options::usual()).await
    }

    /// The usual server on SQLite.
    pub async fn embedded() -> Self {
        Self::start(Options::on(Database::Sqlite)).await
    }

    /// A server as the options say.
    pub async fn start(options: Options) -> Self {
        Self::start_with(options, |_| {}).await
    }

    /// A server as the options say, of which something is changed before it starts.
    pub async fn start_with(options: Options, change: impl FnOnce(&mut wiring::App)) -> Self {
        Box::pin(Self::launch(options, change)).await
    }

    async fn launch(options: Options, change: impl FnOnce(&mut wiring::App)) -> Self {
        wiring::install_crypto();
        sharestack_app::telemetry::start_metrics();
        let data = tempfile::tempdir().unwrap();
        let fresh = options.place.database.fresh().await;
        let s3 = match options.place.files {
            Files::Directory => None,
            Files::S3 => Some(S3Server::start().await),
        };
        let mut variables = settings(data.path());
        if !fresh.url.is_empty() {
            variables.insert("DATABASE_URL".to_owned(), fresh.url.clone());
        }
        if options.place.redis {
            variables.extend(in_redis());
        }
        variables.extend(s3.iter().flat_map(in_s3));
        variables.extend(options.variables);
        let mut config = Config::load(Path::new("no-such-directory"), &variables).unwrap();
        let url = config.database_url();
        let listener = server::bind(&mut config).unwrap();
        let mut app = wiring::build(config).await.unwrap();
        if options.place.redis {
            app.shared.ping().await.expect("the Redis of the tests answers");
        }
        change(&mut app);
        app.store.migrate().await.unwrap();
        let server = Server::start(app, listener, options.workers).unwrap();
        let client = Client::new(format!("http://{}", server.address()));
        Self { client, server: Some(server), fresh: Some(fresh), url, _data: data, s3 }
    }

    /// The server's parts.
    pub fn app(&self) -> &wiring::App {
        self.server.as_ref().unwrap().app()
    }

    /// The S3 that has its files, where one does.
    pub fn s3(&self) -> Option<&S3Server> {
        self.s3.as_ref()
    }

    /// The address of what is stored, for a program of the test's own.
    pub fn database_url(&self) -> &str {
        &self.url
    }

    /// A connection of the test's own to what is stored.
    pub async fn store(&self) -> Store {
        Store::connect(&StoreConfig::new(&self.url), Arc::new(SystemClock)).await.unwrap()
    }

    /// One number out of what is stored.
    pub async fn count(&self, sql: &str) -> i64 {
        let store = self.store().await;
        let number = store.number_raw(sql).await.unwrap();
        store.close().await;
        number
    }

    /// Registers and signs in.
    pub async fn account(&self, username: &str) -> Account {
        let email = format!("{username}@example.com");
        let body = json!({ "username": username, "email": email, "password": PASSWORD });
        self.post("/api/v1/auth/register", &body).await.expect(201);
        self.login(username).await
    }

    /// Signs in.
    pub async fn login(&self, username: &str) -> Account {
        let body = json!({ "username": username, "password": PASSWORD });
        let answer = self.post("/api/v1/auth/login", &body).await.expect(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let data = answer.data();
        Account {
            id: data["user"]["id"].as_i64().unwrap(),
            username: username.to_owned(),
            token: text(&data["access_token"]),
            refresh_token: text(&data["refresh_token"]),
        }
    }

    /// A super admin, as the command line makes one.
    pub async fn admin(&self) -> Account {
        let made = self.app().create_admin("root-admin", "root@example.com", PASSWORD).await;
        made.unwrap();
        self.login("root-admin").await
    }

    /// Registers, is granted the role by an admin, and signs in.
    pub async fn with_role(&self, admin: &Account, username: &str, role: &str) -> Account {
        let account = self.account(username).await;
        let path = format!("/api/v1/users/{}/roles", account.id);
        self.put_as(&admin.token, &path, &json!({ "roles": ["user", role] })).await.expect(200);
        self.login(username).await
    }

    /// Stops the server and removes what it stored.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        if let Some(fresh) = self.fresh.take() {
            fresh.remove().await;
        }
    }
}
