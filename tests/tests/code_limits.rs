//! The limits of verification codes hold whatever becomes of Redis: it is off, on, lost
//! midway, or back.

use serde_json::{Value, json};
use sharestack_tests::{Answer, Database, Harness, Options, Redis, embedded_only, outbox, until};

const SEND: &str = "/api/v1/verification/send";
const VERIFY: &str = "/api/v1/verification/verify";
const LIN: &str = "lin@example.com";

/// What becomes of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Without,
    With,
    /// Lost after the first steps, and back before the last.
    Lost,
}

/// A server whose limits of calls are in Redis, and do not come first.
struct Story {
    app: Harness,
    course: Course,
    redis: Option<Redis>,
}

impl Story {
    async fn begin(database: Database, course: Course, more: &[(&str, &str)]) -> Self {
        let redis = (course != Course::Without).then(Redis::anywhere);
        let mut options = Options::on(database)
            .with("RATE_LIMIT_ENABLED", "true")
            .with("RATE_LIMIT_TIMES", "10000")
            .with("SHARESTACK__RATE_LIMIT__AUTH_PER_MINUTE", "1000");
        if let Some(redis) = &redis {
            options = options.with("REDIS_URL", redis.url());
        }
        for (name, value) in more {
            options = options.with(name, *value);
        }
        Self { app: Harness::start(options).await, course, redis }
    }

    async fn health(&self, status: &str) {
        until(status, async || self.app.get("/health").await.data()["system_status"]["redis"] == status).await;
    }

    async fn lose(&mut self) {
        if self.course == Course::Lost {
            drop(self.redis.take());
            self.health("degraded").await;
        }
    }

    async fn find_again(&mut self, port: Option<u16>) {
        if let (Course::Lost, Some(port)) = (self.course, port) {
            self.redis = Some(Redis::start(port));
            self.health("healthy").await;
        }
    }

    fn port(&self) -> Option<u16> {
        self.redis.as_ref().map(|redis| redis.port)
    }

    async fn send(&self) -> Answer {
        self.app.post(SEND, &json!({ "email": LIN, "purpose": "login" })).await
    }

    async fn verify(&self, code: &str) -> Answer {
        self.app.post(VERIFY, &json!({ "email": LIN, "purpose": "login", "code": code })).await
    }
}

fn limit(answer: &Answer) -> (Value, Value) {
    let details = &answer.body["error"]["details"];
    (details["limit"].clone(), details["window"].clone())
}

fn courses() -> Vec<(Database, Course)> {
    let mut all = vec![(Database::Sqlite, Course::Without)];
    if !embedded_only() {
        all.push((Database::Sqlite, Course::With));
        all.extend(Database::all().into_iter().map(|database| (database, Course::Lost)));
    }
    all
}

#[tokio::test]
async fn the_cooldown_and_the_three_tries_hold() {
    for (database, course) in courses() {
        let mut story = Story::begin(database, course, &[]).await;
        story.app.account("lin").await;
        story.send().await.expect(200);
        let code = outbox::code(&story.app, LIN).await;
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        let port = story.port();
        for tries_left in [2, 1, 0] {
            let soon = story.send().await.refused(429, "RATE_LIMIT_EXCEEDED");
            assert_eq!(limit(&soon), (json!(1), json!(60)), "{database:?} {course:?}");
            let refused = story.verify(&wrong).await.refused(400, "VALIDATION_ERROR");
            let left = &refused.body["error"]["details"][0]["attempts_left"];
            assert_eq!(left, tries_left, "{database:?} {course:?}");
            if tries_left == 2 {
                story.lose().await;
            } else {
                story.find_again(port).await;
            }
        }
        // The right one comes too late.
        let refused = story.verify(&code).await.refused(429, "RATE_LIMIT_EXCEEDED");
        assert_eq!(limit(&refused), (json!(3), json!(3600)), "{database:?} {course:?}");
        assert_eq!(outbox::to(&story.app, LIN).await.len(), 1);
        story.app.stop().await;
    }
}

#[tokio::test]
async fn ten_codes_a_day_are_all() {
    for (database, course) in courses() {
        let no_cooldown = [("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")];
        let mut story = Story::begin(database, course, &no_cooldown).await;
        story.app.account("lin").await;
        for _ in 0..4 {
            story.send().await.expect(200);
        }
        let port = story.port();
        story.lose().await;
        for _ in 4..10 {
            story.send().await.expect(200);
        }
        let eleventh = story.send().await.refused(429, "RATE_LIMIT_EXCEEDED");
        assert_eq!(limit(&eleventh), (json!(10), json!(86_400)), "{database:?} {course:?}");
        story.find_again(port).await;
        story.send().await.refused(429, "RATE_LIMIT_EXCEEDED");
        assert_eq!(outbox::to(&story.app, LIN).await.len(), 10);
        story.app.stop().await;
    }
}
