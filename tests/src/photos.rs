//! People with photos: files as their processing leaves them, categories, and shortcuts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use sharestack_content::model::{
    Category, Colour, Derivative, FileId, FileName, FileStatus, FormatName, MediaType, Note, Processing, Sha256,
    UploadedFile,
};
use sharestack_content::ports::PortfolioTx;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::gallery::category;
use crate::{Account, Answer, Database, Harness, Options};

/// Where photos are.
pub const PHOTOS: &str = "/api/v1/photos";

/// The path of a photo.
pub fn path(id: i64) -> String {
    format!("{PHOTOS}/{id}")
}

/// A server, an admin, two who have photos and one who looks at them.
pub struct Studio {
    pub app: Harness,
    pub admin: Account,
    pub lin: Account,
    pub zhao: Account,
    pub wei: Account,
}

impl Studio {
    /// The usual server on a database.
    pub async fn open(database: Database) -> Self {
        Self::start(Options::on(database)).await
    }

    /// A server as the options say.
    pub async fn start(options: Options) -> Self {
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let lin = app.with_role(&admin, "lin", "creator").await;
        let zhao = app.with_role(&admin, "zhao", "creator").await;
        let wei = app.account("wei").await;
        Self { app, admin, lin, zhao, wei }
    }

    /// Transactions of the test's own.
    pub fn store(&self) -> Arc<dyn Begin<dyn PortfolioTx>> {
        store(&self.app)
    }

    /// A file of somebody's that was processed, under this name; its handle.
    pub async fn file(&self, owner: &Account, name: &str) -> String {
        file(&self.app, owner, name, |_| {}).await
    }

    /// The same, changed.
    pub async fn file_with(&self, owner: &Account, name: &str, change: impl FnOnce(&mut UploadedFile)) -> String {
        file(&self.app, owner, name, change).await
    }

    /// The same, whose bytes are nowhere.
    pub async fn file_without_bytes(&self, owner: &Account, name: &str) -> String {
        let file = processed(&self.app, owner, name).await;
        insert(&self.app, &file).await;
        file.id.handle()
    }

    /// Puts categories in place by their paths of ids.
    pub async fn categories(&self, categories: &[(&str, &str, &str)]) {
        for (path, name, slug) in categories {
            let category = Category {
                description: Some(Note::stored("城市景观摄影作品".to_owned())),
                colour: Some(Colour::stored("#3498db".to_owned())),
                ..category(path, name, slug)
            };
            let done: Result<(), StoreError> = transact!(self.store(), |tx| {
                tx.categories().insert(&category).await.map_err(|error| StoreError::Internal(Box::new(error)))
            });
            done.unwrap();
        }
    }

    /// Makes a published photo of somebody's from a file of its own.
    pub async fn make(&self, owner: &Account, title: &str, extra: Value) -> Answer {
        let file = self.file(owner, "DSC_0001.jpg").await;
        let mut body = json!({ "title": title, "file_id": file, "status": "published" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.app.post_as(&owner.token, PHOTOS, &body).await
    }

    /// The same of Lin's; its id.
    pub async fn photo(&self, title: &str, extra: Value) -> i64 {
        self.make(&self.lin, title, extra).await.expect(201).data()["id"].as_i64().unwrap()
    }

    /// Changes a photo of Lin's.
    pub async fn edit(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.lin.token, &path(id), body).await
    }
}

/// The bytes of every original here.
pub fn original() -> Vec<u8> {
    (0..5000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

/// The bytes of a picture under this key: each has others.
pub fn picture(key: &str) -> Vec<u8> {
    format!("picture {key}").into_bytes()
}

fn store(app: &Harness) -> Arc<dyn Begin<dyn PortfolioTx>> {
    Arc::new(app.app().store.clone())
}

/// Keeps a file of somebody's that was processed, with its bytes; its handle.
pub async fn file(app: &Harness, owner: &Account, name: &str, change: impl FnOnce(&mut UploadedFile)) -> String {
    let mut file = processed(app, owner, name).await;
    change(&mut file);
    let mut blobs = vec![(file.blob_key.clone(), original())];
    let formats = file.processing.derivatives.clone().unwrap_or_else(|| json!({}));
    blobs.extend(formats.as_object().unwrap().values().map(|made| {
        let key = made["key"].as_str().unwrap().to_owned();
        (key.clone(), picture(&key))
    }));
    for (key, bytes) in blobs {
        app.app().files.0.put_bytes(&BlobKey::parse(&key).unwrap(), Bytes::from(bytes)).await.unwrap();
    }
    insert(app, &file).await;
    file.id.handle()
}

async fn insert(app: &Harness, file: &UploadedFile) {
    let done: Result<(), StoreError> = transact!(store(app), |tx| { tx.files().insert(file).await });
    done.unwrap();
}

async fn processed(app: &Harness, owner: &Account, name: &str) -> UploadedFile {
    let id = FileId::new(app.app().ids.number(FileId::SEQUENCE).await.unwrap());
    let made = |format: FormatName| {
        let key = format!("files/{id}/1/{}", format.file_name());
        let size = picture(&key).len() as u64;
        let mime_type = if format == FormatName::Webp { "image/webp" } else { "image/jpeg" }.to_owned();
        (format, Derivative { key, size, width: 300, height: 200, mime_type })
    };
    let formats: BTreeMap<_, _> = FormatName::ALL.into_iter().map(made).collect();
    let now = SystemClock.now();
    UploadedFile {
        id,
        owner_id: UserId::new(owner.id),
        original_filename: FileName::clean(name),
        size: original().len() as u64,
        media_type: MediaType::Jpeg,
        sha256: Sha256::new([7; 32]),
        blob_key: format!("files/{id}/original"),
        processing: Processing {
            status: FileStatus::Ready,
            exif: Some(json!({
                "camera": "Canon EOS R5", "lens": "RF 24-70mm f/2.8L IS USM", "iso": 800, "aperture": "f/2.8",
                "shutter_speed": "1/125", "focal_length": "50mm",
                "taken": { "at": "2024-01-15T18:30:00Z", "offset_minutes": 0 },
                "position": { "latitude": 312_303_700, "longitude": 1_214_737_000 }
            })),
            width: Some(6000),
            height: Some(4000),
            derivatives: Some(serde_json::to_value(formats).unwrap()),
            ..Processing::waiting()
        },
        created_at: now,
        updated_at: now,
        expires_at: Some(now + chrono::Duration::days(1)),
    }
}
