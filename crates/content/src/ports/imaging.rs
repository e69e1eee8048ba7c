//! What reads pictures and makes others of them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use sharestack_kernel::blob::{BlobError, BlobStream};
use thiserror::Error;

use crate::model::{CameraNotes, FormatName, MediaType};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a picture was not read.
#[derive(Debug, Error)]
pub enum ImagingError {
    /// It is of a kind that is not read, or no picture at all.
    #[error("{}", .0.map_or_else(|| "the file is no picture".to_owned(), |kind| format!("{} is not read", kind.as_str())))]
    Unsupported(Option<MediaType>),
    /// It is of a kind that is read, but not as its pixels are coded.
    #[error("the picture is coded in a way that is not read")]
    Coding(#[source] Source),
    /// It has more pixels than may be decoded.
    #[error("the picture has {width} x {height} pixels, more than the {max} that are decoded")]
    TooManyPixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The most pixels.
        max: u64,
    },
    /// It needs more memory than one picture may have, though it has not too many pixels.
    #[error("the picture needs more memory than a picture may have")]
    TooMuchMemory,
    /// It is broken.
    #[error("the picture is broken")]
    Broken(#[source] Source),
    /// A raw file without a preview.
    #[error("the raw file has no preview")]
    NoPreview,
    /// Its bytes could not be fetched.
    #[error(transparent)]
    Content(#[from] BlobError),
    /// Too many are read at once.
    #[error("too many pictures are read at once")]
    Busy,
    /// Something else than the picture is wrong.
    #[error("picture was not read")]
    Failed(#[source] Source),
}

impl ImagingError {
    /// Whether it lies in the picture, so that no other attempt ends otherwise.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Unsupported(_)
            | Self::Coding(_)
            | Self::TooManyPixels { .. }
            | Self::TooMuchMemory
            | Self::Broken(_)
            | Self::NoPreview => true,
            Self::Content(_) | Self::Busy | Self::Failed(_) => false,
        }
    }
}

/// What a file's beginning tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Glance {
    /// What the camera wrote, as far as it stands there.
    pub notes: CameraNotes,
    /// Width and height of the picture when it stands upright, if they stand there.
    pub size: Option<(u32, u32)>,
}

/// What is known of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub media_type: MediaType,
    /// Its width in pixels when it stands upright; of a raw file, that of its preview.
    pub width: u32,
    /// Its height in pixels when it stands upright; of a raw file, that of its preview.
    pub height: u32,
    /// What the camera wrote.
    pub notes: CameraNotes,
}

/// What comes out of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The picture is decoded; a `ThumbHash` of it, in Base64, to be shown before the rest.
    Placeholder(String),
    /// A derivative.
    Derivative {
        /// Which one.
        kind: FormatName,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// Its bytes.
        bytes: Bytes,
    },
}

/// Reads pictures.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Imaging: Send + Sync {
    /// What the beginning of a file of this kind tells, of whatever length it is. Never
    /// fails: what is wrong or missing there is not told.
    async fn glance(&self, kind: MediaType, head: Bytes) -> Glance;

    /// Takes in a whole file, and reads what is known of the picture without decoding it.
    ///
    /// MUST refuse a picture of too many pixels before it has room for them. MUST hold no
    /// more than a bound in memory, whatever the file's size.
    async fn open(&self, content: BlobStream) -> Result<Box<dyn OpenPicture>, ImagingError>;
}

/// A file that was taken in.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OpenPicture: Send {
    /// What is known of it.
    fn facts(&self) -> Facts;

    /// Makes these derivatives; they are fetched with [`OpenPicture::next`].
    ///
    /// MUST stand them upright, in sRGB, and without anything that the camera wrote. MUST
    /// make none larger than the picture.
    async fn start(&mut self, wanted: BTreeSet<FormatName>) -> Result<(), ImagingError>;

    /// The next thing made, the placeholder first, then from thumbnails to the largest;
    /// `None` after the last.
    ///
    /// MUST keep no more than one of them in memory beside the one that is handed out.
    async fn next(&mut self) -> Result<Option<Made>, ImagingError>;
}
