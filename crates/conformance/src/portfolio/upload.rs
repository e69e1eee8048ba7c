//! Uploads that brought no file yet.

use chrono::TimeDelta;
use sharestack_content::model::{
    Derivative, FileId, FileName, FormatName, Formats, Part, Upload, UploadKind, UploadState, UploadedFile,
};
use sharestack_content::ports::Known;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use uuid::Uuid;

use super::{Subject, file, start};

fn upload(id: i64, owner: i64) -> Upload {
    Upload {
        id: FileId::new(id),
        owner_id: UserId::new(owner),
        kind: UploadKind::Chunked,
        state: UploadState::Open,
        filename: FileName::clean("城市 🏙.jpg"),
        declared_type: Some("image/jpeg".to_owned()),
        size: 1 << 40,
        chunk_size: 1 << 20,
        received: 0,
        metadata: Some("filename 5Z+O5biCLmpwZw==".to_owned()),
        held: None,
        created_at: start(),
        expires_at: start() + TimeDelta::hours(24),
    }
}

fn part(index: u64, key: &str) -> Part {
    Part { start: index << 20, size: 1 << 20, blob_key: key.to_owned() }
}

impl Subject {
    async fn begin(&self, upload: &Upload) {
        in_one!(self, |tx| tx.uploads().insert(upload).await);
    }

    async fn change(&self, upload: &Upload) {
        in_one!(self, |tx| tx.uploads().update(upload, start()).await);
    }

    async fn put(&self, id: i64, part: Part) -> Option<Part> {
        let id = FileId::new(id);
        in_one!(self, |tx| {
            tx.uploads().find_for_update(id).await?;
            tx.uploads().put_part(id, &part).await
        })
    }
}

/// As it began, and as it was changed.
pub async fn an_upload_reads_back_as_it_was_written(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let mut one = upload(7, 1);
    subject.begin(&one).await;
    assert_eq!(subject.files.find_upload(one.id).await.unwrap().as_ref(), Some(&one));
    one.held = Some((Uuid::from_u128(0x019a_8f3c), start() + TimeDelta::seconds(30)));
    (one.received, one.expires_at) = (3 << 20, start() + TimeDelta::hours(48));
    subject.change(&one).await;
    let locked = in_one!(subject, |tx| tx.uploads().find_for_update(FileId::new(7)).await);
    assert_eq!(locked.as_ref(), Some(&one));
    (one.state, one.held) = (UploadState::Expired, None);
    subject.change(&one).await;
    assert_eq!(subject.files.find_upload(one.id).await.unwrap(), Some(one));
    for kind in [UploadKind::Whole, UploadKind::Tus] {
        let bare =
            Upload { kind, declared_type: None, metadata: None, size: 0, chunk_size: 0, ..upload(kind as i64 + 20, 1) };
        subject.begin(&bare).await;
        assert_eq!(subject.files.find_upload(bare.id).await.unwrap(), Some(bare));
    }
}

/// Pieces come back from the first to the last, however they came.
pub async fn a_piece_that_comes_again_replaces_the_first(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    for id in [7, 8] {
        subject.begin(&upload(id, 1)).await;
    }
    for (index, key) in [(3, "d"), (0, "a"), (1, "b")] {
        assert_eq!(subject.put(7, part(index, key)).await, None);
    }
    assert_eq!(subject.put(7, part(1, "again")).await, Some(part(1, "b")));
    assert_eq!(subject.put(8, part(1, "another's")).await, None);
    let parts = async |id: i64| subject.files.list_parts(FileId::new(id), 0, 10).await.unwrap();
    assert_eq!(parts(7).await, [part(0, "a"), part(1, "again"), part(3, "d")]);
    in_one!(subject, |tx| tx.uploads().delete_parts(FileId::new(7)).await);
    assert_eq!((parts(7).await, parts(8).await.len()), (Vec::new(), 1));
    let delete = async || in_one!(subject, |tx| tx.uploads().delete(FileId::new(8)).await);
    assert!(delete().await && !delete().await);
    assert!(parts(8).await.is_empty());
}

/// MUST refuse, and keep what is there.
pub async fn a_piece_of_another_size_replaces_nothing(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    subject.begin(&upload(7, 1)).await;
    subject.put(7, part(1, "a")).await;
    let other = Part { size: 1, ..part(1, "b") };
    let refused: Result<_, StoreError> = transact!(subject.store, |tx| {
        tx.uploads().find_for_update(FileId::new(7)).await?;
        tx.uploads().put_part(FileId::new(7), &other).await
    });
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert_eq!(subject.files.list_parts(FileId::new(7), 0, 20).await.unwrap(), [part(1, "a")]);
}

/// Whatever stood there before; one that was replaced meanwhile, or is none, does not.
pub async fn a_piece_grows_in_its_place(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    for id in [7, 8] {
        subject.begin(&upload(id, 1)).await;
        for (index, key) in [(0, "a"), (1, "b")] {
            subject.put(id, part(index, key)).await;
        }
    }
    let parts = async |id: i64| subject.files.list_parts(FileId::new(id), 0, 10).await.unwrap();
    let grow = async |before: &Part, grown: &Part| {
        in_one!(subject, |tx| {
            tx.uploads().find_for_update(FileId::new(7)).await?;
            tx.uploads().grow_part(FileId::new(7), before, grown).await
        })
    };
    let grown = |size: u64, key: &str| Part { size, ..part(1, key) };
    let other = grown(7, "b");
    for no_piece in [part(1, "a"), part(2, "b"), other] {
        let grown = Part { start: no_piece.start, size: 2 << 20, blob_key: "c".to_owned() };
        assert!(!grow(&no_piece, &grown).await, "{no_piece:?}");
    }
    assert_eq!(parts(7).await, [part(0, "a"), part(1, "b")]);
    assert!(grow(&part(1, "b"), &grown(2 << 20, "c")).await);
    assert!(!grow(&part(1, "b"), &grown(3 << 20, "d")).await, "it has grown meanwhile");
    assert!(grow(&grown(2 << 20, "c"), &grown(3 << 20, "d")).await);
    assert_eq!(parts(7).await, [part(0, "a"), grown(3 << 20, "d")]);
    assert_eq!(parts(8).await, [part(0, "a"), part(1, "b")], "another's stays");
}

/// So many at a time, from any place on, and the last alone.
pub async fn pieces_are_read_page_by_page(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    for id in [7, 8, 9] {
        subject.begin(&upload(id, 1)).await;
    }
    for index in [4, 0, 3, 1] {
        subject.put(7, part(index, &index.to_string())).await;
    }
    subject.put(8, part(9, "another's")).await;
    let page = async |from: u64, limit: u64| {
        let parts = subject.files.list_parts(FileId::new(7), from, limit).await.unwrap();
        parts.into_iter().map(|part| part.start >> 20).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2).await, [0, 1]);
    assert_eq!(page(2 << 20, 2).await, [3, 4]);
    assert_eq!(page(3 << 20, 1).await, [3]);
    assert_eq!(page((3 << 20) + 1, 9).await, [4]);
    assert_eq!(page((4 << 20) + 1, 9).await, [0; 0]);
    let last = async |id: i64| subject.files.find_last_part(FileId::new(id)).await.unwrap();
    assert_eq!((last(7).await, last(9).await), (Some(part(4, "4")), None));
}

/// Only what is still to come: of uploads that go on, and of files that no photo uses.
pub async fn what_ends_next_of_a_persons_is_told(subject: Subject) {
    for owner in [1, 2] {
        (subject.register)(UserId::new(owner)).await;
    }
    let end = async |owner: i64, hours: i64| {
        subject.files.next_end(UserId::new(owner), start() + TimeDelta::hours(hours)).await.unwrap()
    };
    assert_eq!(end(1, 0).await, None);
    let at = |hours: i64| start() + TimeDelta::hours(hours);
    for (id, state, hours) in [(1, UploadState::Open, 10), (2, UploadState::Open, 30), (3, UploadState::Expired, 15)] {
        subject.begin(&Upload { state, expires_at: at(hours), ..upload(id, 1) }).await;
    }
    for (id, owner, ends) in [(4, 1, Some(at(20))), (5, 1, None), (6, 2, Some(at(12)))] {
        subject.keep(&UploadedFile { expires_at: ends, ..file(id, owner) }).await;
    }
    for (hours, expected) in [(0, Some(10)), (9, Some(10)), (10, Some(20)), (20, Some(30)), (30, None)] {
        assert_eq!(end(1, hours).await, expected.map(at), "{hours}");
    }
    assert_eq!(end(2, 0).await, Some(at(12)));
}

/// Pieces of rivals all stay.
pub async fn pieces_that_come_at_once_all_count(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    subject.begin(&upload(7, 1)).await;
    let subject = &subject;
    let put = |index: u64| async move {
        let part = part(index, &format!("uploads/7/{index}"));
        in_one!(subject, |tx| {
            let mut upload = tx.uploads().find_for_update(FileId::new(7)).await?.expect("it is there");
            if tx.uploads().put_part(upload.id, &part).await?.is_none() {
                upload.received += part.size;
            }
            tx.uploads().update(&upload, start()).await
        });
    };
    futures::future::join_all((0..12).chain(0..4).map(put)).await;
    assert_eq!(subject.files.list_parts(FileId::new(7), 0, 20).await.unwrap().len(), 12);
    assert_eq!(subject.files.find_upload(FileId::new(7)).await.unwrap().unwrap().received, 12 << 20);
}

/// One of which somebody makes the file is left alone, until that one is silent too long.
pub async fn overdue_uploads_are_those_that_nobody_holds(subject: Subject) {
    (subject.register)(UserId::new(1)).await;
    let end = start() + TimeDelta::hours(24);
    for (id, state, held) in [
        (1, UploadState::Open, None),
        (2, UploadState::Open, Some(end + TimeDelta::seconds(30))),
        (3, UploadState::Open, Some(end)),
        (4, UploadState::Expired, None),
    ] {
        let held = held.map(|until| (Uuid::from_u128(9), until));
        let expires_at = end - TimeDelta::microseconds(id);
        subject.begin(&Upload { state, held, expires_at, ..upload(id, 1) }).await;
    }
    let ids = |numbers: &[i64]| numbers.iter().copied().map(FileId::new).collect::<Vec<_>>();
    let overdue = async |at, limit| subject.files.list_overdue_uploads(at, limit).await.unwrap();
    assert_eq!(overdue(end, 10).await, ids(&[3, 1]));
    assert_eq!(overdue(end, 1).await, ids(&[3]));
    assert_eq!(overdue(end + TimeDelta::seconds(30), 10).await, ids(&[3, 2, 1]));
    assert!(overdue(end - TimeDelta::seconds(1), 10).await.is_empty());
    let expired = async |before| subject.files.list_expired_uploads(before, 10).await.unwrap();
    assert_eq!((expired(end).await, expired(end - TimeDelta::seconds(1)).await), (ids(&[4]), ids(&[])));
}

/// A number is of an upload, of a file, or of neither; a file is there with all that it names.
pub async fn numbers_are_known_while_something_has_them(subject: Subject) {
    for owner in [1, 2] {
        (subject.register)(UserId::new(owner)).await;
    }
    subject.begin(&upload(1, 1)).await;
    subject.begin(&upload(2, 2)).await;
    let mut kept = file(3, 1);
    let derivative = Derivative {
        key: "files/3/derived/a/display.webp".to_owned(),
        size: 7,
        width: 3,
        height: 2,
        mime_type: "image/webp".to_owned(),
    };
    kept.processing.derivatives = serde_json::to_value(Formats::from([(FormatName::Webp, derivative.clone())])).ok();
    subject.keep(&kept).await;
    let known = async |ids: &[i64]| {
        let ids: Vec<FileId> = ids.iter().copied().map(FileId::new).collect();
        let mut known = subject.files.known(&ids).await.unwrap();
        known.uploads.sort_unstable();
        known
    };
    let all = known(&[1, 2, 3, 4]).await;
    assert_eq!(all, Known { uploads: [1, 2].map(FileId::new).to_vec(), files: vec![kept.clone()], ..Known::default() });
    let named = [kept.blob_key.as_str(), derivative.key.as_str()].map(|key| all.files[0].names(key));
    assert_eq!((named, all.files[0].names("files/3/original-2")), ([true; 2], false));
    assert_eq!(known(&[4]).await, Known::default());
    assert_eq!(known(&[]).await, Known::default());
    // An upload that became a file is one: what lay under its number for its sake is nobody's.
    in_one!(subject, |tx| tx.uploads().delete(FileId::new(2)).await);
    let outcome = file(2, 2);
    subject.keep(&outcome).await;
    assert_eq!(known(&[2]).await, Known { files: vec![outcome], ..Known::default() });
    let mut owned = subject.files.list_owned(UserId::new(1), 10).await.unwrap();
    owned.sort_unstable();
    assert_eq!(owned, [1, 3].map(FileId::new));
}
