use async_trait::async_trait;
use bytes::Bytes;

use crate::error::PictureError;

/// One size of a picture, encoded anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedAvatar {
    /// The length of each side, in pixels.
    pub size: u32,
    /// The file.
    pub bytes: Bytes,
}

/// Makes pictures of accounts from what people send.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AvatarImages: Send + Sync {
    /// Square `WebP` pictures of each of `sizes`, cut from the middle, upright.
    ///
    /// MUST judge by the bytes alone, and refuse as `Unsupported` what is no JPEG, PNG,
    /// GIF or WebP; as `TooManyPixels`, before it decodes, what says that it is larger
    /// than is allowed; as `Broken` what cannot be decoded to its end. MUST put nothing
    /// into the answer but pixels: no metadata, nothing appended.
    async fn render(&self, bytes: Bytes, sizes: &[u32]) -> Result<Vec<RenderedAvatar>, PictureError>;
}
