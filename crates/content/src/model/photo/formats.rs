//! The formats in which a picture is kept beside its original.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sharestack_kernel::field::Issue;

/// A format that is made of every picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatName {
    /// For dense grids.
    ThumbSmall,
    /// For grids.
    ThumbMedium,
    /// For large grids and previews.
    ThumbLarge,
    /// For a screen, as JPEG.
    Display,
    /// For a screen, as WebP.
    Webp,
}

impl FormatName {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::ThumbSmall, Self::ThumbMedium, Self::ThumbLarge, Self::Display, Self::Webp];

    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ThumbSmall => "thumb_small",
            Self::ThumbMedium => "thumb_medium",
            Self::ThumbLarge => "thumb_large",
            Self::Display => "display",
            Self::Webp => "webp",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }

    /// The name of its file in addresses.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::ThumbSmall => "thumb_small.jpg",
            Self::ThumbMedium => "thumb_medium.jpg",
            Self::ThumbLarge => "thumb_large.jpg",
            Self::Display => "display.jpg",
            Self::Webp => "display.webp",
        }
    }
}

/// A picture in one format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivative {
    /// Where its bytes lie in the store of files.
    pub key: String,
    /// How many bytes these are.
    pub size: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// What it is, for example `image/jpeg`.
    pub mime_type: String,
}

/// The formats that a picture has.
pub type Formats = BTreeMap<FormatName, Derivative>;
