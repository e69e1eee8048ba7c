//! Nobody learns by a stopwatch who has an account.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Client, Database, Harness, Options};

/// How many of each are timed in a round. Half of them come first, half second.
const SAMPLES: usize = 24;
/// A difference that is there is there each time; one of chance is not.
const ROUNDS: usize = 3;

/// What is sent about a name.
type Ask = fn(&str) -> Value;

/// How far apart two medians may be: a quarter of the work, and what a scheduler does. Skipping
/// a hash, of twenty milliseconds and more, is far beyond it; a question to the database is not.
fn near(one: Duration, other: Duration) -> bool {
    let (less, more) = (one.min(other), one.max(other));
    more.saturating_sub(less) <= less / 4 + Duration::from_millis(4)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn timed(client: &Client, path: &str, body: &Value, expected: u16) -> Duration {
    let start = Instant::now();
    let answer = client.post(path, body).await;
    let took = start.elapsed();
    assert_eq!(answer.status, expected, "{path} {body}: {}", answer.text);
    took
}

/// The medians for names that somebody has and that nobody has, taken in turns.
async fn medians(client: &Client, path: &str, ask: Ask, status: u16) -> (Duration, Duration) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..SAMPLES {
        let (user, ghost) = (ask(&format!("user{n}")), ask(&format!("ghost{n}")));
        if n % 2 == 0 {
            known.push(timed(client, path, &user, status).await);
            unknown.push(timed(client, path, &ghost, status).await);
        } else {
            unknown.push(timed(client, path, &ghost, status).await);
            known.push(timed(client, path, &user, status).await);
        }
    }
    (median(&mut known), median(&mut unknown))
}

/// Where a name or an address is said: what is sent, and what is answered whoever has it.
const DOORS: [(&str, &str, Ask, u16); 9] = [
    ("login by name", "/api/v1/auth/login", |name| json!({ "username": name, "password": "a wrong guess" }), 401),
    (
        "login by address",
        "/api/v1/auth/login",
        |name| json!({ "username": format!("{name}@example.com"), "password": "a wrong guess" }),
        401,
    ),
    (
        "register",
        "/api/v1/auth/register",
        |name| {
            json!({
                "username": format!("new-{name}"), "email": format!("{name}@example.com"), "password": PASSWORD,
                "verification_code": "111111"
            })
        },
        400,
    ),
    (
        "reset",
        "/api/v1/auth/password/reset",
        |name| json!({ "email": format!("{name}@example.com"), "code": "111111", "new_password": PASSWORD }),
        400,
    ),
    ("forgot", "/api/v1/auth/password/forgot", |name| json!({ "email": format!("{name}@example.com") }), 202),
    (
        "send",
        "/api/v1/verification/send",
        |name| json!({ "email": format!("{name}@example.com"), "purpose": "login" }),
        200,
    ),
    (
        "verify",
        "/api/v1/verification/verify",
        |name| json!({ "email": format!("{name}@example.com"), "purpose": "login", "code": "111111" }),
        400,
    ),
    (
        "login by code",
        "/api/v1/auth/login/code",
        |name| json!({ "email": format!("{name}@example.com"), "code": "111111" }),
        400,
    ),
    ("passkey options", "/api/v1/auth/passkeys/login/options", |name| json!({ "username": name }), 200),
];

/// A server without limits on tries, and so many people.
async fn with_users(options: Options) -> Harness {
    let options = options
        .with("SHARESTACK__AUTH__SLOW_DOWN", "false")
        .with("SHARESTACK__AUTH__REGISTRATION", "code")
        .with("SHARESTACK__VERIFICATION__CODE_MAX_ATTEMPTS", "20")
        .with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0");
    let app = Harness::start(Options { workers: false, ..options }).await;
    for n in 0..SAMPLES {
        let input = sharestack_users::model::RegistrationInput {
            username: Some(format!("user{n}")),
            email: Some(format!("user{n}@example.com")),
            password: Some(PASSWORD.to_owned()),
            ..Default::default()
        };
        app.app().accounts.register(input.parse().unwrap()).await.unwrap();
    }
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_who_has_an_account_by_time() {
    // Hashes cost here what they cost in the world, so that one that is left out shows.
    let options = Options::on(Database::Sqlite)
        .with("SHARESTACK__PASSWORD__MEMORY_KIB", "19456")
        .with("SHARESTACK__PASSWORD__ITERATIONS", "2");
    let app = with_users(options).await;
    for (what, path, ask, status) in DOORS {
        let mut seen = Vec::new();
        for _ in 0..ROUNDS {
            let (known, unknown) = medians(&app, path, ask, status).await;
            seen.push((known, unknown));
            if near(known, unknown) {
                break;
            }
        }
        let (known, unknown) = *seen.last().unwrap();
        assert!(near(known, unknown), "{what} tells who has an account, by medians of {seen:?}");
        if path == "/api/v1/auth/login" {
            assert!(known > Duration::from_millis(8), "{what} does not hash: {known:?}");
        }
    }
    app.stop().await;
}

/// How many questions the database was asked so far.
async fn questions(app: &Harness) -> i64 {
    let text = app.get("/metrics").await.expect(200).text;
    let line = text.lines().find_map(|line| line.strip_prefix("database_query_seconds_count "));
    line.unwrap().parse().unwrap()
}

/// Each door asks the database as often for a name that nobody has as for one that somebody
/// has: what is left out would show by its time wherever a question takes any.
#[tokio::test]
async fn nobody_learns_who_has_an_account_by_what_is_asked() {
    for database in Database::all() {
        let app = with_users(Options::on(database)).await;
        let mut told = Vec::new();
        for (what, path, ask, status) in DOORS {
            let asked = async |name: String| {
                let before = questions(&app).await;
                timed(&app, path, &ask(&name), status).await;
                questions(&app).await - before
            };
            let (mut known, mut unknown) = (Vec::new(), Vec::new());
            for n in 0..6 {
                known.push(asked(format!("user{n}")).await);
                unknown.push(asked(format!("ghost{n}")).await);
            }
            // What goes on beside may add to one or the other, and never takes away.
            if known.iter().min() != unknown.iter().min() {
                told.push(format!("{what}: {known:?} for who is there, {unknown:?} for who is not"));
            }
        }
        assert!(told.is_empty(), "on {database:?}: {}", told.join("; "));
        app.stop().await;
    }
}
