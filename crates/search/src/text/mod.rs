//! Texts of mixed scripts as terms.

mod highlight;
mod query;
mod stem;
mod tokens;

pub use highlight::{Passage, marked, passage};
pub use query::{MAX_UNITS, Unit, Words};
pub use tokens::{Kind, Mixed, Token, Tokens, pair};
