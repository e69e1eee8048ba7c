//! Photos are found by their words.

use std::time::Instant;

use actix_web::get;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sharestack_content::ports::PhotoSearchSort;
use sharestack_content::service::{FoundPhoto, SearchPhotos, SearchResult};
use sharestack_kernel::field::FieldErrors;
use utoipa::ToSchema;

use super::SearchFacets;
use crate::http::error::ApiError;
use crate::http::extract::{MaybeAuth, Params, Parse, option};
use crate::http::portfolio::categories::category_text;
use crate::http::portfolio::photos::examples::{item_example, with};
use crate::http::portfolio::photos::views::PhotoItem;
use crate::http::reply::{Paged, Reply};
use crate::wiring::{App, PhotoLinks};

/// What to look for, and where.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PhotoSearchQuery {
    /// Words, up to 200 characters. They stand in the title, the tags, the place, the owner's
    /// names, the description, or the name of the camera or the lens. No character is an
    /// operator.
    #[param(value_type = String, required = true, min_length = 1, max_length = 200, example = "夜景")]
    q: Option<String>,
    /// The page's number, from 1; the first 10,000 photos can be reached, and `total_pages`
    /// counts no further.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// A category's id; photos in those below it are in it too.
    #[param(value_type = Option<i64>, minimum = 1, example = 1)]
    category: Option<String>,
    /// Names or slugs of tags with commas between them; a photo has all of them.
    #[param(example = "城市,建筑")]
    tags: Option<String>,
    /// Words that all stand in the name of the place, its city or its country.
    #[param(max_length = 200, example = "上海")]
    location: Option<String>,
    /// The first day of taking, by the clocks of the place.
    #[param(format = Date, example = "2024-01-01")]
    date_from: Option<String>,
    /// The last day of taking.
    #[param(format = Date, example = "2024-12-31")]
    date_to: Option<String>,
    /// Words that all stand in the name of the camera.
    #[param(max_length = 200, example = "Canon EOS R5")]
    camera: Option<String>,
    /// Words that all stand in the name of the lens.
    #[param(max_length = 200, example = "RF 24-70mm")]
    lens: Option<String>,
    /// What to count the found photos by, with commas between them: `categories`, `tags`,
    /// `years`. All of them when it is left out.
    #[param(example = "tags,years")]
    facets: Option<String>,
    /// `relevance`; `taken_at` (`created_at`, where that is not known) or `created_at`.
    #[param(default = "relevance", example = "relevance")]
    sort_by: Option<String>,
    /// `desc`; by time `asc` too.
    #[param(default = "desc", example = "desc")]
    sort_order: Option<String>,
}

impl Parse for PhotoSearchQuery {
    type Output = SearchPhotos;

    fn parse(self) -> Result<SearchPhotos, FieldErrors> {
        let mut errors = FieldErrors::new();
        let check = &mut errors;
        let page = super::page(check, self.page.as_deref(), self.limit.as_deref());
        let text = super::words(check, self.q);
        let (from, to) = super::days(check, self.date_from, self.date_to);
        let sorts = PhotoSearchSort::ALL.map(|sort| (sort.as_str(), sort));
        let query = SearchPhotos {
            text,
            category: option(check, "category", self.category, |text| category_text(&text)),
            tags: super::tags(check, self.tags),
            place: option(check, "location", self.location, |text| super::filter(&text)),
            camera: option(check, "camera", self.camera, |text| super::filter(&text)),
            lens: option(check, "lens", self.lens, |text| super::filter(&text)),
            from,
            to,
            facets: super::facets(check, self.facets),
            sort: super::sort(check, self.sort_by, self.sort_order, &sorts),
            page,
        };
        errors.finish().map(|()| query)
    }
}

/// Where the words stand, as HTML: escaped, with `<mark>` around the words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "title": "城市<mark>夜景</mark>", "description": null, "location": null, "tags": ["<mark>夜景</mark>"]
}))]
pub struct PhotoHighlight {
    /// The title; `null` when none is in it.
    pub title: Option<String>,
    /// The part of the description where most of them stand; `null` when none does.
    pub description: Option<String>,
    /// The name of the place, the city or the country; `null` when none is there.
    pub location: Option<String>,
    /// The tags in which one is.
    pub tags: Vec<String>,
}

/// A found photo, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(hit_example()))]
pub struct PhotoHit {
    #[serde(flatten)]
    pub photo: PhotoItem,
    /// How well it matches: *s* / (*s* + 20) of the BM25 sum *s* over the words, each in the
    /// field where it weighs most (title 12, tags 5, place 4, owner 3, description 1, camera
    /// and lens 0.5).
    #[schema(minimum = 0, maximum = 1, example = 0.95)]
    pub score: f64,
    pub highlight: PhotoHighlight,
}

fn hit_example() -> Value {
    let more = json!({
        "score": 0.95,
        "highlight": {
            "title": "城市<mark>夜景</mark>", "description": "繁华都市的<mark>夜景</mark>", "location": null,
            "tags": ["<mark>夜景</mark>"]
        }
    });
    with(item_example(), more)
}

impl PhotoHit {
    fn new(found: FoundPhoto, links: &PhotoLinks) -> Self {
        let FoundPhoto { view, score, title, description, place, tags } = found;
        Self {
            photo: PhotoItem::new(view, links),
            score: super::score(score),
            highlight: PhotoHighlight { title, description, location: place, tags },
        }
    }
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "photos": [hit_example()],
    "facets": {
        "categories": [{ "id": 1, "name": "城市风光", "count": 15 }, { "id": 2, "name": "建筑摄影", "count": 8 }],
        "tags": [{ "name": "城市", "count": 20 }, { "name": "夜景", "count": 12 }],
        "years": [{ "year": 2024, "count": 25 }, { "year": 2023, "count": 18 }]
    },
    "search_time": 4.2
}))]
pub struct PhotoSearchResult {
    pub photos: Vec<PhotoHit>,
    pub facets: SearchFacets,
    /// How long the server looked, in milliseconds.
    pub search_time: f64,
}

/// Finds photos by their words, the best first.
///
/// Visitors find what is public, published and processed; with `photo.read` one finds one's
/// own photos too, whatever their state, and with `photo.update` those of all; none that is
/// in the trash. Counts are over the same. Chinese words are found inside sentences, English
/// ones in all their forms; a slip of the finger is forgiven in words that none of these has. At
/// most one word in four may be missing.
#[utoipa::path(
    tag = "Photos",
    security((), ("bearer" = [])),
    params(PhotoSearchQuery),
    responses((status = 200, description = "One page of what was found", body = Paged<PhotoSearchResult>)),
)]
#[get("/api/v1/photos/search")]
pub async fn search_photos(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<PhotoSearchQuery>,
) -> Result<Reply<PhotoSearchResult>, ApiError> {
    let started = Instant::now();
    let SearchResult { page, facets } = app.searching_photos.search(auth.0.as_ref(), query.0).await?;
    let (request, total) = (page.request, page.total);
    let photos = page.items.into_iter().map(|found| PhotoHit::new(found, &app.photos.links)).collect();
    let search_time = super::time_since(started, "photos");
    Ok(super::found(PhotoSearchResult { photos, facets: facets.into(), search_time }, request, total))
}
