//! What a store must pass for the ports of the portfolio's files, over an empty store.

/// Works in one transaction.
macro_rules! in_one {
    ($subject:expr, |$tx:ident| $work:expr) => {{
        let worked: Result<_, sharestack_kernel::error::StoreError> =
            sharestack_kernel::transact!($subject.store, |$tx| { $work });
        worked.unwrap()
    }};
}

pub mod file;
pub mod processing;
pub mod upload;
pub mod usage;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sharestack_content::model::{FileId, FileName, MediaType, Processing, Sha256, UploadedFile};
use sharestack_content::ports::{FileQueries, PortfolioTx, ProcessingQueries};
use sharestack_kernel::id::UserId;
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
            portfolio::file: [
                a_file_reads_back_as_it_was_written,
                contents_are_found_among_ones_own_alone,
                contents_that_failed_are_not_found,
                what_a_photo_uses_is_never_overdue,
                a_file_is_removed_once
            ],
            portfolio::upload: [
                an_upload_reads_back_as_it_was_written,
                a_piece_that_comes_again_replaces_the_first,
                a_piece_of_another_size_replaces_nothing,
                a_piece_grows_in_its_place,
                pieces_are_read_page_by_page,
                pieces_that_come_at_once_all_count,
                what_ends_next_of_a_persons_is_told,
                overdue_uploads_are_those_that_nobody_holds,
                numbers_are_known_while_something_has_them
            ],
            portfolio::usage: [
                a_quota_is_used_up_to_its_last_byte,
                a_quota_is_never_passed_by_rivals,
                what_rivals_release_is_all_free_again
            ],
            portfolio::processing: [
                what_processing_wrote_is_read_back,
                the_pace_is_what_the_last_ready_files_took,
                who_waits_or_runs_before_is_counted,
                files_without_their_job_are_found_among_those_that_have_it,
                a_file_whose_job_has_no_key_any_more_is_not_forsaken
            ]
        }
    };
}

fn start() -> DateTime<Utc> {
    crate::far_ahead()
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
        in_one!(self, |tx| {
            tx.files().insert(file).await?;
            tx.files().save_processing(file).await
        });
    }
}
