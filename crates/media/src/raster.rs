//! Pixels of eight bits: made smaller, turned, laid over each other, and encoded.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, RgbImage, RgbaImage};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A picture in memory, with or without transparency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raster {
    width: u32,
    height: u32,
    alpha: bool,
    pixels: Vec<u8>,
}

impl Raster {
    /// Pixels of three bytes; `None` when there are not as many.
    pub fn rgb(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let wanted = u64::from(width) * u64::from(height) * 3;
        (pixels.len() as u64 == wanted).then_some(Self { width, height, alpha: false, pixels })
    }

    /// A decoded picture; transparent only if it was.
    pub fn of(picture: DynamicImage) -> Self {
        let (width, height) = (picture.width(), picture.height());
        if picture.color().has_alpha() {
            Self { width, height, alpha: true, pixels: picture.into_rgba8().into_raw() }
        } else {
            Self { width, height, alpha: false, pixels: picture.into_rgb8().into_raw() }
        }
    }

    /// Width in pixels.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Whether it may be seen through.
    pub const fn has_alpha(&self) -> bool {
        self.alpha
    }

    /// The bytes, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes, to be changed.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// The same in another size.
    pub fn resized(&self, width: u32, height: u32) -> Result<Self, Error> {
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        let kind = if self.alpha { PixelType::U8x4 } else { PixelType::U8x3 };
        let source = ImageRef::new(self.width, self.height, &self.pixels, kind)?;
        let mut target = Image::new(width, height, kind);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        Resizer::new().resize(&source, &mut target, &options)?;
        Ok(Self { width, height, alpha: self.alpha, pixels: target.into_vec() })
    }

    /// Turned so that it stands upright.
    pub fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::NoTransforms {
            return self;
        }
        let mut picture = self.into_image();
        picture.apply_orientation(orientation);
        Self::of(picture)
    }

    /// The same on white, for formats that cannot be seen through.
    pub fn opaque(&self) -> Self {
        if !self.alpha {
            return self.clone();
        }
        let over = |color: u8, alpha: u8| {
            let (color, alpha) = (u16::from(color), u16::from(alpha));
            u8::try_from((color * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(255)
        };
        let pixels = self.pixels.chunks_exact(4).flat_map(|p| [over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3])]);
        Self { width: self.width, height: self.height, alpha: false, pixels: pixels.collect() }
    }

    /// Lays another picture over it, as far as that can be seen; `opacity` of 255.
    pub fn overlay(&mut self, other: &Self, left: u32, top: u32, opacity: u8) {
        let (own, step) = (if self.alpha { 4 } else { 3 }, if other.alpha { 4 } else { 3 });
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            for x in 0..other.width.min(self.width.saturating_sub(left)) {
                let from = (y as usize * other.width as usize + x as usize) * step;
                let to = ((top + y) as usize * self.width as usize + (left + x) as usize) * own;
                let seen = if other.alpha { other.pixels[from + 3] } else { 255 };
                let alpha = u32::from(seen) * u32::from(opacity) / 255;
                for channel in 0..3 {
                    let (below, above) =
                        (u32::from(self.pixels[to + channel]), u32::from(other.pixels[from + channel]));
                    let mixed = (above * alpha + below * (255 - alpha) + 127) / 255;
                    self.pixels[to + channel] = u8::try_from(mixed).unwrap_or(255);
                }
                if self.alpha {
                    let below = self.pixels[to + 3];
                    self.pixels[to + 3] = below.max(u8::try_from(alpha).unwrap_or(255));
                }
            }
        }
    }

    /// As JPEG, without anything but the pixels.
    pub fn jpeg(&self, quality: u8) -> Result<Vec<u8>, Error> {
        let opaque;
        let plain = if self.alpha {
            opaque = self.opaque();
            &opaque
        } else {
            self
        };
        let (width, height) = (u16::try_from(self.width)?, u16::try_from(self.height)?);
        let mut bytes = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut bytes, quality.clamp(1, 100));
        encoder.encode(&plain.pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
        Ok(bytes)
    }

    /// As WebP, without anything but the pixels.
    pub fn webp(&self, quality: u8) -> Result<Vec<u8>, Error> {
        let encoder = if self.alpha {
            webp::Encoder::from_rgba(&self.pixels, self.width, self.height)
        } else {
            webp::Encoder::from_rgb(&self.pixels, self.width, self.height)
        };
        let made = encoder.encode_simple(false, f32::from(quality.clamp(1, 100)));
        Ok(made.map_err(|error| format!("webp encoder: {error:?}"))?.to_vec())
    }

    /// A `ThumbHash` of it, in Base64.
    pub fn placeholder(&self) -> Result<String, Error> {
        use base64::Engine as _;
        let (width, height) = fit((self.width, self.height), (100, 100));
        let small = self.resized(width, height)?.with_alpha();
        let hash = thumbhash::rgba_to_thumb_hash(width as usize, height as usize, &small.pixels);
        Ok(base64::engine::general_purpose::STANDARD.encode(hash))
    }

    fn with_alpha(self) -> Self {
        if self.alpha {
            return self;
        }
        let pixels = self.pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        Self { alpha: true, pixels, ..self }
    }

    fn into_image(self) -> DynamicImage {
        let (width, height) = (self.width, self.height);
        // It has as many bytes as its size says: an empty picture cannot come of it.
        if self.alpha {
            RgbaImage::from_raw(width, height, self.pixels).unwrap_or_default().into()
        } else {
            RgbImage::from_raw(width, height, self.pixels).unwrap_or_default().into()
        }
    }
}

/// The largest size of the same shape that is no larger than the box, nor than the picture.
pub(crate) fn fit(size: (u32, u32), within: (u32, u32)) -> (u32, u32) {
    let ((width, height), (most_x, most_y)) = (size, (within.0.max(1), within.1.max(1)));
    if width <= most_x && height <= most_y {
        return size;
    }
    let scaled = |side: u32, most: u32, whole: u32| {
        let rounded = (u64::from(side) * u64::from(most) + u64::from(whole) / 2) / u64::from(whole.max(1));
        u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
    };
    if u64::from(width) * u64::from(most_y) >= u64::from(height) * u64::from(most_x) {
        (most_x, scaled(height, most_x, width).min(most_y))
    } else {
        (scaled(width, most_y, height).min(most_x), most_y)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_picture_fits_into_its_box() {
        assert_eq!(fit((6000, 4000), (1920, 1080)), (1620, 1080));
        assert_eq!(fit((4000, 6000), (1920, 1080)), (720, 1080));
        assert_eq!(fit((6000, 4000), (300, 300)), (300, 200));
        assert_eq!(fit((200, 100), (300, 300)), (200, 100));
        assert_eq!(fit((30_000, 1), (300, 300)), (300, 1));
    }

    proptest! {
        #[test]
        fn it_never_grows(width in 1_u32..70_000, height in 1_u32..70_000, x in 0_u32..5000, y in 0_u32..5000) {
            let (w, h) = fit((width, height), (x, y));
            prop_assert!(w >= 1 && h >= 1 && w <= width.min(x.max(1)) && h <= height.min(y.max(1)));
        }
    }

    #[test]
    fn what_is_seen_through_stands_on_white() {
        let clear = Raster { width: 1, height: 1, alpha: true, pixels: vec![0, 0, 0, 0] };
        assert_eq!(clear.opaque().pixels, [255, 255, 255]);
        let half = Raster { pixels: vec![0, 100, 255, 128], ..clear };
        assert_eq!(half.opaque().pixels, [127, 177, 255]);
    }

    #[test]
    fn an_overlay_is_mixed_in_and_cut_at_the_edge() {
        let mut below = Raster::rgb(3, 1, vec![0; 9]).unwrap();
        let above = Raster { width: 2, height: 2, alpha: true, pixels: [[255, 0, 0, 255]; 4].concat() };
        below.overlay(&above, 2, 0, 128);
        assert_eq!(below.pixels, [0, 0, 0, 0, 0, 0, 128, 0, 0]);
    }
}
