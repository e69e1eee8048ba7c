//! Articles: written, published, listed, read through a gate.

pub mod articles;
pub mod categories;
pub mod drafts;
pub(in crate::http) mod fields;
mod list;
pub mod publishing;
mod requests;
pub mod search;
mod views;

pub(super) use list::ArticleListQuery;
pub(super) use views::Article;

use crate::http::registry::Registry;

/// Registers the domain's operations. Literal segments come before `{id}`.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(articles::list_articles)
        .service(articles::create_article)
        .service(search::search_articles)
        .service(categories::list_article_categories)
        .service(categories::create_article_category)
        .service(categories::edit_article_category)
        .service(categories::delete_article_category)
        .service(super::portfolio::tags::resource::list_article_tags)
        .service(super::search::photos::search_photos)
        .service(drafts::list_drafts)
        .service(drafts::autosave_draft)
        .service(publishing::publish_article)
        .service(publishing::unpublish_article)
        .service(articles::read_article)
        .service(articles::edit_article)
        .service(articles::delete_article);
}
