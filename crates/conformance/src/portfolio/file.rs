//! Files.

use chrono::TimeDelta;
use sharestack_content::model::{FileId, FileName, FileStatus, MediaType, Sha256};
use sharestack_kernel::id::UserId;

use super::{Subject, file, start};

/// Everything that an upload knows of it, in every script.
pub async fn a_file_reads_back_as_it_was_written(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let mut one = file(7, 1);
    one.original_filename = FileName::clean("城市 夜景 🏙.CR2");
    (one.size, one.media_type, one.sha256) = (1 << 40, MediaType::Cr2, Sha256::new([0xab; 32]));
    one.expires_at = Some(start() + TimeDelta::days(7));
    subject.keep(&one).await;
    assert_eq!(subject.files.find_file(one.id).await.unwrap(), Some(one.clone()));
    let locked = in_one!(subject, |tx| tx.files().find_for_update(FileId::new(7)).await);
    assert_eq!(locked, Some(one));
    assert_eq!(subject.files.find_file(FileId::new(8)).await.unwrap(), None);
}

/// What somebody else uploaded is nobody's business, nor is what has another size.
pub async fn contents_are_found_among_ones_own_alone(subject: Subject) {
    let (lin, wei) = (UserId::new(1), UserId::new(2));
    for owner in [lin, wei] {
        (subject.register)(owner).await;
    }
    for (id, owner, hash, size) in [(1, 1, 1, 100), (2, 1, 2, 100), (3, 2, 3, 100)] {
        let mut one = file(id, owner);
        (one.sha256, one.size) = (Sha256::new([hash; 32]), size);
        subject.keep(&one).await;
    }
    let asked = |hash: u8, size: u64| (Sha256::new([hash; 32]), size);
    let all = [asked(1, 100), asked(2, 101), asked(3, 100), asked(4, 100)];
    let found = async |owner: UserId| {
        let files = subject.files.find_by_content(owner, &all).await.unwrap();
        files.iter().map(|file| file.id.get()).collect::<Vec<_>>()
    };
    assert_eq!((found(lin).await, found(wei).await), (vec![1], vec![3]));
    assert!(subject.files.find_by_content(lin, &[]).await.unwrap().is_empty());
}

/// MUST leave out what failed: who has it is to send it again.
pub async fn contents_that_failed_are_not_found(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let states = [FileStatus::Uploaded, FileStatus::Processing, FileStatus::Ready, FileStatus::Failed];
    for (id, status) in (1..).zip(states) {
        let mut one = file(id, 1);
        one.processing.status = status;
        subject.keep(&one).await;
    }
    let asked = [(Sha256::new([1; 32]), 2_048_576)];
    let files = subject.files.find_by_content(UserId::new(1), &asked).await.unwrap();
    let mut found: Vec<_> = files.iter().map(|file| file.id.get()).collect();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3]);
}

/// What a photo uses has no end; what none uses has one.
pub async fn what_a_photo_uses_is_never_overdue(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let end = start() + TimeDelta::days(7);
    for id in 1..=3 {
        let mut one = file(id, 1);
        one.expires_at = Some(end + TimeDelta::microseconds(-id));
        subject.keep(&one).await;
    }
    let until =
        async |id: i64, time| in_one!(subject, |tx| tx.files().keep_until(FileId::new(id), time, start()).await);
    until(2, None).await;
    let overdue = async |at, limit| subject.files.list_overdue_files(at, limit).await.unwrap();
    assert_eq!(overdue(end, 10).await, [FileId::new(3), FileId::new(1)]);
    assert_eq!(overdue(end, 1).await, [FileId::new(3)]);
    assert_eq!(overdue(end - TimeDelta::microseconds(3), 10).await, [FileId::new(3)]);
    assert!(overdue(end - TimeDelta::microseconds(4), 10).await.is_empty());
    until(2, Some(end)).await;
    assert_eq!(overdue(end, 10).await.len(), 3);
}

/// The second time there is none.
pub async fn a_file_is_removed_once(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    subject.keep(&file(7, 1)).await;
    let delete = async || in_one!(subject, |tx| tx.files().delete(FileId::new(7)).await);
    assert!(delete().await);
    assert!(!delete().await);
    assert_eq!(subject.files.find_file(FileId::new(7)).await.unwrap(), None);
}
