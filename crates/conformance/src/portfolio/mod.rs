//! What a store must pass for the ports of the portfolio's files, over an empty store.

pub mod processing;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sharestack_content::model::{FileId, FileName, MediaType, Processing, Sha256, UploadedFile};
use sharestack_content::ports::{FileQueries, PortfolioTx, ProcessingQueries};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Files, to read.
    pub files: Arc<dyn FileQueries>,
    /// How processing goes.
    pub processing: Arc<dyn ProcessingQueries>,
    /// Makes an account with this id.
    pub register: Arc<dyn Fn(UserId) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! portfolio_cases {
    ($run:ident) => {
        $run! {
            portfolio::processing: [
                what_processing_wrote_is_read_back,
                the_pace_is_what_the_last_ready_files_took,
                who_waits_or_runs_before_is_counted
            ]
        }
    };
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_705_342_200, 123_456_000).unwrap()
}

fn file(id: i64, owner: i64) -> UploadedFile {
    UploadedFile {
        id: FileId::new(id),
        owner_id: UserId::new(owner),
        original_filename: FileName::clean("DSC_0001.jpg"),
        size: 2_048_576,
        media_type: MediaType::Jpeg,
        sha256: Sha256::new([1; 32]),
        blob_key: format!("{}original.jpg", UploadedFile::prefix(FileId::new(id))),
        processing: Processing::waiting(),
        created_at: start(),
        updated_at: start(),
        expires_at: None,
    }
}

impl Subject {
    async fn keep(&self, file: &UploadedFile) {
        let kept: Result<(), StoreError> = transact!(self.store, |tx| {
            tx.files().insert(file).await?;
            tx.files().save_processing(file).await?;
            Ok(())
        });
        kept.unwrap();
    }
}
