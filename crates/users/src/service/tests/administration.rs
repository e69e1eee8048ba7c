//! Edits, administration, settings, the end of accounts.

use bytes::Bytes;
use sharestack_kernel::actor::Credential;
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::error::{Category, Classified, Details};
use sharestack_kernel::job::{ClaimedJob, JobHandler as _};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::permission::Permission;

use super::house::*;
use super::*;
use crate::error::{AdministerError, EditAccountError};
use crate::events;
use crate::model::{
    ConsentInput, Language, Obligation, ProfileInput, SearchText, SelfChangeInput, SettingsChange, UserFilter, UserRef,
    parse_consents,
};
use crate::ports::MockPersonalRecords;

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
    let given = house.last_event();
    assert_eq!((given.kind.as_str(), given.actor), (events::ROLES_CHANGED, Some(house.root.user_id)));
    let (before, after) = (&given.payload["before"], &given.payload["after"]);
    assert_eq!((before, after), (&serde_json::json!([]), &serde_json::json!(["editor", "user"])));
    let count = house.world.store.events().len();
    house.administration.create(&house.root, create("plain", "user", true)).await.unwrap();
    assert_eq!(house.world.store.events().len(), count + 1, "what everybody has is no grant");
    assert_eq!((house.last_event().kind.as_str(), house.last_event().actor), (events::REGISTERED, given.actor));
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
    let alone = house.administration.delete(left, left.user_id, None).await.unwrap_err();
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
    let refused = house.administration.delete(&house.root, lin.user_id, None).await.unwrap_err();
    let Details::Object(details) = refused.details() else { panic!("{refused}") };
    assert_eq!((refused.category(), &details["obligations"][0]["amount"]), (Category::Conflict, &serde_json::json!(1)));
    assert!(house.world.checks.authenticate(access(&tokens)).await.is_ok());
    house.owing.0.lock().unwrap().clear();
    house.administration.delete(&house.root, lin.user_id, None).await.unwrap();
    assert_eq!(house.last_event().kind, events::DELETED);
    assert!(house.world.checks.authenticate(access(&tokens)).await.is_err());
    assert_eq!(house.world.accounts.find(lin.user_id).await.unwrap(), None);
    assert!(matches!(
        house.administration.delete(&house.root, lin.user_id, None).await,
        Err(AdministerError::NoSuchUser(_))
    ));
    assert!(house.world.accounts.register(registration("lin")).await.is_err(), "names stay taken meanwhile");
    let job = house.world.store.jobs().pop().unwrap();
    assert_eq!(job.run_at, house.world.clock.now() + chrono::Duration::days(30));
    let mut records = MockPersonalRecords::new();
    records.expect_erase().withf(move |user, _| *user == lin.user_id).times(1..).returning(|_, _| Ok(()));
    let purge = PurgeAccount::new(house.world.ports.clone(), house.owing.clone(), Arc::new(records));
    // Money that came meanwhile is set aside, and puts nothing off.
    house.owing.0.lock().unwrap().push(owed);
    house.run(&purge).await;
    assert!(house.owing.0.lock().unwrap().is_empty());
    let tries = house.world.store.jobs().into_iter().filter(|job| job.kind == "user.purge");
    assert_eq!(tries.count(), 1, "it is not put off");
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
    assert_eq!(denied(house.administration.delete(&admin, lin.id, None).await), "user.delete");
    house.role("hr", 700, &["user.*"]).await;
    let (hr, _) = house.with_role("hr_one", "hr").await;
    assert_eq!(denied(house.administration.delete(&hr, admin.user_id, None).await), "*");
    assert!(house.administration.delete(&hr, lin.id, None).await.is_ok());
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
