//! Pictures as cameras make them, with everything that they write into them: for
//! demonstrations and for tests.
//!
//! ```
//! use sharestack_media::sample::Sample;
//!
//! let jpeg = Sample::corners(600, 400)
//!     .camera("Canon", "Canon EOS R5")
//!     .lens("RF 24-70mm f/2.8L IS USM")
//!     .exposure(800, 2.8, (1, 125), 50.0)
//!     .taken("2024:01:15 18:30:00", Some("+08:00"))
//!     .gps(31.23037, 121.47370)
//!     .orientation(6)
//!     .jpeg();
//! assert!(jpeg.starts_with(&[0xff, 0xd8]));
//! ```

mod container;
mod directory;

use image::{Rgb, RgbImage};

pub use container::{bomb, jpeg_with, passes, progressive, swollen, wordy};
pub use directory::{Block, Value};

use crate::notes::tag;

/// A picture, and what a camera writes into it.
#[derive(Debug, Clone)]
pub struct Sample {
    pixels: RgbImage,
    main: Block,
    exif: Block,
    gps: Block,
    profile: Option<Vec<u8>>,
    quality: u8,
}

impl Sample {
    /// A picture of these pixels.
    pub fn of(pixels: RgbImage) -> Self {
        let (main, exif, gps) = Default::default();
        Self { pixels, main, exif, gps, profile: None, quality: 92 }
    }

    /// A picture whose pixels a function paints.
    pub fn painted(width: u32, height: u32, paint: impl FnMut(u32, u32) -> [u8; 3]) -> Self {
        let mut paint = paint;
        Self::of(RgbImage::from_fn(width, height, |x, y| Rgb(paint(x, y))))
    }

    /// Red, green, blue and white quarters: upper left, upper right, lower left, lower right
    /// as they lie in the file.
    pub fn corners(width: u32, height: u32) -> Self {
        Self::painted(width, height, |x, y| match (x < width / 2, y < height / 2) {
            (true, true) => [255, 0, 0],
            (false, true) => [0, 255, 0],
            (true, false) => [0, 0, 255],
            (false, false) => [255, 255, 255],
        })
    }

    /// One colour.
    pub fn plain(width: u32, height: u32, color: [u8; 3]) -> Self {
        Self::painted(width, height, |_, _| color)
    }

    /// A landscape with grain, different for each seed: it compresses as a photo does.
    pub fn scene(width: u32, height: u32, seed: u32) -> Self {
        let byte = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        let mut grain = seed.wrapping_mul(2_654_435_761) | 1;
        let horizon = height / 3 + seed % 7 * height / 24;
        Self::painted(width, height, |x, y| {
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            let noise = byte(grain & 15);
            let ridge = horizon + (x / (11 + seed % 5)) % 17 + (x / 97 + seed) % 23;
            let depth = byte(y * 160 / height.max(1));
            let hue = byte(seed % 5 * 17);
            if y < ridge {
                [60 + hue + noise, 110 + depth / 2 + noise, 220 - depth / 2]
            } else {
                [30 + noise, 90 + depth / 3 + noise, 40 + hue]
            }
        })
    }

    /// Who made the camera, and which one it is.
    pub fn camera(mut self, make: &str, model: &str) -> Self {
        self.main.set(tag::MAKE, Value::Text(make.to_owned()));
        self.main.set(tag::MODEL, Value::Text(model.to_owned()));
        self
    }

    /// The lens.
    pub fn lens(mut self, lens: &str) -> Self {
        self.exif.set(tag::LENS_MODEL, Value::Text(lens.to_owned()));
        self
    }

    /// Sensitivity, aperture, exposure time as a fraction of seconds, focal length in millimetres.
    pub fn exposure(mut self, iso: u16, aperture: f64, shutter: (u32, u32), focal_length: f64) -> Self {
        self.exif.set(tag::ISO, Value::Short(iso));
        self.exif.set(tag::F_NUMBER, Value::fraction(aperture, 10));
        self.exif.set(tag::EXPOSURE_TIME, Value::Fractions(vec![shutter]));
        self.exif.set(tag::FOCAL_LENGTH, Value::fraction(focal_length, 10));
        self
    }

    /// When, as `2024:01:15 18:30:00`, and how far that is ahead of UTC, as `+08:00`.
    pub fn taken(mut self, time: &str, offset: Option<&str>) -> Self {
        self.exif.set(tag::TAKEN, Value::Text(time.to_owned()));
        if let Some(offset) = offset {
            self.exif.set(tag::TAKEN_OFFSET, Value::Text(offset.to_owned()));
        }
        self
    }

    /// Where, in degrees.
    pub fn gps(mut self, latitude: f64, longitude: f64) -> Self {
        let reference = |degrees: f64, positive: &str, negative: &str| {
            Value::Text(if degrees < 0.0 { negative } else { positive }.to_owned())
        };
        self.gps.set(tag::LATITUDE_REF, reference(latitude, "N", "S"));
        self.gps.set(tag::LATITUDE, Value::degrees(latitude));
        self.gps.set(tag::LONGITUDE_REF, reference(longitude, "E", "W"));
        self.gps.set(tag::LONGITUDE, Value::degrees(longitude));
        self
    }

    /// How the pixels are turned, 1 to 8.
    pub fn orientation(mut self, orientation: u16) -> Self {
        self.main.set(tag::ORIENTATION, Value::Short(orientation));
        self
    }

    /// The numbers of the camera and of the lens, which tell whose they are.
    pub fn serial(mut self, serial: &str) -> Self {
        self.exif.set(tag::BODY_SERIAL, Value::Text(serial.to_owned()));
        self.exif.set(tag::LENS_SERIAL, Value::Text(serial.to_owned()));
        self
    }

    /// Any other tag of the main directory.
    pub fn tag(mut self, tag: u16, value: Value) -> Self {
        self.main.set(tag, value);
        self
    }

    /// An embedded colour profile.
    pub fn profile(mut self, profile: Vec<u8>) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The quality of the JPEG, of 100.
    pub fn quality(mut self, quality: u8) -> Self {
        self.quality = quality;
        self
    }

    /// The EXIF block alone, from its TIFF header on.
    pub fn exif_block(&self) -> Vec<u8> {
        self.directories().bytes()
    }

    fn directories(&self) -> Block {
        let mut main = self.main.clone();
        if !self.exif.is_empty() {
            main.set(tag::EXIF, Value::Directory(self.exif.clone()));
        }
        if !self.gps.is_empty() {
            main.set(tag::GPS, Value::Directory(self.gps.clone()));
        }
        main
    }

    fn has_notes(&self) -> bool {
        !(self.main.is_empty() && self.exif.is_empty() && self.gps.is_empty())
    }
}

/// Apple's wide-gamut profile of screens and phones.
pub fn display_p3() -> Vec<u8> {
    moxcms::ColorProfile::new_display_p3().encode().unwrap_or_default()
}
