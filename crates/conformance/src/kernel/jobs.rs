//! The job queue.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::{ClaimedJob, NewJob};
use sharestack_kernel::transact;
use uuid::Uuid;

use super::events::event;
use super::{Subject, Work};

const LEASE: Duration = Duration::from_secs(30);

fn job<T: ?Sized>(subject: &Subject<T>) -> NewJob {
    NewJob::new(subject.ids.uuid(), "mail", json!({ "to": "读者" }), subject.clock.now())
}

async fn enqueue<T: Work>(subject: &Subject<T>, job: &NewJob) -> bool {
    let result: Result<bool, StoreError> = transact!(subject.store, |tx| { tx.enqueue(job).await });
    result.unwrap()
}

async fn claim<T: ?Sized>(subject: &Subject<T>, holder: Uuid) -> Vec<ClaimedJob> {
    subject.jobs.claim(holder, &["mail"], LEASE, 10).await.unwrap()
}

async fn revive<T: ?Sized>(subject: &Subject<T>, job: Uuid) -> bool {
    subject.jobs.revive(job, &event(subject, "job")).await.unwrap()
}

fn ids(jobs: &[ClaimedJob]) -> Vec<Uuid> {
    jobs.iter().map(|job| job.id).collect()
}

/// The highest priority first, then the oldest.
pub async fn hands_out_due_jobs_by_priority_then_time<T: Work>(subject: Subject<T>) {
    let old = job(&subject);
    enqueue(&subject, &old).await;
    subject.clock.advance(chrono::Duration::seconds(1));
    let new = job(&subject);
    enqueue(&subject, &new).await;
    let urgent = NewJob { priority: 5, ..job(&subject) };
    enqueue(&subject, &urgent).await;
    let other = NewJob { kind: "media".to_owned(), ..job(&subject) };
    enqueue(&subject, &other).await;
    let claimed = claim(&subject, subject.ids.uuid()).await;
    let found: HashSet<_> = ids(&claimed).into_iter().collect();
    assert_eq!(found, HashSet::from([urgent.id, old.id, new.id]));
    assert_eq!(ids(&claimed), [urgent.id, old.id, new.id]);
    assert_eq!((claimed[0].attempt, &claimed[0].payload), (1, &urgent.payload));
}

/// A job waits for its time.
pub async fn does_not_hand_out_a_job_before_its_time<T: Work>(subject: Subject<T>) {
    let later = NewJob { run_at: subject.clock.now() + chrono::Duration::minutes(1), ..job(&subject) };
    enqueue(&subject, &later).await;
    assert!(claim(&subject, subject.ids.uuid()).await.is_empty());
    assert_eq!(subject.jobs.backlog().await.unwrap().count, 0);
    subject.clock.advance(chrono::Duration::minutes(1));
    assert_eq!(subject.jobs.backlog().await.unwrap().count, 1);
    assert_eq!(ids(&claim(&subject, subject.ids.uuid()).await), [later.id]);
}

/// MUST not hand a job to two holders at once.
pub async fn never_hands_a_job_to_two_holders<T: Work>(subject: Subject<T>) {
    for _ in 0..30 {
        enqueue(&subject, &job(&subject)).await;
    }
    let mut all = Vec::new();
    while all.len() < 30 {
        let claims = join_all((0..6).map(|_| claim(&subject, subject.ids.uuid()))).await;
        all.extend(claims.iter().flat_map(|jobs| ids(jobs)));
    }
    assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len());
}

/// MUST count how many holders died; one that fails is none of them.
pub async fn holders_that_died_are_counted<T: Work>(subject: Subject<T>) {
    let job = job(&subject);
    enqueue(&subject, &job).await;
    for (attempt, lost, dies) in [(1, 0, true), (2, 1, false), (3, 1, true), (4, 2, true), (5, 3, false)] {
        let (holder, now) = (subject.ids.uuid(), subject.clock.now());
        let held = claim(&subject, holder).await;
        assert_eq!((held[0].attempt, held[0].lost), (attempt, lost));
        if dies {
            subject.clock.advance(chrono::Duration::seconds(31));
        } else {
            subject.jobs.fail(holder, job.id, "refused", Some(now)).await.unwrap();
        }
    }
    let holder = subject.ids.uuid();
    assert_eq!(claim(&subject, holder).await[0].lost, 3);
    subject.jobs.fail(holder, job.id, "refused", None).await.unwrap();
    assert!(revive(&subject, job.id).await);
    assert_eq!(claim(&subject, holder).await[0].lost, 0);
}

/// MUST hand out a dead holder's job again after the lease, as a further attempt.
pub async fn hands_out_a_dead_holders_job_as_a_further_attempt<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let (dead, alive) = (subject.ids.uuid(), subject.ids.uuid());
    let first = claim(&subject, dead).await;
    subject.clock.advance(chrono::Duration::seconds(31));
    let again = claim(&subject, alive).await;
    assert_eq!((ids(&again), again[0].attempt), (ids(&first), 2));
    // The dead holder, back from the dead, changes nothing.
    subject.jobs.complete(dead, first[0].id).await.unwrap();
    assert!(!subject.jobs.extend(dead, first[0].id, LEASE).await.unwrap());
    assert!(subject.jobs.extend(alive, first[0].id, LEASE).await.unwrap());
}

/// A sign of life keeps the lease.
pub async fn extend_keeps_a_running_job<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    for _ in 0..3 {
        subject.clock.advance(chrono::Duration::seconds(20));
        assert!(subject.jobs.extend(holder, held[0].id, LEASE).await.unwrap());
        assert!(claim(&subject, subject.ids.uuid()).await.is_empty());
    }
}

/// A failure is offered again when it was said.
pub async fn a_failed_job_comes_back_at_its_time<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    let retry = subject.clock.now() + chrono::Duration::seconds(10);
    subject.jobs.fail(holder, held[0].id, "refused", Some(retry)).await.unwrap();
    assert!(claim(&subject, holder).await.is_empty());
    subject.clock.advance(chrono::Duration::seconds(10));
    assert_eq!(claim(&subject, holder).await[0].attempt, 2);
}

/// A job that was given up stays where it is, and is counted.
pub async fn a_dead_letter_does_not_come_back<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    subject.jobs.fail(holder, held[0].id, "refused for good", None).await.unwrap();
    subject.clock.advance(chrono::Duration::days(1));
    assert!(claim(&subject, holder).await.is_empty());
    assert_eq!(subject.jobs.dead_letters().await.unwrap(), 1);
}

/// Returns `false`, and enqueues nothing, when a job with the same dedupe key waits or runs.
pub async fn a_twin_is_not_enqueued_while_the_first_waits_or_runs<T: Work>(subject: Subject<T>) {
    let twin = |subject: &Subject<T>| NewJob { dedupe_key: Some("expire:1".to_owned()), ..job(subject) };
    assert!(enqueue(&subject, &twin(&subject)).await);
    assert!(!enqueue(&subject, &twin(&subject)).await);
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    assert_eq!(held.len(), 1);
    assert!(!enqueue(&subject, &twin(&subject)).await);
    subject.jobs.complete(holder, held[0].id).await.unwrap();
    assert!(enqueue(&subject, &twin(&subject)).await);
    let rivals: Vec<_> = (0..8).map(|_| NewJob { dedupe_key: Some("expire:2".to_owned()), ..job(&subject) }).collect();
    let won = join_all(rivals.iter().map(|rival| enqueue(&subject, rival))).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
}

/// Done is done.
pub async fn completed_jobs_do_not_come_back<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    subject.jobs.complete(holder, held[0].id).await.unwrap();
    subject.clock.advance(chrono::Duration::days(1));
    assert!(claim(&subject, holder).await.is_empty());
}

/// MUST make a dead letter of a job whose last holder died, and never hand it out again.
pub async fn a_job_that_takes_every_worker_down_is_a_dead_letter<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &NewJob { max_attempts: 2, ..job(&subject) }).await;
    for attempt in 1..=2 {
        assert_eq!(claim(&subject, subject.ids.uuid()).await[0].attempt, attempt);
        subject.clock.advance(chrono::Duration::minutes(1));
    }
    assert!(claim(&subject, subject.ids.uuid()).await.is_empty());
    assert_eq!(subject.jobs.dead_letters().await.unwrap(), 1);
}

/// MUST forget its payload, which may be secret.
pub async fn a_completed_job_leaves_no_payload<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    subject.jobs.complete(holder, held[0].id).await.unwrap();
    assert_eq!((subject.payloads)().await, ["{}"]);
}

/// What was given up is listed with its reason, and offered again when somebody says so.
pub async fn a_dead_letter_is_listed_and_revived_as_new<T: Work>(subject: Subject<T>) {
    for _ in 0..2 {
        enqueue(&subject, &job(&subject)).await;
    }
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    for one in &held {
        assert!(!revive(&subject, one.id).await, "a running job is no dead letter");
        subject.jobs.fail(holder, one.id, "refused for good", None).await.unwrap();
        subject.clock.advance(chrono::Duration::seconds(1));
    }
    let dead = subject.jobs.list_dead(Some("mail"), 10).await.unwrap();
    assert_eq!(dead.iter().map(|dead| dead.id).collect::<Vec<_>>(), [held[1].id, held[0].id]);
    assert_eq!((dead[0].kind.as_str(), dead[0].attempts, dead[0].last_error.as_str()), ("mail", 1, "refused for good"));
    assert!(subject.jobs.list_dead(Some("media"), 10).await.unwrap().is_empty());
    assert_eq!(subject.jobs.list_dead(None, 1).await.unwrap().len(), 1);
    assert_eq!(subject.jobs.find_dead(dead[0].id).await.unwrap().as_ref(), Some(&dead[0]));
    assert_eq!(subject.jobs.find_dead(Uuid::nil()).await.unwrap(), None);
    assert!(revive(&subject, held[0].id).await);
    assert!(!revive(&subject, held[0].id).await);
    assert_eq!(subject.jobs.dead_letters().await.unwrap(), 1);
    let again = claim(&subject, holder).await;
    assert_eq!((ids(&again), again[0].attempt, &again[0].payload), (vec![held[0].id], 1, &held[0].payload));
}

/// MUST leave what tells of it exactly when a dead letter is offered again.
pub async fn a_revival_is_told_of_and_a_refused_one_is_not<T: Work>(subject: Subject<T>) {
    enqueue(&subject, &job(&subject)).await;
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    let told = [event(&subject, "1"), event(&subject, "2"), event(&subject, "3")];
    assert!(!subject.jobs.revive(held[0].id, &told[0]).await.unwrap(), "it runs");
    subject.jobs.fail(holder, held[0].id, "refused", None).await.unwrap();
    assert!(subject.jobs.revive(held[0].id, &told[1]).await.unwrap());
    assert!(!subject.jobs.revive(held[0].id, &told[2]).await.unwrap(), "it waits");
    let left = subject.events.claim(holder, LEASE, 10).await.unwrap();
    assert_eq!(left, [told[1].clone()]);
}

/// MUST keep every job that waits or runs, however old; what was done or given up goes at
/// its time, at most so many at once.
pub async fn prune_forgets_what_was_done_or_given_up_long_ago<T: Work>(subject: Subject<T>) {
    let jobs = &subject.jobs;
    for _ in 0..6 {
        enqueue(&subject, &job(&subject)).await;
    }
    let holder = subject.ids.uuid();
    let held = claim(&subject, holder).await;
    for done in &held[..3] {
        jobs.complete(holder, done.id).await.unwrap();
    }
    for dead in &held[3..5] {
        jobs.fail(holder, dead.id, "refused", None).await.unwrap();
    }
    // One runs, and another waits.
    enqueue(&subject, &job(&subject)).await;
    let finished = subject.clock.now();
    let later = finished + chrono::Duration::days(1);
    subject.clock.advance(chrono::Duration::days(30));
    assert_eq!(jobs.prune(finished, finished, 10).await.unwrap(), 0);
    assert_eq!(jobs.prune(later, finished, 2).await.unwrap(), 2);
    assert_eq!(jobs.prune(later, finished, 2).await.unwrap(), 1);
    assert_eq!((jobs.dead_letters().await.unwrap(), (subject.payloads)().await.len()), (2, 4));
    assert!(revive(&subject, held[3].id).await);
    assert_eq!(jobs.prune(later, later, 10).await.unwrap(), 1);
    assert_eq!((jobs.dead_letters().await.unwrap(), (subject.payloads)().await.len()), (0, 3));
    assert_eq!(claim(&subject, subject.ids.uuid()).await.len(), 3);
}
