//! One index that can be searched.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tantivy::collector::DocSetCollector;
use tantivy::query::Query;
use tantivy::schema::Schema;
use tantivy::{DocAddress, Executor, Index, IndexReader, ReloadPolicy, Searcher, TantivyError};

use super::{MIXED, processors};
use crate::text::Mixed;

/// How many blocks of stored texts a reader keeps unpacked.
const CACHED_BLOCKS: usize = 8;

/// The threads of all searches, one for each processor: the segments of an index are searched
/// side by side. Without them a search goes through one after the other.
static SEARCHERS: LazyLock<Executor> = LazyLock::new(|| {
    Executor::multi_thread(processors(), "search-").unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "searches have no threads of their own");
        Executor::single_thread()
    })
});

/// One index, open.
pub struct Generation {
    name: String,
    pub(super) index: Index,
    reader: IndexReader,
    damaged: AtomicBool,
}

impl Generation {
    /// Makes an empty one in an empty directory.
    pub(super) fn create(name: String, directory: &Path, schema: Schema) -> tantivy::Result<Self> {
        Self::over(name, Index::create_in_dir(directory, schema)?)
    }

    /// Opens one, if it has this schema.
    pub(super) fn open(name: String, directory: &Path, schema: &Schema) -> tantivy::Result<Self> {
        let index = Index::open_in_dir(directory)?;
        if index.schema() != *schema {
            return Err(TantivyError::SchemaError("the index has another schema".to_owned()));
        }
        Self::over(name, index)
    }

    fn over(name: String, mut index: Index) -> tantivy::Result<Self> {
        index.set_executor(SEARCHERS.clone());
        index.tokenizers().register(MIXED, Mixed);
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(CACHED_BLOCKS)
            .try_into()?;
        Ok(Self { name, index, reader, damaged: AtomicBool::new(false) })
    }

    /// Its name, which no other has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is to be searched now.
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// The numbers that the documents of `query` have in a fast field.
    pub(crate) fn numbers(&self, query: &dyn Query, field: &str) -> tantivy::Result<Vec<i64>> {
        let searcher = self.searcher();
        let columns = searcher.segment_readers().iter().map(|segment| segment.fast_fields().i64(field));
        let columns = columns.collect::<tantivy::Result<Vec<_>>>()?;
        let found = searcher.search(query, &DocSetCollector)?;
        let number = |address: DocAddress| columns.get(address.segment_ord as usize)?.first(address.doc_id);
        Ok(found.into_iter().filter_map(number).collect())
    }

    /// Shows later searches what was committed.
    pub(super) fn reload(&self) -> tantivy::Result<()> {
        self.reader.reload()
    }

    /// What was committed last beside the documents.
    pub(super) fn payload(&self) -> tantivy::Result<Option<String>> {
        Ok(self.index.load_metas()?.payload)
    }

    /// Notes that its files cannot be read.
    pub(super) fn damage(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Whether its files could not be read.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }
}
