//! [`sharestack_users::ports::ExternalIdentityRepository`] and
//! [`sharestack_users::ports::ExternalIdentityQueries`].

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::error::{InsertAccountError, InsertIdentityError, UnlinkError};
use sharestack_users::model::{
    ExternalIdentity, IdentityId, PasswordHash, ProviderName, ProviderProfile, Subject, WaysIn,
};
use uuid::Uuid;

use super::{Subject as Store, account, now, user};

fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).unwrap()
}

fn subject(text: &str) -> Subject {
    Subject::parse(text).unwrap()
}

fn identity(number: u128, user: UserId, provider_name: &str, text: &str) -> ExternalIdentity {
    let profile = ProviderProfile::of(subject(text))
        .email(Some("Lin@Example.com"), true)
        .name(Some("林'小红\"; -- 😀"))
        .avatar(Some("https://example.com/a.png"));
    let id = IdentityId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number));
    ExternalIdentity::link(id, user, provider(provider_name), &profile, now())
}

async fn insert(store: &Store, identity: &ExternalIdentity) -> Result<(), InsertIdentityError> {
    transact!(store.store, |tx| { tx.identities().insert(identity).await })
}

async fn find(store: &Store, provider_name: &str, text: &str) -> Option<ExternalIdentity> {
    let (provider, subject) = (provider(provider_name), subject(text));
    let found: Result<_, StoreError> =
        transact!(store.store, |tx| { tx.identities().find_by_subject(&provider, &subject).await });
    found.unwrap()
}

/// Field by field; and who has none has an empty list.
pub async fn a_linked_identity_is_found_by_its_subject_and_by_its_user(store: Store) {
    let (lin, wei) = (user(&store, 1, &[]).await, user(&store, 2, &[]).await);
    let mut first = identity(2, lin, "google", "1077");
    first.last_used_at = Some(now());
    let second = identity(1, lin, "github", &"x".repeat(255));
    let bare = ExternalIdentity::link(
        IdentityId::new(Uuid::from_u128(9)),
        lin,
        provider("wechat"),
        &ProviderProfile::of(subject("o6_bmasdasdsad6_2sgVt7hMZOPfL")),
        now() + chrono::Duration::seconds(1),
    );
    for one in [&bare, &first, &second] {
        insert(&store, one).await.unwrap();
    }
    assert_eq!(find(&store, "google", "1077").await.as_ref(), Some(&first));
    assert_eq!(store.identities.list(lin).await.unwrap(), [second.clone(), first.clone(), bare]);
    assert_eq!(store.identities.list(wei).await.unwrap(), []);
    let found: Result<_, StoreError> = transact!(store.store, |tx| {
        Ok((tx.identities().find_by_user(lin, first.id).await?, tx.identities().find_by_user(wei, first.id).await?))
    });
    assert_eq!(found.unwrap(), (Some(first), None));
    assert_eq!(find(&store, "google", "1078").await, None);
}

/// MUST return `Taken` when the provider's subject is linked to anybody. Compared byte by byte.
pub async fn a_subject_is_linked_once_a_provider(store: Store) {
    let (lin, wei) = (user(&store, 1, &[]).await, user(&store, 2, &[]).await);
    insert(&store, &identity(1, lin, "google", "Sub")).await.unwrap();
    for who in [lin, wei] {
        let refused = insert(&store, &identity(2, who, "google", "Sub")).await;
        assert!(matches!(refused, Err(InsertIdentityError::Taken)), "{refused:?}");
    }
    insert(&store, &identity(3, wei, "google", "sub")).await.unwrap();
    insert(&store, &identity(4, wei, "google2", "Sub")).await.unwrap();
    assert_eq!(find(&store, "google", "Sub").await.unwrap().user_id, lin);
    assert_eq!(find(&store, "google", "sub").await.unwrap().user_id, wei);
}

/// Also when two link it at once.
pub async fn of_rivals_for_a_subject_one_links_it(store: Store) {
    let lin = user(&store, 1, &[]).await;
    let tries = (1..=20).map(|n| {
        let (store, one) = (store.clone(), identity(n, lin, "google", "same"));
        tokio::spawn(async move { insert(&store, &one).await })
    });
    let refused: Vec<_> = join_all(tries).await.into_iter().filter_map(|result| result.unwrap().err()).collect();
    assert_eq!(refused.len(), 19);
    assert!(refused.iter().all(|error| matches!(error, InsertIdentityError::Taken)), "{refused:?}");
    assert_eq!(store.identities.list(lin).await.unwrap().len(), 1);
}

/// What it no longer tells is gone.
pub async fn what_the_provider_tells_is_kept(store: Store) {
    let lin = user(&store, 1, &[]).await;
    let first = identity(1, lin, "google", "1077");
    insert(&store, &first).await.unwrap();
    let mut told = first.told(&ProviderProfile::of(subject("1077")).name(Some("Wei")));
    told.last_used_at = Some(now());
    let done: Result<(), StoreError> = transact!(store.store, |tx| { tx.identities().update(&told).await });
    done.unwrap();
    assert_eq!(find(&store, "google", "1077").await, Some(told));
}

/// Another user's is not theirs to unlink.
pub async fn only_its_user_unlinks_an_identity(store: Store) {
    let (lin, wei) = (user(&store, 1, &[]).await, user(&store, 2, &[]).await);
    let one = identity(1, lin, "google", "1077");
    insert(&store, &one).await.unwrap();
    for (who, done) in [(wei, false), (lin, true), (lin, false)] {
        let deleted: Result<bool, StoreError> =
            transact!(store.store, |tx| { tx.identities().delete(who, one.id).await });
        assert_eq!(deleted.unwrap(), done);
    }
    assert_eq!(find(&store, "google", "1077").await, None);
    insert(&store, &identity(2, wei, "google", "1077")).await.unwrap();
}

/// All of one user, and no other's.
pub async fn all_identities_of_a_user_are_unlinked(store: Store) {
    let (lin, wei) = (user(&store, 1, &[]).await, user(&store, 2, &[]).await);
    for one in [identity(1, lin, "google", "1"), identity(2, lin, "github", "1"), identity(3, wei, "google", "2")] {
        insert(&store, &one).await.unwrap();
    }
    for removed in [2, 0] {
        let done: Result<u64, StoreError> = transact!(store.store, |tx| { tx.identities().delete_all(lin).await });
        assert_eq!(done.unwrap(), removed);
    }
    assert_eq!(store.identities.list(lin).await.unwrap(), []);
    assert_eq!(store.identities.list(wei).await.unwrap().len(), 1);
}

async fn ways(store: &Store, user: UserId) -> WaysIn {
    let ways: Result<_, StoreError> = transact!(store.store, |tx| { tx.identities().ways_in(user).await });
    ways.unwrap()
}

async fn without_password(store: &Store, id: i64) -> UserId {
    let mut new = account(id, &format!("oauth{id}"), &format!("oauth{id}@example.com"));
    new.password_hash = PasswordHash::unset();
    let done: Result<(), InsertAccountError> = transact!(store.store, |tx| { tx.accounts().insert(&new).await });
    done.unwrap();
    new.id
}

/// MUST count a password only when one is set.
pub async fn ways_in_are_counted(store: Store) {
    let (lin, wei) = (user(&store, 1, &[]).await, without_password(&store, 2).await);
    insert(&store, &identity(1, lin, "google", "1")).await.unwrap();
    insert(&store, &identity(2, wei, "google", "2")).await.unwrap();
    insert(&store, &identity(3, wei, "github", "2")).await.unwrap();
    assert_eq!(ways(&store, lin).await, WaysIn { password: true, identities: 1, passkeys: 0 });
    assert_eq!(ways(&store, wei).await, WaysIn { password: false, identities: 2, passkeys: 0 });
    assert_eq!(ways(&store, UserId::new(999)).await, WaysIn::default());
}

/// Held, what was counted stays true.
pub async fn of_two_that_unlink_at_once_one_stays(store: Store) {
    let lin = without_password(&store, 1).await;
    let all = [identity(1, lin, "google", "1"), identity(2, lin, "github", "1")];
    for one in &all {
        insert(&store, one).await.unwrap();
    }
    let tries = all.map(|one| {
        let store = store.clone();
        tokio::spawn(async move {
            transact!(store.store, |tx| {
                tx.accounts().hold(lin).await?;
                if !tx.identities().ways_in(lin).await?.can_lose_one() {
                    return Err(UnlinkError::LastWayIn);
                }
                tx.identities().delete(lin, one.id).await?;
                Ok(())
            })
        })
    });
    let refused = join_all(tries).await.into_iter().filter(|result| result.as_ref().unwrap().is_err()).count();
    assert_eq!(refused, 1);
    assert_eq!(store.identities.list(lin).await.unwrap().len(), 1);
}
