//! The portfolio: photos, and the files that they are made of.

pub mod categories;
pub mod photos;
pub mod processing;
pub mod tags;
pub mod timeline;
pub mod uploads;

use sharestack_content::model::FormatName;
use sharestack_content::ports::PhotoThumb;

use crate::http::registry::Registry;
use crate::wiring::App;

/// Registers the domain's operations.
pub fn register(config: &mut Registry<'_>) {
    photos::register(config);
    categories::register(config);
    tags::register(config);
    timeline::register(config);
    config.service(processing::read_upload_status).service(processing::reprocess_upload);
    uploads::register(config);
}

/// Where the small picture of a photo is that stands for it in lists of other things.
pub(in crate::http) fn thumb(app: &App, photo: &PhotoThumb) -> Option<String> {
    let format = FormatName::ThumbMedium;
    photo.formats.contains(&format).then(|| app.photos.links.open(photo.id, photo.revision, format))
}
