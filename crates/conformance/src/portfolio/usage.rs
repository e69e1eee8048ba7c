//! How many bytes each person keeps.

use sharestack_kernel::id::UserId;

use super::Subject;

const LIN: UserId = UserId::new(1);

impl Subject {
    async fn take(&self, owner: UserId, bytes: u64, quota: u64) -> bool {
        in_one!(self, |tx| tx.usage().take(owner, bytes, quota).await)
    }

    async fn release(&self, owner: UserId, bytes: u64) {
        in_one!(self, |tx| tx.usage().release(owner, bytes).await);
    }

    async fn used(&self, owner: UserId) -> u64 {
        self.files.usage(owner).await.unwrap()
    }
}

/// To the last byte, and each for oneself.
pub async fn a_quota_is_used_up_to_its_last_byte(subject: Subject) {
    let wei = UserId::new(2);
    for owner in [LIN, wei] {
        (subject.register)(owner).await;
    }
    assert_eq!(subject.used(LIN).await, 0);
    assert!(!subject.take(LIN, 101, 100).await);
    assert!(subject.take(LIN, 60, 100).await);
    assert!(!subject.take(LIN, 41, 100).await);
    assert!(subject.take(LIN, 40, 100).await);
    assert!(subject.take(LIN, 0, 100).await, "nothing more always fits");
    assert!(!subject.take(LIN, 1, 100).await);
    assert!(subject.take(wei, 100, 100).await);
    subject.release(LIN, 30).await;
    assert!(subject.take(LIN, 30, 100).await);
    assert_eq!((subject.used(LIN).await, subject.used(wei).await), (100, 100));
    // What is larger than any file still adds up.
    assert!(subject.take(LIN, 1 << 50, 1 << 51).await);
    assert_eq!(subject.used(LIN).await, (1 << 50) + 100);
}

/// However many count at once, from the very first.
pub async fn a_quota_is_never_passed_by_rivals(subject: Subject) {
    (subject.register)(LIN).await;
    let taken = futures::future::join_all((0..10).map(|_| subject.take(LIN, 30, 100))).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 3);
    assert_eq!(subject.used(LIN).await, 90);
}

/// Nothing that rivals give back gets lost.
pub async fn what_rivals_release_is_all_free_again(subject: Subject) {
    (subject.register)(LIN).await;
    assert!(subject.take(LIN, 100, 100).await);
    futures::future::join_all((0..8).map(|_| subject.release(LIN, 10))).await;
    assert_eq!(subject.used(LIN).await, 20);
}
