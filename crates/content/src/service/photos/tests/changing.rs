use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use crate::error::PhotoEditError;
use crate::events::{PHOTO_DELETED, PHOTO_LIKED, PHOTO_UPDATED};
use crate::model::{Caption, PhotoCount, TagName, Tagging, WantedTag};
use crate::ports::{Placement, TagLink};

use super::*;

fn names(names: &[&str]) -> Vec<TagName> {
    names.iter().map(|name| TagName::parse(name).unwrap()).collect()
}

async fn tags(world: &World, id: i64) -> Vec<TagLink> {
    let found: Result<_, StoreError> =
        transact!(world.ports.store, |tx| { tx.shelves().tag_links(PhotoId::new(id)).await });
    found.unwrap()
}

#[tokio::test]
async fn only_what_is_named_changes() {
    let world = world();
    world.put(1, |photo| photo.description = Some(Caption::parse("old").unwrap()));
    let changing = ChangePhotos::new(world.ports.clone());
    let edit = EditPhoto { title: Some(Title::parse("新".to_owned()).unwrap()), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), edit).await.unwrap();
    let photo = world.photo(1);
    assert_eq!((photo.title.as_str(), photo.version), ("新", 2));
    assert_eq!(photo.description.as_ref().map(Caption::as_str), Some("old"));
    assert!(photo.updated_at > crate::memory::photo(1).updated_at);
    let edit = EditPhoto { description: Patch::Clear, status: Some(PhotoStatus::Archived), ..EditPhoto::default() };
    changing.edit(&actor(9, EDITOR), &slug("photo-1"), edit).await.unwrap();
    let photo = world.photo(1);
    assert_eq!((photo.description, photo.status, photo.version), (None, PhotoStatus::Archived, 3));
    assert_eq!(world.portfolio.photo_count(PhotoCount::Listed), -1, "it left the list");
    assert_eq!(world.events(), [PHOTO_UPDATED, PHOTO_UPDATED]);
}

#[tokio::test]
async fn what_stays_as_it_is_is_no_change() {
    let world = world();
    world.put(1, |_| {});
    let changing = ChangePhotos::new(world.ports.clone());
    let named = EditPhoto { tags: Some(names(&["夜景"])), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), named.clone()).await.unwrap();
    let before = world.photo(1);
    let title = EditPhoto { title: Some(before.title.clone()), ..EditPhoto::default() };
    for edit in [EditPhoto::default(), title, named] {
        changing.edit(&owner(), &key(1), edit).await.unwrap();
        assert_eq!(world.photo(1), before);
    }
    assert_eq!((before.version, world.events()), (2, vec![PHOTO_UPDATED.to_owned()]));
    let others = EditPhoto { tags: Some(Vec::new()), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), others).await.unwrap();
    assert_eq!(world.photo(1).version, 3);
}

#[tokio::test]
async fn a_photo_that_gets_its_primary_category_with_its_tags_has_changed() {
    let world = world();
    world.put(1, |_| {});
    let changing = ChangePhotos::new(world.ports.clone());
    let named = EditPhoto { tags: Some(names(&["夜景"])), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), named.clone()).await.unwrap();
    let category = crate::memory::category("5");
    world.portfolio.put_category(&category);
    let shelves = crate::model::Shelves::empty(&world.photo(1));
    let placement = Placement { category: category.id, is_primary: false, facts: shelves.facts };
    let put: Result<(), StoreError> = transact!(world.ports.store, |tx| {
        tx.shelves().put_placements(PhotoId::new(1), std::slice::from_ref(&placement)).await
    });
    put.unwrap();
    // As it is kept the second time, there is nothing to change any more.
    for _ in 0..2 {
        changing.edit(&owner(), &key(1), named.clone()).await.unwrap();
        assert_eq!(world.photo(1).version, 3);
        assert_eq!(world.events(), [PHOTO_UPDATED, PHOTO_UPDATED]);
        assert_eq!(world.portfolio.placements(PhotoId::new(1)), [Placement { is_primary: true, ..placement.clone() }]);
    }
}

#[tokio::test]
async fn a_change_of_what_changed_meanwhile_is_refused() {
    let world = world();
    world.put(1, |photo| photo.version = 3);
    let changing = ChangePhotos::new(world.ports.clone());
    let conflict = EditPhoto { if_current: Some(2), ..EditPhoto::default() };
    let conflict = changing.edit(&owner(), &key(1), conflict).await.unwrap_err();
    assert!(matches!(conflict, PhotoEditError::Changed(3)) && conflict.category() == Category::Conflict);
    let stale = EditPhoto { if_version: Some(Versions::These(vec![1, 2])), ..EditPhoto::default() };
    let stale = changing.edit(&owner(), &key(1), stale).await.unwrap_err();
    assert_eq!(stale.category(), Category::Stale);
    assert_eq!(world.photo(1).version, 3);
    let current = EditPhoto { if_current: Some(3), if_version: Some(Versions::These(vec![3])), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), current).await.unwrap();
}

#[tokio::test]
async fn who_may_not_change_a_photo_learns_of_it_only_if_they_see_it() {
    let world = world();
    world.put(1, |_| {});
    world.put(2, |photo| photo.visibility = Visibility::Private);
    world.put(3, |photo| photo.trashed_at = Some(photo.created_at));
    let changing = ChangePhotos::new(world.ports.clone());
    for (id, category) in
        [(1, Category::Denied), (2, Category::NotFound), (3, Category::NotFound), (4, Category::NotFound)]
    {
        let refused = changing.edit(&actor(8, CREATOR), &key(id), EditPhoto::default()).await.unwrap_err();
        assert_eq!(refused.category(), category, "{id}");
    }
    for who in [owner(), actor(9, ADMIN)] {
        let refused = changing.edit(&who, &key(3), EditPhoto::default()).await.unwrap_err();
        assert_eq!(refused.category(), Category::NotFound, "nothing in the trash is changed");
    }
}

#[tokio::test]
async fn what_becomes_unlisted_leaves_its_public_address() {
    let world = world();
    world.put(1, |_| {});
    let changing = ChangePhotos::new(world.ports.clone());
    let hide = EditPhoto { visibility: Some(Visibility::Unlisted), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), hide.clone()).await.unwrap();
    let hidden = world.photo(1).slug;
    assert_ne!(hidden.as_str(), "photo-1");
    changing.edit(&owner(), &key(1), hide).await.unwrap();
    assert_eq!(world.photo(1).slug, hidden, "and keeps the one that is known to its guests");
}

#[tokio::test]
async fn tags_are_replaced_and_those_that_stay_keep_who_gave_them() {
    let world = world();
    world.put(1, |_| {});
    let changing = ChangePhotos::new(world.ports.clone());
    let set = |list: &[&str]| EditPhoto { tags: Some(names(list)), ..EditPhoto::default() };
    changing.edit(&owner(), &key(1), set(&["夜景", "城市"])).await.unwrap();
    let before = tags(&world, 1).await;
    assert_eq!(before.len(), 2);
    let ai = Tagging { source: crate::model::Source::Ai, confidence: None };
    let mut shelves = crate::model::Shelves::empty(&world.photo(1));
    shelves.tags = before.iter().map(|link| (link.tag, ai)).collect();
    let now = world.clock.now();
    let moved: Result<(), ShelveError> =
        transact!(world.ports.store, |tx| { shelving::move_photo(tx, PhotoId::new(1), &shelves, now).await });
    moved.unwrap();
    changing.edit(&owner(), &key(1), set(&["夜景", "外滩"])).await.unwrap();
    let sources: Vec<_> = tags(&world, 1).await.iter().map(|link| link.tagging.source.as_str()).collect();
    assert_eq!(sources, ["ai", "manual"]);
    changing.edit(&owner(), &key(1), set(&[])).await.unwrap();
    assert!(tags(&world, 1).await.is_empty());
}

#[tokio::test]
async fn photos_are_put_in_order_all_or_none() {
    let world = world();
    for id in 1..=3 {
        world.put(id, |photo| photo.owner_id = UserId::new(if id == 3 { 8 } else { 7 }));
    }
    let changing = ChangePhotos::new(world.ports.clone());
    let order = |ids: &[i64]| ids.iter().map(|id| (PhotoId::new(*id), 10 - id)).collect::<Vec<_>>();
    let refused = changing.reorder(&owner(), order(&[1, 2, 3])).await.unwrap_err();
    assert_eq!(refused.category(), Category::Denied);
    let missing = changing.reorder(&owner(), order(&[1, 99])).await.unwrap_err();
    assert_eq!(missing.category(), Category::NotFound);
    assert!(matches!(changing.reorder(&owner(), order(&[1, 1])).await, Err(PhotoEditError::Invalid(_))));
    assert_eq!((world.photo(1).sort_order, world.events().len()), (0, 0));
    changing.reorder(&owner(), order(&[2, 1])).await.unwrap();
    assert_eq!((world.photo(1).sort_order, world.photo(2).sort_order), (9, 8));
    changing.reorder(&actor(9, EDITOR), order(&[3])).await.unwrap();
    assert_eq!(world.photo(3).sort_order, 7);
}

#[tokio::test]
async fn a_batch_does_what_it_may_and_says_what_became_of_each() {
    let world = world();
    for id in 1..=3 {
        world.put(id, |photo| photo.owner_id = UserId::new(if id == 2 { 8 } else { 7 }));
    }
    let batches = BatchPhotos::new(world.ports.clone(), chrono::Duration::days(30));
    let ids = || [3, 1, 2, 99, 1].map(PhotoId::new).to_vec();
    let said = |outcomes: Vec<BatchOutcome>| -> Vec<_> {
        let of = |outcome: BatchOutcome| (outcome.id.get(), outcome.result.err().map(|error| error.category()));
        outcomes.into_iter().map(of).collect()
    };
    let expected = [(1, None), (2, Some(Category::Denied)), (3, None), (99, Some(Category::NotFound))];
    let add = batches.run(&owner(), ids(), BatchAction::AddTags(names(&["夜景", "城市"]))).await.unwrap();
    assert_eq!(said(add), expected);
    assert_eq!((tags(&world, 1).await.len(), tags(&world, 2).await.len()), (2, 0));
    let wanted = ["夜景", "无"].map(|name| WantedTag::parse(name).unwrap());
    let remove = batches.run(&owner(), ids(), BatchAction::RemoveTags(wanted.into())).await.unwrap();
    assert_eq!(said(remove), expected);
    assert_eq!(tags(&world, 1).await.len(), 1);
    let events = world.events().len();
    let archive = BatchAction::UpdateStatus(PhotoStatus::Archived);
    for _ in 0..2 {
        assert_eq!(batches.run(&owner(), ids(), archive.clone()).await.unwrap().len(), 4);
    }
    assert_eq!(world.photo(3).status, PhotoStatus::Archived);
    assert_eq!(world.events().len(), events + 2, "what is so already is no change");
    let unknown = BatchAction::AddCategories(vec![crate::model::CategoryId::new(9)]);
    let outcomes = said(batches.run(&owner(), ids(), unknown).await.unwrap());
    assert_eq!(outcomes[0], (1, Some(Category::Invalid)));
    let gone = said(batches.run(&owner(), ids(), BatchAction::Delete).await.unwrap());
    assert_eq!(gone[..2], [(1, None), (2, Some(Category::Denied))]);
    assert!(world.photo(1).trashed_at.is_some() && world.photo(2).trashed_at.is_none());
    assert_eq!(world.events().iter().filter(|kind| *kind == PHOTO_DELETED).count(), 2);
    let editor = batches.run(&actor(9, EDITOR), ids(), BatchAction::Delete).await.unwrap_err();
    assert_eq!(editor.category(), Category::Denied, "who may delete no photo is told once");
    for many in [Vec::new(), (1..=101).map(PhotoId::new).collect()] {
        let refused = batches.run(&owner(), many, BatchAction::Delete).await.unwrap_err();
        assert_eq!(refused.category(), Category::Invalid);
    }
}

#[tokio::test]
async fn a_like_counts_once_and_is_told_once() {
    let world = world();
    world.put(1, |_| {});
    world.put(2, |photo| photo.status = PhotoStatus::Draft);
    let likes = LikePhotos::new(world.ports.clone());
    let fan = actor(8, USER);
    for _ in 0..2 {
        assert_eq!(likes.like(&fan, &key(1)).await.unwrap(), (PhotoId::new(1), 1));
    }
    assert_eq!(likes.like(&actor(9, &[]), &slug("photo-1")).await.unwrap().1, 2);
    for expected in [1, 1] {
        assert_eq!(likes.unlike(&fan, &key(1)).await.unwrap().1, expected);
    }
    assert_eq!(world.events(), [PHOTO_LIKED, PHOTO_LIKED]);
    let missing = likes.like(&fan, &key(2)).await.unwrap_err();
    assert_eq!(missing.category(), Category::NotFound);
    assert_eq!(likes.like(&owner(), &key(2)).await.unwrap().1, 1, "who sees a draft may like it");
}
