//! The program as a process: what it does without a word, as a worker, and what it logs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::process::{Process, admin, command};
use sharestack_tests::{Client, until};

const EXPORT: &str = "/api/v1/users/me/export";

fn variables(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Registers somebody and signs them in; their tokens.
async fn account(client: &Client, name: &str) -> Value {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    client.post("/api/v1/auth/register", &body).await.expect(201);
    client.post("/api/v1/auth/login", &body).await.expect(200).data().clone()
}

#[tokio::test]
async fn without_a_word_it_serves_and_works() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Process::start(data.path(), &[], &BTreeMap::new());
    let lin = text(&account(&server.client, "lin").await["access_token"]);
    let asked = server.client.post_as(&lin, EXPORT, &json!({})).await.expect(202);
    let find = async || server.client.get_as(&lin, asked.header("location")).await.expect(200);
    until("the copy is made", async || find().await.data()["status"] == "ready").await;
    assert!(server.terminate().success());
}

#[tokio::test]
async fn a_worker_does_what_a_server_without_workers_leaves() {
    let data = tempfile::tempdir().unwrap();
    let none = BTreeMap::new();
    let mut server = Process::start(data.path(), &["serve", "--no-worker"], &none);
    let lin = text(&account(&server.client, "lin").await["access_token"]);
    let asked = server.client.post_as(&lin, EXPORT, &json!({})).await.expect(202);
    let path = asked.header("location").to_owned();
    let status = async || server.client.get_as(&lin, &path).await.expect(200).data()["status"].clone();
    assert_eq!(status().await, "pending");
    let mut worker = Process::launch(command(data.path(), &["worker"], &none), "working");
    until("the copy is made", async || status().await == "ready").await;
    // It has no door of its own, and ends when it is asked to.
    assert_eq!(worker.client.base, "");
    assert!(worker.terminate().success());
    // What it made is served by the other.
    let ready = server.client.get_as(&lin, &path).await.expect(200);
    let archive = server.client.http.get(ready.data()["download_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(archive.status(), 200);
    // Without it nothing is done, but nothing is lost.
    let wei = text(&account(&server.client, "wei").await["access_token"]);
    let asked = server.client.post_as(&wei, EXPORT, &json!({})).await.expect(202);
    assert!(server.terminate().success());
    let _worker = Process::launch(command(data.path(), &["worker"], &none), "working");
    let server = Process::start(data.path(), &["serve", "--no-worker"], &none);
    let find = async || server.client.get_as(&wei, asked.header("location")).await.expect(200);
    until("the copy is made", async || find().await.data()["status"] == "ready").await;
}

#[tokio::test]
async fn the_log_is_json_that_names_requests_and_tells_no_secret() {
    let data = tempfile::tempdir().unwrap();
    let key = "the key that signs the tokens of this test";
    let settings = variables(&[("SHARESTACK__LOG__FORMAT", "json"), ("LOG_LEVEL", "debug"), ("JWT_SECRET_KEY", key)]);
    let log = data.path().join("log");
    let mut program = command(data.path(), &["serve"], &settings);
    program.stderr(File::create(&log).unwrap());
    let mut server = Process::launch(program, "listening on ");
    let client = &server.client;
    let boss = admin(data.path(), &settings, client).await;
    let lin = account(client, "lin").await;
    let (access, refresh) = (text(&lin["access_token"]), text(&lin["refresh_token"]));
    let mut secrets = vec![PASSWORD.to_owned(), key.to_owned(), boss, access.clone(), refresh.clone()];

    let again = client.post("/api/v1/auth/refresh", &json!({ "refresh_token": refresh })).await.expect(200);
    secrets.extend(["access_token", "refresh_token"].map(|name| text(&again.data()[name])));
    let key = json!({ "name": "x", "scopes": ["own.read"] });
    let key = client.post_as(&access, "/api/v1/auth/api-keys", &key).await.expect(201);
    secrets.push(text(&key.data()["secret"]));
    let by_key = client.request(reqwest::Method::GET, "/api/v1/users/me").header("x-api-key", &secrets[7]);
    let by_key = client.send(by_key).await.expect(200);
    let wrong = json!({ "username": "lin", "password": "a wrong guess of 密码" });
    secrets.push(text(&wrong["password"]));
    let wrong = client.post("/api/v1/auth/login", &wrong).await.expect(401);
    let app = client.post_as(&access, "/api/v1/auth/mfa/totp", &json!({})).await.expect(201);
    secrets.push(text(&app.data()["secret"]));
    let asked = client.post_as(&access, EXPORT, &json!({})).await.expect(202);
    let find = async || client.get_as(&access, asked.header("location")).await.expect(200);
    until("the copy is made", async || find().await.data()["status"] == "ready").await;
    let url = text(&find().await.data()["download_url"]);
    let copy = client.http.get(&url).send().await.unwrap();
    assert_eq!(copy.status(), 200);
    let copy = copy.headers()["x-request-id"].to_str().unwrap().to_owned();
    secrets.push(url.split_once("ticket=").unwrap().1.to_owned());
    let missing = client.get("/no/such/path").await.expect(404);
    let mut raw = TcpStream::connect(client.base.strip_prefix("http://").unwrap()).unwrap();
    raw.write_all("GET /基金 HTTP/1.1\r\nHost: x\r\n\r\n".as_bytes()).unwrap();
    let mut unreadable = String::new();
    raw.read_to_string(&mut unreadable).unwrap();
    let unreadable = unreadable.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
    let answers: Vec<_> = [&again, &key, &by_key, &wrong, &app, &asked, &missing]
        .map(|answer| (answer.header("x-request-id").to_owned(), u64::from(answer.status)))
        .into_iter()
        .chain([(copy, 200), (unreadable, 400)])
        .collect();
    assert!(server.terminate().success());

    let log = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        let missing = ["timestamp", "level", "target"].into_iter().find(|name| !line[name].is_string());
        assert_eq!(missing, None, "{line}");
        assert_ne!(line["level"], "ERROR", "nothing failed: {line}");
    }
    let answered: BTreeSet<_> = lines
        .iter()
        .filter(|line| line["message"] == "answered")
        .map(|line| (line["span"]["request.id"].as_str().unwrap().to_owned(), line["http.status"].as_u64().unwrap()))
        .collect();
    for answer in answers {
        assert!(answered.contains(&answer), "{answer:?}");
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret}");
        // Nor the last part of it, which is the one that counts in a token.
        let tail: String = secret.chars().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect();
        assert!(!log.contains(&tail), "{tail}");
    }
}
