//! Numeric ids.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::{Subject, Work};

/// MUST never return a number twice for one sequence, on any node.
pub async fn never_returns_a_number_twice<T: Work>(subject: Subject<T>) {
    let draws = (0..300).map(|n| {
        let node = if n % 2 == 0 { &subject.ids } else { &subject.other_ids };
        async move { node.number("articles").await.unwrap() }
    });
    let numbers = join_all(draws).await;
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 300);
    assert!(numbers.iter().all(|number| (1..1 << 53).contains(number)));
}

/// Each sequence starts at 1, so that ids stay short.
pub async fn sequences_do_not_share_numbers_but_start_small<T: Work>(subject: Subject<T>) {
    assert_eq!(subject.ids.number("users").await.unwrap(), 1);
    assert_eq!(subject.ids.number("users").await.unwrap(), 2);
    assert_eq!(subject.ids.number("plans").await.unwrap(), 1);
}

/// Numbers and claims keep rows of one table: neither spoils the other's statements on a
/// connection that both use.
pub async fn draws_beside_claims_of_events<T: Work>(subject: Subject<T>) {
    for sequence in ["a", "b", "c", "d"] {
        let event = super::events::event(&subject, sequence);
        let result: Result<(), StoreError> = transact!(subject.store, |tx| { tx.append(&event).await });
        result.unwrap();
        let claimed = subject.events.claim(subject.ids.uuid(), Duration::from_secs(30), 10).await.unwrap();
        assert_eq!(claimed.len(), 1);
        for expected in 1..=70 {
            assert_eq!(subject.ids.number(sequence).await.unwrap(), expected);
        }
    }
}
