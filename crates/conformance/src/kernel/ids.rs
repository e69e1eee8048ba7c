//! Numeric ids.

use std::collections::HashSet;

use futures::future::join_all;

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
