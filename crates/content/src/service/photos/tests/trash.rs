use chrono::Duration;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::job::{ClaimedJob, JobHandler as _, NewJob};

use crate::error::PhotoEditError;
use crate::events::{PHOTO_DELETED, PHOTO_UPDATED};
use crate::model::PhotoCount;
use crate::ports::FileQueries as _;

use super::*;

fn trash(world: &World) -> TrashPhotos {
    TrashPhotos::new(world.ports.clone(), Duration::days(30))
}

async fn run(world: &World, job: usize) {
    let job = world.portfolio.jobs()[job].clone();
    let claimed =
        ClaimedJob { id: job.id, kind: job.kind, payload: job.payload, attempt: 1, max_attempts: 10, lost: 0 };
    PurgePhotos::new(world.ports.clone(), Duration::days(30)).run(&claimed).await.unwrap();
}

#[tokio::test]
async fn what_is_put_away_comes_back_as_it_was_or_goes_for_good() {
    let world = world();
    let mut attached = file(1);
    attached.expires_at = None;
    world.portfolio.put_file(&attached);
    world.put(1, |_| {});
    let trash = trash(&world);
    trash.delete(&owner(), &key(1), None).await.unwrap();
    assert_eq!(world.photo(1).trashed_at, Some(world.clock.now()));
    let first = world.portfolio.jobs()[0].clone();
    assert_eq!((first.kind.as_str(), first.run_at), (PURGE_JOB, world.clock.now() + Duration::days(30)));
    let again = trash.delete(&owner(), &key(1), None).await.unwrap_err();
    assert_eq!(again.category(), Category::NotFound);
    trash.restore(&owner(), &key(1)).await.unwrap();
    assert_eq!((world.photo(1).trashed_at, world.photo(1).status), (None, PhotoStatus::Published));
    assert!(matches!(trash.restore(&owner(), &key(1)).await, Err(PhotoEditError::NotTrashed)));
    run(&world, 0).await;
    assert!(world.portfolio.photo(PhotoId::new(1)).is_some(), "the job of a restored photo does nothing");

    world.clock.advance(Duration::days(1));
    trash.delete(&owner(), &key(1), None).await.unwrap();
    run(&world, 0).await;
    assert!(world.portfolio.photo(PhotoId::new(1)).is_some(), "nor does it later: its time counts anew");
    world.clock.advance(Duration::days(30));
    for _ in 0..2 {
        run(&world, 1).await;
    }
    assert!(world.portfolio.photo(PhotoId::new(1)).is_none());
    let file = world.portfolio.find_file(FileId::new(1)).await.unwrap().unwrap();
    assert_eq!(file.expires_at, Some(world.clock.now()), "who looks after files removes it now");
    assert_eq!(world.events(), [PHOTO_DELETED, PHOTO_UPDATED, PHOTO_DELETED]);
    assert_eq!(world.portfolio.photo_count(PhotoCount::Listed), -1);
    assert_eq!(trash.restore(&owner(), &key(1)).await.unwrap_err().category(), Category::NotFound);
}

#[tokio::test]
async fn a_photo_goes_when_the_trash_says_now_that_it_does() {
    let world = world();
    world.put(1, |_| {});
    world.put(2, |_| {});
    let thrown_at = world.clock.now();
    trash(&world).delete(&owner(), &key(1), None).await.unwrap();
    let purging = |days| PurgePhotos::new(world.ports.clone(), Duration::days(days));
    let claimed = |number: usize| {
        let NewJob { id, kind, payload, .. } = world.portfolio.jobs()[number].clone();
        ClaimedJob { id, kind, payload, attempt: 1, max_attempts: 10, lost: 0 }
    };
    world.clock.advance(Duration::days(30));
    purging(60).run(&claimed(0)).await.unwrap();
    assert_eq!(world.photo(1).trashed_at, Some(thrown_at), "it is kept for longer by now");
    let later = world.portfolio.jobs()[1].clone();
    assert_eq!((later.kind.as_str(), later.run_at), (PURGE_JOB, thrown_at + Duration::days(60)));
    world.clock.advance(Duration::days(30));
    purging(60).run(&claimed(1)).await.unwrap();
    assert!(world.portfolio.photo(PhotoId::new(1)).is_none());

    trash(&world).delete(&owner(), &key(2), None).await.unwrap();
    world.clock.advance(Duration::days(7));
    assert_eq!(purging(8).purge_overdue().await.unwrap(), 0);
    assert_eq!(purging(7).purge_overdue().await.unwrap(), 1, "it is kept for a shorter time by now");
    assert!(world.portfolio.photo(PhotoId::new(2)).is_none());
    purging(7).run(&claimed(2)).await.unwrap();
    assert_eq!(purging(0).purge_overdue().await.unwrap(), 0);
}

#[tokio::test]
async fn an_editor_deletes_nothing_their_own_included() {
    let world = world();
    world.put(1, |_| {});
    world.put(2, |photo| photo.owner_id = UserId::new(9));
    let trash = trash(&world);
    for id in [1, 2] {
        let refused = trash.delete(&actor(9, EDITOR), &key(id), None).await.unwrap_err();
        assert_eq!(refused.category(), Category::Denied, "{id}");
        let refused = trash.delete(&actor(10, CREATOR), &key(id), None).await.unwrap_err();
        assert_eq!(refused.category(), Category::Denied, "{id}");
    }
    trash.delete(&actor(10, ADMIN), &key(1), None).await.unwrap();
    let hidden = trash.restore(&actor(10, CREATOR), &key(1)).await.unwrap_err();
    assert_eq!(hidden.category(), Category::NotFound, "nobody else knows what is in a trash");
    trash.restore(&owner(), &key(1)).await.unwrap();
}

#[tokio::test]
async fn who_goes_takes_photos_likes_and_links_along() {
    let world = world();
    for id in 1..=3 {
        world.put(id, |photo| photo.owner_id = UserId::new(if id == 3 { 8 } else { 7 }));
    }
    world.put(2, |photo| photo.trashed_at = Some(photo.created_at));
    LikePhotos::new(world.ports.clone()).like(&owner(), &key(3)).await.unwrap();
    let departed = RemovePhotos::new(world.ports.clone());
    for _ in 0..2 {
        departed.remove_all(UserId::new(7)).await.unwrap();
    }
    assert!([1, 2].iter().all(|id| world.portfolio.photo(PhotoId::new(*id)).is_none()));
    let left = world.ports.queries.find(&key(3)).await.unwrap().unwrap();
    assert_eq!(left.like_count, 0);
    assert_eq!(world.events().iter().filter(|kind| *kind == PHOTO_DELETED).count(), 1);
}
