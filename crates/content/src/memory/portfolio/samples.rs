//! Photos and categories as services leave them, for tests to begin with.

use chrono::{DateTime, Utc};
use sharestack_kernel::id::UserId;

use crate::model::{
    Category, CategoryName, Derivative, Exif, FileId, FormatName, Kind, Metadata, Photo, PhotoId, PhotoStatus, Picture,
    Place, Said, Slug, Title, TreePath, Visibility,
};

/// 2026-01-15 10:30 UTC.
fn made_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_768_473_000, 0).unwrap_or_default()
}

/// A listed photo by user 7, made from the file of the same number on 2026-01-15 10:30 UTC.
pub fn photo(id: i64) -> Photo {
    let now = made_at();
    let format = |name: FormatName, size: u32| {
        let key = format!("photos/{id}/1/{}", name.file_name());
        let mime_type = if name == FormatName::Webp { "image/webp" } else { "image/jpeg" }.to_owned();
        (name, Derivative { key, size: 1000, width: size, height: size, mime_type })
    };
    let sizes = [150, 300, 600, 1200, 1200];
    Photo {
        id: PhotoId::new(id),
        owner_id: UserId::new(7),
        file_id: Some(FileId::new(id)),
        slug: Slug::stored(format!("photo-{id}")),
        title: Title::stored(format!("照片 {id}")),
        description: None,
        status: PhotoStatus::Published,
        visibility: Visibility::Public,
        sort_order: 0,
        taken: None,
        place: Place::default(),
        said: Said::default(),
        exif: Exif::default(),
        picture: Picture {
            original_filename: "DSC_0001.jpg".to_owned(),
            file_size: 2_048_576,
            mime_type: "image/jpeg".to_owned(),
            width: Some(6000),
            height: Some(4000),
            placeholder: None,
            formats: FormatName::ALL.into_iter().zip(sizes).map(|(name, size)| format(name, size)).collect(),
            revision: 1,
        },
        metadata: Metadata::default(),
        published_at: Some(now),
        trashed_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// A category of photos at the end of this path of ids, which counts nothing yet.
///
/// # Panics
/// When it is no path.
pub fn category(path: &str) -> Category {
    let path = TreePath::parse(path).expect("a path of ids");
    let id = *path.ids().last().expect("a path has an end");
    Category {
        id,
        kind: Kind::Photo,
        name: CategoryName::stored(format!("分类 {id}")),
        slug: Slug::stored(format!("category-{id}")),
        description: None,
        colour: None,
        icon: None,
        sort_order: 0,
        is_active: true,
        is_featured: false,
        seo_title: None,
        seo_description: None,
        cover: None,
        path,
        direct_count: 0,
        subtree_count: 0,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    }
}
