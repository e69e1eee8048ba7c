//! What is found by its words, and the indexes that know it.

mod articles;
mod indexing;
mod photos;

use std::collections::HashMap;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::Page;

pub use articles::{FoundArticle, SearchArticles, Searching};
pub use indexing::{Follower, IndexState, Indexing, Step};
pub use photos::{FoundPhoto, SearchPhotos, SearchingPhotos};

use super::taxonomy::sees_hidden;
use crate::model::{CategoryId, CategoryOutline, Kind};
use crate::ports::{CategoryQueries, Facet, FacetCounts};

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

/// The categories of a kind, as far as a search asks for them.
struct Tree {
    kind: Kind,
    categories: Vec<CategoryOutline>,
}

impl Tree {
    /// All of them when things are counted by them or one is a condition, else none.
    async fn read(
        queries: &dyn CategoryQueries,
        kind: Kind,
        facets: &[Facet],
        wanted: Option<CategoryId>,
    ) -> Result<Self, StoreError> {
        let asked = facets.contains(&Facet::Categories) || wanted.is_some();
        let categories = if asked { queries.outlines(kind).await? } else { Vec::new() };
        Ok(Self { kind, categories })
    }

    /// Those that somebody may know of: what is hidden hides what is below it.
    fn known(&self, actor: Option<&Actor>) -> impl Iterator<Item = &CategoryOutline> {
        let hidden: Vec<CategoryId> = if sees_hidden(self.kind, actor) {
            Vec::new()
        } else {
            self.categories.iter().filter(|one| !one.is_active).map(|one| one.id).collect()
        };
        self.categories.iter().filter(move |category| !hidden.iter().any(|id| category.path.contains(*id)))
    }

    /// A category and those below it, as lists take them; none for one that is not known.
    fn below(&self, actor: Option<&Actor>, id: CategoryId) -> Vec<CategoryId> {
        if !self.known(actor).any(|category| category.id == id) {
            return Vec::new();
        }
        self.categories.iter().filter(|category| category.path.contains(id)).map(|category| category.id).collect()
    }

    /// Their names.
    fn names(&self, actor: Option<&Actor>) -> HashMap<CategoryId, &str> {
        self.known(actor).map(|one| (one.id, one.name.as_str())).collect()
    }
}

/// The most categories and tags that are shown.
const MOST_VALUES: usize = 50;

/// Counts under the names of what was counted. Categories without one are left out, and take no
/// other's place; all years are shown.
fn counted(facets: Vec<FacetCounts>, names: &HashMap<CategoryId, &str>) -> Vec<Counted> {
    let value = |facet: Facet, (value, count): (String, u64)| match facet {
        Facet::Tags | Facet::Years => Some(FacetValue { category: None, name: value, count }),
        Facet::Categories => {
            let id = CategoryId::new(value.parse().ok()?);
            Some(FacetValue { category: Some(id), name: (*names.get(&id)?).to_owned(), count })
        }
    };
    let facet = |FacetCounts { facet, counts }| {
        let most = if facet == Facet::Years { usize::MAX } else { MOST_VALUES };
        Counted { facet, values: counts.into_iter().filter_map(|one| value(facet, one)).take(most).collect() }
    };
    facets.into_iter().map(facet).collect()
}
