//! What is found by its words, and the indexes that know it.

mod articles;
mod indexing;
mod photos;

use std::collections::HashMap;

use sharestack_kernel::page::Page;

pub use articles::{FoundArticle, SearchArticles, Searching};
pub use indexing::{Follower, IndexState, Indexing, Step};
pub use photos::{FoundPhoto, SearchPhotos, SearchingPhotos};

use crate::model::CategoryId;
use crate::ports::{Facet, FacetCounts};

/// What a reader finds.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult<T> {
    /// One page, in the order that was asked for.
    pub page: Page<T>,
    /// What was asked to be counted by.
    pub facets: Vec<Counted>,
}

/// How many of the found things each value of a facet has, the most frequent first; years
/// the latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What was counted by.
    pub facet: Facet,
    /// The values.
    pub values: Vec<FacetValue>,
}

/// A value of a facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The category, where it is one.
    pub category: Option<CategoryId>,
    /// What it is called: a year is its number.
    pub name: String,
    /// How many of the found things have it.
    pub count: u64,
}

/// The names of the categories that a reader may know of.
type FacetNames = HashMap<CategoryId, String>;

/// Counts under the names of what was counted; categories without one are left out.
fn counted(facets: Vec<FacetCounts>, names: &FacetNames) -> Vec<Counted> {
    let value = |facet: Facet, (value, count): (String, u64)| match facet {
        Facet::Tags | Facet::Years => Some(FacetValue { category: None, name: value, count }),
        Facet::Categories => {
            let id = CategoryId::new(value.parse().ok()?);
            Some(FacetValue { category: Some(id), name: names.get(&id)?.clone(), count })
        }
    };
    let facet = |FacetCounts { facet, counts }| Counted {
        facet,
        values: counts.into_iter().filter_map(|one| value(facet, one)).collect(),
    };
    facets.into_iter().map(facet).collect()
}
