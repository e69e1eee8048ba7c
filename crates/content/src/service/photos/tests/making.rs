use sharestack_kernel::patch::Patch;

use crate::error::PhotoCreateError;
use crate::events::{PHOTO_CREATED, PHOTO_UPDATED};
use crate::model::{CategoryId, FileStatus, PhotoCount, Position, Slug, Taken};
use crate::ports::FileQueries as _;

use super::*;

fn ready(id: i64) -> UploadedFile {
    let mut file = file(id);
    file.processing.status = FileStatus::Ready;
    (file.processing.exif, file.processing.derivatives) = (Some(notes()), Some(derivatives(1)));
    (file.processing.width, file.processing.height) = (Some(4000), Some(6000));
    file
}

#[tokio::test]
async fn a_photo_takes_over_what_its_file_knows_and_keeps_the_file() {
    let world = world();
    world.portfolio.put_file(&ready(5));
    let id = CreatePhotos::new(world.ports.clone()).create(&owner(), command("城市夜景", 5)).await.unwrap();
    let photo = world.photo(id.get());
    assert_eq!(
        (photo.owner_id, photo.file_id, photo.slug.as_str()),
        (UserId::new(7), Some(FileId::new(5)), "城市夜景")
    );
    assert_eq!((photo.exif.camera.as_deref(), photo.exif.lens.as_deref()), (Some("Canon EOS R5"), None));
    assert_eq!(photo.place.position, Some(Position::degrees(31.23037, 121.4737).unwrap()));
    assert_eq!(photo.month(), Some((2024, 1)));
    assert_eq!((photo.picture.width, photo.picture.formats.len(), photo.picture.revision), (Some(4000), 3, 1));
    assert_eq!(photo.published_at, Some(world.clock.now()));
    assert!(photo.is_listed());
    let file = world.portfolio.find_file(FileId::new(5)).await.unwrap().unwrap();
    assert!(file.is_attached());
    assert_eq!(world.events(), [PHOTO_CREATED]);
    for key in [PhotoCount::Listed, PhotoCount::Year(2024), PhotoCount::Month(2024, 1)] {
        assert_eq!(world.portfolio.photo_count(key), 1, "{key:?}");
    }
}

#[tokio::test]
async fn what_was_said_goes_before_what_the_camera_noted() {
    let world = world();
    world.portfolio.put_file(&ready(5));
    let said = Taken { at: world.clock.now(), offset_minutes: None };
    let place = Place { name: Some("外滩".to_owned()), ..Place::default() };
    let command = CreatePhoto { taken: Some(said), place, ..command("x", 5) };
    let id = CreatePhotos::new(world.ports.clone()).create(&owner(), command).await.unwrap();
    let photo = world.photo(id.get());
    assert_eq!((photo.taken, photo.place.name.as_deref()), (Some(said), Some("外滩")));
    assert!(photo.place.position.is_some(), "and what nobody said is the camera's");
}

#[tokio::test]
async fn only_a_file_of_ones_own_becomes_a_photo_and_once() {
    let world = world();
    let creating = CreatePhotos::new(world.ports.clone());
    let mut failed = file(6);
    (failed.processing.status, failed.processing.failure) = (FileStatus::Failed, Some("truncated".to_owned()));
    for file in [file(5), failed] {
        world.portfolio.put_file(&file);
    }
    let denied = creating.create(&actor(7, USER), command("x", 5)).await;
    assert!(matches!(denied, Err(PhotoCreateError::Denied(_))));
    for (who, id) in [(actor(8, CREATOR), 5), (actor(9, ADMIN), 5), (owner(), 99)] {
        let missing = creating.create(&who, command("x", id)).await;
        assert!(matches!(missing, Err(PhotoCreateError::FileMissing(handle)) if handle == format!("upload_{id}")));
    }
    let hopeless = creating.create(&owner(), command("x", 6)).await;
    assert!(matches!(hopeless, Err(PhotoCreateError::FileFailed(reason)) if reason == "truncated"));
    let unknown = CreatePhoto { categories: vec![CategoryId::new(1)], ..command("x", 5) };
    assert!(matches!(creating.create(&owner(), unknown).await, Err(PhotoCreateError::Invalid(_))));
    assert!(world.events().is_empty());
    creating.create(&owner(), command("x", 5)).await.unwrap();
    assert!(matches!(creating.create(&owner(), command("y", 5)).await, Err(PhotoCreateError::FileTaken)));
}

#[tokio::test]
async fn a_derived_slug_makes_way_and_a_chosen_one_does_not() {
    let world = world();
    let creating = CreatePhotos::new(world.ports.clone());
    for id in 50..54 {
        world.portfolio.put_file(&file(id));
    }
    let first = creating.create(&owner(), command("Night View", 50)).await.unwrap();
    assert_eq!(world.photo(first.get()).slug.as_str(), "night-view");
    let second = creating.create(&owner(), command("Night View", 51)).await.unwrap();
    assert_eq!(world.photo(second.get()).slug.as_str(), format!("night-view-{second}"));
    let chosen = CreatePhoto { slug: Some(Slug::parse("night-view").unwrap()), ..command("x", 52) };
    assert!(matches!(creating.create(&owner(), chosen).await, Err(PhotoCreateError::SlugTaken)));
    let unlisted = CreatePhoto { visibility: Visibility::Unlisted, ..command("Night View", 53) };
    let third = creating.create(&owner(), unlisted).await.unwrap();
    let hidden = world.photo(third.get()).slug.as_str().to_owned();
    assert_eq!(hidden.len(), "night-view-".len() + 20, "{hidden} has 80 random bits");
}

#[tokio::test]
async fn a_photo_follows_its_file_when_that_is_processed() {
    let world = world();
    world.portfolio.put_file(&file(5));
    let id = CreatePhotos::new(world.ports.clone()).create(&owner(), command("x", 5)).await.unwrap().get();
    assert!(!world.photo(id).is_listed());
    let following = FollowFiles::new(world.ports.clone());
    following.follow(FileId::new(5)).await.unwrap();
    assert_eq!((world.photo(id).version, world.events().len()), (1, 1), "nothing is new");
    world.portfolio.put_file(&ready(5));
    for _ in 0..2 {
        // Events come at least once.
        following.follow(FileId::new(5)).await.unwrap();
    }
    let photo = world.photo(id);
    assert!(photo.is_listed());
    assert_eq!((photo.version, photo.picture.revision, photo.exif.iso), (2, 1, Some(800)));
    assert_eq!(world.portfolio.photo_count(PhotoCount::Month(2024, 1)), 1);
    let mut again = ready(5);
    again.processing.derivatives = Some(derivatives(2));
    world.portfolio.put_file(&again);
    following.follow(FileId::new(5)).await.unwrap();
    assert_eq!(world.photo(id).picture.revision, 2, "other bytes have another address");
    assert_eq!(world.events(), [PHOTO_CREATED, PHOTO_UPDATED, PHOTO_UPDATED]);
    following.follow(FileId::new(99)).await.unwrap();
}

#[tokio::test]
async fn what_an_owner_took_out_stays_out_when_the_file_is_processed_again() {
    let world = world();
    world.portfolio.put_file(&ready(5));
    let id = CreatePhotos::new(world.ports.clone()).create(&owner(), command("x", 5)).await.unwrap();
    let made = world.photo(id.get());
    assert!(made.taken.is_some() && made.place.position.is_some(), "the camera said");
    let forget = EditPhoto { taken: Patch::Clear, position: Patch::Clear, ..EditPhoto::default() };
    ChangePhotos::new(world.ports.clone()).edit(&owner(), &id.into(), forget).await.unwrap();
    let mut again = ready(5);
    again.processing.derivatives = Some(derivatives(2));
    world.portfolio.put_file(&again);
    FollowFiles::new(world.ports.clone()).follow(FileId::new(5)).await.unwrap();
    let photo = world.photo(id.get());
    assert_eq!((photo.picture.revision, photo.exif.iso), (2, Some(800)));
    assert_eq!((photo.taken, photo.place.position), (None, None));
}

#[tokio::test]
async fn what_an_owner_took_out_before_the_file_was_processed_stays_out() {
    let world = world();
    // Notes with a place and a time, and nothing of a camera, known before the file is processed.
    let glanced = |mut file: UploadedFile| {
        let mut notes = notes();
        for field in ["camera", "iso", "aperture", "shutter_speed", "focal_length"] {
            notes[field] = Value::Null;
        }
        file.processing.exif = Some(notes);
        file
    };
    let following = FollowFiles::new(world.ports.clone());
    for file_id in [5, 6] {
        world.portfolio.put_file(&glanced(file(file_id)));
    }
    let creating = CreatePhotos::new(world.ports.clone());
    let id = creating.create(&owner(), command("x", 5)).await.unwrap();
    let other = creating.create(&owner(), command("y", 6)).await.unwrap();
    let made = world.photo(id.get());
    assert!(made.taken.is_some() && made.place.position.is_some() && made.picture.revision == 0);
    let changing = ChangePhotos::new(world.ports.clone());
    let forget = EditPhoto { taken: Patch::Clear, position: Patch::Clear, ..EditPhoto::default() };
    changing.edit(&owner(), &id.into(), forget).await.unwrap();
    // Who says something else of a photo says nothing of where and when.
    let renamed = EditPhoto { title: Some(Title::parse("z".to_owned()).unwrap()), ..EditPhoto::default() };
    changing.edit(&owner(), &other.into(), renamed).await.unwrap();
    for file_id in [5, 6] {
        world.portfolio.put_file(&glanced(ready(file_id)));
        following.follow(FileId::new(file_id)).await.unwrap();
    }
    let (photo, other) = (world.photo(id.get()), world.photo(other.get()));
    assert!(photo.is_listed() && other.is_listed());
    assert_eq!((photo.taken, photo.place.position), (None, None));
    assert!(other.taken.is_some() && other.place.position.is_some());
    // What its owner says again stands, also when the file says another.
    let said = Position::degrees(1.0, 2.0).unwrap();
    let again = EditPhoto { position: Patch::Set(said), ..EditPhoto::default() };
    changing.edit(&owner(), &id.into(), again).await.unwrap();
    let mut anew = glanced(ready(5));
    anew.processing.derivatives = Some(derivatives(2));
    world.portfolio.put_file(&anew);
    following.follow(FileId::new(5)).await.unwrap();
    let photo = world.photo(id.get());
    assert_eq!((photo.taken, photo.place.position, photo.picture.revision), (None, Some(said), 2));
}
