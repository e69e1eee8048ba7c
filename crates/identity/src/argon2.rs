mod phc;
mod runners;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{Error as PhcError, PasswordHasher as _};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use sharestack_users::error::HashError;
use sharestack_users::model::{Password, PasswordHash};
use sharestack_users::ports::{PasswordHasher, Verified};

use crate::config::Argon2Config;
use crate::error::ConfigError;
use runners::Runners;

/// argon2id on a bounded number of blocking threads.
pub struct Argon2Hasher {
    argon2: Argon2<'static>,
    /// What a password is compared with when there is no account.
    decoy: PasswordHash,
    runners: Runners,
}

impl Argon2Hasher {
    /// A hasher of these costs. It makes one hash at once, for names that nobody has.
    ///
    /// # Errors
    /// When argon2 does not take the costs.
    pub fn try_new(config: Argon2Config) -> Result<Self, ConfigError> {
        let costs = |error: &dyn std::fmt::Display| ConfigError::Costs(error.to_string());
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        let params = params.map_err(|error| costs(&error))?;
        if config.concurrency == 0 {
            return Err(ConfigError::Costs("at least one hash at once".to_owned()));
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = argon2.hash_password(b"nobody has this password").map_err(|error| costs(&error))?;
        Ok(Self {
            argon2,
            decoy: PasswordHash::new(decoy.to_string()),
            runners: Runners::new(config.concurrency, config.queue),
        })
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let work = move |blocks: &mut _| {
            let hash = phc::hash(&argon2, password.expose(), blocks).map_err(failed)?;
            Ok(PasswordHash::new(hash.to_string()))
        };
        self.runners.run(work).await
    }

    async fn verify(&self, password: &Password, hash: Option<PasswordHash>) -> Result<Verified, HashError> {
        let hash = hash.filter(PasswordHash::is_set);
        let (password, known) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let now = self.argon2.params().clone();
        let work = move |blocks: &mut _| {
            let parsed = Phc::new(hash.as_str()).map_err(|error| HashError::Failed(error.to_string().into()))?;
            let right = phc::verify(password.expose(), &parsed, blocks).map_err(failed)?;
            Ok(if right && known {
                Verified::Right { needs_rehash: is_weaker(&parsed, &now) }
            } else {
                Verified::Wrong
            })
        };
        self.runners.run(work).await
    }
}

fn failed(error: PhcError) -> HashError {
    HashError::Failed(error.to_string().into())
}

/// Whether a hash cost less than one would now.
fn is_weaker(hash: &Phc, now: &Params) -> bool {
    let current =
        hash.algorithm.as_str() == Algorithm::Argon2id.as_str() && hash.version == Some(Version::V0x13.into());
    !current
        || Params::try_from(hash).is_ok_and(|then| {
            then.m_cost() < now.m_cost() || then.t_cost() < now.t_cost() || then.p_cost() < now.p_cost()
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    fn cheap() -> Argon2Config {
        Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1, concurrency: 2, queue: 256 }
    }

    fn hasher(config: Argon2Config) -> Arc<Argon2Hasher> {
        Arc::new(Argon2Hasher::try_new(config).unwrap())
    }

    fn password(text: &str) -> Password {
        Password::claimed(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_right_or_wrong() {
        let hasher = hasher(cheap());
        let (one, other) =
            (hasher.hash(&password("电池")).await.unwrap(), hasher.hash(&password("电池")).await.unwrap());
        assert_ne!(one, other);
        let right = hasher.verify(&password("电池"), Some(one.clone())).await.unwrap();
        assert_eq!(right, Verified::Right { needs_rehash: false });
        assert_eq!(hasher.verify(&password("电 池"), Some(one)).await.unwrap(), Verified::Wrong);
    }

    #[tokio::test]
    async fn without_a_hash_even_the_decoy_is_wrong() {
        let hasher = hasher(cheap());
        assert_eq!(hasher.verify(&password("nobody has this password"), None).await.unwrap(), Verified::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_lower_cost_is_made_anew_and_one_of_higher_cost_is_kept() {
        let (low, high) = (hasher(cheap()), hasher(Argon2Config { iterations: 2, ..cheap() }));
        let secret = password("hunter2hunter2");
        let (weak, strong) = (low.hash(&secret).await.unwrap(), high.hash(&secret).await.unwrap());
        assert_eq!(high.verify(&secret, Some(weak)).await.unwrap(), Verified::Right { needs_rehash: true });
        assert_eq!(low.verify(&secret, Some(strong)).await.unwrap(), Verified::Right { needs_rehash: false });
    }

    #[tokio::test]
    async fn production_costs_are_what_owasp_recommends() {
        let hash = hasher(Argon2Config::default()).hash(&password("hunter2hunter2")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    }

    #[tokio::test]
    async fn a_broken_hash_is_a_failure_not_a_wrong_password() {
        let broken = Some(PasswordHash::new("plain text".to_owned()));
        assert!(matches!(hasher(cheap()).verify(&password("x"), broken).await, Err(HashError::Failed(_))));
    }

    #[tokio::test]
    async fn a_storm_of_logins_stalls_nothing_else() {
        let hasher = hasher(Argon2Config { memory_kib: 8 * 1024, ..cheap() });
        let storm: Vec<_> = (0..64)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.verify(&password("x"), None).await })
            })
            .collect();
        let mut ticks = 0_u32;
        while !storm.iter().all(tokio::task::JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            ticks += 1;
        }
        assert_eq!(hasher.runners.most_at_once(), 2, "so many hashed at once");
        assert!(ticks > 3, "the runtime's only thread was held");
        for login in storm {
            assert_eq!(login.await.unwrap().unwrap(), Verified::Wrong);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashes_are_behind_requests_and_leave_them_as_they_are() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let (runners, before) = (Runners::new(1, 1), nice());
        let hashing = runners.run(move |_| Ok(nice())).await.unwrap();
        // 19 is the end.
        assert!(hashing > before || before == 19, "{hashing} beside {before}");
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_empties_again() {
        let hasher = hasher(Argon2Config { concurrency: 1, queue: 2, memory_kib: 8 * 1024, ..cheap() });
        let secret = password("x");
        let logins = (0..10).map(|_| hasher.verify(&secret, None));
        let results = futures_all(logins).await;
        let refused = results.iter().filter(|result| matches!(result, Err(HashError::Busy))).count();
        assert!((7..=8).contains(&refused), "{refused} were refused");
        assert!(hasher.verify(&secret, None).await.is_ok());
    }

    #[tokio::test]
    async fn threads_go_when_nobody_waits_and_come_again() {
        let hasher = hasher(cheap());
        let secret = password("x");
        for _ in 0..3 {
            let results = futures_all((0..64).map(|_| hasher.hash(&secret))).await;
            let hash = results.into_iter().map(Result::unwrap).last();
            let verified = hasher.verify(&secret, hash).await.unwrap();
            assert_eq!(verified, Verified::Right { needs_rehash: false });
            let idle = async {
                while hasher.runners.running() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), idle).await.unwrap();
        }
    }

    #[tokio::test]
    async fn who_gives_up_makes_room_and_is_not_hashed_for() {
        let hasher = hasher(Argon2Config { concurrency: 1, queue: 2, memory_kib: 32 * 1024, ..cheap() });
        let secret = password("x");
        let mut first = Box::pin(hasher.verify(&secret, None));
        begin(&mut first);
        for _ in 0..3 {
            let mut waiting = [Box::pin(hasher.verify(&secret, None)), Box::pin(hasher.verify(&secret, None))];
            waiting.iter_mut().for_each(begin);
            assert!(matches!(hasher.verify(&secret, None).await, Err(HashError::Busy)));
        }
        assert_eq!(first.await.unwrap(), Verified::Wrong);
        assert_eq!(hasher.verify(&secret, None).await.unwrap(), Verified::Wrong);
    }

    #[tokio::test]
    async fn work_that_panics_takes_no_turn_away() {
        let runners = Runners::new(1, 8);
        for _ in 0..3 {
            let broken = runners.run(|_| -> Result<(), HashError> { panic!("on purpose") }).await;
            assert!(matches!(broken, Err(HashError::Failed(_))));
        }
        assert_eq!(runners.run(|_| Ok(7)).await.unwrap(), 7);
    }

    #[test]
    fn a_hash_in_used_memory_is_the_one_in_fresh_memory() {
        let mut blocks = Vec::new();
        for (memory_kib, iterations) in [(64, 1), (8, 3), (256, 2), (64, 1)] {
            let params = Params::new(memory_kib, iterations, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let plain = argon2.hash_password(b"right").unwrap();
            assert!(phc::verify(b"right", &plain, &mut blocks).unwrap());
            assert!(!phc::verify(b"wrong", &plain, &mut blocks).unwrap());
            let made = phc::hash(&argon2, b"right", &mut blocks).unwrap();
            assert_eq!(argon2.verify_password(b"right", &made), Ok(()));
            assert_eq!((made.params, made.version, made.algorithm), (plain.params, plain.version, plain.algorithm));
        }
    }

    #[tokio::test]
    async fn costs_that_cannot_be_are_refused() {
        assert!(Argon2Hasher::try_new(Argon2Config { memory_kib: 1, ..cheap() }).is_err());
        assert!(Argon2Hasher::try_new(Argon2Config { concurrency: 0, ..cheap() }).is_err());
    }

    /// Polls what takes longer than that.
    fn begin<F: Future + Unpin>(future: &mut F) {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(std::pin::Pin::new(future).poll(&mut cx).is_pending());
    }

    /// Polls all at once, in order.
    async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
        let mut running: Vec<_> = futures.map(Box::pin).collect();
        let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
        std::future::poll_fn(|cx| {
            let mut pending = false;
            for (future, slot) in running.iter_mut().zip(&mut done) {
                if slot.is_none() {
                    match future.as_mut().poll(cx) {
                        std::task::Poll::Ready(output) => *slot = Some(output),
                        std::task::Poll::Pending => pending = true,
                    }
                }
            }
            if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        })
        .await;
        done.into_iter().flatten().collect()
    }
}
