//! Tags of photos, and those of articles to look at.

mod requests;
pub mod resource;
mod views;

use crate::http::registry::Registry;

/// Registers the operations.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(resource::list_tags)
        .service(resource::suggest_tags)
        .service(resource::tag_cloud)
        .service(resource::trending_tags)
        .service(resource::create_tag)
        .service(resource::merge_tags)
        .service(resource::edit_tag)
        .service(resource::delete_tag);
}
