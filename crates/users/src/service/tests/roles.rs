//! Roles: made, changed, deleted, by whom.

use sharestack_kernel::error::{Category, Classified, Details};
use sharestack_kernel::event::{DomainEvent, Subscriber as _};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::version::Versions;

use super::house::*;
use super::*;
use crate::error::RoleError;
use crate::events;
use crate::model::{RoleChange, RoleId, RoleInput};
use crate::ports::SessionCache as _;

#[tokio::test]
async fn roles_are_made_changed_and_deleted() {
    let house = House::new().await;
    let id = house.role("moderator", 300, &["article.update"]).await;
    let made = house.last_event();
    assert_eq!((made.kind.as_str(), &made.payload["before"]), (events::ROLE_CREATED, &serde_json::Value::Null));
    assert_eq!(made.payload["after"]["permissions"], serde_json::json!(["article.update"]));
    let (lin, tokens) = house.with_role("lin", "moderator").await;
    assert!(lin.may("article.update") && !lin.may("tag.delete"));
    let change = |input: RoleInput| input.change().unwrap();
    let wider = change(RoleInput { permissions: Patch::Set(vec!["tag.*".to_owned()]), ..RoleInput::default() });
    let view = house.roles.update(&house.root, id, wider.clone()).await.unwrap();
    assert_eq!((view.display_name.as_str(), view.built_in), ("moderator", false));
    let now = house.world.actor(&tokens).await;
    assert!(!now.may("article.update") && now.may("tag.delete"), "felt on the next request");
    let changed = house.last_event();
    assert_eq!((changed.kind.as_str(), &changed.payload["before"]), (events::ROLE_UPDATED, &made.payload["after"]));
    assert_eq!(changed.payload["after"]["permissions"], serde_json::json!(["tag.*"]));
    assert_eq!(changed.payload["after"]["rank"], 300);
    let count = house.world.store.events().len();
    house.roles.update(&house.root, id, wider).await.unwrap();
    assert_eq!(house.world.store.events().len(), count);
    assert!(matches!(house.roles.delete(&house.root, id, None).await, Err(RoleError::InUse)));
    house.grant(lin.user_id, &["user"]).await;
    house.roles.delete(&house.root, id, None).await.unwrap();
    let gone = house.last_event();
    assert_eq!((gone.kind.as_str(), &gone.payload["after"]), (events::ROLE_DELETED, &serde_json::Value::Null));
    assert_eq!(gone.payload["before"], changed.payload["after"]);
    assert!(matches!(house.roles.delete(&house.root, id, None).await, Err(RoleError::NoSuchRole(_))));
    let gone = house.roles.update(&house.root, id, RoleChange::default()).await.unwrap_err();
    assert_eq!(gone.category(), Category::NotFound);
    assert_eq!(gone.details(), Details::Missing { resource: "role", id: serde_json::json!(id) });
}

#[tokio::test]
async fn a_role_that_was_changed_since_is_not_overwritten() {
    let house = House::new().await;
    let id = house.role("moderator", 300, &["article.update"]).await;
    let seen = house.roles.find(&house.root, id).await.unwrap().version();
    let change = |rank, versions: &[i64]| RoleChange {
        rank: Some(rank),
        if_version: Some(Versions::These(versions.to_vec())),
        ..RoleChange::default()
    };
    let edited = house.roles.update(&house.root, id, change(301, &[7, seen])).await.unwrap();
    assert_ne!(edited.version(), seen);
    for versions in [&[seen][..], &[]] {
        let stale = house.roles.update(&house.root, id, change(302, versions)).await.unwrap_err();
        assert!(matches!(stale, RoleError::Stale) && stale.category() == Category::Stale);
    }
    assert_eq!(house.roles.find(&house.root, id).await.unwrap(), edited);
    let nobody = house.roles.find(&house.root, RoleId::new(999)).await;
    assert!(matches!(nobody, Err(RoleError::NoSuchRole(_))));
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
        assert!(matches!(house.roles.delete(&house.root, role.id(), None).await, Err(RoleError::BuiltIn)));
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
        assert_eq!(denied(house.roles.delete(&keeper, id, None).await), "*");
    }
    assert!(house.roles.delete(&keeper, mine, None).await.is_ok());
    let (admin, _) = house.with_role("adm", "admin").await;
    let new = role_input("new", 1, &[]).create().unwrap();
    assert_eq!(denied(house.roles.create(&admin, new).await), "role.create");
    assert_eq!(denied(house.roles.update(&admin, mine, change(1, &[])).await), "role.update");
    assert_eq!(denied(house.roles.delete(&admin, mine, None).await), "role.delete");
    let lin = house.world.user("lin").await;
    let plain = house.world.actor(&house.world.login("lin", PASSWORD).await.unwrap()).await;
    assert_eq!(denied(house.roles.list(&plain).await), "role.read");
    // Who may grant, grants nobody who stands above, and no rank above their own.
    let grant = async |id: UserId, roles: &[&str]| {
        let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
        house.world.accounts.grant_roles(&keeper, id, &roles, None).await
    };
    assert_eq!(denied(grant(admin.user_id, &["user"]).await), "*");
    assert_eq!(denied(grant(lin.id, &["user", "high"]).await), "*");
    let held = house.roles.held_by(admin.user_id).await.unwrap();
    assert_eq!(held.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["admin", "user"]);
}
