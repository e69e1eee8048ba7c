//! What services refuse by themselves. The intake asks for permissions first, so nobody would
//! notice one that forgot to ask: here it asks for none.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sharestack_kernel::permission::Permission;
use sharestack_tests::brought::brought;
use sharestack_tests::operation::{Operation, operations};
use sharestack_tests::{Account, Harness, Options};
use sharestack_users::model::BuiltInRole;

use super::rows::table;
use super::{Case, Matrix};

/// What an operation asks for, be it of some callers only.
fn required(operation: &Operation) -> Option<&str> {
    let said = &operation.value["x-required-permission"];
    said.as_str().or_else(|| said["permission"].as_str())
}

/// Every permission that there is, and every area of them.
fn known(operations: &[Operation]) -> BTreeSet<String> {
    let built_in = BuiltInRole::ALL.into_iter().flat_map(|role| role.permissions().iter().copied());
    let named: BTreeSet<&str> = operations.iter().filter_map(required).chain(built_in).collect();
    let areas = named.iter().filter_map(|one| one.split_once('.')).map(|(area, _)| format!("{area}.*"));
    areas.chain(named.iter().map(|one| (*one).to_owned())).collect()
}

impl Matrix {
    /// Somebody who may do everything but this, and stands above all others.
    async fn all_but(&self, wanted: &str, known: &BTreeSet<String>) -> Account {
        let others = known.iter().filter(|held| !Permission::parse(held).unwrap().grants(wanted));
        let others: Vec<&String> = others.collect();
        let name = format!("without_{}", self.made);
        let role = json!({ "name": name, "rank": 999, "permissions": others });
        self.app.post_as(&self.admin.token, "/api/v1/roles", &role).await.expect(201);
        let account = self.app.account(&name).await;
        let path = format!("/api/v1/users/{}/roles", account.id);
        self.app.put_as(&self.admin.token, &path, &json!({ "roles": [name] })).await.expect(200);
        self.app.login(&name).await
    }

    /// That the intake lets somebody through whom a service would refuse: it asks for a body first.
    async fn assert_open(&self, caller: &Account) {
        let request = self.app.request(reqwest::Method::POST, "/api/v1/roles").bearer_auth(&caller.token);
        let answer = self.app.send(request.header("content-type", "application/json").body("[7")).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
    }
}

/// Asks for every operation that is meant what somebody may not who may everything else.
async fn ask(is_meant: impl Fn(&str) -> bool) {
    let app = Harness::start_with(Options::usual(), |app| app.routes.ask_no_permission()).await;
    let admin = app.admin().await;
    let (operations, document) = operations(&app).await;
    let (known, rows) = (known(&operations), table());
    let mut matrix = Matrix { app, admin, key: String::new(), made: 0, problems: Vec::new() };
    let mut callers = BTreeMap::new();
    for operation in operations.iter().filter(|operation| is_meant(&operation.path)) {
        let Some(wanted) = required(operation) else { continue };
        let row = rows.get(&operation.name()).expect("every operation has a row");
        let owner = matrix.owner(operation).await;
        let mut things = owner.things.clone();
        // What the call names must be there, whosever it is.
        things.extend(brought(&matrix.app, &owner.account, operation).await);
        let caller = match callers.entry(wanted) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(none) => none.insert(matrix.all_but(wanted, &known).await),
        };
        let case = Case { operation, row, example: operation.example(&document).unwrap_or_default() };
        let answer = matrix.call(&case, &things, Some(caller.token.as_str())).await;
        let missing = answer.body["error"]["details"]["required_permission"].as_str();
        let text: String = answer.text.chars().take(300).collect();
        let problem = (answer.status != 403 || missing != Some(wanted))
            .then(|| format!("who may all but {wanted} got {}: {text}", answer.status));
        matrix.problem(operation, problem);
    }
    if let Some(caller) = callers.get("role.create") {
        matrix.assert_open(caller).await;
    }
    assert!(callers.len() > 5, "{:?}", callers.keys());
    assert!(matrix.problems.is_empty(), "{}", matrix.problems.join("\n"));
    matrix.app.stop().await;
}

/// Where the things of people and of the house end, and what they make begins.
fn is_about_people(path: &str) -> bool {
    ["/api/v1/users", "/api/v1/auth", "/api/v1/roles", "/api/v1/audit-logs", "/cache"]
        .iter()
        .any(|root| path.starts_with(root))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_of_people_and_the_house_ask_by_themselves() {
    ask(is_about_people).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_of_what_people_make_ask_by_themselves() {
    ask(|path| !is_about_people(path)).await;
}
