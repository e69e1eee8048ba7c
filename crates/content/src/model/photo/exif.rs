//! What a camera notes of a picture.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use sharestack_kernel::time::kept;

/// What a camera noted, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Exif {
    /// The camera, for example `Canon EOS R5`.
    pub camera: Option<String>,
    /// The lens, for example `RF 24-70mm f/2.8L IS USM`.
    pub lens: Option<String>,
    /// The sensitivity.
    pub iso: Option<u32>,
    /// The aperture, for example `f/2.8`.
    pub aperture: Option<String>,
    /// The exposure time in seconds, for example `1/125`.
    pub shutter_speed: Option<String>,
    /// The focal length, for example `50mm`.
    pub focal_length: Option<String>,
}

impl Exif {
    /// What this says, and where it says nothing what `other` says.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            camera: self.camera.or_else(|| other.camera.clone()),
            lens: self.lens.or_else(|| other.lens.clone()),
            iso: self.iso.or(other.iso),
            aperture: self.aperture.or_else(|| other.aperture.clone()),
            shutter_speed: self.shutter_speed.or_else(|| other.shutter_speed.clone()),
            focal_length: self.focal_length.or_else(|| other.focal_length.clone()),
        }
    }
}

/// When a picture was taken, and how far the clocks there were ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// When.
    pub at: DateTime<Utc>,
    /// How many minutes the local time was ahead of UTC, when that is known.
    pub offset_minutes: Option<i32>,
}

impl Taken {
    /// The years that every store can hold a time of (`DATETIME` of MySQL begins with 1000).
    pub const YEARS: RangeInclusive<i32> = 1000..=9999;

    /// A time with its offset.
    pub fn with_offset(time: DateTime<FixedOffset>) -> Self {
        Self { at: time.to_utc(), offset_minutes: Some(time.offset().local_minus_utc() / 60) }
    }

    /// The time as it is [kept], when it lies in [`Taken::YEARS`] on the clocks of the place and
    /// in UTC: files say anything.
    pub fn known(mut self) -> Option<Self> {
        self.at = kept(self.at);
        let known = |year| Self::YEARS.contains(&year);
        (known(self.at.year()) && known(self.local().year())).then_some(self)
    }

    /// The time that clocks showed there; UTC where the offset is not known.
    pub fn local(self) -> NaiveDateTime {
        self.at.naive_utc() + chrono::TimeDelta::minutes(self.offset_minutes.unwrap_or(0).into())
    }
}
