mod memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{Error as PhcError, PasswordHasher as _};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use sharestack_users::error::HashError;
use sharestack_users::model::{Password, PasswordHash};
use sharestack_users::ports::{PasswordHasher, Verified};
use tokio::sync::Semaphore;

use crate::config::Argon2Config;
use crate::error::ConfigError;
use memory::Memory;

/// argon2id on a bounded number of blocking threads.
pub struct Argon2Hasher {
    argon2: Argon2<'static>,
    /// What a password is compared with when there is no account.
    decoy: PasswordHash,
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
    memory: Arc<Memory>,
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
            permits: Arc::new(Semaphore::new(config.concurrency)),
            waiting: Arc::default(),
            queue: config.queue,
            memory: Arc::default(),
        })
    }

    /// Runs `work` on a blocking thread once a permit is free.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>, &mut Vec<Block>) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let started = Instant::now();
        let permit = {
            let _place = Place::take(&self.waiting, self.queue + self.permits.available_permits())?;
            let acquired = self.permits.clone().acquire_owned().await;
            acquired.map_err(|error| HashError::Failed(Box::new(error)))?
        };
        metrics::histogram!("argon2_wait_seconds").record(started.elapsed().as_secs_f64());
        let (argon2, memory, waiting) = (self.argon2.clone(), self.memory.clone(), self.waiting.clone());
        // The permit goes with the work: a caller who gives up frees no thread.
        let job = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let _running = Running::start();
            let mut blocks = memory.take();
            let done = work(&argon2, &mut blocks);
            memory.give(blocks, waiting.load(Ordering::Acquire) > 0);
            done
        });
        job.await.map_err(|error| HashError::Failed(Box::new(error)))?
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, room: usize) -> Result<Self, HashError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::AcqRel) >= room {
            metrics::counter!("argon2_refused_total").increment(1);
            return Err(HashError::Busy);
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A hash that is being made.
struct Running;

impl Running {
    fn start() -> Self {
        metrics::gauge!("argon2_in_flight").increment(1.0);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("argon2_in_flight").decrement(1.0);
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let password = password.clone();
        self.run(move |argon2, blocks| {
            let hash = memory::hash(argon2, password.expose(), blocks).map_err(failed)?;
            Ok(PasswordHash::new(hash.to_string()))
        })
        .await
    }

    async fn verify(&self, password: &Password, hash: Option<PasswordHash>) -> Result<Verified, HashError> {
        let hash = hash.filter(PasswordHash::is_set);
        let (password, known) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        self.run(move |argon2, blocks| {
            let parsed = Phc::new(hash.as_str()).map_err(|error| HashError::Failed(error.to_string().into()))?;
            let right = memory::verify(password.expose(), &parsed, blocks).map_err(failed)?;
            Ok(if right && known {
                Verified::Right { needs_rehash: is_weaker(&parsed, argon2.params()) }
            } else {
                Verified::Wrong
            })
        })
        .await
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
            assert_eq!(hasher.permits.available_permits().min(2), hasher.permits.available_permits());
        }
        assert!(ticks > 3, "the runtime's only thread was held");
        for login in storm {
            assert_eq!(login.await.unwrap().unwrap(), Verified::Wrong);
        }
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
    async fn memory_goes_from_hash_to_hash_while_somebody_waits() {
        let hasher = hasher(cheap());
        let secret = password("x");
        assert_eq!(hasher.verify(&secret, None).await.unwrap(), Verified::Wrong);
        assert_eq!(hasher.memory.kept().len(), 0, "nobody waits");
        let results = futures_all((0..64).map(|_| hasher.hash(&secret))).await;
        assert!(hasher.memory.kept().len() <= 2, "no more than run at once");
        for hash in results {
            let verified = hasher.verify(&secret, Some(hash.unwrap())).await.unwrap();
            assert_eq!(verified, Verified::Right { needs_rehash: false });
        }
        assert_eq!(hasher.memory.kept().len(), 0, "all went back");
    }

    #[test]
    fn a_hash_in_used_memory_is_the_one_in_fresh_memory() {
        let mut blocks = Vec::new();
        for (memory_kib, iterations) in [(64, 1), (8, 3), (256, 2), (64, 1)] {
            let params = Params::new(memory_kib, iterations, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let plain = argon2.hash_password(b"right").unwrap();
            assert!(memory::verify(b"right", &plain, &mut blocks).unwrap());
            assert!(!memory::verify(b"wrong", &plain, &mut blocks).unwrap());
            let made = memory::hash(&argon2, b"right", &mut blocks).unwrap();
            assert_eq!(argon2.verify_password(b"right", &made), Ok(()));
            assert_eq!((made.params, made.version, made.algorithm), (plain.params, plain.version, plain.algorithm));
        }
    }

    #[tokio::test]
    async fn costs_that_cannot_be_are_refused() {
        assert!(Argon2Hasher::try_new(Argon2Config { memory_kib: 1, ..cheap() }).is_err());
        assert!(Argon2Hasher::try_new(Argon2Config { concurrency: 0, ..cheap() }).is_err());
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
