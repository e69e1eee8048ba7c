mod changing;
mod making;
mod reading;
mod sharing;
mod trash;

use serde_json::{Value, json};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::{SequentialIds, UserId};
use sharestack_kernel::random::CountingRandomness;

use super::*;
use crate::memory::{MemoryPortfolio, actor};
use crate::model::{FileId, FileName, MediaType, Metadata, Place, Processing, Sha256, Title, UploadedFile};

/// What a user and what a creator may do, as the built-in roles have it.
const USER: &[&str] = &["photo.read"];
const CREATOR: &[&str] = &["photo.read", "photo.create"];
const EDITOR: &[&str] = &["photo.read", "photo.create", "photo.update"];
const ADMIN: &[&str] = &["photo.*"];

struct World {
    portfolio: MemoryPortfolio,
    clock: FakeClock,
    ports: PhotoPorts,
}

fn world() -> World {
    let (portfolio, clock) = (MemoryPortfolio::default(), FakeClock::default());
    let ports = PhotoPorts {
        store: Arc::new(portfolio.clone()),
        queries: Arc::new(portfolio.clone()),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(SequentialIds::default()),
        randomness: Arc::new(CountingRandomness::default()),
    };
    World { portfolio, clock, ports }
}

impl World {
    fn photo(&self, id: i64) -> Photo {
        self.portfolio.photo(PhotoId::new(id)).unwrap()
    }

    fn put(&self, id: i64, change: impl FnOnce(&mut Photo)) {
        let mut photo = crate::memory::photo(id);
        change(&mut photo);
        self.portfolio.put_photo(&photo);
    }

    fn events(&self) -> Vec<String> {
        self.portfolio.events()
    }
}

fn owner() -> Actor {
    actor(7, CREATOR)
}

fn key(id: i64) -> PhotoKey {
    PhotoId::new(id).into()
}

fn slug(text: &str) -> PhotoKey {
    PhotoKey::parse(text)
}

/// What the camera wrote, in the form in which files keep it.
fn notes() -> Value {
    json!({
        "camera": "Canon EOS R5", "lens": null, "iso": 800, "aperture": "f/2.8", "shutter_speed": "1/125",
        "focal_length": "50mm", "taken": { "at": "2024-01-15T10:30:00Z", "offset_minutes": 480 },
        "position": { "latitude": 312_303_700, "longitude": 1_214_737_000 }, "orientation": 6
    })
}

/// What was made of a file, in the form in which files keep it.
fn derivatives(run: u32) -> Value {
    let made = |name: &str| {
        json!({
            "key": format!("files/5/{run}/{name}"), "size": 1000, "width": 300, "height": 200,
            "mime_type": "image/jpeg"
        })
    };
    json!({ "thumb_small": made("thumb_small.jpg"), "display": made("display.jpg"), "webp": made("display.webp") })
}

/// A file of user 7, kept whole, which waits to be processed.
fn file(id: i64) -> UploadedFile {
    let now = FakeClock::default().now();
    UploadedFile {
        id: FileId::new(id),
        owner_id: UserId::new(7),
        original_filename: FileName::clean("DSC_0001.jpg"),
        size: 2_048_576,
        media_type: MediaType::Jpeg,
        sha256: Sha256::new([7; 32]),
        blob_key: format!("files/{id}/original"),
        processing: Processing::waiting(),
        created_at: now,
        updated_at: now,
        expires_at: Some(now + chrono::Duration::days(1)),
    }
}

fn command(title: &str, file: i64) -> CreatePhoto {
    CreatePhoto {
        title: Title::parse(title.to_owned()).unwrap(),
        slug: None,
        description: None,
        file: FileId::new(file),
        status: PhotoStatus::Published,
        visibility: Visibility::Public,
        sort_order: 0,
        taken: None,
        place: Place::default(),
        categories: Vec::new(),
        tags: Vec::new(),
        metadata: Metadata::default(),
    }
}
