//! [`sharestack_users::ports::ApiKeyRepository`] and [`sharestack_users::ports::ApiKeyQueries`].

use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::Permission;
use sharestack_kernel::transact;
use sharestack_users::model::{ApiKeyId, ApiKeyName, ApiKeySecret, BuiltInRole, NewApiKey};
use uuid::Uuid;

use super::{Subject, grant, now, user};

fn key(user_id: UserId, number: u8) -> NewApiKey {
    let secret = ApiKeySecret::new([number; 32]);
    NewApiKey {
        id: ApiKeyId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))),
        user_id,
        name: ApiKeyName::parse(&format!("钥匙 {number}")).unwrap(),
        prefix: secret.prefix(),
        hash: secret.hash(),
        scopes: ["photo.read", "own.*"].map(|text| Permission::parse(text).unwrap()).into_iter().collect(),
        created_at: now() + Duration::seconds(i64::from(number)),
        // Beyond what 32 bits of seconds hold.
        expires_at: Some(now() + Duration::days(36_500)),
    }
}

async fn insert(subject: &Subject, key: &NewApiKey) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.api_keys().insert(key).await });
    done.unwrap();
}

async fn count(subject: &Subject, user: UserId) -> u64 {
    let found: Result<u64, StoreError> = transact!(subject.store, |tx| { tx.api_keys().count(user).await });
    found.unwrap()
}

/// MUST show what was committed before the call: a granted role too.
pub async fn a_key_is_found_with_its_owners_rights(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let new = key(id, 1);
    insert(&subject, &new).await;
    let holder = subject.keys.find_holder(new.hash).await.unwrap().unwrap();
    assert_eq!((holder.id, holder.user_id, holder.expires_at), (new.id, id, new.expires_at));
    assert_eq!((holder.roles.as_slice(), &holder.scopes), (&["user".to_owned()][..], &new.scopes));
    assert_eq!(holder.permissions, BuiltInRole::User.role().permissions);
    grant(&subject, id, &[BuiltInRole::Editor, BuiltInRole::User]).await;
    let holder = subject.keys.find_holder(new.hash).await.unwrap().unwrap();
    assert_eq!(holder.roles, ["editor", "user"]);
    assert!(holder.permissions.grants("photo.update"));
    assert_eq!(subject.keys.find_holder(key(id, 2).hash).await.unwrap(), None);
}

/// MUST return `None`.
pub async fn a_key_of_an_inactive_owner_is_not_found(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let new = key(id, 1);
    insert(&subject, &new).await;
    (subject.disable)(id).await;
    assert_eq!(subject.keys.find_holder(new.hash).await.unwrap(), None);
}

/// MUST never forget another's.
pub async fn a_key_is_deleted_by_its_owner_only(subject: Subject) {
    let (id, stranger) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let (new, other) = (key(id, 1), key(id, 2));
    insert(&subject, &new).await;
    insert(&subject, &other).await;
    let delete = async |user| {
        let done: Result<bool, StoreError> =
            transact!(subject.store, |tx| { tx.api_keys().delete(user, new.id).await });
        done.unwrap()
    };
    assert!(!delete(stranger).await);
    assert_eq!(count(&subject, id).await, 2);
    assert!(delete(id).await);
    assert!(!delete(id).await);
    assert_eq!((count(&subject, id).await, count(&subject, stranger).await), (1, 0));
    assert_eq!(subject.keys.find_holder(new.hash).await.unwrap(), None);
    assert!(subject.keys.find_holder(other.hash).await.unwrap().is_some());
}

/// MUST forget no other's.
pub async fn all_keys_of_a_user_are_deleted_and_no_others(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    for new in [key(id, 1), key(id, 2), key(other, 3)] {
        insert(&subject, &new).await;
    }
    let delete_all = async || -> u64 {
        let done: Result<u64, StoreError> = transact!(subject.store, |tx| { tx.api_keys().delete_all(id).await });
        done.unwrap()
    };
    assert_eq!((delete_all().await, delete_all().await), (2, 0));
    assert_eq!((count(&subject, id).await, count(&subject, other).await), (0, 1));
    assert_eq!(subject.keys.find_holder(key(id, 1).hash).await.unwrap(), None);
}

/// Each as it was made.
pub async fn keys_are_listed_the_newest_first(subject: Subject) {
    let (id, stranger) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let endless = NewApiKey { expires_at: None, ..key(id, 2) };
    for new in [&key(id, 1), &endless, &key(stranger, 3)] {
        insert(&subject, new).await;
    }
    let listed = subject.keys.list(id).await.unwrap();
    assert_eq!(listed.iter().map(|view| view.id).collect::<Vec<_>>(), [endless.id, key(id, 1).id]);
    let view = &listed[0];
    assert_eq!((view.name.as_str(), &view.prefix, &view.scopes), ("钥匙 2", &endless.prefix, &endless.scopes));
    assert_eq!((view.created_at, view.expires_at, view.last_used_at), (endless.created_at, None, None));
    assert_eq!(listed[1].expires_at, key(id, 1).expires_at);
}

/// MUST leave alone those that were used after `unless_since` already, and unknown ids.
pub async fn a_use_is_noted_once_a_minute(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let new = key(id, 1);
    insert(&subject, &new).await;
    let used = async |at: DateTime<Utc>| {
        let (ids, since) = ([new.id, key(id, 9).id], at - Duration::minutes(1));
        let done: Result<(), StoreError> =
            transact!(subject.store, |tx| { tx.api_keys().mark_used(&ids, at, since).await });
        done.unwrap();
        subject.keys.list(id).await.unwrap()[0].last_used_at
    };
    assert_eq!(used(now()).await, Some(now()));
    assert_eq!(used(now() + Duration::seconds(59)).await, Some(now()));
    assert_eq!(used(now() + Duration::seconds(60)).await, Some(now() + Duration::seconds(60)));
}
