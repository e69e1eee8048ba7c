//! [`sharestack_platform::ports::IdempotencyStore`].

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::{once, transact};
use sharestack_platform::model::{Begun, Claim, Fingerprint, IdempotencyKey, Requester, StoredReply};

use super::Subject;
use crate::kernel::Work;
use crate::kernel::events::event;

fn at(seconds: i64) -> DateTime<Utc> {
    crate::far_ahead() + TimeDelta::seconds(seconds)
}

fn claim(key: &str, body: &str, seconds: i64) -> Claim {
    Claim {
        requester: Requester::user(UserId::new(7)),
        key: IdempotencyKey::parse(key).unwrap(),
        fingerprint: Fingerprint::of("POST", "/orders", body.as_bytes()),
        claimed_at: at(seconds),
        lease_until: at(seconds + 60),
        forget_before: at(seconds) - TimeDelta::hours(24),
        resumes: false,
    }
}

fn reply(body: &str) -> StoredReply {
    let headers = vec![("location".to_owned(), "/orders/1".to_owned()), ("x".to_owned(), "ü\"".to_owned())];
    StoredReply { status: 201, headers, body: body.to_owned() }
}

async fn begin(subject: &Subject<impl Work>, claim: &Claim) -> Begun {
    subject.idempotency.begin(claim).await.unwrap()
}

/// MUST return `Started` to one of many that claim at the same time.
pub async fn starts_one_of_many_that_claim_at_the_same_time(subject: Subject<impl Work>) {
    let claims = (0..20).map(|n| {
        let store = subject.idempotency.clone();
        tokio::spawn(async move { store.begin(&claim("key", "a", n)).await.unwrap() })
    });
    let begun: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|one| **one == Begun::Started).count(), 1);
    assert_eq!(begun.iter().filter(|one| matches!(one, Begun::Running { .. })).count(), 19);
}

/// MUST return `Replay` when it was completed.
pub async fn replays_the_answer_it_was_completed_with(subject: Subject<impl Work>) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    let answer = reply(&format!(r#"{{"text":"中文 {}"}}"#, "x".repeat(100_000)));
    assert!(subject.idempotency.complete(&first, &answer).await.unwrap());
    for seconds in [1, 60, 86_399] {
        assert_eq!(begin(&subject, &claim("key", "a", seconds)).await, Begun::Replay(answer.clone()));
    }
}

/// MUST return `Running` while another's lease lasts.
pub async fn is_running_while_the_lease_lasts(subject: Subject<impl Work>) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "a", 59)).await, Begun::Running { lease_until: at(60) });
}

/// MUST return `Mismatch`, whether the other runs or is done.
pub async fn refuses_another_fingerprint(subject: Subject<impl Work>) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "b", 1)).await, Begun::Mismatch);
    subject.idempotency.complete(&first, &reply("{}")).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 2)).await, Begun::Mismatch);
}

/// MUST return `Started` again once the lease has passed.
pub async fn starts_again_after_the_lease(subject: Subject<impl Work>) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "a", 60)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "a", 61)).await, Begun::Running { lease_until: at(120) });
}

/// MUST return `Started` again once the key was abandoned, for another request too.
pub async fn starts_again_when_abandoned(subject: Subject<impl Work>) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    subject.idempotency.abandon(&first).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 1)).await, Begun::Started);
}

/// MUST return `Started` again when it was begun at `forget_before` or earlier.
pub async fn starts_again_after_it_is_forgotten(subject: Subject<impl Work>) {
    let first = claim("key", "a", 0);
    begin(&subject, &first).await;
    subject.idempotency.complete(&first, &reply("{}")).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 86_400)).await, Begun::Started);
    assert!(matches!(begin(&subject, &claim("key", "b", 86_401)).await, Begun::Running { .. }));
}

/// MUST return `Started` to one of those that find the lease passed.
pub async fn one_rival_takes_over_an_expired_lease(subject: Subject<impl Work>) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    let rivals = (0..20).map(|n| {
        let store = subject.idempotency.clone();
        tokio::spawn(async move { store.begin(&claim("key", "a", 100 + n)).await.unwrap() })
    });
    let begun: Vec<_> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|one| **one == Begun::Started).count(), 1);
}

/// One requester never meets another's keys; keys differ by every letter.
pub async fn requesters_and_keys_are_apart(subject: Subject<impl Work>) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    for key in ["KEY", "kéy", "ke y", &"k".repeat(255)] {
        assert_eq!(begin(&subject, &claim(key, "b", 0)).await, Begun::Started, "{key}");
    }
    let other = Claim { requester: Requester::user(UserId::new(8)), ..claim("key", "b", 0) };
    assert_eq!(begin(&subject, &other).await, Begun::Started);
    let anonymous = Claim { requester: Requester::anonymous([127, 0, 0, 1].into()), ..claim("key", "b", 0) };
    assert_eq!(begin(&subject, &anonymous).await, Begun::Started);
}

/// MUST change nothing when the claim no longer holds the key.
pub async fn a_lost_claim_changes_nothing(subject: Subject<impl Work>) {
    let (late, holder) = (claim("key", "a", 0), claim("key", "a", 60));
    begin(&subject, &late).await;
    assert_eq!(begin(&subject, &holder).await, Begun::Started);
    assert!(!subject.idempotency.complete(&late, &reply("late")).await.unwrap());
    subject.idempotency.abandon(&late).await.unwrap();
    assert!(subject.idempotency.complete(&holder, &reply("holder")).await.unwrap());
    assert!(!subject.idempotency.complete(&holder, &reply("twice")).await.unwrap());
    subject.idempotency.abandon(&holder).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "a", 61)).await, Begun::Replay(reply("holder")));
}

/// Commits one event, as the request of a claim does its work.
async fn work(subject: &Subject<impl Work>, claim: &Claim) -> Result<(), StoreError> {
    let event = event(&subject.kernel, "1");
    let work = async { transact!(subject.kernel.store, |tx| { tx.append(&event).await }) };
    once::within(claim.held_key(), work).await
}

async fn committed(subject: &Subject<impl Work>) -> u64 {
    subject.kernel.events.lag().await.unwrap().count
}

/// A transaction that commits within the key MUST note so: whoever died before the answer
/// was remembered, or gave the key back, leaves `Lost`.
pub async fn what_was_committed_is_not_started_again(subject: Subject<impl Work>) {
    let (died, gave_back) = (claim("died", "a", 0), claim("gave back", "a", 0));
    for claim in [&died, &gave_back] {
        assert_eq!(begin(&subject, claim).await, Begun::Started);
        work(&subject, claim).await.unwrap();
        work(&subject, claim).await.unwrap();
    }
    assert_eq!(begin(&subject, &claim("died", "a", 59)).await, Begun::Running { lease_until: at(60) });
    assert_eq!(begin(&subject, &claim("died", "a", 60)).await, Begun::Lost);
    assert_eq!(begin(&subject, &claim("died", "b", 60)).await, Begun::Mismatch);
    subject.idempotency.abandon(&gave_back).await.unwrap();
    assert_eq!(begin(&subject, &claim("gave back", "a", 1)).await, Begun::Lost);
    assert!(work(&subject, &gave_back).await.is_err(), "it does not hold the key any more");
    assert_eq!(begin(&subject, &claim("died", "a", 86_400)).await, Begun::Started);
    assert_eq!(committed(&subject).await, 4);
}

/// MUST return `Started` again, whatever was committed, when the claim resumes; and what it
/// is completed with is replayed.
pub async fn a_request_that_resumes_is_started_again(subject: Subject<impl Work>) {
    let again = |seconds| Claim { resumes: true, ..claim("key", "a", seconds) };
    assert_eq!(begin(&subject, &again(0)).await, Begun::Started);
    work(&subject, &again(0)).await.unwrap();
    assert!(matches!(begin(&subject, &again(59)).await, Begun::Running { .. }));
    assert_eq!(begin(&subject, &again(60)).await, Begun::Started);
    work(&subject, &again(60)).await.unwrap();
    assert!(subject.idempotency.complete(&again(60), &reply("{}")).await.unwrap());
    assert_eq!(begin(&subject, &again(61)).await, Begun::Replay(reply("{}")));
}

/// The note is part of the transaction: one that is rolled back leaves none.
pub async fn a_failed_transaction_leaves_the_key_undone(subject: Subject<impl Work>) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    let event = event(&subject.kernel, "1");
    let work = async {
        let failed: Result<(), StoreError> = transact!(subject.kernel.store, |tx| {
            tx.append(&event).await?;
            Err(StoreError::Internal("refused".into()))
        });
        failed.unwrap_err();
    };
    once::within(first.held_key(), work).await;
    assert_eq!(begin(&subject, &claim("key", "a", 60)).await, Begun::Started);
    assert_eq!(committed(&subject).await, 0);
}

/// MUST NOT commit when the claim no longer holds the key.
pub async fn a_lost_claim_commits_nothing(subject: Subject<impl Work>) {
    let (late, holder) = (claim("key", "a", 0), claim("key", "a", 60));
    begin(&subject, &late).await;
    assert_eq!(begin(&subject, &holder).await, Begun::Started);
    assert!(matches!(work(&subject, &late).await, Err(StoreError::Unavailable(_))));
    work(&subject, &holder).await.unwrap();
    assert!(subject.idempotency.complete(&holder, &reply("{}")).await.unwrap());
    assert!(work(&subject, &holder).await.is_err());
    let abandoned = claim("other", "a", 0);
    begin(&subject, &abandoned).await;
    subject.idempotency.abandon(&abandoned).await.unwrap();
    assert!(work(&subject, &abandoned).await.is_err());
    assert_eq!(committed(&subject).await, 1);
}

/// MUST change nothing when the claim no longer holds the key; and who extends holds it as
/// before.
pub async fn a_lease_that_is_extended_lasts_longer(subject: Subject<impl Work>) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    for seconds in [90, 120] {
        assert!(subject.idempotency.extend(&first, at(seconds)).await.unwrap());
        let running = Begun::Running { lease_until: at(seconds) };
        assert_eq!(begin(&subject, &claim("key", "a", seconds - 1)).await, running);
        work(&subject, &first).await.unwrap();
    }
    let next = Claim { resumes: true, ..claim("key", "a", 120) };
    assert_eq!(begin(&subject, &next).await, Begun::Started);
    assert!(!subject.idempotency.extend(&first, at(500)).await.unwrap());
    assert_eq!(begin(&subject, &claim("key", "a", 179)).await, Begun::Running { lease_until: at(180) });
    assert!(subject.idempotency.extend(&next, at(240)).await.unwrap());
    assert!(subject.idempotency.complete(&next, &reply("{}")).await.unwrap());
    assert!(!subject.idempotency.extend(&next, at(300)).await.unwrap());
    assert_eq!(committed(&subject).await, 2);
}

/// Whatever was committed under it. MUST change nothing when the claim no longer holds it.
pub async fn what_was_taken_back_was_never_begun(subject: Subject<impl Work>) {
    let (first, rival) = (claim("key", "a", 0), claim("key", "b", 1));
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    work(&subject, &first).await.unwrap();
    subject.idempotency.take_back(&first).await.unwrap();
    assert_eq!(begin(&subject, &rival).await, Begun::Started);
    subject.idempotency.take_back(&first).await.unwrap();
    assert!(matches!(begin(&subject, &claim("key", "b", 2)).await, Begun::Running { .. }));
    assert!(subject.idempotency.complete(&rival, &reply("rival")).await.unwrap());
    subject.idempotency.take_back(&rival).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 3)).await, Begun::Replay(reply("rival")));
}

/// Forgets what was begun at `before` or earlier, at most so many at once, the oldest first.
pub async fn prune_forgets_old_keys_only(subject: Subject<impl Work>) {
    for (key, seconds) in [("old", 0), ("edge", 10), ("young", 11)] {
        let claim = claim(key, "a", seconds);
        begin(&subject, &claim).await;
        subject.idempotency.complete(&claim, &reply(key)).await.unwrap();
    }
    let other = Claim { requester: Requester::user(UserId::new(8)), ..claim("old", "a", 5) };
    begin(&subject, &other).await;
    let prune = async |limit| subject.idempotency.prune(at(10), limit).await.unwrap();
    assert_eq!(prune(1).await, 1);
    assert_eq!(begin(&subject, &claim("edge", "a", 20)).await, Begun::Replay(reply("edge")));
    assert_eq!((prune(1).await, prune(10).await, prune(10).await), (1, 1, 0));
    for forgotten in
        [claim("old", "b", 20), claim("edge", "b", 20), Claim { requester: other.requester, ..claim("old", "b", 20) }]
    {
        assert_eq!(begin(&subject, &forgotten).await, Begun::Started);
    }
    assert_eq!(begin(&subject, &claim("young", "a", 20)).await, Begun::Replay(reply("young")));
}
