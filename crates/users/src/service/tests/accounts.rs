use sharestack_kernel::error::{Category, Classified, Details};

use super::*;
use crate::error::{GrantError, RegisterError};
use crate::events;

#[tokio::test]
async fn a_registration_makes_a_plain_user_and_says_so() {
    let world = World::new();
    let user = world.user("lin").await;
    assert_eq!((user.role(), user.is_superuser(), user.is_active, user.is_verified), ("user", false, true, false));
    assert_eq!(world.accounts.find(user.id).await.unwrap(), Some(user));
    assert_eq!(world.store.events()[0].kind, events::REGISTERED);
}

#[tokio::test]
async fn a_name_or_address_is_taken_in_any_form() {
    let world = World::new();
    world.user("lin").await;
    let error = world.accounts.register(registration("LIN")).await.unwrap_err();
    assert!(matches!(error, RegisterError::EmailTaken));
    assert_eq!(error.category(), Category::Conflict);
    let mut other = registration("ＬＩＮ");
    other.email = crate::model::EmailAddress::parse("else@example.com").unwrap();
    assert!(matches!(world.accounts.register(other).await, Err(RegisterError::UsernameTaken)));
}

#[tokio::test]
async fn the_command_line_makes_a_super_admin() {
    let world = World::new();
    let root = world.accounts.create_super_admin(registration("root")).await.unwrap();
    assert!(root.is_superuser() && root.is_verified);
    assert_eq!(root.role(), "super_admin");
    assert!(root.permissions.grants("anything.at_all"));
    let [made, given] = &world.store.events()[..] else { panic!("{:?}", world.store.events()) };
    assert_eq!((made.kind.as_str(), made.actor), (events::REGISTERED, None));
    assert_eq!((given.kind.as_str(), given.actor), (events::ROLES_CHANGED, None));
    assert_eq!(given.payload["after"], serde_json::json!(["super_admin", "user"]));
    assert_eq!(world.accounts.find(root.id).await.unwrap(), Some(root));
}

#[tokio::test]
async fn a_granted_role_is_felt_on_the_next_request() {
    let world = World::new();
    let root = world.root().await;
    let lin = world.user("lin").await;
    let tokens = world.login("lin", PASSWORD).await.unwrap();
    assert!(!world.actor(&tokens).await.may("article.create"));
    let wanted = names(&[BuiltInRole::User, BuiltInRole::Creator, BuiltInRole::User]);
    let view = world.accounts.grant_roles(&root, lin.id, &wanted, None).await.unwrap();
    assert_eq!(view.roles, ["creator", "user"]);
    let actor = world.actor(&tokens).await;
    assert!(actor.may("article.create"));
    assert_eq!(actor.role, "creator");
    let event = world.store.events().pop().unwrap();
    assert_eq!((event.kind.as_str(), event.actor), (events::ROLES_CHANGED, Some(root.user_id)));
}

#[tokio::test]
async fn the_same_roles_again_are_no_event() {
    let world = World::new();
    let root = world.root().await;
    let lin = world.user("lin").await;
    let before = world.store.events().len();
    world.accounts.grant_roles(&root, lin.id, &names(&[BuiltInRole::User]), None).await.unwrap();
    assert_eq!(world.store.events().len(), before);
}

#[tokio::test]
async fn only_who_may_grant_grants() {
    let world = World::new();
    let root = world.root().await;
    let lin = world.user("lin").await;
    world.accounts.grant_roles(&root, lin.id, &names(&[BuiltInRole::Admin]), None).await.unwrap();
    let admin = world.actor(&world.login("lin", PASSWORD).await.unwrap()).await;
    let error = world.accounts.grant_roles(&admin, lin.id, &names(&[BuiltInRole::SuperAdmin]), None).await.unwrap_err();
    let Details::Denied(denied) = error.details() else { panic!("{error}") };
    assert_eq!((denied.required, denied.role.as_deref()), ("role.grant", Some("admin")));
}

#[tokio::test]
async fn nobody_gives_or_takes_above_themselves() {
    let world = World::new();
    let root = world.root().await;
    let lin = world.user("lin").await;
    let granter = Actor {
        role: "granter".to_owned(),
        permissions: ["role.grant", "photo.*", "category.*", "tag.*", "article.read"]
            .map(|text| sharestack_kernel::permission::Permission::parse(text).unwrap())
            .into_iter()
            .collect(),
        ..root.clone()
    };
    let give = names(&[BuiltInRole::User, BuiltInRole::Admin]);
    assert!(matches!(world.accounts.grant_roles(&granter, lin.id, &give, None).await, Err(GrantError::Denied(_))));
    let take = names(&[BuiltInRole::User]);
    assert!(matches!(
        world.accounts.grant_roles(&granter, root.user_id, &take, None).await,
        Err(GrantError::Denied(_))
    ));
    assert!(world.accounts.grant_roles(&granter, lin.id, &take, None).await.is_ok());
}

#[tokio::test]
async fn the_last_super_admin_stays_one() {
    let world = World::new();
    let root = world.root().await;
    let user = names(&[BuiltInRole::User]);
    let error = world.accounts.grant_roles(&root, root.user_id, &user, None).await.unwrap_err();
    assert!(matches!(error, GrantError::LastSuperAdmin));
    assert_eq!(error.category(), Category::Conflict);
    let lin = world.user("lin").await;
    let both = names(&[BuiltInRole::SuperAdmin, BuiltInRole::User]);
    world.accounts.grant_roles(&root, lin.id, &both, None).await.unwrap();
    world.store.set_active(lin.id, false);
    assert!(world.accounts.grant_roles(&root, root.user_id, &user, None).await.is_err());
    world.store.set_active(lin.id, true);
    assert!(world.accounts.grant_roles(&root, root.user_id, &user, None).await.is_ok());
}

#[tokio::test]
async fn wrong_roles_are_named_by_their_place() {
    let world = World::new();
    let root = world.root().await;
    let lin = world.user("lin").await;
    let grant = async |roles: &[&str]| {
        let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
        match world.accounts.grant_roles(&root, lin.id, &roles, None).await.unwrap_err() {
            GrantError::Fields(errors) => {
                errors.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect::<Vec<_>>()
            }
            other => panic!("{other}"),
        }
    };
    assert_eq!(grant(&["user", "wizard", "emperor"]).await, ["roles[1] NOT_ALLOWED", "roles[2] NOT_ALLOWED"]);
    assert_eq!(grant(&["' OR 1=1"]).await, ["roles[0] NOT_ALLOWED"]);
    assert_eq!(grant(&[]).await, ["roles TOO_SHORT"]);
    assert_eq!(grant(&["user"; 21]).await, ["roles TOO_LONG"]);
    let missing = world.accounts.grant_roles(&root, UserId::new(999), &names(&[BuiltInRole::User]), None).await;
    assert!(matches!(missing, Err(GrantError::NoSuchUser(_))));
}
