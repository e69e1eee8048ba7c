//! Links that show photos to others.

use chrono::TimeDelta;
use sharestack_content::model::{CategoryId, PhotoId, PhotoStatus, ShareLink, ShareLinkId, ShareTarget, Visibility};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{Failure, OWNER, Subject, but, ids, link, now, photo};

fn of(ids: &[i64]) -> ShareTarget {
    ShareTarget::Photos(ids.iter().copied().map(PhotoId::new).collect())
}

impl Subject {
    async fn give(&self, link: &ShareLink) {
        let done: Result<(), Failure> = transact!(self.store, |tx| { Ok(tx.share_links().insert(link).await?) });
        done.unwrap();
    }

    async fn end(&self, id: ShareLinkId, owner: UserId) -> bool {
        let done: Result<bool, Failure> = transact!(self.store, |tx| { Ok(tx.share_links().delete(id, owner).await?) });
        done.unwrap()
    }

    async fn link(&self, link: &ShareLink) -> Option<ShareLink> {
        self.queries.find_share_link(&link.token_hash).await.unwrap()
    }

    async fn shared(&self, link: &ShareLink) -> Vec<i64> {
        let page = self.queries.list_shared(link, PageRequest::default()).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        ids(&page.items)
    }
}

/// With its photos in their order; one that has ended too.
pub async fn a_link_reads_back_as_it_was_written(subject: Subject) {
    subject.keep(&[photo(1), photo(2), photo(3)]).await;
    let whole = ShareLink {
        password_hash: Some("$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA".to_owned()),
        allow_download: true,
        hide_metadata: true,
        expires_at: Some(now() - TimeDelta::days(1)),
        ..link(1, of(&[3, 1, 2]))
    };
    let category = link(2, ShareTarget::Category(CategoryId::new((1 << 53) - 1)));
    for one in [&whole, &category] {
        subject.give(one).await;
        assert_eq!(subject.link(one).await.as_ref(), Some(one));
    }
    assert_eq!(subject.queries.find_share_link("no such hash").await.unwrap(), None);
}

/// Once.
pub async fn a_link_is_ended_by_its_owner_alone(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    let (one, other) = (link(1, of(&[1])), link(2, of(&[1])));
    subject.give(&one).await;
    subject.give(&other).await;
    assert!(!subject.end(one.id, UserId::new(8)).await);
    assert!(subject.link(&one).await.is_some());
    assert!(subject.end(one.id, OWNER).await);
    assert!(!subject.end(one.id, OWNER).await);
    assert_eq!((subject.link(&one).await, subject.link(&other).await), (None, Some(other)));
}

/// And those of others stay.
pub async fn all_links_of_an_owner_end(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    subject.register(&[8]).await;
    let other = ShareLink { owner_id: UserId::new(8), ..link(3, of(&[1])) };
    for one in [&link(1, of(&[1])), &link(2, of(&[1])), &other] {
        subject.give(one).await;
    }
    let done: Result<(), Failure> =
        transact!(subject.store, |tx| { Ok(tx.share_links().delete_by_owner(OWNER).await?) });
    done.unwrap();
    assert_eq!(subject.link(&link(1, of(&[]))).await, None);
    assert_eq!(subject.link(&link(2, of(&[]))).await, None);
    assert_eq!(subject.link(&other).await, Some(other));
}

/// In the order of the link: its owner's in every state, those of others while all see them,
/// and nothing that is in the trash or not processed.
pub async fn a_link_shows_its_owners_photos_and_those_of_all(subject: Subject) {
    subject
        .keep(&[
            photo(1),
            but(2, |photo| photo.status = PhotoStatus::Draft),
            but(3, |photo| photo.visibility = Visibility::Private),
            but(4, |photo| photo.trashed_at = Some(now())),
            but(5, |photo| photo.picture.formats.clear()),
        ])
        .await;
    subject.register(&[8]).await;
    let of_other = |id, visibility| {
        but(id, |photo| {
            (photo.owner_id, photo.visibility) = (UserId::new(8), visibility);
        })
    };
    for other in [of_other(6, Visibility::Public), of_other(7, Visibility::Private)] {
        subject.insert(&other).await.unwrap();
    }
    let one = link(1, of(&[6, 3, 7, 1, 4, 2, 5]));
    subject.give(&one).await;
    assert_eq!(subject.shared(&one).await, [6, 3, 1, 2]);
    let second = subject.queries.list_shared(&one, PageRequest::try_new(2, 3).unwrap()).await.unwrap();
    assert_eq!((second.total, ids(&second.items)), (4, vec![2]));
}

/// And below it: what the owner has there, and what all see there.
pub async fn a_link_to_a_category_shows_what_is_in_it(subject: Subject) {
    let hidden = but(2, |photo| photo.visibility = Visibility::Private);
    let of_other = but(3, |photo| {
        (photo.owner_id, photo.visibility) = (UserId::new(8), Visibility::Private);
    });
    subject.keep(&[photo(1), hidden.clone(), photo(4)]).await;
    subject.register(&[8]).await;
    subject.insert(&of_other).await.unwrap();
    subject.plant(&["1", "1/2"]).await;
    subject.shelve(&photo(1), &[1], &[]).await;
    subject.shelve(&hidden, &[2], &[]).await;
    subject.shelve(&of_other, &[1], &[]).await;
    let one = link(1, ShareTarget::Category(CategoryId::new(1)));
    subject.give(&one).await;
    assert_eq!(subject.shared(&one).await, [2, 1]);
}

/// In the order of when they were taken, however many categories they are in, the owner's
/// own and those of all between each other.
pub async fn pages_of_a_shared_category_show_each_photo_once(subject: Subject) {
    let visibility = |id: i64| if id % 3 == 0 { Visibility::Private } else { Visibility::Public };
    let photos: Vec<_> = (1..=20).map(|id| but(id, |photo| photo.visibility = visibility(id))).collect();
    subject.keep(&photos).await;
    subject.register(&[8]).await;
    let others: Vec<_> = (21..=26)
        .map(|id| but(id, |photo| (photo.owner_id, photo.visibility) = (UserId::new(8), visibility(id))))
        .collect();
    for other in &others {
        subject.insert(other).await.unwrap();
    }
    subject.plant(&["1", "1/2", "1/3", "4"]).await;
    for photo in photos.iter().chain(&others) {
        let places: &[i64] = match photo.id.get() % 4 {
            0 => &[4],
            1 => &[1],
            2 => &[2, 3],
            _ => &[1, 3],
        };
        subject.shelve(photo, places, &[]).await;
    }
    let is_in = |id: &i64| id % 4 > 0;
    let shown = |id: &i64| *id <= 20 || id % 3 > 0;
    for (category, expected) in [
        (1, (1..=26).rev().filter(is_in).filter(shown).collect::<Vec<i64>>()),
        (4, vec![20, 16, 12, 8, 4]),
        (2, vec![26, 22, 18, 14, 10, 6, 2]),
        (9, Vec::new()),
    ] {
        let link = link(1, ShareTarget::Category(CategoryId::new(category)));
        let mut seen = Vec::new();
        for number in 1..=7 {
            let page = PageRequest::try_new(number, 3).unwrap();
            let page = subject.queries.list_shared(&link, page).await.unwrap();
            assert_eq!(page.total, expected.len() as u64, "{category}");
            seen.extend(ids(&page.items));
        }
        assert_eq!(seen, expected, "{category}");
    }
}
