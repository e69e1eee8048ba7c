//! What people may ask of their own data: a copy of it, and its end.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Account, Answer, Database, Harness, Options, outbox, until};

const EXPORT: &str = "/api/v1/users/me/export";
const ME: &str = "/api/v1/users/me";
const DELETION: &str = "/api/v1/users/me/deletion";

/// Asks for a copy and waits until it is made.
pub async fn export(app: &Harness, account: &Account) -> Value {
    let asked = app.post_as(&account.token, EXPORT, &json!({ "format": "zip" })).await.expect(202);
    assert_eq!(asked.data()["status"], "pending");
    let path = asked.header("location");
    let find = async || app.get_as(&account.token, path).await.expect(200).data().clone();
    until("the copy is made", async || find().await["status"] == "ready").await;
    find().await
}

/// The JSON documents of an archive, by their names.
pub fn documents(archive: &[u8]) -> BTreeMap<String, Value> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        if let Some(name) = name.strip_prefix("data/") {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            found.insert(name.to_owned(), serde_json::from_str(&text).unwrap());
        }
    }
    found
}

async fn a_copy_holds_everything_of_one_person(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let (lin, wei) = (app.account("lin").await, app.account("wei").await);
    let article = json!({ "title": "长期投资", "content": "正文 of lin", "tags": ["投资"] });
    app.post_as(&lin.token, "/api/v1/articles", &article).await.refused(403, "PERMISSION_DENIED");
    let admin = app.admin().await;
    let roles = json!({ "roles": ["user", "creator"] });
    app.put_as(&admin.token, &format!("/api/v1/users/{}/roles", lin.id), &roles).await.expect(200);
    let lin = app.login("lin").await;
    app.post_as(&lin.token, "/api/v1/articles", &article).await.expect(201);
    let ready = export(&app, &lin).await;
    // The whole address, which a browser opens without a token.
    let url = ready["download_url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("{}{EXPORT}/{}/download?ticket=", app.base, ready["id"].as_str().unwrap())),
        "{url}"
    );
    let archive = app.request(Method::GET, url).send().await.unwrap();
    assert_eq!(archive.status(), 200);
    assert_eq!(archive.headers()["content-type"], "application/zip");
    assert_eq!(archive.headers()["cache-control"], "private, no-store");
    let bytes = archive.bytes().await.unwrap();
    assert_eq!(ready["size"], bytes.len());
    let documents = documents(&bytes);
    assert_eq!(documents["account.json"][0]["username"], "lin");
    assert_eq!(documents["account.json"][0]["email"], "lin@example.com");
    assert_eq!(documents["articles.json"][0]["title"], "长期投资");
    assert_eq!(documents["article_texts.json"][0]["source"], "正文 of lin");
    assert!(documents["sessions.json"].as_array().unwrap().len() >= 2);
    assert_eq!(documents["orders.json"], json!([]));
    let all = serde_json::to_string(&documents).unwrap();
    for secret in ["argon2", "password_hash", "token_hash", "wei@example.com"] {
        assert!(!all.contains(secret), "{secret}");
    }
    // Another person neither sees it nor opens it with a ticket of their own making.
    let path = format!("{EXPORT}/{}", ready["id"].as_str().unwrap());
    app.get_as(&wei.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    for ticket in ["", "x", &url[url.len() - 20..]] {
        app.get(&format!("{path}/download?ticket={ticket}")).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    // One a day.
    let again = app.post_as(&lin.token, EXPORT, &json!({})).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert!(again.header("retry-after").parse::<u64>().unwrap() > 80_000);
    assert_eq!(app.count("SELECT COUNT(*) FROM privacy_exports").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_copy_holds_everything_of_one_person_on_every_database() {
    for database in Database::all() {
        a_copy_holds_everything_of_one_person(database).await;
    }
}

#[tokio::test]
async fn a_copy_lies_at_the_address_that_people_know() {
    let public = "https://api.example.org";
    let app = Harness::start(Options::usual().with("SHARESTACK__SERVER__PUBLIC_URL", format!("{public}/"))).await;
    let lin = app.account("lin").await;
    let ready = export(&app, &lin).await;
    let path = ready["download_url"].as_str().unwrap().strip_prefix(public).unwrap();
    let archive = app.request(Method::GET, path).send().await.unwrap();
    assert_eq!(
        (archive.status().as_u16(), &archive.headers()["content-type"]),
        (200, &"application/zip".parse().unwrap())
    );
    assert_eq!(documents(&archive.bytes().await.unwrap())["account.json"][0]["username"], "lin");
    app.stop().await;
}

#[tokio::test]
async fn bad_requests_for_a_copy_get_the_contracts_answers() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    app.post(EXPORT, &json!({})).await.refused(401, "AUTHENTICATION_REQUIRED");
    let refused = app.post_as(&lin.token, EXPORT, &json!({ "format": "tar" })).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("format".to_owned(), "NOT_ALLOWED".to_owned())]);
    app.post_as(&lin.token, EXPORT, &json!({ "format": 7 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    for id in ["1", "not-a-uuid", "019a8f3c-7b1e-7c40-9d6e-0f1a2b3c4d5e", "../../etc/passwd", "%00"] {
        app.get_as(&lin.token, &format!("{EXPORT}/{id}")).await.expect(404);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM privacy_exports").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn two_requests_at_once_make_one_copy() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let body = json!({});
    let asked = futures::future::join_all((0..8).map(|_| app.post_as(&lin.token, EXPORT, &body))).await;
    let mut statuses: Vec<_> = asked.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 429, 429, 429, 429, 429, 429, 429]);
    assert_eq!(app.count("SELECT COUNT(*) FROM privacy_exports").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn who_wants_to_go_may_think_better_of_it() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    app.get_as(&lin.token, DELETION).await.refused(404, "RESOURCE_NOT_FOUND");
    let leave = |body: Value| app.send(app.request(Method::DELETE, ME).bearer_auth(&lin.token).json(&body));
    let refused = leave(json!({ "password": "not mine" })).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("password".to_owned(), "MISMATCH".to_owned())]);
    let refused = leave(json!({ "reason": "x".repeat(501) })).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(
        refused.fields(),
        [("password".to_owned(), "REQUIRED".to_owned()), ("reason".to_owned(), "TOO_LONG".to_owned())]
    );
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 0);
    let first = leave(json!({ "password": PASSWORD, "reason": " I moved on " })).await.expect(202);
    assert_eq!(first.data()["reason"], "I moved on");
    // Said again, the first time counts.
    let second = leave(json!({ "password": PASSWORD })).await.expect(202);
    assert_eq!(second.data(), first.data());
    assert_eq!(app.get_as(&lin.token, DELETION).await.expect(200).data(), first.data());
    // Whoever sat there: the owner of the account is told, once, and until when.
    let told = outbox::to(&app, "lin@example.com").await;
    let [told] = &told[..] else { panic!("{told:?}") };
    assert_eq!(told["subject"], "Your ShareStack account will be deleted");
    let due = first.data()["due_at"].as_str().unwrap();
    let due = format!("{} {} UTC", &due[..10], &due[11..16]);
    assert!(["text", "html"].iter().all(|part| told[part].as_str().unwrap().contains(&due)), "{due}: {told}");
    // Until then nothing changes.
    app.get_as(&lin.token, ME).await.expect(200);
    app.delete_as(&lin.token, DELETION).await.expect(204);
    app.delete_as(&lin.token, DELETION).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 0);
    app.stop().await;
}

/// Goes at once: without time for second thoughts, and without time in which a deleted
/// account keeps its owner's data.
pub fn at_once(database: Database) -> Options {
    Options::on(database)
        .with("SHARESTACK__PRIVACY__COOLING_OFF_DAYS", "0")
        .with("SHARESTACK__ACCOUNTS__PURGE_AFTER_DAYS", "0")
}

async fn who_goes_leaves_nothing_that_says_who_it_was(database: Database) {
    let app = Harness::start(at_once(database)).await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "creator").await;
    let wei = app.account("wei").await;
    let article = json!({ "title": "长期投资", "content": "正文", "tags": ["投资"] });
    let id = app.post_as(&lin.token, "/api/v1/articles", &article).await.expect(201).data()["id"].clone();
    app.post_as(&lin.token, &format!("/api/v1/articles/{id}/publish"), &json!({})).await.expect(200);
    let leave = app.request(Method::DELETE, ME).bearer_auth(&lin.token);
    app.send(leave.json(&json!({ "password": PASSWORD }))).await.expect(202);
    let erased = "SELECT COUNT(*) FROM users WHERE email_key = 'lin@example.com'";
    until("the account is erased", async || app.count(erased).await == 0).await;
    until("the articles are gone", async || app.count("SELECT COUNT(*) FROM articles").await == 0).await;
    app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
    app.get(&format!("/api/v1/articles/{id}")).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM sessions WHERE user_id = {}", lin.id)).await, 0);
    // The row stays for those who refer to it, and says nothing.
    let row = format!("SELECT COUNT(*) FROM users WHERE id = {} AND deleted_at IS NOT NULL AND phone IS NULL", lin.id);
    assert_eq!(app.count(&row).await, 1);
    // Others are as they were, and the name is free again.
    app.get_as(&wei.token, ME).await.expect(200);
    app.account("lin").await;
    app.stop().await;
}

#[tokio::test]
async fn who_goes_leaves_nothing_that_says_who_it_was_on_every_database() {
    for database in Database::all() {
        who_goes_leaves_nothing_that_says_who_it_was(database).await;
    }
}

#[tokio::test]
async fn the_last_super_admin_does_not_go() {
    let app = Harness::start(at_once(Database::usual())).await;
    let admin = app.admin().await;
    let leave = app.request(Method::DELETE, ME).bearer_auth(&admin.token);
    app.send(leave.json(&json!({ "password": PASSWORD }))).await.refused(409, "RESOURCE_CONFLICT");
    app.get_as(&admin.token, ME).await.expect(200);
    app.stop().await;
}

/// Where somebody sits, and what they sit at.
#[derive(Clone, Copy)]
struct Desk {
    ip: &'static str,
    agent: &'static str,
}

const HOME: Desk = Desk { ip: "203.0.113.77", agent: "Quizzical-Browser/7" };
const OFFICE: Desk = Desk { ip: "198.51.100.9", agent: "Staff-Browser/9" };

async fn at(desk: Desk, app: &Harness, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let mut request = app.request(method, path).header("x-forwarded-for", desk.ip).header("user-agent", desk.agent);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    app.send(request.json(body)).await
}

/// Every column that holds text, or may: tables, columns, and how each is read as text.
async fn text_columns(app: &Harness, database: Database) -> Vec<(String, String, String)> {
    let sql = match database {
        Database::Sqlite => {
            "SELECT m.name || '.' || p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
        Database::Postgres => {
            "SELECT (table_name || '.' || column_name)::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND data_type NOT IN ('bytea', 'boolean', 'bigint', 'integer')"
        }
        Database::MariaDb => {
            "SELECT CAST(CONCAT(table_name, '.', column_name) AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND data_type IN ('char', 'varchar', 'text', 'mediumtext', 'longtext')"
        }
    };
    let store = app.store().await;
    let names = store.texts_raw(sql).await.unwrap();
    store.close().await;
    let quoted = |name: &str| if database == Database::MariaDb { format!("`{name}`") } else { format!("\"{name}\"") };
    let text = if database == Database::MariaDb { "CHAR" } else { "TEXT" };
    let column = |name: String| {
        let (table, column) = name.split_once('.').unwrap();
        let read = format!("LOWER(CAST({} AS {text}))", quoted(column));
        (quoted(table), name.clone(), read)
    };
    names.into_iter().map(column).collect()
}

async fn where_is(app: &Harness, columns: &[(String, String, String)], traces: &[&str]) -> Vec<String> {
    let (store, mut found) = (app.store().await, Vec::new());
    for (table, name, read) in columns {
        let like: Vec<_> = traces.iter().map(|trace| format!("{read} LIKE '%{}%'", trace.to_lowercase())).collect();
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {}", like.join(" OR "));
        if store.number_raw(&sql).await.unwrap() > 0 {
            found.push(name.clone());
        }
    }
    store.close().await;
    found
}

async fn who_is_forgotten_is_named_nowhere(database: Database) {
    let options = at_once(database).with("TRUSTED_PROXIES", "127.0.0.1");
    let app = Harness::start(options.with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
    let admin = app.admin().await;
    let body = json!({
        "username": "quizzical", "email": "quizzical@example.com", "password": PASSWORD, "full_name": "Quizzical Person",
    });
    at(HOME, &app, "", Method::POST, "/api/v1/auth/register", &body).await.expect(201);
    let wrong = json!({ "username": "quizzical", "password": "not the one" });
    at(HOME, &app, "", Method::POST, "/api/v1/auth/login", &wrong).await.expect(401);
    let login = json!({ "username": "quizzical", "password": PASSWORD });
    let sign_in = async || {
        let done = at(HOME, &app, "", Method::POST, "/api/v1/auth/login", &login).await.expect(200);
        (done.data()["access_token"].as_str().unwrap().to_owned(), done.data()["user"]["id"].as_i64().unwrap())
    };
    let (_, id) = sign_in().await;
    let roles = json!({ "roles": ["user", "creator"] });
    at(OFFICE, &app, &admin.token, Method::PUT, &format!("/api/v1/users/{id}/roles"), &roles).await.expect(200);
    let (token, _) = sign_in().await;
    let act = async |method: Method, path: &str, body: Value, status: u16| {
        at(HOME, &app, &token, method, path, &body).await.expect(status)
    };
    act(Method::PUT, ME, json!({ "bio": "quizzical by nature", "phone": "+8613800138000" }), 200).await;
    let key = json!({ "name": "quizzical importer", "scopes": ["own.read"] });
    act(Method::POST, "/api/v1/auth/api-keys", key, 201).await;
    act(Method::POST, "/api/v1/auth/reauthenticate", json!({ "password": "not the one" }), 400).await;
    let send = json!({ "email": "quizzical@example.com", "purpose": "register" });
    act(Method::POST, "/api/v1/verification/send", send, 200).await;
    let wrong = json!({ "code": "000000" });
    at(HOME, &app, &token, Method::POST, "/api/v1/auth/email/verify", &wrong).await;
    let article = json!({ "title": "慢慢写", "content": "正文" });
    act(Method::POST, "/api/v1/articles", article, 201).await;
    let (wei, path) = (app.account("wei").await, format!("/api/v1/users/{id}"));
    act(Method::POST, &format!("/api/v1/users/{}/follow", wei.id), json!({}), 200).await;
    at(OFFICE, &app, &admin.token, Method::PUT, &path, &json!({ "display_name": "Quizzical One" })).await.expect(200);
    let columns = text_columns(&app, database).await;
    let traces = ["quizzical", HOME.ip];
    assert!(!where_is(&app, &columns, &traces).await.is_empty(), "{columns:?}");

    act(Method::DELETE, ME, json!({ "password": PASSWORD, "reason": "quizzical no more" }), 202).await;
    let erased = "SELECT COUNT(*) FROM audit_entries WHERE action = 'user.erased'";
    until("the account is erased, and that is noted", async || app.count(erased).await == 1).await;
    let left = where_is(&app, &columns, &traces).await;
    assert!(left.is_empty(), "{left:?}");
    // What happened is still known, and what staff did, from where.
    let acts = format!("SELECT COUNT(*) FROM audit_entries WHERE target_type = 'user' AND target_id = '{id}'");
    assert!(app.count(&acts).await >= 6);
    let changed = format!("{acts} AND action = 'user.roles_changed' AND details LIKE '%creator%'");
    assert!(app.count(&changed).await >= 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_is_named_nowhere_in_any_database() {
    for database in Database::all() {
        who_is_forgotten_is_named_nowhere(database).await;
    }
}

#[tokio::test]
async fn a_copy_shows_where_its_owner_was_and_not_where_staff_is() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database).with("TRUSTED_PROXIES", "127.0.0.1")).await;
        let admin = app.admin().await;
        app.account("lin").await;
        let login = json!({ "username": "lin", "password": PASSWORD });
        let done = at(HOME, &app, "", Method::POST, "/api/v1/auth/login", &login).await.expect(200);
        let token = done.data()["access_token"].as_str().unwrap().to_owned();
        let lin = Account { token, ..app.login("lin").await };
        let path = format!("/api/v1/users/{}", lin.id);
        let named = json!({ "display_name": "Lin" });
        at(OFFICE, &app, &admin.token, Method::PUT, &path, &named).await.expect(200);
        let noted = "SELECT COUNT(*) FROM audit_entries WHERE action = 'user.updated'";
        until("the act of staff is noted", async || app.count(noted).await == 1).await;
        let ready = export(&app, &lin).await;
        let archive = app.request(Method::GET, ready["download_url"].as_str().unwrap()).send().await.unwrap();
        let documents = documents(&archive.bytes().await.unwrap());
        let all = serde_json::to_string(&documents).unwrap();
        assert!(!all.contains(OFFICE.ip) && !all.contains(OFFICE.agent), "{all}");
        let log = documents["security_log.json"].as_array().unwrap();
        let of = |action: &str| log.iter().filter(|entry| entry["action"] == action).collect::<Vec<_>>();
        assert_eq!(of("user.updated").len(), 1, "that it was done is told");
        assert!(of("user.login").iter().any(|entry| entry["ip"] == HOME.ip && entry["user_agent"] == HOME.agent));
        assert!(documents["activity.json"].to_string().contains(HOME.ip));
        app.stop().await;
    }
}

#[tokio::test]
async fn who_has_no_password_goes_by_a_login_of_a_while_ago() {
    let app = Harness::usual().await;
    let (lin, wei) = (app.account("lin").await, app.account("wei").await);
    let store = app.store().await;
    store.execute_raw("UPDATE users SET password_hash = '!' WHERE username = 'lin'").await.unwrap();
    store.close().await;
    let leave = |who: &Account| app.send(app.request(Method::DELETE, ME).bearer_auth(&who.token).json(&json!({})));
    leave(&lin).await.expect(202);
    let refused = leave(&wei).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("password".to_owned(), "REQUIRED".to_owned())]);
    app.delete_as(&lin.token, DELETION).await.expect(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 0);
    app.stop().await;
}
