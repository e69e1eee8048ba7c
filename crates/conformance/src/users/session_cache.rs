//! [`sharestack_users::ports::SessionCache`] and [`sharestack_users::ports::ApiKeyCache`], over
//! two nodes that share one cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sharestack_kernel::cache::Cache;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, SessionId, UserId};
use sharestack_kernel::permission::{Permission, PermissionSet};
use sharestack_kernel::random::uuid_v7;
use sharestack_users::model::{ApiKeyId, KeyHolder, SessionView, TokenHash};
use sharestack_users::ports::{ApiKeyCache, Cached, SessionCache, Stamp};
use sharestack_users::service::CachedSessions;
use uuid::Uuid;

use crate::cache::Pass;
use crate::far_ahead;

const LIN: UserId = UserId::new(7);
const WEI: UserId = UserId::new(8);
/// How often what must not happen is given a chance to.
const ROUNDS: u64 = 200;
const SHORT: Duration = Duration::from_millis(300);

/// One node's handles.
#[derive(Clone)]
pub struct Node {
    /// Sessions.
    pub sessions: Arc<dyn SessionCache>,
    /// Holders of keys.
    pub keys: Arc<dyn ApiKeyCache>,
}

/// Two nodes over one empty cache.
pub struct Subject {
    /// A node.
    pub one: Node,
    /// Another, with handles of its own.
    pub other: Node,
    caches: [Arc<dyn Cache>; 2],
    pass: Pass,
}

/// Ids as a server draws them.
#[derive(Debug)]
struct Ids;

#[async_trait::async_trait]
impl IdGenerator for Ids {
    async fn number(&self, _sequence: &'static str) -> Result<i64, StoreError> {
        unreachable!("what is kept has no numbers of its own")
    }

    fn uuid(&self) -> Uuid {
        uuid_v7()
    }
}

impl Subject {
    /// Two nodes whose caches share what they keep, in a time that `pass` lets pass.
    pub fn over(caches: [Arc<dyn Cache>; 2], pass: Pass) -> Self {
        Self::lasting(Duration::from_mins(1), caches, pass)
    }

    fn lasting(ttl: Duration, caches: [Arc<dyn Cache>; 2], pass: Pass) -> Self {
        let [one, other] = caches.clone().map(|cache| {
            let kept = Arc::new(CachedSessions::new(cache, Arc::new(Ids), ttl));
            Node { sessions: kept.clone(), keys: kept }
        });
        Self { one, other, caches, pass }
    }
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! session_cache_cases {
    ($run:ident) => {
        $run! {
            a_session_that_was_put_is_returned_on_every_node,
            what_was_never_put_is_a_miss,
            a_session_is_returned_to_nobody_but_its_user,
            forget_ends_every_session_of_the_user_on_every_node,
            forget_leaves_other_users_alone,
            what_was_read_before_a_forget_and_put_after_it_is_never_returned,
            what_was_read_before_a_forget_is_never_returned_among_rivals,
            a_session_is_believed_for_a_short_while,
            a_holder_that_was_put_is_found_on_every_node,
            a_holder_that_was_never_put_is_not_found,
            forget_of_sessions_ends_the_holders_of_the_user_on_every_node,
            a_holder_that_was_read_before_a_forget_and_put_after_it_is_never_found,
            a_holder_that_was_read_before_a_forget_is_never_found_among_rivals,
            a_holder_is_believed_for_a_short_while
        }
    };
}

fn view(user: UserId, session: u128) -> SessionView {
    SessionView {
        session_id: SessionId::new(Uuid::from_u128(session)),
        user_id: user,
        roles: vec!["creator".to_owned(), "user".to_owned()],
        permissions: ["article.create", "photo.*"].map(|text| Permission::parse(text).unwrap()).into_iter().collect(),
        proved_at: far_ahead(),
        expires_at: far_ahead() + chrono::Duration::days(7),
    }
}

/// As it was read when the store had changed so many times.
fn seen(user: UserId, session: u128, changes: u64) -> SessionView {
    SessionView { roles: vec![changes.to_string()], ..view(user, session) }
}

fn hash(key: u8) -> TokenHash {
    TokenHash::of(&[key])
}

fn holder(user: UserId, key: u8) -> KeyHolder {
    KeyHolder {
        id: ApiKeyId::new(Uuid::from_u128(u128::from(key))),
        user_id: user,
        roles: vec!["creator".to_owned()],
        permissions: PermissionSet::default(),
        scopes: ["article.read"].map(|text| Permission::parse(text).unwrap()).into_iter().collect(),
        expires_at: Some(far_ahead()),
    }
}

async fn get(node: &Node, view: &SessionView) -> Cached {
    node.sessions.get(view.user_id, view.session_id).await.unwrap()
}

async fn missed(node: &Node, view: &SessionView) -> Stamp {
    match get(node, view).await {
        Cached::Miss(stamp) => stamp,
        Cached::Hit(found) => panic!("{found:?} was not to be there"),
    }
}

/// Asks, as if the store were asked, and puts.
async fn keep(node: &Node, view: &SessionView) {
    let stamp = missed(node, view).await;
    node.sessions.put(stamp, view).await.unwrap();
}

async fn keep_holder(node: &Node, key: u8, holder: &KeyHolder) {
    let stamp = node.keys.stamp(holder.user_id).await.unwrap();
    node.keys.put(stamp, hash(key), holder).await.unwrap();
}

/// All of it comes back, whichever node asks; the later of two that were put.
pub async fn a_session_that_was_put_is_returned_on_every_node(subject: Subject) {
    let first = view(LIN, 1);
    let stamp = missed(&subject.one, &first).await;
    subject.one.sessions.put(stamp, &first).await.unwrap();
    for node in [&subject.one, &subject.other] {
        assert_eq!(get(node, &first).await, Cached::Hit(first.clone()));
    }
    let later = SessionView { expires_at: first.expires_at + chrono::Duration::days(1), ..first.clone() };
    subject.other.sessions.put(stamp, &later).await.unwrap();
    for node in [&subject.one, &subject.other] {
        assert_eq!(get(node, &first).await, Cached::Hit(later.clone()));
    }
}

/// A miss comes with a stamp that a `put` is believed by, and asking changes nothing.
pub async fn what_was_never_put_is_a_miss(subject: Subject) {
    let (first, second) = (view(LIN, 1), view(LIN, 2));
    let stamp = missed(&subject.one, &first).await;
    assert_eq!(missed(&subject.other, &first).await, stamp, "it is the user's, on every node");
    assert_eq!(missed(&subject.other, &second).await, stamp, "whichever session is asked for");
    assert_ne!(missed(&subject.one, &view(WEI, 3)).await, stamp);
    subject.other.sessions.put(stamp, &first).await.unwrap();
    assert_eq!(get(&subject.one, &first).await, Cached::Hit(first));
    assert_eq!(missed(&subject.one, &second).await, stamp);
}

/// A token that names another user with a session's id gets nothing.
pub async fn a_session_is_returned_to_nobody_but_its_user(subject: Subject) {
    let session = view(LIN, 1);
    keep(&subject.one, &session).await;
    keep(&subject.one, &view(WEI, 2)).await;
    let asked = subject.one.sessions.get(WEI, session.session_id).await.unwrap();
    assert!(matches!(asked, Cached::Miss(_)));
    assert_eq!(get(&subject.one, &session).await, Cached::Hit(session));
}

/// `forget` MUST be known on every node once it has returned, whichever was told.
pub async fn forget_ends_every_session_of_the_user_on_every_node(subject: Subject) {
    let sessions = [view(LIN, 1), view(LIN, 2), view(LIN, 3)];
    for told in [&subject.one, &subject.other] {
        for session in &sessions {
            keep(&subject.one, session).await;
        }
        told.sessions.forget(LIN).await.unwrap();
        for session in &sessions {
            missed(&subject.one, session).await;
            missed(&subject.other, session).await;
        }
    }
    // Before anything was kept, too.
    subject.one.sessions.forget(WEI).await.unwrap();
    missed(&subject.other, &view(WEI, 4)).await;
}

/// Whoever else is signed in stays so.
pub async fn forget_leaves_other_users_alone(subject: Subject) {
    let (session, key) = (view(WEI, 2), holder(WEI, 2));
    keep(&subject.one, &session).await;
    keep_holder(&subject.one, 2, &key).await;
    subject.other.sessions.forget(LIN).await.unwrap();
    for node in [&subject.one, &subject.other] {
        assert_eq!(get(node, &session).await, Cached::Hit(session.clone()));
        assert_eq!(node.keys.find(hash(2)).await.unwrap().as_ref(), Some(&key));
    }
}

/// MUST never return what was read before a `forget`, not even when it is put after it.
pub async fn what_was_read_before_a_forget_and_put_after_it_is_never_returned(subject: Subject) {
    let session = view(LIN, 1);
    for (reads, forgets) in [(&subject.one, &subject.one), (&subject.one, &subject.other)] {
        let stale = missed(reads, &session).await;
        forgets.sessions.forget(LIN).await.unwrap();
        reads.sessions.put(stale, &session).await.unwrap();
        for node in [&subject.one, &subject.other] {
            assert_ne!(missed(node, &session).await, stale, "a stamp is never drawn twice");
        }
        // What is read now is believed, until what was read before is put over it.
        keep(forgets, &session).await;
        assert_eq!(get(reads, &session).await, Cached::Hit(session.clone()));
        reads.sessions.put(stale, &session).await.unwrap();
        missed(forgets, &session).await;
    }
}

/// The same while readers on both nodes read and put, and the store changes: what is returned
/// after a `forget` was read after the change that it was called for.
pub async fn what_was_read_before_a_forget_is_never_returned_among_rivals(subject: Subject) {
    let changes = Arc::new(AtomicU64::new(0));
    let readers = [subject.one.clone(), subject.other.clone()].map(|node| {
        let changes = changes.clone();
        tokio::spawn(async move {
            while changes.load(Ordering::SeqCst) < ROUNDS {
                tokio::task::yield_now().await;
                if let Cached::Miss(stamp) = node.sessions.get(LIN, view(LIN, 1).session_id).await.unwrap() {
                    let read = seen(LIN, 1, changes.load(Ordering::SeqCst));
                    tokio::task::yield_now().await;
                    node.sessions.put(stamp, &read).await.unwrap();
                }
            }
        })
    });
    for change in 1..=ROUNDS {
        changes.store(change, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let told = if change % 2 == 0 { &subject.one } else { &subject.other };
        told.sessions.forget(LIN).await.unwrap();
        tokio::task::yield_now().await;
        for node in [&subject.one, &subject.other] {
            if let Cached::Hit(found) = get(node, &view(LIN, 1)).await {
                assert_eq!(found.roles, [change.to_string()], "read before the forget that has returned");
            }
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// What is missed by `forget` ends by itself.
pub async fn a_session_is_believed_for_a_short_while(subject: Subject) {
    let subject = Subject::lasting(SHORT, subject.caches, subject.pass);
    let session = view(LIN, 1);
    keep(&subject.one, &session).await;
    (subject.pass)(SHORT + SHORT / 5).await;
    for node in [&subject.one, &subject.other] {
        missed(node, &session).await;
    }
}

/// All of it comes back, whichever node asks, under its own key alone.
pub async fn a_holder_that_was_put_is_found_on_every_node(subject: Subject) {
    let (first, second) = (holder(LIN, 1), holder(LIN, 2));
    keep_holder(&subject.one, 1, &first).await;
    keep_holder(&subject.other, 2, &second).await;
    for node in [&subject.one, &subject.other] {
        assert_eq!(node.keys.find(hash(1)).await.unwrap().as_ref(), Some(&first));
        assert_eq!(node.keys.find(hash(2)).await.unwrap().as_ref(), Some(&second));
    }
}

/// Nor one that was put under another user's stamp.
pub async fn a_holder_that_was_never_put_is_not_found(subject: Subject) {
    assert_eq!(subject.one.keys.find(hash(1)).await.unwrap(), None);
    let stamp = subject.one.keys.stamp(WEI).await.unwrap();
    assert_eq!(subject.other.keys.stamp(WEI).await.unwrap(), stamp, "it is the user's, on every node");
    subject.one.keys.stamp(LIN).await.unwrap();
    subject.one.keys.put(stamp, hash(1), &holder(LIN, 1)).await.unwrap();
    assert_eq!(subject.one.keys.find(hash(1)).await.unwrap(), None);
}

/// The stamps are those of sessions: their `forget` makes holders worth nothing too.
pub async fn forget_of_sessions_ends_the_holders_of_the_user_on_every_node(subject: Subject) {
    for told in [&subject.one, &subject.other] {
        for key in [1, 2] {
            keep_holder(&subject.one, key, &holder(LIN, key)).await;
        }
        told.sessions.forget(LIN).await.unwrap();
        for node in [&subject.one, &subject.other] {
            for key in [1, 2] {
                assert_eq!(node.keys.find(hash(key)).await.unwrap(), None);
            }
        }
    }
}

/// MUST never return what was read before a `forget`, not even when it is put after it.
pub async fn a_holder_that_was_read_before_a_forget_and_put_after_it_is_never_found(subject: Subject) {
    for (reads, forgets) in [(&subject.one, &subject.one), (&subject.one, &subject.other)] {
        let stale = reads.keys.stamp(LIN).await.unwrap();
        forgets.sessions.forget(LIN).await.unwrap();
        reads.keys.put(stale, hash(1), &holder(LIN, 1)).await.unwrap();
        for node in [&subject.one, &subject.other] {
            assert_eq!(node.keys.find(hash(1)).await.unwrap(), None);
        }
        keep_holder(forgets, 1, &holder(LIN, 1)).await;
        assert!(reads.keys.find(hash(1)).await.unwrap().is_some());
        reads.keys.put(stale, hash(1), &holder(LIN, 1)).await.unwrap();
        assert_eq!(forgets.keys.find(hash(1)).await.unwrap(), None);
    }
}

/// The same among readers on both nodes.
pub async fn a_holder_that_was_read_before_a_forget_is_never_found_among_rivals(subject: Subject) {
    let changes = Arc::new(AtomicU64::new(0));
    let readers = [subject.one.clone(), subject.other.clone()].map(|node| {
        let changes = changes.clone();
        tokio::spawn(async move {
            while changes.load(Ordering::SeqCst) < ROUNDS {
                tokio::task::yield_now().await;
                if node.keys.find(hash(1)).await.unwrap().is_none() {
                    let stamp = node.keys.stamp(LIN).await.unwrap();
                    let read = KeyHolder { roles: vec![changes.load(Ordering::SeqCst).to_string()], ..holder(LIN, 1) };
                    tokio::task::yield_now().await;
                    node.keys.put(stamp, hash(1), &read).await.unwrap();
                }
            }
        })
    });
    for change in 1..=ROUNDS {
        changes.store(change, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let told = if change % 2 == 0 { &subject.one } else { &subject.other };
        told.sessions.forget(LIN).await.unwrap();
        tokio::task::yield_now().await;
        for node in [&subject.one, &subject.other] {
            if let Some(found) = node.keys.find(hash(1)).await.unwrap() {
                assert_eq!(found.roles, [change.to_string()], "read before the forget that has returned");
            }
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// What is missed by `forget` ends by itself.
pub async fn a_holder_is_believed_for_a_short_while(subject: Subject) {
    let subject = Subject::lasting(SHORT, subject.caches, subject.pass);
    keep_holder(&subject.one, 1, &holder(LIN, 1)).await;
    (subject.pass)(SHORT + SHORT / 5).await;
    for node in [&subject.one, &subject.other] {
        assert_eq!(node.keys.find(hash(1)).await.unwrap(), None);
    }
}
