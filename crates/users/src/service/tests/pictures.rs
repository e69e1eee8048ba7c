//! Pictures of accounts.

use bytes::Bytes;
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::job::{ClaimedJob, JobHandler as _, NewJob};

use super::house::*;
use super::*;
use crate::error::AvatarError;
use crate::model::{ProfileInput, SelfChangeInput};

#[tokio::test]
async fn a_picture_is_kept_shown_replaced_and_removed() {
    let house = House::new().await;
    let lin = house.world.user("lin").await;
    let remove = RemoveAvatar::new(Arc::new(house.world.store.clone()), house.files.clone());
    let first = house.avatars.set(lin.id, Bytes::from_static(b"one")).await.unwrap().avatar_url.unwrap();
    assert!(first.starts_with("https://example.com/media/") && first.ends_with("-512.webp"), "{first}");
    let before = house.files.names();
    assert_eq!(before.len(), 2);
    assert!(before[1].ends_with("-512.webp") && first.ends_with(before[1].rsplit('/').next().unwrap()));
    // A client that sends back what it got changes nothing.
    let same = ProfileInput { avatar: set(&first), ..ProfileInput::default() };
    let same = SelfChangeInput { profile: same, ..SelfChangeInput::default() }.parse().unwrap();
    house.profiles.update(lin.id, same).await.unwrap();
    assert!(house.world.store.jobs().is_empty());
    let second = house.avatars.set(lin.id, Bytes::from_static(b"one")).await.unwrap().avatar_url.unwrap();
    assert_ne!(first, second, "what a name stands for never changes");
    assert_eq!(house.files.names().len(), 4);
    house.run(&remove).await;
    assert!(house.files.names().iter().all(|name| !before.contains(name)));
    assert_eq!(house.files.names().len(), 2);
    // A job that comes for what is shown again removes nothing.
    let file = house.files.names()[0].trim_start_matches("avatars/").trim_end_matches("-128.webp").to_owned();
    let early = NewJob::new(Uuid::nil(), remove.kind(), serde_json::json!({ "file": file }), house.world.clock.now());
    remove.run(&claimed(&early)).await.unwrap();
    assert_eq!(house.files.names().len(), 2);
    // Another address in its place lets go of the file, too.
    let elsewhere = ProfileInput { avatar: set("https://e.com/a.png"), ..ProfileInput::default() };
    let elsewhere = SelfChangeInput { profile: elsewhere, ..SelfChangeInput::default() }.parse().unwrap();
    house.profiles.update(lin.id, elsewhere).await.unwrap();
    house.run(&remove).await;
    assert!(house.files.names().is_empty());
    assert_eq!(house.avatars.remove(lin.id).await.unwrap().avatar_url, None);
    let count = house.world.store.events().len();
    house.avatars.remove(lin.id).await.unwrap();
    assert_eq!(house.world.store.events().len(), count);
    assert!(remove.run(&ClaimedJob { payload: serde_json::json!({}), ..claimed(&early) }).await.is_err());
}

#[tokio::test]
async fn a_refused_picture_leaves_nothing() {
    let house = House::new().await;
    let lin = house.world.user("lin").await;
    let refused = house.avatars.set(lin.id, Bytes::from_static(b"<svg>")).await.unwrap_err();
    assert_eq!(refused.category(), Category::Unsupported);
    let nobody = house.avatars.set(UserId::new(999), Bytes::from_static(b"one")).await.unwrap_err();
    assert!(matches!(nobody, AvatarError::NoSuchUser(_)));
    assert!(house.files.names().is_empty(), "what nobody shows is not kept");
    house.files.away.store(true, Ordering::Relaxed);
    let away = house.avatars.set(lin.id, Bytes::from_static(b"one")).await.unwrap_err();
    assert_eq!(away.category(), Category::Unavailable);
    assert_eq!(house.world.accounts.find(lin.id).await.unwrap().unwrap().avatar_url, None);
}
