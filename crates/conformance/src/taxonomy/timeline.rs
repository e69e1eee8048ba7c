//! The timeline.

use sharestack_content::model::{
    EventDate, EventKind, EventTitle, Note, PhotoId, PhotoStatus, TimelineEvent, TimelineEventId,
};
use sharestack_content::ports::{EventWriteError, YearMonth};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::{Subject, now, photo, taken};

#[derive(Debug)]
enum Failure {
    Stale,
    Store(StoreError),
}

sharestack_kernel::carries_store!(Failure);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<EventWriteError> for Failure {
    fn from(error: EventWriteError) -> Self {
        match error {
            EventWriteError::Stale => Self::Stale,
            EventWriteError::Store(error) => Self::Store(error),
        }
    }
}

fn event(id: i64, date: &str) -> TimelineEvent {
    TimelineEvent {
        id: TimelineEventId::new(id),
        title: EventTitle::stored("首次夜景拍摄".to_owned()),
        description: None,
        date: EventDate::parse(date).unwrap(),
        kind: EventKind::Milestone,
        photos: Vec::new(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

const fn month(year: i32, month: u32) -> YearMonth {
    YearMonth { year, month }
}

impl Subject {
    async fn tell(&self, events: &[TimelineEvent]) {
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            for event in events {
                tx.timeline().insert(event).await?;
            }
            Ok(())
        });
        done.unwrap();
    }

    async fn told(&self, id: i64) -> Option<TimelineEvent> {
        self.timeline.find_event(TimelineEventId::new(id)).await.unwrap()
    }
}

/// Its photos in their order; a change replaces them.
pub async fn an_event_reads_back_as_it_was_written(subject: Subject) {
    let whole = TimelineEvent {
        description: Some(Note::stored("第一次尝试".to_owned())),
        kind: EventKind::Achievement,
        photos: [31, 15, 23].map(PhotoId::new).into(),
        ..event(1, "2024-03-15")
    };
    subject.tell(&[whole.clone(), event(2, "2024-03-16")]).await;
    assert_eq!(subject.told(1).await, Some(whole.clone()));
    let changed = TimelineEvent { photos: [15, 7].map(PhotoId::new).into(), description: None, version: 2, ..whole };
    let done: Result<(), Failure> = transact!(subject.store, |tx| { Ok(tx.timeline().update(&changed, 1).await?) });
    done.unwrap();
    assert_eq!(subject.told(1).await, Some(changed));
    let done: Result<(), Failure> =
        transact!(subject.store, |tx| { Ok(tx.timeline().delete(TimelineEventId::new(1), 2).await?) });
    done.unwrap();
    assert_eq!((subject.told(1).await, subject.told(2).await), (None, Some(event(2, "2024-03-16"))));
}

/// Neither an edit nor a removal.
pub async fn a_stale_event_is_left_alone(subject: Subject) {
    let first = TimelineEvent { photos: vec![PhotoId::new(1)], ..event(1, "2024-03-15") };
    subject.tell(std::slice::from_ref(&first)).await;
    let changed = TimelineEvent { version: 6, photos: Vec::new(), ..first.clone() };
    let updated: Result<(), Failure> = transact!(subject.store, |tx| { Ok(tx.timeline().update(&changed, 5).await?) });
    assert!(matches!(updated, Err(Failure::Stale)), "{updated:?}");
    let deleted: Result<(), Failure> =
        transact!(subject.store, |tx| { Ok(tx.timeline().delete(TimelineEventId::new(1), 5).await?) });
    assert!(matches!(deleted, Err(Failure::Stale)), "{deleted:?}");
    assert_eq!(subject.told(1).await, Some(first));
}

/// The first and the last day included.
pub async fn events_are_found_by_their_months(subject: Subject) {
    let all = [
        event(1, "2024-02-29"),
        event(2, "2024-03-31"),
        event(3, "2024-03-01"),
        event(4, "2024-04-01"),
        event(5, "2023-03-15"),
    ];
    assert_eq!(subject.timeline.event_years().await.unwrap(), None);
    subject.tell(&all).await;
    assert_eq!(subject.timeline.event_years().await.unwrap(), Some((2023, 2024)));
    let found = async |from, to| -> Vec<i64> {
        subject.timeline.events(from, to).await.unwrap().into_iter().map(|event| event.id.get()).collect()
    };
    assert_eq!(found(month(2024, 3), month(2024, 3)).await, [3, 2]);
    assert_eq!(found(month(2024, 1), month(2024, 12)).await, [1, 3, 2, 4]);
    assert_eq!(found(month(1, 1), month(9999, 12)).await, [5, 1, 3, 2, 4]);
}

/// By the clocks of the place, the latest first, listed ones alone.
pub async fn months_have_their_latest_photos(subject: Subject) {
    let draft =
        sharestack_content::model::Photo { status: PhotoStatus::Draft, ..taken(5, "2024-01-20T10:00:00+08:00") };
    let photos = [
        taken(1, "2024-01-15T18:30:00Z"),
        // Already February in Shanghai, where it is still January by UTC, and the reverse in New York.
        taken(2, "2024-02-01T00:30:00+08:00"),
        taken(3, "2024-01-31T23:30:00-05:00"),
        taken(4, "2024-01-16T08:00:00Z"),
        draft,
        photo(6),
        taken(7, "2023-12-31T23:59:59Z"),
    ];
    subject.keep(&photos).await;
    let months = subject.timeline.months().await.unwrap();
    assert_eq!(months, [(month(2023, 12), 1), (month(2024, 1), 3), (month(2024, 2), 1)]);
    let all: Vec<_> = months.iter().map(|(month, _)| *month).collect();
    let latest = async |limit| -> Vec<(YearMonth, i64)> {
        let found = subject.timeline.photos(&all, limit).await.unwrap();
        found.into_iter().map(|(month, photo)| (month, photo.get())).collect()
    };
    let (december, january, february) = (all[0], all[1], all[2]);
    assert_eq!(latest(2).await, [(december, 7), (january, 3), (january, 4), (february, 2)]);
    assert_eq!(latest(5).await.len(), 5);
    assert!(subject.timeline.photos(&[], 5).await.unwrap().is_empty());
}

/// Any number of them, of photos and of events.
pub async fn a_long_archive_has_all_its_months(subject: Subject) {
    let all: Vec<YearMonth> = (1980..=2024).flat_map(|year| (1..=12).map(move |number| month(year, number))).collect();
    let day = |one: &YearMonth| format!("{:04}-{:02}-15", one.year, one.month);
    let photos: Vec<_> = (1..).zip(&all).map(|(id, one)| taken(id, &format!("{}T12:00:00Z", day(one)))).collect();
    subject.keep(&photos).await;
    let related = |id| vec![PhotoId::new(id)];
    let events: Vec<_> =
        (1..).zip(&all).map(|(id, one)| TimelineEvent { photos: related(id), ..event(id, &day(one)) }).collect();
    subject.tell(&events).await;
    let found = subject.timeline.photos(&all, 100).await.unwrap();
    let expected: Vec<_> = all.iter().copied().zip((1..).map(PhotoId::new)).collect();
    assert_eq!(found, expected);
    let told = subject.timeline.events(all[0], month(2024, 12)).await.unwrap();
    assert_eq!(told.len(), 540);
    assert!(told.iter().all(|event| event.photos == related(event.id.get())));
}
