//! Pictures in, derivatives out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use image::metadata::Orientation;
use sharestack_content::model::{FormatName, MediaType};
use sharestack_content::ports::{Facts, Glance, Imaging, ImagingError, Made, OpenPicture};
use sharestack_kernel::blob::BlobStream;
use tokio::sync::mpsc;

use crate::color::Profile;
use crate::open::{self, Bounds, Opened, is_on_its_side};
use crate::pool::{Pool, PoolError};
use crate::raster::{Raster, fit};
use crate::source::spool;

/// The longest side of a derivative: WebP holds no longer one.
pub const LARGEST_SIDE: u32 = 16_383;

/// How large and how good derivatives are.
#[derive(Debug, Clone)]
pub struct DarkroomConfig {
    /// Where files lie while they are read.
    pub directory: PathBuf,
    /// The longer side of `thumb_small`.
    pub thumb_small: u32,
    /// The longer side of `thumb_medium`.
    pub thumb_medium: u32,
    /// The longer side of `thumb_large`.
    pub thumb_large: u32,
    /// The width of the box that `display` and `webp` fit into.
    pub max_width: u32,
    /// The height of the box that `display` and `webp` fit into.
    pub max_height: u32,
    /// The quality of JPEGs, of 100.
    pub quality_jpg: u8,
    /// The quality of WebP, of 100.
    pub quality_webp: u8,
    /// The most pixels of a picture.
    pub max_pixels: u64,
    /// The most bytes that the pixels of one picture take in memory.
    pub max_memory: u64,
    /// How many pictures are read at once.
    pub concurrency: usize,
    /// What is laid over `display` and `webp`.
    pub watermark: Option<Watermark>,
}

impl Default for DarkroomConfig {
    fn default() -> Self {
        Self {
            directory: std::env::temp_dir(),
            thumb_small: 300,
            thumb_medium: 600,
            thumb_large: 1200,
            max_width: 1920,
            max_height: 1080,
            quality_jpg: 85,
            quality_webp: 80,
            max_pixels: 120_000_000,
            max_memory: 768 * 1024 * 1024,
            concurrency: 2,
            watermark: None,
        }
    }
}

impl DarkroomConfig {
    /// The box that a derivative fits into.
    const fn within(&self, kind: FormatName) -> (u32, u32) {
        match kind {
            FormatName::ThumbSmall => (self.thumb_small, self.thumb_small),
            FormatName::ThumbMedium => (self.thumb_medium, self.thumb_medium),
            FormatName::ThumbLarge => (self.thumb_large, self.thumb_large),
            FormatName::Display | FormatName::Webp => (self.max_width, self.max_height),
        }
    }
}

/// Why a watermark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WatermarkError {
    /// The file cannot be read.
    #[error("watermark cannot be read")]
    File(#[from] std::io::Error),
    /// It is no picture.
    #[error("watermark is no picture")]
    Picture(#[from] image::ImageError),
}

/// A picture that is laid over others, at the lower right.
#[derive(Debug, Clone)]
pub struct Watermark {
    picture: Arc<Raster>,
    opacity: u8,
    percent: u32,
}

impl Watermark {
    /// Reads a watermark. It is seen with an opacity of `opacity` per cent, and is as wide as
    /// `percent` per cent of the picture that it lies on.
    ///
    /// # Errors
    /// When the file is not there or is no picture.
    pub fn read(file: &std::path::Path, opacity: u8, percent: u32) -> Result<Self, WatermarkError> {
        let picture = image::load_from_memory(&std::fs::read(file)?)?;
        let opacity = u8::try_from(u32::from(opacity.min(100)) * 255 / 100).unwrap_or(255);
        Ok(Self { picture: Arc::new(Raster::of(picture)), opacity, percent: percent.clamp(1, 100) })
    }

    fn lay_on(&self, picture: &mut Raster) -> Result<(), ImagingError> {
        let margin = picture.width().min(picture.height()) / 50;
        let width = (picture.width().saturating_mul(self.percent) / 100).max(1);
        let tall = u64::from(self.picture.height()) * u64::from(width) / u64::from(self.picture.width().max(1));
        let height = u32::try_from(tall).unwrap_or(u32::MAX).clamp(1, picture.height());
        let mark = self.picture.resized(width, height).map_err(ImagingError::Failed)?;
        let left = picture.width().saturating_sub(width + margin);
        let top = picture.height().saturating_sub(height + margin);
        picture.overlay(&mark, left, top, self.opacity);
        Ok(())
    }
}

/// Reads pictures, and makes derivatives of them, on threads of their own.
#[derive(Debug, Clone)]
pub struct Darkroom {
    config: Arc<DarkroomConfig>,
    /// Where pixels are decoded.
    pool: Pool,
    /// Where headers are read, in milliseconds: nobody waits there for pixels.
    desk: Pool,
}

impl Darkroom {
    /// How many wait for a thread before more are refused.
    const QUEUE: usize = 256;
    /// How many headers are read at once.
    const DESKS: usize = 4;

    /// A darkroom with these settings.
    pub fn new(config: DarkroomConfig) -> Self {
        Self {
            pool: Pool::new(config.concurrency, Self::QUEUE),
            desk: Pool::new(Self::DESKS, Self::QUEUE),
            config: Arc::new(config),
        }
    }
}

fn refused(error: PoolError) -> ImagingError {
    match error {
        PoolError::Busy => ImagingError::Busy,
        // A decoder that panics has met a broken picture.
        PoolError::Panicked(panic) => ImagingError::Broken(Box::new(panic)),
    }
}

#[async_trait]
impl Imaging for Darkroom {
    async fn glance(&self, kind: MediaType, head: Bytes) -> Glance {
        self.desk.run(move || open::glance(kind, &head)).await.unwrap_or_default()
    }

    async fn open(&self, content: BlobStream) -> Result<Box<dyn OpenPicture>, ImagingError> {
        let file = spool(content, &self.config.directory).await?;
        let bounds = Bounds { pixels: self.config.max_pixels, memory: self.config.max_memory };
        let opened = self.desk.run(move || open::open(file, bounds)).await.map_err(refused)??;
        Ok(Box::new(Negative { opened: Arc::new(opened), darkroom: self.clone(), made: None }))
    }
}

/// A file that was taken in.
struct Negative {
    opened: Arc<Opened>,
    darkroom: Darkroom,
    made: Option<mpsc::Receiver<Result<Made, ImagingError>>>,
}

#[async_trait]
impl OpenPicture for Negative {
    fn facts(&self) -> Facts {
        self.opened.facts.clone()
    }

    async fn start(&mut self, wanted: BTreeSet<FormatName>) -> Result<(), ImagingError> {
        // What is made waits until the one before it is fetched.
        let (sender, receiver) = mpsc::channel(1);
        let (opened, config, pool) = (self.opened.clone(), self.darkroom.config.clone(), self.darkroom.pool.clone());
        tokio::spawn(async move {
            let told = sender.clone();
            let work = move || {
                // An error that nobody waits for any more is nobody's.
                let told = |made| sender.blocking_send(Ok(made)).map_err(|_| Stopped::Unwanted);
                match develop(&opened, &config, &wanted, told) {
                    Err(Stopped::Failed(error)) => drop(sender.blocking_send(Err(error))),
                    Ok(()) | Err(Stopped::Unwanted) => {}
                }
            };
            if let Err(error) = pool.run(work).await {
                drop(told.send(Err(refused(error))).await);
            }
        });
        self.made = Some(receiver);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Made>, ImagingError> {
        match &mut self.made {
            Some(made) => made.recv().await.transpose(),
            None => Ok(None),
        }
    }
}

/// Why nothing more is made.
enum Stopped {
    /// Nobody fetches it.
    Unwanted,
    /// Something went wrong.
    Failed(ImagingError),
}

impl From<ImagingError> for Stopped {
    fn from(error: ImagingError) -> Self {
        Self::Failed(error)
    }
}

/// Decodes the picture once, and makes each derivative of the next larger one.
fn develop(
    opened: &Opened,
    config: &DarkroomConfig,
    wanted: &BTreeSet<FormatName>,
    mut tell: impl FnMut(Made) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let full = (opened.facts.width, opened.facts.height);
    let target = |kind| fit(full, config.within(kind));
    // The placeholder alone needs no more than the smallest.
    let largest = wanted.iter().map(|kind| target(*kind)).max_by_key(|(w, h)| u64::from(*w) * u64::from(*h));
    let largest = largest.unwrap_or_else(|| target(FormatName::ThumbSmall));
    let mut base = prepare(opened, largest)?;
    tell(Made::Placeholder(base.placeholder().map_err(ImagingError::Failed)?))?;

    // Thumbnails first, the larger ones before those that are made of them.
    let shown = wanted.iter().any(|kind| matches!(kind, FormatName::Display | FormatName::Webp));
    let mut larger: Option<Raster> = None;
    for kind in [FormatName::ThumbLarge, FormatName::ThumbMedium, FormatName::ThumbSmall] {
        if wanted.contains(&kind) {
            let (width, height) = target(kind);
            let made = larger.as_ref().unwrap_or(&base).resized(width, height).map_err(ImagingError::Failed)?;
            let bytes = made.jpeg(config.quality_jpg).map_err(ImagingError::Failed)?;
            tell(Made::Derivative { kind, width, height, bytes: bytes.into() })?;
            larger = Some(made);
        }
    }
    drop(larger);
    if !shown {
        return Ok(());
    }
    let (width, height) = target(FormatName::Display);
    if (width, height) != (base.width(), base.height()) {
        base = base.resized(width, height).map_err(ImagingError::Failed)?;
    }
    if let Some(watermark) = &config.watermark {
        watermark.lay_on(&mut base)?;
    }
    for kind in [FormatName::Display, FormatName::Webp] {
        if wanted.contains(&kind) {
            let encoded =
                if kind == FormatName::Webp { base.webp(config.quality_webp) } else { base.jpeg(config.quality_jpg) };
            let bytes = encoded.map_err(ImagingError::Failed)?;
            tell(Made::Derivative { kind, width, height, bytes: bytes.into() })?;
        }
    }
    Ok(())
}

/// The picture in this size, upright and in sRGB.
fn prepare(opened: &Opened, size: (u32, u32)) -> Result<Raster, ImagingError> {
    let (width, height) = if is_on_its_side(opened.orientation) { (size.1, size.0) } else { size };
    let decoded = opened.decode((width, height))?;
    // It is turned when it is small.
    let small = decoded.resized(width, height).map_err(ImagingError::Failed)?;
    drop(decoded);
    let mut base =
        if opened.orientation == Orientation::NoTransforms { small } else { small.upright(opened.orientation) };
    if let Some(profile) = opened.profile.as_deref().and_then(Profile::parse) {
        profile.apply(&mut base);
    }
    Ok(base)
}

#[cfg(test)]
#[path = "darkroom_tests.rs"]
pub(crate) mod tests;
