//! Follows, blocks, and what everybody may see of a user beside the profile.

pub mod blocks;
pub mod follows;
pub mod people;
mod views;

use actix_web::web::Path;
use sharestack_social::model::Person;

use super::error::ApiError;
use crate::http::registry::Registry;
use crate::wiring::App;

/// Registers the domain's operations.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(blocks::list_blocks)
        .service(blocks::block_user)
        .service(blocks::unblock_user)
        .service(follows::follow_user)
        .service(follows::unfollow_user)
        .service(follows::list_followers)
        .service(follows::list_following)
        .service(people::user_stats)
        .service(people::list_user_articles);
}

/// Whom a path means: an id or a username.
async fn person(app: &App, path: &Path<String>) -> Result<Person, ApiError> {
    let found = app.social.queries.find_person(path).await?;
    found.ok_or_else(|| ApiError::not_found("user", path.as_str()))
}
