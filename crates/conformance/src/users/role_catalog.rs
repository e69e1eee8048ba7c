//! [`sharestack_users::ports::RoleCatalog`] and [`sharestack_users::ports::RoleQueries`].

use sharestack_kernel::error::StoreError;
use sharestack_kernel::permission::Permission;
use sharestack_kernel::transact;
use sharestack_users::error::WriteRoleError;
use sharestack_users::model::{BuiltInRole, NewRole, RoleChange, RoleId, RoleName, RoleView};

use super::{Subject, now, user};

const ID: RoleId = RoleId::new(101);

fn new_role(name: &str, permissions: &[&str]) -> NewRole {
    NewRole {
        name: RoleName::parse(name).unwrap(),
        display_name: "版主".to_owned(),
        rank: 300,
        permissions: permissions.iter().map(|text| Permission::parse(text).unwrap()).collect(),
    }
}

async fn insert(subject: &Subject, id: RoleId, role: &NewRole) -> Result<(), WriteRoleError> {
    transact!(subject.store, |tx| {
        tx.roles().hold().await?;
        tx.role_catalog().insert(id, role).await
    })
}

async fn update(subject: &Subject, id: RoleId, change: &RoleChange) -> Result<(), WriteRoleError> {
    transact!(subject.store, |tx| {
        tx.roles().hold().await?;
        tx.role_catalog().update(id, change).await
    })
}

async fn delete(subject: &Subject, id: RoleId) -> Result<(), WriteRoleError> {
    transact!(subject.store, |tx| {
        tx.roles().hold().await?;
        tx.role_catalog().delete(id).await
    })
}

async fn find(subject: &Subject, id: RoleId) -> Option<RoleView> {
    let found: Result<_, StoreError> = transact!(subject.store, |tx| { tx.role_catalog().find(id).await });
    found.unwrap()
}

/// MUST have every built-in role, the highest first.
pub async fn built_in_roles_are_listed_highest_first(subject: Subject) {
    let listed = subject.roles.list_roles().await.unwrap();
    let roles: Vec<_> = listed.iter().map(|view| view.role.clone()).collect();
    assert_eq!(roles, BuiltInRole::ALL.map(BuiltInRole::role));
    assert!(listed.iter().all(|view| view.built_in && !view.display_name.is_empty()));
}

/// With all that it grants, also when that is nothing.
pub async fn a_made_role_is_found_and_can_be_held(subject: Subject) {
    let role = new_role("moderator", &["article.*", "tag.read"]);
    insert(&subject, ID, &role).await.unwrap();
    insert(&subject, RoleId::new(102), &new_role("empty", &[])).await.unwrap();
    let view = find(&subject, ID).await.unwrap();
    assert_eq!((view.role.name.as_str(), view.display_name.as_str(), view.built_in), ("moderator", "版主", false));
    assert_eq!((view.role.rank, &view.role.permissions), (300, &role.permissions));
    assert_eq!(find(&subject, RoleId::new(102)).await.unwrap().role.permissions.iter().count(), 0);
    assert_eq!(find(&subject, RoleId::new(999)).await, None);
    assert_eq!(subject.roles.list_roles().await.unwrap().len(), 8);
    let id = user(&subject, 1, &[]).await;
    let held: Result<(), StoreError> = transact!(subject.store, |tx| {
        tx.roles().hold().await?;
        tx.roles().replace(id, &[ID], None, now()).await
    });
    held.unwrap();
    let user = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    assert!(user.roles == ["moderator"] && user.permissions.grants("article.delete"));
}

/// MUST return `NameTaken` when another has the name.
pub async fn a_taken_role_name_is_refused(subject: Subject) {
    insert(&subject, ID, &new_role("moderator", &[])).await.unwrap();
    for name in ["moderator", "editor"] {
        let refused = insert(&subject, RoleId::new(102), &new_role(name, &["tag.read"])).await;
        assert!(matches!(refused, Err(WriteRoleError::NameTaken)), "{refused:?}");
    }
    let name = RoleChange { name: RoleName::parse("admin").ok(), ..RoleChange::default() };
    assert!(matches!(update(&subject, ID, &name).await, Err(WriteRoleError::NameTaken)));
    assert_eq!(find(&subject, RoleId::new(102)).await, None);
}

/// MUST leave alone what the change keeps; permissions are replaced.
pub async fn a_role_keeps_what_is_not_changed(subject: Subject) {
    insert(&subject, ID, &new_role("moderator", &["article.*", "tag.read"])).await.unwrap();
    let before = find(&subject, ID).await.unwrap();
    update(&subject, ID, &RoleChange::default()).await.unwrap();
    assert_eq!(find(&subject, ID).await.unwrap(), before);
    let permissions = [Permission::parse("photo.read").unwrap()].into_iter().collect();
    let change = RoleChange { rank: Some(7), permissions: Some(permissions), ..RoleChange::default() };
    update(&subject, ID, &change).await.unwrap();
    let after = find(&subject, ID).await.unwrap();
    assert_eq!((after.role.rank, &after.role.permissions), (7, change.permissions.as_ref().unwrap()));
    assert_eq!((&after.role.name, &after.display_name), (&before.role.name, &before.display_name));
    let rename = RoleChange {
        name: RoleName::parse("warden").ok(),
        display_name: Some("看守".to_owned()),
        ..RoleChange::default()
    };
    update(&subject, ID, &rename).await.unwrap();
    let after = find(&subject, ID).await.unwrap();
    assert_eq!((after.role.name.as_str(), after.display_name.as_str(), after.role.rank), ("warden", "看守", 7));
}

/// However it is read; as it was before, it is the version that it was.
pub async fn a_role_that_is_changed_is_another_version(subject: Subject) {
    insert(&subject, ID, &new_role("moderator", &["tag.read", "article.*"])).await.unwrap();
    let permissions = |text: &[&str]| Some(text.iter().map(|text| Permission::parse(text).unwrap()).collect());
    let before = RoleChange {
        name: RoleName::parse("moderator").ok(),
        display_name: Some("版主".to_owned()),
        rank: Some(300),
        permissions: permissions(&["article.*", "tag.read"]),
        ..RoleChange::default()
    };
    let changes = [
        RoleChange { name: RoleName::parse("warden").ok(), ..RoleChange::default() },
        RoleChange { display_name: Some("看守".to_owned()), ..RoleChange::default() },
        RoleChange { rank: Some(301), ..RoleChange::default() },
        RoleChange { permissions: permissions(&["article.*"]), ..RoleChange::default() },
    ];
    let first = find(&subject, ID).await.unwrap().version();
    let mut seen = vec![first];
    for change in changes {
        update(&subject, ID, &change).await.unwrap();
        let view = find(&subject, ID).await.unwrap();
        let listed = subject.roles.list_roles().await.unwrap();
        assert_eq!(listed.iter().find(|other| other.role.id == ID), Some(&view));
        assert!(!seen.contains(&view.version()), "{change:?}");
        seen.push(view.version());
        update(&subject, ID, &before).await.unwrap();
        assert_eq!(find(&subject, ID).await.unwrap().version(), first, "{change:?}");
    }
}

/// MUST return `InUse` when somebody holds it.
pub async fn a_role_that_is_held_is_not_deleted(subject: Subject) {
    insert(&subject, ID, &new_role("moderator", &["tag.read"])).await.unwrap();
    let id = user(&subject, 1, &[]).await;
    let hold = async |roles: &[RoleId]| {
        let held: Result<(), StoreError> = transact!(subject.store, |tx| {
            tx.roles().hold().await?;
            tx.roles().replace(id, roles, None, now()).await
        });
        held.unwrap();
    };
    hold(&[ID]).await;
    assert!(matches!(delete(&subject, ID).await, Err(WriteRoleError::InUse)));
    assert!(find(&subject, ID).await.is_some());
    hold(&[]).await;
    delete(&subject, ID).await.unwrap();
    assert_eq!(find(&subject, ID).await, None);
}
