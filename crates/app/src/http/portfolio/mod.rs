//! The portfolio: photos, and the files that they are made of.

pub mod categories;
pub mod photos;
pub mod processing;
pub mod tags;
pub mod timeline;
pub mod uploads;

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use sharestack_content::model::FormatName;
use sharestack_content::ports::PhotoThumb;
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
pub(in crate::http) fn thumb(app: &App, photo: &PhotoThumb) -> Option<String> {
    let format = FormatName::ThumbMedium;
    photo.formats.contains(&format).then(|| app.photos.links.open(photo.id, photo.revision, format))
}

/// A tag of an answer that has no version of its own.
pub(in crate::http) fn etag(answer: &impl Serialize) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_vec(answer).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A tag of a single thing: its version, and what else its answer depends on.
pub(in crate::http) fn versioned(version: i64, answer: &impl Serialize) -> String {
    format!("v{version}-{}", etag(answer))
}
