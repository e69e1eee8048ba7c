//! Full-text search on Tantivy, with Chinese words found inside sentences.
//!
//! - [`text`] cuts texts of mixed scripts into terms, reads what people type, and marks
//!   what was found; it knows nothing of an index;
//! - [`core`] keeps an index on disk: its generations, its one writer, ranked search with
//!   counts beside it; it knows nothing of articles;
//! - [`articles`] is the index of articles over it.
//!
//! Another kind of thing gets an index in the way [`articles`] has one: a schema with a
//! version, a function from the domain's document to Tantivy's, weights of its text
//! fields, and the domain's port over a [`core::Shelf`].
//!
//! ```
//! use sharestack_search::text::{Words, marked};
//!
//! let words = Words::parse("基金 Growth");
//! assert_eq!(marked(&words, "指数基金 <for> growth"), Some("指数<mark>基金</mark> &lt;for&gt; <mark>growth</mark>".into()));
//! ```

pub mod articles;
pub mod core;
pub mod text;

pub use articles::ArticleIndex;
pub use core::SearchConfig;
