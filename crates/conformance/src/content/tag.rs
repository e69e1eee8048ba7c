//! Tags by name.

use futures::future::join_all;

use super::Subject;

/// Old and new ones alike.
pub async fn tags_come_in_the_order_asked_for(subject: Subject) {
    subject.tags(&[(1, "rust")]).await;
    let tags = subject.tags(&[(2, "投资"), (3, "Rust"), (4, "C++")]).await;
    let found: Vec<_> = tags.iter().map(|tag| (tag.id.get(), tag.name.as_str(), tag.slug.as_str())).collect();
    assert_eq!(found, [(2, "投资", "投资"), (1, "rust", "rust"), (4, "C++", "c++")]);
    assert!(subject.tags(&[]).await.is_empty());
}

/// The first spelling stays.
pub async fn a_known_tag_keeps_its_name_and_id(subject: Subject) {
    let first = subject.tags(&[(1, "Machine Learning")]).await;
    let again = subject.tags(&[(9, "machine-learning")]).await;
    assert_eq!(first, again);
    let keys = ["machine-learning".to_owned(), "none".to_owned()];
    assert_eq!(subject.queries.find_tags(&keys).await.unwrap(), first);
}

/// All who create a tag at the same time get the one that is there in the end.
pub async fn rivals_for_a_tag_get_the_same(subject: Subject) {
    for round in 0..5_i64 {
        let (one, other) = (format!("a{round}"), format!("b{round}"));
        let rivals = (0..8).map(|rival| {
            let first = 1000 * (round + 1) + 10 * rival;
            let (one, other, subject) = (one.as_str(), other.as_str(), &subject);
            async move {
                // Half of them name the two the other way round.
                let mut tags = if rival % 2 == 0 {
                    subject.tags(&[(first, one), (first + 1, other)]).await
                } else {
                    subject.tags(&[(first, other), (first + 1, one)]).await
                };
                tags.sort_by(|a, b| a.slug.cmp(&b.slug));
                tags
            }
        });
        let results = join_all(rivals).await;
        assert!(results.iter().all(|tags| *tags == results[0]), "{results:?}");
        let stored = subject.queries.find_tags(&[one, other]).await.unwrap();
        assert_eq!(stored.len(), 2);
    }
}
