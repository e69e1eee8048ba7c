//! How processing goes.

use chrono::TimeDelta;
use serde_json::json;
use sharestack_content::events::{PROCESS_JOB, process_key};
use sharestack_content::model::{FileId, FileStatus, Pace, Processing, Step, Steps};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::NewJob;
use uuid::Uuid;

use super::{Subject, file, start};

/// Everything that processing writes, in every script.
pub async fn what_processing_wrote_is_read_back(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let mut one = file(7, 1);
    one.processing = Processing {
        status: FileStatus::Processing,
        failure: Some("坏了".to_owned()),
        progress: 75,
        current_step: Some("generating_thumbnails".to_owned()),
        steps: Some(Steps::at(Step::GeneratingThumbnails).to_value()),
        exif: Some(json!({ "camera": "Canon EOS R5", "lens": "长焦 📷" })),
        width: Some(6000),
        height: Some(4000),
        placeholder: Some("1QcSHQRnh493V4dIh4eXh1h4kJUI".to_owned()),
        derivatives: Some(json!({ "webp": { "key": "files/7/derived/a/display.webp" } })),
        started_at: Some(start() + TimeDelta::microseconds(1)),
        processed_at: Some(start() + TimeDelta::microseconds(2)),
    };
    one.updated_at = start() + TimeDelta::microseconds(3);
    subject.keep(&one).await;
    let read = subject.files.find_file(FileId::new(7)).await.unwrap().unwrap();
    assert_eq!(read, one);
}

/// Of files that failed or run, nothing is measured.
pub async fn the_pace_is_what_the_last_ready_files_took(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    assert_eq!(subject.processing.pace().await.unwrap(), None);
    for (id, status, seconds) in [
        (1, FileStatus::Ready, 2),
        (2, FileStatus::Ready, 4),
        (3, FileStatus::Failed, 900),
        (4, FileStatus::Processing, 900),
    ] {
        let mut one = file(id, 1);
        one.processing.status = status;
        (one.processing.width, one.processing.height) = (Some(6000), Some(4000));
        one.processing.started_at = Some(start());
        one.processing.processed_at = Some(start() + TimeDelta::seconds(seconds));
        subject.keep(&one).await;
    }
    let measured = subject.processing.pace().await.unwrap();
    assert_eq!(measured, Pace::measured(&[(24_000_000, 2.0), (24_000_000, 4.0)]));
    // 40 quicker ones later, it is of those alone.
    for id in 10..50 {
        let mut one = file(id, 1);
        one.processing.status = FileStatus::Ready;
        (one.processing.width, one.processing.height) = (Some(1000), Some(1000));
        one.processing.started_at = Some(start() + TimeDelta::days(1));
        one.processing.processed_at = Some(start() + TimeDelta::days(1) + TimeDelta::seconds(1));
        subject.keep(&one).await;
    }
    let measured = subject.processing.pace().await.unwrap().unwrap();
    assert!((measured.seconds_per_file - 1.0).abs() < 1e-9, "{measured:?}");
}

/// Those that are over do not count, nor does the one that asks.
pub async fn who_waits_or_runs_before_is_counted(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let states = [FileStatus::Uploaded, FileStatus::Processing, FileStatus::Ready, FileStatus::Failed];
    for (id, status) in (1..).zip(states) {
        let mut one = file(id, 1);
        one.processing.status = status;
        one.created_at = start() + TimeDelta::microseconds(id);
        subject.keep(&one).await;
    }
    let ahead = async |micros: i64| subject.processing.ahead(start() + TimeDelta::microseconds(micros)).await.unwrap();
    assert_eq!((ahead(1).await, ahead(2).await, ahead(3).await, ahead(1000).await), (0, 1, 2, 2));
}

/// Old ones that are not over, and whose job neither waits nor runs; among more that have theirs
/// than a store looks at in one go.
pub async fn files_without_their_job_are_found_among_those_that_have_it(subject: Subject) {
    const MANY: i64 = 520;
    (subject.register)(UserId::new(1)).await;
    let states = [FileStatus::Uploaded, FileStatus::Processing, FileStatus::Ready, FileStatus::Failed];
    let forsaken = MANY + 1..=MANY + 4;
    in_one!(subject, |tx| {
        for id in 1..=MANY + 8 {
            let mut one = file(id, 1);
            one.processing.status =
                if id > MANY { states[usize::try_from(id % 4).unwrap()] } else { FileStatus::Processing };
            one.updated_at = start() + TimeDelta::seconds(i64::from(id > MANY + 4));
            tx.files().insert(&one).await?;
            tx.files().save_processing(&one).await?;
            if id <= MANY {
                let mut job = NewJob::new(Uuid::from_u128(id.unsigned_abs().into()), PROCESS_JOB, json!({}), start());
                job.dedupe_key = Some(process_key(one.id));
                assert!(tx.jobs().enqueue(&job).await?);
            }
        }
        Ok(())
    });
    let expected: Vec<_> = forsaken.filter(|id| id % 4 < 2).map(FileId::new).collect();
    let before = start() + TimeDelta::seconds(1);
    assert_eq!(subject.processing.list_forsaken(before, 100).await.unwrap(), expected);
    assert_eq!(subject.processing.list_forsaken(before, 1).await.unwrap(), expected[..1]);
    assert!(subject.processing.list_forsaken(start(), 100).await.unwrap().is_empty());
}

/// One that was given up has lost its key, and when it is offered again it still names its file; a
/// job of another kind that names it does not work on it.
pub async fn a_file_whose_job_has_no_key_any_more_is_not_forsaken(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    in_one!(subject, |tx| {
        for (id, kind) in [(1, PROCESS_JOB), (2, "media.other")] {
            let mut one = file(id, 1);
            one.processing.status = FileStatus::Processing;
            one.updated_at = start();
            tx.files().insert(&one).await?;
            tx.files().save_processing(&one).await?;
            let payload = json!({ "file_id": one.id });
            let job = NewJob::new(Uuid::from_u128(id.unsigned_abs().into()), kind, payload, start());
            assert!(tx.jobs().enqueue(&job).await?);
        }
        Ok(())
    });
    let before = start() + TimeDelta::seconds(1);
    assert_eq!(subject.processing.list_forsaken(before, 100).await.unwrap(), [FileId::new(2)]);
}
