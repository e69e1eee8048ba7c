//! Photos: made, listed, read, changed, put away, liked, saved, shared.

pub mod batch;
pub(in crate::http) mod examples;
pub mod likes;
mod list;
pub mod map;
pub mod media;
mod requests;
pub mod resource;
pub mod shares;
pub mod trash;
pub mod views;

pub(in crate::http) use list::{order, sort};
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the operations. Literal segments come before `{id}`.
pub fn register(config: &mut ServiceConfig<'_>) {
    config
        .service(resource::list_photos)
        .service(resource::create_photo)
        .service(batch::batch_photos)
        .service(batch::reorder_photos)
        .service(trash::list_trashed_photos)
        .service(map::map_photos)
        .service(shares::create_share_link)
        .service(shares::revoke_share_link)
        .service(shares::open_share_link)
        .service(media::read_picture)
        .service(media::download_photo)
        .service(likes::like_photo)
        .service(likes::unlike_photo)
        .service(trash::restore_photo)
        .service(resource::read_photo)
        .service(resource::edit_photo)
        .service(trash::delete_photo);
}
