//! The photo portfolio.

mod links;
mod photos;

pub use links::{PhotoLinks, Purpose, Signed, wanted};
pub use photos::{PhotoParts, Photos};
