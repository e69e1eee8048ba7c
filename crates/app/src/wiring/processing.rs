//! What works on uploaded files, and tells how far they are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sharestack_content::ports::Imaging;
use sharestack_content::service::{
    Forsaken, ProcessFiles, ProcessingPolicy, ProcessingPorts, Reprocessing, SweepDerivatives, Watching,
};
use sharestack_kernel::blob::Blob;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::JobHandler;
use sharestack_media::{Darkroom, DarkroomConfig, Watermark};
use sharestack_store_seaorm::Store;

use crate::config::{Config, ConfigError};

/// What handlers and workers ask of processing.
pub struct Processing {
    /// Reads pictures.
    pub imaging: Arc<dyn Imaging>,
    pub watching: Watching,
    pub reprocessing: Reprocessing,
    /// Ends what would wait for ever.
    pub forsaken: Forsaken,
    pub handlers: Vec<Arc<dyn JobHandler>>,
}

impl Processing {
    /// The services over `store` and `blobs`.
    ///
    /// # Errors
    /// When the watermark cannot be read.
    pub fn new(
        config: &Config,
        store: &Store,
        blobs: Arc<dyn Blob>,
        (clock, ids): (&Arc<dyn Clock>, &Arc<dyn IdGenerator>),
    ) -> Result<Self, ConfigError> {
        let media = &config.media;
        // Requests keep the other half.
        let concurrency = if media.concurrency == 0 { (super::cores() / 2).max(1) } else { media.concurrency };
        let policy = ProcessingPolicy {
            concurrency,
            keep_replaced: Duration::from_secs(media.keep_replaced_seconds),
            lanes: concurrency as u64,
        };
        let imaging: Arc<dyn Imaging> = Arc::new(Darkroom::new(darkroom(config, concurrency)?));
        let ports = ProcessingPorts {
            store: Arc::new(store.clone()),
            files: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            imaging: imaging.clone(),
            blobs: blobs.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let watching = Watching::new(ports.files.clone(), ports.queries.clone(), clock.clone(), policy);
        Ok(Self {
            imaging,
            reprocessing: Reprocessing::new(ports.clone(), watching.clone()),
            watching,
            forsaken: Forsaken::new(ports.clone(), policy),
            handlers: vec![
                Arc::new(SweepDerivatives::new(ports.files.clone(), blobs)),
                Arc::new(ProcessFiles::new(ports, policy)),
            ],
        })
    }
}

fn darkroom(config: &Config, concurrency: usize) -> Result<DarkroomConfig, ConfigError> {
    let media = &config.media;
    let watermark = if media.watermark_enabled {
        let file = Path::new(&media.watermark_file);
        let mark = Watermark::read(file, media.watermark_opacity, media.watermark_percent);
        Some(mark.map_err(|error| ConfigError::new("media.watermark_file", error))?)
    } else {
        None
    };
    Ok(DarkroomConfig {
        directory: config.data_dir.join("tmp"),
        thumb_small: media.thumb_small,
        thumb_medium: media.thumb_medium,
        thumb_large: media.thumb_large,
        max_width: media.max_width,
        max_height: media.max_height,
        quality_jpg: media.quality_jpg,
        quality_webp: media.quality_webp,
        max_pixels: media.max_pixels,
        max_memory: media.max_memory_mib.saturating_mul(1024 * 1024),
        concurrency,
        watermark,
    })
}
