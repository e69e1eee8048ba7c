//! An index on disk: kept up to date by one writer, searched by many, built anew beside
//! the one that is searched.

mod at_least;
mod facets;
mod generation;
mod order;
mod query;
mod shelf;
mod statistics;

use std::path::PathBuf;

use sharestack_kernel::error::StoreError;
use tantivy::TantivyError;

pub use facets::Tallies;
pub use generation::Generation;
pub use query::{Answer, Request, Sought, all_of, any_of, between, has_words, is};
pub use shelf::{Building, Shelf};

/// The name under which the analyser of mixed scripts is known to schemas.
pub const MIXED: &str = "mixed";

/// The fast field of each document's own number.
pub const ID: &str = "id";

/// Where indexes lie, and what their writers may take.
#[derive(Debug, Clone)]
pub struct SearchConfig {
    /// The directory of all indexes.
    pub directory: PathBuf,
    /// Bytes that a writer may hold before it writes: 15,000,000 at the least.
    pub writer_memory: usize,
}

/// The least that Tantivy's writer works with.
pub const LEAST_WRITER_MEMORY: usize = 15_000_000;

/// How many searches go on at once, and how many threads they have.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What a failure of Tantivy means to a caller.
pub(crate) fn failed(error: TantivyError) -> StoreError {
    match error {
        TantivyError::LockFailure(..) => StoreError::Unavailable(Box::new(error)),
        error => StoreError::Internal(Box::new(error)),
    }
}

/// The same for the file system.
pub(crate) fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Internal(Box::new(error))
}
