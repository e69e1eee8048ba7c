use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::page::PageRequest;

use crate::error::ShareOpenError;
use crate::memory::program;
use crate::model::{Exif, Position, ShareLinkId, Taken};
use crate::ports::SharePasswords;

use super::*;

struct Plain;

#[async_trait]
impl SharePasswords for Plain {
    async fn hash(&self, password: &str) -> Result<String, StoreError> {
        Ok(format!("hash of {password}"))
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool, StoreError> {
        Ok(format!("hash of {password}") == hash)
    }

    fn digest(&self, token: &str) -> String {
        format!("digest of {token}")
    }
}

/// Puts photo 2 into the trash while a password is hashed.
struct Meanwhile(PhotoPorts);

#[async_trait]
impl SharePasswords for Meanwhile {
    async fn hash(&self, password: &str) -> Result<String, StoreError> {
        TrashPhotos::new(self.0.clone(), chrono::Duration::days(30)).delete(&owner(), &key(2), None).await.unwrap();
        Plain.hash(password).await
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool, StoreError> {
        Plain.verify(password, hash).await
    }

    fn digest(&self, token: &str) -> String {
        Plain.digest(token)
    }
}

/// Counts and never forgets.
#[derive(Default)]
struct Counting(Mutex<u32>);

impl Counting {
    fn say(limit: Limit, counted: u32) -> Decision {
        let reset_at = FakeClock::default().now() + Duration::from_mins(1);
        let remaining = limit.limit.saturating_sub(counted);
        Decision { allowed: remaining > 0, limit, remaining, reset_at }
    }
}

#[async_trait]
impl RateLimiter for Counting {
    async fn hit(&self, _key: &str, limit: Limit) -> Result<Decision, CacheError> {
        let mut n = self.0.lock().unwrap();
        let decision = Self::say(limit, *n);
        *n += u32::from(decision.allowed);
        Ok(decision)
    }

    async fn peek(&self, _key: &str, limit: Limit) -> Result<Decision, CacheError> {
        Ok(Self::say(limit, *self.0.lock().unwrap()))
    }

    async fn forget(&self, _key: &str, _limit: Limit) -> Result<(), CacheError> {
        unreachable!("nobody forgets")
    }
}

/// Lets others go on while it verifies, and counts how often it does.
#[derive(Default)]
struct Slow {
    verified: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

#[async_trait]
impl SharePasswords for Slow {
    async fn hash(&self, password: &str) -> Result<String, StoreError> {
        Plain.hash(password).await
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool, StoreError> {
        self.verified.fetch_add(1, SeqCst);
        self.most_at_once.fetch_max(self.at_once.fetch_add(1, SeqCst) + 1, SeqCst);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.at_once.fetch_sub(1, SeqCst);
        Plain.verify(password, hash).await
    }

    fn digest(&self, token: &str) -> String {
        Plain.digest(token)
    }
}

fn sharing(world: &World) -> SharePhotos {
    SharePhotos::new(world.ports.clone(), Arc::new(Plain), Arc::new(Counting::default()))
}

fn to(ids: &[i64]) -> CreateShareLink {
    CreateShareLink { photos: ids.iter().copied().map(PhotoId::new).collect(), ..CreateShareLink::default() }
}

async fn open(sharing: &SharePhotos, token: &str, password: Option<&str>) -> Result<SharedPhotos, ShareOpenError> {
    sharing.open(token, password, PageRequest::default()).await
}

#[tokio::test]
async fn a_link_shows_what_its_owner_chose_until_it_ends() {
    let world = world();
    world.put(1, |photo| photo.visibility = Visibility::Private);
    let sharing = sharing(&world);
    let end = world.clock.now() + chrono::Duration::hours(1);
    let shared = sharing.create(&owner(), CreateShareLink { expires_at: Some(end), ..to(&[1]) }).await.unwrap();
    assert_ne!(shared.link.token_hash, shared.token, "the store does not know the token");
    let seen = open(&sharing, &shared.token, None).await.unwrap();
    assert_eq!((seen.page.total, seen.page.items[0].photo.id.get()), (1, 1));
    assert!(matches!(open(&sharing, "other", None).await, Err(ShareOpenError::Missing)));
    world.clock.advance(chrono::Duration::hours(1));
    assert_eq!(open(&sharing, &shared.token, None).await.unwrap_err().category(), Category::Gone);
}

#[tokio::test]
async fn nobody_shares_what_is_not_theirs() {
    let world = world();
    world.put(1, |photo| photo.visibility = Visibility::Private);
    world.put(2, |_| {});
    world.put(3, |photo| photo.trashed_at = Some(photo.created_at));
    let sharing = sharing(&world);
    let refused = async |who: &Actor, command| sharing.create(who, command).await.unwrap_err().category();
    assert_eq!(refused(&actor(8, USER), to(&[1])).await, Category::NotFound);
    assert_eq!(refused(&actor(9, EDITOR), to(&[1])).await, Category::Denied, "seeing is not giving away");
    assert_eq!(refused(&owner(), to(&[3])).await, Category::NotFound);
    assert_eq!(refused(&owner(), to(&[2, 99])).await, Category::NotFound);
    assert_eq!(refused(&actor(7, &[]), to(&[2])).await, Category::Denied);
    let many: Vec<i64> = (1..=501).collect();
    assert_eq!(refused(&owner(), to(&many)).await, Category::Invalid);
    for hours in [0, -1, 24 * 4000] {
        let expires_at = Some(world.clock.now() + chrono::Duration::hours(hours));
        assert_eq!(refused(&owner(), CreateShareLink { expires_at, ..to(&[2]) }).await, Category::Invalid);
    }
    let category = Some(crate::model::CategoryId::new(9));
    assert_eq!(refused(&owner(), CreateShareLink { category, ..to(&[]) }).await, Category::Invalid);
    sharing.create(&actor(8, USER), to(&[2])).await.unwrap();
}

#[tokio::test]
async fn a_key_shares_for_its_owner_only_when_it_acts_for_them() {
    let world = world();
    world.put(1, |photo| photo.visibility = Visibility::Private);
    world.put(2, |_| {});
    world.put(3, |photo| photo.owner_id = UserId::new(8));
    let sharing = sharing(&world);
    let link = sharing.create(&owner(), to(&[1])).await.unwrap();
    let category = || CreateShareLink { category: Some(crate::model::CategoryId::new(9)), ..to(&[]) };
    for scopes in [&["photo.read"][..], &["photo.read", "photo.create"], &["photo.read", "photo.delete", "own.read"]] {
        let narrow = program(7, scopes);
        for command in [to(&[1]), to(&[2]), to(&[3, 1]), category()] {
            let refused = sharing.create(&narrow, command).await.unwrap_err();
            assert_eq!(refused.category(), Category::Denied, "{scopes:?}");
        }
        assert_eq!(sharing.revoke(&narrow, link.link.id).await.unwrap_err().category(), Category::Denied);
        let open_to_all = sharing.create(&narrow, to(&[3])).await.unwrap();
        assert_eq!(open(&sharing, &open_to_all.token, None).await.unwrap().page.total, 1);
    }
    open(&sharing, &link.token, None).await.unwrap();
    for scopes in [&["photo.read", "own.write"][..], &["photo.read", "own.*"], &["photo.read", "photo.update"]] {
        let made = sharing.create(&program(7, scopes), to(&[1, 2, 3])).await.unwrap();
        assert_eq!(open(&sharing, &made.token, None).await.unwrap().page.total, 3, "{scopes:?}");
        sharing.revoke(&program(7, scopes), made.link.id).await.unwrap();
    }
}

#[tokio::test]
async fn a_photo_that_goes_meanwhile_is_not_shared() {
    let world = world();
    world.put(1, |_| {});
    world.put(2, |_| {});
    let sharing =
        SharePhotos::new(world.ports.clone(), Arc::new(Meanwhile(world.ports.clone())), Arc::new(Counting::default()));
    let command = CreateShareLink { password: Some("外滩-1930".to_owned()), ..to(&[1, 2]) };
    assert_eq!(sharing.create(&owner(), command).await.unwrap_err().category(), Category::NotFound);
}

#[tokio::test]
async fn a_password_opens_a_link_and_cannot_be_tried_through() {
    let world = world();
    world.put(1, |_| {});
    let sharing = sharing(&world);
    let command = CreateShareLink { password: Some("外滩-1930".to_owned()), ..to(&[1]) };
    let token = sharing.create(&owner(), command).await.unwrap().token;
    assert!(matches!(open(&sharing, &token, None).await, Err(ShareOpenError::PasswordRequired)));
    for _ in 0..20 {
        open(&sharing, &token, Some("外滩-1930")).await.unwrap();
    }
    for _ in 0..5 {
        assert!(matches!(open(&sharing, &token, Some("x")).await, Err(ShareOpenError::WrongPassword)));
    }
    for password in ["x", "外滩-1930"] {
        let throttled = open(&sharing, &token, Some(password)).await.unwrap_err();
        assert_eq!(throttled.category(), Category::RateLimited, "the right one tells nothing either");
    }
}

#[tokio::test]
async fn the_right_password_opens_a_link_for_many_at_once_and_wrong_ones_stay_counted() {
    let world = world();
    world.put(1, |_| {});
    let slow = Arc::new(Slow::default());
    let sharing = SharePhotos::new(world.ports.clone(), slow.clone(), Arc::new(Counting::default()));
    let command = CreateShareLink { password: Some("外滩-1930".to_owned()), ..to(&[1]) };
    let token = sharing.create(&owner(), command).await.unwrap().token;
    let all =
        async |password: &str, times: usize| join_all((0..times).map(|_| open(&sharing, &token, Some(password)))).await;
    for wrong in [0, 4] {
        for _ in 0..wrong {
            assert!(matches!(open(&sharing, &token, Some("x")).await, Err(ShareOpenError::WrongPassword)));
        }
        assert!(all("外滩-1930", 30).await.iter().all(Result::is_ok), "after {wrong} wrong ones");
    }
    let before = slow.verified.load(SeqCst);
    let (mut wrong, mut throttled) = (0, 0);
    for answer in all("x", 30).await {
        match answer.unwrap_err() {
            ShareOpenError::WrongPassword => wrong += 1,
            ShareOpenError::Throttled(_) => throttled += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((wrong, throttled), (1, 29), "four were tried before");
    assert_eq!(slow.verified.load(SeqCst) - before, 1, "what is not told is not tried");
    assert_eq!(slow.most_at_once.load(SeqCst), 1);
    assert!(all("外滩-1930", 3).await.iter().all(Result::is_err), "the right one tells nothing either");
}

#[tokio::test]
async fn nodes_together_call_no_more_passwords_wrong_than_one_does() {
    let world = world();
    world.put(1, |_| {});
    let limiter: Arc<dyn RateLimiter> = Arc::new(Counting::default());
    let node = || SharePhotos::new(world.ports.clone(), Arc::new(Slow::default()), limiter.clone());
    let nodes: Vec<_> = (0..8).map(|_| node()).collect();
    let command = CreateShareLink { password: Some("外滩-1930".to_owned()), ..to(&[1]) };
    let token = nodes[0].create(&owner(), command).await.unwrap().token;
    let right = join_all(nodes.iter().map(|node| open(node, &token, Some("外滩-1930")))).await;
    assert!(right.iter().all(Result::is_ok));
    let wrong = join_all(nodes.iter().map(|node| open(node, &token, Some("x")))).await;
    let told = wrong.iter().filter(|answer| matches!(answer, Err(ShareOpenError::WrongPassword))).count();
    assert_eq!(told, 5);
}

#[tokio::test]
async fn what_a_link_hides_is_not_there() {
    let world = world();
    world.put(1, |photo| {
        photo.place.position = Some(Position::degrees(31.2, 121.4).unwrap());
        photo.exif = Exif { iso: Some(100), ..Exif::default() };
        photo.taken = Some(Taken { at: photo.created_at, offset_minutes: None });
        photo.metadata = Metadata::parse(json!({ "a": 1 }).as_object().unwrap().clone()).unwrap();
    });
    let sharing = sharing(&world);
    let token = sharing.create(&owner(), CreateShareLink { hide_metadata: true, ..to(&[1]) }).await.unwrap().token;
    let seen = open(&sharing, &token, None).await.unwrap();
    let photo = &seen.page.items[0].photo;
    assert!(photo.place.is_empty() && photo.exif == Exif::default() && photo.taken.is_none());
    assert!(photo.metadata == Metadata::default() && photo.picture.original_filename.is_empty());
}

#[tokio::test]
async fn an_owner_ends_their_own_links() {
    let world = world();
    world.put(1, |_| {});
    let sharing = sharing(&world);
    let shared = sharing.create(&owner(), to(&[1])).await.unwrap();
    let missing = sharing.revoke(&actor(8, CREATOR), shared.link.id).await.unwrap_err();
    assert_eq!(missing.category(), Category::NotFound);
    sharing.revoke(&owner(), shared.link.id).await.unwrap();
    assert!(matches!(open(&sharing, &shared.token, None).await, Err(ShareOpenError::Missing)));
    let unknown = ShareLinkId::new(uuid::Uuid::nil());
    assert!(sharing.revoke(&owner(), unknown).await.is_err());
}
