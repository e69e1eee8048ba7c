//! Who may call what: every route of the document, by nobody, by each built-in role, and
//! by who owns the thing. `permissions.txt` says who may; a route without a row fails.

mod rows;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sharestack_tests::brought::brought;
use sharestack_tests::money::{NOTIFY, signature};
use sharestack_tests::operation::{Operation, Things, fill, operations};
use sharestack_tests::owned::{Owner, owner, picture};
use sharestack_tests::uploading::{FORM, TUS, form};
use sharestack_tests::{Account, Answer, Harness};

use self::rows::{Access, ROLES, Row, TABLE, table};

/// A body about what the owner has: `{name}` is a thing of theirs, a number or an object where
/// it is one.
fn about(body: &Value, things: &Things) -> Value {
    let mut text = body.to_string();
    for (name, thing) in things {
        let place = format!("{{{name}}}");
        if !["code", "phone"].contains(name) && (thing.parse::<i64>().is_ok() || thing.starts_with('{')) {
            text = text.replace(&format!("\"{place}\""), thing);
        }
        text = text.replace(&place, thing);
    }
    serde_json::from_str(&text).unwrap()
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

/// A call to a route that may be repeated under `key`.
fn asked(
    app: &Harness,
    operation: &Operation,
    row: &Row,
    things: &Things,
    key: &str,
    example: &Value,
) -> RequestBuilder {
    let path = operation.about(things) + &fill(&row.query, things);
    let mut request = app.request(operation.method.clone(), &path);
    if operation.method == Method::POST {
        request = request.header("idempotency-key", key);
    }
    if path.starts_with(TUS) {
        request = request.header("tus-resumable", "1.0.0");
    }
    let body = row.body.as_ref().or(Some(example)).filter(|body| !body.is_null()).map(|body| about(body, things));
    match (operation.method.as_str(), body) {
        ("POST", Some(body)) if path == NOTIFY => {
            request.header("x-sandbox-signature", signature(body.to_string().as_bytes())).json(&body)
        }
        (_, Some(Value::String(form))) => {
            request.header("content-type", "application/x-www-form-urlencoded").body(form)
        }
        (_, Some(body)) => request.json(&body),
        ("POST", None) if path == TUS => request.header("upload-length", "5000"),
        ("PATCH", None) if path.starts_with(TUS) => {
            let request = request.header("content-type", "application/offset+octet-stream");
            request.header("upload-offset", "0").body(picture())
        }
        ("PUT", None) if path.starts_with("/api/v1/upload/") => request.body(picture()),
        (_, None) if operation.takes("multipart/form-data") => {
            let field = if path.ends_with("/multiple") { "files" } else { "file" };
            request.header("content-type", FORM).body(form(&[(field, "a.jpg", &picture())]))
        }
        (_, None) => request,
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

/// What somebody was told; of one thing among many, what became of that.
fn outcome(answer: &Answer) -> u16 {
    let results = answer.data()["results"].as_array().filter(|results| results.len() == 1);
    match results.and_then(|results| results[0]["error"]["type"].as_str()) {
        Some("PERMISSION_DENIED") => 403,
        Some("RESOURCE_NOT_FOUND") => 404,
        _ => answer.status,
    }
}

/// What is wrong with what the document tells of who may keep an answer.
fn problem_of_keeping(operation: &Operation, answer: &Answer) -> Option<String> {
    let status = answer.status.to_string();
    let told = !operation.value["responses"][&status]["headers"]["Cache-Control"].is_null();
    let sent = answer.headers.contains_key("cache-control");
    let wrong = (200..300).contains(&answer.status) && told != sent;
    wrong.then(|| format!("Cache-Control of {status}: told {told}, sent {sent}"))
}

/// How who may not is refused; `None` who may.
fn refusals(access: &Access, who: &str) -> Option<&'static [u16]> {
    // Owners are creators.
    let holds = |roles: &BTreeSet<String>| roles.contains(if who == "owner" { "creator" } else { who });
    match access {
        Access::Public | Access::Door => None,
        _ if who == "nobody" => Some(&[401]),
        Access::Signed => None,
        Access::Roles(roles) => (!holds(roles)).then_some(&[403][..]),
        Access::Owner(roles) => (who != "owner" && !roles.contains(who)).then_some(&[403, 404][..]),
    }
}

/// A server, an admin, a key that may do all that keys may, and what was found wrong.
struct Matrix {
    app: Harness,
    admin: Account,
    key: String,
    made: usize,
    problems: Vec<String>,
}

impl Matrix {
    async fn owner(&mut self, operation: &Operation) -> Owner {
        self.made += 1;
        owner(&self.app, &self.admin, self.made, operation).await
    }

    async fn caller(&self, role: &str) -> Account {
        let name = format!("{role}_{}", self.made);
        if role == "user" { self.app.account(&name).await } else { self.app.with_role(&self.admin, &name, role).await }
    }

    fn problem(&mut self, operation: &Operation, problem: Option<String>) {
        self.problems.extend(problem.map(|text| format!("{}: {text}", operation.name())));
    }

    async fn call(&self, case: &Case<'_>, things: &Things, token: Option<&str>) -> Answer {
        let key = format!("once-{}", self.made);
        let request = asked(&self.app, case.operation, case.row, things, &key, &case.example);
        self.app
            .send(match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            })
            .await
    }

    /// Does it to what the owner has, with what the caller has.
    async fn attempt(&self, case: &Case<'_>, owner: &Owner, mine: &Things, caller: Option<&Account>) -> Answer {
        let mut things = owner.things.clone();
        things.extend(mine.clone());
        self.call(case, &things, caller.map(|caller| caller.token.as_str())).await
    }

    /// Who may does it. Where somebody before has done it, or it can be done once, there is
    /// another to do it to.
    async fn ask(&mut self, case: &Case<'_>, owner: &Owner, who: &str, caller: Option<&Account>) {
        let Case { operation, row, .. } = case;
        let instead = row.instead(who);
        let right = |answer: &Answer| {
            let status = outcome(answer);
            match refusals(&row.access, who) {
                Some(refusals) => refusals.contains(&status),
                None if instead.is_empty() => operation.promises(status),
                None => instead.contains(&status),
            }
        };
        let mut mine = match caller {
            Some(caller) => brought(&self.app, caller, operation).await,
            None => Things::new(),
        };
        let mut answer = self.attempt(case, owner, &mine, caller).await;
        if !right(&answer) && refusals(&row.access, who).is_none() {
            let other = self.owner(operation).await;
            let mut caller = caller;
            if who == "owner" {
                caller = Some(&other.account);
                mine = brought(&self.app, &other.account, operation).await;
            }
            answer = self.attempt(case, &other, &mine, caller).await;
        }
        self.problem(operation, problem_of_keeping(operation, &answer));
        let text: String = answer.text.chars().take(300).collect();
        let problem = (!right(&answer)).then(|| format!("{who} got {}: {text}", outcome(&answer)));
        self.problem(operation, problem);
    }

    /// Whoever may not do a thing at all is told so, whatever they send along.
    async fn ask_in_vain(&mut self, case: &Case<'_>, owner: &Owner, user: &Account) {
        let Case { operation, .. } = case;
        for body in ["{}", "[7", "nonsense"] {
            let request = self.app.request(operation.method.clone(), &operation.about(&owner.things));
            let request = request.bearer_auth(&user.token).header("content-type", "application/json");
            let answer = self.app.send(request.body(body)).await;
            let denied = answer.status == 403 && answer.body["error"]["type"] == "PERMISSION_DENIED";
            self.problem(operation, (!denied).then(|| format!("a user got {} for {body}", answer.status)));
        }
    }

    async fn walk(&mut self, case: &Case<'_>) {
        let Case { operation, row, .. } = case;
        let owner = self.owner(operation).await;
        self.ask(case, &owner, "nobody", None).await;
        let mut callers: Vec<&str> = ROLES.into_iter().chain(["owner"]).collect();
        callers.sort_by_key(|who| match (refusals(&row.access, who), *who == "owner") {
            // What is refused changes nothing.
            (Some(_), _) => 0,
            // What is done may end the thing: who may touch what another owns comes after the owner.
            (None, true) if matches!(row.access, Access::Owner(_)) => 1,
            (None, false) => 2,
            (None, true) => 3,
        });
        for who in callers {
            let caller = if who == "owner" { owner.account.clone() } else { self.caller(who).await };
            self.ask(case, &owner, who, Some(&caller)).await;
            // Of the others some may do it to some, or with some fields.
            if who == "user" && matches!(row.access, Access::Roles(_)) && refusals(&row.access, who).is_some() {
                self.ask_in_vain(case, &owner, &caller).await;
            }
        }
        if row.session {
            let token = old_session(&self.app, &format!("old_{}", self.made)).await;
            let answer = self.call(case, &owner.things, Some(&token)).await;
            self.problem(operation, problem_of_old(row, &answer));
        }
        // Last: it may do what all others may.
        let once = operation.name().replace([' ', '/', '{', '}'], "-");
        let request = asked(&self.app, operation, row, &owner.things, &once, &case.example);
        let answer = self.app.send(request.header("x-api-key", &self.key)).await;
        self.problem(operation, problem_of_key(row, operation, &answer));
    }
}

/// A route with what the table says of it, and the example of its body.
struct Case<'a> {
    operation: &'a Operation,
    row: &'a Row,
    example: Value,
}

/// Walks every route of one area; each area has a server of its own.
async fn walk_area(area: &str) {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let key = json!({ "name": "everything", "scopes": ["*"] });
    let key = app.post_as(&admin.token, "/api/v1/auth/api-keys", &key).await.expect(201);
    let key = key.data()["secret"].as_str().unwrap().to_owned();
    let mut left = rows_of(area);
    let (operations, document) = operations(&app).await;
    let mut matrix = Matrix { app, admin, key, made: 0, problems: Vec::new() };
    for operation in operations.iter().filter(|operation| area_of(&operation.path) == area) {
        let Some(row) = left.remove(&operation.name()) else {
            matrix.problem(operation, Some("has no row in permissions.txt".to_owned()));
            continue;
        };
        let example = operation.example(&document).unwrap_or_default();
        matrix.walk(&Case { operation, row: &row, example }).await;
    }
    matrix.problems.extend(left.keys().map(|name| format!("{name}: no such route")));
    assert!(matrix.problems.is_empty(), "{}", matrix.problems.join("\n"));
    matrix.app.stop().await;
}

/// The rows of one area.
fn rows_of(area: &str) -> BTreeMap<String, Row> {
    table().into_iter().filter(|(name, _)| area_of(name.split_once(' ').unwrap().1) == area).collect()
}

/// The area of a path: the one with the longest root that it lies below.
fn area_of(path: &str) -> &'static str {
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let roots = AREAS.iter().flat_map(|(area, roots)| roots.iter().map(move |root| (root, *area)));
    roots.filter(|(root, _)| below(root)).max_by_key(|(root, _)| root.len()).unwrap().1
}

/// Areas, each with the roots of its routes and a test that walks them.
macro_rules! areas {
    ($($area:ident: [$($root:literal),+];)+) => {
        const AREAS: &[(&str, &[&str])] = &[$((stringify!($area), &[$($root),+])),+];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $area() {
                walk_area(stringify!($area)).await;
            }
        )+
    };
}

// What has no area of its own, also what will be made, is of the first.
areas! {
    who_may_do_all_else: ["", "/api/v1/timeline"];
    who_may_come_in: ["/api/v1/auth", "/api/v1/verification"];
    who_may_change_ways_in: [
        "/api/v1/auth/mfa", "/api/v1/auth/passkeys", "/api/v1/auth/oauth", "/api/v1/auth/api-keys",
        "/api/v1/auth/sessions"
    ];
    who_may_look_after_themselves: ["/api/v1/users/me"];
    who_may_look_after_others: ["/api/v1/users"];
    who_may_rule: ["/api/v1/roles", "/api/v1/audit-logs", "/api/v1/auth/invitations", "/cache"];
    who_may_write: ["/api/v1/articles"];
    who_may_sell_and_buy: ["/api/v1/subscriptions"];
    who_may_show_photos: ["/api/v1/photos", "/api/v1/media", "/share"];
    who_may_upload: ["/api/v1/upload"];
    who_may_order_things: ["/api/v1/categories", "/api/v1/tags"];
}

/// More routes than these make a test that is slow by itself: the area is to be split.
const MOST_ROWS: usize = 30;

#[test]
fn every_row_is_walked_once() {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    let table = table();
    assert_eq!(lines, table.len(), "a route has two rows");
    let roots: Vec<&str> = AREAS.iter().flat_map(|(_, roots)| roots.iter().copied()).collect();
    assert_eq!(roots.iter().collect::<BTreeSet<_>>().len(), roots.len(), "a root has two areas");
    let mut walked = Vec::new();
    for (area, _) in AREAS {
        let rows = rows_of(area);
        assert!((1..=MOST_ROWS).contains(&rows.len()), "{area} has {} rows", rows.len());
        walked.extend(rows.into_keys());
    }
    walked.sort_unstable();
    assert!(walked.iter().eq(table.keys()), "{walked:?}");
}
