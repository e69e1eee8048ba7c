//! The unit of work.

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::events::event;
use super::{Subject, Work};

/// What the work did is there after it returned.
pub async fn commits_what_ok_returns<T: Work>(subject: Subject<T>) {
    let event = event(&subject, "1");
    let result: Result<(), StoreError> = transact!(subject.store, |tx| { tx.append(&event).await });
    result.unwrap();
    assert_eq!(subject.events.lag().await.unwrap().count, 1);
}

/// What the work did is gone after it failed.
pub async fn undoes_what_err_returns<T: Work>(subject: Subject<T>) {
    let event = event(&subject, "1");
    let result: Result<(), StoreError> = transact!(subject.store, |tx| {
        tx.append(&event).await?;
        Err(StoreError::Internal("refused".into()))
    });
    result.unwrap_err();
    assert_eq!(subject.events.lag().await.unwrap().count, 0);
}

/// A caller that goes away in the middle leaves nothing, and no connection inside a transaction.
pub async fn a_dropped_unit_of_work_leaves_nothing<T: Work>(subject: Subject<T>) {
    for _ in 0..40 {
        let event = event(&subject, "1");
        let work = async {
            let result: Result<(), StoreError> = transact!(subject.store, |tx| {
                tx.append(&event).await?;
                std::future::pending().await
            });
            result
        };
        futures::pin_mut!(work);
        let cut =
            futures::future::select(work, Box::pin(tokio::time::sleep(std::time::Duration::from_millis(5)))).await;
        assert!(matches!(cut, futures::future::Either::Right(_)));
    }
    // Every connection is usable: as many units of work as before, and one more, happen.
    for _ in 0..41 {
        let event = event(&subject, "2");
        let result: Result<(), StoreError> = transact!(subject.store, |tx| { tx.append(&event).await });
        result.unwrap();
    }
    assert_eq!(subject.events.lag().await.unwrap().count, 41);
}

/// Rivals wait for each other or run again; none is lost.
pub async fn units_of_work_at_the_same_time_all_happen<T: Work>(subject: Subject<T>) {
    let run = |_| async {
        let event = event(&subject, "1");
        let result: Result<(), StoreError> = transact!(subject.store, |tx| { tx.append(&event).await });
        result
    };
    for result in join_all((0..50).map(run)).await {
        result.unwrap();
    }
    assert_eq!(subject.events.lag().await.unwrap().count, 50);
}
