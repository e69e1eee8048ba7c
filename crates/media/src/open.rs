//! What a file holds, known before any of its pixels is decoded; and then its pixels.

use std::io::BufReader;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use sharestack_content::model::{CameraNotes, MediaType, SNIFFED};
use sharestack_content::ports::{Facts, Glance, ImagingError};

use crate::color::MAX_PROFILE;
use crate::jpeg::{self, Frame};
use crate::notes::{self, tag};
use crate::raster::{Raster, fit};
use crate::source::{ReadAt, Window};
use crate::tiff::Tiff;
use crate::{color, heic, png, raw};

/// What is tried of one picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most pixels.
    pub pixels: u64,
    /// The most bytes of memory for them.
    pub memory: u64,
}

/// A picture that can be decoded.
pub(crate) struct Opened {
    /// What is known of it.
    pub facts: Facts,
    /// How it must be turned.
    pub orientation: Orientation,
    /// The embedded colour profile.
    pub profile: Option<Vec<u8>>,
    picture: Window,
    coding: Coding,
    bounds: Bounds,
}

/// How pixels are coded.
enum Coding {
    Jpeg(Frame),
    Heic,
    Other(ImageFormat),
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ImagingError {
    ImagingError::Broken(error.into())
}

/// Reads what is known of a file.
pub(crate) fn open(file: Window, bounds: Bounds) -> Result<Opened, ImagingError> {
    let kind = MediaType::detect(&file.take(0, SNIFFED)).ok_or(ImagingError::Unsupported(None))?;
    let format = match kind {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::Gif => ImageFormat::Gif,
        MediaType::Webp => ImageFormat::WebP,
        MediaType::Tiff => ImageFormat::Tiff,
        MediaType::Bmp => ImageFormat::Bmp,
        MediaType::Heic => return open_heic(file, bounds),
        MediaType::Avif => return Err(ImagingError::Unsupported(Some(kind))),
        raw => {
            debug_assert!(raw.is_raw(), "{raw:?}");
            let preview = raw::preview(&file, raw).ok_or(ImagingError::NoPreview)?;
            return open_jpeg(preview.picture, raw, Some(preview.notes), bounds);
        }
    };
    if format == ImageFormat::Jpeg {
        open_jpeg(file, kind, None, bounds)
    } else {
        open_other(file, kind, format, bounds)
    }
}

fn open_jpeg(
    picture: Window,
    kind: MediaType,
    beside: Option<CameraNotes>,
    bounds: Bounds,
) -> Result<Opened, ImagingError> {
    let header = jpeg::header(&picture).ok_or_else(|| broken("no JPEG"))?;
    let frame = header.frame.ok_or_else(|| broken("no frame before the pixels"))?;
    check_size(frame.width, frame.height, bounds)?;
    let scan = header.scan.ok_or_else(|| broken("no pixels"))?;
    if !frame.is_lossy() {
        return Err(ImagingError::Coding("a kind of JPEG that cameras and screens do not have".into()));
    }
    if frame.memory() > bounds.memory {
        return Err(ImagingError::TooMuchMemory);
    }
    jpeg::check_scans(&picture, scan, &frame, bounds.pixels).map_err(broken)?;
    let mut notes = beside.unwrap_or_else(|| header.exif.map(|exif| notes::read(&exif[..])).unwrap_or_default());
    notes.color_profile = header.profile.as_deref().and_then(color::name);
    let orientation = oriented(&notes);
    let (width, height) = upright(frame.width, frame.height, orientation);
    Ok(Opened {
        facts: Facts { media_type: kind, width, height, notes },
        orientation,
        profile: header.profile,
        picture,
        coding: Coding::Jpeg(frame),
        bounds,
    })
}

fn open_heic(picture: Window, bounds: Bounds) -> Result<Opened, ImagingError> {
    // It is read as a whole: what it must say stands at its beginning, but what it is made of
    // may lie anywhere.
    if picture.length().saturating_mul(4) > bounds.memory {
        return Err(ImagingError::TooMuchMemory);
    }
    let bytes = picture.take(0, usize::try_from(picture.length()).unwrap_or(usize::MAX));
    let index = heic::index(&bytes).map_err(broken)?;
    let (width, height) = index.size;
    check_size(width, height, bounds)?;
    if index.coded > bounds.pixels.saturating_mul(2) {
        return Err(ImagingError::TooManyPixels { width, height, max: bounds.pixels });
    }
    if heic::memory(&index, picture.length()) > bounds.memory {
        return Err(ImagingError::TooMuchMemory);
    }
    let orientation = index.orientation;
    let (width, height) = upright(width, height, orientation);
    Ok(Opened {
        facts: Facts { media_type: MediaType::Heic, width, height, notes: index.notes },
        orientation,
        profile: index.profile,
        picture,
        coding: Coding::Heic,
        bounds,
    })
}

fn open_other(picture: Window, kind: MediaType, format: ImageFormat, bounds: Bounds) -> Result<Opened, ImagingError> {
    let kept = if format == ImageFormat::Png { Some(png::kept(&picture).map_err(broken)?) } else { None };
    let mut reader = ImageReader::with_format(BufReader::new(picture.clone()), format);
    reader.limits(limits(format, bounds.memory));
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, bounds)?;
    // What comes out, and the same again in eight bits.
    let pixels = decoder.total_bytes().saturating_add(u64::from(width) * u64::from(height) * 4);
    let profile = decoder.icc_profile().ok().flatten();
    let beside = kept.map_or(0, |kept| {
        let row = decoder.total_bytes() / u64::from(height);
        png::beside(kept, profile.as_ref().map_or(0, Vec::len) as u64, row)
    });
    if pixels.saturating_add(beside) > bounds.memory {
        return Err(ImagingError::TooMuchMemory);
    }
    let profile = profile.filter(|profile| profile.len() <= MAX_PROFILE);
    let mut notes = match kind {
        MediaType::Tiff => notes::read(&picture),
        _ => decoder.exif_metadata().ok().flatten().map(|exif| notes::read(&exif[..])).unwrap_or_default(),
    };
    notes.color_profile = profile.as_deref().and_then(color::name);
    let orientation = oriented(&notes);
    let (width, height) = upright(width, height, orientation);
    Ok(Opened {
        facts: Facts { media_type: kind, width, height, notes },
        orientation,
        profile,
        picture,
        coding: Coding::Other(format),
        bounds,
    })
}

fn oriented(notes: &CameraNotes) -> Orientation {
    notes.orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

/// Width and height when it stands upright.
fn upright(width: u32, height: u32, orientation: Orientation) -> (u32, u32) {
    if is_on_its_side(orientation) { (height, width) } else { (width, height) }
}

/// Whether width and height change places when it is turned upright.
pub(crate) fn is_on_its_side(orientation: Orientation) -> bool {
    orientation.to_exif() >= 5
}

fn check_size(width: u32, height: u32, bounds: Bounds) -> Result<(), ImagingError> {
    if width == 0 || height == 0 {
        return Err(broken("a side has no length"));
    }
    if u64::from(width) * u64::from(height) > bounds.pixels {
        return Err(ImagingError::TooManyPixels { width, height, max: bounds.pixels });
    }
    Ok(())
}

/// What a reader may hold of so much memory: that of PNGs counts with it all but its pixels. A
/// colour profile that swells beyond it is left out, and the picture read without; of other
/// chunks it is refused.
pub(crate) fn limits(format: ImageFormat, memory: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(if format == ImageFormat::Png { png::budget(memory) } else { memory });
    limits
}

fn refusal(error: ImageError) -> ImagingError {
    match error {
        ImageError::Limits(_) => ImagingError::TooMuchMemory,
        ImageError::Unsupported(_) => ImagingError::Coding(Box::new(error)),
        other => ImagingError::Broken(Box::new(other)),
    }
}

impl Opened {
    /// The pixels as they lie in the file, at least as many as the box needs, made smaller
    /// while they are decoded where that is possible.
    pub fn decode(&self, within: (u32, u32)) -> Result<Raster, ImagingError> {
        let format = match &self.coding {
            Coding::Heic => return heic::decode(&self.picture).map_err(broken),
            Coding::Jpeg(frame) if frame.sampling.len() != 4 => match self.decode_scaled(frame, within) {
                Err(jpeg_decoder::Error::Unsupported(_)) => ImageFormat::Jpeg,
                Ok(Some(picture)) => return Ok(picture),
                Ok(None) => return Err(broken("fewer pixels than it says")),
                Err(error) => return Err(broken(error)),
            },
            Coding::Jpeg(_) => ImageFormat::Jpeg,
            Coding::Other(format) => *format,
        };
        let mut reader = ImageReader::with_format(BufReader::new(self.picture.clone()), format);
        reader.limits(limits(format, self.bounds.memory));
        let decoded = reader.into_decoder().and_then(DynamicImage::from_decoder);
        decoded.map(Raster::of).map_err(refusal)
    }

    fn decode_scaled(&self, frame: &Frame, within: (u32, u32)) -> Result<Option<Raster>, jpeg_decoder::Error> {
        let (width, height) = fit((frame.width, frame.height), within);
        let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
        let mut decoder = jpeg_decoder::Decoder::new(BufReader::with_capacity(256 * 1024, self.picture.clone()));
        let (width, height) = decoder.scale(side(width), side(height))?;
        let pixels = decoder.decode()?;
        let format = decoder.info().map(|info| info.pixel_format);
        let pixels = match format {
            Some(jpeg_decoder::PixelFormat::L8) => pixels.into_iter().flat_map(|gray| [gray; 3]).collect(),
            _ => pixels,
        };
        Ok(Raster::rgb(width.into(), height.into(), pixels))
    }
}

/// What the beginning of a file tells.
pub(crate) fn glance(kind: MediaType, head: &[u8]) -> Glance {
    match kind {
        MediaType::Jpeg => {
            let Some(header) = jpeg::header(head) else { return Glance::default() };
            let mut notes = header.exif.map(|exif| notes::read(&exif[..])).unwrap_or_default();
            notes.color_profile = header.profile.as_deref().and_then(color::name);
            let size = header.frame.map(|frame| upright(frame.width, frame.height, oriented(&notes)));
            Glance { notes, size }
        }
        MediaType::Tiff => {
            let notes = notes::read(head);
            let size = Tiff::open(head).and_then(|mut tiff| {
                let main = tiff.first();
                let side = |tag| main.get(tag).and_then(|entry| tiff.number(entry)).filter(|side| *side > 0);
                Some((side(tag::WIDTH)?, side(tag::HEIGHT)?))
            });
            Glance { size: size.map(|(width, height)| upright(width, height, oriented(&notes))), notes }
        }
        MediaType::Png | MediaType::Gif | MediaType::Webp | MediaType::Bmp => glance_other(kind, head),
        MediaType::Heic => match heic::index(head) {
            Ok(heic::Index { size: (width, height), orientation, notes, .. }) => {
                Glance { notes, size: Some(upright(width, height, orientation)) }
            }
            Err(_) => Glance::default(),
        },
        MediaType::Avif => Glance::default(),
        raw => Glance { notes: raw::glance(head, raw), size: None },
    }
}

fn glance_other(kind: MediaType, head: &[u8]) -> Glance {
    let format = match kind {
        MediaType::Png => ImageFormat::Png,
        MediaType::Gif => ImageFormat::Gif,
        MediaType::Webp => ImageFormat::WebP,
        _ => ImageFormat::Bmp,
    };
    let mut reader = ImageReader::with_format(std::io::Cursor::new(head), format);
    // Beside the beginning of a file, which is small, nobody needs more than this.
    reader.limits(limits(format, 64 * 1024 * 1024));
    let Ok(mut decoder) = reader.into_decoder() else { return Glance::default() };
    let exif = decoder.exif_metadata().ok().flatten();
    let mut notes = exif.map(|exif| notes::read(&exif[..])).unwrap_or_default();
    notes.color_profile = decoder.icc_profile().ok().flatten().as_deref().and_then(color::name);
    let (width, height) = decoder.dimensions();
    let size = (width > 0 && height > 0).then(|| upright(width, height, oriented(&notes)));
    Glance { notes, size }
}
