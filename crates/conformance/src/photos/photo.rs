//! Photos inside a transaction.

use chrono::TimeDelta;
use futures::future::join_all;
use sharestack_content::model::{
    Caption, Coordinate, Derivative, Exif, FileId, FormatName, Metadata, Photo, PhotoId, PhotoKey, PhotoStatus, Place,
    Position, Said, ShareTarget, Slug, Title, Visibility,
};
use sharestack_content::ports::PhotoHead;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{Failure, OWNER, Subject, but, link, now, photo, taken};

/// Every field is kept to the last character, microsecond and centimetre.
pub async fn a_photo_reads_back_as_it_was_written(subject: Subject) {
    let Ok(serde_json::Value::Object(metadata)) = serde_json::from_str(r#"{"天气":"晴","n":[1,2.5,{"a":null}]}"#)
    else {
        unreachable!()
    };
    let whole = but(1, |photo| {
        photo.slug = Slug::stored("城市-night-001".to_owned());
        photo.title = Title::stored("城市夜景 📷 '; DROP TABLE photos; --".to_owned());
        photo.description = Some(Caption::stored("夜".repeat(5000)));
        photo.status = PhotoStatus::Archived;
        photo.visibility = Visibility::Unlisted;
        photo.sort_order = -(1 << 53);
        photo.taken = Some(taken("2099-12-31T23:59:59.123456-11:30"));
        photo.place = Place {
            name: Some("上海外滩".to_owned()),
            position: Some(Position {
                latitude: Coordinate::stored(-899_999_999),
                longitude: Coordinate::stored(1_800_000_000),
            }),
            country: Some("China".to_owned()),
            city: Some("Shanghai".to_owned()),
        };
        photo.said = Said { taken: false, position: true };
        photo.exif = Exif {
            camera: Some("Canon EOS R5".to_owned()),
            lens: Some("RF 24-70mm f/2.8L IS USM".to_owned()),
            iso: Some(u32::MAX),
            aperture: Some("f/2.8".to_owned()),
            shutter_speed: Some("1/125".to_owned()),
            focal_length: Some("50mm".to_owned()),
        };
        "夜景 (1).JPG".clone_into(&mut photo.picture.original_filename);
        (photo.picture.width, photo.picture.height) = (Some(u32::MAX), Some(1));
        photo.picture.placeholder = Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned());
        let made = Derivative {
            key: "files/1/2/display.webp".to_owned(),
            size: 5_000_000_000,
            width: 1920,
            height: 1280,
            mime_type: "image/webp".to_owned(),
        };
        photo.picture.formats.insert(FormatName::Webp, made);
        photo.picture.revision = 3;
        photo.metadata = Metadata::stored(metadata);
        photo.trashed_at = Some(now() + TimeDelta::microseconds(7));
    });
    subject.keep(&[]).await;
    subject.insert(&whole).await.unwrap();
    let view = subject.queries.find(&PhotoKey::parse("城市-night-001")).await.unwrap().unwrap();
    assert_eq!(view.photo, whole);
    assert_eq!((view.view_count, view.like_count, view.download_count), (0, 0, 0));
    assert!(view.categories.is_empty() && view.tags.is_empty());
    let key = PhotoKey::Id(whole.id);
    assert_eq!(subject.queries.find_photo(&key).await.unwrap().as_ref(), Some(&whole));
    let head = subject.queries.find_head(&key).await.unwrap();
    assert_eq!(head, Some(PhotoHead::from(&whole)));
    let locked: Result<_, Failure> =
        transact!(subject.store, |tx| { Ok(tx.photos().find_for_update(whole.id).await?) });
    assert_eq!(locked.unwrap(), Some(whole.clone()));

    let other = Photo { version: 2, updated_at: now() + TimeDelta::seconds(1), owner_id: OWNER, ..photo(1) };
    subject.update(&other, 1).await.unwrap();
    assert_eq!(subject.find(1).await.unwrap().photo, other, "and changes are kept as well");
}

/// What is not set stays so.
pub async fn a_photo_without_extras_is_kept_so(subject: Subject) {
    let bare = but(1, |photo| {
        photo.file_id = None;
        photo.picture.formats.clear();
        photo.published_at = None;
    });
    subject.keep(&[bare.clone(), but(2, |photo| photo.file_id = None)]).await;
    assert_eq!(subject.find(1).await.unwrap().photo, bare);
    for key in ["3", "no-such-photo", "", "-1", "9223372036854775808"] {
        let key = PhotoKey::parse(key);
        assert_eq!(subject.queries.find(&key).await.unwrap(), None);
        assert_eq!(subject.queries.find_photo(&key).await.unwrap(), None);
        assert_eq!(subject.queries.find_head(&key).await.unwrap(), None);
    }
    let locked: Result<_, Failure> =
        transact!(subject.store, |tx| { Ok(tx.photos().find_for_update(PhotoId::new(3)).await?) });
    assert_eq!(locked.unwrap(), None);
}

/// Also by one in the trash, and also when a photo is changed.
pub async fn a_taken_slug_or_file_is_refused(subject: Subject) {
    subject.keep(&[but(1, |photo| photo.trashed_at = Some(now())), photo(2)]).await;
    let slug = |photo: &mut Photo| photo.slug = Slug::stored("photo-1".to_owned());
    assert!(matches!(subject.insert(&but(3, slug)).await, Err(Failure::SlugTaken)));
    let file = but(3, |photo| photo.file_id = Some(FileId::new(1)));
    assert!(matches!(subject.insert(&file).await, Err(Failure::FileTaken)));
    assert!(matches!(subject.update(&but(2, slug), 1).await, Err(Failure::SlugTaken)));
    assert_eq!(subject.find(2).await.unwrap().photo, photo(2));
    assert_eq!(subject.find(3).await, None);
    // Nothing but the very same is the same.
    subject.insert(&but(3, |photo| photo.slug = Slug::stored("PHOTO-1".to_owned()))).await.unwrap();
}

/// However many there are.
pub async fn of_rivals_for_a_slug_one_gets_it(subject: Subject) {
    subject.keep(&[]).await;
    let rivals: Vec<Photo> = (1..=8).map(|id| but(id, |photo| photo.slug = Slug::stored("one".to_owned()))).collect();
    let results = join_all(rivals.iter().map(|photo| subject.insert(photo))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Failure::SlugTaken))), "{results:?}");
}

/// Nor does one of a photo that is not there.
pub async fn a_stale_update_writes_nothing(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    let changed = but(1, |photo| {
        photo.title = Title::stored("new".to_owned());
        photo.version = 3;
    });
    assert!(matches!(subject.update(&changed, 2).await, Err(Failure::Stale)));
    assert_eq!(subject.find(1).await.unwrap().photo, photo(1));
    assert!(matches!(subject.update(&photo(2), 1).await, Err(Failure::Stale)));
}

async fn delete(subject: &Subject, id: i64, expected: i64) -> Result<(), Failure> {
    transact!(subject.store, |tx| { Ok(tx.photos().delete(PhotoId::new(id), expected).await?) })
}

/// Nor does one of a photo that is not there.
pub async fn a_stale_delete_removes_nothing(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    assert!(matches!(delete(&subject, 1, 2).await, Err(Failure::Stale)));
    assert!(matches!(delete(&subject, 2, 1).await, Err(Failure::Stale)));
    assert_eq!(subject.find(1).await.unwrap().photo, photo(1));
}

/// With its likes, and its places in links.
pub async fn a_deleted_photo_is_gone_and_its_slug_and_file_are_free(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    let shared = link(1, ShareTarget::Photos(vec![PhotoId::new(1), PhotoId::new(2)]));
    let done: Result<(), Failure> = transact!(subject.store, |tx| {
        tx.photos().like(PhotoId::new(1), UserId::new(9), now()).await?;
        Ok(tx.share_links().insert(&shared).await?)
    });
    done.unwrap();
    delete(&subject, 1, 1).await.unwrap();
    assert_eq!(subject.find(1).await, None);
    let liked = subject.queries.liked(UserId::new(9), &[PhotoId::new(1)]).await.unwrap();
    assert!(liked.is_empty());
    let found = subject.queries.find_share_link(&shared.token_hash).await.unwrap().unwrap();
    assert_eq!(found.target, ShareTarget::Photos(vec![PhotoId::new(2)]));
    let again = but(3, |next| (next.slug, next.file_id) = (photo(1).slug, photo(1).file_id));
    subject.insert(&again).await.unwrap();
}

/// So that nobody writes over what they did not see.
pub async fn a_locked_photo_makes_others_wait(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    let edit = || async {
        let done: Result<(), Failure> = transact!(subject.store, |tx| {
            let mut photo = tx.photos().find_for_update(PhotoId::new(1)).await?.ok_or(Failure::Stale)?;
            photo.version += 1;
            Ok(tx.photos().update(&photo, photo.version - 1).await?)
        });
        done
    };
    let results = join_all((0..10).map(|_| edit())).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(subject.find(1).await.unwrap().photo.version, 11);
}

/// One after another, until none is left.
pub async fn photos_are_found_by_file_and_by_owner(subject: Subject) {
    subject.keep(&[photo(1), but(2, |photo| photo.trashed_at = Some(now()))]).await;
    subject.register(&[8]).await;
    subject.insert(&but(3, |photo| photo.owner_id = UserId::new(8))).await.unwrap();
    let subject = &subject;
    let by_file = |id: i64| async move {
        let found: Result<_, Failure> =
            transact!(subject.store, |tx| { Ok(tx.photos().find_by_file_for_update(FileId::new(id)).await?) });
        found.unwrap().map(|photo: Photo| photo.id.get())
    };
    assert_eq!((by_file(3).await, by_file(4).await), (Some(3), None));
    let mut removed = Vec::new();
    loop {
        let found: Result<Option<Photo>, Failure> =
            transact!(subject.store, |tx| { Ok(tx.photos().find_one_by_owner_for_update(OWNER).await?) });
        let Some(photo) = found.unwrap() else { break };
        delete(subject, photo.id.get(), photo.version).await.unwrap();
        removed.push(photo.id.get());
    }
    removed.sort_unstable();
    assert_eq!(removed, [1, 2]);
    assert!(subject.find(3).await.is_some());
}
