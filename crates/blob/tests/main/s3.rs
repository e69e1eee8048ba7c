use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use sharestack_blob::ObjectStoreConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// An S3 of the test's own.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        // Many tests of one process install it; one is first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("files")).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("reader", "right-secret"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            while let Ok((socket, _)) = listener.accept().await {
                let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Self { address, task, _directory: directory }
    }

    fn config(&self) -> ObjectStoreConfig {
        ObjectStoreConfig {
            bucket: "files".into(),
            endpoint: Some(format!("http://{}", self.address)),
            region: "us-east-1".into(),
            access_key_id: Some("reader".into()),
            secret_access_key: Some("right-secret".to_owned().into()),
            ..ObjectStoreConfig::default()
        }
    }

    async fn store(&self, change: impl FnOnce(&mut ObjectStoreConfig)) -> Arc<dyn Blob> {
        let mut config = self.config();
        change(&mut config);
        Arc::new(connect(&BlobConfig::S3(config)).await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn subject() -> Subject<Server> {
    let server = Server::start().await;
    Subject { store: server.store(|_| ()).await, _alive: server }
}

sharestack_conformance::blob_cases!(run);

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let server = Server::start().await;
    let store = server.store(|config| config.secret_access_key = Some("wrong-secret".to_owned().into())).await;
    let key = BlobKey::parse("x").unwrap();
    assert!(store.ping().await.is_err());
    assert!(store.put_bytes(&key, "x".into()).await.is_err());
    assert!(store.size(&key).await.is_err());
    assert_eq!(server.store(|_| ()).await.size(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_noticed() {
    let server = Server::start().await;
    let store = server.store(|config| config.bucket = "absent".into()).await;
    assert!(store.ping().await.is_err());
}

#[tokio::test]
async fn a_presigned_url_carries_a_signature_and_its_life() {
    let server = Server::start().await;
    let store = server.store(|_| ()).await;
    let key = BlobKey::parse("x").unwrap();
    let url = store.presign_get(&key, std::time::Duration::from_secs(90)).await.unwrap().unwrap();
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=90"), "{url}");
    assert!(!url.contains("right-secret"));
}
