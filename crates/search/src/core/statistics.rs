//! How rare words are, and how long texts.

use std::cell::RefCell;
use std::collections::HashMap;

use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use super::query::Sought;

/// How rare a word is, whichever field it stands in: a word in few texts must not outrank
/// the same word in many titles. It is counted over what everybody may find, whoever looks:
/// else a score would tell what stands in what its reader may not see.
pub(super) struct Statistics<'a> {
    searcher: &'a Searcher,
    fields: &'a [Sought],
    documents: u64,
    rare: RefCell<HashMap<String, u64>>,
}

impl<'a> Statistics<'a> {
    /// Those of the documents that have the term `everybody`, or of all without one.
    pub fn of(searcher: &'a Searcher, fields: &'a [Sought], everybody: Option<&Term>) -> tantivy::Result<Self> {
        let documents = everybody.map_or_else(|| searcher.total_num_docs(), |term| searcher.doc_freq(term))?;
        Ok(Self { searcher, fields, documents: documents.max(1), rare: RefCell::default() })
    }

    fn counted_in(&self, field: Field) -> Option<Field> {
        self.fields.iter().find(|sought| sought.field == field).map(|sought| sought.counted_in)
    }

    /// In how many documents a word stands in the field where it stands in most.
    fn documents_with(&self, word: &str) -> tantivy::Result<u64> {
        if let Some(known) = self.rare.borrow().get(word) {
            return Ok(*known);
        }
        let mut most = 0;
        // Others are counted in one of these.
        for sought in self.fields.iter().filter(|sought| sought.field == sought.counted_in) {
            most = most.max(self.searcher.doc_freq(&Term::from_field_text(sought.field, word))?);
        }
        self.rare.borrow_mut().insert(word.to_owned(), most);
        Ok(most)
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let tokens = self.searcher.total_num_tokens(self.counted_in(field).unwrap_or(field))?;
        // Where everybody finds nothing, a text is as long as one word.
        Ok(if tokens == 0 { self.documents } else { tokens })
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let value = term.value();
        let word = value.as_str().filter(|_| self.counted_in(term.field()).is_some());
        let documents = match word {
            Some(word) => self.documents_with(word)?,
            None => self.searcher.doc_freq(term)?,
        };
        // Filters count documents that not everybody finds.
        Ok(documents.min(self.documents))
    }
}
