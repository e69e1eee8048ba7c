//! [`sharestack_billing::ports::people`].

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{CREATOR, READER, Subject, step};

/// MUST be true from the transaction on that ended the account.
pub async fn who_has_left_is_known(subject: Subject) {
    for user in [CREATOR, READER] {
        (subject.register)(user).await;
    }
    let left = || async {
        step!(subject, StoreError, |tx| {
            let creator = tx.people().has_left(CREATOR).await?;
            Ok((creator, tx.people().has_left(READER).await?, tx.people().has_left(UserId::new(99)).await?))
        })
    };
    assert_eq!(left().await.unwrap(), (false, false, false));
    (subject.leave)(CREATOR).await;
    assert_eq!(left().await.unwrap(), (true, false, false));
}
