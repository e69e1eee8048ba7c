//! Files put in place as an upload leaves them: bytes, a row, and the job that works on them.

use std::sync::Arc;

use serde_json::{Value, json};
use sharestack_content::events::{PROCESS_JOB, process_key};
use sharestack_content::model::{FileId, FileName, MediaType, Processing, SNIFFED, Sha256, UploadedFile};
use sharestack_content::ports::PortfolioTx;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::job::NewJob;
use sharestack_kernel::random::uuid_v7;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_store_seaorm::{SequenceIds, Store};

use crate::{Client, Harness};

/// A file of a test's own.
pub fn file(id: FileId, owner: i64, name: &str, bytes: &[u8]) -> UploadedFile {
    let now = SystemClock.now();
    UploadedFile {
        id,
        owner_id: UserId::new(owner),
        original_filename: FileName::clean(name),
        size: bytes.len() as u64,
        media_type: MediaType::detect(&bytes[..bytes.len().min(SNIFFED)]).unwrap_or(MediaType::Jpeg),
        sha256: Sha256::new([7; 32]),
        blob_key: format!("{}original", UploadedFile::prefix(id)),
        processing: Processing::waiting(),
        created_at: now,
        updated_at: now,
        expires_at: None,
    }
}

/// Keeps the row of a file whose bytes are there, with its job.
pub async fn plant(store: &Store, file: &UploadedFile) {
    let begin: Arc<dyn Begin<dyn PortfolioTx>> = Arc::new(store.clone());
    let mut job = NewJob::new(uuid_v7(), PROCESS_JOB, json!({ "file_id": file.id }), file.created_at);
    job.dedupe_key = Some(process_key(file.id));
    let kept: Result<(), StoreError> = transact!(begin, |tx| {
        tx.files().insert(file).await?;
        tx.jobs().enqueue(&job).await?;
        Ok(())
    });
    kept.unwrap();
}

/// Writes how the processing of a file stands, and when it changed.
pub async fn save(store: &Store, file: &UploadedFile) {
    let begin: Arc<dyn Begin<dyn PortfolioTx>> = Arc::new(store.clone());
    let kept: Result<(), StoreError> = transact!(begin, |tx| { tx.files().save_processing(file).await });
    kept.unwrap();
}

/// Puts a file in place behind a harness's server; returns its handle.
pub async fn plant_in(app: &Harness, owner: i64, name: &str, bytes: Vec<u8>) -> String {
    let (store, blobs) = (&app.app().store, &app.app().files.0);
    let id = FileId::new(SequenceIds::new(store.clone()).number(FileId::SEQUENCE).await.unwrap());
    let file = file(id, owner, name, &bytes);
    blobs.put_bytes(&BlobKey::parse(&file.blob_key).unwrap(), bytes.into()).await.unwrap();
    plant(store, &file).await;
    id.handle()
}

/// What is told of how far a file is.
pub async fn status(client: &Client, token: &str, handle: &str) -> Value {
    client.get_as(token, &format!("/api/v1/upload/status/{handle}")).await.expect(200).data().clone()
}
