use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use sharestack_blob::ObjectStoreConfig;
use sharestack_conformance::blob::{OSS_ACCESS_KEY, OSS_BUCKET, OSS_SECRET_KEY, OssServer};
use sharestack_kernel::blob::BlobError;

use super::*;

fn config(server: &OssServer) -> ObjectStoreConfig {
    ObjectStoreConfig {
        bucket: OSS_BUCKET.into(),
        endpoint: Some(server.endpoint()),
        access_key_id: Some(OSS_ACCESS_KEY.into()),
        secret_access_key: Some(OSS_SECRET_KEY.to_owned().into()),
        ..ObjectStoreConfig::default()
    }
}

async fn start() -> OssServer {
    // Many tests of one process install it; one is first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    OssServer::start().await
}

async fn store_of(server: &OssServer, change: impl FnOnce(&mut ObjectStoreConfig)) -> Arc<dyn Blob> {
    let mut config = config(server);
    change(&mut config);
    Arc::new(connect(&BlobConfig::Oss(config)).await.unwrap())
}

async fn subject() -> Subject<OssServer> {
    let server = start().await;
    Subject { store: store_of(&server, |_| ()).await, _alive: server }
}

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).unwrap()
}

sharestack_conformance::blob_cases!(run);

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let server = start().await;
    let wrong = |config: &mut ObjectStoreConfig| config.secret_access_key = Some("wrong-secret".to_owned().into());
    let stranger = |config: &mut ObjectStoreConfig| config.access_key_id = Some("stranger".into());
    for store in [store_of(&server, wrong).await, store_of(&server, stranger).await] {
        assert!(store.ping().await.is_err());
        assert!(store.put_bytes(&key("x"), "x".into()).await.is_err());
        assert!(store.size(&key("x")).await.is_err());
    }
    assert!(server.kept().is_empty());
}

#[tokio::test]
async fn what_is_kept_begins_with_the_root() {
    let server = start().await;
    let store = store_of(&server, |config| config.root = "own/files".into()).await;
    store.put_bytes(&key("a/x"), "x".into()).await.unwrap();
    assert_eq!(server.kept(), ["own/files/a/x"]);
    let keys: Vec<BlobKey> = store.list("a/").await.unwrap().try_collect().await.unwrap();
    assert_eq!(keys, [key("a/x")]);
    let url = store.presign_get(&key("a/x"), Duration::from_mins(1), &Presentation::default()).await.unwrap().unwrap();
    assert!(url.starts_with(&format!("http://127.0.0.1:{}/own/files/a/x?", port(&server))), "{url}");
}

fn port(server: &OssServer) -> String {
    server.endpoint().rsplit(':').next().unwrap().to_owned()
}

/// A page has a hundred when nobody says how many, and the mark of the next is signed.
#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let server = start().await;
    let store = store_of(&server, |_| ()).await;
    let names: Vec<String> = (0..230).map(|n| format!("many/{n:03}")).collect();
    for name in &names {
        store.put_bytes(&key(name), "x".into()).await.unwrap();
    }
    let mut keys: Vec<String> =
        store.list("many/").await.unwrap().map_ok(|key| key.as_str().to_owned()).try_collect().await.unwrap();
    keys.sort();
    assert_eq!(keys, names);
}

#[tokio::test]
async fn parts_that_come_to_no_end_are_given_up() {
    let server = start().await;
    let store = store_of(&server, |_| ()).await;
    let pieces = || (0..12).map(|_| Ok(bytes::Bytes::from(vec![7; 1 << 20])));
    store.put(&key("whole"), stream::iter(pieces()).boxed()).await.unwrap();
    let broken = pieces().chain([Err(BlobError::Content("the client went away".into()))]);
    store.put(&key("broken"), stream::iter(broken).boxed()).await.unwrap_err();
    assert_eq!(server.kept(), ["whole"]);
}

/// As the service itself is addressed, which no test asks.
#[tokio::test]
async fn an_address_of_the_service_says_what_and_under_which_name_it_is_saved() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = ObjectStoreConfig {
        bucket: "photos".into(),
        endpoint: Some("https://oss-cn-shanghai.aliyuncs.com".into()),
        access_key_id: Some("id".into()),
        secret_access_key: Some("secret".to_owned().into()),
        ..ObjectStoreConfig::default()
    };
    let store = connect(&BlobConfig::Oss(config)).await.unwrap();
    let shown = Presentation {
        content_type: Some("image/jpeg".into()),
        content_disposition: Some("attachment; filename=\"a.jpg\"".into()),
    };
    let url = store.presign_get(&key("a/x.png"), Duration::from_secs(90), &shown).await.unwrap().unwrap();
    assert!(url.starts_with("https://photos.oss-cn-shanghai.aliyuncs.com/a/x.png?"), "{url}");
    assert!(url.contains("response-content-type=image%2Fjpeg&"), "{url}");
    assert!(url.contains("response-content-disposition=attachment%3B%20filename%3D%22a.jpg%22"), "{url}");
    assert_eq!(url.matches("&Signature=").count(), 1, "{url}");
    assert_eq!(url.matches("OSSAccessKeyId=id&Expires=").count(), 1, "{url}");
}
