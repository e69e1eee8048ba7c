//! Photos are found by their words.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use super::{SearchResult, Tree, counted};
use crate::model::{Caption, CategoryId, Kind, Photo, PhotoId, WantedTag};
use crate::ports::{
    CategoryQueries, Facet, Found, Highlighted, Hit, Order, PhotoConditions, PhotoQueries, PhotoSearchSort, PhotoSight,
    PhotoView, Photos, SearchIndex, SearchQuery,
};
use crate::service::hidden::seen;
use crate::service::{READ_PHOTO, UPDATE_PHOTO};

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchPhotos {
    /// What somebody typed.
    pub text: String,
    /// In this category or one below it.
    pub category: Option<CategoryId>,
    /// With all these tags.
    pub tags: Vec<WantedTag>,
    /// Taken at a place that has all these words.
    pub place: Option<String>,
    /// Taken with a camera that has all these words.
    pub camera: Option<String>,
    /// Taken through a lens that has all these words.
    pub lens: Option<String>,
    /// Taken on this day or later, by the clocks of the place.
    pub from: Option<NaiveDate>,
    /// Taken on this day or earlier.
    pub to: Option<NaiveDate>,
    /// What to count by.
    pub facets: Vec<Facet>,
    /// The order; `None` is the best first.
    pub sort: Option<(PhotoSearchSort, Order)>,
    /// The page.
    pub page: PageRequest,
}

/// A found photo. Its texts are HTML with marks; what nothing was found in is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPhoto {
    /// The photo.
    pub view: PhotoView,
    /// How well it matches, from 0 to 1.
    pub score: f32,
    /// Its title.
    pub title: Option<String>,
    /// The part of its description where most was found.
    pub description: Option<String>,
    /// The place, the city or the country.
    pub place: Option<String>,
    /// The names of its tags.
    pub tags: Vec<String>,
}

/// Finds photos.
#[derive(Clone)]
pub struct SearchingPhotos {
    photos: Arc<dyn PhotoQueries>,
    categories: Arc<dyn CategoryQueries>,
    index: Arc<dyn SearchIndex<Photos>>,
}

impl SearchingPhotos {
    /// The service over these ports.
    pub const fn new(
        photos: Arc<dyn PhotoQueries>,
        categories: Arc<dyn CategoryQueries>,
        index: Arc<dyn SearchIndex<Photos>>,
    ) -> Self {
        Self { photos, categories, index }
    }

    /// Finds the photos that somebody may see: visitors those that are listed, owners their
    /// own beside them, and who works on the photos of all each that is not in the trash.
    /// What the index does not know yet that it is gone is left out.
    ///
    /// # Errors
    /// When the store fails, or there is no index yet.
    pub async fn search(
        &self,
        actor: Option<&Actor>,
        wanted: SearchPhotos,
    ) -> Result<SearchResult<FoundPhoto>, StoreError> {
        let sight = sight(actor);
        let tree = Tree::read(&*self.categories, Kind::Photo, &wanted.facets, wanted.category).await?;
        let query = SearchQuery::<Photos> {
            text: wanted.text,
            conditions: PhotoConditions {
                sight,
                categories: wanted.category.map(|id| tree.below(actor, id)),
                tags: wanted.tags.iter().map(|tag| tag.key().to_owned()).collect(),
                place: wanted.place,
                camera: wanted.camera,
                lens: wanted.lens,
                from: wanted.from,
                to: wanted.to,
            },
            facets: wanted.facets,
            sort: wanted.sort,
            page: wanted.page,
        };
        let nowhere = query.conditions.categories.as_ref().is_some_and(Vec::is_empty);
        let found: Found<Photos> =
            if nowhere { Found::nothing(&query.facets) } else { self.index.search(&query).await? };
        let Found { hits, total, facets, forgiven } = found;
        let ids: Vec<PhotoId> = hits.iter().map(|hit| hit.id).collect();
        let views = if ids.is_empty() { Vec::new() } else { self.photos.find_many(&ids).await? };
        let views = views.into_iter().filter(|view| sees(sight, &view.photo));
        let mut views: HashMap<PhotoId, PhotoView> = views.map(|view| (view.photo.id, seen(actor, view))).collect();
        let shown: Vec<(Hit<Photos>, PhotoView)> =
            hits.into_iter().filter_map(|hit| views.remove(&hit.id).map(|view| (hit, view))).collect();
        let vanished = (ids.len() - shown.len()) as u64;
        let items = self.mark(&query.text, &forgiven, shown).await?;
        let page = Page { items, total: total - vanished.min(total), request: query.page };
        Ok(SearchResult { page, facets: counted(facets, &tree.names(actor)) })
    }

    /// Marks the words in titles, descriptions, places and tags.
    async fn mark(
        &self,
        query: &str,
        forgiven: &[String],
        shown: Vec<(Hit<Photos>, PhotoView)>,
    ) -> Result<Vec<FoundPhoto>, StoreError> {
        let texts = shown.iter().flat_map(|(_, view)| texts(view)).collect();
        let mut marked = self.index.highlight(query, forgiven, texts).await?.into_iter();
        let mut next = || marked.next().flatten();
        let found = shown.into_iter().map(|(hit, view)| {
            let (title, description) = (next(), next());
            let place = [next(), next(), next()].into_iter().flatten().next();
            let tags = view.tags.iter().filter_map(|_| next()).collect();
            FoundPhoto { view, score: hit.score, title, description, place, tags }
        });
        Ok(found.collect())
    }
}

/// What words may be marked in: the title, the description, three names of the place, and
/// each tag.
fn texts(view: &PhotoView) -> Vec<Highlighted> {
    let text = |text: Option<&str>, cut| Highlighted { text: text.unwrap_or_default().to_owned(), cut };
    let photo = &view.photo;
    let place = &photo.place;
    let fixed = [
        text(Some(photo.title.as_str()), false),
        text(photo.description.as_ref().map(Caption::as_str), true),
        text(place.name.as_deref(), false),
        text(place.city.as_deref(), false),
        text(place.country.as_deref(), false),
    ];
    fixed.into_iter().chain(view.tags.iter().map(|tag| text(Some(&tag.name), false))).collect()
}

fn sight(actor: Option<&Actor>) -> PhotoSight {
    match actor {
        Some(actor) if actor.may(UPDATE_PHOTO) => PhotoSight::All,
        Some(actor) if actor.require_owner_or(actor.user_id, READ_PHOTO).is_ok() => {
            PhotoSight::ListedAndOf(actor.user_id)
        }
        _ => PhotoSight::Listed,
    }
}

/// What the index says is a moment old: the store has the last word.
fn sees(sight: PhotoSight, photo: &Photo) -> bool {
    let kept = photo.trashed_at.is_none();
    match sight {
        PhotoSight::Listed => photo.is_listed(),
        PhotoSight::ListedAndOf(owner) => photo.is_listed() || kept && photo.owner_id == owner,
        PhotoSight::All => kept,
    }
}

#[cfg(test)]
#[path = "photos_tests.rs"]
mod tests;
