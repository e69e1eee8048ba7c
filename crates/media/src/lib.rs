//! Pictures: decoded within bounds, turned, resized, encoded without what they tell about their maker.
//!
//! What a picture is, its bytes say, never its name. Its size is read from its header
//! and held against the limits before anything is decoded; decoding runs beside
//! requests, a few at a time, and what waits is bounded.

mod avatar;
mod decode;

pub use avatar::{PictureLimits, Pictures};
