//! What a camera wrote into a picture, in the words that are shown.

use serde::{Deserialize, Serialize};

use super::file::Processing;
use super::photo::{Exif, Position, Taken};

/// The most characters of a text that a camera wrote.
const MAX_TEXT: usize = 120;

/// What a camera wrote. What it did not write, or wrote wrongly, is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CameraNotes {
    /// What is printed beside a photo.
    #[serde(flatten)]
    pub exif: Exif,
    /// When the shutter was released.
    pub taken: Option<Taken>,
    /// Where.
    pub position: Option<Position>,
    /// How the file is turned, 1 to 8 as EXIF numbers it; derivatives stand upright.
    pub orientation: Option<u8>,
    /// The name of the embedded colour profile: `Display P3`.
    pub color_profile: Option<String>,
}

impl CameraNotes {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A camera's name of the maker's and the model's.
    pub fn camera_of(make: Option<&str>, model: Option<&str>) -> Option<String> {
        match (make.and_then(shown), model.and_then(shown)) {
            (Some(make), Some(model)) => {
                let first = make.split(' ').next().unwrap_or_default();
                // `NIKON CORPORATION` makes the `NIKON D850`.
                let said = model.get(..first.len()).is_some_and(|start| start.eq_ignore_ascii_case(first));
                shown(&if said { model } else { format!("{make} {model}") })
            }
            (make, model) => model.or(make),
        }
    }

    /// A text as it is kept: without what is not shown, and not too long.
    pub fn text(text: &str) -> Option<String> {
        shown(text)
    }

    /// An aperture of a number: 2.8 is `f/2.8`, 4 is `f/4`.
    pub fn aperture_of(number: f64) -> Option<String> {
        (number > 0.0 && number < 1000.0).then(|| format!("f/{}", plain(number, 1)))
    }

    /// A shutter speed of a number of seconds: 0.008 is `1/125`, 2.5 is `2.5`.
    pub fn shutter_speed_of(seconds: f64) -> Option<String> {
        if !(seconds > 0.0 && seconds < 100_000.0) {
            None
        } else if seconds < 0.3 {
            Some(format!("1/{}", plain(1.0 / seconds, 0)))
        } else {
            Some(plain(seconds, 1))
        }
    }

    /// A focal length of a number of millimetres: `50mm`.
    pub fn focal_length_of(millimetres: f64) -> Option<String> {
        (millimetres > 0.0 && millimetres < 100_000.0).then(|| format!("{}mm", plain(millimetres, 1)))
    }
}

impl Processing {
    /// What the camera wrote, as far as it was read.
    pub fn notes(&self) -> CameraNotes {
        self.exif.clone().and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default()
    }
}

/// Rounded, without zeros at the end.
fn plain(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

fn shown(text: &str) -> Option<String> {
    let text = text.split('\0').next().unwrap_or_default();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let text: String = words.collect::<Vec<_>>().join(" ").chars().take(MAX_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_cameras_print_them() {
        for (number, text) in [(2.8, "f/2.8"), (4.0, "f/4"), (1.8, "f/1.8"), (22.0, "f/22"), (5.6, "f/5.6")] {
            assert_eq!(CameraNotes::aperture_of(number).as_deref(), Some(text));
        }
        for (seconds, text) in [(0.008, "1/125"), (1.0 / 8000.0, "1/8000"), (0.25, "1/4"), (0.5, "0.5"), (30.0, "30")] {
            assert_eq!(CameraNotes::shutter_speed_of(seconds).as_deref(), Some(text));
        }
        assert_eq!(CameraNotes::focal_length_of(50.0).as_deref(), Some("50mm"));
        assert_eq!(CameraNotes::focal_length_of(4.25).as_deref(), Some("4.2mm"));
        for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(CameraNotes::aperture_of(nonsense), None);
            assert_eq!(CameraNotes::shutter_speed_of(nonsense), None);
            assert_eq!(CameraNotes::focal_length_of(nonsense), None);
        }
    }

    #[test]
    fn a_camera_is_named_once() {
        fn camera(make: Option<&str>, model: Option<&str>) -> Option<String> {
            CameraNotes::camera_of(make, model)
        }
        assert_eq!(camera(Some("Canon"), Some("Canon EOS R5")).as_deref(), Some("Canon EOS R5"));
        assert_eq!(camera(Some("NIKON CORPORATION"), Some("NIKON D850")).as_deref(), Some("NIKON D850"));
        assert_eq!(camera(Some("SONY\0"), Some(" ILCE-7M3  \0x")).as_deref(), Some("SONY ILCE-7M3"));
        assert_eq!(camera(None, Some("X100")).as_deref(), Some("X100"));
        assert_eq!(camera(Some(" "), Some("\0")), None);
        assert_eq!(camera(None, Some(&"长".repeat(500))).unwrap().chars().count(), 120);
        assert_eq!(camera(Some("长长"), Some("é")).as_deref(), Some("长长 é"));
    }
}
