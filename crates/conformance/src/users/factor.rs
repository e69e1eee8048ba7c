//! [`sharestack_users::ports::FactorRepository`] and [`sharestack_users::ports::FactorQueries`].

use chrono::Duration;
use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::model::{
    AuthMethod, Client, FactorsView, MfaToken, NewChallenge, NewTotp, PasswordHash, RecoveryCode, SecretHash,
    StoredChallenge, StoredTotp,
};

use super::{Subject, now, user};

fn totp(user_id: UserId, secret: &str) -> NewTotp {
    NewTotp { user_id, sealed_secret: secret.to_owned(), created_at: now() }
}

async fn put(subject: &Subject, totp: &NewTotp) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.factors().put_totp(totp).await });
    done.unwrap();
}

async fn find(subject: &Subject, user: UserId) -> Option<StoredTotp> {
    let found: Result<_, StoreError> = transact!(subject.store, |tx| { tx.factors().find_totp(user).await });
    found.unwrap()
}

async fn confirm(subject: &Subject, user: UserId, step: u64) {
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.factors().confirm_totp(user, step, now()).await });
    done.unwrap();
}

async fn take(subject: &Subject, user: UserId, step: u64) -> bool {
    let done: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.factors().take_step(user, step, now()).await });
    done.unwrap()
}

fn code(number: u8) -> RecoveryCode {
    RecoveryCode::new([number; 32])
}

async fn give(subject: &Subject, user: UserId, codes: &[u8]) {
    let hashes: Vec<_> = codes.iter().map(|number| code(*number).hash(user)).collect();
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.factors().replace_recovery_codes(user, &hashes, now()).await });
    done.unwrap();
}

async fn spend(subject: &Subject, user: UserId, hash: SecretHash) -> bool {
    let done: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.factors().take_recovery_code(user, hash, now()).await });
    done.unwrap()
}

async fn left(subject: &Subject, user: UserId) -> u64 {
    subject.factors.find_factors(user).await.unwrap().recovery_codes_left
}

fn challenge(user_id: UserId, number: u8) -> NewChallenge {
    NewChallenge {
        hash: MfaToken::new([number; 32]).hash(),
        user_id,
        method: AuthMethod::OAuth,
        stamp: SecretHash::of_password(&PasswordHash::new("hash".to_owned())),
        client: Client::new(Some("2001:db8::1".to_owned()), Some("测试/1.0")),
        created_at: now(),
        expires_at: now() + Duration::minutes(5),
    }
}

async fn await_second(subject: &Subject, challenge: &NewChallenge) {
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.factors().insert_challenge(challenge).await });
    done.unwrap();
}

async fn hold(subject: &Subject, hash: SecretHash) -> Option<StoredChallenge> {
    let held: Result<_, StoreError> = transact!(subject.store, |tx| { tx.factors().hold_challenge(hash).await });
    held.unwrap()
}

/// Not confirmed, and in place of one that was there.
pub async fn a_secret_reads_back_and_replaces_the_one_before(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    assert_eq!(find(&subject, id).await, None);
    assert_eq!(subject.factors.find_factors(id).await.unwrap(), FactorsView::default());
    put(&subject, &totp(id, "s1.first")).await;
    confirm(&subject, id, 7).await;
    put(&subject, &totp(other, "s1.other")).await;
    let view = subject.factors.find_factors(id).await.unwrap().totp.unwrap();
    assert_eq!((view.created_at, view.confirmed_at, view.last_used_at), (now(), Some(now()), Some(now())));
    let long = "长".repeat(4000);
    put(&subject, &totp(id, &long)).await;
    let found = find(&subject, id).await.unwrap();
    assert_eq!(found, StoredTotp { sealed_secret: long, confirmed_at: None, last_step: 0 });
    assert_eq!(find(&subject, other).await.unwrap().sealed_secret, "s1.other");
}

/// By the code of a step, which is taken with it.
pub async fn a_confirmed_secret_says_when_and_by_which_step(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    put(&subject, &totp(id, "s1.x")).await;
    confirm(&subject, id, 58_949_100).await;
    let found = find(&subject, id).await.unwrap();
    assert_eq!((found.confirmed_at, found.last_step), (Some(now()), 58_949_100));
}

/// Returns `false` when this one or a later one was taken; MUST then change nothing.
pub async fn a_step_is_taken_once_and_never_backwards(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    assert!(!take(&subject, id, 1).await, "there is no secret");
    put(&subject, &totp(id, "s1.x")).await;
    assert!(take(&subject, id, 10).await);
    for step in [10, 9, 0] {
        assert!(!take(&subject, id, step).await);
    }
    assert_eq!(find(&subject, id).await.unwrap().last_step, 10);
    assert!(take(&subject, id, 11).await);
}

/// Of any number of rivals with one step MUST return `true` to one.
pub async fn of_rivals_for_a_step_one_takes_it(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    put(&subject, &totp(id, "s1.x")).await;
    let rivals = (0..50).map(|_| {
        let subject = subject.clone();
        tokio::spawn(async move { take(&subject, id, 10).await })
    });
    let winners = join_all(rivals).await.into_iter().filter(|rival| *rival.as_ref().unwrap()).count();
    assert_eq!(winners, 1);
}

/// MUST show what an earlier holder of the account wrote.
pub async fn who_holds_the_account_sees_the_secret_that_was_put_before(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let rivals = (0..20).map(|n| {
        let subject = subject.clone();
        tokio::spawn(async move {
            let found: Result<Option<StoredTotp>, StoreError> = transact!(subject.store, |tx| {
                tx.accounts().hold(id).await?;
                let found = tx.factors().find_totp(id).await?;
                if found.is_none() {
                    tx.factors().put_totp(&totp(id, &format!("s1.{n}"))).await?;
                }
                Ok(found)
            });
            found.unwrap()
        })
    });
    let found: Vec<_> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(found.iter().filter(|totp| totp.is_none()).count(), 1, "one finds none and puts one");
    let kept = find(&subject, id).await;
    assert!(found.iter().flatten().all(|totp| Some(totp) == kept.as_ref()));
}

/// And nobody else's.
pub async fn a_removed_secret_takes_its_recovery_codes_along(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    for id in [id, other] {
        put(&subject, &totp(id, "s1.x")).await;
        give(&subject, id, &[1, 2]).await;
    }
    let remove = async || -> bool {
        let done: Result<_, StoreError> = transact!(subject.store, |tx| { tx.factors().delete_totp(id).await });
        done.unwrap()
    };
    assert!(remove().await);
    assert!(!remove().await);
    assert_eq!(subject.factors.find_factors(id).await.unwrap(), FactorsView::default());
    assert!(!spend(&subject, id, code(1).hash(id)).await);
    let kept = subject.factors.find_factors(other).await.unwrap();
    assert_eq!((kept.totp.is_some(), kept.recovery_codes_left), (true, 2));
}

/// Returns `false` when it is none of theirs, or was taken before.
pub async fn a_recovery_code_is_taken_once_and_by_its_user_only(subject: Subject) {
    let (id, other) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    give(&subject, id, &[1, 2, 3]).await;
    assert!(!spend(&subject, other, code(1).hash(id)).await);
    assert!(!spend(&subject, id, code(9).hash(id)).await);
    assert_eq!(left(&subject, id).await, 3);
    assert!(spend(&subject, id, code(1).hash(id)).await);
    assert!(!spend(&subject, id, code(1).hash(id)).await);
    assert_eq!((left(&subject, id).await, left(&subject, other).await), (2, 0));
}

/// Of any number of rivals with one code MUST return `true` to one.
pub async fn of_rivals_for_a_recovery_code_one_takes_it(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    give(&subject, id, &[1]).await;
    let rivals = (0..50).map(|_| {
        let subject = subject.clone();
        tokio::spawn(async move { spend(&subject, id, code(1).hash(id)).await })
    });
    let winners = join_all(rivals).await.into_iter().filter(|rival| *rival.as_ref().unwrap()).count();
    assert_eq!((winners, left(&subject, id).await), (1, 0));
}

/// MUST leave none of those before.
pub async fn new_recovery_codes_replace_the_old(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    give(&subject, id, &[1, 2, 3]).await;
    spend(&subject, id, code(2).hash(id)).await;
    give(&subject, id, &[4, 2]).await;
    assert_eq!(left(&subject, id).await, 2);
    assert!(!spend(&subject, id, code(1).hash(id)).await);
    assert!(spend(&subject, id, code(2).hash(id)).await, "drawn again, it is new");
    give(&subject, id, &[]).await;
    assert_eq!(left(&subject, id).await, 0);
}

/// Whose it is, by what, and how often it was tried.
pub async fn a_challenge_reads_back_and_counts_its_tries(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let new = challenge(id, 1);
    await_second(&subject, &new).await;
    let held = hold(&subject, new.hash).await.unwrap();
    assert_eq!((held.user_id, held.method, held.expires_at), (id, AuthMethod::OAuth, new.expires_at));
    assert_eq!((held.attempts, held.used_at), (0, None));
    assert_eq!(hold(&subject, challenge(id, 2).hash).await, None);
    assert_eq!(held.stamp, new.stamp);
    for tries in 1..=2 {
        let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.factors().note_attempt(new.hash).await });
        done.unwrap();
        assert_eq!(hold(&subject, new.hash).await, Some(StoredChallenge { attempts: tries, ..held.clone() }));
    }
    let at = now() + Duration::microseconds(1);
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.factors().mark_used(new.hash, at).await });
    done.unwrap();
    assert_eq!(hold(&subject, new.hash).await, Some(StoredChallenge { attempts: 2, used_at: Some(at), ..held }));
}

/// Of any number of rivals one sees it unused, and no try is lost.
pub async fn of_rivals_for_a_challenge_one_sees_it_unused(subject: Subject) {
    let new = challenge(user(&subject, 1, &[]).await, 1);
    await_second(&subject, &new).await;
    let rivals = (0..50).map(|_| {
        let (subject, hash) = (subject.clone(), new.hash);
        tokio::spawn(async move {
            let unused: Result<bool, StoreError> = transact!(subject.store, |tx| {
                let held = tx.factors().hold_challenge(hash).await?.unwrap();
                tx.factors().note_attempt(hash).await?;
                tx.factors().mark_used(hash, now()).await?;
                Ok(held.used_at.is_none())
            });
            unused.unwrap()
        })
    });
    let winners = join_all(rivals).await.into_iter().filter(|rival| *rival.as_ref().unwrap()).count();
    assert_eq!((winners, hold(&subject, new.hash).await.unwrap().attempts), (1, 50));
}

/// MUST keep every other.
pub async fn pruning_challenges_keeps_what_is_not_old(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let old = [challenge(id, 1), challenge(id, 2)];
    let young = NewChallenge { expires_at: now() + Duration::hours(1), ..challenge(id, 3) };
    for one in old.iter().chain([&young]) {
        await_second(&subject, one).await;
    }
    let before = old[0].expires_at;
    assert_eq!(subject.factors.prune_challenges(before, 10).await.unwrap(), 0);
    let before = before + Duration::microseconds(1);
    assert_eq!(subject.factors.prune_challenges(before, 1).await.unwrap(), 1);
    assert_eq!(subject.factors.prune_challenges(before, 10).await.unwrap(), 1);
    assert_eq!(hold(&subject, old[0].hash).await, None);
    assert!(hold(&subject, young.hash).await.is_some());
}
