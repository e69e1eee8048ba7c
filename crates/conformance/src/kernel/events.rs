//! Outbox and event log.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, retry_after};
use sharestack_kernel::id::UserId;
use sharestack_kernel::origin::Origin;
use sharestack_kernel::transact;
use uuid::Uuid;

use super::{Subject, Work};

const LEASE: Duration = Duration::from_secs(30);

/// An event of the aggregate `article/{aggregate}`.
pub fn event<T: ?Sized>(subject: &Subject<T>, aggregate: &str) -> DomainEvent {
    DomainEvent {
        id: subject.ids.uuid(),
        kind: "article.published".to_owned(),
        aggregate: "article".to_owned(),
        aggregate_id: aggregate.to_owned(),
        actor: Some(UserId::new(7)),
        origin: Some(Origin {
            ip: Some("2001:db8::1".to_owned()),
            user_agent: Some("浏览器 '\"".to_owned()),
            request_id: Some("req_1".to_owned()),
        }),
        occurred_at: subject.clock.now(),
        payload: json!({ "title": "标题 <b>'\"\\" }),
    }
}

pub(super) async fn append<T: Work>(subject: &Subject<T>, aggregates: &[&str]) -> Vec<DomainEvent> {
    let events: Vec<_> = aggregates.iter().map(|aggregate| event(subject, aggregate)).collect();
    let result: Result<(), StoreError> = transact!(subject.store, |tx| {
        for event in &events {
            tx.append(event).await?;
        }
        Ok(())
    });
    result.unwrap();
    events
}

fn ids(events: &[DomainEvent]) -> Vec<Uuid> {
    events.iter().map(|event| event.id).collect()
}

pub(super) async fn claim<T>(subject: &Subject<T>, holder: Uuid, limit: u64) -> Vec<DomainEvent> {
    subject.events.claim(holder, LEASE, limit).await.unwrap()
}

/// Every field comes back.
pub async fn an_event_reads_back_as_it_was_written<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1"]).await;
    assert_eq!(claim(&subject, subject.ids.uuid(), 10).await, written);
}

/// MUST keep the order in which one transaction appended events of one aggregate.
pub async fn keeps_the_order_of_one_aggregate<T: Work>(subject: Subject<T>) {
    let mut written = append(&subject, &["1"; 12]).await;
    written.extend(append(&subject, &["1"; 3]).await);
    assert_eq!(ids(&claim(&subject, subject.ids.uuid(), 100).await), ids(&written));
}

/// MUST not hand an event to two holders at once.
pub async fn never_hands_an_event_to_two_holders<T: Work>(subject: Subject<T>) {
    let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    append(&subject, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let claims = join_all((0..8).map(|_| claim(&subject, subject.ids.uuid(), 10))).await;
    let all: Vec<Uuid> = claims.iter().flat_map(|events| ids(events)).collect();
    assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len());
    assert_eq!(all.len(), 40);
}

/// MUST hand out a dead holder's events again after the lease.
pub async fn hands_out_a_dead_holders_events_after_the_lease<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1", "2"]).await;
    claim(&subject, subject.ids.uuid(), 10).await;
    subject.clock.advance(chrono::Duration::seconds(29));
    assert!(claim(&subject, subject.ids.uuid(), 10).await.is_empty());
    subject.clock.advance(chrono::Duration::seconds(2));
    assert_eq!(ids(&claim(&subject, subject.ids.uuid(), 10).await), ids(&written));
}

/// MUST never hand out an event while an earlier one of its aggregate is undelivered and
/// not in the same batch before it.
pub async fn never_overtakes_an_undelivered_event_of_the_aggregate<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1", "1", "2"]).await;
    let (first, second) = (subject.ids.uuid(), subject.ids.uuid());
    assert_eq!(ids(&claim(&subject, first, 1).await), ids(&written[..1]));
    assert_eq!(ids(&claim(&subject, second, 10).await), ids(&written[2..]));
    subject.events.postpone(first, written[0].id, Duration::from_secs(5)).await.unwrap();
    assert!(claim(&subject, second, 10).await.is_empty());
    subject.clock.advance(chrono::Duration::seconds(6));
    assert_eq!(ids(&claim(&subject, second, 10).await), ids(&written[..2]));
}

/// A delivered event is not offered again, and only its holder can mark it.
pub async fn delivered_events_do_not_come_back<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1"]).await;
    let holder = subject.ids.uuid();
    claim(&subject, holder, 10).await;
    subject.events.delivered(subject.ids.uuid(), written[0].id).await.unwrap();
    assert_eq!(subject.events.lag().await.unwrap().count, 1);
    subject.events.delivered(holder, written[0].id).await.unwrap();
    subject.clock.advance(chrono::Duration::hours(1));
    assert!(claim(&subject, holder, 10).await.is_empty());
    assert_eq!(subject.events.lag().await.unwrap().count, 0);
}

/// How many wait, and since when.
pub async fn lag_counts_what_waits<T: Work>(subject: Subject<T>) {
    assert_eq!(subject.events.lag().await.unwrap().oldest, None);
    let oldest = subject.clock.now();
    append(&subject, &["1"]).await;
    subject.clock.advance(chrono::Duration::microseconds(1_500_001));
    append(&subject, &["2"]).await;
    let lag = subject.events.lag().await.unwrap();
    assert_eq!((lag.count, lag.oldest), (2, Some(oldest)));
}

/// MUST keep every event that is not delivered, however old; the others go at their time,
/// at most so many at once.
pub async fn prune_forgets_delivered_events_only<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1", "2", "3", "4"]).await;
    let holder = subject.ids.uuid();
    claim(&subject, holder, 10).await;
    let delivered = subject.clock.now();
    for event in &written[..3] {
        subject.events.delivered(holder, event.id).await.unwrap();
    }
    subject.clock.advance(chrono::Duration::days(40));
    assert_eq!(subject.events.prune(delivered, 10).await.unwrap(), 0);
    let prune = async |limit| subject.events.prune(subject.clock.now(), limit).await.unwrap();
    assert_eq!((prune(2).await, prune(2).await, prune(2).await), (2, 1, 0));
    assert_eq!(subject.events.lag().await.unwrap().count, 1);
    assert_eq!(ids(&claim(&subject, subject.ids.uuid(), 10).await), [written[3].id]);
}

/// After one second, two, four … and no sooner; whoever lost it changes nothing.
pub async fn a_failed_event_comes_back_later_each_time<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1"]).await;
    let (holder, id) = (subject.ids.uuid(), written[0].id);
    for failures in 1..=6 {
        assert_eq!(ids(&claim(&subject, holder, 10).await), [id]);
        assert_eq!(subject.events.failed(subject.ids.uuid(), id, "not mine").await.unwrap(), 0);
        assert_eq!(subject.events.failed(holder, id, "错误 'x'").await.unwrap(), failures);
        let wait = chrono::Duration::from_std(retry_after(failures)).unwrap();
        subject.clock.advance(wait - chrono::Duration::milliseconds(10));
        assert!(claim(&subject, holder, 10).await.is_empty(), "too soon after failure {failures}");
        subject.clock.advance(chrono::Duration::milliseconds(20));
    }
    assert_eq!(ids(&claim(&subject, holder, 10).await), [id]);
    subject.events.delivered(holder, id).await.unwrap();
    assert_eq!(subject.events.lag().await.unwrap().count, 0);
}

/// MUST hold back later events of the same aggregate meanwhile, and those of no other.
pub async fn a_failed_event_holds_back_its_own_aggregate_alone<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1", "1", "2", "3"]).await;
    let holder = subject.ids.uuid();
    assert_eq!(ids(&claim(&subject, holder, 1).await), ids(&written[..1]));
    subject.events.failed(holder, written[0].id, "broken").await.unwrap();
    assert_eq!(ids(&claim(&subject, holder, 10).await), ids(&written[2..]));
    let more = append(&subject, &["1", "4"]).await;
    assert_eq!(ids(&claim(&subject, holder, 10).await), ids(&more[1..]));
    subject.clock.advance(chrono::Duration::seconds(2));
    assert_eq!(ids(&claim(&subject, holder, 10).await), [written[0].id, written[1].id, more[0].id]);
}

/// Delivered ones are stuck no longer.
pub async fn stuck_counts_what_failed_often<T: Work>(subject: Subject<T>) {
    let written = append(&subject, &["1", "2"]).await;
    let holder = subject.ids.uuid();
    for _ in 0..3 {
        claim(&subject, holder, 10).await;
        subject.events.failed(holder, written[0].id, "broken").await.unwrap();
        subject.clock.advance(chrono::Duration::minutes(5));
    }
    let stuck = [1, 3, 4].map(|failures| subject.events.stuck(failures));
    assert_eq!(join_all(stuck).await.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 1, 0]);
    claim(&subject, holder, 10).await;
    subject.events.delivered(holder, written[0].id).await.unwrap();
    assert_eq!(subject.events.stuck(1).await.unwrap(), 0);
}
