//! From EXIF's tags to what a camera wrote.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use sharestack_content::model::{CameraNotes, Position, Taken};

use crate::source::ReadAt;
use crate::tiff::{Directory, Tiff};

pub(crate) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 0x00fe;
    pub const WIDTH: u16 = 0x0100;
    pub const HEIGHT: u16 = 0x0101;
    pub const COMPRESSION: u16 = 0x0103;
    pub const MAKE: u16 = 0x010f;
    pub const MODEL: u16 = 0x0110;
    pub const STRIP_OFFSETS: u16 = 0x0111;
    pub const ORIENTATION: u16 = 0x0112;
    pub const STRIP_BYTE_COUNTS: u16 = 0x0117;
    pub const DATE_TIME: u16 = 0x0132;
    pub const SUB_DIRECTORIES: u16 = 0x014a;
    pub const JPEG_OFFSET: u16 = 0x0201;
    pub const JPEG_LENGTH: u16 = 0x0202;
    pub const EXPOSURE_TIME: u16 = 0x829a;
    pub const F_NUMBER: u16 = 0x829d;
    pub const EXIF: u16 = 0x8769;
    pub const GPS: u16 = 0x8825;
    pub const ISO: u16 = 0x8827;
    pub const RECOMMENDED_EXPOSURE: u16 = 0x8832;
    pub const TAKEN: u16 = 0x9003;
    pub const OFFSET: u16 = 0x9010;
    pub const TAKEN_OFFSET: u16 = 0x9011;
    pub const SHUTTER_SPEED: u16 = 0x9201;
    pub const APERTURE: u16 = 0x9202;
    pub const FOCAL_LENGTH: u16 = 0x920a;
    pub const BODY_SERIAL: u16 = 0xa431;
    pub const LENS_MODEL: u16 = 0xa434;
    pub const LENS_SERIAL: u16 = 0xa435;
    pub const LATITUDE_REF: u16 = 1;
    pub const LATITUDE: u16 = 2;
    pub const LONGITUDE_REF: u16 = 3;
    pub const LONGITUDE: u16 = 4;
}

/// What stands in an EXIF block, or in a file that begins as one.
pub(crate) fn read(source: &(impl ReadAt + ?Sized)) -> CameraNotes {
    let mut notes = CameraNotes::default();
    if let Some(mut tiff) = Tiff::open(source) {
        let main = tiff.first();
        let exif = tiff.under(&main, tag::EXIF);
        let gps = tiff.under(&main, tag::GPS);
        read_main(&tiff, &main, &mut notes);
        read_exif(&tiff, &exif, &mut notes);
        read_gps(&tiff, &gps, &mut notes);
        if notes.taken.is_none() {
            let offset = exif.get(tag::OFFSET).and_then(|entry| tiff.text(entry));
            let time = main.get(tag::DATE_TIME).and_then(|entry| tiff.text(entry));
            notes.taken = time.and_then(|time| taken(&time, offset.as_deref()));
        }
    }
    notes
}

/// What stands in a file whose first directory has the tags of the main one.
pub(crate) fn read_main<S: ReadAt + ?Sized>(tiff: &Tiff<'_, S>, main: &Directory, notes: &mut CameraNotes) {
    let text = |tag| main.get(tag).and_then(|entry| tiff.text(entry));
    notes.exif.camera = CameraNotes::camera_of(text(tag::MAKE).as_deref(), text(tag::MODEL).as_deref());
    let orientation = main.get(tag::ORIENTATION).and_then(|entry| tiff.number(entry));
    notes.orientation = orientation.and_then(|value| u8::try_from(value).ok()).filter(|value| (1..=8).contains(value));
}

/// What stands in the directory of exposures.
pub(crate) fn read_exif<S: ReadAt + ?Sized>(tiff: &Tiff<'_, S>, exif: &Directory, notes: &mut CameraNotes) {
    let text = |tag| exif.get(tag).and_then(|entry| tiff.text(entry));
    let fraction = |tag| exif.get(tag).and_then(|entry| tiff.fraction(entry));
    let number = |tag| exif.get(tag).and_then(|entry| tiff.number(entry)).filter(|number| *number > 0);
    notes.exif.lens = text(tag::LENS_MODEL).and_then(|lens| CameraNotes::text(&lens));
    // 65,535 stands for more than two bytes hold.
    let iso = number(tag::ISO).filter(|iso| *iso < 65_535);
    notes.exif.iso = iso.or_else(|| number(tag::RECOMMENDED_EXPOSURE)).filter(|iso| *iso < 100_000_000);
    let aperture = fraction(tag::F_NUMBER).or_else(|| fraction(tag::APERTURE).map(|value| 2_f64.powf(value / 2.0)));
    notes.exif.aperture = aperture.and_then(CameraNotes::aperture_of);
    let shutter = fraction(tag::EXPOSURE_TIME).or_else(|| fraction(tag::SHUTTER_SPEED).map(|value| 2_f64.powf(-value)));
    notes.exif.shutter_speed = shutter.and_then(CameraNotes::shutter_speed_of);
    notes.exif.focal_length = fraction(tag::FOCAL_LENGTH).and_then(CameraNotes::focal_length_of);
    let offset = text(tag::TAKEN_OFFSET).or_else(|| text(tag::OFFSET));
    notes.taken = text(tag::TAKEN).and_then(|time| taken(&time, offset.as_deref()));
}

/// What stands in the directory of places.
pub(crate) fn read_gps<S: ReadAt + ?Sized>(tiff: &Tiff<'_, S>, gps: &Directory, notes: &mut CameraNotes) {
    let degrees = |value, reference| {
        let parts = tiff.fractions(gps.get(value)?);
        let part = |index: usize| parts.get(index).copied().flatten();
        let degrees = part(0)? + part(1).unwrap_or(0.0) / 60.0 + part(2).unwrap_or(0.0) / 3600.0;
        let reference = gps.get(reference).and_then(|entry| tiff.text(entry)).unwrap_or_default();
        Some(if reference.starts_with(['S', 's', 'W', 'w']) { -degrees } else { degrees })
    };
    let place = degrees(tag::LATITUDE, tag::LATITUDE_REF).zip(degrees(tag::LONGITUDE, tag::LONGITUDE_REF));
    // Cameras that have found no satellite write zeros: nobody takes pictures in the sea there.
    let place = place.filter(|(latitude, longitude)| (*latitude, *longitude) != (0.0, 0.0));
    notes.position = place.and_then(|(latitude, longitude)| Position::degrees(latitude, longitude).ok());
}

/// A time like `2024:01:15 18:30:00` with an offset like `+08:00`.
fn taken(time: &str, offset: Option<&str>) -> Option<Taken> {
    let local = NaiveDateTime::parse_from_str(time.trim(), "%Y:%m:%d %H:%M:%S").ok()?;
    let stated = offset.map(str::trim).map(|offset| if offset == "Z" { "+00:00" } else { offset });
    let zone = stated.and_then(|offset| offset.parse::<FixedOffset>().ok());
    let aware: Option<DateTime<FixedOffset>> = zone.and_then(|zone| local.and_local_timezone(zone).single());
    aware.map_or(Taken { at: local.and_utc(), offset_minutes: None }, Taken::with_offset).known()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_second_is_the_one_before_it() {
        for (offset, read) in [(None, "2016-12-31T23:59:59Z"), (Some("+08:00"), "2016-12-31T15:59:59Z")] {
            let taken = taken("2016:12:31 23:59:60", offset).unwrap();
            assert_eq!((taken.at, taken.at.timestamp_subsec_nanos()), (read.parse().unwrap(), 0), "{offset:?}");
        }
    }

    #[test]
    fn times_of_no_calendar_are_no_times() {
        assert!(taken("2024:01:15 18:30:00", Some("+08:00")).is_some());
        assert!(taken("9999:12:31 23:59:59", None).is_some());
        for (time, offset) in [
            ("+99999:01:01 00:00:00", None),
            ("0000:06:01 00:00:00", None),
            ("-0044:03:15 12:00:00", None),
            ("9999:12:31 23:00:00", Some("-05:00")),
            ("0001:01:01 00:00:00", Some("+14:00")),
        ] {
            assert_eq!(taken(time, offset), None, "{time}");
        }
    }
}
