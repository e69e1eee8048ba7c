//! The portfolio: photos, and the files that they are made of.

pub mod categories;
pub mod photos;
pub mod processing;
pub mod tags;
pub mod timeline;
pub mod uploads;

use sharestack_content::model::{FormatName, Photo};
use sharestack_content::service::Wanted;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::wiring::App;

/// Registers the domain's operations.
pub fn register(config: &mut ServiceConfig<'_>) {
    photos::register(config);
    categories::register(config);
    tags::register(config);
    timeline::register(config);
    config.service(processing::read_upload_status).service(processing::reprocess_upload);
    uploads::register(config);
}

/// Where the small picture of a photo is that stands for it in lists of other things.
pub(in crate::http) fn thumb(app: &App, photo: &Photo) -> Option<String> {
    let format = FormatName::ThumbMedium;
    // One that not everybody may see has signed addresses, which are for who sees the photo itself.
    let shown = photo.is_open() && photo.picture.formats.contains_key(&format);
    shown.then(|| app.photos.links.show(photo, Wanted::Format(format)))
}
