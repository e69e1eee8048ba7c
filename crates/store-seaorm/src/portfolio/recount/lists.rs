//! What categories list.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Cond, Expr, JoinType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{CategoryId, Kind, PhotoId, SortKeys};
use sharestack_content::ports::{CategoryRepository, PhotoSpan};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use crate::connect::Store;
use crate::error::store_error;
use crate::portfolio::category_rows::OutlineRow;
use crate::portfolio::listing::{Entry, LISTINGS, columns};
use crate::portfolio::sort_keys::{self, SORT_KEYS};
use crate::rows::{AT_ONCE, Fields, Stored, all};
use crate::tx::SeaTx;

struct Id<T>(T);

impl Stored for Id<PhotoId> {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(PhotoId::new(fields.get("id")?)))
    }
}

impl Stored for Id<CategoryId> {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(CategoryId::new(fields.get("id")?)))
    }
}

impl Stored for Entry {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            category: CategoryId::new(fields.get("category_id")?),
            photo: PhotoId::new(fields.get("photo_id")?),
            keys: sort_keys::read(fields)?,
        })
    }
}

/// The rows of `l` whose photo is one of these.
fn of(span: PhotoSpan) -> Cond {
    let photo = || Expr::col(("l", "photo_id"));
    Cond::all().add(photo().gt(span.after.get())).add_option(span.to.map(|to| photo().lte(to.get())))
}

pub(super) async fn span(store: &Store, after: PhotoId, limit: u64) -> Result<PhotoSpan, StoreError> {
    let last = Query::select()
        .column("id")
        .from("photos")
        .and_where(Expr::col("id").gt(after.get()))
        .order_by("id", Order::Asc)
        .offset(limit.saturating_sub(1))
        .limit(1)
        .to_owned();
    let last: Vec<Id<PhotoId>> = all(store.read(), &last).await?;
    Ok(PhotoSpan { after, to: last.first().map(|id| id.0) })
}

/// The photos of a table of links of which these say something else than they do themselves.
fn differing(table: &'static str, span: PhotoSpan) -> (SelectStatement, Cond) {
    let differs = |column: &'static str| Expr::col(("l", column)).ne(Expr::col(("p", column)));
    let select = Query::select()
        .distinct()
        .expr_as(Expr::col(("l", "photo_id")), "id")
        .from_as(table, "l")
        .join_as(JoinType::LeftJoin, "photos", "p", Expr::col(("p", "id")).equals(("l", "photo_id")))
        .cond_where(of(span))
        .to_owned();
    let wrong = Cond::any().add(Expr::col(("p", "id")).is_null()).add(differs("listed"));
    (select, SORT_KEYS.into_iter().map(differs).fold(wrong, Cond::add))
}

pub(super) async fn misfiled(store: &Store, span: PhotoSpan) -> Result<Vec<PhotoId>, StoreError> {
    let (mut placed, wrong) = differing("photo_categories", span);
    let placed: Vec<Id<PhotoId>> = all(store.read(), placed.cond_where(wrong)).await?;
    let (mut tagged, wrong) = differing("photo_tags", span);
    let listed = |is: bool| Expr::col(("l", "listed")).eq(is);
    let used_on = || Expr::col(("l", "used_on"));
    let wrong = wrong.add(listed(true).and(used_on().is_null())).add(listed(false).and(used_on().is_not_null()));
    let tagged: Vec<Id<PhotoId>> = all(store.read(), tagged.cond_where(wrong)).await?;
    let ids: BTreeSet<PhotoId> = placed.into_iter().chain(tagged).map(|id| id.0).collect();
    Ok(ids.into_iter().collect())
}

/// What lists lack or have too much.
#[derive(Default)]
struct Difference {
    /// New, or sorted by something else.
    due: Vec<Entry>,
    gone: BTreeMap<CategoryId, Vec<PhotoId>>,
}

impl Difference {
    fn len(&self) -> u64 {
        (self.due.len() + self.gone.values().map(Vec::len).sum::<usize>()) as u64
    }
}

type Lists = BTreeMap<(CategoryId, PhotoId), SortKeys>;

async fn difference(conn: &impl ConnectionTrait, span: PhotoSpan) -> Result<Difference, StoreError> {
    let outlines = Query::select()
        .columns(["id", "name", "path", "is_active"])
        .from("categories")
        .and_where(Expr::col("kind").eq(Kind::Photo.as_str()))
        .to_owned();
    let outlines: Vec<OutlineRow> = all(conn, &outlines).await?;
    let paths: BTreeMap<_, _> = outlines.into_iter().map(|row| (row.0.id, row.0.path)).collect();
    let entries = |table: &'static str| {
        let columns = columns().into_iter().map(|column| ("l", column));
        Query::select().columns(columns).from_as(table, "l").cond_where(of(span)).to_owned()
    };
    let placed: Vec<Entry> =
        all(conn, entries("photo_categories").and_where(Expr::col(("l", "listed")).eq(true))).await?;
    let mut wanted = Lists::new();
    for entry in &placed {
        let above = paths.get(&entry.category).into_iter().flat_map(|path| path.ids().iter().copied());
        wanted.extend(above.map(|id| ((id, entry.photo), entry.keys.clone())));
    }
    let mut kept = Lists::new();
    let ids: Vec<i64> = paths.keys().map(|id| id.get()).collect();
    for ids in ids.chunks(AT_ONCE) {
        let listed = entries(LISTINGS).and_where(Expr::col(("l", "category_id")).is_in(ids.to_vec())).to_owned();
        let listed: Vec<Entry> = all(conn, &listed).await?;
        kept.extend(listed.into_iter().map(|entry| ((entry.category, entry.photo), entry.keys)));
    }
    let mut found = Difference::default();
    for (category, photo) in kept.keys().filter(|key| !wanted.contains_key(key)) {
        found.gone.entry(*category).or_default().push(*photo);
    }
    for (key, keys) in wanted {
        if kept.get(&key) != Some(&keys) {
            found.due.push(Entry { category: key.0, photo: key.1, keys });
        }
    }
    Ok(found)
}

pub(super) async fn relist(store: &Store, span: PhotoSpan) -> Result<u64, StoreError> {
    if difference(store.read(), span).await?.len() == 0 {
        return Ok(0);
    }
    transact!(store.own(), |tx| {
        tx.lock_tree(Kind::Photo).await?;
        let found = difference(tx.conn(), span).await?;
        tx.put_entries(&found.due).await?;
        for (category, photos) in &found.gone {
            tx.drop_entries(*category, photos).await?;
        }
        Ok(found.len())
    })
}

impl SeaTx {
    async fn drop_entries(&self, category: CategoryId, photos: &[PhotoId]) -> Result<(), StoreError> {
        for photos in photos.chunks(AT_ONCE) {
            let delete = Query::delete()
                .from_table(LISTINGS)
                .and_where(Expr::col("category_id").eq(category.get()))
                .and_where(Expr::col("photo_id").is_in(photos.iter().map(|id| id.get())))
                .to_owned();
            self.conn().execute(&delete).await.map_err(store_error)?;
        }
        Ok(())
    }
}

/// The categories that have lists and are not there.
async fn lost(store: &Store) -> Result<Vec<CategoryId>, StoreError> {
    let there = Query::select()
        .column("id")
        .from("categories")
        .and_where(Expr::col("kind").eq(Kind::Photo.as_str()))
        .to_owned();
    let lost = Query::select()
        .distinct()
        .expr_as(Expr::col("category_id"), "id")
        .from(LISTINGS)
        .and_where(Expr::col("category_id").not_in_subquery(there))
        .to_owned();
    let lost: Vec<Id<CategoryId>> = all(store.read(), &lost).await?;
    Ok(lost.into_iter().map(|id| id.0).collect())
}

pub(super) async fn drop_lost(store: &Store) -> Result<u64, StoreError> {
    let mut dropped = 0;
    for category in lost(store).await? {
        loop {
            let (went, more): (u64, bool) = transact!(store.own(), |tx| {
                tx.lock_tree(Kind::Photo).await?;
                tx.drop_batch(category).await
            })?;
            dropped += went;
            if !more {
                break;
            }
        }
    }
    Ok(dropped)
}
