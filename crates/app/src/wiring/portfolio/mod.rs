//! The photo portfolio.

mod links;
mod photos;

pub use links::{PhotoLinks, Signed, wanted};
pub use photos::{PhotoParts, Photos};
