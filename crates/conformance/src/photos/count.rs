//! What visitors count, and the lengths of lists.

use chrono::TimeDelta;
use futures::future::join_all;
use sharestack_content::model::{Photo, PhotoCount, PhotoId, PhotoStatus, Visibility, photo_deltas};
use sharestack_content::ports::PhotoFilter;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{Failure, OWNER, Subject, but, now, photo, taken};

const ONE: PhotoId = PhotoId::new(1);

/// And neither the version nor the time of the last change moves.
pub async fn views_and_downloads_added_at_the_same_time_all_count(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    let add = || async {
        let done: Result<(), Failure> = transact!(subject.store, |tx| {
            tx.photos().add_views(ONE, 3).await?;
            Ok(tx.photos().add_downloads(ONE, 2).await?)
        });
        done.unwrap();
    };
    join_all((0..10).map(|_| add())).await;
    let view = subject.find(1).await.unwrap();
    assert_eq!((view.view_count, view.download_count, view.like_count), (30, 20, 0));
    assert_eq!(view.photo, photo(1));
    // Nor does a change of the photo move what visitors counted.
    subject.update(&Photo { version: 2, ..photo(1) }, 1).await.unwrap();
    assert_eq!(subject.find(1).await.unwrap().view_count, 30);
    assert_eq!(subject.find(2).await.unwrap().view_count, 0);
}

async fn like(subject: &Subject, user: i64, liked: bool) -> (bool, i64) {
    let done: Result<(bool, i64), Failure> = transact!(subject.store, |tx| {
        tx.photos().find_for_update(ONE).await?;
        let user = UserId::new(user);
        if liked { Ok(tx.photos().like(ONE, user, now()).await?) } else { Ok(tx.photos().unlike(ONE, user).await?) }
    });
    done.unwrap()
}

/// However often they say so; and takes each back once.
pub async fn likes_count_each_user_once(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    assert_eq!(like(&subject, 8, false).await, (false, 0));
    assert_eq!(like(&subject, 8, true).await, (true, 1));
    assert_eq!(like(&subject, 8, true).await, (false, 1));
    assert_eq!(like(&subject, 9, true).await, (true, 2));
    let liked = subject.queries.liked(UserId::new(8), &[ONE, PhotoId::new(2)]).await.unwrap();
    assert_eq!(liked, [ONE]);
    assert!(subject.queries.liked(UserId::new(8), &[]).await.unwrap().is_empty());
    assert_eq!(like(&subject, 8, false).await, (true, 1));
    assert_eq!(like(&subject, 8, false).await, (false, 1));
    assert_eq!(subject.find(1).await.unwrap().like_count, 1);
    let left: Result<_, Failure> = transact!(subject.store, |tx| {
        let photos = tx.photos();
        Ok((photos.find_one_liked_by(UserId::new(8)).await?, photos.find_one_liked_by(UserId::new(9)).await?))
    });
    assert_eq!(left.unwrap(), (None, Some(ONE)));
}

/// Of the photos that everybody sees, of one owner.
pub async fn likes_are_counted_by_owner(subject: Subject) {
    let hidden = but(2, |photo| photo.visibility = Visibility::Private);
    let others = but(3, |photo| photo.owner_id = UserId::new(8));
    subject.register(&[8]).await;
    subject.keep(&[photo(1), hidden, others, photo(4)]).await;
    assert_eq!(subject.queries.likes_of(OWNER).await.unwrap(), 0);
    let done: Result<(), Failure> = transact!(subject.store, |tx| {
        for (id, users) in [(1, 3), (2, 2), (3, 5), (4, 1)] {
            tx.photos().find_for_update(PhotoId::new(id)).await?;
            for user in 0..users {
                tx.photos().like(PhotoId::new(id), UserId::new(100 + user), now()).await?;
            }
        }
        Ok(())
    });
    done.unwrap();
    let likes = async |owner| subject.queries.likes_of(owner).await.unwrap();
    assert_eq!((likes(OWNER).await, likes(UserId::new(8)).await, likes(UserId::new(9)).await), (4, 5, 0));
}

/// Of many users, and of one who asks many times.
pub async fn likes_at_the_same_time_all_count(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    join_all((0..16).map(|n| like(&subject, 8 + n % 8, true))).await;
    assert_eq!(subject.find(1).await.unwrap().like_count, 8);
    join_all((0..8).map(|n| like(&subject, 8 + n % 4, n % 8 < 7))).await;
    assert_eq!(subject.find(1).await.unwrap().like_count, liked(&subject).await);
    join_all((0..16).map(|n| like(&subject, 8 + n % 8, false))).await;
    assert_eq!(subject.find(1).await.unwrap().like_count, 0);
}

async fn liked(subject: &Subject) -> i64 {
    let mut n = 0;
    for user in 8..16 {
        n += i64::from(!subject.queries.liked(UserId::new(user), &[ONE]).await.unwrap().is_empty());
    }
    n
}

async fn total(subject: &Subject, year: Option<i32>, month: Option<u32>) -> u64 {
    let filter = PhotoFilter { year, month, ..PhotoFilter::default() };
    subject.queries.list(&filter, PageRequest::default()).await.unwrap().total
}

/// Two additions at once are both there, also when neither finds the key.
pub async fn lengths_added_at_the_same_time_all_count(subject: Subject) {
    let subject = &subject;
    let deltas = [(PhotoCount::Listed, 2), (PhotoCount::Year(2024), 2), (PhotoCount::Month(2024, 1), 2)];
    let add = |by: i64| async move {
        let deltas = deltas.map(|(key, n)| (key, n * by));
        let done: Result<(), Failure> = transact!(subject.store, |tx| { Ok(tx.photos().add_counts(&deltas).await?) });
        done.unwrap();
    };
    join_all((0..10).map(|_| add(1))).await;
    add(-3).await;
    assert_eq!(total(subject, None, None).await, 14);
    assert_eq!(total(subject, Some(2024), None).await, 14);
    assert_eq!(total(subject, Some(2024), Some(1)).await, 14);
    assert_eq!(total(subject, Some(2023), None).await, 0);
}

/// Whatever is done to photos, in whatever order.
pub async fn lengths_never_drift(subject: Subject) {
    let times = ["2024-01-31T23:30:00-02:00", "2024-02-01T00:30:00+03:00", "2023-12-31T23:59:59Z"];
    let mut photos: Vec<Photo> = (1..=6).map(photo).collect();
    subject.keep(&photos).await;
    let mut random = 42_u64;
    let mut draw = |n: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % n
    };
    for _ in 0..60 {
        let index = usize::try_from(draw(6)).unwrap();
        let mut after = photos[index].clone();
        match draw(5) {
            0 => after.status = PhotoStatus::ALL[usize::try_from(draw(3)).unwrap()],
            1 => after.visibility = Visibility::ALL[usize::try_from(draw(3)).unwrap()],
            2 => after.taken = times.get(usize::try_from(draw(4)).unwrap()).copied().map(taken),
            3 => after.trashed_at = (draw(2) == 0).then(now),
            _ => {
                (after.status, after.visibility, after.trashed_at) = (PhotoStatus::Published, Visibility::Public, None);
            }
        }
        after.touch(now() + TimeDelta::seconds(1));
        let before = photos[index].clone();
        let done: Result<(), Failure> = transact!(subject.store, |tx| {
            tx.photos().update(&after, before.version).await?;
            Ok(tx.photos().add_counts(&photo_deltas(Some(&before), Some(&after))).await?)
        });
        done.unwrap();
        photos[index] = after;
    }
    let listed = |wanted: &dyn Fn(&Photo) -> bool| {
        photos.iter().filter(|photo| photo.is_listed() && wanted(photo)).count() as u64
    };
    assert_eq!(total(&subject, None, None).await, listed(&|_| true));
    for (year, month) in [(2024, 1), (2024, 2), (2023, 12)] {
        let by_year = listed(&|photo| photo.month().is_some_and(|(taken, _)| taken == year));
        assert_eq!(total(&subject, Some(year), None).await, by_year, "{year}");
        let by_month = listed(&|photo| photo.month() == Some((year, month)));
        assert_eq!(total(&subject, Some(year), Some(month)).await, by_month, "{year}-{month}");
    }
}
