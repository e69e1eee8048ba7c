//! What photos are made and changed with.

use serde::Deserialize;
use serde_json::{Map, Value};
use sharestack_content::model::{
    Caption, CategoryId, FileId, MAX_CATEGORIES, Metadata, PhotoStatus, Place, Position, Slug, Taken, Title,
    Visibility, tag_names,
};
use sharestack_content::service::{CreatePhoto, EditPhoto};
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::time;
use utoipa::ToSchema;

use crate::http::content::fields::{all, into_option, list, patch};
use crate::http::extract::{Parse, option, set};

/// Where a photo was taken.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "上海外滩", "latitude": 31.23037, "longitude": 121.4737, "country": "China", "city": "Shanghai"
}))]
pub struct LocationInput {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Patch<String>,
    /// From -90 to 90; it goes with the longitude.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = -90, maximum = 90)]
    latitude: Patch<f64>,
    /// From -180 to 180.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = -180, maximum = 180)]
    longitude: Patch<f64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    country: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    city: Patch<String>,
}

/// A location, checked.
#[derive(Default)]
struct Location {
    name: Patch<String>,
    position: Patch<Position>,
    country: Patch<String>,
    city: Patch<String>,
}

impl Location {
    fn cleared() -> Self {
        Self { name: Patch::Clear, position: Patch::Clear, country: Patch::Clear, city: Patch::Clear }
    }
}

fn name(max: usize) -> impl FnOnce(String) -> Result<String, Issue> {
    move |text| length(text.trim().to_owned(), 1, max)
}

impl LocationInput {
    fn check(self, check: &mut FieldErrors) -> Location {
        let latitude = ("location.latitude", self.latitude);
        let longitude = ("location.longitude", self.longitude);
        let position = match (latitude.1, longitude.1) {
            (Patch::Keep, Patch::Keep) => Patch::Keep,
            (Patch::Clear, Patch::Clear | Patch::Keep) | (Patch::Keep, Patch::Clear) => Patch::Clear,
            (Patch::Set(north), Patch::Set(east)) => {
                let latitude = check.check(latitude.0, Position::degrees(north, 0.0));
                let longitude = check.check(longitude.0, Position::degrees(0.0, east));
                let both = latitude.zip(longitude);
                both.map_or(Patch::Keep, |(north, east)| {
                    Patch::Set(Position { latitude: north.latitude, longitude: east.longitude })
                })
            }
            // One without the other is no point.
            (Patch::Set(_), _) => {
                check.push(longitude.0, Issue::Required);
                Patch::Keep
            }
            (_, Patch::Set(_)) => {
                check.push(latitude.0, Issue::Required);
                Patch::Keep
            }
        };
        Location {
            name: patch(check, "location.name", self.name, name(200)),
            position,
            country: patch(check, "location.country", self.country, name(100)),
            city: patch(check, "location.city", self.city, name(100)),
        }
    }
}

/// Reads a time with its offset.
fn taken(text: &str) -> Result<Taken, Issue> {
    let taken = Taken::with_offset(time::parse(text)?);
    let (min, max) = (Taken::YEARS.start(), Taken::YEARS.end());
    taken.known().ok_or(Issue::OutOfRange { min: (*min).into(), max: (*max).into() })
}

/// Reads ids, each once, as `field[2]`.
pub(super) fn ids(check: &mut FieldErrors, field: &str, numbers: Vec<i64>, max: usize) -> Vec<i64> {
    if numbers.len() > max {
        check.push(field, Issue::TooLong { max });
    }
    let mut ids = Vec::new();
    for (index, number) in numbers.into_iter().take(max).enumerate() {
        if check.range(&format!("{field}[{index}]"), number, 1, MAX_NUMERIC_ID - 1).is_some() && !ids.contains(&number)
        {
            ids.push(number);
        }
    }
    ids
}

pub(super) fn categories(check: &mut FieldErrors, numbers: Vec<i64>) -> Vec<CategoryId> {
    ids(check, "categories", numbers, MAX_CATEGORIES).into_iter().map(CategoryId::new).collect()
}

/// A new photo.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "title": "城市夜景", "description": "繁华都市的夜晚景色", "file_id": "upload_123456789", "status": "published",
    "visibility": "public", "taken_at": "2024-01-15T18:30:00Z",
    "location": { "name": "上海外滩", "latitude": 31.23037, "longitude": 121.4737 },
    "categories": [1, 2], "tags": ["夜景", "城市", "建筑"],
    "metadata": { "weather": "clear", "temperature": "15°C" }
}))]
pub struct PhotoCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    #[schema(max_length = 5000)]
    description: Option<String>,
    /// A file of one's own, as its upload named it.
    #[schema(required = true, nullable = false, example = "upload_123456789")]
    file_id: Option<String>,
    /// Letters and digits of any script with single `-` between them; derived from the title
    /// when it is left out.
    #[schema(max_length = 100)]
    slug: Option<String>,
    /// `draft` (default), `published` or `archived`.
    status: Option<String>,
    /// `public` (default), `unlisted` or `private`.
    visibility: Option<String>,
    /// What the camera says when it is left out.
    #[schema(format = DateTime)]
    taken_at: Option<String>,
    /// What the camera says when it is left out.
    location: Option<LocationInput>,
    /// Ids of categories; the first is the primary one.
    #[schema(max_items = 20)]
    categories: Option<Vec<i64>>,
    /// Names of tags; new ones are made.
    #[schema(max_items = 20)]
    tags: Option<Vec<String>>,
    /// An object of one's own, up to 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    sort_order: Option<i64>,
}

/// A number that orders photos.
pub(super) fn sort_order(number: i64) -> Result<i64, Issue> {
    let (min, max) = (-MAX_NUMERIC_ID, MAX_NUMERIC_ID);
    if (min..=max).contains(&number) { Ok(number) } else { Err(Issue::OutOfRange { min, max }) }
}

/// A text of an owner that may be empty: then it is none.
fn caption(text: &str) -> Result<Caption, Issue> {
    Caption::parse(text)
}

impl Parse for PhotoCreate {
    type Output = CreatePhoto;

    fn parse(self) -> Result<CreatePhoto, FieldErrors> {
        let mut check = FieldErrors::new();
        let title = check.required("title", self.title);
        let title = option(&mut check, "title", title, Title::parse);
        let file = check.required("file_id", self.file_id);
        let file = option(&mut check, "file_id", file, |text| FileId::parse_handle(&text).ok_or(Issue::InvalidFormat));
        let place = self.location.unwrap_or_default().check(&mut check);
        let command = CreatePhoto {
            title: title.unwrap_or_else(|| Title::stored(String::new())),
            slug: option(&mut check, "slug", self.slug, |text| Slug::parse(&text)),
            description: option(&mut check, "description", self.description, |text| caption(&text))
                .filter(|text| !text.as_str().is_empty()),
            file: file.unwrap_or(FileId::new(0)),
            status: option(&mut check, "status", self.status, |text| PhotoStatus::parse(&text)).unwrap_or_default(),
            visibility: option(&mut check, "visibility", self.visibility, |text| Visibility::parse(&text))
                .unwrap_or_default(),
            sort_order: option(&mut check, "sort_order", self.sort_order, sort_order).unwrap_or_default(),
            taken: option(&mut check, "taken_at", self.taken_at, |text| taken(&text)),
            place: Place {
                name: into_option(place.name),
                position: into_option(place.position),
                country: into_option(place.country),
                city: into_option(place.city),
            },
            categories: categories(&mut check, self.categories.unwrap_or_default()),
            tags: all(&mut check, tag_names(self.tags.unwrap_or_default())).unwrap_or_default(),
            metadata: option(&mut check, "metadata", self.metadata, Metadata::parse).unwrap_or_default(),
        };
        check.finish().map(|()| command)
    }
}

/// Changes to a photo: omitted fields stay, `null` clears a nullable one, arrays replace.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "title": "上海外滩夜景", "description": "更新后的描述", "status": "published", "categories": [1, 3],
    "tags": ["夜景", "城市", "外滩"], "version": 1
}))]
pub struct PhotoUpdate {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200)]
    title: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 5000)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 100)]
    slug: Patch<String>,
    /// `draft`, `published` or `archived`.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    status: Patch<String>,
    /// `public`, `unlisted` or `private`. What becomes unlisted gets a new slug that nobody
    /// guesses, unless one is named.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    visibility: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    taken_at: Patch<String>,
    /// Its fields are merged; `null` clears all of them.
    #[serde(default)]
    #[schema(value_type = Option<LocationInput>)]
    location: Patch<LocationInput>,
    /// All categories anew.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, max_items = 20)]
    categories: Patch<Vec<i64>>,
    /// All tags anew.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    tags: Patch<Vec<String>>,
    /// The whole object anew.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Map<String, Value>>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, nullable = false)]
    sort_order: Patch<i64>,
    /// The version that the change is based on; another is refused with 409.
    version: Option<i64>,
}

impl Parse for PhotoUpdate {
    type Output = EditPhoto;

    fn parse(self) -> Result<EditPhoto, FieldErrors> {
        let mut check = FieldErrors::new();
        let place = match self.location {
            Patch::Keep => Location::default(),
            Patch::Clear => Location::cleared(),
            Patch::Set(location) => location.check(&mut check),
        };
        let description = patch(&mut check, "description", self.description, |text| caption(&text));
        let metadata = match self.metadata {
            Patch::Clear => Some(Metadata::default()),
            metadata => set(&mut check, "metadata", metadata, Metadata::parse),
        };
        let tags = list(self.tags).map(|names| all(&mut check, tag_names(names)).unwrap_or_default());
        let command = EditPhoto {
            title: set(&mut check, "title", self.title, Title::parse),
            slug: set(&mut check, "slug", self.slug, |text| Slug::parse(&text)),
            description: match description {
                Patch::Set(text) if text.as_str().is_empty() => Patch::Clear,
                description => description,
            },
            status: set(&mut check, "status", self.status, |text| PhotoStatus::parse(&text)),
            visibility: set(&mut check, "visibility", self.visibility, |text| Visibility::parse(&text)),
            sort_order: set(&mut check, "sort_order", self.sort_order, sort_order),
            taken: patch(&mut check, "taken_at", self.taken_at, |text| taken(&text)),
            place_name: place.name,
            position: place.position,
            country: place.country,
            city: place.city,
            categories: list(self.categories).map(|numbers| categories(&mut check, numbers)),
            tags,
            metadata,
            if_current: self.version,
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}
