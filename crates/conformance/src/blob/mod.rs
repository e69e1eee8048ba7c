//! What every adapter of [`sharestack_kernel::blob::Blob`] must pass, on an empty store.

mod oss;
mod server;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sharestack_kernel::blob::{Blob, BlobError, BlobKey, BlobStream, Presentation};

pub use oss::{OSS_ACCESS_KEY, OSS_BUCKET, OSS_SECRET_KEY, OssServer};
pub use server::{S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, S3Server};

type Store = Arc<dyn Blob>;

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! blob_cases {
    ($run:ident) => {
        $run![
            returns_what_was_put,
            replaces_the_whole_blob,
            a_blob_of_many_parts_comes_back_whole,
            an_empty_blob_is_a_blob,
            a_stream_that_fails_leaves_nothing_behind,
            a_stream_that_fails_leaves_the_old_blob,
            nobody_sees_a_part_of_a_blob,
            what_is_absent_is_none,
            ranges_are_cut_to_the_blob,
            deleting_twice_is_no_error,
            lists_the_keys_of_a_prefix,
            presigned_urls_serve_the_blob_as_it_is_presented,
            ping_answers
        ];
    };
}

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).unwrap()
}

async fn collect(stream: BlobStream) -> Vec<u8> {
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

async fn read(store: &Store, name: &str) -> Option<Vec<u8>> {
    match store.get(&key(name)).await.unwrap() {
        Some(stream) => Some(collect(stream).await),
        None => None,
    }
}

fn breaks_after(pieces: usize) -> BlobStream {
    stream::iter(0..pieces)
        .map(|_| Ok(piece()))
        .chain(stream::iter([Err(BlobError::Content("the client went away".into()))]))
        .boxed()
}

fn piece() -> Bytes {
    Bytes::from(vec![7; 1 << 20])
}

/// Bytes come back as they were, and the size is said.
pub async fn returns_what_was_put(store: Store) {
    let content = stream::iter([Ok(Bytes::from_static(b"\0one ")), Ok(Bytes::from_static(b"two\xff"))]).boxed();
    assert_eq!(store.put(&key("a/b/c.bin"), content).await.unwrap(), 9);
    assert_eq!(read(&store, "a/b/c.bin").await.unwrap(), b"\0one two\xff");
    assert_eq!(store.size(&key("a/b/c.bin")).await.unwrap(), Some(9));
}

/// A shorter blob leaves no tail of a longer one.
pub async fn replaces_the_whole_blob(store: Store) {
    store.put_bytes(&key("x"), "a long text".into()).await.unwrap();
    store.put_bytes(&key("x"), "short".into()).await.unwrap();
    assert_eq!(read(&store, "x").await.unwrap(), b"short");
}

/// Larger than one part of an upload.
pub async fn a_blob_of_many_parts_comes_back_whole(store: Store) {
    let content: Vec<u8> = (0..20_000_003_u32).map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)]).collect();
    let content = Bytes::from(content);
    let pieces: Vec<_> = content.chunks(70_001).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let size = store.put(&key("large"), stream::iter(pieces).boxed()).await.unwrap();
    assert_eq!(size, content.len() as u64);
    assert!(read(&store, "large").await.unwrap() == content);
}

/// Nothing is something.
pub async fn an_empty_blob_is_a_blob(store: Store) {
    store.put_bytes(&key("empty"), Bytes::new()).await.unwrap();
    assert_eq!(store.size(&key("empty")).await.unwrap(), Some(0));
    assert_eq!(read(&store, "empty").await.unwrap(), b"");
}

/// MUST leave nothing behind when the stream ends in an error, early or late.
pub async fn a_stream_that_fails_leaves_nothing_behind(store: Store) {
    for pieces in [0, 1, 20] {
        let error = store.put(&key("x"), breaks_after(pieces)).await.unwrap_err();
        assert!(matches!(error, BlobError::Content(_)), "{error:?}");
        assert_eq!(store.size(&key("x")).await.unwrap(), None);
    }
}

/// MUST leave the blob as it was.
pub async fn a_stream_that_fails_leaves_the_old_blob(store: Store) {
    store.put_bytes(&key("x"), "old".into()).await.unwrap();
    store.put(&key("x"), breaks_after(20)).await.unwrap_err();
    assert_eq!(read(&store, "x").await.unwrap(), b"old");
}

/// MUST replace the whole blob at once: looked at while it is written, it is not there.
pub async fn nobody_sees_a_part_of_a_blob(store: Store) {
    let looking = store.clone();
    let content = stream::iter(0..20).then(move |n| {
        let store = looking.clone();
        async move {
            assert_eq!(store.size(&key("x")).await.unwrap(), None, "before piece {n}");
            Ok(piece())
        }
    });
    store.put(&key("x"), content.boxed()).await.unwrap();
    assert_eq!(store.size(&key("x")).await.unwrap(), Some(20 << 20));
}

/// Absence is no error.
pub async fn what_is_absent_is_none(store: Store) {
    store.put_bytes(&key("a/b"), "x".into()).await.unwrap();
    for name in ["absent", "a/b.txt", "a/c"] {
        assert!(store.get(&key(name)).await.unwrap().is_none(), "{name}");
        assert!(store.get_range(&key(name), 0..1).await.unwrap().is_none(), "{name}");
        assert_eq!(store.size(&key(name)).await.unwrap(), None, "{name}");
    }
}

/// As far as the blob has the bytes.
pub async fn ranges_are_cut_to_the_blob(store: Store) {
    store.put_bytes(&key("x"), "0123456789".into()).await.unwrap();
    for (range, expected) in [(0..4, "0123"), (3..5, "34"), (8..100, "89"), (10..20, ""), (50..60, ""), (4..4, "")] {
        let stream = store.get_range(&key("x"), range.clone()).await.unwrap().unwrap();
        assert_eq!(collect(stream).await, expected.as_bytes(), "{range:?}");
    }
}

/// Deleted is gone, and gone is fine.
pub async fn deleting_twice_is_no_error(store: Store) {
    store.put_bytes(&key("x"), "x".into()).await.unwrap();
    store.delete(&key("x")).await.unwrap();
    assert!(store.get(&key("x")).await.unwrap().is_none());
    store.delete(&key("x")).await.unwrap();
}

/// Every key that begins so, and no other.
pub async fn lists_the_keys_of_a_prefix(store: Store) {
    for name in ["a/1", "a/b/2", "ab/3", "c"] {
        store.put_bytes(&key(name), "x".into()).await.unwrap();
    }
    for (prefix, expected) in
        [("", vec!["a/1", "a/b/2", "ab/3", "c"]), ("a/", vec!["a/1", "a/b/2"]), ("a", vec!["a/1", "a/b/2", "ab/3"])]
    {
        let mut keys: Vec<BlobKey> = store.list(prefix).await.unwrap().try_collect().await.unwrap();
        keys.sort();
        assert_eq!(keys.iter().map(BlobKey::as_str).collect::<Vec<_>>(), expected, "{prefix}");
    }
    let none: Vec<BlobKey> = store.list("absent/").await.unwrap().try_collect().await.unwrap();
    assert!(none.is_empty());
}

/// Where a store has such URLs, whoever has one reads the blob by it, whole and in ranges,
/// MUST be answered with its presentation, and reads nothing else and no longer by it.
pub async fn presigned_urls_serve_the_blob_as_it_is_presented(store: Store) {
    store.put_bytes(&key("a/x.png"), "0123456789".into()).await.unwrap();
    store.put_bytes(&key("a/y.png"), "another".into()).await.unwrap();
    let save_as = "attachment; filename=\"a (1)_+.jpg\"; filename*=UTF-8''%E5%A4%9C%20%26%3D%2F'!*.jpg";
    let shown =
        Presentation { content_type: Some("image/jpeg".to_owned()), content_disposition: Some(save_as.to_owned()) };
    let ttl = Duration::from_mins(1);
    let Some(url) = store.presign_get(&key("a/x.png"), ttl, &shown).await.unwrap() else { return };
    assert!(url.starts_with("http") && url.contains("a/x.png?"), "{url}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |url: &str, range: Option<&str>| {
        let mut request = client.get(url);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, headers) = (response.status().as_u16(), [header("content-type"), header("content-disposition")]);
        (status, headers, response.bytes().await.unwrap())
    };
    let presented = ["image/jpeg".to_owned(), save_as.to_owned()];
    assert_eq!(ask(&url, None).await, (200, presented.clone(), "0123456789".into()));
    assert_eq!(ask(&url, Some("bytes=3-5")).await, (206, presented, "345".into()));
    for (part, other) in [("x.png", "y.png"), ("attachment", "inline"), ("jpeg", "html"), ("Expires=", "Expires=9")] {
        let forged = url.replace(part, other);
        assert_ne!(forged, url);
        let (status, _, body) = ask(&forged, None).await;
        assert_eq!(status, 403, "{forged}");
        assert!(!body.starts_with(b"0123") && !body.starts_with(b"another"));
    }
    let plain = store.presign_get(&key("a/x.png"), ttl, &Presentation::default()).await.unwrap().unwrap();
    let (status, [_, disposition], body) = ask(&plain, None).await;
    assert_eq!((status, disposition.as_str(), &body[..]), (200, "", &b"0123456789"[..]));
}

/// A store that stands answers.
pub async fn ping_answers(store: Store) {
    store.ping().await.unwrap();
}
