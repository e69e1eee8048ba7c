//! Two nodes over one database and one Redis: what one does, the other knows on its next request.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use serde_json::{Value, json};
use sharestack_tests::browser::parameter;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::place::in_redis;
use sharestack_tests::process::command;
use sharestack_tests::{Answer, Client, Database, FakeProvider, Process, Redis, Says, embedded_only, until};

pub struct Cluster {
    pub one: Process,
    pub other: Process,
    pub variables: BTreeMap<String, String>,
    pub data: [tempfile::TempDir; 2],
}

/// Two programs of their own, started at once on an empty database.
pub async fn cluster(more: &[(&str, &str)]) -> Option<Cluster> {
    if embedded_only() {
        return None;
    }
    let fresh = Database::Postgres.fresh().await;
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut variables: BTreeMap<String, String> = [
        ("DATABASE_URL".to_owned(), fresh.url.clone()),
        ("JWT_SECRET_KEY".to_owned(), "one secret for all nodes of the cluster".to_owned()),
        ("RATE_LIMIT_ENABLED".to_owned(), "false".to_owned()),
        ("RATE_LIMIT_TIMES".to_owned(), "20".to_owned()),
        ("SHARESTACK__RATE_LIMIT__AUTH_PER_MINUTE".to_owned(), "1000".to_owned()),
        ("TRUSTED_PROXIES".to_owned(), "127.0.0.1".to_owned()),
    ]
    .into();
    variables.extend(in_redis());
    variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let (paths, settings) = ([data[0].path().to_owned(), data[1].path().to_owned()], variables.clone());
    let [first, second] = paths;
    let starting = std::thread::spawn(move || Process::start(&first, &["serve"], &settings));
    let other = Process::start(&second, &["serve"], &variables);
    Some(Cluster { one: starting.join().unwrap(), other, variables, data })
}

async fn sign_in(client: &Client, name: &str) -> (String, String) {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    client.post("/api/v1/auth/register", &body).await.expect(201);
    let answer =
        client.post("/api/v1/auth/login", &json!({ "username": name, "password": PASSWORD })).await.expect(200);
    let text = |field: &str| answer.data()[field].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn a_logout_on_one_node_is_known_on_the_other_at_once() {
    let Some(cluster) = cluster(&[]).await else { return };
    let (one, other) = (&cluster.one.client, &cluster.other.client);
    for round in 0..10 {
        let (token, _) = sign_in(one, &format!("reader{round}")).await;
        other.get_as(&token, "/api/v1/users/me").await.expect(200);
        one.get_as(&token, "/api/v1/users/me").await.expect(200);
        one.post_as(&token, "/api/v1/auth/logout", &json!({})).await.expect(200);
        other.get_as(&token, "/api/v1/users/me").await.refused(401, "INVALID_TOKEN");
        one.get_as(&token, "/api/v1/users/me").await.refused(401, "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn whatever_ends_a_session_or_a_key_on_one_node_ends_it_on_the_other_at_once() {
    let Some(cluster) = cluster(&[]).await else { return };
    let (one, other) = (&cluster.one.client, &cluster.other.client);
    let me = "/api/v1/users/me";
    let login = json!({ "username": "reader", "password": PASSWORD });
    let (here, _) = sign_in(one, "reader").await;
    let open = async || {
        let answer = other.post("/api/v1/auth/login", &login).await.expect(200);
        let token = answer.data()["access_token"].as_str().unwrap().to_owned();
        other.get_as(&token, me).await.expect(200);
        one.get_as(&token, me).await.expect(200);
        token
    };
    // One session, by its id.
    let there = open().await;
    let sessions = one.get_as(&here, "/api/v1/auth/sessions").await.expect(200);
    let id = sessions.data().as_array().unwrap().iter().find(|one| one["current"] == false).unwrap()["id"].clone();
    one.delete_as(&here, &format!("/api/v1/auth/sessions/{}", id.as_str().unwrap())).await.expect(204);
    other.get_as(&there, me).await.refused(401, "INVALID_TOKEN");
    // All others.
    let there = open().await;
    one.post_as(&here, "/api/v1/auth/logout-all", &json!({})).await.expect(200);
    other.get_as(&there, me).await.refused(401, "INVALID_TOKEN");
    // A key.
    let made = one.post_as(&here, "/api/v1/auth/api-keys", &json!({ "name": "x", "scopes": ["own.read"] })).await;
    let data = made.expect(201).data().clone();
    let with_key = async |client: &Client| {
        let request = client.request(Method::GET, me).header("X-API-Key", data["secret"].as_str().unwrap());
        client.send(request).await
    };
    for client in [one, other, one, other] {
        with_key(client).await.expect(200);
    }
    one.delete_as(&here, &format!("/api/v1/auth/api-keys/{}", data["id"].as_str().unwrap())).await.expect(204);
    for client in [other, one] {
        with_key(client).await.refused(401, "INVALID_TOKEN");
    }
    // A change of password.
    let there = open().await;
    let new = "staple battery 电池 mule";
    let change = json!({ "current_password": PASSWORD, "new_password": new, "confirm_password": new });
    one.post_as(&here, "/api/v1/auth/change-password", &change).await.expect(200);
    other.get_as(&there, me).await.refused(401, "INVALID_TOKEN");
    other.get_as(&here, me).await.expect(200);
}

/// Both nodes remember who they are before the account goes.
#[tokio::test]
async fn a_deactivated_account_is_refused_on_the_other_node_on_its_next_request() {
    let Some(cluster) = cluster(&[]).await else { return };
    let (one, other, admin) = (&cluster.one.client, &cluster.other.client, cluster.admin().await);
    let me = "/api/v1/users/me";
    for (round, (here, there)) in [(one, other), (other, one), (one, other)].into_iter().enumerate() {
        let name = format!("reader{round}");
        let (token, refresh) = sign_in(here, &name).await;
        for client in [there, here, there] {
            client.get_as(&token, me).await.expect(200);
        }
        let id = here.get_as(&token, me).await.data()["id"].clone();
        here.post_as(&admin, &format!("/api/v1/users/{id}/deactivate"), &json!({})).await.expect(200);
        for client in [there, here] {
            client.get_as(&token, me).await.refused(401, "INVALID_TOKEN");
            client
                .post("/api/v1/auth/refresh", &json!({ "refresh_token": refresh }))
                .await
                .refused(401, "INVALID_TOKEN");
            let login = json!({ "username": name, "password": PASSWORD });
            client.post("/api/v1/auth/login", &login).await.refused(401, "ACCOUNT_DISABLED");
        }
        // Who comes back signs in again: what was ended stays so on both nodes.
        there.post_as(&admin, &format!("/api/v1/users/{id}/activate"), &json!({})).await.expect(200);
        for client in [here, there] {
            client.get_as(&token, me).await.refused(401, "INVALID_TOKEN");
            client.post("/api/v1/auth/login", &json!({ "username": name, "password": PASSWORD })).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_login_by_another_service_begins_on_one_node_and_ends_on_the_other() {
    if embedded_only() {
        return;
    }
    let fake = FakeProvider::start().await;
    for (path, says) in [
        ("/login/oauth/access_token", json!({ "access_token": "gho_1", "scope": "user", "token_type": "bearer" })),
        ("/user", json!({ "login": "octocat", "id": 583_231, "name": "The Octocat", "email": null })),
        ("/user/emails", json!([{ "email": "octocat@example.com", "verified": true, "primary": true }])),
    ] {
        fake.says(path, Says::Json(200, says));
    }
    let provider = "SHARESTACK__OAUTH__PROVIDERS__GITHUB__";
    let settings = [
        (format!("{provider}KIND"), "github"),
        (format!("{provider}CLIENT_ID"), "me"),
        (format!("{provider}CLIENT_SECRET"), "a secret between us"),
        (format!("{provider}WEB_URL"), fake.base.as_str()),
        (format!("{provider}API_URL"), fake.base.as_str()),
        ("SHARESTACK__SERVER__PUBLIC_URL".to_owned(), "http://share.example"),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let Some(cluster) = cluster(&settings).await else { return };
    let (one, other) = (&cluster.one.client, &cluster.other.client);
    for (out, back) in [(one, other), (other, one)] {
        let begun = out.get("/api/v1/auth/oauth/github/authorize").await.expect(302);
        let there = Url::parse(begun.header("location")).unwrap();
        assert_eq!(
            parameter(&there, "redirect_uri").as_deref(),
            Some("http://share.example/api/v1/auth/oauth/github/callback")
        );
        let mark = begun.header("set-cookie").split(';').next().unwrap().to_owned();
        let path =
            format!("/api/v1/auth/oauth/github/callback?code=a-code&state={}", parameter(&there, "state").unwrap());
        // Another browser ends nothing, on neither node.
        for client in [back, out] {
            client.get(&path).await.refused(400, "VALIDATION_ERROR");
        }
        let come = |client: &Client| client.request(Method::GET, &path).header("Cookie", &mark);
        let answer = back.send(come(back)).await.expect(200);
        assert_eq!(answer.data()["user"]["username"], "octocat");
        for client in [out, back] {
            let token = answer.data()["access_token"].as_str().unwrap();
            assert_eq!(client.get_as(token, "/api/v1/users/me").await.expect(200).data()["username"], "octocat");
            // A way back is gone once.
            client.send(come(client)).await.refused(400, "VALIDATION_ERROR");
        }
    }
    assert_eq!(fake.asked("/user").len(), 2);
}

#[tokio::test]
async fn a_process_without_redis_refuses_an_ended_session_on_the_next_request() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["serve"], &BTreeMap::new());
    let client = &process.client;
    let (here, _) = sign_in(client, "reader").await;
    let login = json!({ "username": "reader", "password": PASSWORD });
    let answer = client.post("/api/v1/auth/login", &login).await.expect(200);
    let there = answer.data()["access_token"].as_str().unwrap();
    client.get_as(there, "/api/v1/users/me").await.expect(200);
    client.post_as(&here, "/api/v1/auth/logout-all", &json!({})).await.expect(200);
    client.get_as(there, "/api/v1/users/me").await.refused(401, "INVALID_TOKEN");
    client.get_as(&here, "/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn refreshes_of_one_token_on_both_nodes_give_one_successor() {
    let Some(cluster) = cluster(&[]).await else { return };
    let (_, refresh) = sign_in(&cluster.one.client, "reader").await;
    let body = json!({ "refresh_token": refresh });
    let calls = (0..40).map(|n| {
        let client = if n % 2 == 0 { &cluster.one.client } else { &cluster.other.client };
        client.post("/api/v1/auth/refresh", &body)
    });
    let answers = futures::future::join_all(calls).await;
    let successors: std::collections::BTreeSet<_> = answers
        .into_iter()
        .map(|answer| answer.expect(200).data()["refresh_token"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn what_is_published_on_one_node_is_found_on_the_other() {
    let Some(cluster) = cluster(&[]).await else { return };
    let (one, other) = (&cluster.one.client, &cluster.other.client);
    let token = cluster.admin().await;
    for (number, (writer, reader)) in [(one, other), (other, one)].into_iter().enumerate() {
        let body = json!({ "title": format!("第{number}篇关于夜景的文章"), "content": "正文" });
        let made = writer.post_as(&token, "/api/v1/articles", &body).await.expect(201);
        let path = format!("/api/v1/articles/{}", made.data()["id"]);
        writer.post_as(&token, &format!("{path}/publish"), &json!({})).await.expect(200);
        let total = async |client: &Client| {
            let found = client.get("/api/v1/articles/search?q=夜景").await.expect(200);
            found.body["pagination"]["total"].as_u64().unwrap()
        };
        for client in [reader, writer] {
            until("it is found", async || total(client).await == 1).await;
        }
        writer.delete_as(&token, &path).await.expect(204);
        for client in [reader, writer] {
            until("it is gone", async || total(client).await == 0).await;
        }
    }
}

#[tokio::test]
async fn limits_are_shared() {
    let Some(cluster) = cluster(&[("RATE_LIMIT_ENABLED", "true")]).await else { return };
    let mut allowed = 0;
    for n in 0..30 {
        let client = if n % 2 == 0 { &cluster.one.client } else { &cluster.other.client };
        let request = client.request(Method::GET, "/api/v1/articles").header("X-Forwarded-For", "198.51.100.77");
        allowed += u32::from(client.send(request).await.status == 200);
    }
    assert_eq!(allowed, 20);
}

impl Cluster {
    /// Signs in a super admin on the first node.
    async fn admin(&self) -> String {
        let arguments = ["admin", "create", "--username", "root-admin", "--email", "r@example.com", "--password-stdin"];
        let mut creating = command(self.data[0].path(), &arguments, &self.variables);
        let mut creating = creating.stdin(std::process::Stdio::piped()).spawn().unwrap();
        writeln!(creating.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(creating.wait().unwrap().success());
        let login = json!({ "username": "root-admin", "password": PASSWORD });
        let answer = self.one.client.post("/api/v1/auth/login", &login).await.expect(200);
        answer.data()["access_token"].as_str().unwrap().to_owned()
    }

    /// A public article that was written on the first node: where it is.
    async fn article(&self, token: &str, slug: &str) -> String {
        let body = json!({ "title": "one", "content": "first words", "slug": slug });
        let made = self.one.client.post_as(token, "/api/v1/articles", &body).await.expect(201);
        let path = format!("/api/v1/articles/{}", made.data()["id"]);
        self.one.client.post_as(token, &format!("{path}/publish"), &json!({})).await.expect(200);
        path
    }
}

async fn title(client: &Client, path: &str) -> Value {
    client.get(path).await.expect(200).data()["title"].clone()
}

async fn rename(client: &Client, token: &str, path: &str, title: &str) -> Answer {
    client.put_as(token, path, &json!({ "title": title })).await.expect(200)
}

/// Nothing but the message between the nodes is quick enough: what they keep lives an hour.
#[tokio::test]
async fn what_one_node_edits_the_other_shows_though_it_keeps_articles() {
    let Some(cluster) = cluster(&[("SHARESTACK__CACHE__ARTICLE_SECONDS", "3600")]).await else { return };
    let (one, other, token) = (&cluster.one.client, &cluster.other.client, cluster.admin().await);
    let path = cluster.article(&token, "kept").await;
    let by_slug = "/api/v1/articles/kept";
    for (client, path) in [(one, path.as_str()), (other, &path), (one, by_slug), (other, by_slug)] {
        assert_eq!(title(client, path).await, "one");
    }

    // Written on one and on the other: the writer's node shows it at once, the other soon.
    for (here, there, new) in [(one, other, "two"), (other, one, "three")] {
        rename(here, &token, &path, new).await;
        assert_eq!((title(here, &path).await, title(here, by_slug).await), (new.into(), new.into()));
        until("the other node shows it", || async { title(there, &path).await == new }).await;
        assert_eq!(title(there, by_slug).await, new);
        // Who changes it sees it as it is on every node.
        let seen = there.get_as(&token, &path).await.expect(200);
        assert_eq!(seen.data()["title"], new);
    }

    // Whole, then behind the gate, at another address, and gone.
    assert_eq!(other.get(&path).await.data()["access"], true);
    one.put_as(&token, &path, &json!({ "access_level": "members", "slug": "moved" })).await.expect(200);
    until("the other node gates it", || async { other.get(&path).await.data()["access"] == false }).await;
    let gated = other.get(&path).await;
    assert_eq!((&gated.data()["content"], &gated.data()["content_html"]), (&Value::Null, &Value::Null));
    let (reader, _) = sign_in(other, "reader").await;
    assert_eq!(other.get_as(&reader, &path).await.data()["content"], "first words");
    assert_eq!(other.get(&path).await.data()["content"], Value::Null);
    other.get(by_slug).await.refused(404, "RESOURCE_NOT_FOUND");
    other.get("/api/v1/articles/moved").await.expect(200);
    one.post_as(&token, &format!("{path}/unpublish"), &json!({})).await.expect(200);
    until("the other node hides it", || async { other.get(&path).await.status == 404 }).await;
    other.get("/api/v1/articles/moved").await.refused(404, "RESOURCE_NOT_FOUND");
    one.post_as(&token, &format!("{path}/publish"), &json!({})).await.expect(200);
    until("the other node shows it again", || async { other.get(&path).await.status == 200 }).await;
    one.send(one.request(Method::DELETE, &path).bearer_auth(&token)).await.expect(204);
    until("the other node forgets it", || async { other.get(&path).await.status == 404 }).await;
}

#[tokio::test]
async fn without_redis_a_node_shows_nothing_older_than_it_may_keep() {
    if embedded_only() {
        return;
    }
    let redis = Redis::anywhere();
    let url = redis.url();
    let keep = Duration::from_secs(2);
    let Some(cluster) = cluster(&[("REDIS_URL", &url), ("SHARESTACK__CACHE__ARTICLE_SECONDS", "2")]).await else {
        return;
    };
    let (one, other, token) = (&cluster.one.client, &cluster.other.client, cluster.admin().await);
    let path = cluster.article(&token, "kept").await;
    assert_eq!(title(other, &path).await, "one");
    let port = redis.port;
    drop(redis);

    let lost = "two, while nobody passes messages on";
    rename(one, &token, &path, lost).await;
    let committed = Instant::now();
    assert_eq!(title(one, &path).await, lost);
    // What was asked for after its time was over must be the new one.
    loop {
        let asked = committed.elapsed();
        if title(other, &path).await == lost {
            break;
        }
        assert!(asked <= keep + Duration::from_millis(200), "still the old one after {asked:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let _back = Redis::start(port);
    for client in [one, other] {
        until("redis is used again", || async {
            client.get("/health").await.data()["system_status"]["redis"] == "healthy"
        })
        .await;
    }
    rename(one, &token, &path, "three").await;
    assert_eq!(title(one, &path).await, "three");
    until("the other node shows it", || async { title(other, &path).await == "three" }).await;
}
