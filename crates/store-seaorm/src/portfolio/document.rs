//! What an index of photos is fed from: rows without what is only shown.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, JoinType, Order, Query, SelectStatement};
use sharestack_content::model::{CategoryId, PhotoId, Tag, TagId, Taken};
use sharestack_content::ports::{PhotoDocument, Photos, Source, Walk};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::connect::Store;
use crate::rows::{Fields, Stored, all, count};

const COLUMNS: [&str; 14] = [
    "id",
    "owner_id",
    "title",
    "description",
    "listed",
    "taken_at",
    "taken_offset_minutes",
    "place_name",
    "city",
    "country",
    "camera",
    "lens",
    "shown_at",
    "created_at",
];

struct Row(PhotoDocument);

impl Stored for Row {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let text = |name| fields.get::<Option<String>>(name);
        let taken_at: Option<DateTime<Utc>> = fields.get("taken_at")?;
        let offset_minutes = fields.get("taken_offset_minutes")?;
        let place = [text("place_name")?, text("city")?, text("country")?];
        let names = [Some(fields.get("username")?), text("display_name")?];
        Ok(Self(PhotoDocument {
            id: PhotoId::new(fields.get("id")?),
            title: fields.get("title")?,
            description: text("description")?,
            tags: Vec::new(),
            place: place.into_iter().flatten().collect(),
            camera: text("camera")?,
            lens: text("lens")?,
            categories: Vec::new(),
            owner: UserId::new(fields.get("owner_id")?),
            owner_names: names.into_iter().flatten().collect(),
            listed: fields.get("listed")?,
            taken_on: taken_at.map(|at| Taken { at, offset_minutes }.local().date()),
            shown_at: fields.get("shown_at")?,
            created_at: fields.get("created_at")?,
        }))
    }
}

struct Placed(PhotoId, CategoryId);

impl Stored for Placed {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(PhotoId::new(fields.get("photo_id")?), CategoryId::new(fields.get("category_id")?)))
    }
}

struct Tagged(PhotoId, Tag);

impl Stored for Tagged {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let tag = Tag { id: TagId::new(fields.get("tag_id")?), name: fields.get("name")?, slug: fields.get("slug")? };
        Ok(Self(PhotoId::new(fields.get("photo_id")?), tag))
    }
}

struct Id(PhotoId);

impl Stored for Id {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(PhotoId::new(fields.get("id")?)))
    }
}

/// Photos that are not in the trash.
fn kept() -> SelectStatement {
    let mut select = Query::select();
    select.from_as("photos", "p").and_where(Expr::col(("p", "trashed_at")).is_null());
    select
}

/// The first of those that stand in a walk, behind an id.
fn walked(walk: Walk, after: PhotoId, limit: u64) -> SelectStatement {
    let linked = |table: &'static str, column: &'static str, id: i64| {
        let of = Query::select().column("photo_id").from(table).and_where(Expr::col(column).eq(id)).to_owned();
        Expr::col(("p", "id")).in_subquery(of)
    };
    let condition = match walk {
        Walk::All => None,
        Walk::By(owner) => Some(Expr::col(("p", "owner_id")).eq(owner.get())),
        Walk::Tagged(tag) => Some(linked("photo_tags", "tag_id", tag.get())),
        Walk::In(category) => Some(linked("photo_categories", "category_id", category.get())),
    };
    let mut select = kept();
    select
        .and_where_option(condition)
        .and_where(Expr::col(("p", "id")).gt(after.get()))
        .order_by(("p", "id"), Order::Asc)
        .limit(limit);
    select
}

impl Store {
    /// Reads documents with their tags and categories, in three statements.
    async fn documents(&self, mut select: SelectStatement) -> Result<Vec<PhotoDocument>, StoreError> {
        select
            .columns(COLUMNS.map(|column| ("p", column)))
            .columns([("u", "username"), ("u", "display_name")])
            .join_as(JoinType::InnerJoin, "users", "u", Expr::col(("u", "id")).equals(("p", "owner_id")));
        let rows: Vec<Row> = all(self.read(), &select).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = rows.iter().map(|Row(document)| document.id.get()).collect();
        let categories = Query::select()
            .columns(["photo_id", "category_id"])
            .from("photo_categories")
            .and_where(Expr::col("photo_id").is_in(ids.iter().copied()))
            .order_by("category_id", Order::Asc)
            .to_owned();
        let tags = Query::select()
            .columns([("l", "photo_id"), ("l", "tag_id")])
            .columns([("t", "name"), ("t", "slug")])
            .from_as("photo_tags", "l")
            .join_as(JoinType::InnerJoin, "tags", "t", Expr::col(("t", "id")).equals(("l", "tag_id")))
            .and_where(Expr::col(("l", "photo_id")).is_in(ids))
            // What visitors do not see finds nothing.
            .and_where(Expr::col(("t", "is_active")).eq(true))
            .order_by(("l", "tag_id"), Order::Asc)
            .to_owned();
        let mut of_photo: HashMap<PhotoId, (Vec<CategoryId>, Vec<Tag>)> = HashMap::new();
        for Placed(photo, category) in all(self.read(), &categories).await? {
            of_photo.entry(photo).or_default().0.push(category);
        }
        for Tagged(photo, tag) in all(self.read(), &tags).await? {
            of_photo.entry(photo).or_default().1.push(tag);
        }
        let sorted = |Row(document): Row| {
            let (categories, tags) = of_photo.remove(&document.id).unwrap_or_default();
            PhotoDocument { categories, tags, ..document }
        };
        Ok(rows.into_iter().map(sorted).collect())
    }
}

#[async_trait]
impl Source<Photos> for Store {
    async fn find_documents(&self, ids: &[PhotoId]) -> Result<Vec<PhotoDocument>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = kept();
        select.and_where(Expr::col(("p", "id")).is_in(ids.iter().map(|id| id.get())));
        self.documents(select).await
    }

    async fn documents_after(&self, walk: Walk, after: PhotoId, limit: u64) -> Result<Vec<PhotoDocument>, StoreError> {
        self.documents(walked(walk, after, limit)).await
    }

    async fn ids_after(&self, walk: Walk, after: PhotoId, limit: u64) -> Result<Vec<PhotoId>, StoreError> {
        let mut select = walked(walk, after, limit);
        select.column(("p", "id"));
        Ok(all::<Id>(self.read(), &select).await?.into_iter().map(|Id(id)| id).collect())
    }

    async fn count_documents(&self) -> Result<u64, StoreError> {
        count(self, kept()).await
    }
}
