//! From embedded colour profiles to sRGB.

use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformOptions};
use sharestack_content::model::CameraNotes;

use crate::raster::Raster;

/// The largest profile that is taken: those of presses have half of it.
pub(crate) const MAX_PROFILE: usize = 4 * 1024 * 1024;

/// A profile other than sRGB's, of three colours.
pub(crate) struct Profile(ColorProfile);

/// What a profile calls itself.
pub(crate) fn name(profile: &[u8]) -> Option<String> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let name = match profile.description? {
        ProfileText::PlainString(text) => text,
        ProfileText::Localizable(texts) => texts.into_iter().next()?.value,
        ProfileText::Description(text) => text.ascii_string,
    };
    CameraNotes::text(&name)
}

impl Profile {
    /// Reads an embedded profile. `None` for sRGB, for what is broken, and for one of another
    /// number of colours than a decoded picture has: the four of presses are made three by the
    /// decoder, which knows no profile.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        // Most pictures say sRGB; what is no other leaves the pixels as they are.
        if name(bytes).is_some_and(|name| name.starts_with("sRGB")) {
            return None;
        }
        let profile = ColorProfile::new_from_slice(bytes).ok()?;
        (profile.color_space == DataColorSpace::Rgb).then_some(Self(profile))
    }

    /// Turns the picture's colours into sRGB. A profile that cannot be applied changes nothing.
    pub fn apply(&self, picture: &mut Raster) {
        let layout = if picture.has_alpha() { Layout::Rgba } else { Layout::Rgb };
        let srgb = ColorProfile::new_srgb();
        let Ok(transform) = self.0.create_transform_8bit(layout, &srgb, layout, TransformOptions::default()) else {
            return;
        };
        let source = picture.pixels().to_vec();
        // Half of it would be worse than none.
        if transform.transform(&source, picture.pixels_mut()).is_err() {
            picture.pixels_mut().copy_from_slice(&source);
        }
    }
}
