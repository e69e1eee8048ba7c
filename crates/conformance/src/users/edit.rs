//! [`sharestack_users::ports::AccountEdits`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_users::error::InsertAccountError;
use sharestack_users::model::{
    AccountChange, AccountRecord, Avatar, AvatarUrl, Bio, BuiltInRole, Consent, ConsentEntry, ConsentKind, DisplayName,
    EmailAddress, LoginName, Phone, UserRef, UserSettings, UserView, Username,
};
use sharestack_users::ports::Erased;
use uuid::Uuid;

use sharestack_users::model::{FactorsView, NewTotp, RecoveryCode};

use super::passkey::passkey;
use super::{Subject, account, insert, now, open, session, token, user};

fn username(text: &str) -> Username {
    Username::known(text).unwrap()
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

async fn change(subject: &Subject, id: UserId, change: &AccountChange) -> Result<(), InsertAccountError> {
    let at = now() + chrono::Duration::seconds(1);
    transact!(subject.store, |tx| {
        tx.edits().hold_record(id).await?;
        tx.edits().change(id, change, at).await
    })
}

async fn record(subject: &Subject, id: UserId) -> Option<AccountRecord> {
    let found: Result<_, StoreError> = transact!(subject.store, |tx| { tx.edits().hold_record(id).await });
    found.unwrap()
}

async fn delete(subject: &Subject, id: UserId) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.edits().delete(id, now()).await });
    done.unwrap();
}

async fn erase(subject: &Subject, id: UserId) -> Option<Erased> {
    let done: Result<_, StoreError> = transact!(subject.store, |tx| { tx.edits().erase(id, now()).await });
    done.unwrap()
}

fn everything() -> AccountChange {
    AccountChange {
        username: Some(username("林大红")),
        email: Some(email("New@Example.com")),
        pending_email: Patch::Set(email("next@example.com")),
        is_verified: Some(true),
        is_active: Some(false),
        display_name: Patch::Set(DisplayName::parse("Ｌin 😀").unwrap()),
        phone: Patch::Set(Phone::parse("13800138000").unwrap()),
        bio: Patch::Set(Bio::parse("'); DROP TABLE users; --").unwrap()),
        avatar: Patch::Set(Avatar {
            url: AvatarUrl::parse("https://example.com/a.webp").unwrap(),
            file: Some("1-a".to_owned()),
        }),
    }
}

/// Each field.
pub async fn what_a_change_names_is_changed(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    change(&subject, id, &everything()).await.unwrap();
    let view = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    assert_eq!((view.username.as_str(), view.email.as_str()), ("林大红", "New@Example.com"));
    assert_eq!(view.pending_email.as_deref(), Some("next@example.com"));
    assert_eq!((view.is_verified, view.is_active), (true, false));
    assert_eq!(view.display_name.as_deref(), Some("Ｌin 😀"));
    assert_eq!((view.phone.as_deref(), view.bio.as_deref()), (Some("13800138000"), Some("'); DROP TABLE users; --")));
    assert_eq!(view.avatar_url.as_deref(), Some("https://example.com/a.webp"));
    assert_eq!((view.created_at, view.updated_at), (now(), now() + chrono::Duration::seconds(1)));
    assert_eq!(record(&subject, id).await.unwrap().avatar_file.as_deref(), Some("1-a"));
    let by_name = subject.accounts.find_credentials(&LoginName::parse("new@example.com").unwrap()).await.unwrap();
    assert_eq!(by_name.unwrap().user_id, id);
    assert_eq!(subject.accounts.find_credentials(&LoginName::parse("user1").unwrap()).await.unwrap(), None);
}

/// MUST leave alone what the change keeps, and clear what it clears.
pub async fn what_a_change_keeps_stays(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    change(&subject, id, &everything()).await.unwrap();
    let before = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    change(&subject, id, &AccountChange::default()).await.unwrap();
    let after = UserView { version: before.version + 1, ..before.clone() };
    assert_eq!(subject.accounts.find_by_id(id).await.unwrap().unwrap(), after);
    let clear = AccountChange {
        pending_email: Patch::Clear,
        display_name: Patch::Clear,
        phone: Patch::Clear,
        bio: Patch::Clear,
        avatar: Patch::Clear,
        ..AccountChange::default()
    };
    change(&subject, id, &clear).await.unwrap();
    let after = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    assert_eq!(
        [after.display_name, after.phone, after.bio, after.avatar_url, after.pending_email],
        [const { None }; 5]
    );
    assert_eq!((after.username, after.is_active), (before.username, false));
    assert_eq!(record(&subject, id).await.unwrap().avatar_file, None);
    let elsewhere = Avatar { url: AvatarUrl::parse("https://e.com/b.png").unwrap(), file: None };
    let elsewhere = AccountChange { avatar: Patch::Set(elsewhere), ..AccountChange::default() };
    change(&subject, id, &elsewhere).await.unwrap();
    let record = record(&subject, id).await.unwrap();
    assert_eq!((record.avatar_url.as_deref(), record.avatar_file), (Some("https://e.com/b.png"), None));
}

/// MUST return `EmailTaken` and `UsernameTaken` as an insert does.
pub async fn a_taken_name_is_refused_to_a_change(subject: Subject) {
    let (one, two) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let name = AccountChange { username: Some(username("ＵＳＥＲ2")), ..AccountChange::default() };
    assert!(matches!(change(&subject, one, &name).await, Err(InsertAccountError::UsernameTaken)));
    let address = AccountChange { email: Some(email("USER1@example.com")), ..AccountChange::default() };
    assert!(matches!(change(&subject, two, &address).await, Err(InsertAccountError::EmailTaken)));
    let own = AccountChange { username: Some(username("User1")), ..AccountChange::default() };
    change(&subject, one, &own).await.unwrap();
    assert_eq!(record(&subject, one).await.unwrap().username, "User1");
}

/// A name that only looks like another's is taken, for an insert and for a change.
pub async fn a_name_that_looks_like_anothers_is_taken(subject: Subject) {
    insert(&subject, &account(1, "modern_lin", "a@example.com")).await.unwrap();
    for (id, name) in [(2, "modem_lin"), (3, "m\u{43e}dern_lin"), (4, "modern_1in")] {
        let mut fake = account(id, "someone", &format!("b{id}@example.com"));
        fake.username = username(name);
        let refused = insert(&subject, &fake).await;
        assert!(matches!(refused, Err(InsertAccountError::UsernameTaken)), "{name}: {refused:?}");
    }
    let other = user(&subject, 9, &[]).await;
    let fake = AccountChange { username: Some(username("modern_Iin")), ..AccountChange::default() };
    assert!(matches!(change(&subject, other, &fake).await, Err(InsertAccountError::UsernameTaken)));
}

/// However many come at once, each with a name of another form.
pub async fn of_rivals_for_a_look_one_gets_it(subject: Subject) {
    let names = ["modern", "modem", "rnodern", "rnodem", "MODERN", "mod\u{435}rn", "m\u{43e}dern", "m\u{43e}d\u{435}m"];
    let tries = (1..).zip(names).map(|(id, name)| {
        let (subject, mut new) = (subject.clone(), account(id, "someone", &format!("rival{id}@example.com")));
        new.username = username(name);
        tokio::spawn(async move { insert(&subject, &new).await })
    });
    let results: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let refused = |result: &&Result<(), InsertAccountError>| matches!(result, Err(InsertAccountError::UsernameTaken));
    assert_eq!(results.iter().filter(refused).count(), names.len() - 1, "{results:?}");
}

/// MUST let no other transaction that holds it go on meanwhile, whichever way it is held.
pub async fn holding_a_record_makes_others_wait(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let inside = Arc::new(AtomicU32::new(0));
    let holders = (0..8).map(|n| {
        let (subject, inside) = (subject.clone(), inside.clone());
        tokio::spawn(async move {
            let held: Result<(), StoreError> = transact!(subject.store, |tx| {
                if n % 2 == 0 {
                    tx.edits().hold_record(id).await?.unwrap();
                } else {
                    tx.accounts().hold(id).await?.unwrap();
                }
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

/// MUST then be found by nobody; its names stay taken.
pub async fn a_deleted_account_is_found_by_nobody(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    delete(&subject, id).await;
    assert_eq!(subject.accounts.find_by_id(id).await.unwrap(), None);
    assert_eq!(subject.accounts.find_credentials(&LoginName::parse("user1").unwrap()).await.unwrap(), None);
    assert_eq!(subject.sessions.find_active(new.id).await.unwrap(), None);
    assert_eq!(subject.directory.find_public(&UserRef::Id(id, None)).await.unwrap(), None);
    assert_eq!(record(&subject, id).await, None);
    let again = insert(&subject, &account(2, "USER1", "else@example.com")).await;
    assert!(matches!(again, Err(InsertAccountError::UsernameTaken)));
}

/// MUST give it another version, as every change does.
pub async fn every_edit_gives_another_version(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let other = user(&subject, 2, &[]).await;
    let mut seen = vec![record(&subject, id).await.unwrap().version];
    change(&subject, id, &AccountChange { bio: Patch::Clear, ..AccountChange::default() }).await.unwrap();
    seen.push(record(&subject, id).await.unwrap().version);
    let at = now() + chrono::Duration::seconds(2);
    let touched: Result<(), StoreError> = transact!(subject.store, |tx| {
        tx.edits().hold_record(id).await?;
        tx.edits().touch(id, at).await
    });
    touched.unwrap();
    seen.push(record(&subject, id).await.unwrap().version);
    assert!(seen[0] < seen[1] && seen[1] < seen[2], "{seen:?}");
    let view = subject.accounts.find_by_id(id).await.unwrap().unwrap();
    assert_eq!((view.version, view.updated_at), (seen[2], at));
    let untouched = subject.accounts.find_by_id(other).await.unwrap().unwrap();
    assert_eq!((untouched.version, untouched.updated_at), (seen[0], now()));
}

/// MUST count those that are deleted or erased.
pub async fn who_was_deleted_and_erased_was_there(subject: Subject) {
    let count = async || subject.accounts.count_ever().await.unwrap();
    assert_eq!(count().await, 0);
    let id = user(&subject, 1, &[]).await;
    user(&subject, 2, &[]).await;
    assert_eq!(count().await, 2);
    delete(&subject, id).await;
    assert_eq!(count().await, 2, "deleted");
    erase(&subject, id).await.unwrap();
    assert_eq!(count().await, 2, "erased");
}

/// MUST change nothing when the account is not deleted or was erased before; MUST keep
/// the row and the consent log; its names are free then.
pub async fn an_erased_account_says_nothing_of_its_owner(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    change(&subject, id, &AccountChange { is_active: None, username: None, email: None, ..everything() })
        .await
        .unwrap();
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    let entry = ConsentEntry {
        id: Uuid::from_u128(7),
        user_id: id,
        consent: Consent { kind: ConsentKind::Terms, version: "1".to_owned(), granted: true },
        at: now(),
        address: Some("203.0.113.7".parse().unwrap()),
    };
    let kept: Result<(), StoreError> = transact!(subject.store, |tx| {
        tx.settings().save(id, &UserSettings::default(), now()).await?;
        tx.factors().put_totp(&NewTotp { user_id: id, sealed_secret: "s1.x".to_owned(), created_at: now() }).await?;
        let code = RecoveryCode::new([7; 32]).hash(id);
        tx.factors().replace_recovery_codes(id, &[code], now()).await?;
        tx.passkeys().insert(&passkey(id, 1)).await.map_err(StoreError::corrupt)?;
        tx.settings().append_consent(&entry).await
    });
    kept.unwrap();
    assert_eq!(erase(&subject, id).await, None, "it is not deleted");
    assert_eq!(erase(&subject, UserId::new(999)).await, None);
    delete(&subject, id).await;
    assert_eq!(erase(&subject, id).await, Some(Erased { avatar_file: Some("1-a".to_owned()) }));
    assert_eq!(erase(&subject, id).await, None, "once is enough");
    assert_eq!(subject.directory.find_by_avatar("1-a").await.unwrap(), None);
    assert_eq!(subject.factors.find_factors(id).await.unwrap(), FactorsView::default());
    assert!(subject.passkeys.list_passkeys(id).await.unwrap().is_empty());
    let log = subject.settings.list_consents(id, 10).await.unwrap();
    assert_eq!(log, [ConsentEntry { address: None, ..entry }]);
    insert(&subject, &account(2, "user1", "user1@example.com")).await.unwrap();
    let other = user(&subject, 3, &[]).await;
    delete(&subject, other).await;
    assert!(erase(&subject, other).await.is_some(), "two erased accounts are no twins");
}
