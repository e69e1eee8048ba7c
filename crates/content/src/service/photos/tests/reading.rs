use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::page::PageRequest;

use crate::memory::{MemoryCache, program};
use crate::model::{Bounds, FormatName, Position};
use crate::service::{Reader, ViewBuffer};

use super::*;

fn reading(world: &World) -> (ReadPhotos, Arc<ViewBuffer<PhotoId>>) {
    let views = Arc::new(ViewBuffer::of_photos(world.ports.store.clone(), Arc::new(MemoryCache::default())));
    (ReadPhotos::new(world.ports.clone(), Arc::new(world.portfolio.clone()), views.clone()), views)
}

/// Photos 1 to 5 of user 7: public, draft, unlisted, private, in the trash.
fn shown() -> World {
    let world = world();
    world.put(1, |_| {});
    world.put(2, |photo| photo.status = PhotoStatus::Draft);
    world.put(3, |photo| photo.visibility = Visibility::Unlisted);
    world.put(4, |photo| photo.visibility = Visibility::Private);
    world.put(5, |photo| photo.trashed_at = Some(photo.created_at));
    world
}

#[tokio::test]
async fn each_sees_what_is_theirs_to_see() {
    let world = shown();
    let (reading, _) = reading(&world);
    let (own, other, editor) = (owner(), actor(8, CREATOR), actor(9, EDITOR));
    for (key, guest, insider) in [
        ("1", true, true),
        ("photo-1", true, true),
        ("2", false, true),
        ("photo-2", false, true),
        ("3", false, true),
        ("photo-3", true, true),
        ("4", false, true),
        ("photo-4", false, true),
        ("5", false, false),
        ("6", false, false),
    ] {
        let key = slug(key);
        for (who, sees) in [(None, guest), (Some(&other), guest), (Some(&own), insider), (Some(&editor), insider)] {
            let read = reading.look(who, &key).await;
            assert_eq!(read.is_ok(), sees, "{key} {who:?}");
            if let Err(refused) = read {
                assert_eq!(refused.category(), Category::NotFound);
            }
        }
    }
    let read = reading.look(Some(&own), &key(1)).await.unwrap();
    assert!(read.edits && !read.liked);
    assert!(!reading.look(Some(&other), &key(1)).await.unwrap().edits);
}

#[tokio::test]
async fn visitors_count_and_the_owner_does_not() {
    let world = shown();
    let (reading, views) = reading(&world);
    let (own, other) = (owner(), actor(8, USER));
    for _ in 0..2 {
        for (actor, address) in [(None, Some("a")), (None, Some("b")), (Some(&other), None), (Some(&own), None)] {
            reading.read(Reader { actor, address, agent: None }, &key(1)).await.unwrap();
        }
    }
    for agent in ["Googlebot/2.1 (+http://www.google.com/bot.html)", "facebookexternalhit/1.1"] {
        for (actor, address) in [(None, Some("c")), (Some(&actor(10, USER)), None)] {
            reading.read(Reader { actor, address, agent: Some(agent) }, &key(1)).await.unwrap();
        }
    }
    assert_eq!(views.flush().await.unwrap(), 3);
    assert_eq!(world.ports.queries.find(&key(1)).await.unwrap().unwrap().view_count, 3);
    assert_eq!(world.photo(1).version, 1);
}

#[tokio::test]
async fn a_list_shows_the_open_ones_unless_one_may_see_more() {
    let world = shown();
    world.put(6, |photo| {
        (photo.owner_id, photo.status) = (UserId::new(8), PhotoStatus::Draft);
    });
    let (reading, _) = reading(&world);
    let drafts = || ListPhotos { status: Some(PhotoStatus::Draft), ..ListPhotos::default() };
    let private = || ListPhotos { visibility: Some(Visibility::Private), ..ListPhotos::default() };
    let listed = async |who: Option<&Actor>, query: ListPhotos| {
        let page = reading.list(who, query).await?;
        Ok::<_, crate::error::PhotoReadError>(page.items.iter().map(|view| view.photo.id.get()).collect::<Vec<_>>())
    };
    let (own, editor) = (owner(), actor(9, EDITOR));
    let public = || ListPhotos { visibility: Some(Visibility::Public), ..ListPhotos::default() };
    for who in [None, Some(&own), Some(&actor(8, USER)), Some(&editor)] {
        assert_eq!(listed(who, ListPhotos::default()).await.unwrap(), [1]);
        assert_eq!(listed(who, public()).await.unwrap(), [1], "that asks for what everybody sees");
    }
    let public_drafts = || ListPhotos { status: Some(PhotoStatus::Draft), ..public() };
    assert_eq!(listed(None, public_drafts()).await.unwrap_err().category(), Category::Unauthenticated);
    for query in [drafts(), private()] {
        assert_eq!(listed(None, query).await.unwrap_err().category(), Category::Unauthenticated);
    }
    assert_eq!(listed(Some(&own), drafts()).await.unwrap(), [2]);
    assert_eq!(listed(Some(&editor), drafts()).await.unwrap(), [6, 2]);
    assert_eq!(listed(Some(&own), private()).await.unwrap(), [4]);
    assert_eq!(listed(Some(&actor(10, USER)), private()).await.unwrap(), [0_i64; 0]);
}

#[tokio::test]
async fn what_is_public_and_has_no_pictures_is_listed_for_who_may_change_it_and_asks_for_what_is_public() {
    let world = shown();
    world.put(6, |photo| photo.picture.formats.clear());
    world.put(7, |photo| {
        photo.owner_id = UserId::new(8);
        photo.picture.formats.clear();
    });
    let (reading, _) = reading(&world);
    for (who, expected) in [
        (None, &[1][..]),
        (Some(owner()), &[6, 1]),
        (Some(actor(8, CREATOR)), &[7, 1]),
        (Some(actor(10, USER)), &[1]),
        (Some(actor(9, EDITOR)), &[7, 6, 1]),
        (Some(program(7, &["own.read"])), &[6, 1]),
        (Some(program(7, &["article.create"])), &[1]),
    ] {
        for status in [None, Some(PhotoStatus::Published)] {
            let mut query = ListPhotos { status, visibility: Some(Visibility::Public), ..ListPhotos::default() };
            for expected in [expected, &[1]] {
                let page = reading.list(who.as_ref(), query.clone()).await.unwrap();
                let ids: Vec<_> = page.items.iter().map(|view| view.photo.id.get()).collect();
                assert_eq!((&ids[..], page.total), (expected, expected.len() as u64), "{who:?} {query:?}");
                // Who asks for nothing by name gets what everybody sees.
                query.visibility = None;
            }
        }
    }
}

#[tokio::test]
async fn each_sees_their_own_trash_and_an_admin_all() {
    let world = shown();
    let (reading, _) = reading(&world);
    let page = PageRequest::default();
    for (who, total) in [(owner(), 1), (actor(8, CREATOR), 0), (actor(9, ADMIN), 1)] {
        assert_eq!(reading.trash(&who, page).await.unwrap().total, total);
    }
    assert_eq!(reading.trash(&actor(9, EDITOR), page).await.unwrap_err().category(), Category::Denied);
}

#[tokio::test]
async fn the_original_is_for_who_may_change_the_photo() {
    let world = shown();
    for id in 1..=4 {
        world.portfolio.put_file(&file(id));
    }
    let (reading, _) = reading(&world);
    let (own, other, editor) = (owner(), actor(8, CREATOR), actor(9, EDITOR));
    let display = Wanted::Format(FormatName::Display);
    let (nothing, given, trashed) = (Granted::Nothing, Granted::Photo, Granted::Trashed);
    for (who, id, wanted, granted, expected) in [
        (None, 1, display, nothing, None),
        (None, 1, Wanted::Original, nothing, Some(Category::Denied)),
        (Some(&other), 1, Wanted::Original, nothing, Some(Category::Denied)),
        (Some(&own), 1, Wanted::Original, nothing, None),
        (Some(&editor), 1, Wanted::Original, nothing, None),
        (None, 4, display, nothing, Some(Category::NotFound)),
        (None, 4, Wanted::Original, nothing, Some(Category::NotFound)),
        (None, 4, display, given, None),
        (None, 4, Wanted::Original, given, None),
        (None, 5, display, given, Some(Category::NotFound)),
        (None, 5, display, trashed, None),
        (None, 5, Wanted::Original, trashed, Some(Category::NotFound)),
        (Some(&own), 5, Wanted::Original, trashed, Some(Category::NotFound)),
        (Some(&own), 5, display, nothing, Some(Category::NotFound)),
        (None, 6, display, trashed, Some(Category::NotFound)),
        (None, 1, display, trashed, None),
        (None, 1, Wanted::Original, trashed, Some(Category::Denied)),
        (None, 4, display, trashed, Some(Category::NotFound)),
    ] {
        let picked = reading.pick(who, &key(id), wanted, granted).await;
        let refused = picked.as_ref().err().map(Classified::category);
        assert_eq!(refused, expected, "{who:?} {id} {wanted:?} {granted:?}");
    }
    let original = reading.pick(Some(&own), &key(1), Wanted::Original, nothing).await.unwrap();
    assert_eq!((original.file_name.as_str(), original.size), ("DSC_0001.jpg", 2_048_576));
    let shown = reading.pick(None, &key(1), display, nothing).await.unwrap();
    assert_eq!(shown.file_name, "photo-1-display.jpg");
    world.put(1, |photo| photo.picture.formats.clear());
    assert_eq!(reading.pick(None, &key(1), display, nothing).await.unwrap_err().category(), Category::NotFound);
    reading.downloaded(PhotoId::new(1)).await.unwrap();
    assert_eq!(world.ports.queries.find(&key(1)).await.unwrap().unwrap().download_count, 1);
}

#[tokio::test]
async fn a_map_is_finer_the_nearer_it_is() {
    let world = world();
    for (id, east) in [(1, 121.40), (2, 121.41), (3, 151.2)] {
        world.put(id, |photo| photo.place.position = Some(Position::degrees(31.2, east).unwrap()));
    }
    let (reading, _) = reading(&world);
    for (zoom, squares) in [(0, 1), (4, 2), (22, 3), (u32::MAX, 3)] {
        assert_eq!(reading.map(Bounds::WORLD, zoom).await.unwrap().len(), squares, "{zoom}");
    }
}
