//! Full-text search on Tantivy, with Chinese words found inside sentences.
