//! Photos, as answers show them.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use serde_json::{Map, Value};
use sharestack_content::model::{FormatName, Photo, Place as PlaceModel};
use sharestack_content::ports::{PhotoCategory, PhotoTag, PhotoView};
use sharestack_content::service::{ReadPhoto, Wanted};
use utoipa::ToSchema;

use super::examples::{base_example, detail_example, item_example};
use crate::http::context::timestamp;
use crate::wiring::PhotoLinks;

/// Where a picture is in the formats that lists and pages both show.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PhotoSmallFormats, example = json!({
    "thumb_small": "https://cdn.example.com/photos/1/thumb_small.jpg",
    "thumb_medium": "https://cdn.example.com/photos/1/thumb_medium.jpg",
    "thumb_large": "https://cdn.example.com/photos/1/thumb_large.jpg",
    "webp": "https://cdn.example.com/photos/1/display.webp"
}))]
pub struct SmallFormats {
    thumb_small: Option<String>,
    thumb_medium: Option<String>,
    thumb_large: Option<String>,
    webp: Option<String>,
}

/// Where a picture is in each format; `null` until it was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "thumb_small": "https://cdn.example.com/photos/1/thumb_small.jpg",
    "thumb_medium": "https://cdn.example.com/photos/1/thumb_medium.jpg",
    "thumb_large": "https://cdn.example.com/photos/1/thumb_large.jpg",
    "display": "https://cdn.example.com/photos/1/display.jpg",
    "webp": "https://cdn.example.com/photos/1/display.webp"
}))]
pub struct PhotoFormats {
    #[serde(flatten)]
    small: SmallFormats,
    display: Option<String>,
}

/// Where a picture is in each format, and the file that it was made from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "original": "https://cdn.example.com/photos/1/original.jpg?expires=1768478400&signature=5f2b9c0de1a84736b2f4c19a7d8e0f31",
    "jpg": "https://cdn.example.com/photos/1/display.jpg",
    "webp": "https://cdn.example.com/photos/1/display.webp",
    "thumb_small": "https://cdn.example.com/photos/1/thumb_small.jpg",
    "thumb_medium": "https://cdn.example.com/photos/1/thumb_medium.jpg",
    "thumb_large": "https://cdn.example.com/photos/1/thumb_large.jpg"
}))]
pub struct PhotoDetailFormats {
    /// For who may change the photo only.
    original: Option<String>,
    jpg: Option<String>,
    #[serde(flatten)]
    small: SmallFormats,
}

/// What the camera noted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "camera": "Canon EOS R5", "lens": "RF 24-70mm f/2.8L IS USM", "iso": 800, "aperture": "f/2.8",
    "shutter_speed": "1/125", "focal_length": "50mm"
}))]
pub struct PhotoExif {
    camera: Option<String>,
    lens: Option<String>,
    iso: Option<u32>,
    aperture: Option<String>,
    shutter_speed: Option<String>,
    focal_length: Option<String>,
}

/// Where a photo was taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "上海外滩", "latitude": 31.23037, "longitude": 121.4737, "country": "China", "city": "Shanghai"
}))]
pub struct PhotoLocation {
    name: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    country: Option<String>,
    city: Option<String>,
}

/// A category of a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "name": "城市风光", "slug": "cityscape", "color": "#3498db" }))]
pub struct PhotoCategoryView {
    id: i64,
    name: String,
    slug: String,
    color: Option<String>,
}

/// A category of a photo, with what it is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品", "color": "#3498db",
    "is_primary": true
}))]
pub struct PhotoCategoryDetail {
    #[serde(flatten)]
    category: PhotoCategoryView,
    description: Option<String>,
    is_primary: bool,
}

/// A tag of a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "name": "夜景", "slug": "night-view", "color": "#2c3e50" }))]
pub struct PhotoTagView {
    id: i64,
    name: String,
    slug: String,
    color: Option<String>,
}

/// A tag of a photo, and who gave it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 2, "name": "城市", "slug": "city", "color": "#e74c3c", "confidence": 0.95, "source": "ai"
}))]
pub struct PhotoTagDetail {
    #[serde(flatten)]
    tag: PhotoTagView,
    /// From 0 to 1.
    confidence: f64,
    /// `manual` or `ai`.
    source: String,
}

/// What lists and pages both show of a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(base_example()))]
pub struct PhotoBase {
    id: i64,
    title: String,
    description: Option<String>,
    slug: String,
    /// `draft`, `published` or `archived`.
    status: &'static str,
    /// `public`, `unlisted` or `private`.
    visibility: &'static str,
    #[schema(format = DateTime)]
    taken_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    view_count: i64,
    like_count: i64,
    /// Pixels of the upright picture.
    width: Option<u32>,
    height: Option<u32>,
    /// Stands in for the picture until it is loaded.
    placeholder: Option<String>,
    /// Grows with each change.
    version: i64,
    exif: PhotoExif,
    /// `null` when nothing is known.
    location: Option<PhotoLocation>,
}

/// A photo in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(item_example()))]
pub struct PhotoItem {
    #[serde(flatten)]
    base: PhotoBase,
    formats: PhotoFormats,
    categories: Vec<PhotoCategoryView>,
    tags: Vec<PhotoTagView>,
}

/// The file that a photo was made from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "original_filename": "DSC_0001.jpg", "file_size": 2_048_576, "mime_type": "image/jpeg" }))]
pub struct PhotoFileInfo {
    original_filename: String,
    /// Bytes.
    file_size: i64,
    mime_type: String,
}

/// A photo with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(detail_example()))]
pub struct PhotoDetail {
    #[serde(flatten)]
    base: PhotoBase,
    sort_order: i64,
    download_count: i64,
    /// Whether the caller likes it.
    is_liked: bool,
    file_info: PhotoFileInfo,
    formats: PhotoDetailFormats,
    categories: Vec<PhotoCategoryDetail>,
    tags: Vec<PhotoTagDetail>,
    /// What its owner noted beside.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

fn location(place: &PlaceModel) -> Option<PhotoLocation> {
    (!place.is_empty()).then(|| PhotoLocation {
        name: place.name.clone(),
        latitude: place.position.map(|position| position.latitude.degrees()),
        longitude: place.position.map(|position| position.longitude.degrees()),
        country: place.country.clone(),
        city: place.city.clone(),
    })
}

fn shown(links: &PhotoLinks, photo: &Photo, format: FormatName) -> Option<String> {
    photo.picture.formats.contains_key(&format).then(|| links.show(photo, Wanted::Format(format)))
}

impl PhotoBase {
    fn new(view: &PhotoView) -> Self {
        let photo = &view.photo;
        let exif = &photo.exif;
        Self {
            id: photo.id.get(),
            title: photo.title.as_str().to_owned(),
            description: photo.description.as_ref().map(|text| text.as_str().to_owned()),
            slug: photo.slug.as_str().to_owned(),
            status: photo.status.as_str(),
            visibility: photo.visibility.as_str(),
            taken_at: photo.taken.map(|taken| timestamp(taken.at)),
            created_at: timestamp(photo.created_at),
            updated_at: timestamp(photo.updated_at),
            view_count: view.view_count,
            like_count: view.like_count,
            width: photo.picture.width,
            height: photo.picture.height,
            placeholder: photo.picture.placeholder.clone(),
            version: photo.version,
            exif: PhotoExif {
                camera: exif.camera.clone(),
                lens: exif.lens.clone(),
                iso: exif.iso,
                aperture: exif.aperture.clone(),
                shutter_speed: exif.shutter_speed.clone(),
                focal_length: exif.focal_length.clone(),
            },
            location: location(&photo.place),
        }
    }
}

impl SmallFormats {
    fn new(links: &PhotoLinks, photo: &Photo) -> Self {
        let format = |format| shown(links, photo, format);
        Self {
            thumb_small: format(FormatName::ThumbSmall),
            thumb_medium: format(FormatName::ThumbMedium),
            thumb_large: format(FormatName::ThumbLarge),
            webp: format(FormatName::Webp),
        }
    }
}

impl From<PhotoCategory> for PhotoCategoryView {
    fn from(one: PhotoCategory) -> Self {
        Self { id: one.id.get(), name: one.name, slug: one.slug, color: one.color }
    }
}

impl From<PhotoTag> for PhotoTagView {
    fn from(tag: PhotoTag) -> Self {
        Self { id: tag.id.get(), name: tag.name, slug: tag.slug, color: tag.color }
    }
}

impl From<PhotoCategory> for PhotoCategoryDetail {
    fn from(mut one: PhotoCategory) -> Self {
        Self { description: one.description.take(), is_primary: one.is_primary, category: one.into() }
    }
}

impl From<PhotoTag> for PhotoTagDetail {
    fn from(mut tag: PhotoTag) -> Self {
        Self { confidence: tag.confidence, source: std::mem::take(&mut tag.source), tag: tag.into() }
    }
}

impl PhotoItem {
    /// A photo as a list shows it.
    pub fn new(view: PhotoView, links: &PhotoLinks) -> Self {
        Self {
            base: PhotoBase::new(&view),
            formats: PhotoFormats {
                small: SmallFormats::new(links, &view.photo),
                display: shown(links, &view.photo, FormatName::Display),
            },
            categories: view.categories.into_iter().map(PhotoCategoryView::from).collect(),
            tags: view.tags.into_iter().map(PhotoTagView::from).collect(),
        }
    }
}

impl PhotoDetail {
    /// A photo as its page shows it.
    pub fn new(read: ReadPhoto, links: &PhotoLinks) -> Self {
        let ReadPhoto { view, edits, liked } = read;
        let photo = &view.photo;
        Self {
            base: PhotoBase::new(&view),
            sort_order: photo.sort_order,
            download_count: view.download_count,
            is_liked: liked,
            file_info: PhotoFileInfo {
                original_filename: photo.picture.original_filename.clone(),
                file_size: photo.picture.file_size,
                mime_type: photo.picture.mime_type.clone(),
            },
            formats: PhotoDetailFormats {
                original: (edits && photo.file_id.is_some()).then(|| links.show(photo, Wanted::Original)),
                jpg: shown(links, photo, FormatName::Display),
                small: SmallFormats::new(links, photo),
            },
            metadata: photo.metadata.fields().clone(),
            categories: view.categories.into_iter().map(PhotoCategoryDetail::from).collect(),
            tags: view.tags.into_iter().map(PhotoTagDetail::from).collect(),
        }
    }

    /// The photo's version, and what else its answer depends on. Views and likes of others
    /// come and go without a new tag.
    pub fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (format!("{:?}{:?}{:?}", self.categories, self.tags, self.formats), self.is_liked).hash(&mut hasher);
        format!("v{}-{:016x}", self.base.version, hasher.finish())
    }
}
