//! Refresh tokens of several sessions, presented by anybody in any order, against a model.

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::*;
use crate::error::{InsertAccountError, RefreshError};
use crate::model::{AuthMethod, EmailAddress, NewAccount, Profile, SessionPolicy, Username};
use crate::ports::{SessionQueries, UsersTx};

const CASES: u32 = 10_000;
const GRACE: i64 = 10;
const LIFE: i64 = 7 * 24 * 3600;

/// What happens next. Sessions and tokens are picked from those that there are.
#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    /// One token is presented so many times in a row.
    Refresh {
        session: prop::sample::Index,
        token: prop::sample::Index,
        times: usize,
    },
    Logout {
        session: prop::sample::Index,
    },
    Login,
}

fn step() -> impl Strategy<Value = Step> {
    let (session, token) = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    prop_oneof![
        4 => (0_i64..15).prop_map(Step::Wait),
        1 => (LIFE - 3..LIFE + 3).prop_map(Step::Wait),
        8 => (session, token, 1_usize..4).prop_map(|(session, token, times)| Step::Refresh { session, token, times }),
        1 => any::<prop::sample::Index>().prop_map(|session| Step::Logout { session }),
        1 => Just(Step::Login),
    ]
}

/// What the model knows of a token.
struct Token {
    text: String,
    expires: i64,
    used_at: Option<i64>,
}

/// A session: its tokens, each the successor of the one before.
struct Family {
    id: SessionId,
    tokens: Vec<Token>,
    ended: bool,
}

/// What the contract says of a presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Successor,
    Refused,
    Expired,
}

impl Family {
    /// What presenting a token at `now` gives, and what it does to the family.
    fn present(&mut self, token: usize, now: i64) -> Expected {
        let presented = &mut self.tokens[token];
        match presented.used_at {
            _ if self.ended => Expected::Refused,
            Some(used) if now - used <= GRACE => Expected::Successor,
            Some(_) => {
                self.ended = true;
                Expected::Refused
            }
            None if now >= presented.expires => Expected::Expired,
            None => {
                presented.used_at = Some(now);
                Expected::Successor
            }
        }
    }
}

struct Run {
    world: World,
    user: UserId,
    start: DateTime<Utc>,
    families: Vec<Family>,
}

impl Run {
    async fn new() -> Self {
        let world = World::new();
        let user = UserId::new(1);
        let account = NewAccount {
            id: user,
            username: Username::parse("lin").unwrap(),
            email: EmailAddress::parse("lin@example.com").unwrap(),
            password_hash: PasswordHash::new("0$x".to_owned()),
            profile: Profile::default(),
            is_verified: false,
            created_at: world.clock.now(),
        };
        let store: Arc<dyn Begin<dyn UsersTx>> = Arc::new(world.store.clone());
        let done: Result<(), InsertAccountError> = transact!(store, |tx| { tx.accounts().insert(&account).await });
        done.unwrap();
        let start = world.clock.now();
        let mut run = Self { world, user, start, families: Vec::new() };
        run.login().await;
        run.login().await;
        run
    }

    fn now(&self) -> i64 {
        (self.world.clock.now() - self.start).num_seconds()
    }

    async fn login(&mut self) {
        let done = self.world.sessions.establish(self.user, AuthMethod::Code, Client::default()).await.unwrap();
        let SignIn::Tokens(tokens) = done else { panic!("no second factor is asked for") };
        let id = self.world.checks.claims(access(&tokens)).unwrap().session_id;
        let token = Token { text: refresh(&tokens).to_owned(), expires: self.now() + LIFE, used_at: None };
        self.families.push(Family { id, tokens: vec![token], ended: false });
    }

    async fn refresh(&mut self, session: usize, token: usize, times: usize) -> Result<(), TestCaseError> {
        let now = self.now();
        let family = &mut self.families[session];
        let text = family.tokens[token].text.clone();
        for _ in 0..times {
            let result = self.world.sessions.refresh(&text).await;
            let expected = family.present(token, now);
            match result {
                Ok(next) => {
                    prop_assert_eq!(expected, Expected::Successor);
                    if token + 1 == family.tokens.len() {
                        let next = Token { text: refresh(&next).to_owned(), expires: now + LIFE, used_at: None };
                        family.tokens.push(next);
                    }
                    prop_assert_eq!(&family.tokens[token + 1].text, refresh(&next));
                }
                Err(RefreshError::Expired) => prop_assert_eq!(expected, Expected::Expired),
                Err(RefreshError::Invalid) => prop_assert_eq!(expected, Expected::Refused),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        Ok(())
    }

    async fn logout(&mut self, session: usize) {
        let family = &mut self.families[session];
        let now = self.world.clock.now();
        let claims = Claims { user_id: self.user, session_id: family.id, issued_at: now, expires_at: now };
        self.world.sessions.logout(&claims, None).await.unwrap();
        family.ended = true;
    }

    /// A family that ended stays so, no other ends with it, and each has one token that
    /// was never exchanged.
    async fn check(&self) -> Result<(), TestCaseError> {
        for family in &self.families {
            let open = self.world.store.find_active(family.id).await.unwrap().is_some();
            prop_assert_eq!(open, !family.ended);
        }
        prop_assert_eq!(self.world.store.unused_tokens(), self.families.len());
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(seconds) => self.world.clock.advance(Duration::seconds(seconds)),
            Step::Refresh { session, token, times } => {
                let session = session.index(self.families.len());
                let token = token.index(self.families[session].tokens.len());
                self.refresh(session, token, times).await?;
            }
            Step::Logout { session } => self.logout(session.index(self.families.len())).await,
            Step::Login => self.login().await,
        }
        self.check().await
    }
}

#[test]
fn ten_thousand_interleavings_keep_each_family_to_one_line() {
    assert_eq!(SessionPolicy::default().grace, Duration::seconds(GRACE));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(step(), 1..16);
    let outcome = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let mut run = Run::new().await;
            for step in steps {
                run.take(step).await?;
            }
            Ok(())
        })
    });
    outcome.unwrap();
}
