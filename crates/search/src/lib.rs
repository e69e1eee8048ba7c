//! Full-text search on Tantivy, with Chinese words found inside sentences.
//!
//! - [`text`] cuts texts of mixed scripts into terms, reads what people type, and marks
//!   what was found; it knows nothing of an index;
//! - [`core`] keeps an index on disk: its generations, its one writer, ranked search with
//!   counts beside it; it knows nothing of what is in it;
//! - [`Index`] is the domain's port over a [`core::Shelf`], whatever it is of;
//! - [`kinds`] has the [`Layout`] of each kind of thing.
//!
//! Another kind of thing gets an index by a layout: a schema with a version, a function from
//! the domain's document to Tantivy's, weights of its text fields, and its filters.
//!
//! ```
//! use sharestack_search::text::{Words, marked};
//!
//! let words = Words::parse("基金 Growth");
//! assert_eq!(marked(&words, "指数基金 <for> growth"), Some("指数<mark>基金</mark> &lt;for&gt; <mark>growth</mark>".into()));
//! ```

pub mod core;
mod index;
pub mod kinds;
pub mod text;

pub use core::SearchConfig;
pub use index::{Index, Layout};

/// Public articles in an index on disk.
pub type ArticleIndex = Index<kinds::ArticleLayout>;
/// Photos in an index on disk.
pub type PhotoIndex = Index<kinds::PhotoLayout>;
