//! Files that are lost, torn or of another version, and processes that share a directory.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use sharestack_content::model::{AccessLevel, ArticleId};
use sharestack_content::ports::{ArticleDocument, Articles, IndexChanges, SearchIndex, SearchQuery};
use sharestack_kernel::id::UserId;
use sharestack_kernel::tail::Mark;

use crate::index;

pub fn document(id: i64, title: &str, text: &str) -> ArticleDocument {
    ArticleDocument {
        id: ArticleId::new(id),
        title: title.to_owned(),
        summary: None,
        text: text.to_owned(),
        tags: Vec::new(),
        category: None,
        author: UserId::new(7),
        author_names: Vec::new(),
        access: AccessLevel::Free,
        published_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

pub async fn build(index: &impl SearchIndex<Articles>, documents: Vec<ArticleDocument>) {
    let mut rebuild = index.rebuild().await.unwrap();
    rebuild.add(documents).await.unwrap();
    rebuild.finish(Mark::default()).await.unwrap();
}

pub async fn find(index: &impl SearchIndex<Articles>, text: &str) -> Vec<i64> {
    let query = SearchQuery { text: text.to_owned(), ..SearchQuery::default() };
    index.search(&query).await.unwrap().hits.iter().map(|hit| hit.id.get()).collect()
}

fn generations(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("articles")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

#[tokio::test]
async fn an_index_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    build(&index(directory.path()), vec![document(1, "标题", "")]).await;
    let restarted = index(directory.path());
    assert_eq!(restarted.standing().await.unwrap().unwrap().documents, 1);
    assert_eq!(find(&restarted, "标题").await, [1]);
}

#[tokio::test]
async fn torn_files_are_no_index_and_a_new_one_takes_their_place() {
    let directory = tempfile::tempdir().unwrap();
    build(&index(directory.path()), vec![document(1, "标题", "正文")]).await;
    for name in ["meta.json", ".managed.json"] {
        let file = generations(directory.path())[0].join(name);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, b"{ torn").unwrap();
        assert_eq!(index(directory.path()).standing().await.unwrap(), None, "{name}");
        fs::write(&file, whole).unwrap();
    }
    for entry in fs::read_dir(&generations(directory.path())[0]).unwrap() {
        fs::write(entry.unwrap().path(), b"").unwrap();
    }
    let restarted = index(directory.path());
    assert_eq!(restarted.standing().await.unwrap(), None);
    build(&restarted, vec![document(2, "标题", "")]).await;
    assert_eq!(find(&restarted, "标题").await, [2]);
    assert_eq!(generations(directory.path()).len(), 1);
}

#[tokio::test]
async fn a_directory_that_is_lost_while_it_is_searched_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let serving = index(directory.path());
    build(&serving, vec![document(1, "标题", "")]).await;
    fs::remove_dir_all(directory.path().join("articles")).unwrap();
    assert_eq!(serving.standing().await.unwrap(), None);
    // What is open is searched until there is another.
    assert_eq!(find(&serving, "标题").await, [1]);
    build(&serving, vec![document(2, "标题", "")]).await;
    assert_eq!(find(&serving, "标题").await, [2]);
}

#[tokio::test]
async fn files_torn_while_they_are_searched_are_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let serving = index(directory.path());
    build(&serving, vec![document(1, "标题", "")]).await;
    fs::write(generations(directory.path())[0].join("meta.json"), b"{ torn").unwrap();
    assert_eq!(serving.standing().await.unwrap(), None);
    assert_eq!(find(&serving, "标题").await, [1]);
    let put = vec![document(2, "标题", "")];
    assert!(serving.apply(IndexChanges { put, ..IndexChanges::default() }).await.is_err());
    build(&serving, vec![document(2, "标题", "")]).await;
    assert_eq!(find(&serving, "标题").await, [2]);
}

#[tokio::test]
async fn another_version_and_strange_names_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    build(&index(directory.path()), vec![document(1, "标题", "")]).await;
    for name in ["v0-old", "../articles", "", "v1-a", "v2-none", "v2-a/../../x"] {
        fs::write(directory.path().join("articles/CURRENT"), name).unwrap();
        assert_eq!(index(directory.path()).standing().await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_rebuild_by_another_process_is_taken_over_while_serving() {
    let directory = tempfile::tempdir().unwrap();
    let (serving, other) = (index(directory.path()), index(directory.path()));
    build(&serving, vec![document(1, "旧的", "")]).await;
    let put = vec![document(3, "旧的", "")];
    serving.apply(IndexChanges { put, ..IndexChanges::default() }).await.unwrap();
    let mut rebuild = other.rebuild().await.unwrap();
    rebuild.add(vec![document(2, "新的", "")]).await.unwrap();
    // What is being built is left alone.
    serving.standing().await.unwrap();
    assert_eq!(generations(directory.path()).len(), 2);
    rebuild.finish(Mark { position: 5, anchor: None }).await.unwrap();
    assert_eq!(find(&serving, "旧的").await.len(), 2);
    assert_eq!(serving.standing().await.unwrap().unwrap().mark.position, 5);
    assert_eq!((find(&serving, "旧的").await, find(&serving, "新的").await), (vec![], vec![2]));
    assert_eq!(generations(directory.path()).len(), 1);
    let put = vec![document(4, "新的", "")];
    serving.apply(IndexChanges { put, ..IndexChanges::default() }).await.unwrap();
    assert_eq!(find(&serving, "新的").await.len(), 2);
}

#[tokio::test]
async fn what_a_killed_rebuild_left_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let left = directory.path().join("articles/v2-left");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join(".building"), b"").unwrap();
    build(&index(directory.path()), Vec::new()).await;
    assert!(!left.exists());
}
