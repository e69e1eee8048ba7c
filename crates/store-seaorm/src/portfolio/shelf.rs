//! Which categories and tags a photo has.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, JoinType, OnConflict, Order, Query, SelectStatement, SubQueryStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{CategoryId, Confidence, Day, PhotoId, SortKeys, Source, TagId, Tagging, TreePath};
use sharestack_content::ports::{PhotoSort, Placement, ShelfRepository, TagLink};
use sharestack_kernel::error::StoreError;

use super::category_rows::path;
use super::listing::LISTINGS;
use super::sort_keys::{facts, sort_key, values, with_keys};
use crate::error::store_error;
use crate::rows::{Fields, Stored, all, known};
use crate::tx::SeaTx;

struct TagRow(TagId);

impl Stored for TagRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(TagId::new(fields.get("tag_id")?)))
    }
}

/// A photo, and the way to a category that it is in.
struct PlaceRow(i64, TreePath);

impl Stored for PlaceRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(fields.get("photo_id")?, path(fields)?))
    }
}

struct PlacementRow(Placement);

impl Stored for PlacementRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(Placement {
            category: CategoryId::new(fields.get("category_id")?),
            is_primary: fields.get("is_primary")?,
            facts: facts(fields)?,
        }))
    }
}

struct LinkRow(TagLink);

impl Stored for LinkRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let source: String = fields.get("source")?;
        let confidence: Option<i32> = fields.get("confidence")?;
        Ok(Self(TagLink {
            tag: TagId::new(fields.get("tag_id")?),
            tagging: Tagging {
                source: known("source", &source, Source::parse(&source).ok())?,
                confidence: confidence.and_then(Confidence::stored),
            },
            used_on: fields.get::<Option<i32>>("used_on")?.map(Day),
            facts: facts(fields)?,
        }))
    }
}

fn of(photo: PhotoId, table: &'static str, columns: &[&'static str], by: &'static str) -> SelectStatement {
    Query::select()
        .columns(columns.iter().copied())
        .from(table)
        .and_where(Expr::col("photo_id").eq(photo.get()))
        .order_by(by, Order::Asc)
        .to_owned()
}

fn numbers(photos: &[PhotoId]) -> impl Iterator<Item = i64> {
    photos.iter().map(|photo| photo.get())
}

impl SeaTx {
    /// Which of these photos each category lists: those that are in it or below it.
    async fn listed_of(&self, photos: &[PhotoId]) -> Result<BTreeMap<CategoryId, BTreeSet<i64>>, StoreError> {
        let select = Query::select()
            .column(("l", "photo_id"))
            .column(("c", "path"))
            .from_as("photo_categories", "l")
            .join_as(JoinType::InnerJoin, "categories", "c", Expr::col(("c", "id")).equals(("l", "category_id")))
            .and_where(Expr::col(("l", "photo_id")).is_in(numbers(photos)))
            .and_where(Expr::col(("l", "listed")).eq(true))
            .to_owned();
        let places: Vec<PlaceRow> = all(self.conn(), &select).await?;
        let mut listed: BTreeMap<CategoryId, BTreeSet<i64>> = BTreeMap::new();
        for PlaceRow(photo, path) in &places {
            for category in path.ids() {
                listed.entry(*category).or_default().insert(*photo);
            }
        }
        Ok(listed)
    }

    /// Copies what lists are sorted by from these photos to rows of a table.
    async fn copy_keys(
        &self,
        table: &'static str,
        (photos, category): (impl IntoIterator<Item = i64>, Option<CategoryId>),
        sorts: &[PhotoSort],
    ) -> Result<(), StoreError> {
        let mut update = Query::update();
        update.table(table);
        for column in sorts.iter().copied().map(sort_key) {
            let said = Query::select()
                .column(("p", column))
                .from_as("photos", "p")
                .and_where(Expr::col(("p", "id")).equals((table, "photo_id")))
                .to_owned();
            update.value(column, SubQueryStatement::from(said));
        }
        update
            .and_where(Expr::col((table, "photo_id")).is_in(photos))
            .and_where_option(category.map(|id| Expr::col((table, "category_id")).eq(id.get())));
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn unlink(
        &self,
        photo: PhotoId,
        table: &'static str,
        column: &'static str,
        ids: impl ExactSizeIterator<Item = i64> + Send,
    ) -> Result<(), StoreError> {
        if ids.len() == 0 {
            return Ok(());
        }
        let delete = Query::delete()
            .from_table(table)
            .and_where(Expr::col("photo_id").eq(photo.get()))
            .and_where(Expr::col(column).is_in(ids))
            .to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl ShelfRepository for SeaTx {
    async fn placements(&mut self, photo: PhotoId) -> Result<Vec<Placement>, StoreError> {
        let columns = with_keys(&["category_id", "is_primary", "listed"]);
        let select = of(photo, "photo_categories", &columns, "category_id");
        let rows: Vec<PlacementRow> = all(self.conn(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn tag_links(&mut self, photo: PhotoId) -> Result<Vec<TagLink>, StoreError> {
        let columns = with_keys(&["tag_id", "source", "confidence", "used_on", "listed"]);
        let rows: Vec<LinkRow> = all(self.conn(), &of(photo, "photo_tags", &columns, "tag_id")).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn put_placements(&mut self, photo: PhotoId, placements: &[Placement]) -> Result<(), StoreError> {
        let changing = with_keys(&["is_primary", "listed"]);
        if placements.is_empty() {
            return Ok(());
        }
        let mut insert = Query::insert();
        insert
            .into_table("photo_categories")
            .columns(["category_id", "photo_id"].into_iter().chain(changing.iter().copied()));
        for one in placements {
            let link = [one.category.get().into(), photo.get().into(), one.is_primary.into(), one.facts.listed.into()];
            insert.values_panic(link.into_iter().chain(values(&one.facts.keys)));
        }
        insert.on_conflict(OnConflict::columns(["category_id", "photo_id"]).update_columns(changing).to_owned());
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn put_tag_links(&mut self, photo: PhotoId, links: &[TagLink]) -> Result<(), StoreError> {
        if links.is_empty() {
            return Ok(());
        }
        let changing = with_keys(&["source", "confidence", "used_on", "listed"]);
        let mut insert = Query::insert();
        insert.into_table("photo_tags").columns(["tag_id", "photo_id"].into_iter().chain(changing.iter().copied()));
        for link in links {
            let said = [
                link.tag.get().into(),
                photo.get().into(),
                link.tagging.source.as_str().into(),
                link.tagging.confidence.map(|one| i32::from(one.thousandths())).into(),
                link.used_on.map(|day| day.0).into(),
                link.facts.listed.into(),
            ];
            insert.values_panic(said.into_iter().chain(values(&link.facts.keys)));
        }
        insert.on_conflict(OnConflict::columns(["tag_id", "photo_id"]).update_columns(changing).to_owned());
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn remove_placements(&mut self, photo: PhotoId, categories: &[CategoryId]) -> Result<(), StoreError> {
        self.unlink(photo, "photo_categories", "category_id", categories.iter().map(|id| id.get())).await
    }

    async fn remove_tag_links(&mut self, photo: PhotoId, tags: &[TagId]) -> Result<(), StoreError> {
        self.unlink(photo, "photo_tags", "tag_id", tags.iter().map(|id| id.get())).await
    }

    async fn put_listings(
        &mut self,
        photo: PhotoId,
        categories: &[CategoryId],
        keys: &SortKeys,
    ) -> Result<(), StoreError> {
        self.list_photo(photo, categories, keys).await
    }

    async fn remove_listings(&mut self, photo: PhotoId, categories: &[CategoryId]) -> Result<(), StoreError> {
        self.unlink(photo, LISTINGS, "category_id", categories.iter().map(|id| id.get())).await
    }

    async fn tags_of(&mut self, photos: &[PhotoId]) -> Result<Vec<TagId>, StoreError> {
        let select = Query::select()
            .distinct()
            .column("tag_id")
            .from("photo_tags")
            .and_where(Expr::col("photo_id").is_in(numbers(photos)))
            .order_by("tag_id", Order::Asc)
            .to_owned();
        let rows: Vec<TagRow> = all(self.conn(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn sort_anew(&mut self, photos: &[PhotoId], sorts: &[PhotoSort]) -> Result<(), StoreError> {
        for table in ["photo_categories", "photo_tags"] {
            self.copy_keys(table, (numbers(photos), None), sorts).await?;
        }
        // Entries of lists are found by their category alone.
        for (category, photos) in self.listed_of(photos).await? {
            self.copy_keys(LISTINGS, (photos, Some(category)), sorts).await?;
        }
        Ok(())
    }

    async fn leave_events(&mut self, photo: PhotoId) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table("timeline_event_photos")
            .and_where(Expr::col("photo_id").eq(photo.get()))
            .to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(store_error)
    }
}
