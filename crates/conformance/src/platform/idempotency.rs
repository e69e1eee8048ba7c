//! [`sharestack_platform::ports::IdempotencyStore`].

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use sharestack_kernel::id::UserId;
use sharestack_platform::model::{Begun, Claim, Fingerprint, IdempotencyKey, Requester, StoredReply};

use super::Subject;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_768_473_000 + seconds, 123_456_000).unwrap()
}

fn claim(key: &str, body: &str, seconds: i64) -> Claim {
    Claim {
        requester: Requester::user(UserId::new(7)),
        key: IdempotencyKey::parse(key).unwrap(),
        fingerprint: Fingerprint::of("POST", "/orders", body.as_bytes()),
        claimed_at: at(seconds),
        lease_until: at(seconds + 60),
        forget_before: at(seconds) - TimeDelta::hours(24),
    }
}

fn reply(body: &str) -> StoredReply {
    let headers = vec![("location".to_owned(), "/orders/1".to_owned()), ("x".to_owned(), "ü\"".to_owned())];
    StoredReply { status: 201, headers, body: body.to_owned() }
}

async fn begin(subject: &Subject, claim: &Claim) -> Begun {
    subject.idempotency.begin(claim).await.unwrap()
}

/// MUST return `Started` to one of many that claim at the same time.
pub async fn starts_one_of_many_that_claim_at_the_same_time(subject: Subject) {
    let claims = (0..20).map(|n| {
        let store = subject.idempotency.clone();
        tokio::spawn(async move { store.begin(&claim("key", "a", n)).await.unwrap() })
    });
    let begun: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|one| **one == Begun::Started).count(), 1);
    assert_eq!(begun.iter().filter(|one| matches!(one, Begun::Running { .. })).count(), 19);
}

/// MUST return `Replay` when it was completed.
pub async fn replays_the_answer_it_was_completed_with(subject: Subject) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    let answer = reply(&format!(r#"{{"text":"中文 {}"}}"#, "x".repeat(100_000)));
    assert!(subject.idempotency.complete(&first, &answer).await.unwrap());
    for seconds in [1, 60, 86_399] {
        assert_eq!(begin(&subject, &claim("key", "a", seconds)).await, Begun::Replay(answer.clone()));
    }
}

/// MUST return `Running` while another's lease lasts.
pub async fn is_running_while_the_lease_lasts(subject: Subject) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "a", 59)).await, Begun::Running { lease_until: at(60) });
}

/// MUST return `Mismatch`, whether the other runs or is done.
pub async fn refuses_another_fingerprint(subject: Subject) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "b", 1)).await, Begun::Mismatch);
    subject.idempotency.complete(&first, &reply("{}")).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 2)).await, Begun::Mismatch);
}

/// MUST return `Started` again once the lease has passed.
pub async fn starts_again_after_the_lease(subject: Subject) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "a", 60)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("key", "a", 61)).await, Begun::Running { lease_until: at(120) });
}

/// MUST return `Started` again once the key was abandoned, for another request too.
pub async fn starts_again_when_abandoned(subject: Subject) {
    let first = claim("key", "a", 0);
    assert_eq!(begin(&subject, &first).await, Begun::Started);
    subject.idempotency.abandon(&first).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 1)).await, Begun::Started);
}

/// MUST return `Started` again when it was begun at `forget_before` or earlier.
pub async fn starts_again_after_it_is_forgotten(subject: Subject) {
    let first = claim("key", "a", 0);
    begin(&subject, &first).await;
    subject.idempotency.complete(&first, &reply("{}")).await.unwrap();
    assert_eq!(begin(&subject, &claim("key", "b", 86_400)).await, Begun::Started);
    assert!(matches!(begin(&subject, &claim("key", "b", 86_401)).await, Begun::Running { .. }));
}

/// MUST return `Started` to one of those that find the lease passed.
pub async fn one_rival_takes_over_an_expired_lease(subject: Subject) {
    assert_eq!(begin(&subject, &claim("key", "a", 0)).await, Begun::Started);
    let rivals = (0..20).map(|n| {
        let store = subject.idempotency.clone();
        tokio::spawn(async move { store.begin(&claim("key", "a", 100 + n)).await.unwrap() })
    });
    let begun: Vec<_> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|one| **one == Begun::Started).count(), 1);
}

/// One requester never meets another's keys; keys differ by every letter.
pub async fn requesters_and_keys_are_apart(subject: Subject) {
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
pub async fn a_lost_claim_changes_nothing(subject: Subject) {
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

/// Forgets what was begun at `before` or earlier.
pub async fn prune_forgets_old_keys_only(subject: Subject) {
    for (key, seconds) in [("old", 0), ("edge", 10), ("young", 11)] {
        let claim = claim(key, "a", seconds);
        begin(&subject, &claim).await;
        subject.idempotency.complete(&claim, &reply(key)).await.unwrap();
    }
    assert_eq!(subject.idempotency.prune(at(10)).await.unwrap(), 2);
    assert_eq!(begin(&subject, &claim("old", "b", 20)).await, Begun::Started);
    assert_eq!(begin(&subject, &claim("young", "a", 20)).await, Begun::Replay(reply("young")));
}
