use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Order, Query};
use sharestack_content::model::{FileStatus, Pace};
use sharestack_content::ports::ProcessingQueries;
use sharestack_kernel::error::StoreError;

use crate::connect::Store;
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
        let waiting = [FileStatus::Uploaded, FileStatus::Processing].map(FileStatus::stored);
        let select = Query::select()
            .column("id")
            .from("files")
            .and_where(Expr::col("status").is_in(waiting))
            .and_where(Expr::col("created_at").lt(before))
            .to_owned();
        rows::count(self, select).await
    }
}
