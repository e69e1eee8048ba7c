use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{FileId, FileName, Part, Sha256, Upload, UploadKind, UploadState, UploadedFile};
use sharestack_content::ports::{FileQueries, Known, UploadRepository};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use uuid::Uuid;

use super::bytes;
use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{self, Fields, Stored, known};
use crate::tx::SeaTx;

const COLUMNS: [&str; 14] = [
    "id",
    "owner_id",
    "kind",
    "state",
    "filename",
    "declared_type",
    "size",
    "chunk_size",
    "received",
    "metadata",
    "holder",
    "held_until",
    "created_at",
    "expires_at",
];

impl Stored for Upload {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let (kind, state): (String, String) = (fields.get("kind")?, fields.get("state")?);
        let number = |name: &str| fields.get::<i64>(name).map(i64::unsigned_abs);
        let (holder, until): (Option<Uuid>, Option<DateTime<Utc>>) = (fields.get("holder")?, fields.get("held_until")?);
        Ok(Self {
            id: FileId::new(fields.get("id")?),
            owner_id: UserId::new(fields.get("owner_id")?),
            kind: known("kind of upload", &kind, UploadKind::parse(&kind))?,
            state: known("state of upload", &state, UploadState::parse(&state))?,
            filename: FileName::stored(fields.get("filename")?),
            declared_type: fields.get("declared_type")?,
            size: number("size")?,
            chunk_size: number("chunk_size")?,
            received: number("received")?,
            metadata: fields.get("metadata")?,
            held: holder.zip(until),
            created_at: fields.get("created_at")?,
            expires_at: fields.get("expires_at")?,
        })
    }
}

impl Stored for Part {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            start: fields.get::<i64>("start")?.unsigned_abs(),
            size: fields.get::<i64>("size")?.unsigned_abs(),
            blob_key: fields.get("blob_key")?,
        })
    }
}

struct Id(FileId);

impl Stored for Id {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(FileId::new(fields.get("id")?)))
    }
}

fn select_uploads() -> SelectStatement {
    Query::select().columns(COLUMNS).from("uploads").to_owned()
}

fn select_parts(id: FileId) -> SelectStatement {
    Query::select()
        .columns(["start", "size", "blob_key"])
        .from("upload_parts")
        .and_where(Expr::col("upload_id").eq(id.get()))
        .to_owned()
}

fn select_ids(table: &'static str) -> SelectStatement {
    Query::select().column("id").from(table).to_owned()
}

impl Store {
    pub(super) async fn ids(&self, select: &SelectStatement) -> Result<Vec<FileId>, StoreError> {
        Ok(rows::all::<Id>(self.read(), select).await?.into_iter().map(|Id(id)| id).collect())
    }
}

#[async_trait]
impl UploadRepository for SeaTx {
    async fn find_for_update(&mut self, id: FileId) -> Result<Option<Upload>, StoreError> {
        let select = select_uploads().and_where(Expr::col("id").eq(id.get())).lock(LockType::Update).to_owned();
        rows::one(self.conn(), &select).await
    }

    async fn insert(&mut self, upload: &Upload) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("uploads")
            .columns(COLUMNS.into_iter().chain(["updated_at"]))
            .values_panic([
                upload.id.get().into(),
                upload.owner_id.get().into(),
                upload.kind.as_str().into(),
                upload.state.as_str().into(),
                upload.filename.as_str().into(),
                upload.declared_type.clone().into(),
                bytes(upload.size)?.into(),
                bytes(upload.chunk_size)?.into(),
                bytes(upload.received)?.into(),
                upload.metadata.clone().into(),
                upload.held.map(|(holder, _)| holder).into(),
                upload.held.map(|(_, until)| until).into(),
                upload.created_at.into(),
                upload.expires_at.into(),
                upload.created_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn update(&mut self, upload: &Upload, now: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("uploads")
            .value("state", upload.state.as_str())
            .value("received", bytes(upload.received)?)
            .value("holder", upload.held.map(|(holder, _)| holder))
            .value("held_until", upload.held.map(|(_, until)| until))
            .value("expires_at", upload.expires_at)
            .value("updated_at", now)
            .and_where(Expr::col("id").eq(upload.id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn put_part(&mut self, id: FileId, part: &Part) -> Result<Option<Part>, StoreError> {
        let start = bytes(part.start)?;
        let select = select_parts(id).and_where(Expr::col("start").eq(start)).to_owned();
        let before: Option<Part> = rows::one(self.conn(), &select).await?;
        if before.as_ref().is_some_and(|before| before.size != part.size) {
            return Err(StoreError::corrupt("a piece of another size"));
        }
        if before.is_some() {
            let update = Query::update()
                .table("upload_parts")
                .value("blob_key", part.blob_key.as_str())
                .and_where(Expr::col("upload_id").eq(id.get()))
                .and_where(Expr::col("start").eq(start))
                .to_owned();
            self.conn().execute(&update).await.map_err(store_error)?;
        } else {
            let insert = Query::insert()
                .into_table("upload_parts")
                .columns(["upload_id", "start", "size", "blob_key"])
                .values_panic([id.get().into(), start.into(), bytes(part.size)?.into(), part.blob_key.as_str().into()])
                .to_owned();
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        Ok(before)
    }

    async fn grow_part(&mut self, id: FileId, before: &Part, part: &Part) -> Result<bool, StoreError> {
        let update = Query::update()
            .table("upload_parts")
            .value("size", bytes(part.size)?)
            .value("blob_key", part.blob_key.as_str())
            .and_where(Expr::col("upload_id").eq(id.get()))
            .and_where(Expr::col("start").eq(bytes(before.start)?))
            .and_where(Expr::col("size").eq(bytes(before.size)?))
            .and_where(Expr::col("blob_key").eq(before.blob_key.as_str()))
            .to_owned();
        Ok(self.conn().execute(&update).await.map_err(store_error)?.rows_affected() == 1)
    }

    async fn delete_parts(&mut self, id: FileId) -> Result<(), StoreError> {
        let delete =
            Query::delete().from_table("upload_parts").and_where(Expr::col("upload_id").eq(id.get())).to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, id: FileId) -> Result<bool, StoreError> {
        UploadRepository::delete_parts(self, id).await?;
        let delete = Query::delete().from_table("uploads").and_where(Expr::col("id").eq(id.get())).to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() == 1)
    }
}

#[async_trait]
impl FileQueries for Store {
    async fn find_file(&self, id: FileId) -> Result<Option<UploadedFile>, StoreError> {
        self.file(id).await
    }

    async fn find_by_content(
        &self,
        owner: UserId,
        contents: &[(Sha256, u64)],
    ) -> Result<Vec<UploadedFile>, StoreError> {
        self.files_with(owner, contents).await
    }

    async fn find_upload(&self, id: FileId) -> Result<Option<Upload>, StoreError> {
        rows::one(self.read(), select_uploads().and_where(Expr::col("id").eq(id.get()))).await
    }

    async fn list_parts(&self, id: FileId, from: u64, limit: u64) -> Result<Vec<Part>, StoreError> {
        let select = select_parts(id)
            .and_where(Expr::col("start").gte(bytes(from)?))
            .order_by("start", Order::Asc)
            .limit(limit)
            .to_owned();
        rows::all(self.read(), &select).await
    }

    async fn find_last_part(&self, id: FileId) -> Result<Option<Part>, StoreError> {
        rows::one(self.read(), select_parts(id).order_by("start", Order::Desc).limit(1)).await
    }

    async fn usage(&self, owner: UserId) -> Result<u64, StoreError> {
        struct Bytes(i64);
        impl Stored for Bytes {
            fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
                Ok(Self(fields.get("bytes")?))
            }
        }
        let select = Query::select()
            .column("bytes")
            .from("upload_usage")
            .and_where(Expr::col("owner_id").eq(owner.get()))
            .to_owned();
        let found = rows::one::<Bytes>(self.read(), &select).await?;
        Ok(found.map_or(0, |Bytes(bytes)| u64::try_from(bytes).unwrap_or_default()))
    }

    async fn next_end(&self, owner: UserId, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        struct End(Option<DateTime<Utc>>);
        impl Stored for End {
            fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
                Ok(Self(fields.get("first_end")?))
            }
        }
        let mut first = None;
        for (table, open) in [("uploads", Some(Expr::col("state").eq(UploadState::Open.as_str()))), ("files", None)] {
            let select = Query::select()
                .expr_as(Expr::col("expires_at").min(), "first_end")
                .from(table)
                .and_where(Expr::col("owner_id").eq(owner.get()))
                .and_where(Expr::col("expires_at").gt(now))
                .and_where_option(open)
                .to_owned();
            let end = rows::one::<End>(self.read(), &select).await?.and_then(|End(end)| end);
            first = [first, end].into_iter().flatten().min();
        }
        Ok(first)
    }

    async fn list_overdue_uploads(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let select = select_ids("uploads")
            .and_where(Expr::col("state").eq(UploadState::Open.as_str()))
            .and_where(Expr::col("expires_at").lte(now))
            .and_where(Expr::col("held_until").is_null().or(Expr::col("held_until").lte(now)))
            .order_by("expires_at", Order::Asc)
            .limit(limit)
            .to_owned();
        self.ids(&select).await
    }

    async fn list_expired_uploads(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let select = select_ids("uploads")
            .and_where(Expr::col("state").eq(UploadState::Expired.as_str()))
            .and_where(Expr::col("expires_at").lt(before))
            .order_by("expires_at", Order::Asc)
            .limit(limit)
            .to_owned();
        self.ids(&select).await
    }

    async fn list_overdue_files(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let select = select_ids("files")
            .and_where(Expr::col("expires_at").lte(now))
            .order_by("expires_at", Order::Asc)
            .limit(limit)
            .to_owned();
        self.ids(&select).await
    }

    async fn list_owned(&self, owner: UserId, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let mut ids = Vec::new();
        for table in ["files", "uploads"] {
            let select = select_ids(table).and_where(Expr::col("owner_id").eq(owner.get())).limit(limit).to_owned();
            ids.extend(self.ids(&select).await?);
        }
        Ok(ids)
    }

    async fn known(&self, ids: &[FileId]) -> Result<Known, StoreError> {
        let select = select_ids("uploads").and_where(Expr::col("id").is_in(ids.iter().map(|id| id.get()))).to_owned();
        // Uploads first: one that becomes a file in between is found there.
        let uploads = self.ids(&select).await?;
        let (files, unreadable) = self.files_of(ids).await?;
        Ok(Known { uploads, files, unreadable })
    }
}
