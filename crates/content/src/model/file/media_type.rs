use super::sniff;

/// What a file is, by its content: never by its name or by what its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// TIFF that is no camera's raw file.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// Adobe's raw file, also of many phones.
    Dng,
    /// Canon's older raw file.
    Cr2,
    /// Canon's newer raw file.
    Cr3,
    /// Nikon's raw file.
    Nef,
    /// Sony's raw file.
    Arw,
    /// Fujifilm's raw file.
    Raf,
    /// HEIF with HEVC.
    Heic,
    /// AVIF.
    Avif,
}

impl MediaType {
    /// All that are told apart.
    pub const ALL: [Self; 14] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::Webp,
        Self::Tiff,
        Self::Bmp,
        Self::Dng,
        Self::Cr2,
        Self::Cr3,
        Self::Nef,
        Self::Arw,
        Self::Raf,
        Self::Heic,
        Self::Avif,
    ];

    /// The MIME type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Dng => "image/x-adobe-dng",
            Self::Cr2 => "image/x-canon-cr2",
            Self::Cr3 => "image/x-canon-cr3",
            Self::Nef => "image/x-nikon-nef",
            Self::Arw => "image/x-sony-arw",
            Self::Raf => "image/x-fuji-raf",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    /// The usual end of a file's name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Tiff => "tif",
            Self::Bmp => "bmp",
            Self::Dng => "dng",
            Self::Cr2 => "cr2",
            Self::Cr3 => "cr3",
            Self::Nef => "nef",
            Self::Arw => "arw",
            Self::Raf => "raf",
            Self::Heic => "heic",
            Self::Avif => "avif",
        }
    }

    /// Whether it is a camera's raw file, shown by the preview inside it.
    pub const fn is_raw(self) -> bool {
        matches!(self, Self::Dng | Self::Cr2 | Self::Cr3 | Self::Nef | Self::Arw | Self::Raf)
    }

    /// The kinds that a name stands for: `image/raw` for the raw files of all cameras, a MIME type for its own,
    /// another for none.
    pub fn named(text: &str) -> Vec<Self> {
        if text.eq_ignore_ascii_case("image/raw") {
            return Self::ALL.into_iter().filter(|kind| kind.is_raw()).collect();
        }
        Self::parse(text).into_iter().collect()
    }

    /// Reads a MIME type.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }

    /// What a file is whose first bytes these are: up to [`super::SNIFFED`] of them.
    pub fn detect(head: &[u8]) -> Option<Self> {
        sniff::detect(head)
    }

    /// Whether it may be another than these first bytes tell, when more of them are there.
    pub fn is_undecided(head: &[u8]) -> bool {
        sniff::is_undecided(head)
    }
}
