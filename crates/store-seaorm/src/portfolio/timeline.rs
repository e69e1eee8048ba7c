//! The timeline and its events.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Func, LockType, Order, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{EventDate, EventKind, EventTitle, Note, PhotoId, TimelineEvent, TimelineEventId};
use sharestack_content::ports::{EventWriteError, TimelineQueries, TimelineRepository, YearMonth};
use sharestack_kernel::error::StoreError;

use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{AT_ONCE, Fields, Stored, all, known, one};
use crate::tx::SeaTx;

/// How many months one statement asks for. SQLite takes at most 500 parts of a union.
const MONTHS_AT_ONCE: usize = 120;

struct EventRow(TimelineEvent);

impl Stored for EventRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let date: String = fields.get("event_on")?;
        let kind: String = fields.get("kind")?;
        Ok(Self(TimelineEvent {
            id: TimelineEventId::new(fields.get("id")?),
            title: EventTitle::stored(fields.get("title")?),
            description: fields.get::<Option<String>>("description")?.map(Note::stored),
            date: known("date", &date, EventDate::parse(&date).ok())?,
            kind: known("kind", &kind, EventKind::parse(&kind).ok())?,
            photos: Vec::new(),
            version: fields.get("version")?,
            created_at: fields.get("created_at")?,
            updated_at: fields.get("updated_at")?,
        }))
    }
}

fn events() -> SelectStatement {
    Query::select()
        .columns(["id", "title", "description", "event_on", "kind", "version", "created_at", "updated_at"])
        .from("timeline_events")
        .to_owned()
}

async fn with_photos(db: &impl ConnectionTrait, events: Vec<EventRow>) -> Result<Vec<TimelineEvent>, StoreError> {
    let mut photos: BTreeMap<i64, Vec<PhotoId>> = BTreeMap::new();
    for events in events.chunks(AT_ONCE) {
        let select = Query::select()
            .columns(["event_id", "photo_id"])
            .from("timeline_event_photos")
            .and_where(Expr::col("event_id").is_in(events.iter().map(|row| row.0.id.get())))
            .order_by("position", Order::Asc)
            .to_owned();
        for row in db.query_all(&select).await.map_err(store_error)? {
            let event = row.try_get("", "event_id").map_err(store_error)?;
            let photo = row.try_get("", "photo_id").map_err(store_error)?;
            photos.entry(event).or_default().push(PhotoId::new(photo));
        }
    }
    let of = |row: EventRow| {
        let photos = photos.remove(&row.0.id.get()).unwrap_or_default();
        TimelineEvent { photos, ..row.0 }
    };
    Ok(events.into_iter().map(of).collect())
}

/// The columns that an edit may change.
fn changeable(event: &TimelineEvent) -> Vec<(&'static str, SimpleExpr)> {
    vec![
        ("title", event.title.as_str().into()),
        ("description", event.description.as_ref().map(|text| text.as_str().to_owned()).into()),
        ("event_on", event.date.to_string().into()),
        ("kind", event.kind.as_str().into()),
        ("version", event.version.into()),
        ("updated_at", event.updated_at.into()),
    ]
}

impl SeaTx {
    async fn forget_photos(&self, event: TimelineEventId) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table("timeline_event_photos")
            .and_where(Expr::col("event_id").eq(event.get()))
            .to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(store_error)
    }

    async fn relate(&self, event: &TimelineEvent) -> Result<(), StoreError> {
        if event.photos.is_empty() {
            return Ok(());
        }
        let mut insert = Query::insert();
        insert.into_table("timeline_event_photos").columns(["event_id", "photo_id", "position"]);
        for (position, photo) in (0_i32..).zip(&event.photos) {
            insert.values_panic([event.id.get().into(), photo.get().into(), position.into()]);
        }
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl TimelineRepository for SeaTx {
    async fn find_for_update(&mut self, id: TimelineEventId) -> Result<Option<TimelineEvent>, StoreError> {
        let select = events().and_where(Expr::col("id").eq(id.get())).lock(LockType::Update).to_owned();
        let found: Option<EventRow> = one(self.conn(), &select).await?;
        Ok(with_photos(self.conn(), found.into_iter().collect()).await?.pop())
    }

    async fn insert(&mut self, event: &TimelineEvent) -> Result<(), StoreError> {
        let fixed: [(&str, SimpleExpr); 2] = [("id", event.id.get().into()), ("created_at", event.created_at.into())];
        let (columns, values): (Vec<_>, Vec<_>) = fixed.into_iter().chain(changeable(event)).unzip();
        let insert = Query::insert().into_table("timeline_events").columns(columns).values_panic(values).to_owned();
        self.conn().execute(&insert).await.map_err(store_error)?;
        self.relate(event).await
    }

    async fn update(&mut self, event: &TimelineEvent, expected: i64) -> Result<(), EventWriteError> {
        let update = Query::update()
            .table("timeline_events")
            .values(changeable(event))
            .and_where(Expr::col("id").eq(event.id.get()))
            .and_where(Expr::col("version").eq(expected))
            .to_owned();
        if self.conn().execute(&update).await.map_err(store_error)?.rows_affected() == 0 {
            return Err(EventWriteError::Stale);
        }
        self.forget_photos(event.id).await?;
        Ok(self.relate(event).await?)
    }

    async fn delete(&mut self, id: TimelineEventId, expected: i64) -> Result<(), EventWriteError> {
        self.forget_photos(id).await?;
        let delete = Query::delete()
            .from_table("timeline_events")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("version").eq(expected))
            .to_owned();
        match self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() {
            0 => Err(EventWriteError::Stale),
            _ => Ok(()),
        }
    }
}

struct MonthRow(YearMonth, u64);

impl Stored for MonthRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let key: String = fields.get("count_key")?;
        let n: i64 = fields.get("n")?;
        let month = key.strip_prefix("month:").and_then(|text| {
            // A year may have a sign of its own.
            let (year, month) = text.rsplit_once('-')?;
            Some(YearMonth { year: year.parse().ok()?, month: month.parse().ok()? })
        });
        Ok(Self(known("counter", &key, month)?, u64::try_from(n).map_err(StoreError::corrupt)?))
    }
}

/// The latest photos of a month, read from an index alone.
fn latest(month: YearMonth, limit: u64) -> SelectStatement {
    Query::select()
        .columns(["id", "taken_year", "taken_month", "shown_at"])
        .from("photos")
        .and_where(Expr::col("listed").eq(true))
        .and_where(Expr::col("taken_year").eq(month.year))
        .and_where(Expr::col("taken_month").eq(month.month))
        .order_by("shown_at", Order::Desc)
        .order_by("id", Order::Desc)
        .limit(limit)
        .to_owned()
}

#[async_trait]
impl TimelineQueries for Store {
    async fn months(&self) -> Result<Vec<(YearMonth, u64)>, StoreError> {
        let select = Query::select()
            .columns(["count_key", "n"])
            .from("photo_counts")
            .and_where(Expr::col("count_key").like("month:%"))
            .and_where(Expr::col("n").gt(0))
            .to_owned();
        let rows: Vec<MonthRow> = all(self.read(), &select).await?;
        let mut months: Vec<_> = rows.into_iter().map(|row| (row.0, row.1)).collect();
        months.sort_unstable();
        Ok(months)
    }

    async fn photos(&self, months: &[YearMonth], limit: u64) -> Result<Vec<(YearMonth, PhotoId)>, StoreError> {
        let mut found = Vec::new();
        for chunk in months.chunks(MONTHS_AT_ONCE) {
            // Each part stands in a subquery of its own, so that every database takes its limit.
            let part = |month: &YearMonth| {
                let columns = ["id", "taken_year", "taken_month", "shown_at"];
                Query::select().columns(columns).from_subquery(latest(*month, limit), "m").to_owned()
            };
            let mut parts = chunk.iter().map(part);
            let Some(mut select) = parts.next() else { continue };
            for part in parts {
                select.union(UnionType::All, part);
            }
            for row in self.read().query_all(&select).await.map_err(store_error)? {
                let fields = Fields::of(&row);
                let month = YearMonth {
                    year: fields.get("taken_year")?,
                    month: u32::try_from(fields.get::<i32>("taken_month")?).map_err(StoreError::corrupt)?,
                };
                let shown_at: chrono::DateTime<chrono::Utc> = fields.get("shown_at")?;
                let id: i64 = fields.get("id")?;
                found.push((month, std::cmp::Reverse((shown_at, id))));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(month, key)| (month, PhotoId::new(key.0.1))).collect())
    }

    async fn events(&self, from: YearMonth, to: YearMonth) -> Result<Vec<TimelineEvent>, StoreError> {
        let select = events()
            .and_where(Expr::col("event_on").gte(format!("{:04}-{:02}-01", from.year, from.month)))
            .and_where(Expr::col("event_on").lte(format!("{:04}-{:02}-31", to.year, to.month)))
            .order_by("event_on", Order::Asc)
            .order_by("id", Order::Asc)
            .to_owned();
        let rows: Vec<EventRow> = all(self.read(), &select).await?;
        with_photos(self.read(), rows).await
    }

    async fn event_years(&self) -> Result<Option<(i32, i32)>, StoreError> {
        let select = Query::select()
            .expr_as(Func::min(Expr::col("event_on")), "first")
            .expr_as(Func::max(Expr::col("event_on")), "last")
            .from("timeline_events")
            .to_owned();
        let Some(row) = self.read().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        let year = |column: &str| -> Result<Option<i32>, StoreError> {
            let date: Option<String> = row.try_get("", column).map_err(store_error)?;
            date.map(|date| known("date", &date, EventDate::parse(&date).ok()).map(|date| date.month().0)).transpose()
        };
        Ok(year("first")?.zip(year("last")?))
    }

    async fn find_event(&self, id: TimelineEventId) -> Result<Option<TimelineEvent>, StoreError> {
        let select = events().and_where(Expr::col("id").eq(id.get())).to_owned();
        let found: Option<EventRow> = one(self.read(), &select).await?;
        Ok(with_photos(self.read(), found.into_iter().collect()).await?.pop())
    }
}
