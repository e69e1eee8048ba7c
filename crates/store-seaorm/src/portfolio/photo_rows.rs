//! Rows of photos, as the model holds them.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{SelectStatement, SimpleExpr};
use serde_json::Value;
use sharestack_content::model::{
    Caption, Coordinate, Exif, FileId, Metadata, Photo, PhotoId, PhotoStatus, Picture, Place, Position, Said, Slug,
    Taken, Title, Visibility,
};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::rows::{Fields, Stored};

const COLUMNS: [&str; 40] = [
    "id",
    "owner_id",
    "file_id",
    "slug",
    "title",
    "description",
    "status",
    "visibility",
    "sort_order",
    "taken_at",
    "taken_offset_minutes",
    "latitude",
    "longitude",
    "place_name",
    "country",
    "city",
    "taken_said",
    "position_said",
    "camera",
    "lens",
    "iso",
    "aperture",
    "shutter_speed",
    "focal_length",
    "original_filename",
    "file_size",
    "mime_type",
    "width",
    "height",
    "placeholder",
    "formats",
    "revision",
    "metadata",
    "view_count",
    "like_count",
    "download_count",
    "version",
    "created_at",
    "updated_at",
    "published_at",
];

/// Asks for the columns of [`PhotoRow`] from the table called `p`.
pub(super) fn photo_columns(select: &mut SelectStatement) -> &mut SelectStatement {
    select.columns(COLUMNS.into_iter().chain(["trashed_at"]).map(|column| ("p", column)))
}

/// A photo with what visitors counted.
pub(super) struct PhotoRow {
    pub photo: Photo,
    pub view_count: i64,
    pub like_count: i64,
    pub download_count: i64,
}

fn word<T>(word: Result<T, sharestack_kernel::field::Issue>) -> Result<T, StoreError> {
    word.map_err(|issue| StoreError::corrupt(format!("stored word is {}", issue.code())))
}

fn pixels(fields: Fields<'_>, name: &str) -> Result<Option<u32>, StoreError> {
    let number: Option<i64> = fields.get(name)?;
    number.map(u32::try_from).transpose().map_err(StoreError::corrupt)
}

impl Stored for PhotoRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let at: Option<DateTime<Utc>> = fields.get("taken_at")?;
        let offset_minutes = fields.get("taken_offset_minutes")?;
        let coordinate = |name| fields.get::<Option<i32>>(name).map(|steps| steps.map(Coordinate::stored));
        let (latitude, longitude) = (coordinate("latitude")?, coordinate("longitude")?);
        let position = latitude.zip(longitude).map(|(latitude, longitude)| Position { latitude, longitude });
        let formats = serde_json::from_str(&fields.get::<String>("formats")?).map_err(StoreError::corrupt)?;
        let metadata = serde_json::from_str(&fields.get::<String>("metadata")?).map_err(StoreError::corrupt)?;
        let photo = Photo {
            id: PhotoId::new(fields.get("id")?),
            owner_id: UserId::new(fields.get("owner_id")?),
            file_id: fields.get::<Option<i64>>("file_id")?.map(FileId::new),
            slug: Slug::stored(fields.get("slug")?),
            title: Title::stored(fields.get("title")?),
            description: fields.get::<Option<String>>("description")?.map(Caption::stored),
            status: word(PhotoStatus::parse(&fields.get::<String>("status")?))?,
            visibility: word(Visibility::parse(&fields.get::<String>("visibility")?))?,
            sort_order: fields.get("sort_order")?,
            taken: at.map(|at| Taken { at, offset_minutes }),
            place: Place {
                name: fields.get("place_name")?,
                position,
                country: fields.get("country")?,
                city: fields.get("city")?,
            },
            said: Said { taken: fields.get("taken_said")?, position: fields.get("position_said")? },
            exif: Exif {
                camera: fields.get("camera")?,
                lens: fields.get("lens")?,
                iso: pixels(fields, "iso")?,
                aperture: fields.get("aperture")?,
                shutter_speed: fields.get("shutter_speed")?,
                focal_length: fields.get("focal_length")?,
            },
            picture: Picture {
                original_filename: fields.get("original_filename")?,
                file_size: fields.get("file_size")?,
                mime_type: fields.get("mime_type")?,
                width: pixels(fields, "width")?,
                height: pixels(fields, "height")?,
                placeholder: fields.get("placeholder")?,
                formats,
                revision: fields.get("revision")?,
            },
            metadata: Metadata::stored(metadata),
            published_at: fields.get("published_at")?,
            trashed_at: fields.get("trashed_at")?,
            created_at: fields.get("created_at")?,
            updated_at: fields.get("updated_at")?,
            version: fields.get("version")?,
        };
        Ok(Self {
            photo,
            view_count: fields.get("view_count")?,
            like_count: fields.get("like_count")?,
            download_count: fields.get("download_count")?,
        })
    }
}

/// The columns that an edit may change.
pub(super) fn changeable(photo: &Photo) -> Result<Vec<(&'static str, SimpleExpr)>, StoreError> {
    let position = photo.place.position;
    let month = photo.month();
    let formats = serde_json::to_string(&photo.picture.formats).map_err(StoreError::corrupt)?;
    Ok(vec![
        ("file_id", photo.file_id.map(FileId::get).into()),
        ("slug", photo.slug.as_str().into()),
        ("title", photo.title.as_str().into()),
        ("description", photo.description.as_ref().map(|text| text.as_str().to_owned()).into()),
        ("status", photo.status.as_str().into()),
        ("visibility", photo.visibility.as_str().into()),
        ("sort_order", photo.sort_order.into()),
        ("listed", photo.is_listed().into()),
        ("taken_at", photo.taken.map(|taken| taken.at).into()),
        ("taken_offset_minutes", photo.taken.and_then(|taken| taken.offset_minutes).into()),
        ("taken_year", month.map(|(year, _)| year).into()),
        ("taken_month", month.and_then(|(_, month)| i32::try_from(month).ok()).into()),
        ("shown_at", photo.shown_at().into()),
        ("latitude", position.map(|position| position.latitude.steps()).into()),
        ("longitude", position.map(|position| position.longitude.steps()).into()),
        ("place_name", photo.place.name.clone().into()),
        ("country", photo.place.country.clone().into()),
        ("city", photo.place.city.clone().into()),
        ("taken_said", photo.said.taken.into()),
        ("position_said", photo.said.position.into()),
        ("camera", photo.exif.camera.clone().into()),
        ("lens", photo.exif.lens.clone().into()),
        ("iso", photo.exif.iso.map(i64::from).into()),
        ("aperture", photo.exif.aperture.clone().into()),
        ("shutter_speed", photo.exif.shutter_speed.clone().into()),
        ("focal_length", photo.exif.focal_length.clone().into()),
        ("original_filename", photo.picture.original_filename.as_str().into()),
        ("file_size", photo.picture.file_size.into()),
        ("mime_type", photo.picture.mime_type.as_str().into()),
        ("width", photo.picture.width.map(i64::from).into()),
        ("height", photo.picture.height.map(i64::from).into()),
        ("placeholder", photo.picture.placeholder.clone().into()),
        ("formats", formats.into()),
        ("revision", photo.picture.revision.into()),
        ("metadata", Value::Object(photo.metadata.fields().clone()).to_string().into()),
        ("version", photo.version.into()),
        ("updated_at", photo.updated_at.into()),
        ("published_at", photo.published_at.into()),
        ("trashed_at", photo.trashed_at.into()),
    ])
}
