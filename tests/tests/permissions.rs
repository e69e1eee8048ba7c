//! Who may call what: every route of the document, by nobody, by each built-in role, and
//! by who owns the thing. `permissions.txt` says who may; a route without a row fails.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_media::sample::Sample;
use sharestack_tests::files::plant_in;
use sharestack_tests::money::{monthly_plan, notify, paid_article, subscribe, success};
use sharestack_tests::passkey::Device;
use sharestack_tests::uploading::{TUS, begin};
use sharestack_tests::{Account, Answer, Harness, photos};
use sharestack_users::model::{ExternalIdentity, IdentityId, ProviderName, ProviderProfile, Subject};
use sharestack_users::ports::UsersTx;
use uuid::Uuid;

const TABLE: &str = include_str!("permissions.txt");
const ROLES: [&str; 6] = ["user", "creator", "finance", "editor", "admin", "super_admin"];

/// Who may call a route.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    /// Everybody.
    Public,
    /// Everybody; what is brought decides: a password, a token, a signature.
    Door,
    /// Who is signed in.
    Signed,
    /// Who holds one of these roles.
    Roles(BTreeSet<String>),
    /// Who owns the thing, and who holds one of these roles.
    Owner(BTreeSet<String>),
}

/// One row: who may, and with which body they ask; without one, the document's example.
struct Row {
    access: Access,
    /// Whether it is for people in a session alone, and not for programs with a key.
    session: bool,
    /// Whether that session must have proved a short while ago who sits there.
    recent: bool,
    body: Option<Value>,
}

fn row(line: &str) -> (String, Row) {
    let mut parts = line.splitn(3, " | ");
    let (name, access, body) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    let mut words = access.split_whitespace();
    let kind = words.next().unwrap();
    let mut roles: BTreeSet<String> = words.map(str::to_owned).collect();
    let recent = roles.remove("recent");
    let session = roles.remove("session") || recent;
    assert!(roles.iter().all(|role| ROLES.contains(&role.as_str())), "{line}");
    let access = match kind {
        "public" => Access::Public,
        "door" => Access::Door,
        "signed" => Access::Signed,
        "roles" => Access::Roles(roles),
        "owner" => Access::Owner(roles),
        _ => panic!("{line}"),
    };
    (name.to_owned(), Row { access, session, recent, body: body.map(|text| serde_json::from_str(text).unwrap()) })
}

fn table() -> BTreeMap<String, Row> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect()
}

/// A route of the document, with the example of its body.
struct Operation {
    method: Method,
    path: String,
    example: Option<Value>,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The example of a request's body, in itself or in its schema.
fn example(operation: &Value, document: &Value) -> Option<Value> {
    let content = &operation["requestBody"]["content"]["application/json"];
    let mut schema = &content["schema"];
    let shown = |schema: &Value| {
        [&schema["example"], &schema["examples"][0]].into_iter().find(|value| !value.is_null()).cloned()
    };
    if !content["example"].is_null() {
        return Some(content["example"].clone());
    }
    for _ in 0..4 {
        if let Some(found) = shown(schema) {
            return Some(found);
        }
        let parts = schema["oneOf"].as_array().or_else(|| schema["allOf"].as_array());
        let reference = |schema: &Value| schema["$ref"].as_str().map(str::to_owned);
        let next = reference(schema).or_else(|| parts?.iter().find_map(reference))?;
        schema = document.pointer(next.trim_start_matches('#'))?;
    }
    None
}

async fn operations(app: &Harness) -> Vec<Operation> {
    let document = app.get("/openapi.json").await.expect(200).body;
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, value) in item.as_object().unwrap() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && value["responses"].is_object()
            {
                all.push(Operation { method, path: path.clone(), example: example(value, &document) });
            }
        }
    }
    all
}

/// Somebody who owns one of everything, made anew for each route that asks about one.
struct Owner {
    account: Account,
    things: BTreeMap<&'static str, String>,
}

async fn owner(app: &Harness, admin: &Account, number: usize, operation: &Operation) -> Owner {
    let name = format!("owner{number}");
    let account = app.with_role(admin, &name, "creator").await;
    let mut things = BTreeMap::from([("user_id", account.id.to_string()), ("username", name.clone())]);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let path = operation.path.as_str();
    if path.contains("session") {
        let sessions = app.get_as(&account.token, "/api/v1/auth/sessions").await.expect(200);
        things.insert("session_id", text(&sessions.data()[0]["id"]));
    }
    if path.contains("/roles/{") {
        let role = json!({ "name": format!("role_{number}"), "permissions": ["article.read"] });
        let role = app.post_as(&admin.token, "/api/v1/roles", &role).await.expect(201);
        things.insert("role_id", role.data()["id"].to_string());
    }
    if path.contains("/passkeys/{") {
        let mut laptop = Device::on(&app.base.replace("127.0.0.1", "localhost"));
        let options =
            app.post_as(&account.token, "/api/v1/auth/passkeys/register/options", &json!({})).await.expect(200);
        let made = json!({ "credential": laptop.create(options.data()) });
        let made = app.post_as(&account.token, "/api/v1/auth/passkeys/register", &made).await.expect(201);
        things.insert("id", text(&made.data()["id"]));
    } else if path.contains("/identities/{") {
        things.insert("id", link(app, &account, number).await);
    } else if path.contains("/export/{") {
        let begun = app.post_as(&account.token, "/api/v1/users/me/export", &json!({})).await.expect(202);
        things.insert("id", text(&begun.data()["id"]));
    }
    if path.contains("/photos/reorder") || path.contains("/share-links/{") {
        let file = photos::file(app, &account, "a.jpg", |_| {}).await;
        let photo = json!({ "title": "夜", "file_id": file });
        let photo = app.post_as(&account.token, "/api/v1/photos", &photo).await.expect(201).data()["id"].clone();
        let link = json!({ "photo_ids": [photo] });
        let link = app.post_as(&account.token, "/api/v1/photos/share-links", &link).await.expect(201);
        things.insert("link_id", text(&link.data()["id"]));
        things.insert("id", photo.to_string());
    }
    if path.contains("/articles/{") {
        let draft = json!({ "title": "慢慢写", "content": "一" });
        let draft = app.post_as(&account.token, "/api/v1/articles", &draft).await.expect(201);
        things.insert("id", draft.data()["id"].to_string());
    } else if path.contains("/photos/{") {
        let file = photos::file(app, &account, "a.jpg", |_| {}).await;
        let draft = json!({ "title": "夜", "file_id": file });
        let draft = app.post_as(&account.token, "/api/v1/photos", &draft).await.expect(201);
        things.insert("id", draft.data()["id"].to_string());
    } else if path.contains("/api-keys/{") {
        let key = json!({ "name": "one", "scopes": ["article.read"] });
        let key = app.post_as(&account.token, "/api/v1/auth/api-keys", &key).await.expect(201);
        things.insert("id", text(&key.data()["id"]));
    } else if path.contains("/subscriptions/plans/{") {
        things.insert("id", monthly_plan(app, &account.token).await.to_string());
    } else if path.contains("/subscriptions/{") || path.contains("/orders/{") {
        let seller = app.with_role(admin, &format!("seller{number}"), "creator").await;
        paid_article(app, &seller.token).await;
        let plan = monthly_plan(app, &seller.token).await;
        let sold = subscribe(app, &account.token, plan, "one").await.expect(201);
        things.insert("order_id", sold.data()["order"]["id"].to_string());
        things.insert("id", sold.data()["subscription"]["id"].to_string());
        if path.contains("/subscriptions/{") {
            notify(app, &success(&sold.data()["order"], &format!("txn-{number}"))).await.expect(200);
        }
    }
    if path.contains("/{file_id}") {
        let picture = Sample::corners(60, 40).jpeg();
        things.insert("file_id", plant_in(app, account.id, "DSC_0001.jpg", picture).await);
    }
    if path.contains("/chunked/{upload_id}") {
        let begun = begin(app, &account.token, 100_000, 65_536).await;
        things.insert("upload_id", text(&begun["upload_id"]));
        things.insert("n", "0".to_owned());
    } else if path.contains("/tus/{upload_id}") {
        let request = app.request(Method::POST, TUS).bearer_auth(&account.token).header("upload-length", "5000");
        let begun = app.send(request.header("tus-resumable", "1.0.0")).await.expect(201);
        things.insert("upload_id", begun.header("location").rsplit('/').next().unwrap().to_owned());
    }
    Owner { account, things }
}

/// An account elsewhere that somebody signs in by; its id.
async fn link(app: &Harness, account: &Account, number: usize) -> String {
    let number = u128::try_from(number).unwrap();
    let profile = ProviderProfile::of(Subject::parse(&format!("subject-{number}")).unwrap());
    let (id, provider) = (Uuid::from_u128(number << 64 | 7), ProviderName::parse("google").unwrap());
    let linked =
        ExternalIdentity::link(IdentityId::new(id), UserId::new(account.id), provider, &profile, SystemClock.now());
    let store: Arc<dyn Begin<dyn UsersTx>> = Arc::new(app.app().store.clone());
    let done: Result<bool, StoreError> = transact!(store, |tx| { Ok(tx.identities().insert(&linked).await.is_ok()) });
    assert!(done.unwrap());
    id.to_string()
}

/// A body with the id of what the owner has in place of `"{id}"`.
fn about(body: &Value, things: &BTreeMap<&str, String>) -> Value {
    let id = things.get("id").map_or("999999", String::as_str);
    serde_json::from_str(&body.to_string().replace("\"{id}\"", id)).unwrap()
}

/// Somebody whose session was opened long ago; its token.
async fn old_session(app: &Harness, name: &str) -> String {
    let account = app.account(name).await;
    let store = app.store().await;
    let aged = "UPDATE sessions SET created_at = '2020-01-01 00:00:00', proved_at = NULL WHERE user_id =";
    store.execute_raw(&format!("{aged} {}", account.id)).await.unwrap();
    store.close().await;
    account.token
}

/// What is wrong with what an old session was told.
fn problem_of_old(row: &Row, answer: &Answer) -> Option<String> {
    let missing = answer.body["error"]["details"]["required_permission"].as_str().unwrap_or_default();
    let refused = answer.status == 403 && missing == "recent_login";
    (refused != row.recent).then(|| format!("an old session got {} {missing}", answer.status))
}

/// The path with what the owner has.
fn filled(path: &str, things: &BTreeMap<&str, String>) -> String {
    let mut parts = path.split('{');
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        filled.push_str(things.get(name).map_or("999999", String::as_str));
        filled.push_str(rest);
    }
    filled
}

/// A call to a route that may be repeated under `key`.
fn asked(app: &Harness, operation: &Operation, path: &str, body: Option<&Value>, key: &str) -> RequestBuilder {
    let mut request = app.request(operation.method.clone(), path);
    if operation.method == Method::POST {
        request = request.header("idempotency-key", key);
    }
    if path.starts_with(TUS) {
        request = request.header("tus-resumable", "1.0.0");
    }
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

/// Whether a route adds or removes a way into one's own account, or shows or ends who is in.
fn is_about_ways_in(operation: &Operation) -> bool {
    let path = operation.path.as_str();
    let changes = ["passkeys", "mfa", "identities", "email", "phone", "change-password", "reauthenticate"];
    let named = |part: &str| path.split('/').any(|one| one == part);
    let ends_account = path == "/api/v1/users/me" && operation.method == Method::DELETE;
    ends_account
        || named("api-keys")
        || (named("sessions") && !path.starts_with("/api/v1/uploads"))
        || (path.starts_with("/api/v1/auth/") && operation.method != Method::GET && changes.into_iter().any(named))
}

/// What is wrong with what a key was told.
fn problem_of_key(row: &Row, operation: &Operation, answer: &Answer) -> Option<String> {
    // Here nobody is asked who they are: what they bring opens the session.
    let door = operation.path.ends_with("/login") || operation.path.contains("/login/") || row.access == Access::Door;
    if is_about_ways_in(operation) && !row.session && !door {
        return Some("is about a way in, and no session is asked for".to_owned());
    }
    let missing = answer.body["error"]["details"]["required_permission"].as_str().unwrap_or_default();
    let refused = answer.status == 403 && ["session", "recent_login"].contains(&missing);
    (refused != row.session).then(|| format!("a key got {} {missing}", answer.status))
}

async fn call(app: &Harness, operation: &Operation, path: &str, body: Option<&Value>, token: Option<&str>) -> u16 {
    let request = asked(app, operation, path, body, "once");
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    app.send(request).await.status
}

/// What is wrong with a status that somebody got.
fn problem(access: &Access, who: &str, status: u16) -> Option<String> {
    let passed = ![401, 403].contains(&status);
    let right = match (access, who) {
        (Access::Public, _) => passed,
        (Access::Door, _) => status != 403,
        (_, "nobody") => status == 401,
        (Access::Signed, _) => passed,
        (Access::Owner(_), "owner") => passed && status != 404,
        (_, "owner") => true,
        (Access::Roles(roles), role) => {
            if roles.contains(role) {
                passed
            } else {
                status == 403
            }
        }
        (Access::Owner(roles), role) => {
            if roles.contains(role) {
                passed
            } else {
                [403, 404].contains(&status)
            }
        }
    };
    (!right).then(|| format!("{who} got {status}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_who_may_and_nobody_else() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let key = json!({ "name": "everything", "scopes": ["*"] });
    let key = app.post_as(&admin.token, "/api/v1/auth/api-keys", &key).await.expect(201);
    let key = key.data()["secret"].as_str().unwrap().to_owned();
    let table = table();
    let mut problems = Vec::new();
    let operations = operations(&app).await;
    let known: BTreeSet<_> = operations.iter().map(Operation::name).collect();
    problems.extend(table.keys().filter(|name| !known.contains(*name)).map(|name| format!("{name}: no such route")));
    for (number, operation) in operations.iter().enumerate() {
        let Some(row) = table.get(&operation.name()) else {
            problems.push(format!("{}: has no row in permissions.txt", operation.name()));
            continue;
        };
        let owner = owner(&app, &admin, number, operation).await;
        let path = filled(&operation.path, &owner.things);
        let body = row.body.as_ref().or(operation.example.as_ref()).map(|body| about(body, &owner.things));
        let body = body.as_ref();
        let mut note = |who: &str, status: u16| {
            problems.extend(problem(&row.access, who, status).map(|text| format!("{}: {text}", operation.name())));
        };
        note("nobody", call(&app, operation, &path, body, None).await);
        // The lowest first: what is refused changes nothing, what is done may end the thing.
        for role in ROLES {
            // Who may touch what another owns comes after the owner.
            if matches!(&row.access, Access::Owner(roles) if roles.contains(role)) {
                continue;
            }
            let name = format!("{role}_{number}");
            let caller =
                if role == "user" { app.account(&name).await } else { app.with_role(&admin, &name, role).await };
            note(role, call(&app, operation, &path, body, Some(&caller.token)).await);
        }
        note("owner", call(&app, operation, &path, body, Some(&owner.account.token)).await);
        if let Access::Owner(roles) = &row.access {
            for role in roles {
                let caller = app.with_role(&admin, &format!("{role}_{number}"), role).await;
                note(role, call(&app, operation, &path, body, Some(&caller.token)).await);
            }
        }
        if row.session {
            let token = old_session(&app, &format!("old_{number}")).await;
            let answer = app.send(asked(&app, operation, &path, body, "old").bearer_auth(token)).await;
            problems.extend(problem_of_old(row, &answer).map(|text| format!("{}: {text}", operation.name())));
        }
        // Last: it may do what all others may.
        let once = operation.name().replace([' ', '/', '{', '}'], "-");
        let answer = app.send(asked(&app, operation, &path, body, &once).header("x-api-key", &key)).await;
        problems.extend(problem_of_key(row, operation, &answer).map(|text| format!("{}: {text}", operation.name())));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    app.stop().await;
}
