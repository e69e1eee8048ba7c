use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, LockType, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{FileId, FileName, FileStatus, MediaType, Processing, Sha256, UploadedFile};
use sharestack_content::ports::FileRepository;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::Issue;
use sharestack_kernel::id::UserId;
use sharestack_users::model::HeldFile;

use super::bytes;
use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{self, Fields, Stored, known};
use crate::tx::SeaTx;

const COLUMNS: [&str; 22] = [
    "id",
    "owner_id",
    "original_filename",
    "size",
    "mime_type",
    "sha256",
    "blob_key",
    "status",
    "failure",
    "progress",
    "current_step",
    "steps",
    "exif",
    "width",
    "height",
    "placeholder",
    "derivatives",
    "started_at",
    "processed_at",
    "created_at",
    "updated_at",
    "expires_at",
];

impl Stored for UploadedFile {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let (kind, hash): (String, String) = (fields.get("mime_type")?, fields.get("sha256")?);
        let malformed = |issue: Issue| StoreError::corrupt(issue.code());
        Ok(Self {
            id: FileId::new(fields.get("id")?),
            owner_id: UserId::new(fields.get("owner_id")?),
            original_filename: FileName::stored(fields.get("original_filename")?),
            size: fields.get::<i64>("size")?.unsigned_abs(),
            media_type: known("media type", &kind, MediaType::parse(&kind))?,
            sha256: Sha256::parse(&hash).map_err(malformed)?,
            blob_key: fields.get("blob_key")?,
            processing: Processing::read(fields)?,
            created_at: fields.get("created_at")?,
            updated_at: fields.get("updated_at")?,
            expires_at: fields.get("expires_at")?,
        })
    }
}

impl Stored for Processing {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let json = |name: &str| {
            let text: Option<String> = fields.get(name)?;
            text.map(|text| serde_json::from_str(&text)).transpose().map_err(StoreError::corrupt)
        };
        let pixels = |name: &str| Ok::<_, StoreError>(fields.get::<Option<i32>>(name)?.map(i32::unsigned_abs));
        let status: String = fields.get("status")?;
        Ok(Self {
            status: known("file status", &status, FileStatus::read(&status))?,
            failure: fields.get("failure")?,
            progress: u8::try_from(fields.get::<i32>("progress")?).map_err(StoreError::corrupt)?,
            current_step: fields.get("current_step")?,
            steps: json("steps")?,
            exif: json("exif")?,
            width: pixels("width")?,
            height: pixels("height")?,
            placeholder: fields.get("placeholder")?,
            derivatives: json("derivatives")?,
            started_at: fields.get("started_at")?,
            processed_at: fields.get("processed_at")?,
        })
    }
}

/// The columns that processing writes.
fn processed(processing: &Processing) -> Result<Vec<(&'static str, SimpleExpr)>, StoreError> {
    let text = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    let pixels = |number: Option<u32>| number.map(i32::try_from).transpose().map_err(StoreError::corrupt);
    let time = |at: Option<DateTime<Utc>>| SimpleExpr::from(at);
    Ok(vec![
        ("status", processing.status.stored().into()),
        ("failure", processing.failure.clone().into()),
        ("progress", i32::from(processing.progress).into()),
        ("current_step", processing.current_step.clone().into()),
        ("steps", text(&processing.steps).into()),
        ("exif", text(&processing.exif).into()),
        ("width", pixels(processing.width)?.into()),
        ("height", pixels(processing.height)?.into()),
        ("placeholder", processing.placeholder.clone().into()),
        ("derivatives", text(&processing.derivatives).into()),
        ("started_at", time(processing.started_at)),
        ("processed_at", time(processing.processed_at)),
    ])
}

pub(super) fn select_files() -> SelectStatement {
    Query::select().columns(COLUMNS).from("files").to_owned()
}

#[async_trait]
impl FileRepository for SeaTx {
    async fn find_for_update(&mut self, id: FileId) -> Result<Option<UploadedFile>, StoreError> {
        let select = select_files().and_where(Expr::col("id").eq(id.get())).lock(LockType::Update).to_owned();
        rows::one(self.conn(), &select).await
    }

    async fn insert(&mut self, file: &UploadedFile) -> Result<(), StoreError> {
        let fixed: [(&str, SimpleExpr); 10] = [
            ("id", file.id.get().into()),
            ("owner_id", file.owner_id.get().into()),
            ("original_filename", file.original_filename.as_str().into()),
            ("size", bytes(file.size)?.into()),
            ("mime_type", file.media_type.as_str().into()),
            ("sha256", file.sha256.to_string().into()),
            ("blob_key", file.blob_key.as_str().into()),
            ("created_at", file.created_at.into()),
            ("updated_at", file.updated_at.into()),
            ("expires_at", file.expires_at.into()),
        ];
        let (columns, values): (Vec<_>, Vec<_>) = fixed.into_iter().chain(processed(&file.processing)?).unzip();
        let insert = Query::insert().into_table("files").columns(columns).values_panic(values).to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn save_processing(&mut self, file: &UploadedFile) -> Result<(), StoreError> {
        let update = Query::update()
            .table("files")
            .values(processed(&file.processing)?)
            .value("updated_at", file.updated_at)
            .and_where(Expr::col("id").eq(file.id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn keep_until(
        &mut self,
        id: FileId,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = Query::update()
            .table("files")
            .value("expires_at", expires_at)
            .value("updated_at", now)
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, id: FileId) -> Result<bool, StoreError> {
        let delete = Query::delete().from_table("files").and_where(Expr::col("id").eq(id.get())).to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() == 1)
    }
}

impl Store {
    pub(super) async fn file(&self, id: FileId) -> Result<Option<UploadedFile>, StoreError> {
        rows::one(self.read(), select_files().and_where(Expr::col("id").eq(id.get()))).await
    }

    /// The files of these numbers, and the numbers of those whose rows cannot be read.
    pub(super) async fn files_of(&self, ids: &[FileId]) -> Result<(Vec<UploadedFile>, Vec<FileId>), StoreError> {
        let select = select_files().and_where(Expr::col("id").is_in(ids.iter().map(|id| id.get()))).to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let (mut files, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows.iter().map(Fields::of) {
            match UploadedFile::read(row) {
                Ok(file) => files.push(file),
                Err(error) => {
                    let id: i64 = row.get("id")?;
                    tracing::warn!(
                        file.id = id,
                        error = &error as &dyn std::error::Error,
                        "a file's row is unreadable"
                    );
                    unreadable.push(FileId::new(id));
                }
            }
        }
        Ok((files, unreadable))
    }

    pub(super) async fn files_with(
        &self,
        owner: UserId,
        contents: &[(Sha256, u64)],
    ) -> Result<Vec<UploadedFile>, StoreError> {
        if contents.is_empty() {
            return Ok(Vec::new());
        }
        let mut any = Cond::any();
        for (hash, size) in contents {
            any = any.add(Expr::col("sha256").eq(hash.to_string()).and(Expr::col("size").eq(bytes(*size)?)));
        }
        let in_the_trash = Query::select()
            .expr(Expr::val(1))
            .from("photos")
            .and_where(Expr::col(("photos", "file_id")).equals(("files", "id")))
            .and_where(Expr::col(("photos", "trashed_at")).is_not_null())
            .to_owned();
        let select = select_files()
            .and_where(Expr::col("owner_id").eq(owner.get()))
            .and_where(Expr::col("status").ne(FileStatus::Failed.stored()))
            .and_where(Expr::exists(in_the_trash).not())
            .cond_where(any)
            .to_owned();
        rows::all(self.read(), &select).await
    }
}

impl Store {
    /// The originals that a person uploaded, under names of which no two are the same.
    pub(crate) async fn held_files(&self, user: UserId) -> Result<Vec<HeldFile>, StoreError> {
        let select =
            select_files().and_where(Expr::col("owner_id").eq(user.get())).order_by("id", Order::Asc).to_owned();
        let files: Vec<UploadedFile> = rows::all(self.read(), &select).await?;
        let held = |file: UploadedFile| HeldFile {
            name: format!("photos/{}-{}", file.id, file.original_filename.as_str()),
            key: file.blob_key,
        };
        Ok(files.into_iter().map(held).collect())
    }
}
