use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, OnConflict, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait};
use sharestack_content::model::{FileId, Photo, PhotoCount, PhotoId};
use sharestack_content::ports::{PhotoRepository, PhotoWriteError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::photo_rows::{PhotoRow, changeable, photo_columns};
use crate::error::{Constraint, store_error, violated};
use crate::rows::one;
use crate::tx::SeaTx;

fn write_error(error: DbErr) -> PhotoWriteError {
    match violated(&error) {
        Some(Constraint::PhotoSlug) => PhotoWriteError::SlugTaken,
        Some(Constraint::PhotoFile) => PhotoWriteError::FileTaken,
        _ => store_error(error).into(),
    }
}

impl SeaTx {
    async fn lock_photo(&self, condition: SimpleExpr) -> Result<Option<Photo>, StoreError> {
        let mut select = Query::select();
        photo_columns(&mut select).from_as("photos", "p").and_where(condition).limit(1).lock(LockType::Update);
        Ok(one::<PhotoRow>(self.conn(), &select).await?.map(|row| row.photo))
    }

    async fn add_to_photo(&self, id: PhotoId, column: &'static str, n: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table("photos")
            .value(column, Expr::col(column).add(n))
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn likes_of(&self, id: PhotoId) -> Result<i64, StoreError> {
        let select =
            Query::select().column("like_count").from("photos").and_where(Expr::col("id").eq(id.get())).to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        Ok(row.map(|row| row.try_get("", "like_count")).transpose().map_err(store_error)?.unwrap_or_default())
    }
}

/// The like of one user.
fn like_of(id: PhotoId, user: UserId) -> SimpleExpr {
    Expr::col("photo_id").eq(id.get()).and(Expr::col("user_id").eq(user.get()))
}

#[async_trait]
impl PhotoRepository for SeaTx {
    async fn find_for_update(&mut self, id: PhotoId) -> Result<Option<Photo>, StoreError> {
        self.lock_photo(Expr::col(("p", "id")).eq(id.get())).await
    }

    async fn find_by_file_for_update(&mut self, file: FileId) -> Result<Option<Photo>, StoreError> {
        self.lock_photo(Expr::col(("p", "file_id")).eq(file.get())).await
    }

    async fn find_one_by_owner_for_update(&mut self, owner: UserId) -> Result<Option<Photo>, StoreError> {
        self.lock_photo(Expr::col(("p", "owner_id")).eq(owner.get())).await
    }

    async fn find_one_liked_by(&mut self, user: UserId) -> Result<Option<PhotoId>, StoreError> {
        let select = Query::select()
            .column("photo_id")
            .from("photo_likes")
            .and_where(Expr::col("user_id").eq(user.get()))
            .limit(1)
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        row.map(|row| row.try_get("", "photo_id").map(PhotoId::new)).transpose().map_err(store_error)
    }

    async fn insert(&mut self, photo: &Photo) -> Result<(), PhotoWriteError> {
        let fixed: [(&str, SimpleExpr); 6] = [
            ("id", photo.id.get().into()),
            ("owner_id", photo.owner_id.get().into()),
            ("view_count", 0_i64.into()),
            ("like_count", 0_i64.into()),
            ("download_count", 0_i64.into()),
            ("created_at", photo.created_at.into()),
        ];
        let (columns, values): (Vec<_>, Vec<_>) = fixed.into_iter().chain(changeable(photo)?).unzip();
        let insert = Query::insert().into_table("photos").columns(columns).values_panic(values).to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(write_error)
    }

    async fn update(&mut self, photo: &Photo, expected: i64) -> Result<(), PhotoWriteError> {
        let update = Query::update()
            .table("photos")
            .values(changeable(photo)?)
            .and_where(Expr::col("id").eq(photo.id.get()))
            .and_where(Expr::col("version").eq(expected))
            .to_owned();
        match self.conn().execute(&update).await.map_err(write_error)?.rows_affected() {
            0 => Err(PhotoWriteError::Stale),
            _ => Ok(()),
        }
    }

    async fn delete(&mut self, id: PhotoId, expected: i64) -> Result<(), PhotoWriteError> {
        let held = self.find_for_update(id).await?.filter(|photo| photo.version == expected);
        if held.is_none() {
            return Err(PhotoWriteError::Stale);
        }
        for (table, column) in [("photo_likes", "photo_id"), ("share_link_photos", "photo_id"), ("photos", "id")] {
            let delete = Query::delete().from_table(table).and_where(Expr::col(column).eq(id.get())).to_owned();
            self.conn().execute(&delete).await.map_err(store_error)?;
        }
        Ok(())
    }

    async fn add_views(&mut self, id: PhotoId, views: u64) -> Result<(), StoreError> {
        self.add_to_photo(id, "view_count", i64::try_from(views).map_err(StoreError::corrupt)?).await
    }

    async fn add_downloads(&mut self, id: PhotoId, downloads: u64) -> Result<(), StoreError> {
        self.add_to_photo(id, "download_count", i64::try_from(downloads).map_err(StoreError::corrupt)?).await
    }

    async fn like(&mut self, id: PhotoId, user: UserId, at: DateTime<Utc>) -> Result<(bool, i64), StoreError> {
        // The photo is held, so that nobody comes between the look and the write. Locked,
        // because MySQL would otherwise read what was there when the transaction began.
        let mut select = Query::select();
        select.column("user_id").from("photo_likes").and_where(like_of(id, user)).lock(LockType::Update);
        let new = self.conn().query_one(&select).await.map_err(store_error)?.is_none();
        if new {
            let insert = Query::insert()
                .into_table("photo_likes")
                .columns(["photo_id", "user_id", "created_at"])
                .values_panic([id.get().into(), user.get().into(), at.into()])
                .to_owned();
            self.conn().execute(&insert).await.map_err(store_error)?;
            self.add_to_photo(id, "like_count", 1).await?;
        }
        Ok((new, self.likes_of(id).await?))
    }

    async fn unlike(&mut self, id: PhotoId, user: UserId) -> Result<(bool, i64), StoreError> {
        let delete = Query::delete().from_table("photo_likes").and_where(like_of(id, user)).to_owned();
        let had = self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() > 0;
        if had {
            self.add_to_photo(id, "like_count", -1).await?;
        }
        Ok((had, self.likes_of(id).await?))
    }

    async fn add_counts(&mut self, deltas: &[(PhotoCount, i64)]) -> Result<(), StoreError> {
        for (key, delta) in deltas {
            let key = key.to_key();
            let update = Query::update()
                .table("photo_counts")
                .value("n", Expr::col("n").add(*delta))
                .and_where(Expr::col("count_key").eq(key.as_str()))
                .to_owned();
            if self.conn().execute(&update).await.map_err(store_error)?.rows_affected() > 0 {
                continue;
            }
            let sum = Expr::col(("photo_counts", "n")).add(*delta);
            let insert = Query::insert()
                .into_table("photo_counts")
                .columns(["count_key", "n"])
                .values_panic([key.into(), (*delta).into()])
                .on_conflict(OnConflict::column("count_key").value("n", sum).to_owned())
                .to_owned();
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        Ok(())
    }
}
