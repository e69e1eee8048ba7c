//! [`sharestack_users::ports::PasskeyRepository`] and [`sharestack_users::ports::PasskeyQueries`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::error::InsertPasskeyError;
use sharestack_users::model::{
    CredentialId, NewCredential, NewPasskey, PasskeyId, PasskeyName, PasskeyView, StoredPasskey,
};
use uuid::Uuid;

use super::{Subject, now, user};

pub(super) fn passkey(user_id: UserId, number: u8) -> NewPasskey {
    NewPasskey {
        id: PasskeyId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))),
        user_id,
        handle: Uuid::from_u128(u128::from(number)),
        name: PasskeyName::parse(&format!("我的电脑 {number}")).unwrap(),
        key: NewCredential {
            credential_id: CredentialId::new(vec![number; 1023]).unwrap(),
            credential: format!("{{\"key\":\"{}\"}}", "长".repeat(2000)),
        },
        created_at: now(),
    }
}

async fn keep(subject: &Subject, passkey: &NewPasskey) -> Result<(), InsertPasskeyError> {
    transact!(subject.store, |tx| { tx.passkeys().insert(passkey).await })
}

async fn hold(subject: &Subject, passkey: &NewPasskey) -> Option<StoredPasskey> {
    let id = &passkey.key.credential_id;
    let held: Result<_, StoreError> = transact!(subject.store, |tx| { tx.passkeys().hold(id).await });
    held.unwrap()
}

async fn delete(subject: &Subject, user: UserId, id: PasskeyId) -> bool {
    let done: Result<_, StoreError> = transact!(subject.store, |tx| { tx.passkeys().delete(user, id).await });
    done.unwrap()
}

async fn count(subject: &Subject, user: UserId) -> u64 {
    let count: Result<_, StoreError> = transact!(subject.store, |tx| { tx.passkeys().count(user).await });
    count.unwrap()
}

/// By its credential id, and in the list of its owner.
pub async fn a_passkey_reads_back(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let (one, two) = (passkey(id, 1), passkey(id, 2));
    for new in [&two, &one] {
        keep(&subject, new).await.unwrap();
    }
    let stored = StoredPasskey { id: one.id, user_id: id, handle: one.handle, credential: one.key.credential.clone() };
    assert_eq!(hold(&subject, &one).await, Some(stored));
    assert_eq!(hold(&subject, &passkey(id, 3)).await, None);
    let view = |new: &NewPasskey| PasskeyView {
        id: new.id,
        name: new.name.as_str().to_owned(),
        credential_id: new.key.credential_id.clone(),
        handle: new.handle,
        created_at: now(),
        last_used_at: None,
    };
    assert_eq!(subject.passkeys.list_passkeys(id).await.unwrap(), [view(&one), view(&two)]);
    assert!(subject.passkeys.list_passkeys(other).await.unwrap().is_empty());
    assert_eq!((count(&subject, id).await, count(&subject, other).await), (2, 0));
}

/// MUST return `Taken` when any account has a key of this credential id.
pub async fn a_taken_key_is_refused(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let one = passkey(id, 1);
    keep(&subject, &one).await.unwrap();
    let stolen = NewPasskey { id: passkey(other, 2).id, user_id: other, ..one.clone() };
    let refused = keep(&subject, &stolen).await;
    assert!(matches!(refused, Err(InsertPasskeyError::Taken)), "{refused:?}");
    assert_eq!(hold(&subject, &one).await.unwrap().user_id, id);
}

/// Also when two are kept at once.
pub async fn of_rivals_for_a_key_one_gets_it(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let rivals = (0..20).map(|number| {
        let (subject, one) = (subject.clone(), passkey(id, 1));
        let rival = NewPasskey { id: passkey(id, number).id, ..one };
        tokio::spawn(async move { keep(&subject, &rival).await })
    });
    let refused: Vec<_> = join_all(rivals).await.into_iter().filter_map(|rival| rival.unwrap().err()).collect();
    assert_eq!(refused.len(), 19);
    assert!(refused.iter().all(|error| matches!(error, InsertPasskeyError::Taken)), "{refused:?}");
}

/// To the microsecond, with what is known of the key since.
pub async fn a_used_passkey_says_when(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let (one, two) = (passkey(id, 1), passkey(id, 2));
    keep(&subject, &one).await.unwrap();
    keep(&subject, &two).await.unwrap();
    let at = now() + chrono::Duration::microseconds(1);
    let used: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.passkeys().note_use(one.id, "{\"counter\":2}", at).await });
    used.unwrap();
    assert_eq!(hold(&subject, &one).await.unwrap().credential, "{\"counter\":2}");
    assert_eq!(hold(&subject, &two).await.unwrap().credential, two.key.credential);
    let used = subject.passkeys.list_passkeys(id).await.unwrap().into_iter().map(|view| view.last_used_at);
    assert_eq!(used.collect::<Vec<_>>(), [Some(at), None]);
}

/// Returns `false` when they have none such; MUST then change nothing.
pub async fn a_passkey_is_removed_by_its_owner_only(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let one = passkey(id, 1);
    keep(&subject, &one).await.unwrap();
    assert!(!delete(&subject, other, one.id).await);
    assert!(hold(&subject, &one).await.is_some());
    assert!(delete(&subject, id, one.id).await);
    assert!(!delete(&subject, id, one.id).await);
    assert_eq!(hold(&subject, &one).await, None);
    keep(&subject, &one).await.unwrap();
}

/// All of one user, and no other's.
pub async fn all_passkeys_of_a_user_are_removed(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    for new in [passkey(id, 1), passkey(id, 2), passkey(other, 3)] {
        keep(&subject, &new).await.unwrap();
    }
    for removed in [2, 0] {
        let done: Result<u64, StoreError> = transact!(subject.store, |tx| { tx.passkeys().delete_all(id).await });
        assert_eq!(done.unwrap(), removed);
    }
    assert_eq!((count(&subject, id).await, count(&subject, other).await), (0, 1));
}

/// An account may lose another way in when it has one.
pub async fn a_passkey_is_a_way_in(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let ways = async || {
        let ways: Result<_, StoreError> = transact!(subject.store, |tx| { tx.identities().ways_in(id).await });
        ways.unwrap()
    };
    assert!(!ways().await.can_lose_one());
    keep(&subject, &passkey(id, 1)).await.unwrap();
    assert_eq!(ways().await.passkeys, 1);
    assert!(ways().await.can_lose_one());
}

/// MUST let no other transaction that holds it go on meanwhile.
pub async fn holding_a_passkey_makes_others_wait(subject: Subject) {
    let one = passkey(user(&subject, 1, &[]).await, 1);
    keep(&subject, &one).await.unwrap();
    let inside = Arc::new(AtomicU32::new(0));
    let holders = (0..8).map(|_| {
        let (subject, one, inside) = (subject.clone(), one.clone(), inside.clone());
        tokio::spawn(async move {
            let held: Result<(), StoreError> = transact!(subject.store, |tx| {
                tx.passkeys().hold(&one.key.credential_id).await?.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the passkey");
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
