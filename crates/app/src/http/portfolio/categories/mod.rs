//! Categories of photos.

mod listing;
pub mod photos;
mod requests;
pub mod resource;
pub(in crate::http) mod shared;
mod views;

pub(in crate::http) use requests::{
    CategoryCreate, CategoryDeleteQuery, CategoryUpdate, category, category_text, photos as photo_ids, truth,
};
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the operations.
pub fn register(config: &mut ServiceConfig<'_>) {
    config
        .service(resource::list_categories)
        .service(resource::create_category)
        .service(resource::read_category)
        .service(resource::edit_category)
        .service(resource::delete_category)
        .service(resource::set_category_cover)
        .service(photos::list_category_photos)
        .service(photos::add_category_photos)
        .service(photos::remove_category_photos);
}
