//! What one may keep, and how it goes by itself.

use serde_json::json;
use sharestack_kernel::error::{Category, Classified as _, Details};

use super::*;
use crate::model::{Derivative, FileStatus, FormatName, Formats};

#[tokio::test]
async fn a_quota_is_kept_from_the_first_byte() {
    let world = world();
    for _ in 0..2 {
        world.begin(900).await;
    }
    let command = BeginChunked { filename: FileName::clean("x"), size: 201, declared_type: None, chunk_size: None };
    let refused = world.uploads.begin_chunked(&somebody(), command).await.unwrap_err();
    assert!(matches!(refused, UploadError::Quota { used: 1800, .. }));
    let refused = world.uploads.receive(&somebody(), "x", body(&picture(201))).await.unwrap_err();
    assert!(matches!(refused, UploadError::Quota { used: 1800, .. }));
    world.uploads.receive(&somebody(), "x", body(&picture(200))).await.unwrap();
    assert_eq!(world.used().await, 2000);
}

#[tokio::test]
async fn who_has_no_room_is_told_when_there_may_be_some() {
    let world = world();
    let (window, now) = (limits().upload_ttl, world.clock.now());
    let refused = async |world: &World| {
        let refused = world.uploads.receive(&somebody(), "x", body(&picture(900))).await.unwrap_err();
        assert_eq!((refused.category(), refused.code()), (Category::RateLimited, Some("QUOTA_EXCEEDED")));
        let Details::Throttled(throttle) = refused.details() else { panic!("{refused:?}") };
        assert_eq!((throttle.limit, throttle.window), (2000, window.to_std().unwrap()));
        throttle.reset_at
    };
    // Files of photos alone: they stay. To look again in a day does no harm.
    for _ in 0..2 {
        let mut file = world.uploads.receive(&somebody(), "a", body(&picture(800))).await.unwrap();
        file.expires_at = None;
        world.portfolio.put_file(&file);
    }
    assert_eq!(refused(&world).await, now + window);
    world.clock.advance(TimeDelta::hours(1));
    let begun = world.begin(300).await;
    world.clock.advance(TimeDelta::hours(20));
    assert_eq!(refused(&world).await, begun.expires_at, "an upload ends before");
    world.clock.advance(TimeDelta::hours(4));
    assert_eq!(world.uploads.sweep().await.unwrap().uploads, 1);
    let file = world.uploads.receive(&somebody(), "a", body(&picture(300))).await.unwrap();
    assert_eq!(refused(&world).await, world.clock.now() + window);
    world.clock.advance(limits().file_ttl - TimeDelta::hours(2));
    assert_eq!(Some(refused(&world).await), file.expires_at, "a file that no photo uses goes before");
}

#[tokio::test]
async fn a_file_goes_when_no_photo_uses_it_and_stays_when_one_does() {
    let world = world();
    let file = world.uploads.receive(&somebody(), "a", body(&picture(100))).await.unwrap();
    let mut attached = world.uploads.receive(&somebody(), "b", body(&picture(200))).await.unwrap();
    attached.expires_at = None;
    world.portfolio.put_file(&attached);
    assert!(matches!(world.uploads.remove(&somebody(), attached.id).await, Err(UploadError::InUse)));
    assert!(matches!(world.uploads.remove(&actor(8, &[]), file.id).await, Err(UploadError::NoFile(_))));
    world.clock.advance(TimeDelta::days(8));
    assert_eq!(world.uploads.sweep().await.unwrap(), Swept { files: 1, ..Swept::default() });
    world.work().await;
    assert_eq!(world.blobs.keys(), [attached.blob_key.clone()]);
    assert_eq!(world.used().await, 200);
    RemoveFiles::new(world.uploads.ports.clone()).remove_all(UserId::new(7)).await.unwrap();
    assert!(world.blobs.keys().is_empty());
    assert_eq!(world.used().await, 0);
}

/// A file in one request that takes longer than an upload may, with a sweep before its end or none.
#[tokio::test]
async fn what_comes_whole_after_its_time_is_not_kept() {
    for swept in [true, false] {
        let world = world();
        let (clock, uploads, bytes) = (world.clock.clone(), world.uploads.clone(), picture(100));
        let late = stream::once(async move {
            clock.advance(limits().upload_ttl);
            if swept {
                assert_eq!(uploads.sweep().await.unwrap().uploads, 1);
            }
            Ok(Bytes::from_static(b"the end"))
        });
        let refused = world.uploads.receive(&somebody(), "a", body(&bytes).chain(late).boxed()).await.unwrap_err();
        assert!(matches!(refused, UploadError::Expired), "{swept} {refused:?}");
        assert_eq!((world.used().await, world.portfolio.events().len()), (0, 0), "{swept}");
        world.work().await;
        assert!(world.blobs.keys().is_empty(), "{swept}");
        world.clock.advance(UPLOADS_KEPT * 2);
        assert_eq!(world.uploads.sweep().await.unwrap(), Swept::default(), "{swept}: no row is left");
    }
}

#[tokio::test]
async fn whatever_is_overdue_goes_in_one_sweep() {
    let world = world();
    for _ in 0..250 {
        world.begin(1).await;
        world.uploads.receive(&somebody(), "a", body(&picture(4))).await.unwrap();
    }
    assert_eq!(world.used().await, 1250);
    world.clock.advance(TimeDelta::days(40));
    assert_eq!(world.uploads.sweep().await.unwrap(), Swept { uploads: 250, forgotten: 250, files: 250 });
    assert_eq!(world.used().await, 0);
    assert_eq!(world.uploads.sweep().await.unwrap(), Swept::default());
}

#[tokio::test]
async fn what_a_crash_left_without_a_row_is_found() {
    let world = world();
    let file = world.uploads.receive(&somebody(), "a", body(&picture(100))).await.unwrap();
    let (whole, id) = (picture(25), world.begin(25).await.id);
    world.put(id, 0, &whole[..10]).await.unwrap();
    for key in ["files/999/original-1", "uploads/998/0-1", "avatars/7", "files/strange"] {
        leave(&world, key).await;
    }
    assert_eq!(world.uploads.remove_orphans().await.unwrap(), 2);
    let left = world.blobs.keys();
    assert_eq!(left.len(), 4);
    assert!(left.contains(&file.blob_key) && left.iter().any(|key| key.starts_with(&format!("uploads/{id}/"))));
}

/// Puts a blob where no row names it.
async fn leave(world: &World, key: &str) {
    world.blobs.put_bytes(&BlobKey::parse(key).unwrap(), Bytes::from_static(b"x")).await.unwrap();
}

#[tokio::test]
async fn what_lies_beside_a_file_under_its_number_goes() {
    let world = world();
    let file = world.uploads.receive(&somebody(), "a", body(&picture(100))).await.unwrap();
    let open = world.begin(25).await.id;
    world.put(open, 0, &picture(25)[..10]).await.unwrap();
    let whole = world.blobs.keys();
    // A second copy of each, a piece of what is a file, and one that no piece is written down for.
    for key in [format!("files/{}/original-2", file.id), format!("uploads/{}/0-1", file.id)] {
        leave(&world, &key).await;
    }
    for key in [format!("files/{open}/original-2"), format!("uploads/{open}/1-1")] {
        leave(&world, &key).await;
    }
    assert_eq!(world.uploads.remove_orphans().await.unwrap(), 2);
    let left = world.blobs.keys();
    assert!(whole.iter().all(|key| left.contains(key)), "{left:?}");
    assert_eq!(left.len(), whole.len() + 2, "an upload that goes on may still need what it brought: {left:?}");
    assert_eq!(world.uploads.remove_orphans().await.unwrap(), 0);
}

#[tokio::test]
async fn derivatives_that_no_row_names_stay_until_a_day_after_they_were_replaced() {
    let world = world();
    let mut file = world.uploads.receive(&somebody(), "a", body(&picture(100))).await.unwrap();
    let id = file.id;
    let key = |run: u32| format!("files/{id}/derived/{run}/display.webp");
    let derivative = Derivative { key: key(2), size: 1, width: 3, height: 2, mime_type: "image/webp".to_owned() };
    for run in [1, 2] {
        leave(&world, &key(run)).await;
    }
    let formats = Formats::from([(FormatName::Webp, derivative)]);
    file.processing.derivatives = Some(serde_json::to_value(formats).unwrap());
    let (now, day) = (world.clock.now(), TimeDelta::days(1));
    let ended = now - day - TimeDelta::microseconds(1);
    for (status, processed_at, removed) in [
        (FileStatus::Uploaded, Some(ended), 0),
        (FileStatus::Processing, Some(ended), 0),
        (FileStatus::Ready, Some(now - day), 0),
        (FileStatus::Failed, Some(now), 0),
        (FileStatus::Ready, Some(ended), 1),
        (FileStatus::Failed, Some(ended), 1),
    ] {
        (file.processing.status, file.processing.processed_at) = (status, processed_at);
        world.portfolio.put_file(&file);
        assert_eq!(world.uploads.remove_orphans().await.unwrap(), removed, "{status:?} {processed_at:?}");
        let mut left = vec![key(2), file.blob_key.clone()];
        left.extend((removed == 0).then(|| key(1)));
        left.sort_unstable();
        assert_eq!(world.blobs.keys(), left, "{status:?} {processed_at:?}");
        leave(&world, &key(1)).await;
    }
}

#[tokio::test]
async fn derivatives_of_formats_that_are_not_known_stay() {
    let world = world();
    let mut file = world.uploads.receive(&somebody(), "a", body(&picture(100))).await.unwrap();
    let key = |name: &str| format!("files/{}/derived/1/{name}", file.id);
    let (avif, webp, lost) = (key("display.avif"), key("display.webp"), key("lost.webp"));
    for key in [&avif, &webp, &lost] {
        leave(&world, key).await;
    }
    file.processing.status = FileStatus::Ready;
    file.processing.derivatives = Some(json!("what a later version wrote"));
    world.portfolio.put_file(&file);
    assert_eq!(world.uploads.remove_orphans().await.unwrap(), 0);
    file.processing.derivatives = Some(json!({ "avif": { "key": &avif }, "webp": { "key": &webp } }));
    world.portfolio.put_file(&file);
    assert_eq!(world.uploads.remove_orphans().await.unwrap(), 1);
    assert!(!world.blobs.keys().contains(&lost));
}

#[tokio::test]
async fn blobs_without_owners_are_looked_for_once_a_day() {
    let world = world();
    leave(&world, "files/999/original-1").await;
    for _ in 0..3 {
        world.uploads.schedule_orphans().await.unwrap();
        world.clock.advance(TimeDelta::minutes(1));
    }
    let jobs = world.portfolio.jobs();
    assert_eq!((jobs.len(), jobs[0].kind.as_str()), (1, ORPHANS_JOB));
    assert_eq!(jobs[0].run_at, world.clock.now() - TimeDelta::minutes(3) + TimeDelta::days(1));
    assert_eq!(world.blobs.keys().len(), 1);
    world.work().await;
    assert!(world.blobs.keys().is_empty());
}
