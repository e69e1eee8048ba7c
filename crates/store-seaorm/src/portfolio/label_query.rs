//! Tags as screens show them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::sea_query::{CaseStatement, Cond, Expr, Func, JoinType, Order, Query, SelectStatement, UnionType};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{Day, Key, Kind, Label, Period, Tag, TagGroup, TagId, Uses};
use sharestack_content::ports::{Candidate, LabelFilter, LabelQueries, LabelSort, Match, Order as Direction, TagKey};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use super::label_rows::{LabelRow, label_columns};
use crate::connect::{Dialect, Store};
use crate::error::store_error;
use crate::matching::{containing, starting};
use crate::rows::{Fields, Stored, all, count, known, one};
use crate::tags::FORM_END;

fn labels() -> SelectStatement {
    let mut select = Query::select();
    label_columns(&mut select).from("tags").and_where(Expr::col("kind").eq(Kind::Photo.as_str()));
    select
}

/// The tags that visitors see. One that only drafts and private photos have would tell what
/// these are about.
fn shown() -> SelectStatement {
    labels().and_where(Expr::col("is_active").eq(true)).and_where(Expr::col("usage_count").gt(0)).to_owned()
}

/// How often a tag was used on a day.
struct DayRow(TagId, Day, i64);

impl Stored for DayRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(TagId::new(fields.get("tag_id")?), Day(fields.get("day")?), fields.get("uses")?))
    }
}

impl Store {
    /// What the uses of each tag in a period sum up to, as `tag_id` and `trend`.
    fn trends(&self, period: Period, today: Day) -> SelectStatement {
        // `E` makes a double of it, but in PostgreSQL.
        let weigh = |(day, weight): (Day, f64)| {
            let weight = match self.dialect() {
                Dialect::Postgres => format!("{weight:e}::double precision"),
                _ => format!("{weight:e}"),
            };
            let day = Expr::cust(day.0.to_string());
            Query::select().expr_as(day, "day").expr_as(Expr::cust(weight), "weight").to_owned()
        };
        let mut weights: Option<SelectStatement> = None;
        for one in period.weights(today).map(weigh) {
            match &mut weights {
                None => weights = Some(one),
                Some(all) => {
                    all.union(UnionType::All, one);
                }
            }
        }
        let sum = Func::sum(Expr::col(("d", "uses")).mul(Expr::col(("w", "weight"))));
        Query::select()
            .column(("d", "tag_id"))
            .expr_as(sum, "trend")
            .from_subquery(weights.unwrap_or_default(), "w")
            .join_as(JoinType::InnerJoin, "tag_days", "d", Expr::col(("d", "day")).equals(("w", "day")))
            .group_by_col(("d", "tag_id"))
            .to_owned()
    }
}

struct CandidateRow(Candidate);

impl Stored for CandidateRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let rank: i32 = fields.get("rank_of_match")?;
        let found = usize::try_from(rank).ok().and_then(|rank| Match::ALL.get(rank)).copied();
        Ok(Self(Candidate {
            tag: Tag { id: TagId::new(fields.get("id")?), name: fields.get("name")?, slug: fields.get("slug")? },
            usage_count: fields.get("usage_count")?,
            found: known("match", "of a tag", found)?,
        }))
    }
}

fn candidates(kind: Kind, unused: bool) -> SelectStatement {
    Query::select()
        .columns(["id", "name", "slug", "usage_count"])
        .from("tags")
        .and_where(Expr::col("kind").eq(kind.as_str()))
        .and_where(Expr::col("is_active").eq(true))
        .and_where_option((!unused).then(|| Expr::col("usage_count").gt(0)))
        .to_owned()
}

/// That one of the forms in a column begins with what somebody typed.
fn typed_as(column: &'static str, typed: &str) -> Expr {
    let later = containing(&format!("{FORM_END}{typed}"));
    Expr::col(column).like(starting(typed)).or(Expr::col(column).like(later))
}

async fn read(store: &Store, select: &SelectStatement) -> Result<Vec<Label>, StoreError> {
    let rows: Vec<LabelRow> = all(store.read(), select).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

#[async_trait]
impl LabelQueries for Store {
    async fn list(&self, filter: &LabelFilter, today: Day, request: PageRequest) -> Result<Page<Label>, StoreError> {
        let mut select = if filter.hidden { labels() } else { shown() };
        if let Some(group) = filter.group {
            select.and_where(Expr::col("tag_group").eq(group.as_str()));
        }
        let total = count(self, select.clone()).await?;
        let order = if filter.order == Direction::Ascending { Order::Asc } else { Order::Desc };
        match filter.sort {
            LabelSort::Usage => select.order_by("usage_count", order),
            LabelSort::Name => select.order_by("name_key", order),
            LabelSort::Trend => {
                let trends = self.trends(Period::default(), today);
                select
                    .join_subquery(JoinType::LeftJoin, trends, "t", Expr::col(("t", "tag_id")).equals(("tags", "id")))
                    .order_by_expr(Func::coalesce([Expr::col(("t", "trend")), Expr::cust("0")]).into(), order)
            }
        };
        select.order_by("name_key", Order::Asc).limit(u64::from(request.limit())).offset(request.offset());
        Ok(Page { items: read(self, &select).await?, total, request })
    }

    async fn find(&self, key: &TagKey) -> Result<Option<Label>, StoreError> {
        let mut select = labels();
        match key {
            Key::Id(id) => select.and_where(Expr::col("id").eq(id.get())),
            Key::Slug(slug) => select.and_where(Expr::col("slug").eq(slug.as_str())),
            Key::Neither(_) => return Ok(None),
        };
        Ok(one::<LabelRow>(self.read(), &select).await?.map(|row| row.0))
    }

    async fn uses(&self, tags: &[TagId], since: Day) -> Result<BTreeMap<TagId, Uses>, StoreError> {
        let select = Query::select()
            .columns(["tag_id", "day", "uses"])
            .from("tag_days")
            .and_where(Expr::col("tag_id").is_in(tags.iter().map(|id| id.get())))
            .and_where(Expr::col("day").gte(since.0))
            .order_by("tag_id", Order::Asc)
            .order_by("day", Order::Asc)
            .to_owned();
        let mut uses: BTreeMap<TagId, Uses> = BTreeMap::new();
        for DayRow(tag, day, n) in all(self.read(), &select).await? {
            uses.entry(tag).or_default().push((day, n));
        }
        Ok(uses)
    }

    async fn groups(&self, hidden: bool) -> Result<BTreeMap<TagGroup, u64>, StoreError> {
        let mut select = if hidden { labels() } else { shown() };
        select
            .clear_selects()
            .column("tag_group")
            .expr_as(Func::count(Expr::col("id")), "n")
            .and_where(Expr::col("tag_group").is_not_null())
            .group_by_col("tag_group");
        let mut groups = BTreeMap::from(TagGroup::ALL.map(|group| (group, 0)));
        for row in self.read().query_all(&select).await.map_err(store_error)? {
            let name: String = row.try_get("", "tag_group").map_err(store_error)?;
            let n: i64 = row.try_get("", "n").map_err(store_error)?;
            groups.insert(known("group", &name, TagGroup::parse(&name).ok())?, n.unsigned_abs());
        }
        Ok(groups)
    }

    async fn suggest(
        &self,
        kind: Kind,
        key: &str,
        typed: &str,
        unused: bool,
        limit: u64,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut ways = vec![
            (Match::Exact, Expr::col("name_key").eq(key)),
            (Match::Prefix, Expr::col("name_key").like(starting(key))),
        ];
        if !typed.is_empty() {
            ways.push((Match::Pinyin, typed_as("pinyin", typed)));
            ways.push((Match::Initials, typed_as("initials", typed)));
        }
        // The words of a name are joined by `-`.
        ways.push((Match::WordStart, Expr::col("name_key").like(containing(&format!("-{key}")))));
        ways.push((Match::Inside, Expr::col("name_key").like(containing(key))));
        let rank = ways.iter().fold(CaseStatement::new(), |case, (way, found)| {
            case.case(found.clone(), Expr::cust((*way as i32).to_string()))
        });
        let found = ways.into_iter().fold(Cond::any(), |any, (_, found)| any.add(found));
        let select = candidates(kind, unused)
            .expr_as(rank.finally(Expr::cust("9")), "rank_of_match")
            .cond_where(found)
            .order_by("rank_of_match", Order::Asc)
            .order_by("usage_count", Order::Desc)
            .order_by("id", Order::Asc)
            .limit(limit)
            .to_owned();
        let rows: Vec<CandidateRow> = all(self.read(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn most_used(&self, min_usage: u64, limit: u64) -> Result<Vec<Label>, StoreError> {
        let least = i64::try_from(min_usage).unwrap_or(i64::MAX);
        let select = shown()
            .and_where(Expr::col("usage_count").gte(least))
            .order_by("usage_count", Order::Desc)
            .order_by("id", Order::Asc)
            .limit(limit)
            .to_owned();
        read(self, &select).await
    }

    async fn trending(&self, period: Period, today: Day, limit: u64) -> Result<Vec<Label>, StoreError> {
        let trends = self.trends(period, today);
        let select = shown()
            .join_subquery(JoinType::InnerJoin, trends, "t", Expr::col(("t", "tag_id")).equals(("tags", "id")))
            .order_by(("t", "trend"), Order::Desc)
            .order_by("usage_count", Order::Desc)
            .order_by("id", Order::Asc)
            .limit(limit)
            .to_owned();
        read(self, &select).await
    }

    async fn popular(&self, kind: Kind, limit: u64) -> Result<Vec<Candidate>, StoreError> {
        let select = candidates(kind, false)
            .expr_as(Expr::cust("0"), "rank_of_match")
            .order_by("usage_count", Order::Desc)
            .order_by("id", Order::Asc)
            .limit(limit)
            .to_owned();
        let rows: Vec<CandidateRow> = all(self.read(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}
