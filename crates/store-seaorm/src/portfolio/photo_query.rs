use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Func, JoinType, Order, Query, SelectStatement, SubQueryStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use serde::de::IgnoredAny;
use sharestack_content::model::{
    Bounds, CategoryId, FormatName, Kind, Photo, PhotoId, PhotoKey, PhotoStatus, ShareLink, TagId, TreePath, Visibility,
};
use sharestack_content::ports::{
    PhotoCategory, PhotoCluster, PhotoFilter, PhotoHead, PhotoQueries, PhotoTag, PhotoThumb, PhotoView,
};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::category_rows::path;
use super::photo_rows::{PhotoRow, photo_columns};
use super::share::read_link;
use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{AT_ONCE, Fields, Stored, all, known, one, whole};

/// Keeps the photo with this key; `None` when no photo can have it.
fn with_key<'a>(select: &'a mut SelectStatement, key: &PhotoKey) -> Option<&'a mut SelectStatement> {
    Some(select.and_where(match key {
        PhotoKey::Id(id) => Expr::col(("p", "id")).eq(id.get()),
        PhotoKey::Slug(slug) => Expr::col(("p", "slug")).eq(slug.as_str()),
        PhotoKey::Neither(_) => return None,
    }))
}

struct Head(PhotoHead);

impl Stored for Head {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let (status, visibility): (String, String) = (fields.get("status")?, fields.get("visibility")?);
        Ok(Self(PhotoHead {
            id: PhotoId::new(fields.get("id")?),
            owner_id: UserId::new(fields.get("owner_id")?),
            status: known("photo status", &status, PhotoStatus::parse(&status).ok())?,
            visibility: known("visibility", &visibility, Visibility::parse(&visibility).ok())?,
            trashed_at: fields.get("trashed_at")?,
        }))
    }
}

struct Thumb(PhotoThumb);

impl Stored for Thumb {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let formats: BTreeMap<FormatName, IgnoredAny> =
            serde_json::from_str(&fields.get::<String>("formats")?).map_err(StoreError::corrupt)?;
        Ok(Self(PhotoThumb {
            id: PhotoId::new(fields.get("id")?),
            title: fields.get("title")?,
            taken_at: fields.get("taken_at")?,
            formats: formats.into_keys().collect(),
            revision: fields.get("revision")?,
        }))
    }
}

struct Id(PhotoId);

impl Stored for Id {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(PhotoId::new(fields.get("photo_id")?)))
    }
}

/// A photo's category and where it stands.
struct CategoryRow(PhotoId, PhotoCategory, TreePath);

impl Stored for CategoryRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let category = PhotoCategory {
            id: CategoryId::new(fields.get("id")?),
            name: fields.get("name")?,
            slug: fields.get("slug")?,
            description: fields.get("description")?,
            color: fields.get("color")?,
            is_primary: fields.get("is_primary")?,
            is_hidden: !fields.get::<bool>("is_active")?,
        };
        Ok(Self(PhotoId::new(fields.get("photo_id")?), category, path(fields)?))
    }
}

struct TagRow(PhotoId, PhotoTag);

impl Stored for TagRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let thousandths: Option<i32> = fields.get("confidence")?;
        let tag = PhotoTag {
            id: TagId::new(fields.get("id")?),
            name: fields.get("name")?,
            slug: fields.get("slug")?,
            color: fields.get("color")?,
            confidence: thousandths.map_or(1.0, |n| f64::from(n) / 1000.0),
            source: fields.get("source")?,
            is_hidden: !fields.get::<bool>("is_active")?,
        };
        Ok(Self(PhotoId::new(fields.get("photo_id")?), tag))
    }
}

impl Store {
    /// Photos with their categories and tags, however many there are in four statements.
    pub(super) async fn views(&self, rows: Vec<PhotoRow>) -> Result<Vec<PhotoView>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.photo.id.get()).collect();
        let categories = Query::select()
            .columns([("l", "photo_id"), ("l", "is_primary")])
            .columns(["id", "name", "slug", "description", "color", "is_active", "path"].map(|column| ("c", column)))
            .from_as("photo_categories", "l")
            .join_as(JoinType::InnerJoin, "categories", "c", Expr::col(("c", "id")).equals(("l", "category_id")))
            .and_where(Expr::col(("l", "photo_id")).is_in(ids.iter().copied()))
            .order_by(("l", "is_primary"), Order::Desc)
            .order_by(("c", "id"), Order::Asc)
            .to_owned();
        // Each is looked up by itself: of a join PostgreSQL may go through all tags for a page, by how
        // many links it believes a photo to have.
        let of_tag = |column: &'static str| {
            let tag = Query::select()
                .column(("t", column))
                .from_as("tags", "t")
                .and_where(Expr::col(("t", "id")).equals(("l", "tag_id")))
                .to_owned();
            Expr::from(SubQueryStatement::from(tag))
        };
        let mut tags = Query::select();
        tags.columns([("l", "photo_id"), ("l", "confidence"), ("l", "source")])
            .expr_as(Expr::col(("l", "tag_id")), "id")
            .from_as("photo_tags", "l")
            .and_where(Expr::col(("l", "photo_id")).is_in(ids))
            .order_by(("l", "tag_id"), Order::Asc);
        for column in ["name", "slug", "color", "is_active"] {
            tags.expr_as(of_tag(column), column);
        }
        let mut of_photo: HashMap<PhotoId, (Vec<PhotoCategory>, Vec<PhotoTag>)> = HashMap::new();
        let categories: Vec<CategoryRow> = all(self.read(), &categories).await?;
        let nested = categories.iter().any(|CategoryRow(_, _, path)| path.ids().len() > 1);
        let hidden = if nested { self.hidden_categories(Kind::Photo).await? } else { Vec::new() };
        for CategoryRow(photo, mut category, path) in categories {
            category.is_hidden |= hidden.iter().any(|id| path.contains(*id));
            of_photo.entry(photo).or_default().0.push(category);
        }
        for TagRow(photo, tag) in all(self.read(), &tags).await? {
            of_photo.entry(photo).or_default().1.push(tag);
        }
        let view = |row: PhotoRow| {
            let (categories, tags) = of_photo.remove(&row.photo.id).unwrap_or_default();
            PhotoView {
                photo: row.photo,
                view_count: row.view_count,
                like_count: row.like_count,
                download_count: row.download_count,
                categories,
                tags,
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

#[async_trait]
impl PhotoQueries for Store {
    async fn find(&self, key: &PhotoKey) -> Result<Option<PhotoView>, StoreError> {
        let mut select = Query::select();
        photo_columns(&mut select).from_as("photos", "p");
        let Some(select) = with_key(&mut select, key) else { return Ok(None) };
        let Some(row) = one::<PhotoRow>(self.read(), select).await? else { return Ok(None) };
        Ok(self.views(vec![row]).await?.pop())
    }

    async fn find_photo(&self, key: &PhotoKey) -> Result<Option<Photo>, StoreError> {
        let mut select = Query::select();
        photo_columns(&mut select).from_as("photos", "p");
        let Some(select) = with_key(&mut select, key) else { return Ok(None) };
        Ok(one::<PhotoRow>(self.read(), select).await?.map(|row| row.photo))
    }

    async fn find_head(&self, key: &PhotoKey) -> Result<Option<PhotoHead>, StoreError> {
        let columns = ["id", "owner_id", "status", "visibility", "trashed_at"];
        let mut select = Query::select();
        select.columns(columns.map(|column| ("p", column))).from_as("photos", "p");
        let Some(select) = with_key(&mut select, key) else { return Ok(None) };
        Ok(one::<Head>(self.read(), select).await?.map(|Head(head)| head))
    }

    async fn list(&self, filter: &PhotoFilter, page: PageRequest) -> Result<Page<PhotoView>, StoreError> {
        self.list_photos(filter, page).await
    }

    async fn list_trashed_until(&self, time: DateTime<Utc>, limit: u64) -> Result<Vec<PhotoId>, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col(("p", "id")), "photo_id")
            .from_as("photos", "p")
            .and_where(Expr::col(("p", "trashed_at")).lte(time))
            .order_by(("p", "trashed_at"), Order::Asc)
            .order_by(("p", "id"), Order::Asc)
            .limit(limit)
            .to_owned();
        Ok(all::<Id>(self.read(), &select).await?.into_iter().map(|Id(id)| id).collect())
    }

    async fn find_many(&self, ids: &[PhotoId]) -> Result<Vec<PhotoView>, StoreError> {
        let mut found = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let mut select = Query::select();
            photo_columns(&mut select)
                .from_as("photos", "p")
                .and_where(Expr::col(("p", "id")).is_in(ids.iter().map(|id| id.get())));
            found.extend(self.views(all(self.read(), &select).await?).await?);
        }
        Ok(found)
    }

    async fn thumbs(&self, ids: &[PhotoId]) -> Result<Vec<PhotoThumb>, StoreError> {
        let mut found = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let select = Query::select()
                .columns(["id", "title", "taken_at", "formats", "revision"])
                .from("photos")
                .and_where(Expr::col("id").is_in(ids.iter().map(|id| id.get())))
                .and_where(Expr::col("listed").eq(true))
                .to_owned();
            found.extend(all::<Thumb>(self.read(), &select).await?.into_iter().map(|Thumb(thumb)| thumb));
        }
        Ok(found)
    }

    async fn liked(&self, user: UserId, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let select = Query::select()
            .column("photo_id")
            .from("photo_likes")
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("photo_id").is_in(ids.iter().map(|id| id.get())))
            .to_owned();
        Ok(all::<Id>(self.read(), &select).await?.into_iter().map(|Id(id)| id).collect())
    }

    async fn likes_of(&self, owner: UserId) -> Result<u64, StoreError> {
        let sum = whole(Func::sum(Expr::col("like_count")).into(), self.dialect());
        let select = Query::select()
            .expr_as(sum, "likes")
            .from("photos")
            .and_where(Expr::col("owner_id").eq(owner.get()))
            .and_where(Expr::col("listed").eq(true))
            .to_owned();
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        let likes = row.map(|row| row.try_get::<Option<i64>>("", "likes")).transpose().map_err(store_error)?;
        u64::try_from(likes.flatten().unwrap_or_default()).map_err(StoreError::corrupt)
    }

    async fn clusters(&self, bounds: Bounds, cell: i64, limit: u64) -> Result<Vec<PhotoCluster>, StoreError> {
        self.gather(bounds, cell, limit).await
    }

    async fn find_share_link(&self, token_hash: &str) -> Result<Option<ShareLink>, StoreError> {
        read_link(self, token_hash).await
    }

    async fn list_shared(&self, link: &ShareLink, page: PageRequest) -> Result<Page<PhotoView>, StoreError> {
        self.list_link(link, page).await
    }
}
