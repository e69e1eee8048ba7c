//! Every adapter against the cases of the port; S3 and OSS against servers in this process
//! that check signatures.

use std::path::Path;
use std::sync::Arc;

use futures::StreamExt as _;
use sharestack_blob::{BlobConfig, ConnectError, connect};
use sharestack_kernel::blob::{Blob, BlobKey, Presentation};

macro_rules! run {
    ($($case:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let subject = subject().await;
            sharestack_conformance::blob::$case(subject.store.clone()).await;
            drop(subject);
        }
    )*};
}

/// A store, and what must live as long as it.
struct Subject<T> {
    store: Arc<dyn Blob>,
    _alive: T,
}

mod oss;
mod s3;

mod memory {
    use super::*;

    async fn subject() -> Subject<()> {
        Subject { store: Arc::new(connect(&BlobConfig::Memory).await.unwrap()), _alive: () }
    }

    sharestack_conformance::blob_cases!(run);
}

mod directory {
    use super::*;

    async fn subject() -> Subject<tempfile::TempDir> {
        let directory = tempfile::tempdir().unwrap();
        let config = BlobConfig::Directory(directory.path().join("new/storage"));
        Subject { store: Arc::new(connect(&config).await.unwrap()), _alive: directory }
    }

    sharestack_conformance::blob_cases!(run);

    #[tokio::test]
    async fn a_failed_write_leaves_no_file_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let store = connect(&BlobConfig::Directory(directory.path().to_owned())).await.unwrap();
        sharestack_conformance::blob::a_stream_that_fails_leaves_nothing_behind(Arc::new(store)).await;
        let files = std::fs::read_dir(directory.path().join("writing")).unwrap();
        let left: Vec<_> = files.map(|file| file.unwrap().file_name()).filter(|name| name != ".probe").collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn what_a_writer_left_that_is_no_more_is_removed_in_time() {
        let directory = tempfile::tempdir().unwrap();
        let store = connect(&BlobConfig::Directory(directory.path().to_owned())).await.unwrap();
        let writing = directory.path().join("writing");
        for name in ["old", "new"] {
            std::fs::write(writing.join(name), "half").unwrap();
        }
        let old = std::fs::File::options().write(true).open(writing.join("old")).unwrap();
        old.set_modified("2024-01-15T18:30:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().into()).unwrap();
        let before = "2024-01-16T00:00:00Z".parse().unwrap();
        assert_eq!((store.tidy(before).await.unwrap(), store.tidy(before).await.unwrap()), (1, 0));
        assert!(!writing.join("old").exists() && writing.join("new").exists());
        store.ping().await.unwrap();
    }

    const LONG_AGO: &str = "2024-01-15T18:30:00Z";

    /// Makes a directory as old as one that nobody has used for long.
    fn age(path: &Path) {
        let time: chrono::DateTime<chrono::Utc> = LONG_AGO.parse().unwrap();
        std::fs::File::open(path).unwrap().set_modified(time.into()).unwrap();
    }

    #[tokio::test]
    async fn directories_that_are_long_empty_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let store = connect(&BlobConfig::Directory(directory.path().to_owned())).await.unwrap();
        let objects = directory.path().join("objects");
        let gone = ["files/1/original", "files/1/derived/a/x", "uploads/2/0-1", "uploads/3/0-1", "files/4/derived/a/x"];
        for name in gone.iter().chain(&["files/4/original"]) {
            store.put_bytes(&BlobKey::parse(name).unwrap(), "x".into()).await.unwrap();
        }
        for name in gone {
            store.delete(&BlobKey::parse(name).unwrap()).await.unwrap();
        }
        for name in
            ["files/1/derived/a", "files/1/derived", "files/1", "files/4/derived/a", "files/4/derived", "files/4"]
        {
            age(&objects.join(name));
        }
        age(&objects.join("uploads/2"));
        age(&objects.join("uploads"));
        let before = "2024-01-16T00:00:00Z".parse().unwrap();
        assert_eq!(store.tidy(before).await.unwrap(), 0, "these are no files");
        for (name, left) in [
            ("files/1", false),
            ("files/4/derived", false),
            ("files/4/original", true),
            ("uploads/2", false),
            ("uploads/3", true),
        ] {
            assert_eq!(objects.join(name).exists(), left, "{name}");
        }
        // What is empty since a moment ago waits; so does what it lies in.
        age(&objects.join("uploads/3"));
        age(&objects.join("uploads"));
        store.tidy(before).await.unwrap();
        assert!(!objects.join("uploads").exists() && objects.join("files/4").exists());
        store.put_bytes(&BlobKey::parse("uploads/5/0-1").unwrap(), "x".into()).await.unwrap();
        assert!(store.tidy(before).await.is_ok() && objects.join("uploads/5/0-1").exists());
    }

    #[tokio::test]
    async fn what_is_written_while_its_directory_is_tidied_away_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = connect(&BlobConfig::Directory(directory.path().to_owned())).await.unwrap();
        let (key, area) = (BlobKey::parse("files/9/original").unwrap(), directory.path().join("objects/files"));
        let (tidied, piece) = (store.clone(), bytes::Bytes::from(vec![7; 3 << 20]));
        let begun = futures::stream::iter([Ok(piece.clone())]);
        let rest = futures::stream::once(async move {
            assert!(area.join("9").exists(), "it has begun");
            age(&area.join("9"));
            age(&area);
            tidied.tidy("2024-01-16T00:00:00Z".parse().unwrap()).await.unwrap();
            assert!(!area.exists());
            Ok(piece)
        });
        assert_eq!(store.put(&key, begun.chain(rest).boxed()).await.unwrap(), 6 << 20);
        assert_eq!(store.size(&key).await.unwrap(), Some(6 << 20));
        let left = std::fs::read_dir(directory.path().join("writing")).unwrap();
        assert_eq!(left.filter(|file| file.as_ref().unwrap().file_name() != ".probe").count(), 0);
    }

    #[tokio::test]
    async fn a_path_that_is_no_directory_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = connect(&BlobConfig::Directory(file.path().join("storage"))).await.unwrap_err();
        assert!(matches!(&error, ConnectError::Directory(..)));
        assert!(error.to_string().contains(file.path().to_str().unwrap()));
    }

    #[tokio::test]
    async fn a_directory_among_the_blobs_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let store = connect(&BlobConfig::Directory(directory.path().to_owned())).await.unwrap();
        store.put_bytes(&BlobKey::parse("a/b").unwrap(), "x".into()).await.unwrap();
        assert!(store.get(&BlobKey::parse("a").unwrap()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_directory_that_went_away_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let store = connect(&BlobConfig::Directory(directory.path().to_owned())).await.unwrap();
        std::fs::remove_dir_all(directory.path().join("objects")).unwrap();
        assert!(store.ping().await.is_err());
    }
}
