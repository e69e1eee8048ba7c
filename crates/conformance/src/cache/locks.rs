//! [`sharestack_kernel::cache::Locks`].

use std::time::Duration;

use futures::future::join_all;
use sharestack_kernel::cache::LockToken;

use super::Subject;

const MINUTE: Duration = Duration::from_mins(1);

/// MUST have one holder at a time, on any node; released, it can be taken again.
pub async fn has_one_holder_at_a_time(subject: Subject) {
    let token = subject.one.locks.try_acquire("lock", MINUTE).await.unwrap().unwrap();
    assert_eq!(token.name, "lock");
    assert_eq!(subject.one.locks.try_acquire("lock", MINUTE).await.unwrap(), None);
    assert_eq!(subject.other.locks.try_acquire("lock", MINUTE).await.unwrap(), None);
    assert!(subject.other.locks.release(&token).await.unwrap());
    assert!(!subject.one.locks.release(&token).await.unwrap());
    assert!(subject.other.locks.try_acquire("lock", MINUTE).await.unwrap().is_some());
}

/// One of many that ask at once gets it.
pub async fn has_one_holder_among_rivals(subject: Subject) {
    let rivals = (0..50).map(|n| {
        let node = if n % 2 == 0 { subject.one.clone() } else { subject.other.clone() };
        tokio::spawn(async move { node.locks.try_acquire("lock", MINUTE).await.unwrap().is_some() })
    });
    let holders = join_all(rivals).await.into_iter().filter(|rival| *rival.as_ref().unwrap()).count();
    assert_eq!(holders, 1);
}

/// MUST leave it alone when another holds it by now.
pub async fn release_leaves_the_lock_of_another_alone(subject: Subject) {
    let late = subject.one.locks.try_acquire("lock", Duration::from_millis(100)).await.unwrap().unwrap();
    (subject.pass)(Duration::from_millis(120)).await;
    let token = subject.other.locks.try_acquire("lock", MINUTE).await.unwrap().unwrap();
    assert!(!subject.one.locks.release(&late).await.unwrap());
    assert!(!subject.one.locks.release(&LockToken { secret: "guess".into(), ..token.clone() }).await.unwrap());
    assert_eq!(subject.one.locks.try_acquire("lock", MINUTE).await.unwrap(), None);
    assert!(subject.other.locks.release(&token).await.unwrap());
}

/// A holder that died does not hold for ever.
pub async fn opens_by_itself_after_its_time(subject: Subject) {
    let token = subject.one.locks.try_acquire("lock", Duration::from_millis(100)).await.unwrap().unwrap();
    (subject.pass)(Duration::from_millis(120)).await;
    assert!(!subject.one.locks.release(&token).await.unwrap());
    assert!(subject.other.locks.try_acquire("lock", MINUTE).await.unwrap().is_some());
}

/// One lock does not close another.
pub async fn names_are_apart(subject: Subject) {
    assert!(subject.one.locks.try_acquire("lock", MINUTE).await.unwrap().is_some());
    assert!(subject.one.locks.try_acquire("another", MINUTE).await.unwrap().is_some());
}
