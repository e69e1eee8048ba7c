//! Files: what may come, what is made of them, how they are shown, and where they are kept.

use serde::{Deserialize, Serialize};
use sharestack_blob::LARGEST_IN_BUCKET;
use sharestack_media::LARGEST_SIDE;

use super::{ConfigError, Secret};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    pub backend: StorageBackend,
    pub bucket: String,
    pub endpoint: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
}

/// Where files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageBackend {
    Fs,
    S3,
    Oss,
    Memory,
}

/// What may be uploaded.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Bytes of a picture of an account.
    pub max_avatar_size: usize,
    /// Pixels of a picture that is decoded.
    pub max_image_pixels: u64,
    /// Bytes of a file.
    pub max_file_size: u64,
    /// Files of one request.
    pub max_files: usize,
    /// Bytes of a piece when nobody says.
    pub chunk_size: u64,
    /// Bytes of a piece at the least, but for the last.
    pub min_chunk_size: u64,
    /// Bytes of a piece at the most.
    pub max_chunk_size: u64,
    /// Kinds of files, by their MIME types.
    pub allowed_types: Vec<String>,
    /// Bytes that one person may keep.
    pub quota_bytes: u64,
    /// Hours that an upload may take.
    pub expiry_hours: u32,
    /// Days that a file is kept that no photo uses.
    pub unused_days: u32,
}

impl Upload {
    /// Refuses files that could not be kept.
    pub(super) fn check(&self, backend: StorageBackend) -> Result<(), ConfigError> {
        let in_bucket = matches!(backend, StorageBackend::S3 | StorageBackend::Oss);
        if in_bucket && self.max_file_size > LARGEST_IN_BUCKET {
            let problem = format!("must be at most {LARGEST_IN_BUCKET}: a bucket takes no more of one file");
            return Err(ConfigError::new("upload.max_file_size", problem));
        }
        Ok(())
    }
}

/// What is made of pictures to be shown.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// The longer side of `thumb_small`, in pixels.
    pub thumb_small: u32,
    /// The longer side of `thumb_medium`.
    pub thumb_medium: u32,
    /// The longer side of `thumb_large`.
    pub thumb_large: u32,
    /// The width of the box that `display` and `webp` fit into.
    pub max_width: u32,
    /// The height of that box.
    pub max_height: u32,
    /// Of 100.
    pub quality_jpg: u8,
    /// Of 100.
    pub quality_webp: u8,
    /// Pixels of a picture that is decoded.
    pub max_pixels: u64,
    /// Memory for the pixels of one picture.
    pub max_memory_mib: u64,
    /// Files that are worked on at once; 0 is half of the cores.
    pub concurrency: usize,
    /// How long replaced derivatives stay for those who are just fetching them.
    pub keep_replaced_seconds: u64,
    /// Whether `watermark_file` lies over `display` and `webp`.
    pub watermark_enabled: bool,
    /// A PNG.
    pub watermark_file: String,
    /// Per cent.
    pub watermark_opacity: u8,
    /// Its width, in per cent of the picture's.
    pub watermark_percent: u32,
}

impl Media {
    /// Refuses what no picture could be made with.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (side, percent) = (1..=u64::from(LARGEST_SIDE), 1..=100);
        let bounded = [
            ("media.thumb_small", u64::from(self.thumb_small), side.clone()),
            ("media.thumb_medium", u64::from(self.thumb_medium), side.clone()),
            ("media.thumb_large", u64::from(self.thumb_large), side.clone()),
            ("media.max_width", u64::from(self.max_width), side.clone()),
            ("media.max_height", u64::from(self.max_height), side),
            ("media.quality_jpg", u64::from(self.quality_jpg), percent.clone()),
            ("media.quality_webp", u64::from(self.quality_webp), percent.clone()),
            ("media.watermark_opacity", u64::from(self.watermark_opacity), 0..=100),
            ("media.watermark_percent", u64::from(self.watermark_percent), percent),
            ("media.max_pixels", self.max_pixels, 1..=u64::MAX),
            ("media.max_memory_mib", self.max_memory_mib, 1..=u64::MAX),
        ];
        let wrong = bounded.into_iter().find(|(_, value, bounds)| !bounds.contains(value));
        let Some((setting, _, bounds)) = wrong else { return Ok(()) };
        let (least, most) = bounds.into_inner();
        let problem = match most {
            u64::MAX => format!("must be at least {least}"),
            most => format!("must be between {least} and {most}"),
        };
        Err(ConfigError::new(setting, problem))
    }
}

/// How photos are shown and kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PhotoSettings {
    /// Days that the trash keeps a photo.
    pub trash_days: u32,
    /// Whether visitors may save what they see; originals are for who may change a photo.
    pub downloads: bool,
    /// Where pictures are for readers, such as a content network before
    /// `/api/v1/media`; empty takes the server itself.
    pub media_url: String,
}

/// How many days a trash may keep photos: a hundred years. Times are counted with them, and end
/// somewhere.
const MOST_TRASH_DAYS: u32 = 36_500;

impl PhotoSettings {
    /// Refuses what times cannot be counted with.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.trash_days > MOST_TRASH_DAYS {
            return Err(ConfigError::new("photos.trash_days", format!("must be at most {MOST_TRASH_DAYS}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn derivatives_that_cannot_be_made_are_refused() {
        const SIDE: &str = "must be between 1 and 16383";
        const PERCENT: &str = "must be between 1 and 100";
        for (name, problem, good, bad) in [
            ("thumb_small", SIDE, [1, 16_383], [0, 16_384]),
            ("thumb_medium", SIDE, [1, 16_383], [0, 16_384]),
            ("thumb_large", SIDE, [1, 16_383], [0, 16_384]),
            ("max_width", SIDE, [1, 16_383], [0, 20_000]),
            ("max_height", SIDE, [1, 16_383], [0, 65_536]),
            ("quality_jpg", PERCENT, [1, 100], [0, 101]),
            ("quality_webp", PERCENT, [1, 100], [0, 101]),
            ("watermark_opacity", "must be between 0 and 100", [0, 100], [101, 255]),
            ("watermark_percent", PERCENT, [1, 100], [0, 101]),
            ("max_pixels", "must be at least 1", [1, 1 << 40], [0, 0]),
            ("max_memory_mib", "must be at least 1", [1, 1 << 40], [0, 0]),
        ] {
            let variable = format!("SHARESTACK__MEDIA__{}", name.to_uppercase());
            let load = |value: u64| {
                let variables = [(variable.clone(), value.to_string())];
                Config::load(Path::new("does-not-exist"), &variables.into())
            };
            for value in good {
                assert!(load(value).is_ok(), "{name} {value}");
            }
            for value in bad {
                let told = load(value).err().map(|error| error.to_string());
                assert_eq!(told, Some(format!("{variable} (media.{name}): {problem}")), "{value}");
            }
        }
    }

    #[test]
    fn a_trash_that_keeps_photos_longer_than_times_can_be_counted_is_refused() {
        let variable = "SHARESTACK__PHOTOS__TRASH_DAYS";
        let load =
            |days: u32| Config::load(Path::new("does-not-exist"), &[(variable.to_owned(), days.to_string())].into());
        for days in [0, 36_500] {
            assert_eq!(load(days).unwrap().photos.trash_days, days);
        }
        for days in [36_501, u32::MAX] {
            let told = load(days).err().map(|error| error.to_string());
            assert_eq!(told, Some(format!("{variable} (photos.trash_days): must be at most 36500")));
        }
    }

    #[test]
    fn files_that_a_bucket_cannot_hold_are_refused_where_there_is_one() {
        for (backend, size, good) in [
            ("s3", 52_428_800_000_u64, true),
            ("s3", 52_428_800_001, false),
            ("oss", 52_428_800_001, false),
            ("fs", 52_428_800_001, true),
            ("memory", 52_428_800_001, true),
        ] {
            let variables = [
                ("SHARESTACK__STORAGE__BACKEND".to_owned(), backend.to_owned()),
                ("SHARESTACK__UPLOAD__MAX_FILE_SIZE".to_owned(), size.to_string()),
            ];
            let loaded = Config::load(Path::new("does-not-exist"), &variables.into());
            let refused = loaded.err().map(|error| error.setting);
            let named = "SHARESTACK__UPLOAD__MAX_FILE_SIZE (upload.max_file_size)";
            assert_eq!(refused.as_deref(), (!good).then_some(named), "{backend} {size}");
        }
    }
}
