//! What lists of a category or a tag are sorted by stands with each of their links.

use sea_orm::sea_query::SimpleExpr;
use sharestack_content::model::{ListingFacts, SortKeys};
use sharestack_content::ports::PhotoSort;
use sharestack_kernel::error::StoreError;

use crate::rows::Fields;

/// The columns, which links have as photos have them.
pub(super) const SORT_KEYS: [&str; 4] = ["created_at", "shown_at", "title", "sort_order"];

/// The one of them that a list is sorted by.
pub(super) const fn sort_key(sort: PhotoSort) -> &'static str {
    match sort {
        PhotoSort::CreatedAt => "created_at",
        PhotoSort::TakenAt => "shown_at",
        PhotoSort::Title => "title",
        PhotoSort::SortOrder => "sort_order",
    }
}

/// What is written to these columns.
pub(super) fn values(keys: &SortKeys) -> [SimpleExpr; 4] {
    [keys.created_at.into(), keys.shown_at.into(), keys.title.as_str().into(), keys.sort_order.into()]
}

pub(super) fn read(fields: Fields<'_>) -> Result<SortKeys, StoreError> {
    Ok(SortKeys {
        created_at: fields.get("created_at")?,
        shown_at: fields.get("shown_at")?,
        title: fields.get("title")?,
        sort_order: fields.get("sort_order")?,
    })
}

pub(super) fn facts(fields: Fields<'_>) -> Result<ListingFacts, StoreError> {
    Ok(ListingFacts { listed: fields.get("listed")?, keys: read(fields)? })
}

/// Columns, and after them those that lists are sorted by.
pub(super) fn with_keys(columns: &[&'static str]) -> Vec<&'static str> {
    columns.iter().copied().chain(SORT_KEYS).collect()
}
