//! What an index of photos is fed from.

use sharestack_content::error::LabelError;
use sharestack_content::model::{Caption, CategoryId, Exif, Label, Photo, PhotoId, Place, Tag, TagId, Visibility};
use sharestack_content::ports::{PhotoDocument, Walk};
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{Failure, Subject, category, label, now, photo, shelves, taken};

impl Subject {
    async fn ids(&self, walk: Walk, after: i64, limit: u64) -> Vec<i64> {
        let found = self.documents.documents_after(walk, PhotoId::new(after), limit).await.unwrap();
        let ids: Vec<_> = found.iter().map(|one| one.id.get()).collect();
        let bare = self.documents.ids_after(walk, PhotoId::new(after), limit).await.unwrap();
        assert_eq!(bare.iter().map(|id| id.get()).collect::<Vec<_>>(), ids);
        ids
    }

    async fn found(&self, ids: &[i64]) -> Vec<PhotoDocument> {
        let ids: Vec<_> = ids.iter().copied().map(PhotoId::new).collect();
        let mut found = self.documents.find_documents(&ids).await.unwrap();
        found.sort_by_key(|document| document.id);
        found
    }

    async fn write(&self, photo: &Photo) {
        let done: Result<(), Failure> = transact!(self.store, |tx| { Ok(tx.photos().update(photo, 1).await?) });
        done.unwrap();
    }
}

/// Its words, its tags and categories, its owner's names, and who may find it.
pub async fn a_document_has_all_that_is_searched(subject: Subject) {
    let whole = Photo {
        description: Some(Caption::parse("繁华都市的夜晚景色").unwrap()),
        place: Place {
            name: Some("上海外滩".to_owned()),
            country: Some("China".to_owned()),
            city: Some("Shanghai".to_owned()),
            position: None,
        },
        exif: Exif {
            camera: Some("Canon EOS R5".to_owned()),
            lens: Some("RF 24-70mm f/2.8L IS USM".to_owned()),
            ..Exif::default()
        },
        ..taken(1, "2024-01-01T02:00:00+08:00")
    };
    let bare = Photo { visibility: Visibility::Private, ..photo(2) };
    subject.keep(&[whole.clone(), bare.clone()]).await;
    subject.plant(&[category("1"), category("1/2")]).await;
    let tags = subject.resolve(&[(1, "夜景"), (2, "City Walk")]).await;
    subject.shelve(&whole, &shelves(&whole, &[1, 2], &tags)).await.unwrap();
    let found = subject.found(&[1, 2, 99]).await;
    assert_eq!(found.len(), 2);
    let tag = |id, name: &str, slug: &str| Tag { id: TagId::new(id), name: name.to_owned(), slug: slug.to_owned() };
    let expected = PhotoDocument {
        id: whole.id,
        title: whole.title.as_str().to_owned(),
        description: Some("繁华都市的夜晚景色".to_owned()),
        tags: vec![tag(1, "夜景", "ye-jing"), tag(2, "City Walk", "city-walk")],
        place: ["上海外滩", "Shanghai", "China"].map(str::to_owned).to_vec(),
        camera: whole.exif.camera.clone(),
        lens: whole.exif.lens.clone(),
        categories: vec![CategoryId::new(1), CategoryId::new(2)],
        owner: UserId::new(7),
        owner_names: found[0].owner_names.clone(),
        listed: true,
        // By the clocks of the place: in UTC it is the year before.
        taken_on: "2024-01-01".parse().ok(),
        shown_at: whole.shown_at(),
        created_at: whole.created_at,
    };
    assert_eq!(found[0], expected);
    assert!(!found[0].owner_names.is_empty() && found[0].owner_names.iter().all(|name| !name.is_empty()));
    let other = &found[1];
    assert_eq!((other.listed, other.taken_on, other.shown_at), (false, None, bare.created_at));
    assert!(other.tags.is_empty() && other.categories.is_empty() && other.place.is_empty());
    assert_eq!(subject.documents.count_documents().await.unwrap(), 2);
}

/// And one that comes back is one again.
pub async fn what_is_in_the_trash_is_no_document(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    let trashed = Photo { trashed_at: Some(now()), version: 2, ..photo(1) };
    subject.write(&trashed).await;
    assert_eq!(subject.ids(Walk::All, 0, 10).await, [2]);
    assert_eq!(subject.found(&[1, 2]).await.len(), 1);
    assert_eq!(subject.documents.count_documents().await.unwrap(), 1);
}

/// In pieces, by id.
pub async fn a_walk_meets_each_photo_once(subject: Subject) {
    let photos: Vec<Photo> = (1..=7).map(photo).collect();
    subject.keep(&photos).await;
    subject.plant(&[category("1"), category("1/2")]).await;
    let tags = subject.resolve(&[(1, "夜景"), (2, "城市")]).await;
    for photo in &photos {
        let (category, tag) = if photo.id.get() % 2 == 0 { (1, tags[0]) } else { (2, tags[1]) };
        subject.shelve(photo, &shelves(photo, &[category], &[tag])).await.unwrap();
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let some = subject.ids(Walk::All, after, 3).await;
        let Some(last) = some.last() else { break };
        after = *last;
        seen.extend(some);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(subject.ids(Walk::By(UserId::new(7)), 5, 10).await, [6, 7]);
    assert_eq!(subject.ids(Walk::By(UserId::new(8)), 0, 10).await, [0_i64; 0]);
    assert_eq!(subject.ids(Walk::Tagged(TagId::new(tags[0])), 0, 10).await, [2, 4, 6]);
    // What is below a category is not in it itself.
    assert_eq!(subject.ids(Walk::In(CategoryId::new(1)), 2, 10).await, [4, 6]);
}

/// A hidden tag is on no document; what shows it again brings it back.
pub async fn what_visitors_do_not_see_finds_nothing(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    let tags = subject.resolve(&[(1, "夜景")]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[], &tags)).await.unwrap();
    for (is_active, version, expected) in [(false, 1, 0), (true, 2, 1)] {
        let changed = Label { is_active, version: version + 1, ..label(1, "夜景") };
        let done: Result<(), LabelError> =
            transact!(subject.store, |tx| { Ok(tx.labels().update(&changed, version).await?) });
        done.unwrap();
        let found = subject.found(&[1]).await;
        assert_eq!(found[0].tags.len(), expected);
        assert_eq!(subject.ids(Walk::Tagged(TagId::new(1)), 0, 10).await, [1], "it is on the photo all the same");
    }
}
