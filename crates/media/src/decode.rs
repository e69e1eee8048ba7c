//! From bytes to upright pixels, within bounds.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use sharestack_users::error::PictureError;

use crate::jpeg;

/// What is read; by content, not by name.
const FORMATS: [ImageFormat; 4] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP];
/// No side is longer, whatever the other is.
const MAX_SIDE: u32 = 30_000;

/// What the reader of PNGs may hold beside pixels: a row, and chunks, of which it swells the
/// colour profile when it comes upon it. The files are small.
const PNG_CHUNKS: u64 = 16 * 1024 * 1024;

/// Decodes the first picture of a file and turns it as its EXIF orientation says.
pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<DynamicImage, PictureError> {
    let format = image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format));
    let format = format.ok_or(PictureError::Unsupported)?;
    if format == ImageFormat::Jpeg {
        let header = jpeg::header(bytes).unwrap_or_default();
        let scan = header.scan.ok_or_else(|| PictureError::Broken("no pixels".into()))?;
        let frame = header.frame.ok_or_else(|| PictureError::Broken("no frame before the pixels".into()))?;
        if u64::from(frame.width) * u64::from(frame.height) > max_pixels {
            return Err(PictureError::TooManyPixels { max: max_pixels });
        }
        jpeg::check_scans(bytes, scan, &frame, max_pixels).map_err(|unfit| PictureError::Broken(unfit.into()))?;
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits(format, max_pixels));
    let mut decoder = reader.into_decoder().map_err(|error| refusal(error, max_pixels))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(PictureError::Broken("a side has no length".into()));
    }
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(PictureError::TooManyPixels { max: max_pixels });
    }
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| refusal(error, max_pixels))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn limits(format: ImageFormat, max_pixels: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // Eight bytes a pixel (16 bits a channel), and as much again for the decoder's own.
    let all = max_pixels.saturating_mul(16);
    limits.max_alloc = Some(if format == ImageFormat::Png { all.min(PNG_CHUNKS) } else { all });
    limits
}

fn refusal(error: ImageError, max_pixels: u64) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooManyPixels { max: max_pixels },
        ImageError::Unsupported(_) => PictureError::Unsupported,
        error => PictureError::Broken(Box::new(error)),
    }
}
