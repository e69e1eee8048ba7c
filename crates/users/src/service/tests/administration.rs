//! Edits, administration, roles, settings, pictures, the end of accounts.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sharestack_kernel::actor::Credential;
use sharestack_kernel::blob::{Blob, BlobError, BlobKey, BlobStream};
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::event::{DomainEvent, Subscriber as _};
use sharestack_kernel::job::{ClaimedJob, JobHandler, NewJob};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::permission::Permission;

use super::*;
use crate::error::{AdministerError, AvatarError, EditAccountError, PictureError, RoleError};
use crate::events;
use crate::model::{
    ConsentInput, Language, Obligation, ProfileInput, RoleChange, RoleId, RoleInput, RoleName, SearchText,
    SelfChangeInput, SettingsChange, UserFilter, UserRef, parse_consents,
};
use crate::ports::MockPersonalRecords;
use crate::ports::{AccountObligations, AvatarImages, RenderedAvatar, SessionCache as _};

/// What somebody has, as the rest of the product would say.
#[derive(Default)]
struct Owing(Mutex<Vec<Obligation>>);

#[async_trait]
impl AccountObligations for Owing {
    async fn find(&self, _user: UserId) -> Result<Vec<Obligation>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// Takes all bytes for a picture but those that are none.
struct Copying;

#[async_trait]
impl AvatarImages for Copying {
    async fn render(&self, bytes: Bytes, sizes: &[u32]) -> Result<Vec<RenderedAvatar>, PictureError> {
        if &bytes[..] == b"<svg>" {
            return Err(PictureError::Unsupported);
        }
        Ok(sizes.iter().map(|size| RenderedAvatar { size: *size, bytes: bytes.clone() }).collect())
    }
}

/// Files in a map.
#[derive(Default)]
struct Files {
    kept: Mutex<HashMap<String, Bytes>>,
    away: AtomicBool,
}

impl Files {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.kept.lock().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn answer(&self) -> Result<std::sync::MutexGuard<'_, HashMap<String, Bytes>>, BlobError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(BlobError::Unavailable("away".into()));
        }
        Ok(self.kept.lock().unwrap())
    }
}

#[async_trait]
impl Blob for Files {
    async fn put(&self, key: &BlobKey, mut content: BlobStream) -> Result<u64, BlobError> {
        let mut all = Vec::new();
        while let Some(piece) = content.next().await {
            all.extend(piece?);
        }
        let length = all.len() as u64;
        self.answer()?.insert(key.to_string(), all.into());
        Ok(length)
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<BlobStream>, BlobError> {
        let found = self.answer()?.get(key.as_str()).cloned();
        Ok(found.map(|bytes| stream::iter([Ok(bytes)]).boxed()))
    }

    async fn get_range(&self, key: &BlobKey, _range: Range<u64>) -> Result<Option<BlobStream>, BlobError> {
        self.get(key).await
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(self.answer()?.get(key.as_str()).map(|bytes| bytes.len() as u64))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.answer()?.remove(key.as_str());
        Ok(())
    }

    async fn list(&self, _prefix: &str) -> Result<BoxStream<'static, Result<BlobKey, BlobError>>, BlobError> {
        Ok(stream::empty().boxed())
    }

    async fn presign_get(&self, _key: &BlobKey, _ttl: Duration) -> Result<Option<String>, BlobError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), BlobError> {
        self.answer().map(drop)
    }
}

struct House {
    world: World,
    root: Actor,
    owing: Arc<Owing>,
    files: Arc<Files>,
    administration: Administration,
    profiles: Profiles,
    roles: Roles,
    settings: Settings,
    avatars: Avatars,
}

impl House {
    async fn new() -> Self {
        let world = World::new();
        let root = world.root().await;
        let (owing, files) = (Arc::new(Owing::default()), Arc::new(Files::default()));
        let (ports, store) = (world.ports.clone(), Arc::new(world.store.clone()));
        // Created roles are numbered behind the built-in ones.
        while ports.ids.number(RoleId::SEQUENCE).await.unwrap() < 100 {}
        Self {
            administration: Administration::new(AdministrationPorts {
                accounts: ports.clone(),
                directory: store.clone(),
                obligations: owing.clone(),
                purge_after: chrono::Duration::days(30),
            }),
            profiles: Profiles::new(ports.clone(), store.clone()),
            roles: Roles::new(RolePorts { accounts: ports.clone(), roles: store.clone(), directory: store.clone() }),
            settings: Settings::new(ports.clone(), store.clone()),
            avatars: Avatars::new(ports.clone(), Arc::new(Copying), files.clone(), "https://example.com/media"),
            world,
            root,
            owing,
            files,
        }
    }

    /// Somebody with this role, signed in.
    async fn with_role(&self, name: &str, role: &str) -> (Actor, Tokens) {
        let id = self.world.user(name).await.id;
        self.grant(id, &["user", role]).await;
        let tokens = self.world.login(name, PASSWORD).await.unwrap();
        (self.world.actor(&tokens).await, tokens)
    }

    async fn grant(&self, id: UserId, roles: &[&str]) {
        let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
        self.world.accounts.grant_roles(&self.root, id, &roles).await.unwrap();
    }

    async fn role(&self, name: &str, rank: i64, permissions: &[&str]) -> RoleId {
        let role = role_input(name, rank, permissions).create().unwrap();
        self.roles.create(&self.root, role).await.unwrap().role.id
    }

    fn last_event(&self) -> DomainEvent {
        self.world.store.events().pop().unwrap()
    }

    async fn run(&self, handler: &dyn JobHandler) {
        let job = self.world.store.jobs().into_iter().rfind(|job| job.kind == handler.kind()).unwrap();
        handler.run(&claimed(&job)).await.unwrap();
    }
}

fn claimed(job: &NewJob) -> ClaimedJob {
    let NewJob { id, kind, payload, max_attempts, .. } = job.clone();
    ClaimedJob { id, kind, payload, attempt: 1, max_attempts }
}

fn role_input(name: &str, rank: i64, permissions: &[&str]) -> RoleInput {
    RoleInput {
        name: Patch::Set(name.to_owned()),
        rank: Patch::Set(rank),
        permissions: Patch::Set(permissions.iter().map(ToString::to_string).collect()),
        ..RoleInput::default()
    }
}

fn role_name(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn set(text: &str) -> Patch<String> {
    Patch::Set(text.to_owned())
}

fn create(name: &str, role: &str, is_active: bool) -> CreateUser {
    CreateUser { registration: registration(name), role: role_name(role), is_active }
}

fn denied<E: Classified>(result: Result<impl std::fmt::Debug, E>) -> &'static str {
    match result.unwrap_err().details() {
        Details::Denied(denied) => denied.required,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_changes_what_one_says_of_oneself() {
    let house = House::new().await;
    let lin = house.world.user("lin").await;
    let change = async |input: SelfChangeInput| house.profiles.update(lin.id, input.parse().unwrap()).await;
    let profile = ProfileInput {
        full_name: set("林"),
        bio: set("x"),
        avatar: set("https://e.com/a.jpg"),
        ..ProfileInput::default()
    };
    let view = change(SelfChangeInput { username: set("lin2"), profile, ..SelfChangeInput::default() }).await.unwrap();
    assert_eq!((view.username.as_str(), view.display_name.as_deref()), ("lin2", Some("林")));
    assert_eq!(view.avatar_url.as_deref(), Some("https://e.com/a.jpg"));
    let event = house.last_event();
    assert_eq!((event.kind.as_str(), event.actor), (events::UPDATED, Some(lin.id)));
    assert_eq!(event.payload["fields"], serde_json::json!(["username", "display_name", "bio", "avatar_url"]));
    let count = house.world.store.events().len();
    change(SelfChangeInput { username: set("lin2"), ..SelfChangeInput::default() }).await.unwrap();
    assert_eq!(house.world.store.events().len(), count, "the same again is no event");
    let cleared = ProfileInput { avatar: Patch::Clear, ..ProfileInput::default() };
    let view = change(SelfChangeInput { profile: cleared, ..SelfChangeInput::default() }).await.unwrap();
    assert_eq!(view.avatar_url, None);
    house.world.user("wei").await;
    let input = SelfChangeInput { username: set("WEI"), ..SelfChangeInput::default() };
    let refused = house.profiles.update(lin.id, input.parse().unwrap()).await.unwrap_err();
    assert!(matches!(refused, EditAccountError::UsernameTaken));
    let gone = house.profiles.update(UserId::new(999), SelfChangeInput::default().parse().unwrap()).await;
    assert_eq!(gone.unwrap_err().category(), Category::NotFound);
}

#[tokio::test]
async fn a_name_that_looks_like_anothers_is_taken() {
    let house = House::new().await;
    house.world.user("modern_lin").await;
    let refused = house.world.accounts.register(registration("modem_1in")).await.unwrap_err();
    assert_eq!(refused.details(), Details::Object(serde_json::json!({ "field": "username" })));
    let found = house.world.login("modem_1in", PASSWORD).await;
    assert!(found.is_err(), "what looks the same does not sign in");
}

#[tokio::test]
async fn a_new_address_waits_until_it_is_proven() {
    let house = House::new().await;
    let lin = house.world.user("lin").await;
    let wish = async |email: &str| {
        let input = SelfChangeInput { email: set(email), ..SelfChangeInput::default() };
        house.profiles.update(lin.id, input.parse().unwrap()).await.unwrap()
    };
    let view = wish("new@example.com").await;
    assert_eq!((view.email.as_str(), view.pending_email.as_deref()), ("lin@example.com", Some("new@example.com")));
    assert_eq!(house.last_event().kind, events::EMAIL_PENDING);
    let count = house.world.store.events().len();
    wish("new@example.com").await;
    assert_eq!(house.world.store.events().len(), count);
    assert!(house.world.login("new@example.com", PASSWORD).await.is_err());
    // One's own address waits for nothing.
    assert_eq!(wish("lin@example.com").await.pending_email, None);
    assert_eq!(wish("lin@example.com").await.pending_email, None);
}

#[tokio::test]
async fn an_account_is_made_for_another() {
    let house = House::new().await;
    let view = house.administration.create(&house.root, create("editor", "editor", true)).await.unwrap();
    assert_eq!((view.roles, view.is_active), (vec!["editor".to_owned(), "user".to_owned()], true));
    assert_eq!(house.last_event().actor, Some(house.root.user_id));
    let view = house.administration.create(&house.root, create("asleep", "user", false)).await.unwrap();
    assert_eq!((view.roles, view.is_active), (vec!["user".to_owned()], false));
    assert!(matches!(house.world.login("asleep", PASSWORD).await, Err(LoginError::AccountDisabled)));
    let again = house.administration.create(&house.root, create("editor", "editor", true)).await;
    assert!(matches!(again, Err(AdministerError::EmailTaken)));
    let unknown = house.administration.create(&house.root, create("x_y", "wizard", true)).await.unwrap_err();
    assert_eq!(unknown.category(), Category::Invalid);
    let (admin, _) = house.with_role("adm", "admin").await;
    assert_eq!(denied(house.administration.create(&admin, create("new", "user", true)).await), "user.create");
}

#[tokio::test]
async fn nobody_gives_above_themselves_when_they_make_accounts() {
    let house = House::new().await;
    house.role("hr", 700, &["user.*", "role.grant", "photo.*", "category.*", "tag.*", "article.*"]).await;
    house.role("low_but_mighty", 50, &["plan.update"]).await;
    let (hr, _) = house.with_role("hr_one", "hr").await;
    let make = async |name: &str, role: &str| house.administration.create(&hr, create(name, role, true)).await;
    assert_eq!(make("edi", "editor").await.unwrap().roles, ["editor", "user"]);
    assert_eq!(make("peer", "hr").await.unwrap().roles, ["hr", "user"], "their own they may give");
    for role in ["super_admin", "admin", "finance", "low_but_mighty"] {
        assert_eq!(denied(make("never", role).await), "*", "{role}");
    }
    assert!(house.world.login("never", PASSWORD).await.is_err());
}

#[tokio::test]
async fn accounts_below_are_changed_and_felt_at_once() {
    let house = House::new().await;
    let (admin, _) = house.with_role("adm", "admin").await;
    let (editor, tokens) = house.with_role("edi", "editor").await;
    let profile = ProfileInput { display_name: set("编辑者"), ..ProfileInput::default() }
        .change(&mut sharestack_kernel::field::FieldErrors::new());
    let wish = AdministerUser { profile, ..AdministerUser::default() };
    let view = house.administration.update(&admin, editor.user_id, wish.clone()).await.unwrap();
    assert_eq!(view.display_name.as_deref(), Some("编辑者"));
    let role = |name: &str| AdministerUser { role: Some(role_name(name)), ..AdministerUser::default() };
    assert_eq!(denied(house.administration.update(&admin, editor.user_id, role("user")).await), "role.grant");
    assert_eq!(denied(house.administration.update(&editor, admin.user_id, wish.clone()).await), "user.update");
    assert_eq!(denied(house.administration.update(&admin, house.root.user_id, wish.clone()).await), "*");
    let (peer, _) = house.with_role("peer", "admin").await;
    assert_eq!(denied(house.administration.update(&admin, peer.user_id, wish.clone()).await), "*");
    assert!(house.administration.update(&admin, admin.user_id, wish).await.is_ok(), "oneself is not above oneself");
    // The role: in place of all others.
    house.grant(editor.user_id, &["user", "editor", "creator"]).await;
    let view = house.administration.update(&house.root, editor.user_id, role("admin")).await.unwrap();
    assert_eq!(view.roles, ["admin", "user"]);
    assert!(house.world.actor(&tokens).await.may("settings.update"));
    let event = house.last_event();
    assert_eq!(
        (event.kind.as_str(), &event.payload["after"]),
        (events::ROLES_CHANGED, &serde_json::json!(["admin", "user"]))
    );
    let view = house.administration.update(&house.root, editor.user_id, role("user")).await.unwrap();
    assert_eq!(view.roles, ["user"]);
    let count = house.world.store.events().len();
    house.administration.update(&house.root, editor.user_id, role("user")).await.unwrap();
    assert_eq!(house.world.store.events().len(), count);
    let unknown = house.administration.update(&house.root, editor.user_id, role("wizard")).await.unwrap_err();
    assert_eq!(unknown.category(), Category::Invalid);
    let missing = house.administration.update(&house.root, UserId::new(999), role("user")).await.unwrap_err();
    assert_eq!(missing.category(), Category::NotFound);
    let last = house.administration.update(&house.root, house.root.user_id, role("user")).await.unwrap_err();
    assert!(matches!(last, AdministerError::LastSuperAdmin));
}

#[tokio::test]
async fn a_switched_off_account_is_out_at_once_and_its_old_sessions_stay_dead() {
    let house = House::new().await;
    let (lin, tokens) = house.with_role("lin", "creator").await;
    let switch = async |on| house.administration.set_active(&house.root, lin.user_id, on).await.unwrap();
    assert!(!switch(false).await.is_active);
    assert!(house.world.checks.authenticate(access(&tokens)).await.is_err());
    assert_eq!(house.last_event().kind, events::DEACTIVATED);
    let count = house.world.store.events().len();
    switch(false).await;
    assert_eq!(house.world.store.events().len(), count);
    assert!(switch(true).await.is_active);
    assert_eq!(house.last_event().kind, events::ACTIVATED);
    assert!(house.world.checks.authenticate(access(&tokens)).await.is_err());
    assert!(house.world.sessions.refresh(refresh(&tokens)).await.is_err());
    assert!(house.world.login("lin", PASSWORD).await.is_ok());
    // The same by an edit.
    let (admin, _) = house.with_role("adm", "admin").await;
    let off = AdministerUser { is_active: Some(false), ..AdministerUser::default() };
    assert!(!house.administration.update(&admin, lin.user_id, off).await.unwrap().is_active);
    assert_eq!(denied(house.administration.set_active(&admin, lin.user_id, true).await), "user.activate");
    assert_eq!(denied(house.administration.set_active(&admin, lin.user_id, false).await), "user.deactivate");
    let missing = house.administration.set_active(&house.root, UserId::new(999), true).await.unwrap_err();
    assert_eq!(missing.category(), Category::NotFound);
}

#[tokio::test]
async fn two_super_admins_cannot_switch_each_other_off() {
    let house = House::new().await;
    let (other, _) = house.with_role("other", "super_admin").await;
    let (one, two) = tokio::join!(
        house.administration.set_active(&house.root, other.user_id, false),
        house.administration.set_active(&other, house.root.user_id, false),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let left = if one.is_ok() { &house.root } else { &other };
    let alone = house.administration.set_active(left, left.user_id, false).await.unwrap_err();
    assert!(matches!(alone, AdministerError::LastSuperAdmin));
    let alone = house.administration.delete(left, left.user_id).await.unwrap_err();
    assert_eq!(alone.details(), Details::Object(serde_json::json!({ "reason": "last_super_admin" })));
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_erased_later() {
    let house = House::new().await;
    let (lin, tokens) = house.with_role("lin", "creator").await;
    house.avatars.set(lin.user_id, Bytes::from_static(b"picture")).await.unwrap();
    let consent = ConsentInput { kind: Some("terms".into()), version: Some("1".into()), granted: Some(true) };
    let consents = parse_consents(&mut sharestack_kernel::field::FieldErrors::new(), vec![consent]);
    let change = SettingsChange { consents, ..SettingsChange::default() };
    house.settings.update(lin.user_id, change, Some("203.0.113.7".parse().unwrap())).await.unwrap();
    let owed = Obligation { kind: "balance".to_owned(), amount: Some(1), currency: Some("CNY".to_owned()) };
    house.owing.0.lock().unwrap().push(owed.clone());
    let refused = house.administration.delete(&house.root, lin.user_id).await.unwrap_err();
    let Details::Object(details) = refused.details() else { panic!("{refused}") };
    assert_eq!((refused.category(), &details["obligations"][0]["amount"]), (Category::Conflict, &serde_json::json!(1)));
    assert!(house.world.checks.authenticate(access(&tokens)).await.is_ok());
    house.owing.0.lock().unwrap().clear();
    house.administration.delete(&house.root, lin.user_id).await.unwrap();
    assert_eq!(house.last_event().kind, events::DELETED);
    assert!(house.world.checks.authenticate(access(&tokens)).await.is_err());
    assert_eq!(house.world.accounts.find(lin.user_id).await.unwrap(), None);
    assert!(matches!(house.administration.delete(&house.root, lin.user_id).await, Err(AdministerError::NoSuchUser(_))));
    assert!(house.world.accounts.register(registration("lin")).await.is_err(), "names stay taken meanwhile");
    let job = house.world.store.jobs().pop().unwrap();
    assert_eq!(job.run_at, house.world.clock.now() + chrono::Duration::days(30));
    let mut records = MockPersonalRecords::new();
    records.expect_erase().withf(move |user, _| *user == lin.user_id).times(1..).returning(|_, _| Ok(()));
    let purge = PurgeAccount::new(house.world.ports.clone(), house.owing.clone(), Arc::new(records));
    // Money that came meanwhile puts it off.
    house.owing.0.lock().unwrap().push(owed);
    purge.run(&claimed(&job)).await.unwrap();
    assert_eq!(house.world.store.jobs().len(), 2);
    assert!(house.world.accounts.register(registration("lin")).await.is_err());
    house.owing.0.lock().unwrap().clear();
    house.run(&purge).await;
    assert_eq!(house.last_event().kind, events::ERASED);
    house.run(&RemoveAvatar::new(Arc::new(house.world.store.clone()), house.files.clone())).await;
    assert!(house.files.names().is_empty());
    assert!(house.world.accounts.register(registration("lin")).await.is_ok());
    let kept = house.settings.find(lin.user_id).await.unwrap().consents;
    assert_eq!((kept.len(), kept[0].address), (1, None));
    let count = house.world.store.events().len();
    house.run(&purge).await;
    assert_eq!(house.world.store.events().len(), count, "once is enough");
    assert!(purge.run(&ClaimedJob { payload: serde_json::json!({}), ..claimed(&job) }).await.is_err());
}

#[tokio::test]
async fn only_who_may_deletes() {
    let house = House::new().await;
    let (admin, _) = house.with_role("adm", "admin").await;
    let lin = house.world.user("lin").await;
    assert_eq!(denied(house.administration.delete(&admin, lin.id).await), "user.delete");
    house.role("hr", 700, &["user.*"]).await;
    let (hr, _) = house.with_role("hr_one", "hr").await;
    assert_eq!(denied(house.administration.delete(&hr, admin.user_id).await), "*");
    assert!(house.administration.delete(&hr, lin.id).await.is_ok());
}

#[tokio::test]
async fn the_list_is_filtered_and_counted() {
    let house = House::new().await;
    for name in ["ann", "ben", "cleo"] {
        house.with_role(name, "editor").await;
    }
    let ben = house.world.login("ben", PASSWORD).await.unwrap().user;
    house.administration.set_active(&house.root, ben.id, false).await.unwrap();
    let list = async |filter: UserFilter, page: PageRequest| {
        let page = house.administration.list(&house.root, &filter, page).await.unwrap();
        (page.total, page.items.into_iter().map(|user| user.username).collect::<Vec<_>>())
    };
    let all = UserFilter::default();
    assert_eq!(
        list(all.clone(), PageRequest::default()).await,
        (4, ["cleo", "ben", "ann", "root"].map(String::from).to_vec())
    );
    assert_eq!(list(all.clone(), PageRequest::try_new(2, 3).unwrap()).await, (4, vec!["root".to_owned()]));
    let editors = UserFilter { role: Some(role_name("editor")), ..all.clone() };
    assert_eq!(list(editors.clone(), PageRequest::default()).await.0, 3);
    let active = UserFilter { active: Some(true), ..editors };
    assert_eq!(list(active, PageRequest::default()).await, (2, vec!["cleo".to_owned(), "ann".to_owned()]));
    let search = UserFilter { search: Some(SearchText::parse("EN@exa").unwrap()), ..all.clone() };
    assert_eq!(list(search, PageRequest::default()).await, (1, vec!["ben".to_owned()]));
    let unknown = UserFilter { role: Some(role_name("wizard")), ..all.clone() };
    let refused = house.administration.list(&house.root, &unknown, PageRequest::default()).await.unwrap_err();
    assert_eq!(refused.category(), Category::Invalid);
    let ann = house.world.actor(&house.world.login("ann", PASSWORD).await.unwrap()).await;
    assert_eq!(denied(house.administration.list(&ann, &all, PageRequest::default()).await), "user.read");
    assert_eq!(denied(house.administration.find(&ann, ben.id).await), "user.read");
    assert_eq!(house.administration.find(&house.root, ben.id).await.unwrap().username, "ben");
}

#[tokio::test]
async fn people_are_found_by_their_names_when_they_want_to() {
    let house = House::new().await;
    let lin = house.world.user("linwei").await;
    for name in ["berlin", "lin", "hidden_lin", "asleep_lin"] {
        house.world.user(name).await;
    }
    let id = async |name: &str| house.world.login(name, PASSWORD).await.unwrap().user.id;
    let hidden = SettingsChange { searchable: Some(false), ..SettingsChange::default() };
    house.settings.update(id("hidden_lin").await, hidden, None).await.unwrap();
    house.administration.set_active(&house.root, id("asleep_lin").await, false).await.unwrap();
    let search = async |text: &str| {
        let page = house.profiles.search(&SearchText::parse(text).unwrap(), PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|profile| profile.username).collect::<Vec<_>>()
    };
    assert_eq!(search("LIN").await, ["lin", "linwei", "berlin"]);
    assert_eq!(search("li").await, ["lin", "linwei"], "two letters are a beginning");
    assert!(search("asleep_lin").await.is_empty() && search("hidden_lin").await.is_empty());
    let find = async |text: &str| house.profiles.find(&UserRef::parse(text).unwrap()).await.unwrap();
    assert_eq!(find("LINWEI").await.unwrap().email, None);
    assert!(find("hidden_lin").await.is_some(), "who is not searched for can be visited");
    assert!(find("asleep_lin").await.is_none() && find("nobody").await.is_none());
    let shown = SettingsChange { show_email: Some(true), ..SettingsChange::default() };
    house.settings.update(lin.id, shown, None).await.unwrap();
    assert_eq!(find(&lin.id.to_string()).await.unwrap().email.as_deref(), Some("linwei@example.com"));
}

#[tokio::test]
async fn roles_are_made_changed_and_deleted() {
    let house = House::new().await;
    let id = house.role("moderator", 300, &["article.update"]).await;
    assert_eq!(house.last_event().kind, events::ROLE_CREATED);
    let (lin, tokens) = house.with_role("lin", "moderator").await;
    assert!(lin.may("article.update") && !lin.may("tag.delete"));
    let change = |input: RoleInput| input.change().unwrap();
    let wider = change(RoleInput { permissions: Patch::Set(vec!["tag.*".to_owned()]), ..RoleInput::default() });
    let view = house.roles.update(&house.root, id, wider.clone()).await.unwrap();
    assert_eq!((view.display_name.as_str(), view.built_in), ("moderator", false));
    let now = house.world.actor(&tokens).await;
    assert!(!now.may("article.update") && now.may("tag.delete"), "felt on the next request");
    assert_eq!(house.last_event().kind, events::ROLE_UPDATED);
    let count = house.world.store.events().len();
    house.roles.update(&house.root, id, wider).await.unwrap();
    assert_eq!(house.world.store.events().len(), count);
    assert!(matches!(house.roles.delete(&house.root, id).await, Err(RoleError::InUse)));
    house.grant(lin.user_id, &["user"]).await;
    house.roles.delete(&house.root, id).await.unwrap();
    assert!(matches!(house.roles.delete(&house.root, id).await, Err(RoleError::NoSuchRole(_))));
    let gone = house.roles.update(&house.root, id, RoleChange::default()).await.unwrap_err();
    assert_eq!(gone.category(), Category::NotFound);
    assert_eq!(gone.details(), Details::Missing { resource: "role", id: serde_json::json!(id) });
}

#[tokio::test]
async fn a_changed_role_is_told_again_by_its_event() {
    let house = House::new().await;
    let id = house.role("moderator", 300, &["article.update"]).await;
    let (_, tokens) = house.with_role("lin", "moderator").await;
    house.world.cache.away.store(true, Ordering::Relaxed);
    let wider = RoleInput { permissions: Patch::Set(vec!["tag.*".to_owned()]), ..RoleInput::default() };
    house.roles.update(&house.root, id, wider.change().unwrap()).await.unwrap();
    house.world.cache.away.store(false, Ordering::Relaxed);
    assert!(!house.world.actor(&tokens).await.may("tag.delete"));
    let forget = ForgetSessions::new(house.world.cached.clone(), Arc::new(house.world.store.clone()));
    let event = house.last_event();
    assert!(forget.wants(&event.kind));
    forget.handle(&event).await.unwrap();
    assert!(house.world.actor(&tokens).await.may("tag.delete"));
    house.world.cached.forget(UserId::new(1)).await.unwrap();
    let broken = DomainEvent { aggregate_id: "x".to_owned(), ..event };
    assert!(forget.handle(&broken).await.is_err());
}

#[tokio::test]
async fn built_in_roles_stay_and_names_are_unique() {
    let house = House::new().await;
    for role in BuiltInRole::ALL {
        assert!(matches!(house.roles.delete(&house.root, role.id()).await, Err(RoleError::BuiltIn)));
        let same = house.roles.update(&house.root, role.id(), RoleChange::default()).await.unwrap_err();
        assert_eq!(same.details(), Details::Object(serde_json::json!({ "reason": "built_in" })));
    }
    let id = house.role("moderator", 300, &[]).await;
    for name in ["moderator", "editor"] {
        let again = house.roles.create(&house.root, role_input(name, 1, &[]).create().unwrap()).await.unwrap_err();
        assert_eq!(again.details(), Details::Object(serde_json::json!({ "field": "name" })));
    }
    let rename = |name: &str| RoleInput { name: set(name), display_name: set("版主"), ..RoleInput::default() };
    let taken = house.roles.update(&house.root, id, rename("admin").change().unwrap()).await;
    assert!(matches!(taken, Err(RoleError::NameTaken)));
    let view = house.roles.update(&house.root, id, rename("warden").change().unwrap()).await.unwrap();
    assert_eq!((view.role.name.as_str(), view.display_name.as_str()), ("warden", "版主"));
    let listed = house.roles.list(&house.root).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|view| view.role.name.as_str()).collect();
    assert_eq!(listed, ["super_admin", "admin", "editor", "finance", "creator", "warden", "user"]);
}

#[tokio::test]
async fn nobody_makes_or_touches_a_role_above_themselves() {
    let house = House::new().await;
    house.role("keeper", 500, &["role.*", "tag.*"]).await;
    let high = house.role("high", 600, &["tag.read"]).await;
    let strong = house.role("strong", 10, &["plan.update"]).await;
    let (keeper, _) = house.with_role("keeper", "keeper").await;
    let make = async |name: &str, rank, permissions: &[&str]| {
        house.roles.create(&keeper, role_input(name, rank, permissions).create().unwrap()).await
    };
    let mine = make("tagger", 500, &["tag.create"]).await.unwrap().role.id;
    assert_eq!(denied(make("above", 501, &["tag.create"]).await), "*");
    assert_eq!(denied(make("wide", 10, &["*"]).await), "*");
    assert_eq!(denied(make("other", 10, &["settings.update"]).await), "*");
    let change = |rank, permissions: &[&str]| {
        let mut input = role_input("tagger", rank, permissions);
        input.name = Patch::Keep;
        input.change().unwrap()
    };
    assert_eq!(denied(house.roles.update(&keeper, mine, change(501, &[])).await), "*");
    assert_eq!(denied(house.roles.update(&keeper, mine, change(1, &["plan.read"])).await), "*");
    for id in [high, strong] {
        assert_eq!(denied(house.roles.update(&keeper, id, change(1, &[])).await), "*");
        assert_eq!(denied(house.roles.delete(&keeper, id).await), "*");
    }
    assert!(house.roles.delete(&keeper, mine).await.is_ok());
    let (admin, _) = house.with_role("adm", "admin").await;
    let new = role_input("new", 1, &[]).create().unwrap();
    assert_eq!(denied(house.roles.create(&admin, new).await), "role.create");
    assert_eq!(denied(house.roles.update(&admin, mine, change(1, &[])).await), "role.update");
    assert_eq!(denied(house.roles.delete(&admin, mine).await), "role.delete");
    let lin = house.world.user("lin").await;
    let plain = house.world.actor(&house.world.login("lin", PASSWORD).await.unwrap()).await;
    assert_eq!(denied(house.roles.list(&plain).await), "role.read");
    // Who may grant, grants nobody who stands above, and no rank above their own.
    let grant = async |id: UserId, roles: &[&str]| {
        let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
        house.world.accounts.grant_roles(&keeper, id, &roles).await
    };
    assert_eq!(denied(grant(admin.user_id, &["user"]).await), "*");
    assert_eq!(denied(grant(lin.id, &["user", "high"]).await), "*");
    let held = house.roles.held_by(admin.user_id).await.unwrap();
    assert_eq!(held.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["admin", "user"]);
}

#[tokio::test]
async fn settings_begin_as_they_are_meant_and_keep_what_is_set() {
    let house = House::new().await;
    let lin = house.world.user("lin").await;
    let view = house.settings.find(lin.id).await.unwrap();
    assert!(view.consents.is_empty() && view.settings.privacy.searchable && !view.settings.privacy.show_email);
    let consent =
        |granted| ConsentInput { kind: Some("marketing".into()), version: Some("2".into()), granted: Some(granted) };
    let consents =
        parse_consents(&mut sharestack_kernel::field::FieldErrors::new(), vec![consent(true), consent(false)]);
    let change = SettingsChange {
        language: Patch::Set(Language::ZhCn),
        marketing: Some(true),
        consents,
        ..SettingsChange::default()
    };
    let address = "2001:db8::1".parse().unwrap();
    let view = house.settings.update(lin.id, change, Some(address)).await.unwrap();
    assert_eq!((view.settings.language, view.settings.notifications.marketing), (Some(Language::ZhCn), true));
    assert_eq!(view.consents.iter().map(|entry| entry.consent.granted).collect::<Vec<_>>(), [false, true]);
    assert_eq!((view.consents[0].address, view.consents[0].at), (Some(address), house.world.clock.now()));
    assert_eq!(house.last_event().kind, events::CONSENTED);
    let gone = house.settings.update(UserId::new(999), SettingsChange::default(), None).await.unwrap_err();
    assert_eq!(gone.category(), Category::NotFound);
}

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

#[tokio::test]
async fn a_password_of_megabytes_is_never_hashed() {
    let house = House::new().await;
    house.world.user("lin").await;
    let before = house.world.hasher.verified.load(Ordering::Relaxed);
    assert!(house.world.login("lin", &"x".repeat(10 << 20)).await.is_err());
    assert_eq!(house.world.hasher.verified.load(Ordering::Relaxed), before);
}

#[tokio::test]
async fn a_key_gives_no_more_than_it_holds() {
    let house = House::new().await;
    let narrow = Actor {
        credential: Credential::ApiKey(Uuid::nil()),
        permissions: ["user.create", "article.read"].map(|text| Permission::parse(text).unwrap()).into_iter().collect(),
        ..house.root.clone()
    };
    let refused = house.administration.create(&narrow, create("never", "editor", true)).await;
    assert_eq!(denied(refused), "*", "a super admin's key is none");
}
