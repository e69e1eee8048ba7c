//! [`sharestack_users::ports::SessionRepository`] and [`sharestack_users::ports::SessionQueries`].

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;
use sharestack_users::model::{BuiltInRole, NewRefreshToken, NewSession, StoredRefreshToken, TokenHash};

use super::{Subject, grant, hash, now, open, session, token, user};

async fn hold(subject: &Subject, hash: TokenHash) -> Option<StoredRefreshToken> {
    let held: Result<_, StoreError> = transact!(subject.store, |tx| { tx.sessions().hold_refresh_token(hash).await });
    held.unwrap()
}

async fn revoke(subject: &Subject, session: &NewSession) -> bool {
    let (user, id) = (session.user_id, session.id);
    let done: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.sessions().revoke(user, id, "logout", now()).await });
    done.unwrap()
}

/// With all roles, the highest first, and all that they grant.
pub async fn an_open_session_is_found_with_its_rights(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User, BuiltInRole::Editor]).await;
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    let view = subject.sessions.find_active(new.id).await.unwrap().unwrap();
    assert_eq!((view.session_id, view.user_id, view.expires_at), (new.id, id, new.expires_at));
    assert_eq!(view.proved_at, new.created_at);
    assert_eq!(view.roles, ["editor", "user"]);
    assert_eq!(view.permissions, BuiltInRole::Editor.role().permissions);
    let bare = session(user(&subject, 2, &[]).await, 2);
    open(&subject, &bare, &token(&bare, 2)).await;
    assert!(subject.sessions.find_active(bare.id).await.unwrap().unwrap().roles.is_empty());
    assert_eq!(subject.sessions.find_active(session(id, 9).id).await.unwrap(), None);
}

/// MUST return `None` when the session was revoked, as soon as that is committed.
pub async fn a_revoked_session_is_not_found(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let (one, other) = (session(id, 1), session(id, 2));
    open(&subject, &one, &token(&one, 1)).await;
    open(&subject, &other, &token(&other, 2)).await;
    assert!(revoke(&subject, &one).await);
    assert_eq!(subject.sessions.find_active(one.id).await.unwrap(), None);
    assert!(subject.sessions.find_active(other.id).await.unwrap().is_some());
}

/// MUST return `None` when its user is inactive; a held token knows it too.
pub async fn a_session_of_an_inactive_user_is_not_found(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    (subject.disable)(id).await;
    assert_eq!(subject.sessions.find_active(new.id).await.unwrap(), None);
    assert!(!hold(&subject, hash(1)).await.unwrap().user_active);
    assert!(!subject.accounts.find_by_id(id).await.unwrap().unwrap().is_active);
}

/// Returns `false` when there is none, or it ended before.
pub async fn a_session_is_revoked_once_and_by_its_user_only(subject: Subject) {
    let (id, stranger) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    assert!(!revoke(&subject, &NewSession { user_id: stranger, ..new.clone() }).await);
    assert!(subject.sessions.find_active(new.id).await.unwrap().is_some());
    assert!(revoke(&subject, &new).await);
    assert!(!revoke(&subject, &new).await);
    assert!(!revoke(&subject, &session(id, 9)).await);
}

/// MUST show what was committed before the call.
pub async fn a_change_of_roles_shows_at_once(subject: Subject) {
    let id = user(&subject, 1, &[BuiltInRole::User]).await;
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    grant(&subject, id, &[BuiltInRole::SuperAdmin, BuiltInRole::User]).await;
    let view = subject.sessions.find_active(new.id).await.unwrap().unwrap();
    assert_eq!(view.roles, ["super_admin", "user"]);
    assert!(view.permissions.grants("anything.at_all"));
}

/// Absence is no error.
pub async fn an_unknown_token_is_not_found(subject: Subject) {
    assert_eq!(hold(&subject, hash(9)).await, None);
}

/// To the microsecond, and the session lasts longer.
pub async fn a_used_token_says_when(subject: Subject) {
    let new = session(user(&subject, 1, &[]).await, 1);
    open(&subject, &new, &token(&new, 1)).await;
    assert_eq!(hold(&subject, hash(1)).await.unwrap().used_at, None);
    let (at, expires_at) = (now() + Duration::microseconds(1), new.expires_at + Duration::days(1));
    let used: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.sessions().mark_used(hash(1), new.id, at, expires_at).await });
    used.unwrap();
    let held = hold(&subject, hash(1)).await.unwrap();
    assert_eq!((held.used_at, held.expires_at), (Some(at), new.expires_at));
    assert_eq!(subject.sessions.find_active(new.id).await.unwrap().unwrap().expires_at, expires_at);
}

/// Whose it is, and whether it was ended.
pub async fn a_held_token_knows_of_its_session(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    let held = hold(&subject, hash(1)).await.unwrap();
    assert_eq!((held.session_id, held.user_id), (new.id, id));
    assert_eq!((held.session_revoked, held.user_active), (false, true));
    revoke(&subject, &new).await;
    assert!(hold(&subject, hash(1)).await.unwrap().session_revoked);
}

/// Exchanges a token when it is unused; whether it was.
async fn rotate(subject: &Subject, session: &NewSession, used: u8, next: u8) -> Result<bool, StoreError> {
    let successor = NewRefreshToken { hash: hash(next), ..token(session, next) };
    transact!(subject.store, |tx| {
        let held = tx.sessions().hold_refresh_token(hash(used)).await?;
        if held.is_none_or(|held| held.used_at.is_some()) {
            return Ok(false);
        }
        tx.sessions().mark_used(hash(used), session.id, now(), session.expires_at).await?;
        tx.sessions().insert_refresh_token(&successor).await?;
        Ok(true)
    })
}

/// Of any number of rivals one sees it unused: else the successor would be inserted twice.
pub async fn of_rivals_for_a_token_one_sees_it_unused(subject: Subject) {
    let new = session(user(&subject, 1, &[]).await, 1);
    open(&subject, &new, &token(&new, 1)).await;
    let rivals = (0..200).map(|_| {
        let (subject, new) = (subject.clone(), new.clone());
        tokio::spawn(async move { rotate(&subject, &new, 1, 2).await.unwrap() })
    });
    let winners = join_all(rivals).await.into_iter().filter(|rival| *rival.as_ref().unwrap()).count();
    assert_eq!(winners, 1);
    assert_eq!(hold(&subject, hash(2)).await.unwrap().used_at, None);
}

/// A unit of work that fails late leaves nothing of its start.
pub async fn a_rolled_back_rotation_leaves_the_token_unused(subject: Subject) {
    let new = session(user(&subject, 1, &[]).await, 1);
    open(&subject, &new, &token(&new, 1)).await;
    assert!(rotate(&subject, &new, 1, 1).await.is_err(), "a token is kept once");
    assert_eq!(hold(&subject, hash(1)).await.unwrap().used_at, None);
}

/// MUST keep every other: tokens that may still be used, and the sessions they continue.
pub async fn pruning_keeps_what_is_not_old(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let (old, young) = (session(id, 1), NewSession { expires_at: now() + Duration::days(30), ..session(id, 2) });
    open(&subject, &old, &token(&old, 1)).await;
    open(&subject, &young, &token(&session(id, 2), 2)).await;
    let current: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.sessions().insert_refresh_token(&token(&young, 3)).await });
    current.unwrap();
    assert_eq!(subject.sessions.prune(old.expires_at, 100).await.unwrap(), 0);
    let before = old.expires_at + Duration::seconds(1);
    assert_eq!(subject.sessions.prune(before, 100).await.unwrap(), 3);
    assert_eq!(subject.sessions.find_active(old.id).await.unwrap(), None);
    assert!(subject.sessions.find_active(young.id).await.unwrap().is_some());
    assert_eq!((hold(&subject, hash(1)).await, hold(&subject, hash(2)).await), (None, None));
    assert!(hold(&subject, hash(3)).await.is_some());
    assert_eq!(subject.sessions.prune(before, 100).await.unwrap(), 0);
}

/// The ids of a user's open sessions.
async fn listed(subject: &Subject, user: UserId, at: DateTime<Utc>) -> Vec<SessionId> {
    let page = subject.sessions.list_open(user, at, PageRequest::default()).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|session| session.id).collect()
}

/// MUST leave those alone that ended before, and other users'.
pub async fn all_open_sessions_but_one_end_at_once(subject: Subject) {
    let (id, stranger) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let own: Vec<_> = (1..=4).map(|n| session(id, n)).collect();
    let expired = NewSession { expires_at: now(), ..session(id, 5) };
    let others = session(stranger, 6);
    for (n, new) in own.iter().chain([&expired, &others]).enumerate() {
        open(&subject, new, &token(new, u8::try_from(n).unwrap())).await;
    }
    assert!(revoke(&subject, &own[0]).await);
    let end = async |except| {
        let done: Result<u64, StoreError> =
            transact!(subject.store, |tx| { tx.sessions().revoke_all(id, except, "ended", now()).await });
        done.unwrap()
    };
    assert_eq!(end(Some(own[1].id)).await, 2);
    assert_eq!(listed(&subject, id, now()).await, [own[1].id]);
    assert_eq!(end(None).await, 1);
    assert_eq!(end(None).await, 0);
    assert!(listed(&subject, id, now()).await.is_empty());
    assert_eq!(listed(&subject, stranger, now()).await, [others.id]);
}

/// With where they came from, how and when; MUST leave out what was revoked or has expired.
pub async fn open_sessions_are_listed_the_last_seen_first(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let own: Vec<_> = (1..=3).map(|n| session(id, n)).collect();
    let ended = NewSession { expires_at: now(), ..session(id, 5) };
    for (n, new) in own.iter().chain([&ended]).enumerate() {
        open(&subject, new, &token(new, u8::try_from(n).unwrap())).await;
    }
    let later = now() + Duration::minutes(5);
    seen(&subject, &[own[1].id], later).await;
    assert_eq!(listed(&subject, id, now()).await, [own[1].id, own[2].id, own[0].id]);
    let first = subject.sessions.list_open(id, now(), PageRequest::try_new(1, 2).unwrap()).await.unwrap();
    assert_eq!((first.total, first.items.len()), (3, 2));
    let shown = &first.items[0];
    assert_eq!((&shown.client, shown.method), (&own[1].client, own[1].method));
    assert_eq!((shown.created_at, shown.last_seen_at, shown.proved_at), (now(), later, now()));
    assert_eq!(shown.expires_at, own[1].expires_at);
    let second = subject.sessions.list_open(id, now(), PageRequest::try_new(2, 2).unwrap()).await.unwrap();
    assert_eq!(second.items.iter().map(|session| session.id).collect::<Vec<_>>(), [own[0].id]);
    assert!(listed(&subject, id, own[0].expires_at).await.is_empty());
}

async fn seen(subject: &Subject, ids: &[SessionId], at: DateTime<Utc>) {
    let since = at - Duration::minutes(1);
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.sessions().mark_seen(ids, at, since).await });
    done.unwrap();
}

/// MUST leave alone those that were seen after `unless_since` already, and unknown ids.
pub async fn a_session_is_seen_once_a_minute(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    let last =
        async || subject.sessions.list_open(id, now(), PageRequest::default()).await.unwrap().items[0].last_seen_at;
    seen(&subject, &[session(id, 9).id], now() + Duration::hours(1)).await;
    seen(&subject, &[new.id], now() + Duration::seconds(59)).await;
    assert_eq!(last().await, now());
    seen(&subject, &[session(id, 9).id, new.id], now() + Duration::seconds(60)).await;
    assert_eq!(last().await, now() + Duration::seconds(60));
    seen(&subject, &[new.id], now() + Duration::seconds(119)).await;
    assert_eq!(last().await, now() + Duration::seconds(60));
}

/// MUST change nothing when there is no such session of theirs, or it has ended.
pub async fn a_proof_is_noted_in_an_open_session_of_its_user_only(subject: Subject) {
    let (id, stranger) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let new = session(id, 1);
    open(&subject, &new, &token(&new, 1)).await;
    let prove = async |user, seconds| {
        let at = now() + Duration::seconds(seconds);
        let done: Result<bool, StoreError> =
            transact!(subject.store, |tx| { tx.sessions().mark_proved(user, new.id, at).await });
        done.unwrap()
    };
    let proved = async || subject.sessions.find_active(new.id).await.unwrap().map(|view| view.proved_at);
    assert!(!prove(stranger, 1).await);
    assert_eq!(proved().await, Some(now()));
    assert!(prove(id, 2).await);
    assert_eq!(proved().await, Some(now() + Duration::seconds(2)));
    revoke(&subject, &new).await;
    assert!(!prove(id, 3).await);
}
