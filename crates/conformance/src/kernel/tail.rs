//! Events that are followed.

use sharestack_kernel::clock::Clock;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::tail::Positioned;
use uuid::Uuid;

use super::events::{append, claim};
use super::{Subject, Work};

fn ids(events: &[Positioned]) -> Vec<Uuid> {
    events.iter().map(|event| event.id).collect()
}

fn written(events: &[DomainEvent]) -> Vec<Uuid> {
    events.iter().map(|event| event.id).collect()
}

/// Whoever asks, in pieces or at once.
pub async fn everybody_sees_every_committed_event_in_order<T: Work>(subject: Subject<T>) {
    let events = append(&subject, &["1", "2", "1", "3"]).await;
    let all = subject.tail.read(0, &[], 100).await.unwrap();
    assert_eq!(ids(&all), written(&events));
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!((all[3].kind.as_str(), all[3].aggregate.as_str()), ("article.published", "article"));
    assert_eq!(all[3].aggregate_id, "3");
    assert_eq!(subject.tail.read(all[1].position, &[], 1).await.unwrap(), all[2..3]);
    assert_eq!(subject.tail.read(all[3].position, &[], 100).await.unwrap(), []);
}

/// MUST show an event whether or not it was claimed or delivered, until it is pruned.
pub async fn delivery_takes_nothing_from_those_who_follow<T: Work>(subject: Subject<T>) {
    let events = append(&subject, &["1", "2"]).await;
    let holder = subject.ids.uuid();
    claim(&subject, holder, 10).await;
    subject.events.delivered(holder, events[0].id).await.unwrap();
    assert_eq!(ids(&subject.tail.read(0, &[], 10).await.unwrap()), written(&events));
    subject.clock.advance(chrono::Duration::days(40));
    subject.events.prune(subject.clock.now(), 100).await.unwrap();
    assert_eq!(ids(&subject.tail.read(0, &[], 10).await.unwrap()), written(&events[1..]));
}

/// Positions that a reader left out are there when it asks for them.
pub async fn a_position_that_was_missing_is_found_later<T: Work>(subject: Subject<T>) {
    append(&subject, &["1", "2", "3", "4"]).await;
    let all = subject.tail.read(0, &[], 10).await.unwrap();
    let missing = [all[0].position, all[1].position, all[3].position + 50];
    let found = subject.tail.read(all[2].position, &missing, 10).await.unwrap();
    assert_eq!(ids(&found), ids(&[all[0].clone(), all[1].clone(), all[3].clone()]));
}

/// However few are asked for.
pub async fn the_last_events_come_in_their_order<T: Work>(subject: Subject<T>) {
    assert_eq!(subject.tail.last(5).await.unwrap(), []);
    let events = append(&subject, &["1", "2", "3"]).await;
    assert_eq!(ids(&subject.tail.last(2).await.unwrap()), written(&events[1..]));
    assert_eq!(ids(&subject.tail.last(5).await.unwrap()), written(&events));
}
