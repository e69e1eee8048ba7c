use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::prune::{BATCH, until_short};

use crate::error::IdempotencyError;
use crate::model::{Begun, Claim, Fingerprint, IdempotencyKey, Requester, StoredReply};
use crate::ports::IdempotencyStore;

/// How long an answer is remembered.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);
/// How long a request may run without a sign of life before another with its key may begin.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long a caller is asked to wait for one that runs: most end much sooner than their
/// lease.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Requests that are done once, however often they are sent.
#[derive(Clone)]
pub struct Idempotency {
    store: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
}

/// What a caller is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The request, and then [`Idempotency::complete`] or [`Idempotency::abandon`].
    Do(Claim),
    /// Nothing: it was done, and this is the answer.
    Replay(StoredReply),
}

impl Idempotency {
    /// Over this store.
    pub fn new(store: Arc<dyn IdempotencyStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Begins a request. With `resumes` it may be done again though an earlier try under
    /// the key committed something: the request itself knows how far it came.
    ///
    /// # Errors
    /// When the key was used for another request, its request still runs, or was carried
    /// out by a server that went before the answer was remembered.
    pub async fn begin(
        &self,
        requester: Requester,
        key: IdempotencyKey,
        fingerprint: Fingerprint,
        resumes: bool,
    ) -> Result<Attempt, IdempotencyError> {
        let now = self.clock.now();
        let claim = Claim {
            requester,
            key,
            fingerprint,
            claimed_at: now,
            lease_until: now + LEASE,
            forget_before: now - REMEMBERED,
            resumes,
        };
        match self.store.begin(&claim).await? {
            Begun::Started => Ok(Attempt::Do(claim)),
            Begun::Replay(reply) => Ok(Attempt::Replay(reply)),
            Begun::Mismatch => Err(IdempotencyError::Mismatch),
            Begun::Lost => Err(IdempotencyError::Lost),
            Begun::Running { lease_until } => {
                let left = (lease_until - now).to_std().unwrap_or_default();
                Err(IdempotencyError::Running { retry_after: left.clamp(Duration::from_secs(1), MAX_WAIT) })
            }
        }
    }

    /// Keeps a key whose request still lives.
    ///
    /// # Errors
    /// When the store failed; the lease ends as it would have.
    pub async fn extend(&self, claim: &Claim) -> Result<(), StoreError> {
        if !self.store.extend(claim, self.clock.now() + LEASE).await? {
            tracing::warn!("request outlived the lease of its idempotency key");
        }
        Ok(())
    }

    /// Ends a request with its answer: remembered when it settles the request
    /// ([`StoredReply::settles`]), else the key is free again.
    ///
    /// # Errors
    /// When the store failed; the key is then free when its lease has passed.
    pub async fn complete(&self, claim: &Claim, reply: &StoredReply) -> Result<(), StoreError> {
        if !StoredReply::settles(reply.status) {
            return self.abandon(claim).await;
        }
        if !self.store.complete(claim, reply).await? {
            tracing::warn!("request outlived the lease of its idempotency key");
        }
        Ok(())
    }

    /// Ends a request that gave no answer to remember: the key is free again, unless
    /// something was committed under it.
    ///
    /// # Errors
    /// When the store failed; the key is then free when its lease has passed.
    pub async fn abandon(&self, claim: &Claim) -> Result<(), StoreError> {
        self.store.abandon(claim).await
    }

    /// Ends a request of which nothing stays: the key is free again, whatever was committed.
    ///
    /// # Errors
    /// When the store failed; what was committed then counts.
    pub async fn take_back(&self, claim: &Claim) -> Result<(), StoreError> {
        self.store.take_back(claim).await
    }

    /// Forgets what is remembered long enough; returns how many keys.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        let before = self.clock.now() - REMEMBERED;
        until_short(|| self.store.prune(before, BATCH)).await
    }
}

#[cfg(test)]
mod tests {
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::error::{Category, Classified, Details};
    use sharestack_kernel::id::UserId;

    use super::*;
    use crate::ports::MockIdempotencyStore;

    fn service(prepare: impl FnOnce(&mut MockIdempotencyStore)) -> Idempotency {
        let mut store = MockIdempotencyStore::new();
        prepare(&mut store);
        Idempotency::new(Arc::new(store), Arc::new(FakeClock::default()))
    }

    async fn begin(service: &Idempotency) -> Result<Attempt, IdempotencyError> {
        let key = IdempotencyKey::parse("key").unwrap();
        service.begin(Requester::user(UserId::new(7)), key, Fingerprint::of("POST", "/", b""), false).await
    }

    fn reply(status: u16) -> StoredReply {
        StoredReply { status, headers: vec![], body: "{}".to_owned() }
    }

    #[tokio::test]
    async fn a_first_request_is_done_under_a_lease_of_a_minute() {
        let service = service(|store| {
            store.expect_begin().returning(|_| Ok(Begun::Started));
        });
        let Attempt::Do(claim) = begin(&service).await.unwrap() else { panic!("nothing to replay") };
        assert_eq!(claim.lease_until - claim.claimed_at, LEASE);
        assert_eq!(claim.claimed_at - claim.forget_before, REMEMBERED);
        assert_eq!(claim.requester.as_str(), "user:7");
    }

    #[tokio::test]
    async fn a_second_request_gets_the_answer_of_the_first() {
        let service = service(|store| {
            store.expect_begin().returning(|_| Ok(Begun::Replay(reply(201))));
        });
        assert_eq!(begin(&service).await.unwrap(), Attempt::Replay(reply(201)));
    }

    #[tokio::test]
    async fn another_request_is_unprocessable() {
        let service = service(|store| {
            store.expect_begin().returning(|_| Ok(Begun::Mismatch));
        });
        assert_eq!(begin(&service).await.unwrap_err().category(), Category::Unprocessable);
    }

    #[tokio::test]
    async fn a_request_whose_answer_is_lost_is_not_done_again() {
        let service = service(|store| {
            store.expect_begin().returning(|_| Ok(Begun::Lost));
        });
        let error = begin(&service).await.unwrap_err();
        assert_eq!((error.category(), error.code()), (Category::Conflict, Some("IDEMPOTENCY_CONFLICT")));
        assert!(matches!(error.details(), Details::Object(details) if details["state"] == "done"));
    }

    #[tokio::test]
    async fn who_comes_while_it_runs_is_asked_to_wait_a_little() {
        let service = service(|store| {
            store.expect_begin().returning(|claim| Ok(Begun::Running { lease_until: claim.lease_until }));
        });
        let error = begin(&service).await.unwrap_err();
        assert_eq!((error.category(), error.code()), (Category::Conflict, Some("IDEMPOTENCY_CONFLICT")));
        assert!(matches!(error, IdempotencyError::Running { retry_after } if retry_after == MAX_WAIT));
    }

    #[tokio::test]
    async fn an_answer_that_settles_nothing_frees_the_key() {
        let service = service(|store| {
            store.expect_begin().returning(|_| Ok(Begun::Started));
            store.expect_abandon().times(1).returning(|_| Ok(()));
            store.expect_complete().times(1).withf(|_, reply| reply.status == 409).returning(|_, _| Ok(true));
        });
        let Attempt::Do(claim) = begin(&service).await.unwrap() else { panic!("nothing to replay") };
        service.complete(&claim, &reply(503)).await.unwrap();
        service.complete(&claim, &reply(409)).await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_lives_keeps_its_key_for_another_minute() {
        let clock = FakeClock::default();
        let mut store = MockIdempotencyStore::new();
        store.expect_begin().returning(|_| Ok(Begun::Started));
        store
            .expect_extend()
            .times(1)
            .withf(|claim, until| *until == claim.claimed_at + TimeDelta::seconds(50) + LEASE)
            .returning(|_, _| Ok(true));
        let service = Idempotency::new(Arc::new(store), Arc::new(clock.clone()));
        let Attempt::Do(claim) = begin(&service).await.unwrap() else { panic!("nothing to replay") };
        clock.advance(TimeDelta::seconds(50));
        service.extend(&claim).await.unwrap();
    }

    #[tokio::test]
    async fn keys_are_forgotten_after_a_day() {
        let service = service(|store| {
            store
                .expect_prune()
                .times(2)
                .withf(|before, limit| (*before, *limit) == (FakeClock::default().now() - REMEMBERED, BATCH))
                .returning({
                    let mut gone = [BATCH, 3].into_iter();
                    move |_, _| Ok(gone.next().unwrap())
                });
        });
        assert_eq!(service.prune().await.unwrap(), BATCH + 3);
    }
}
