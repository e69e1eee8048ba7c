//! Tags of photos inside a transaction.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, Func, LockType, OnConflict, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait};
use sharestack_content::model::{Kind, Label, TagId, TagName};
use sharestack_content::ports::{LabelRepository, LabelWriteError, RenewedNames, UsageDelta};
use sharestack_kernel::error::StoreError;

use super::label_rows::{LabelRow, changeable, label_columns};
use super::sort_keys::with_keys;
use crate::error::{Constraint, store_error, violated};
use crate::rows::{all, known};
use crate::tags::{Wanted, make, named};
use crate::tx::SeaTx;

fn write_error(error: DbErr) -> LabelWriteError {
    match violated(&error) {
        Some(Constraint::TagName) => LabelWriteError::NameTaken,
        Some(Constraint::TagSlug) => LabelWriteError::SlugTaken,
        _ => store_error(error).into(),
    }
}

fn numbers(ids: &[TagId]) -> impl Iterator<Item = i64> {
    ids.iter().map(|id| id.get())
}

/// The tag that a name means among these, which are those of its keys.
fn meant<'a>(found: &'a [Label], name: &TagName) -> Option<&'a Label> {
    let alike = || found.iter().filter(|label| label.name.key() == name.key());
    alike().find(|label| label.name.keys() == name.keys()).or_else(|| alike().next())
}

fn labels() -> SelectStatement {
    let mut select = Query::select();
    label_columns(&mut select).from("tags").and_where(Expr::col("kind").eq(Kind::Photo.as_str()));
    select
}

impl SeaTx {
    async fn held_labels(&self, mut select: SelectStatement) -> Result<Vec<Label>, StoreError> {
        select.order_by("id", Order::Asc).lock(LockType::Update);
        let rows: Vec<LabelRow> = all(self.conn(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Refuses a name that a tag of before has just so, which looks like this one and has another
    /// key. No tag gets such a key any more; what has this name's own, the index knows.
    async fn unclaimed(&self, label: &Label) -> Result<(), LabelWriteError> {
        let [written, key] = label.name.keys();
        if written == key {
            return Ok(());
        }
        let select = labels()
            .and_where(Expr::col("name_key").eq(written))
            .and_where(Expr::col("id").ne(label.id.get()))
            .to_owned();
        if self.held_labels(select).await?.is_empty() { Ok(()) } else { Err(LabelWriteError::NameTaken) }
    }

    /// Gives the photos of `from` the tag `into` unless they have it; how many got it.
    async fn take_over(&self, from: &[TagId], into: TagId) -> Result<u64, StoreError> {
        let rest = with_keys(&["photo_id", "source", "confidence", "used_on", "listed"]);
        // Of several that a photo has, the first passes its link on.
        let earlier = Query::select()
            .expr(Expr::val(1))
            .from_as("photo_tags", "q")
            .and_where(Expr::col(("q", "photo_id")).equals(("p", "photo_id")))
            .cond_where(
                Cond::any().add(Expr::col(("q", "tag_id")).eq(into.get())).add(
                    Cond::all()
                        .add(Expr::col(("q", "tag_id")).is_in(numbers(from)))
                        .add(Expr::col(("q", "tag_id")).lt(Expr::col(("p", "tag_id")))),
                ),
            )
            .to_owned();
        let moved = Query::select()
            .expr(Expr::val(into.get()))
            .columns(rest.iter().map(|column| ("p", *column)))
            .from_as("photo_tags", "p")
            .and_where(Expr::col(("p", "tag_id")).is_in(numbers(from)))
            .and_where(Expr::exists(earlier).not())
            .to_owned();
        let insert = Query::insert()
            .into_table("photo_tags")
            .columns(["tag_id"].into_iter().chain(rest))
            .select_from(moved)
            .map_err(StoreError::corrupt)?
            .to_owned();
        Ok(self.conn().execute(&insert).await.map_err(store_error)?.rows_affected())
    }

    /// What a person said with one of `from` outweighs what a program said with `into`.
    async fn prefer_people(&self, from: &[TagId], into: TagId) -> Result<(), StoreError> {
        let by_hand = Query::select()
            .column("photo_id")
            .from("photo_tags")
            .and_where(Expr::col("tag_id").is_in(numbers(from)))
            .and_where(Expr::col("source").eq("manual"))
            .to_owned();
        // MySQL reads no table that it changes, but for what it has read before.
        let by_hand = Query::select().column("photo_id").from_subquery(by_hand, "d").to_owned();
        let update = Query::update()
            .table("photo_tags")
            .value("source", "manual")
            .value("confidence", None::<i32>)
            .and_where(Expr::col("tag_id").eq(into.get()))
            .and_where(Expr::col("source").ne("manual"))
            .and_where(Expr::col("photo_id").in_subquery(by_hand))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    /// Adds to what is counted of a day. A day without uses has no row.
    async fn add_to_day(&self, delta: &UsageDelta) -> Result<(), StoreError> {
        let (tag, day) = (delta.tag.get(), delta.day.0);
        let sum = Expr::col(("tag_days", "uses")).add(delta.uses);
        // One statement: to look for the row first would hold the place where others put theirs.
        let add = Query::insert()
            .into_table("tag_days")
            .columns(["tag_id", "day", "uses"])
            .values_panic([tag.into(), day.into(), delta.uses.into()])
            .on_conflict(OnConflict::columns(["tag_id", "day"]).value("uses", sum).to_owned())
            .to_owned();
        self.conn().execute(&add).await.map_err(store_error)?;
        if delta.uses < 0 {
            let none = Query::delete()
                .from_table("tag_days")
                .and_where(Expr::col("tag_id").eq(tag))
                .and_where(Expr::col("day").eq(day))
                .and_where(Expr::col("uses").eq(0))
                .to_owned();
            self.conn().execute(&none).await.map_err(store_error)?;
        }
        Ok(())
    }

    /// Counts by its links how many photos use a tag, in all and since which days.
    pub(super) async fn count_anew(&self, tag: TagId) -> Result<i64, StoreError> {
        self.remove_days(&[tag]).await?;
        let days = Query::select()
            .column("tag_id")
            .column("used_on")
            .expr(Expr::cust("COUNT(*)"))
            .from("photo_tags")
            .and_where(Expr::col("tag_id").eq(tag.get()))
            .and_where(Expr::col("used_on").is_not_null())
            .group_by_columns(["tag_id", "used_on"])
            .to_owned();
        let insert = Query::insert()
            .into_table("tag_days")
            .columns(["tag_id", "day", "uses"])
            .select_from(days)
            .map_err(StoreError::corrupt)?
            .to_owned();
        self.conn().execute(&insert).await.map_err(store_error)?;
        let count = Query::select()
            .expr_as(Func::count(Expr::col("photo_id")), "n")
            .from("photo_tags")
            .and_where(Expr::col("tag_id").eq(tag.get()))
            .and_where(Expr::col("used_on").is_not_null())
            .to_owned();
        let row = self.conn().query_one(&count).await.map_err(store_error)?;
        Ok(row.map(|row| row.try_get("", "n")).transpose().map_err(store_error)?.unwrap_or_default())
    }

    async fn remove_days(&self, tags: &[TagId]) -> Result<(), StoreError> {
        let delete =
            Query::delete().from_table("tag_days").and_where(Expr::col("tag_id").is_in(numbers(tags))).to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(store_error)
    }

    async fn remove_links(&self, tags: &[TagId]) -> Result<(), StoreError> {
        let delete =
            Query::delete().from_table("photo_tags").and_where(Expr::col("tag_id").is_in(numbers(tags))).to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl LabelRepository for SeaTx {
    async fn ensure(&mut self, names: &[(TagId, TagName)], now: DateTime<Utc>) -> Result<Vec<Label>, StoreError> {
        let wanted =
            labels().and_where(Expr::col("name_key").is_in(names.iter().flat_map(|(_, name)| name.keys()))).to_owned();
        let mut found = self.held_labels(wanted.clone()).await?;
        let new: Vec<Wanted<'_>> = names
            .iter()
            .filter(|(_, name)| meant(&found, name).is_none())
            .map(|(id, name)| {
                let slug = Label::slug_of(name);
                Wanted { id: *id, name, slugs: [slug.as_str().to_owned(), slug.with_id(id).as_str().to_owned()] }
            })
            .collect();
        if !new.is_empty() {
            make(self.conn(), Kind::Photo, &new.iter().collect::<Vec<_>>(), now).await?;
            found = self.held_labels(wanted).await?;
        }
        names.iter().map(|(_, name)| known("tag", name.name(), meant(&found, name).cloned())).collect()
    }

    async fn find_many_for_update(&mut self, ids: &[TagId]) -> Result<Vec<Label>, StoreError> {
        let select = labels().and_where(Expr::col("id").is_in(numbers(ids))).to_owned();
        self.held_labels(select).await
    }

    async fn insert(&mut self, label: &Label) -> Result<(), LabelWriteError> {
        self.unclaimed(label).await?;
        let fixed = [
            ("id", Expr::val(label.id.get())),
            ("kind", Expr::val(Kind::Photo.as_str())),
            ("created_at", Expr::val(label.created_at)),
        ];
        let (columns, values): (Vec<_>, Vec<_>) =
            fixed.into_iter().chain(named(&label.name)).chain(changeable(label)).unzip();
        let insert = Query::insert().into_table("tags").columns(columns).values_panic(values).to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(write_error)
    }

    async fn update(&mut self, label: &Label, expected: i64) -> Result<(), LabelWriteError> {
        let mut update = Query::update();
        update
            .table("tags")
            .values(changeable(label))
            .and_where(Expr::col("id").eq(label.id.get()))
            .and_where(Expr::col("version").eq(expected));
        // Who keeps its name keeps what stands beside it too: a tag that looks like another has a
        // key of before, and may have no other.
        let stored = self.find_many_for_update(&[label.id]).await?;
        if stored.iter().any(|stored| stored.name != label.name) {
            self.unclaimed(label).await?;
            update.values(named(&label.name));
        }
        match self.conn().execute(&update).await.map_err(write_error)?.rows_affected() {
            0 => Err(LabelWriteError::Stale),
            _ => Ok(()),
        }
    }

    async fn delete(&mut self, id: TagId, expected: i64) -> Result<(), LabelWriteError> {
        self.remove_links(&[id]).await?;
        self.remove_days(&[id]).await?;
        let delete = Query::delete()
            .from_table("tags")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("version").eq(expected))
            .to_owned();
        match self.conn().execute(&delete).await.map_err(write_error)?.rows_affected() {
            0 => Err(LabelWriteError::Stale),
            _ => Ok(()),
        }
    }

    async fn add_usage(&mut self, deltas: &[UsageDelta]) -> Result<(), StoreError> {
        for delta in deltas {
            let mut update = Query::update();
            update
                .table("tags")
                .value("usage_count", Expr::col("usage_count").add(delta.uses))
                .and_where(Expr::col("id").eq(delta.tag.get()));
            if let Some(at) = delta.used_at {
                update.value("last_used_at", at);
            }
            self.conn().execute(&update).await.map_err(store_error)?;
            // From here on the tag's row is held, and with it its days.
            self.add_to_day(delta).await?;
        }
        Ok(())
    }

    async fn merge(&mut self, from: &[TagId], into: TagId) -> Result<u64, StoreError> {
        let held = self.find_many_for_update(&[from, &[into]].concat()).await?;
        let last_used_at = held.iter().filter_map(|label| label.last_used_at).max();
        let moved = self.take_over(from, into).await?;
        // Only now each photo has the link: one that came by a program's may be by a person's too.
        self.prefer_people(from, into).await?;
        self.remove_links(from).await?;
        self.remove_days(from).await?;
        let delete = Query::delete().from_table("tags").and_where(Expr::col("id").is_in(numbers(from))).to_owned();
        self.conn().execute(&delete).await.map_err(store_error)?;
        let update = Query::update()
            .table("tags")
            .value("usage_count", self.count_anew(into).await?)
            .value("last_used_at", last_used_at)
            .and_where(Expr::col("id").eq(into.get()))
            .to_owned();
        self.conn().execute(&update).await.map_err(store_error)?;
        Ok(moved)
    }

    async fn renew_names(&mut self, after: TagId, limit: u64) -> Result<RenewedNames, StoreError> {
        self.renew_tag_names(after, limit).await
    }
}
