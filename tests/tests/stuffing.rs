//! Stolen pairs of names and passwords, a thousand a second, against the real program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::passkey::Device;
use sharestack_tests::process::Process;
use sharestack_tests::{Answer, Client, outbox, until};

/// Tries a second, whether or not those before were answered.
const RATE: u32 = 1000;
const SECONDS: u32 = 4;
/// How many hashes may run at once, and how many may wait.
const HASHES: f64 = 1.0;
const QUEUE: f64 = 32.0;
/// Where the victim lives.
const HOME: &str = "203.0.113.7";

/// A call from an address.
async fn from(client: &Client, ip: &str, path: &str, body: &Value) -> Answer {
    client.send(client.request(Method::POST, path).header("x-forwarded-for", ip).json(body)).await
}

/// The value of a metric without labels.
async fn metric(client: &Client, name: &str) -> f64 {
    let text = client.get("/metrics").await.expect(200).text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} among the metrics")).trim().parse().unwrap()
}

/// The code in the last of so many messages to an address.
async fn code(data: &Path, to: &str, number: usize) -> String {
    let find = || {
        let files = std::fs::read_dir(data.join("outbox")).ok()?;
        let files = files.filter_map(Result::ok).map(|file| file.path());
        let json = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let mails = json.filter_map(|path| serde_json::from_slice::<Value>(&std::fs::read(path).ok()?).ok());
        let mut mails: Vec<_> = mails.filter(|mail| mail["to"] == to).collect();
        mails.sort_by_key(|mail| mail["id"].as_str().map(str::to_owned));
        Some(outbox::digits(mails.get(number - 1)?["text"].as_str()?))
    };
    until("the code is written", async || find().is_some()).await;
    find().unwrap()
}

/// Pairs of a list, each from an address of its own; each tenth is for the victim.
fn pair(n: u32) -> (String, Value) {
    let [_, a, b, c] = n.to_be_bytes();
    let name = if n.is_multiple_of(10) { "victim".to_owned() } else { format!("stolen{n}@example.com") };
    (format!("10.{a}.{b}.{c}"), json!({ "username": name, "password": format!("guess number {n}") }))
}

/// Sends at the rate, and waits for no answer; then the status of each.
async fn storm(client: Client) -> Vec<u16> {
    let mut tries = Vec::new();
    let start = Instant::now();
    for n in 0..RATE * SECONDS {
        // By the clock, not by the answers.
        let due = start + Duration::from_secs(1) * n / RATE;
        tokio::time::sleep_until(due.into()).await;
        let client = client.clone();
        tries.push(tokio::spawn(async move {
            let (ip, body) = pair(n);
            let request = client.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", ip);
            let answer = request.json(&body).timeout(Duration::from_mins(2)).send().await.unwrap();
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                assert!(answer.headers().contains_key("retry-after"));
            }
            answer.status().as_u16()
        }));
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1) * SECONDS * 2, "the storm itself was slow: {took:?}");
    let mut statuses = Vec::new();
    for one in tries {
        statuses.push(one.await.unwrap());
    }
    statuses
}

/// Reads, one after the other, until it is over; how many were answered.
async fn reads(client: Client, over: Arc<AtomicBool>) -> u32 {
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        client.get("/api/v1/articles").await.expect(200);
        answered += 1;
        assert!(metric(&client, "argon2_in_flight").await <= HASHES);
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_stolen_pairs_a_second_hold_up_nobody() {
    let data = tempfile::tempdir().unwrap();
    let variables = [
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("RATE_LIMIT_ENABLED", "true"),
        ("RATE_LIMIT_TIMES", "1000000"),
        ("SHARESTACK__PASSWORD__MEMORY_KIB", "19456"),
        ("SHARESTACK__PASSWORD__ITERATIONS", "2"),
        ("SHARESTACK__PASSWORD__CONCURRENT_HASHES", "1"),
        ("SHARESTACK__PASSWORD__QUEUE", "32"),
        // So that what is refused is refused for its password, on a busy machine too.
        ("SHARESTACK__DATABASE__ACQUIRE_TIMEOUT_SECONDS", "100"),
    ];
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let server = Process::start(data.path(), &["serve"], &variables);
    let client = server.client.clone();

    // The victim signs in at home, and has a passkey.
    let body = json!({ "username": "victim", "email": "victim@example.com", "password": PASSWORD });
    from(&client, HOME, "/api/v1/auth/register", &body).await.expect(201);
    let login = json!({ "username": "victim", "password": PASSWORD });
    let here = from(&client, HOME, "/api/v1/auth/login", &login).await.expect(200);
    let token = here.data()["access_token"].as_str().unwrap().to_owned();
    let mut laptop = Device::on(&client.base.replace("127.0.0.1", "localhost"));
    let options = client.post_as(&token, "/api/v1/auth/passkeys/register/options", &json!({})).await.expect(200);
    let made = json!({ "credential": laptop.create(options.data()) });
    client.post_as(&token, "/api/v1/auth/passkeys/register", &made).await.expect(201);
    // The mailbox is known to be theirs: a code that is sent there is one way in of several.
    let ask = json!({ "email": "victim@example.com", "purpose": "register" });
    from(&client, HOME, "/api/v1/verification/send", &ask).await.expect(200);
    let sent = json!({ "code": code(data.path(), "victim@example.com", 1).await });
    client.post_as(&token, "/api/v1/auth/email/verify", &sent).await.expect(200);
    let hashed_before = metric(&client, "argon2_wait_seconds_count").await;

    let waited_before = metric(&client, "argon2_wait_seconds_sum").await;
    let begun = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn(reads(client.clone(), over.clone()));
    let storming = tokio::spawn(storm(client.clone()));
    until("the queue is full", async || metric(&client, "argon2_refused_total").await > 0.0).await;
    // Meanwhile: who is in goes on, and other ways in ask no hash.
    client.get_as(&token, "/api/v1/users/me").await.expect(200);
    let challenge = from(&client, "198.51.100.1", "/api/v1/auth/passkeys/login/options", &json!({})).await.expect(200);
    let answer = json!({ "credential": laptop.get(challenge.data()) });
    from(&client, "198.51.100.1", "/api/v1/auth/passkeys/login", &answer).await.expect(200);
    let ask = json!({ "email": "victim@example.com", "purpose": "login" });
    from(&client, "198.51.100.2", "/api/v1/verification/send", &ask).await.expect(200);
    let body = json!({ "email": "victim@example.com", "code": code(data.path(), "victim@example.com", 2).await });
    from(&client, "198.51.100.2", "/api/v1/auth/login/code", &body).await.expect(200);

    let statuses = storming.await.unwrap();
    over.store(true, Ordering::Relaxed);
    let read = reading.await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    let of = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert_eq!(statuses.len(), (RATE * SECONDS) as usize);
    assert_eq!(
        of(401) + of(429) + of(503),
        statuses.len(),
        "{:?}",
        statuses.iter().find(|s| ![401, 429, 503].contains(*s))
    );
    // Of the tries for one name five are looked at; all others are refused without a hash.
    assert!(of(429) >= statuses.len() / 10 - 6, "{} tries for one name were refused", of(429));
    // What was looked at was hashed, no more; what found no place was refused at once.
    let hashed = metric(&client, "argon2_wait_seconds_count").await - hashed_before;
    assert!(
        (hashed - f64::from(u32::try_from(of(401)).unwrap())).abs() < 1.0,
        "{hashed} hashes for {} answers",
        of(401)
    );
    let refused = metric(&client, "argon2_refused_total").await;
    assert!((refused - f64::from(u32::try_from(of(503)).unwrap())).abs() < 1.0, "{refused} for {}", of(503));
    // Of all that came no more waited at any moment than find a place.
    let waited = metric(&client, "argon2_wait_seconds_sum").await - waited_before;
    assert!(waited <= QUEUE * took, "{waited} s within {took} s");
    // Nothing that asks no hash stood in that queue: then each read would have waited for all of it.
    assert!(read >= 5 && f64::from(read) > hashed / QUEUE, "{read} reads beside {hashed} hashes");
    // The storm is over: the victim comes in by the password from home, at once.
    from(&client, HOME, "/api/v1/auth/login", &login).await.expect(200);
    client.get("/health/live").await.expect(200);
    drop(server);
}
