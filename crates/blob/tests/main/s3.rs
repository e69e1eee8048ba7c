use sharestack_blob::ObjectStoreConfig;
use sharestack_conformance::blob::{S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, S3Server};

use super::*;

fn config(server: &S3Server) -> ObjectStoreConfig {
    ObjectStoreConfig {
        bucket: S3_BUCKET.into(),
        endpoint: Some(server.endpoint()),
        region: "us-east-1".into(),
        access_key_id: Some(S3_ACCESS_KEY.into()),
        secret_access_key: Some(S3_SECRET_KEY.to_owned().into()),
        ..ObjectStoreConfig::default()
    }
}

async fn start() -> S3Server {
    // Many tests of one process install it; one is first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    S3Server::start().await
}

async fn store_of(server: &S3Server, change: impl FnOnce(&mut ObjectStoreConfig)) -> Arc<dyn Blob> {
    let mut config = config(server);
    change(&mut config);
    Arc::new(connect(&BlobConfig::S3(config)).await.unwrap())
}

async fn subject() -> Subject<S3Server> {
    let server = start().await;
    Subject { store: store_of(&server, |_| ()).await, _alive: server }
}

sharestack_conformance::blob_cases!(run);

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let server = start().await;
    let store = store_of(&server, |config| config.secret_access_key = Some("wrong-secret".to_owned().into())).await;
    let key = BlobKey::parse("x").unwrap();
    assert!(store.ping().await.is_err());
    assert!(store.put_bytes(&key, "x".into()).await.is_err());
    assert!(store.size(&key).await.is_err());
    assert_eq!(store_of(&server, |_| ()).await.size(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_noticed() {
    let server = start().await;
    let store = store_of(&server, |config| config.bucket = "absent".into()).await;
    assert!(store.ping().await.is_err());
}

#[tokio::test]
async fn a_presigned_url_carries_a_signature_and_its_life() {
    let server = start().await;
    let store = store_of(&server, |_| ()).await;
    let key = BlobKey::parse("x").unwrap();
    let url =
        store.presign_get(&key, std::time::Duration::from_secs(90), &Presentation::default()).await.unwrap().unwrap();
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=90"), "{url}");
    assert!(!url.contains(S3_SECRET_KEY));
}
