use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sharestack_content::events::{PROCESS_JOB, process_key, processed_by};
use sharestack_content::model::{FileId, FileStatus, Pace};
use sharestack_content::ports::ProcessingQueries;
use sharestack_kernel::error::StoreError;

use crate::connect::Store;
use crate::jobs::{RUNNING, WAITING};
use crate::rows::{self, Fields, Stored};

/// Of how many files the pace is the average.
const MEASURED: u64 = 32;

/// How large a picture was, and how long it took.
struct Took {
    pixels: u64,
    seconds: f64,
}

impl Stored for Took {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let side = |name: &str| Ok::<_, StoreError>(u64::from(fields.get::<i32>(name)?.unsigned_abs()));
        let (started, ended): (DateTime<Utc>, DateTime<Utc>) = (fields.get("started_at")?, fields.get("processed_at")?);
        Ok(Self { pixels: side("width")? * side("height")?, seconds: (ended - started).as_seconds_f64() })
    }
}

struct Key(String);

impl Stored for Key {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(fields.get("dedupe_key")?))
    }
}

/// The file that a job works on, where its payload names one.
struct Named(Option<FileId>);

impl Stored for Named {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let payload: String = fields.get("payload")?;
        Ok(Self(serde_json::from_str(&payload).ok().as_ref().and_then(processed_by)))
    }
}

/// Files in which something still comes.
fn open() -> SelectStatement {
    let open = Expr::col("status").is_in(FileStatus::OPEN.map(FileStatus::stored));
    Query::select().column("id").from("files").and_where(open).to_owned()
}

#[async_trait]
impl ProcessingQueries for Store {
    async fn pace(&self) -> Result<Option<Pace>, StoreError> {
        let select = Query::select()
            .columns(["width", "height", "started_at", "processed_at"])
            .from("files")
            .and_where(Expr::col("status").eq(FileStatus::Ready.stored()))
            .and_where(Expr::col("started_at").is_not_null())
            .and_where(Expr::col("processed_at").is_not_null())
            .and_where(Expr::col("width").is_not_null())
            .and_where(Expr::col("height").is_not_null())
            .order_by("processed_at", Order::Desc)
            .limit(MEASURED)
            .to_owned();
        let files: Vec<Took> = rows::all(self.read(), &select).await?;
        Ok(Pace::measured(&files.iter().map(|file| (file.pixels, file.seconds)).collect::<Vec<_>>()))
    }

    async fn ahead(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let select = open().and_where(Expr::col("created_at").lt(before)).to_owned();
        rows::count(self, select).await
    }

    async fn list_forsaken(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let (mut forsaken, mut behind) = (Vec::new(), 0);
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            let select = open()
                .and_where(Expr::col("updated_at").lt(before))
                .and_where(Expr::col("id").gt(behind))
                .order_by("id", Order::Asc)
                .limit(rows::AT_ONCE as u64)
                .to_owned();
            let files = self.ids(&select).await?;
            let Some(last) = files.last() else { return Ok(forsaken) };
            behind = last.get();
            let keys = files.iter().map(|file| process_key(*file));
            let jobs = Query::select()
                .column("dedupe_key")
                .from("jobs")
                .and_where(Expr::col("dedupe_key").is_in(keys))
                .to_owned();
            let jobs: Vec<Key> = rows::all(self.read(), &jobs).await?;
            let jobs: HashSet<_> = jobs.into_iter().map(|job| job.0).collect();
            let read = files.len();
            let mut found: Vec<_> = files.into_iter().filter(|file| !jobs.contains(&process_key(*file))).collect();
            if !found.is_empty() {
                let named = named(self).await?;
                found.retain(|file| !named.contains(file));
            }
            forsaken.extend(found);
            if read < rows::AT_ONCE || forsaken.len() >= wanted {
                forsaken.truncate(wanted);
                return Ok(forsaken);
            }
        }
    }
}

/// The files of jobs that wait or run without a key: a job loses it when it is given up, and has
/// none when it is offered again.
async fn named(store: &Store) -> Result<HashSet<FileId>, StoreError> {
    let jobs = Query::select()
        .column("payload")
        .from("jobs")
        .and_where(Expr::col("kind").eq(PROCESS_JOB))
        .and_where(Expr::col("state").is_in([WAITING, RUNNING]))
        .and_where(Expr::col("dedupe_key").is_null())
        .to_owned();
    let jobs: Vec<Named> = rows::all(store.read(), &jobs).await?;
    Ok(jobs.into_iter().filter_map(|job| job.0).collect())
}
