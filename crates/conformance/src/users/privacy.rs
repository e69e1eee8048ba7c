//! [`sharestack_users::ports::PrivacyRepository`] and [`sharestack_users::ports::PrivacyQueries`].

use chrono::Duration;
use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::model::{Departure, Export, ExportId, ExportState};
use uuid::Uuid;

use super::{Subject, now, user};

fn export(number: u128, user_id: UserId) -> Export {
    Export { id: ExportId::new(Uuid::from_u128(number)), user_id, requested_at: now(), state: ExportState::Pending }
}

/// Made an hour after it was asked for, and to go after `days`.
fn ready(export: &Export, days: i64) -> Export {
    let at = export.requested_at + Duration::hours(1);
    let file = format!("exports/{}.zip", export.id);
    let state = ExportState::Ready { at, file, size: 5_000_000_000, expires_at: at + Duration::days(days) };
    Export { state, ..export.clone() }
}

fn failed(export: &Export) -> Export {
    Export { state: ExportState::Failed { at: now() + Duration::hours(2) }, ..export.clone() }
}

fn expired(export: &Export) -> Export {
    Export { state: ExportState::Expired, ..export.clone() }
}

fn in_state(export: &Export, state: &str) -> Export {
    match state {
        "ready" => ready(export, 7),
        "failed" => failed(export),
        "expired" => expired(export),
        _ => export.clone(),
    }
}

impl Subject {
    async fn ask(&self, export: &Export) {
        let done: Result<(), StoreError> = transact!(self.store, |tx| { tx.privacy().insert_export(export).await });
        done.unwrap();
    }

    async fn move_on(&self, export: &Export) -> bool {
        let moved: Result<_, StoreError> = transact!(self.store, |tx| { tx.privacy().update_export(export).await });
        moved.unwrap()
    }

    async fn copy(&self, id: ExportId) -> Option<Export> {
        self.privacy.find_export(id).await.unwrap()
    }

    async fn wish(&self, departure: &Departure) -> bool {
        let noted: Result<_, StoreError> =
            transact!(self.store, |tx| { tx.privacy().insert_departure(departure).await });
        noted.unwrap()
    }
}

/// Every field comes back.
pub async fn a_copy_reads_back_in_each_state(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let (one, other) = (export(1, id), export(2, id));
    subject.ask(&one).await;
    subject.ask(&other).await;
    assert_eq!(subject.copy(one.id).await, Some(one.clone()));
    for state in [ready(&one, 7), expired(&one)] {
        assert!(subject.move_on(&state).await);
        assert_eq!(subject.copy(one.id).await, Some(state));
    }
    assert!(subject.move_on(&failed(&other)).await);
    assert_eq!(subject.copy(other.id).await, Some(failed(&other)));
    assert_eq!(subject.copy(export(3, id).id).await, None);
}

/// MUST change nothing when it is gone or was moved on before: to ready or failed from
/// pending alone, and to expired from ready.
pub async fn a_copy_moves_on_once_and_in_its_order(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    assert!(!subject.move_on(&ready(&export(9, id), 7)).await, "there is none");
    // How it came to where it stands, and where it may not go from there.
    let ways: [(&[&str], &[&str]); 4] = [
        (&[], &["pending", "expired"]),
        (&["ready"], &["pending", "ready", "failed"]),
        (&["failed"], &["pending", "ready", "failed", "expired"]),
        (&["ready", "expired"], &["pending", "ready", "failed", "expired"]),
    ];
    for (number, (way, closed)) in (1..).zip(ways) {
        let asked = export(number, id);
        subject.ask(&asked).await;
        for step in way {
            assert!(subject.move_on(&in_state(&asked, step)).await, "{way:?}");
        }
        let before = subject.copy(asked.id).await;
        for state in closed {
            // Not the same again either: nothing that is written may be another's.
            let later = Export { requested_at: now() + Duration::days(1), ..asked.clone() };
            assert!(!subject.move_on(&in_state(&later, state)).await, "{way:?} to {state}");
            assert_eq!(subject.copy(asked.id).await, before, "{way:?} to {state}");
        }
    }
}

/// And the others are told so.
pub async fn of_rivals_that_end_a_copy_one_does(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let asked = export(1, id);
    subject.ask(&asked).await;
    let rivals = (0..8).map(|n| {
        let (subject, asked) = (subject.clone(), asked.clone());
        let end = if n % 2 == 0 { ready(&asked, n) } else { failed(&asked) };
        tokio::spawn(async move { subject.move_on(&end).await.then_some(end) })
    });
    let ends: Vec<_> = join_all(rivals).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(subject.copy(asked.id).await.as_ref(), ends.first());
}

/// Whatever became of those before, and of other people's.
pub async fn the_latest_copy_is_the_one_that_was_asked_for_last(subject: Subject) {
    let (one, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let latest = async |user: UserId| {
        let found: Result<_, StoreError> =
            transact!(subject.store, |tx| { tx.privacy().find_latest_export(user).await });
        found.unwrap()
    };
    assert_eq!(latest(one).await, None);
    let last = Export { requested_at: now() + Duration::days(1), ..export(1, one) };
    subject.ask(&last).await;
    subject.ask(&export(2, one)).await;
    subject.ask(&Export { requested_at: now() + Duration::days(2), ..export(3, other) }).await;
    assert_eq!(latest(one).await, Some(last.clone()));
    assert!(subject.move_on(&failed(&last)).await);
    assert_eq!(latest(one).await, Some(failed(&last)));
}

/// Those that are ready and whose time is over, and no others; in pages.
pub async fn overdue_copies_are_listed_by_their_ids(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    for (number, days) in [(5, 1), (2, 1), (9, 2), (7, 3), (4, 1), (6, 1), (3, 1)] {
        let asked = export(number, id);
        subject.ask(&asked).await;
        match number {
            4 => {}
            6 => assert!(subject.move_on(&failed(&asked)).await),
            _ => assert!(subject.move_on(&ready(&asked, days)).await),
        }
        if number == 3 {
            assert!(subject.move_on(&expired(&asked)).await);
        }
    }
    let at = |days: i64| now() + Duration::hours(1) + Duration::days(days);
    let overdue = async |at, after: Option<u128>, limit| {
        let after = after.map(|number| ExportId::new(Uuid::from_u128(number)));
        let found = subject.privacy.list_overdue_exports(at, after, limit).await.unwrap();
        found.into_iter().map(|export| export.id.get().as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(overdue(at(1) - Duration::microseconds(1), None, 10).await, [0_u128; 0]);
    assert_eq!(overdue(at(1), None, 10).await, [2, 5]);
    assert_eq!(overdue(at(2), None, 10).await, [2, 5, 9]);
    assert_eq!(overdue(at(3), None, 2).await, [2, 5]);
    assert_eq!(overdue(at(3), Some(5), 2).await, [7, 9]);
    assert_eq!(overdue(at(3), Some(9), 2).await, [0_u128; 0]);
    let whole = subject.privacy.list_overdue_exports(at(1), None, 1).await.unwrap();
    assert_eq!(whole, [ready(&export(2, id), 1)]);
}

/// MUST change nothing when there is one.
pub async fn a_wish_to_go_is_noted_and_forgotten_once(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let reason = Some("搬家了 'x'".to_owned());
    let wish = Departure { user_id: id, reason, requested_at: now(), due_at: now() + Duration::days(7) };
    assert!(subject.wish(&wish).await);
    let again = Departure { reason: None, due_at: now() + Duration::days(9), ..wish.clone() };
    assert!(!subject.wish(&again).await);
    assert_eq!(subject.privacy.find_departure(id).await.unwrap(), Some(wish.clone()));
    assert_eq!(subject.privacy.find_departure(other).await.unwrap(), None);
    let found: Result<_, StoreError> = transact!(subject.store, |tx| {
        let before = tx.privacy().find_departure(id).await?;
        let gone = (tx.privacy().delete_departure(id).await?, tx.privacy().delete_departure(id).await?);
        Ok((before, gone, tx.privacy().find_departure(id).await?))
    });
    assert_eq!(found.unwrap(), (Some(wish), (true, false), None));
    assert!(subject.wish(&again).await);
    assert_eq!(subject.privacy.find_departure(id).await.unwrap(), Some(again));
}

/// And the others are told so.
pub async fn of_rivals_with_a_wish_to_go_one_notes_it(subject: Subject) {
    let user_id = user(&subject, 1, &[]).await;
    let rivals = (1..=8).map(|days| {
        let wish = Departure { user_id, reason: None, requested_at: now(), due_at: now() + Duration::days(days) };
        let subject = subject.clone();
        tokio::spawn(async move { subject.wish(&wish).await.then_some(wish) })
    });
    let noted: Vec<_> = join_all(rivals).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(subject.privacy.find_departure(user_id).await.unwrap().as_ref(), noted.first());
}
