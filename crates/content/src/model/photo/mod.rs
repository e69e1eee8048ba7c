//! A photo and what may become of it.

mod count;
mod exif;
mod formats;
mod place;
mod share;
mod text;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::Deserialize;
use sharestack_kernel::field::Issue;
use sharestack_kernel::id::UserId;

pub use count::{PhotoCount, photo_deltas};
pub use exif::{Exif, Taken};
pub use formats::{Derivative, FormatName, Formats};
pub use place::{Bounds, Coordinate, Place, Position};
pub use share::{ShareLink, ShareLinkId, ShareTarget};
pub use text::{Caption, MAX_METADATA, Metadata};

use super::file::UploadedFile;
use super::id::{FileId, PhotoId};
use super::slug::Slug;
use super::text::Title;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in bodies and stores.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the name.
            ///
            /// # Errors
            /// For another text.
            pub fn parse(text: &str) -> Result<Self, Issue> {
                let known = Self::ALL.iter().copied().find(|one| one.as_str() == text);
                known.ok_or_else(|| Issue::not_allowed(Self::ALL.iter().map(|one| one.as_str())))
            }
        }
    };
}

words!(
    /// Where a photo is on its way to visitors.
    PhotoStatus {
        /// Only its owner sees it.
        #[default]
        Draft = "draft",
        /// Visitors see it, as far as its visibility goes.
        Published = "published",
        /// It was shown once and is put away.
        Archived = "archived",
    }
);

words!(
    /// Who may see a published photo.
    Visibility {
        /// Everybody, and it stands in lists.
        #[default]
        Public = "public",
        /// Who knows its slug, which nobody guesses.
        Unlisted = "unlisted",
        /// Its owner, and whom they give a share link.
        Private = "private",
    }
);

/// What a photo takes over from its file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picture {
    /// The name that the file had when it was uploaded.
    pub original_filename: String,
    /// The file's size in bytes.
    pub file_size: i64,
    /// What the file is.
    pub mime_type: String,
    /// The width of the upright picture in pixels.
    pub width: Option<u32>,
    /// Its height.
    pub height: Option<u32>,
    /// A blurred stand-in while the picture loads, in the text form of its kind.
    pub placeholder: Option<String>,
    /// Where the picture lies in each format; empty until it was processed.
    pub formats: Formats,
    /// Grows each time the formats are made anew, so that their addresses change.
    pub revision: i64,
}

/// What of a file's notes goes into a photo.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Notes {
    #[serde(flatten)]
    exif: Exif,
    taken: Option<Taken>,
    position: Option<Position>,
}

/// What of a photo its owner had a say in, be it that it is not told: the camera says nothing
/// about it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// When it was taken.
    pub taken: bool,
    /// At which point it was taken.
    pub position: bool,
}

/// A photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Its id.
    pub id: PhotoId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The file it was made from; no two photos share one.
    pub file_id: Option<FileId>,
    /// Its address.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// What it shows.
    pub description: Option<Caption>,
    /// Where it is on its way.
    pub status: PhotoStatus,
    /// Who may see it once it is published.
    pub visibility: Visibility,
    /// Where its owner put it; small numbers come first.
    pub sort_order: i64,
    /// When it was taken.
    pub taken: Option<Taken>,
    /// Where it was taken.
    pub place: Place,
    /// What of this its owner said.
    pub said: Said,
    /// What the camera noted.
    pub exif: Exif,
    /// What it took over from its file.
    pub picture: Picture,
    /// What its owner noted beside.
    pub metadata: Metadata,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
    /// When it was put into the trash.
    pub trashed_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Grows by one with each change.
    pub version: i64,
}

impl Photo {
    /// Whether every visitor may see it: published, public, and not in the trash.
    pub fn is_open(&self) -> bool {
        self.status == PhotoStatus::Published && self.visibility == Visibility::Public && self.trashed_at.is_none()
    }

    /// Whether it stands in lists, on the map and in counts: open, and processed, so that
    /// there is something to show.
    pub fn is_listed(&self) -> bool {
        self.is_open() && !self.picture.formats.is_empty()
    }

    /// Notes a change. The time always moves on.
    pub fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now.max(self.updated_at + TimeDelta::microseconds(1));
        self.version += 1;
    }

    /// Moves it to a state. The first time of publication stays.
    pub fn set_status(&mut self, status: PhotoStatus, now: DateTime<Utc>) {
        self.status = status;
        if status == PhotoStatus::Published {
            self.published_at.get_or_insert(now);
        }
    }

    /// Fills what its owner did not say with what the camera noted. What was said stays, and
    /// what was taken out stays out.
    pub fn fill_from(&mut self, exif: &Exif, taken: Option<Taken>, position: Option<Position>) {
        self.exif = std::mem::take(&mut self.exif).or(exif);
        if !self.said.taken && self.taken.is_none() {
            self.taken = taken;
        }
        if !self.said.position && self.place.position.is_none() {
            self.place.position = position;
        }
    }

    /// Takes over what is known of the file that it was made from, as often as the file is
    /// processed.
    pub fn follow(&mut self, file: &UploadedFile) {
        let processing = &file.processing;
        let formats = processing.formats();
        let revision = self.picture.revision + i64::from(formats != self.picture.formats);
        self.picture = Picture {
            original_filename: file.original_filename.as_str().to_owned(),
            file_size: i64::try_from(file.size).unwrap_or(i64::MAX),
            mime_type: file.media_type.as_str().to_owned(),
            width: processing.width,
            height: processing.height,
            placeholder: processing.placeholder.clone(),
            formats,
            revision,
        };
        let notes = processing.exif.as_ref().and_then(|value| Notes::deserialize(value).ok()).unwrap_or_default();
        self.fill_from(&notes.exif, notes.taken.and_then(Taken::known), notes.position);
    }

    /// The year and the month in which it was taken, where it was taken.
    pub fn month(&self) -> Option<(i32, u32)> {
        let local = self.taken?.local();
        Some((local.year(), local.month()))
    }

    /// What lists by time are sorted by: when it was taken, else when it was created.
    pub fn shown_at(&self) -> DateTime<Utc> {
        self.taken.map_or(self.created_at, |taken| taken.at)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
