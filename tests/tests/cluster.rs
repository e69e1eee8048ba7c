//! Two nodes over one database and one Redis: what one does, the other knows on its next request.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Client, Database, Process, embedded_only, server_url};

struct Cluster {
    one: Process,
    other: Process,
    _data: [tempfile::TempDir; 2],
}

/// Two programs of their own, started at once on an empty database.
async fn cluster(limits: bool) -> Option<Cluster> {
    if embedded_only() {
        return None;
    }
    let fresh = Database::Postgres.fresh().await;
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let number = sharestack_kernel::random::uuid_v7().as_u128() % 15;
    let variables: BTreeMap<String, String> = [
        ("DATABASE_URL".to_owned(), fresh.url.clone()),
        ("REDIS_URL".to_owned(), server_url("TEST_REDIS_URL")),
        ("REDIS_DB".to_owned(), (number + 1).to_string()),
        ("JWT_SECRET_KEY".to_owned(), "one secret for all nodes of the cluster".to_owned()),
        ("RATE_LIMIT_ENABLED".to_owned(), limits.to_string()),
        ("RATE_LIMIT_TIMES".to_owned(), "20".to_owned()),
        ("SHARESTACK__RATE_LIMIT__AUTH_PER_MINUTE".to_owned(), "1000".to_owned()),
        ("TRUSTED_PROXIES".to_owned(), "127.0.0.1".to_owned()),
    ]
    .into();
    let (paths, settings) = ([data[0].path().to_owned(), data[1].path().to_owned()], variables.clone());
    let [first, second] = paths;
    let starting = std::thread::spawn(move || Process::start(&first, &["serve"], &settings));
    let other = Process::start(&second, &["serve"], &variables);
    Some(Cluster { one: starting.join().unwrap(), other, _data: data })
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
    let Some(cluster) = cluster(false).await else { return };
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
async fn refreshes_of_one_token_on_both_nodes_give_one_successor() {
    let Some(cluster) = cluster(false).await else { return };
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
async fn limits_are_shared() {
    let Some(cluster) = cluster(true).await else { return };
    let mut allowed = 0;
    for n in 0..30 {
        let client = if n % 2 == 0 { &cluster.one.client } else { &cluster.other.client };
        let request = client.request(Method::GET, "/api/v1/articles").header("X-Forwarded-For", "198.51.100.77");
        allowed += u32::from(client.send(request).await.status == 200);
    }
    assert_eq!(allowed, 20);
}
