//! Pictures: decoded within bounds, turned, resized, encoded without what they tell about their maker.
//!
//! What a picture is, its bytes say, never its name. Its size is read from its header
//! and held against the limits before anything is decoded; decoding runs beside
//! requests, a few at a time, and what waits is bounded.
//!
//! - [`Pictures`] makes the squares of accounts.
//! - [`Darkroom`] reads what cameras make, raw files by the preview in them, and makes the
//!   derivatives of photos. EXIF is read by a reader of our own: raw files need one for
//!   their previews, and one that reads the wanted tags alone is bounded by construction.
//!   JPEGs are made smaller while they are decoded (`jpeg-decoder`): as quick as decoding
//!   all pixels with the quickest decoder, in a quarter of the memory.
//!   HEIC is read by `heifer`: safe Rust, without the C of libheif and its decoders.
//! - [`sample`] makes pictures with everything that cameras write, for demonstrations and tests.

mod avatar;
mod color;
mod darkroom;
mod decode;
mod heic;
#[cfg(test)]
mod hostile_tests;
mod jpeg;
mod notes;
mod open;
mod png;
mod pool;
mod raster;
mod raw;
pub mod sample;
mod source;
mod tiff;

pub use avatar::{PictureLimits, Pictures};
pub use darkroom::{Darkroom, DarkroomConfig, LARGEST_SIDE, Watermark, WatermarkError};
