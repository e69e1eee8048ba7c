//! [`sharestack_users::ports::RoleRepository`].

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;
use sharestack_users::error::GrantError;
use sharestack_users::model::{BuiltInRole, Role, RoleName};

use super::{Subject, grant, now, user};

async fn find(subject: &Subject, names: &[&str]) -> Vec<Role> {
    let names: Vec<_> = names.iter().map(|name| RoleName::parse(name).unwrap()).collect();
    let found: Result<_, StoreError> = transact!(subject.store, |tx| { tx.roles().find_by_names(&names).await });
    found.unwrap()
}

/// MUST find every role of `BuiltInRole` in a new store.
pub async fn every_built_in_role_is_there(subject: Subject) {
    for role in BuiltInRole::ALL {
        assert_eq!(find(&subject, &[role.name()]).await, [role.role()]);
    }
}

/// The others are found.
pub async fn unknown_names_are_left_out(subject: Subject) {
    assert_eq!(find(&subject, &["wizard", "editor"]).await, [BuiltInRole::Editor.role()]);
    assert!(find(&subject, &[]).await.is_empty());
}

/// What was held and still is stays; the rest goes.
pub async fn replacing_roles_gives_and_takes(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User, BuiltInRole::Editor]).await;
    let other = user(&subject, 2, &[BuiltInRole::User]).await;
    grant(&subject, id, &[BuiltInRole::User, BuiltInRole::Creator]).await;
    let names = async |id| subject.accounts.find_by_id(id).await.unwrap().unwrap().roles;
    assert_eq!(names(id).await, ["creator", "user"]);
    grant(&subject, id, &[BuiltInRole::Creator, BuiltInRole::User]).await;
    assert_eq!(names(id).await, ["creator", "user"]);
    grant(&subject, id, &[]).await;
    assert!(names(id).await.is_empty());
    assert_eq!(names(other).await, ["user"]);
}

/// By rank, wherever they are read.
pub async fn roles_come_highest_first(subject: Subject) {
    let mut reversed = BuiltInRole::ALL;
    reversed.reverse();
    let id = user(&subject, 1, &reversed).await;
    let expected = BuiltInRole::ALL.map(BuiltInRole::name);
    assert_eq!(subject.accounts.find_by_id(id).await.unwrap().unwrap().roles, expected);
    let held: Result<_, StoreError> = transact!(subject.store, |tx| { tx.roles().find_by_user(id).await });
    assert_eq!(held.unwrap(), BuiltInRole::ALL.map(BuiltInRole::role));
    assert_eq!(subject.roles.list_held(id).await.unwrap(), BuiltInRole::ALL.map(BuiltInRole::role));
    let other = user(&subject, 2, &[]).await;
    assert!(subject.roles.list_held(other).await.unwrap().is_empty());
}

/// Each permission once.
pub async fn permissions_are_the_union_over_the_roles(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User, BuiltInRole::Creator]).await;
    let view = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    let both = [BuiltInRole::User, BuiltInRole::Creator].map(|role| role.role().permissions);
    assert_eq!(view.permissions, both.iter().flat_map(|set| set.iter().cloned()).collect());
}

/// MUST count active users only.
pub async fn only_active_holders_are_counted(subject: Subject) {
    user(&subject, 1, &[BuiltInRole::Admin]).await;
    user(&subject, 2, &[BuiltInRole::Admin, BuiltInRole::User]).await;
    user(&subject, 3, &[BuiltInRole::User]).await;
    let idle = user(&subject, 4, &[BuiltInRole::Admin]).await;
    assert_eq!(count(&subject, BuiltInRole::Admin).await, 3);
    (subject.disable)(idle).await;
    assert_eq!(count(&subject, BuiltInRole::Admin).await, 2);
    assert_eq!(count(&subject, BuiltInRole::SuperAdmin).await, 0);
}

async fn count(subject: &Subject, role: BuiltInRole) -> u64 {
    let count: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.roles().count_active_holders(role.id()).await });
    count.unwrap()
}

/// What is read after `hold` MUST show what an earlier holder wrote.
pub async fn two_cannot_both_remove_the_last_super_admin(subject: Subject) {
    for round in 0..5 {
        let rivals = 4;
        let mut ids = Vec::new();
        for n in 0..rivals {
            ids.push(user(&subject, 1 + round * rivals + n, &[BuiltInRole::SuperAdmin]).await);
        }
        let removals = ids.iter().map(|id| {
            let (subject, id) = (subject.clone(), *id);
            tokio::spawn(async move {
                transact!(subject.store, |tx| {
                    tx.roles().hold().await?;
                    tx.roles().replace(id, &[BuiltInRole::User.id()], None, now()).await?;
                    if tx.roles().count_active_holders(BuiltInRole::SuperAdmin.id()).await? == 0 {
                        return Err(GrantError::LastSuperAdmin);
                    }
                    Ok(())
                })
            })
        });
        let results: Vec<Result<(), GrantError>> = join_all(removals).await.into_iter().map(Result::unwrap).collect();
        let refused = results.iter().filter(|result| matches!(result, Err(GrantError::LastSuperAdmin))).count();
        assert_eq!((refused, results.iter().filter(|result| result.is_ok()).count()), (1, 3), "{results:?}");
        assert_eq!(count(&subject, BuiltInRole::SuperAdmin).await, 1);
        for id in ids {
            grant(&subject, id, &[]).await;
        }
    }
}
