//! Words of two languages, their forms, and slips of the finger.

use crate::damage::{build, document, find};
use crate::index;

#[tokio::test]
async fn forms_of_a_word_and_slips_find_it() {
    let directory = tempfile::tempdir().unwrap();
    let index = index(directory.path());
    build(
        &index,
        vec![
            document(1, "Landscape Photography for Beginners", "Investing in a good tripod."),
            document(2, "用 Rust 写异步程序", "从 Future 开始"),
            document(3, "Café culture", "Trust the process"),
            document(4, "城市夜景拍摄指南", "长曝光"),
        ],
    )
    .await;
    for (wanted, expected) in [
        ("photograph", vec![1]),
        ("photografy", vec![1]),
        ("landscpae", vec![1]),
        ("invested tripods", vec![1]),
        ("rust", vec![2]),
        ("异步 rust", vec![2]),
        ("RUST写异步", vec![2]),
        ("cafe", vec![3]),
        ("trst", vec![3]),
        ("夜景", vec![4]),
        ("市夜", vec![4]),
        ("夜拍", vec![]),
        ("ca", vec![]),
    ] {
        let mut found = find(&index, wanted).await;
        found.sort_unstable();
        assert_eq!(found, expected, "{wanted}");
    }
}

#[tokio::test]
async fn nobody_who_searches_at_once_waits_in_vain() {
    let directory = tempfile::tempdir().unwrap();
    let index = std::sync::Arc::new(index(directory.path()));
    build(index.as_ref(), vec![document(1, "标题", "")]).await;
    let searches = (0..64).map(|_| {
        let index = index.clone();
        tokio::spawn(async move { find(index.as_ref(), "标题").await })
    });
    for search in searches.collect::<Vec<_>>() {
        assert_eq!(search.await.unwrap(), [1]);
    }
}
