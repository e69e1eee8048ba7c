//! The timeline.

mod requests;
pub mod resource;
mod views;

use crate::http::registry::Registry;

/// Registers the operations. Literal segments come before `{year}`.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(resource::read_timeline)
        .service(resource::create_timeline_event)
        .service(resource::edit_timeline_event)
        .service(resource::delete_timeline_event)
        .service(resource::read_timeline_month);
}
