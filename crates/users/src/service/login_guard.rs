use std::sync::Arc;
use std::time::Duration;

use sharestack_kernel::cache::{Cache, Limit, RateLimiter};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::Throttle;
use sharestack_kernel::id::UserId;

use crate::model::{Client, LoginName, UserView};

/// How many wrong passwords are borne. Of each list every limit holds: the further ones
/// make each further handful wait longer.
#[derive(Debug, Clone)]
pub struct GuardPolicy {
    /// For one name from one network, and for one user within their sessions.
    pub pair: Vec<Limit>,
    /// For one name from all networks it was never opened from.
    pub strangers: Vec<Limit>,
    /// From one network for all names.
    pub network: Vec<Limit>,
    /// How long a network that an account was opened from is no stranger.
    pub trust: Duration,
}

impl Default for GuardPolicy {
    /// 10 in a quarter of an hour, 20 in four hours, 40 a day for a name from a network; 50
    /// an hour and 200 a day for a name from strangers; 100 an hour from a network; 30 days.
    fn default() -> Self {
        let limit = |limit, minutes| Limit { limit, window: Duration::from_mins(minutes) };
        Self {
            pair: vec![limit(10, 15), limit(20, 4 * 60), limit(40, 24 * 60)],
            strangers: vec![limit(50, 60), limit(200, 24 * 60)],
            network: vec![limit(100, 60)],
            trust: Duration::from_hours(30 * 24),
        }
    }
}

/// Slows down who guesses passwords, without shutting their owner out.
///
/// Wrong passwords are counted by name and network, by name, and by network. A network from
/// which an account was opened, in whatever way, is not asked what strangers did: so an
/// attacker who uses up an account's tries locks out themselves. Other ways in ask nothing
/// here. Names that nobody has are counted like all others, and by the name as it was
/// typed, so that the answer tells of no account. A limiter that is away refuses nobody.
#[derive(Clone)]
pub struct LoginGuard {
    limiter: Arc<dyn RateLimiter>,
    cache: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    policy: GuardPolicy,
}

/// What a try was let through with.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The name and the network.
    pair: String,
    name: String,
    network: String,
    /// Whether the account was opened from this network before.
    known: bool,
}

/// A try that was not let through.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// How long to wait.
    pub throttle: Throttle,
    /// What it was counted by that is used up.
    bucket: String,
}

impl LoginGuard {
    /// A guard over these ports. The cache MUST be one that all nodes see.
    pub const fn new(
        limiter: Arc<dyn RateLimiter>,
        cache: Arc<dyn Cache>,
        clock: Arc<dyn Clock>,
        policy: GuardPolicy,
    ) -> Self {
        Self { limiter, cache, clock, policy }
    }

    /// Whether a name was opened from this client's network before.
    pub async fn knows(&self, name: &LoginName, client: &Client) -> bool {
        let key = trusted(name.key(), &client.network());
        match self.cache.get(&key).await {
            Ok(found) => found.is_some(),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "known networks are not asked");
                false
            }
        }
    }

    /// Lets a try through, or says how long to wait. It counts nothing yet.
    ///
    /// # Errors
    /// The wait, when there were too many wrong passwords.
    pub async fn admit(&self, name: &LoginName, client: &Client) -> Result<Admission, Refusal> {
        let network = client.network();
        let known = self.knows(name, client).await;
        let name = name.key().to_owned();
        let admission = Admission { pair: format!("{name}@{network}"), name, network, known };
        for (key, limits) in self.counted(&admission) {
            for limit in limits {
                if let Err(throttle) = self.look(&key, *limit).await {
                    return Err(Refusal { throttle, bucket: key });
                }
            }
        }
        Ok(admission)
    }

    /// Whether a refusal is to be noted: one a minute for what is used up. A flood of them says
    /// no more, and must cost little, whatever names it brings.
    pub(super) async fn notes(&self, refusal: &Refusal) -> bool {
        let key = format!("users:guard:noted:{}", refusal.bucket);
        let limit = Limit { limit: 1, window: Duration::from_mins(1) };
        self.limiter.hit(&key, limit).await.is_ok_and(|decision| decision.allowed)
    }

    /// Counts a wrong password.
    pub async fn failed(&self, admission: &Admission) {
        for (key, limits) in self.counted(admission) {
            for limit in limits {
                if let Err(error) = self.limiter.hit(&key, *limit).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "wrong password not counted");
                }
            }
        }
    }

    /// Forgets the wrong passwords of the owner, who has found the right one.
    pub async fn succeeded(&self, admission: &Admission) {
        let key = pair(admission);
        for limit in &self.policy.pair {
            match self.limiter.peek(&key, *limit).await {
                Ok(decision) if decision.remaining < limit.limit => {}
                _ => continue,
            }
            if let Err(error) = self.limiter.forget(&key, *limit).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "wrong passwords not forgotten");
            }
        }
    }

    /// Counts a try at the password of who is signed in, before it is compared, so that
    /// rivals share none; or says how long to wait. Tries from outside are not counted here.
    ///
    /// # Errors
    /// The wait, when there were too many.
    pub async fn admit_user(&self, user: UserId) -> Result<(), Throttle> {
        let key = within(user);
        for limit in &self.policy.pair {
            match self.limiter.hit(&key, *limit).await {
                Ok(decision) if !decision.allowed => {
                    return Err(Throttle::new(limit.limit.into(), limit.window, decision.reset_at, self.clock.now()));
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "try at a password not counted"),
            }
        }
        Ok(())
    }

    /// Forgets the tries of who is signed in and has found the right one.
    pub async fn succeeded_user(&self, user: UserId) {
        let key = within(user);
        for limit in &self.policy.pair {
            if let Err(error) = self.limiter.forget(&key, *limit).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "tries at a password not forgotten");
            }
        }
    }

    /// Remembers the network that an account was opened from, under both of its names.
    pub async fn trust(&self, user: &UserView, client: &Client) {
        let network = client.network();
        for name in [&user.username, &user.email] {
            let Some(name) = LoginName::parse(name) else { continue };
            if let Err(error) = self.cache.set(&trusted(name.key(), &network), b"1", self.policy.trust).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "known network not kept");
            }
        }
    }

    /// What a try is counted by. Who is known is not counted with strangers.
    fn counted(&self, admission: &Admission) -> Vec<(String, &[Limit])> {
        let mut counted = vec![
            (pair(admission), &self.policy.pair[..]),
            (format!("users:guard:network:{}", admission.network), &self.policy.network[..]),
        ];
        if !admission.known {
            counted.push((format!("users:guard:strangers:{}", admission.name), &self.policy.strangers[..]));
        }
        counted
    }

    async fn look(&self, key: &str, limit: Limit) -> Result<(), Throttle> {
        match self.limiter.peek(key, limit).await {
            Ok(decision) if !decision.allowed => {
                Err(Throttle::new(limit.limit.into(), limit.window, decision.reset_at, self.clock.now()))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "wrong passwords cannot be looked up");
                Ok(())
            }
        }
    }
}

fn pair(admission: &Admission) -> String {
    format!("users:guard:pair:{}", admission.pair)
}

fn within(user: UserId) -> String {
    format!("users:guard:within:{user}")
}

fn trusted(name: &str, network: &str) -> String {
    format!("users:guard:known:{name}@{network}")
}
