//! Tags by what people type, and what is kept of their names for it.

use sharestack_content::model::TagId;
use sharestack_content::ports::{Match, RenewedNames};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::{Subject, label};

/// No character of what was typed is a wildcard.
pub async fn suggestions_match_literally(subject: Subject) {
    subject.resolve(&[(1, "100%"), (2, "100x"), (3, "a_b"), (4, "axb"), (5, "wow!")]).await;
    assert_eq!(subject.suggested("100%", "").await, [(1, Match::Exact)]);
    assert_eq!(subject.suggested("a_", "").await, [(3, Match::Prefix)]);
    assert_eq!(subject.suggested("!", "").await, [(5, Match::Inside)]);
    for nothing in ["%", "_", "\\", "' OR 1=1 --"] {
        let found = subject.suggested(nothing, "").await;
        assert!(found.iter().all(|(_, how)| *how == Match::Inside), "{nothing}: {found:?}");
        assert!(found.len() <= 1, "{nothing}: {found:?}");
    }
}

/// In full and by first letters, and once however many of them match; never in the midst of one.
pub async fn a_name_is_found_by_each_of_its_readings(subject: Subject) {
    subject.resolve(&[(1, "重庆"), (2, "成都"), (3, "西藏"), (4, "长曝光"), (5, "庆典")]).await;
    for (typed, found) in [
        ("chongqing", vec![(1, Match::Pinyin)]),
        ("zhongq", vec![(1, Match::Pinyin)]),
        ("cq", vec![(1, Match::Initials)]),
        ("chengdu", vec![(2, Match::Pinyin)]),
        ("chengdou", vec![(2, Match::Pinyin)]),
        ("xizang", vec![(3, Match::Pinyin)]),
        ("xz", vec![(3, Match::Initials)]),
        ("cpg", vec![(4, Match::Initials)]),
        ("changbao", vec![(4, Match::Pinyin)]),
        ("qing", vec![(5, Match::Pinyin)]),
        ("ongqing", vec![]),
    ] {
        assert_eq!(subject.suggested(typed, typed).await, found, "{typed}");
    }
    let mut all = subject.suggested("ch", "ch").await;
    all.sort_unstable();
    assert_eq!(all, [(1, Match::Pinyin), (2, Match::Pinyin), (4, Match::Pinyin)], "each once");
}

/// However many are looked at at once.
pub async fn names_are_gone_through_to_the_last_and_what_is_right_stays(subject: Subject) {
    let names = ["重庆", "Black White", "👩\u{200d}👦", "!"];
    subject.resolve(&names.iter().zip([2, 3, 5, 8]).map(|(name, id)| (id, *name)).collect::<Vec<_>>()).await;
    for (limit, expected) in [(1, vec![2, 3, 5, 8]), (2, vec![3, 8]), (3, vec![5, 8]), (4, vec![8]), (5, vec![8])] {
        let (mut ends, mut after) = (Vec::new(), TagId::new(0));
        loop {
            let span: Result<RenewedNames, StoreError> =
                transact!(subject.store, |tx| { tx.labels().renew_names(after, limit).await });
            let RenewedNames { last, changed } = span.unwrap();
            assert_eq!(changed, 0);
            let Some(last) = last else { break };
            ends.push(last.get());
            after = last;
        }
        assert_eq!(ends, expected, "{limit}");
    }
    assert_eq!(subject.label(2).await, Some(label(2, "重庆")));
}
