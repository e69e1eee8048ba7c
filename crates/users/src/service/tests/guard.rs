//! Who guesses passwords waits, and their owner does not.

use chrono::Duration as Span;
use sharestack_kernel::event::DomainEvent;

use super::*;
use crate::model::LoginName;

struct Guarded {
    world: World,
    sessions: Sessions,
    guard: LoginGuard,
}

fn client(ip: &str) -> Client {
    Client::new(Some(ip.to_owned()), None)
}

impl Guarded {
    async fn new() -> Self {
        let world = World::new();
        world.user("lin").await;
        let clock = Arc::new(world.clock.clone());
        let guard = LoginGuard::new(world.limiter.clone(), world.cache.clone(), clock, GuardPolicy::default());
        let sessions = world.sessions.clone().guarded(guard.clone());
        Self { world, sessions, guard }
    }

    async fn login(&self, name: &str, password: &str, ip: &str) -> Result<SignIn, LoginError> {
        let login = Login { name: name.to_owned(), password: password.into(), client: client(ip) };
        self.sessions.login(login).await
    }

    /// Wrong passwords, that are all looked at.
    async fn guess(&self, name: &str, ip: &str, times: u32) {
        for _ in 0..times {
            let wrong = self.login(name, "a wrong guess", ip).await;
            assert!(matches!(wrong, Err(LoginError::InvalidCredentials)), "{wrong:?}");
        }
    }

    async fn limit(&self, name: &str, ip: &str) -> Option<u64> {
        match self.login(name, PASSWORD, ip).await {
            Err(LoginError::TooMany(throttle)) => Some(throttle.limit),
            _ => None,
        }
    }

    /// The refusals that the log tells of.
    fn noted(&self) -> Vec<DomainEvent> {
        let events = self.world.store.events().into_iter();
        events.filter(|event| event.payload["reason"] == "throttled").collect()
    }
}

#[tokio::test]
async fn each_further_handful_waits_longer() {
    let app = Guarded::new().await;
    app.guess("lin", "192.0.2.1", 10).await;
    let looked_at = app.world.hasher.verified.load(Ordering::Relaxed);
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(10));
    assert_eq!(app.world.hasher.verified.load(Ordering::Relaxed), looked_at, "refused before anything is hashed");
    assert_eq!(app.limit("LIN", "192.0.2.1").await, Some(10), "in whatever form the name is typed");
    assert_eq!(app.limit("lin", "192.0.2.2").await, None, "from elsewhere they get in");
    app.world.clock.advance(Span::minutes(15));
    app.guess("lin", "192.0.2.1", 10).await;
    app.world.clock.advance(Span::minutes(15));
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(20));
    app.world.clock.advance(Span::hours(4));
    assert_eq!(app.limit("lin", "192.0.2.1").await, None);
}

/// The log tells that tries are refused, and is not filled by them.
#[tokio::test]
async fn a_try_that_is_refused_is_noted_once_a_minute() {
    let app = Guarded::new().await;
    let user = app.world.store.events()[0].actor.unwrap();
    app.guess("lin", "192.0.2.1", 10).await;
    app.guess("nobody", "192.0.2.1", 10).await;
    assert!(app.noted().is_empty());
    for _ in 0..3 {
        assert_eq!(app.limit("lin", "192.0.2.1").await, Some(10));
    }
    let noted = app.noted();
    let [refused] = &noted[..] else { panic!("{noted:?}") };
    assert_eq!((refused.kind.as_str(), refused.actor), (crate::events::LOGIN_FAILED, None));
    assert_eq!(refused.aggregate_id, user.to_string());
    assert_eq!(app.limit("nobody", "192.0.2.1").await, Some(10));
    assert_eq!(app.noted()[1].payload["user_id"], serde_json::Value::Null);
    app.world.clock.advance(Span::minutes(1));
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(10));
    assert_eq!(app.noted().len(), 3);
}

/// Who brings ever new names brings no more entries.
#[tokio::test]
async fn a_network_that_is_refused_is_noted_once_a_minute_whatever_names_it_tries() {
    let app = Guarded::new().await;
    for n in 0..100 {
        app.guess(&format!("name{n}"), "192.0.2.1", 1).await;
    }
    assert!(app.noted().is_empty());
    for n in 100..120 {
        assert_eq!(app.limit(&format!("name{n}"), "192.0.2.1").await, Some(100));
    }
    assert_eq!(app.noted().len(), 1);
    app.world.clock.advance(Span::minutes(1));
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(100));
    assert_eq!(app.noted().len(), 2);
}

#[tokio::test]
async fn a_name_that_nobody_has_waits_alike() {
    let app = Guarded::new().await;
    for name in ["lin", "nobody", "nobody@example.com"] {
        app.guess(name, "192.0.2.1", 10).await;
        assert_eq!(app.limit(name, "192.0.2.1").await, Some(10), "{name}");
    }
    // What no account can be called is counted by the limits of routes alone.
    app.guess("' OR 1=1 --", "192.0.2.1", 12).await;
}

#[tokio::test]
async fn strangers_use_up_their_own_tries_and_not_the_owners() {
    let app = Guarded::new().await;
    app.login("lin", PASSWORD, "2001:db8:1:2::1").await.unwrap();
    for n in 0..5 {
        app.guess("lin", &format!("192.0.2.{n}"), 10).await;
    }
    assert_eq!(app.limit("lin", "198.51.100.1").await, Some(50), "a stranger");
    assert_eq!(app.limit("lin", "2001:db8:1:2:ffff::9").await, None, "the owner, from their network");
    assert_eq!(app.limit("lin@example.com", "2001:db8:1:2::1").await, None, "by their other name");
    let user = app.world.store.events()[0].actor.unwrap();
    for method in [AuthMethod::Passkey, AuthMethod::Code, AuthMethod::OAuth] {
        app.sessions.establish(user, method, client("203.0.113.7")).await.unwrap();
    }
    assert_eq!(app.limit("lin", "203.0.113.7").await, None, "a network that another way in has opened");
    app.guess("lin", "203.0.113.7", 10).await;
    assert_eq!(app.limit("lin", "203.0.113.7").await, Some(10), "a known network is slowed down too");
}

#[tokio::test]
async fn other_ways_in_neither_raise_nor_clear_the_count() {
    let app = Guarded::new().await;
    let user = app.world.store.events()[0].actor.unwrap();
    app.guess("lin", "192.0.2.1", 9).await;
    for _ in 0..20 {
        app.sessions.establish(user, AuthMethod::Passkey, client("192.0.2.1")).await.unwrap();
    }
    app.guess("lin", "192.0.2.1", 1).await;
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(10));
    app.sessions.establish(user, AuthMethod::Passkey, client("192.0.2.1")).await.unwrap();
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(10));
}

#[tokio::test]
async fn the_right_password_clears_the_count_of_its_network() {
    let app = Guarded::new().await;
    for _ in 0..3 {
        app.guess("lin", "192.0.2.1", 9).await;
        app.login("lin", PASSWORD, "192.0.2.1").await.unwrap();
    }
    app.guess("lin", "192.0.2.1", 10).await;
}

#[tokio::test]
async fn a_network_that_tries_many_names_waits() {
    let app = Guarded::new().await;
    for n in 0..100 {
        app.guess(&format!("name{n}"), "192.0.2.1", 1).await;
    }
    assert_eq!(app.limit("lin", "192.0.2.1").await, Some(100));
    assert_eq!(app.limit("lin", "192.0.2.2").await, None);
}

#[tokio::test]
async fn what_counts_may_be_away() {
    let app = Guarded::new().await;
    app.world.limiter.away.store(true, Ordering::Relaxed);
    app.world.cache.away.store(true, Ordering::Relaxed);
    app.guess("lin", "192.0.2.1", 30).await;
    app.login("lin", PASSWORD, "192.0.2.1").await.unwrap();
    assert!(!app.guard.knows(&LoginName::parse("lin").unwrap(), &client("192.0.2.1")).await);
}
