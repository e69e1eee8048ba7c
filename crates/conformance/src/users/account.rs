//! [`sharestack_users::ports::AccountRepository`] and [`sharestack_users::ports::AccountQueries`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::error::InsertAccountError;
use sharestack_users::events::logged_in;
use sharestack_users::model::{
    AccountState, AvatarUrl, Bio, BuiltInRole, DisplayName, LoginName, PasswordHash, Phone, Profile,
};

use uuid::Uuid;

use super::{Subject, account, insert, now, session, user};

fn name(text: &str) -> LoginName {
    LoginName::parse(text).unwrap()
}

/// In any form of either name.
pub async fn an_inserted_account_is_found_by_each_of_its_names(subject: Subject) {
    let mut new = account(7, "林小红", "Lin@Example.com");
    new.is_verified = true;
    new.profile = Profile {
        display_name: Some(DisplayName::parse("林'小红\"; -- 😀").unwrap()),
        phone: Some(Phone::parse("+86 138 0013 8000").unwrap()),
        bio: Some(Bio::parse(&"长".repeat(500)).unwrap()),
        avatar_url: Some(AvatarUrl::parse(&format!("https://e.com/{}", "a".repeat(2000))).unwrap()),
    };
    insert(&subject, &new).await.unwrap();
    for text in ["林小红", "lin@example.com", "LIN@EXAMPLE.COM"] {
        let found = subject.accounts.find_credentials(&name(text)).await.unwrap().unwrap();
        assert_eq!((found.user_id, found.password_hash), (new.id, new.password_hash.clone()));
    }
    let view = subject.accounts.find_by_id(new.id).await.unwrap().unwrap();
    assert_eq!((view.username.as_str(), view.email.as_str()), ("林小红", "Lin@Example.com"));
    assert_eq!(view.display_name, new.profile.display_name.map(String::from));
    assert_eq!(view.phone, new.profile.phone.map(String::from));
    assert_eq!(view.bio, new.profile.bio.map(String::from));
    assert_eq!(view.avatar_url, new.profile.avatar_url.map(String::from));
    assert_eq!((view.is_active, view.is_verified, view.last_login_at), (true, true, None));
    assert_eq!((view.created_at, view.updated_at), (now(), now()));
    assert!(view.roles.is_empty());
}

/// Nothing is nothing, not an empty text.
pub async fn an_account_without_a_profile_is_kept_so(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let view = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    assert_eq!([view.display_name, view.phone, view.bio, view.avatar_url], [None, None, None, None]);
}

/// Whoever asks at the same time as others gets the user who was asked for, with their roles.
pub async fn users_asked_for_at_once_are_each_their_own(subject: Subject) {
    let roles = |id: i64| match id % 3 {
        0 => vec![BuiltInRole::Admin, BuiltInRole::Editor],
        1 => vec![BuiltInRole::User],
        _ => vec![],
    };
    for id in 1..=40 {
        user(&subject, id, &roles(id)).await;
    }
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.edits().delete(UserId::new(9), now()).await });
    done.unwrap();
    let asked = || (1..=44).chain([5, 5, 9]);
    let found = join_all(asked().map(|id| subject.accounts.find_by_id(UserId::new(id)))).await;
    for (id, found) in asked().zip(found) {
        let found = found.unwrap().map(|user| (user.id.get(), user.permissions.grants("user.read"), user.roles));
        let names = || roles(id).into_iter().map(|role| role.name().to_owned()).collect();
        assert_eq!(found, (id != 9 && id <= 40).then(|| (id, id % 3 == 0, names())));
    }
}

/// MUST return `EmailTaken` when another account has the same normalised address.
pub async fn a_taken_address_is_refused(subject: Subject) {
    insert(&subject, &account(1, "lin", "lin@example.com")).await.unwrap();
    let refused = insert(&subject, &account(2, "wei", "LIN@Example.com")).await;
    assert!(matches!(refused, Err(InsertAccountError::EmailTaken)), "{refused:?}");
}

/// MUST return `UsernameTaken` when another account has the same normalised username.
pub async fn a_taken_username_is_refused(subject: Subject) {
    insert(&subject, &account(1, "lin", "lin@example.com")).await.unwrap();
    let refused = insert(&subject, &account(2, "ＬＩＮ", "wei@example.com")).await;
    assert!(matches!(refused, Err(InsertAccountError::UsernameTaken)), "{refused:?}");
}

/// No database's collation decides what is the same: `é` is not `e`.
pub async fn names_are_compared_byte_by_byte(subject: Subject) {
    insert(&subject, &account(1, "rene", "rene@example.com")).await.unwrap();
    insert(&subject, &account(2, "rené", "rené@example.com")).await.unwrap();
    let found = subject.accounts.find_credentials(&name("rené")).await.unwrap().unwrap();
    assert_eq!(found.user_id, UserId::new(2));
}

/// However many come at once.
pub async fn of_rivals_for_an_address_one_gets_it(subject: Subject) {
    let refused = rivals(&subject, |n| account(n, &format!("rival{n}"), "same@example.com")).await;
    assert!(refused.iter().all(|error| matches!(error, InsertAccountError::EmailTaken)), "{refused:?}");
}

/// However many come at once.
pub async fn of_rivals_for_a_username_one_gets_it(subject: Subject) {
    let refused = rivals(&subject, |n| account(n, "same", &format!("rival{n}@example.com"))).await;
    assert!(refused.iter().all(|error| matches!(error, InsertAccountError::UsernameTaken)), "{refused:?}");
}

/// Inserts 20 accounts at once, and returns what all but one were refused with.
async fn rivals(
    subject: &Subject,
    new: impl Fn(i64) -> sharestack_users::model::NewAccount,
) -> Vec<InsertAccountError> {
    let tries = (1..=20).map(|n| {
        let (subject, account) = (subject.clone(), new(n));
        tokio::spawn(async move { insert(&subject, &account).await })
    });
    let refused: Vec<_> = join_all(tries).await.into_iter().filter_map(|result| result.unwrap().err()).collect();
    assert_eq!(refused.len(), 19);
    refused
}

/// A unit of work that fails late leaves nothing of its start.
pub async fn a_refused_account_leaves_nothing(subject: Subject) {
    let (first, second) = (account(1, "lin", "lin@example.com"), account(2, "lin", "wei@example.com"));
    let refused: Result<(), InsertAccountError> = transact!(subject.store, |tx| {
        tx.accounts().insert(&first).await?;
        tx.accounts().insert(&second).await
    });
    assert!(matches!(refused, Err(InsertAccountError::UsernameTaken)), "{refused:?}");
    assert_eq!(subject.accounts.find_by_id(first.id).await.unwrap(), None);
}

/// The hash is replaced only when there is a new one.
pub async fn a_login_is_noted_and_a_new_hash_kept(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let login = async |rehashed: Option<PasswordHash>| {
        let done: Result<Option<AccountState>, StoreError> = transact!(subject.store, |tx| {
            tx.accounts().record_login(id, now(), rehashed.clone()).await?;
            tx.accounts().hold(id).await
        });
        done.unwrap().unwrap().password_hash
    };
    assert_eq!(login(None).await, PasswordHash::new("hash of 1".to_owned()));
    assert_eq!(login(Some(PasswordHash::new("new".to_owned()))).await, PasswordHash::new("new".to_owned()));
    let view = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    assert_eq!((view.last_login_at, view.updated_at), (Some(now()), now()));
}

/// And the account counts as edited then.
pub async fn a_set_password_replaces_the_old_one(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let (new, later) = (PasswordHash::new("new".to_owned()), now() + chrono::Duration::seconds(1));
    let done: Result<_, StoreError> = transact!(subject.store, |tx| {
        tx.accounts().set_password(id, &new, later).await?;
        Ok((tx.accounts().hold(id).await?, tx.accounts().hold(other).await?))
    });
    let (state, untouched) = done.unwrap();
    assert_eq!(state.unwrap().password_hash, new);
    assert_eq!(subject.accounts.find_state(id).await.unwrap().unwrap().password_hash, new);
    assert_eq!(untouched.unwrap().password_hash, PasswordHash::new("hash of 2".to_owned()));
    assert_eq!(subject.accounts.find_by_id(id).await.unwrap().unwrap().updated_at, later);
}

/// MUST change nothing else.
pub async fn another_hash_of_the_same_password_is_no_edit(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let before = subject.accounts.find_by_id(id).await.unwrap();
    let new = PasswordHash::new("stronger".to_owned());
    let done: Result<Option<AccountState>, StoreError> = transact!(subject.store, |tx| {
        tx.accounts().rehash(id, &new).await?;
        tx.accounts().hold(id).await
    });
    assert_eq!(done.unwrap().unwrap().password_hash, new);
    assert_eq!(subject.accounts.find_by_id(id).await.unwrap(), before);
}

/// MUST let no other transaction that holds it go on meanwhile.
pub async fn holding_an_account_makes_others_wait(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let inside = Arc::new(AtomicU32::new(0));
    let holders = (0..8).map(|_| {
        let (subject, inside) = (subject.clone(), inside.clone());
        tokio::spawn(async move {
            let held: Result<(), StoreError> = transact!(subject.store, |tx| {
                tx.accounts().hold(id).await?.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the account");
                tokio::time::sleep(Duration::from_millis(5)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
            held.unwrap();
        })
    });
    for holder in join_all(holders).await {
        holder.unwrap();
    }
}

/// Whoever holds the account appends after everybody who held it before has committed.
pub async fn events_of_a_held_account_stand_in_the_order_of_commits(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let turn = Arc::new(AtomicU32::new(0));
    let rivals = (0..16_u128).map(|rival| {
        let (subject, turn) = (subject.clone(), turn.clone());
        tokio::spawn(async move {
            let done: Result<(), StoreError> = transact!(subject.store, |tx| {
                tx.accounts().hold(id).await?.unwrap();
                let turn = turn.fetch_add(1, Ordering::SeqCst);
                let event = DomainEvent {
                    // Not after what the store thinks is now.
                    occurred_at: now() - chrono::Duration::seconds(1),
                    payload: serde_json::json!({ "turn": turn }),
                    ..logged_in(Uuid::from_u128(rival + 1), &session(id, rival))
                };
                tx.outbox().append(&event).await?;
                tokio::time::sleep(Duration::from_millis(3)).await;
                Ok(())
            });
            done.unwrap();
        })
    });
    for rival in join_all(rivals).await {
        rival.unwrap();
    }
    let claimed = subject.events.claim(Uuid::from_u128(99), Duration::from_secs(30), 100).await.unwrap();
    let turns: Vec<_> = claimed.iter().map(|event| event.payload["turn"].as_u64().unwrap()).collect();
    assert_eq!(turns.len(), 16);
    assert!(turns.is_sorted(), "{turns:?}");
}

/// Absence is no error.
pub async fn what_is_not_there_is_not_found(subject: Subject) {
    assert_eq!(subject.accounts.find_credentials(&name("nobody")).await.unwrap(), None);
    assert_eq!(subject.accounts.find_by_id(UserId::new(999)).await.unwrap(), None);
    let held: Result<_, StoreError> = transact!(subject.store, |tx| { tx.accounts().hold(UserId::new(999)).await });
    assert_eq!(held.unwrap(), None);
    assert_eq!(subject.accounts.find_state(UserId::new(999)).await.unwrap(), None);
}
