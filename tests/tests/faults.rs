//! The server killed (`kill -9`) where it hurts most: no order, ledger line or event is
//! lost or doubled, and the ledger sums to zero after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};
use sharestack_kernel::clock::SystemClock;
use sharestack_store_seaorm::{Store, StoreConfig};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::holding::{Holder, another_request_runs};
use sharestack_tests::money::{monthly_plan, notify, signature, subscribe, success};
use sharestack_tests::process::admin;
use sharestack_tests::{Client, Database, Harness, Process, until};

/// A database, and the server that is killed and started over it.
struct Scene {
    database: Database,
    data: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    url: String,
    plan: i64,
    creator: String,
}

const SERVE: &[&str] = &["serve"];
const NO_WORKER: &[&str] = &["serve", "--no-worker"];

async fn sign_in(client: &Client, name: &str) -> String {
    let answer =
        client.post("/api/v1/auth/login", &json!({ "username": name, "password": PASSWORD })).await.expect(200);
    answer.data()["access_token"].as_str().unwrap().to_owned()
}

async fn register(client: &Client, name: &str) -> String {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    client.post("/api/v1/auth/register", &body).await.expect(201);
    sign_in(client, name).await
}

impl Scene {
    async fn on(database: Database) -> Self {
        let data = tempfile::tempdir().unwrap();
        let fresh = database.fresh().await;
        let mut variables = BTreeMap::new();
        if !fresh.url.is_empty() {
            variables.insert("DATABASE_URL".to_owned(), fresh.url.clone());
        }
        let file = data.path().join("sharestack.db");
        let url = if fresh.url.is_empty() { format!("sqlite://{}", file.display()) } else { fresh.url };
        let mut scene = Self { database, data, variables, url, plan: 0, creator: String::new() };
        let server = scene.start(NO_WORKER);
        scene.make_creator(&server.client).await;
        server.kill();
        scene
    }

    fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.data.path(), arguments, &self.variables)
    }

    async fn make_creator(&mut self, client: &Client) {
        let admin = admin(self.data.path(), &self.variables, client).await;
        self.creator = register(client, "lin").await;
        let me = client.get_as(&self.creator, "/api/v1/users/me").await.expect(200);
        let path = format!("/api/v1/users/{}/roles", me.data()["id"]);
        client.put_as(&admin, &path, &json!({ "roles": ["user", "creator"] })).await.expect(200);
        self.plan = monthly_plan(client, &self.creator).await;
    }

    async fn store(&self) -> Store {
        Store::connect(&StoreConfig::new(&self.url), Arc::new(SystemClock)).await.unwrap()
    }

    async fn count(&self, sql: &str) -> i64 {
        let store = self.store().await;
        let number = store.number_raw(sql).await.unwrap();
        store.close().await;
        number
    }

    async fn execute(&self, statements: &[&str]) {
        let store = self.store().await;
        for sql in statements {
            store.execute_raw(sql).await.unwrap();
        }
        store.close().await;
    }

    /// Keys that were held when the server died are free after their lease: here at once.
    async fn end_leases(&self) {
        self.execute(&["UPDATE idempotency_keys SET lease_until = created_at WHERE state <> 'done'"]).await;
    }

    /// The database takes no answer, as if the server died before it remembered one.
    async fn refuse_answers(&self) {
        let statements: &[&str] = match self.database {
            Database::Sqlite => &["CREATE TRIGGER no_answer BEFORE UPDATE ON idempotency_keys \
                 WHEN NEW.state = 'done' BEGIN SELECT RAISE(ABORT, 'no answer'); END"],
            Database::Postgres => &[
                "CREATE FUNCTION no_answer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF NEW.state = 'done' THEN RAISE EXCEPTION 'no answer'; END IF; RETURN NEW; END $$",
                "CREATE TRIGGER no_answer BEFORE UPDATE ON idempotency_keys \
                 FOR EACH ROW EXECUTE FUNCTION no_answer()",
            ],
            Database::MariaDb => &["CREATE TRIGGER no_answer BEFORE UPDATE ON idempotency_keys FOR EACH ROW \
                 IF NEW.state = 'done' THEN SIGNAL SQLSTATE '45000'; END IF"],
        };
        self.execute(statements).await;
    }

    async fn take_answers(&self) {
        let drop = match self.database {
            Database::Postgres => "DROP TRIGGER no_answer ON idempotency_keys",
            Database::Sqlite | Database::MariaDb => "DROP TRIGGER no_answer",
        };
        self.execute(&[drop]).await;
    }

    async fn all_is_delivered(&self) {
        until("every event is delivered", || async {
            self.count("SELECT COUNT(*) FROM events WHERE delivered_at IS NULL").await == 0
        })
        .await;
    }

    /// Every entry of the ledger sums to zero, each order has one event and one entry at most.
    async fn books_are_right(&self) {
        for (sql, what) in [
            (
                "SELECT COUNT(*) FROM (SELECT entry_id FROM ledger_postings GROUP BY entry_id HAVING SUM(amount) <> 0) AS x",
                "unbalanced entries",
            ),
            (
                "SELECT COUNT(*) FROM ledger_entries e WHERE NOT EXISTS (SELECT 1 FROM ledger_postings p WHERE p.entry_id = e.id)",
                "empty entries",
            ),
            (
                "SELECT COUNT(*) FROM (SELECT aggregate_id FROM events WHERE kind = 'order.paid' GROUP BY aggregate_id HAVING COUNT(*) > 1) AS x",
                "orders paid twice",
            ),
            (
                "SELECT COUNT(*) FROM orders o WHERE o.state = 'paid' AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.state = 'succeeded')",
                "orders paid by nothing",
            ),
        ] {
            assert_eq!(self.count(sql).await, 0, "{what} on {:?}", self.database);
        }
        let paid = self.count("SELECT COUNT(*) FROM orders WHERE state = 'paid'").await;
        let events = self.count("SELECT COUNT(*) FROM events WHERE kind = 'order.paid'").await;
        let entries = self.count("SELECT COUNT(*) FROM ledger_entries").await;
        assert_eq!((events, entries), (paid, paid), "on {:?}", self.database);
    }
}

/// Holds the order's row (the whole file on SQLite), so that the server waits before its commit.
async fn hold(scene: &Scene) -> Holder {
    Holder::of(scene.database, &scene.url, "SELECT id FROM orders FOR UPDATE").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_callback_and_commit() {
    for database in Database::all() {
        let scene = Scene::on(database).await;
        let server = scene.start(NO_WORKER);
        let reader = register(&server.client, "wei").await;
        let ordered = subscribe(&server.client, &reader, scene.plan, "k").await.expect(201);
        let message = success(&ordered.data()["order"], "t1");

        let holder = hold(&scene).await;
        let client = server.client.clone();
        let body = message.to_string().into_bytes();
        let request = client
            .request(reqwest::Method::POST, sharestack_tests::money::NOTIFY)
            .header("Content-Type", "application/json")
            .header("X-Sandbox-Signature", signature(&body));
        let callback = tokio::spawn(request.body(body).send());
        another_request_runs(&server.client).await;
        server.kill();
        assert!(callback.await.unwrap().is_err(), "the callback was not answered");
        holder.let_go().await;
        assert_eq!(scene.count("SELECT COUNT(*) FROM ledger_postings").await, 0, "{database:?}");

        // The channel sends it again until it is answered.
        let server = scene.start(SERVE);
        notify(&server.client, &message).await.expect(200);
        notify(&server.client, &message).await.expect(200);
        let subscription = format!("/api/v1/subscriptions/{}", ordered.data()["subscription"]["id"]);
        let reader = sign_in(&server.client, "wei").await;
        assert_eq!(server.client.get_as(&reader, &subscription).await.data()["status"], "active");
        scene.books_are_right().await;
        assert_eq!(scene.count("SELECT COUNT(*) FROM ledger_entries").await, 1);
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_commit_and_event() {
    for database in Database::all() {
        let scene = Scene::on(database).await;
        let server = scene.start(NO_WORKER);
        let reader = register(&server.client, "wei").await;
        let ordered = subscribe(&server.client, &reader, scene.plan, "k").await.expect(201);
        notify(&server.client, &success(&ordered.data()["order"], "t1")).await.expect(200);
        server.kill();
        let waiting = scene.count("SELECT COUNT(*) FROM events WHERE delivered_at IS NULL").await;
        assert!(waiting > 0, "{database:?}");
        let all = scene.count("SELECT COUNT(*) FROM events").await;

        let server = scene.start(SERVE);
        scene.all_is_delivered().await;
        assert_eq!(scene.count("SELECT COUNT(*) FROM events").await, all, "{database:?}");
        scene.books_are_right().await;
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_commit_and_answer() {
    for database in Database::all() {
        let scene = Scene::on(database).await;
        let server = scene.start(NO_WORKER);
        let reader = register(&server.client, "wei").await;
        let article = json!({ "title": "标题", "content": "正文" });
        let post =
            async |client: &Client, key| client.post_once(&scene.creator, "/api/v1/articles", key, &article).await;
        scene.refuse_answers().await;
        post(&server.client, "k").await.expect(201);
        let ordered = subscribe(&server.client, &reader, scene.plan, "k").await.expect(201);
        // The server is there, and holds the key still.
        let held = post(&server.client, "k").await.refused(409, "IDEMPOTENCY_CONFLICT");
        assert_eq!(held.body["error"]["details"]["state"], "running", "{database:?}");
        server.kill();
        scene.take_answers().await;
        scene.end_leases().await;

        let server = scene.start(NO_WORKER);
        for _ in 0..2 {
            let lost = post(&server.client, "k").await.refused(409, "IDEMPOTENCY_CONFLICT");
            assert_eq!(lost.body["error"]["details"]["state"], "done", "{database:?}");
            assert_eq!(lost.header("retry-after"), "");
        }
        assert_eq!(scene.count("SELECT COUNT(*) FROM articles").await, 1, "{database:?}");
        let other = json!({ "title": "别的", "content": "正文" });
        let other = server.client.post_once(&scene.creator, "/api/v1/articles", "k", &other).await;
        other.refused(422, "UNPROCESSABLE_ENTITY");
        post(&server.client, "k2").await.expect(201);
        // An order knows by its key how far it came: it is the same order, with a way to pay.
        let again = subscribe(&server.client, &reader, scene.plan, "k").await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "");
        for field in ["id", "order_no", "pay_data", "status"] {
            assert_eq!(again.data()["order"][field], ordered.data()["order"][field], "{field} on {database:?}");
        }
        assert_eq!(scene.count("SELECT COUNT(*) FROM orders").await, 1, "{database:?}");
        let replayed = subscribe(&server.client, &reader, scene.plan, "k").await.expect(201);
        assert_eq!(replayed.header("idempotency-replayed"), "true");
        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_commit_of_a_request_with_a_key() {
    for database in Database::all() {
        let scene = Scene::on(database).await;
        let server = scene.start(NO_WORKER);
        let reader = register(&server.client, "wei").await;
        let ordered = subscribe(&server.client, &reader, scene.plan, "k").await.expect(201);
        notify(&server.client, &success(&ordered.data()["order"], "t1")).await.expect(200);
        let path = format!("/api/v1/subscriptions/{}/renew", ordered.data()["subscription"]["id"]);
        server.client.post_once(&reader, &path, "r", &json!({ "channel": "sandbox" })).await.expect(201);
        let path = format!("/api/v1/subscriptions/{}/cancel", ordered.data()["subscription"]["id"]);

        let holder = hold(&scene).await;
        let (client, token, url) = (server.client.clone(), reader.clone(), path.clone());
        let request = client.request(reqwest::Method::POST, &url).bearer_auth(&token).header("Idempotency-Key", "c");
        let request = tokio::spawn(request.json(&json!({})).send());
        another_request_runs(&server.client).await;
        server.kill();
        assert!(request.await.unwrap().is_err(), "the request was not answered");
        holder.let_go().await;
        scene.end_leases().await;

        let canceled = "SELECT COUNT(*) FROM events WHERE kind = 'subscription.canceled_scheduled'";
        assert_eq!(scene.count(canceled).await, 0, "{database:?}");
        let server = scene.start(NO_WORKER);
        let done = server.client.post_once(&reader, &path, "c", &json!({})).await.expect(200);
        assert_eq!(done.header("idempotency-replayed"), "");
        let again = server.client.post_once(&reader, &path, "c", &json!({})).await.expect(200);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(scene.count(canceled).await, 1, "{database:?}");
        server.kill();
    }
}

/// One reader's purchase, from the order to the callback: the order as it was answered,
/// and whether the callback was.
async fn buy(client: Client, token: String, plan: i64, name: String) -> Option<(Value, bool)> {
    let body = json!({ "plan_id": plan, "channel": "sandbox", "scene": "web" });
    let request = client.request(reqwest::Method::POST, "/api/v1/subscriptions").bearer_auth(&token);
    let answer = request.header("Idempotency-Key", format!("key-{name}")).json(&body).send().await.ok()?;
    let order = answer.json::<Value>().await.ok()?["data"]["order"].clone();
    if !order["id"].is_i64() {
        return None;
    }
    let message = success(&order, &format!("t-{name}")).to_string().into_bytes();
    let request = client
        .request(reqwest::Method::POST, sharestack_tests::money::NOTIFY)
        .header("Content-Type", "application/json")
        .header("X-Sandbox-Signature", signature(&message));
    let told = request.body(message).send().await.is_ok_and(|answer| answer.status() == 200);
    Some((order, told))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_a_burst_of_writes() {
    const READERS: usize = 24;
    for database in Database::all() {
        let scene = Scene::on(database).await;
        let server = scene.start(SERVE);
        let mut tokens = Vec::new();
        for number in 0..READERS {
            tokens.push(register(&server.client, &format!("reader{number}")).await);
        }
        let burst: Vec<_> = tokens
            .iter()
            .enumerate()
            .map(|(number, token)| {
                tokio::spawn(buy(server.client.clone(), token.clone(), scene.plan, number.to_string()))
            })
            .collect();
        until("the burst is on its way", || async {
            scene.count("SELECT COUNT(*) FROM orders").await >= i64::try_from(READERS / 3).unwrap()
        })
        .await;
        server.kill();
        let answered: Vec<_> = join_all(burst).await.into_iter().filter_map(Result::unwrap).collect();

        // What was answered is stored: each order, and each payment that was taken.
        for (order, told) in &answered {
            let id = &order["id"];
            assert_eq!(scene.count(&format!("SELECT COUNT(*) FROM orders WHERE id = {id}")).await, 1, "{database:?}");
            let paid = format!("SELECT COUNT(*) FROM orders WHERE id = {id} AND state = 'paid'");
            assert!(!told || scene.count(&paid).await == 1, "order {id} on {database:?}");
        }
        scene.books_are_right().await;
        scene.end_leases().await;
        // Every client does all of it again with the same keys.
        let server = scene.start(SERVE);
        for _ in 0..2 {
            let again = tokens.iter().enumerate().map(|(number, token)| {
                let (client, token, plan) = (server.client.clone(), token.clone(), scene.plan);
                async move { buy(client, token, plan, number.to_string()).await }
            });
            join_all(again).await;
            scene.books_are_right().await;
        }
        let paid = scene.count("SELECT COUNT(*) FROM orders WHERE state = 'paid'").await;
        assert_eq!(paid, i64::try_from(READERS).unwrap(), "{database:?}");
        let keys = scene
            .count("SELECT COUNT(*) FROM (SELECT buyer_id FROM orders GROUP BY buyer_id HAVING COUNT(*) > 1) AS x");
        assert_eq!(keys.await, 0, "a doubled order on {database:?}");
        scene.all_is_delivered().await;
        scene.books_are_right().await;
        server.kill();
    }
}

/// An event that a subscriber cannot handle waits longer each time, is told to operators,
/// and holds up nobody else.
#[tokio::test]
async fn an_event_that_cannot_be_handled_is_told_and_holds_up_no_other() {
    let app = Harness::embedded().await;
    let store = app.store().await;
    let broken = |id: &str| {
        format!(
            "INSERT INTO events (id, kind, aggregate, aggregate_id, occurred_at, payload, available_at) \
             VALUES (X'{id}', 'user.session_revoked', 'user', 'nobody', '2026-01-15 10:30:00.000000+00:00', '{{}}', \
             '2026-01-15 10:30:00.000000+00:00')"
        )
    };
    store.execute_raw(&broken("0190A0B0C0D070008000000000000001")).await.unwrap();
    store.execute_raw(&broken("0190A0B0C0D070008000000000000002")).await.unwrap();
    let reader = app.account("reader").await;
    app.post_as(&reader.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
    let waiting = "SELECT COUNT(*) FROM events WHERE delivered_at IS NULL";
    until("all others are delivered", || async { app.count(waiting).await == 2 }).await;
    until("it was tried again", || async {
        app.count("SELECT COUNT(*) FROM events WHERE attempts >= 2 AND last_error LIKE 'users.forget_sessions: %'")
            .await
            == 1
    })
    .await;
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE attempts > 0").await, 1, "the one behind it waits");
    assert!(app.get("/metrics").await.text.contains("events_failed_total{subscriber=\"users.forget_sessions\"}"));
    store.execute_raw("UPDATE events SET attempts = 5 WHERE attempts > 0").await.unwrap();
    let health = app.get("/health").await.expect(200);
    assert_eq!(health.data()["system_status"]["queue"], "degraded");
    assert!(app.get("/metrics").await.text.lines().any(|line| line == "outbox_stuck 1"));
    store.close().await;
    app.stop().await;
}
