//! What tags count.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, Func, JoinType, LockType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{Kind, Status, TagId};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{AT_ONCE, Fields, Stored, all};
use crate::tx::SeaTx;

/// What a tag says that it is used.
struct Kept {
    id: i64,
    of_photos: bool,
    uses: i64,
}

impl Stored for Kept {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let kind: String = fields.get("kind")?;
        Ok(Self { id: fields.get("id")?, of_photos: kind == Kind::Photo.as_str(), uses: fields.get("usage_count")? })
    }
}

/// How often a tag is used since a day; that of an article has none.
struct Used {
    tag: i64,
    day: i32,
    uses: i64,
}

impl Stored for Used {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self { tag: fields.get("tag_id")?, day: fields.get("day")?, uses: fields.get("uses")? })
    }
}

/// The uses of tags, in the order of tags and days.
type Days = BTreeMap<i64, BTreeMap<i32, i64>>;

async fn days(conn: &impl ConnectionTrait, select: &SelectStatement) -> Result<Days, StoreError> {
    let mut days = Days::new();
    for used in all::<Used>(conn, select).await? {
        days.entry(used.tag).or_default().insert(used.day, used.uses);
    }
    Ok(days)
}

/// What a tag counted, and what is counted now.
struct Difference {
    id: TagId,
    of_photos: bool,
    uses: i64,
}

/// The tags among these that count something else than what is found now.
async fn differences(conn: &impl ConnectionTrait, tags: &[Kept]) -> Result<Vec<Difference>, StoreError> {
    let ids =
        |of_photos: bool| tags.iter().filter(|tag| tag.of_photos == of_photos).map(|tag| tag.id).collect::<Vec<i64>>();
    let linked = Query::select()
        .column("tag_id")
        .expr_as(Expr::col("used_on"), "day")
        .expr_as(Func::count(Expr::col("photo_id")), "uses")
        .from("photo_tags")
        .and_where(Expr::col("tag_id").is_in(ids(true)))
        .and_where(Expr::col("used_on").is_not_null())
        .group_by_columns(["tag_id", "used_on"])
        .to_owned();
    let noted = Query::select()
        .columns(["tag_id", "day", "uses"])
        .from("tag_days")
        .and_where(Expr::col("tag_id").is_in(ids(true)))
        .to_owned();
    let published = Query::select()
        .column(("l", "tag_id"))
        .expr_as(Expr::val(0_i32), "day")
        .expr_as(Func::count(Expr::col(("l", "article_id"))), "uses")
        .from_as("article_tags", "l")
        .join_as(JoinType::InnerJoin, "articles", "a", Expr::col(("a", "id")).equals(("l", "article_id")))
        .and_where(Expr::col(("l", "tag_id")).is_in(ids(false)))
        .and_where(Expr::col(("a", "status")).eq(Status::Published.as_str()))
        .group_by_col(("l", "tag_id"))
        .to_owned();
    let (linked, noted, published) =
        (days(conn, &linked).await?, days(conn, &noted).await?, days(conn, &published).await?);
    let wrong = tags.iter().filter_map(|tag| {
        let found = if tag.of_photos { &linked } else { &published }.get(&tag.id);
        let uses = found.map(|days| days.values().sum()).unwrap_or_default();
        let right = tag.uses == uses && (!tag.of_photos || noted.get(&tag.id) == found);
        (!right).then_some(Difference { id: TagId::new(tag.id), of_photos: tag.of_photos, uses })
    });
    Ok(wrong.collect())
}

fn kept() -> SelectStatement {
    Query::select().columns(["id", "kind", "usage_count"]).from("tags").order_by("id", Order::Asc).to_owned()
}

pub(super) async fn recount(store: &Store) -> Result<u64, StoreError> {
    let (mut mended, mut after) = (0, 0);
    loop {
        let batch = kept().and_where(Expr::col("id").gt(after)).limit(AT_ONCE as u64).to_owned();
        let tags: Vec<Kept> = all(store.read(), &batch).await?;
        let Some(last) = tags.last() else { return Ok(mended) };
        after = last.id;
        for wrong in differences(store.read(), &tags).await? {
            let was_wrong: bool = transact!(store.own(), |tx| { tx.recount_tag(wrong.id).await })?;
            mended += u64::from(was_wrong);
        }
    }
}

impl SeaTx {
    /// Counts the uses of a tag. Returns whether it had counted wrong.
    async fn recount_tag(&mut self, id: TagId) -> Result<bool, StoreError> {
        // Who changes what a tag counts holds its row.
        let held = kept().and_where(Expr::col("id").eq(id.get())).lock(LockType::Update).to_owned();
        let tags: Vec<Kept> = all(self.conn(), &held).await?;
        let Some(wrong) = differences(self.conn(), &tags).await?.pop() else { return Ok(false) };
        let uses = if wrong.of_photos { self.count_anew(id).await? } else { wrong.uses };
        let update =
            Query::update().table("tags").value("usage_count", uses).and_where(Expr::col("id").eq(id.get())).to_owned();
        self.conn().execute(&update).await.map(|_| true).map_err(store_error)
    }
}
