use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::memory::photo;

fn taken(text: &str) -> Taken {
    Taken::with_offset(DateTime::parse_from_rfc3339(text).unwrap())
}

#[test]
fn what_is_listed_is_published_public_processed_and_not_in_the_trash() {
    let listed = photo(1);
    assert!(listed.is_open() && listed.is_listed());
    let but = |change: fn(&mut Photo)| {
        let mut photo = listed.clone();
        change(&mut photo);
        photo
    };
    for hidden in [
        but(|photo| photo.status = PhotoStatus::Draft),
        but(|photo| photo.status = PhotoStatus::Archived),
        but(|photo| photo.visibility = Visibility::Unlisted),
        but(|photo| photo.visibility = Visibility::Private),
        but(|photo| photo.trashed_at = Some(photo.created_at)),
    ] {
        assert!(!hidden.is_open() && !hidden.is_listed());
    }
    let waiting = but(|photo| photo.picture.formats.clear());
    assert!(waiting.is_open() && !waiting.is_listed());
}

#[test]
fn a_month_is_the_one_on_the_clocks_of_the_place() {
    let mut photo = photo(1);
    photo.taken = Some(taken("2024-01-01T02:00:00+08:00"));
    assert_eq!(photo.month(), Some((2024, 1)), "it is still 2023 in UTC");
    photo.taken = Some(Taken { offset_minutes: None, ..photo.taken.unwrap() });
    assert_eq!(photo.month(), Some((2023, 12)));
    photo.taken = None;
    assert_eq!((photo.month(), photo.shown_at()), (None, photo.created_at));
}

#[test]
fn a_camera_fills_only_what_nobody_said() {
    let mut photo = photo(1);
    photo.exif = Exif { iso: Some(100), ..Exif::default() };
    photo.taken = None;
    photo.place = Place::default();
    let camera = Exif { iso: Some(800), camera: Some("Canon EOS R5".to_owned()), ..Exif::default() };
    let (time, position) = (taken("2024-01-15T18:30:00Z"), Position::degrees(31.23037, 121.4737).unwrap());
    photo.fill_from(&camera, Some(time), Some(position));
    assert_eq!((photo.exif.iso, photo.exif.camera.as_deref()), (Some(100), Some("Canon EOS R5")));
    assert_eq!((photo.taken, photo.place.position), (Some(time), Some(position)));
    photo.fill_from(&camera, Some(taken("2000-01-01T00:00:00Z")), None);
    assert_eq!((photo.taken, photo.place.position), (Some(time), Some(position)));
    (photo.taken, photo.place.position) = (None, None);
    photo.said = Said { taken: true, position: false };
    photo.fill_from(&camera, Some(time), Some(position));
    assert_eq!((photo.taken, photo.place.position), (None, Some(position)));
}

#[test]
fn only_what_changed_is_counted() {
    let listed = Photo { taken: Some(taken("2024-01-15T18:30:00Z")), ..photo(1) };
    let mut later = listed.clone();
    later.taken = Some(taken("2024-02-15T18:30:00Z"));
    let hidden = Photo { visibility: Visibility::Private, ..listed.clone() };
    let keys = |deltas: Vec<(PhotoCount, i64)>| -> Vec<(String, i64)> {
        deltas.into_iter().map(|(key, n)| (key.to_key(), n)).collect()
    };
    let up = [("listed", 1), ("year:2024", 1), ("month:2024-01", 1)].map(|(key, n)| (key.to_owned(), n));
    assert_eq!(keys(photo_deltas(None, Some(&listed))), up);
    let moved = [("month:2024-01", -1), ("month:2024-02", 1)].map(|(key, n)| (key.to_owned(), n));
    assert_eq!(keys(photo_deltas(Some(&listed), Some(&later))), moved);
    assert_eq!(keys(photo_deltas(Some(&listed), Some(&hidden))), up.map(|(key, n)| (key, -n)));
    assert!(photo_deltas(Some(&hidden), Some(&hidden)).is_empty());
}

#[test]
fn bounds_may_cross_the_antimeridian() {
    let at = |latitude, longitude| Position::degrees(latitude, longitude).unwrap();
    let fiji = Bounds::parse("170,-25,-170,-10").unwrap();
    assert_eq!(fiji.longitudes().len(), 2);
    assert!(fiji.contains(at(-17.0, 178.0)) && fiji.contains(at(-17.0, -178.0)) && fiji.contains(at(-10.0, 180.0)));
    assert!(!fiji.contains(at(-17.0, 0.0)) && !fiji.contains(at(0.0, 178.0)));
    assert!(Bounds::WORLD.contains(at(-90.0, -180.0)) && Bounds::WORLD.contains(at(90.0, 180.0)));
    for bad in ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,10,1,5", "181,0,0,0", "0,-91,0,0", "NaN,0,1,1", "inf,0,1,1"] {
        assert!(Bounds::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn metadata_has_bounds() {
    let object = |text: &str| match serde_json::from_str(text).unwrap() {
        Value::Object(fields) => fields,
        _ => unreachable!(),
    };
    assert!(Metadata::parse(object(r#"{"weather":"clear","temperature":"15°C"}"#)).is_ok());
    let long = format!(r#"{{"a":"{}"}}"#, "a".repeat(MAX_METADATA));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(20), "]".repeat(20));
    for bad in [long.as_str(), deep.as_str(), r#"{"a":"\u0000"}"#] {
        assert!(Metadata::parse(object(bad)).is_err());
    }
}

proptest! {
    #[test]
    fn bounds_of_any_text_are_read_or_refused(text in "[-0-9.,eEnaif ]{0,40}") {
        if let Ok(bounds) = Bounds::parse(&text) {
            prop_assert!(bounds.south <= bounds.north && (1..=2).contains(&bounds.longitudes().len()));
        }
    }

    #[test]
    fn degrees_survive_to_a_centimetre(latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64) {
        let position = Position::degrees(latitude, longitude).unwrap();
        prop_assert!((position.latitude.degrees() - latitude).abs() < 1e-7);
        prop_assert!((position.longitude.degrees() - longitude).abs() < 1e-7);
    }
}
