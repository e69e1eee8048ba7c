//! Photos, put in place as if they had been uploaded and processed.

use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sharestack_content::memory;
use sharestack_content::model::{
    Category, CategoryId, CategoryName, Label, Photo, Shelves, Slug, TagId, TagName, Tagging, Taken, Title,
    photo_deltas,
};
use sharestack_content::ports::PortfolioTx;
use sharestack_content::service::{labels, shelving};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::random::uuid_v7;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::Harness;

/// A time of RFC 3339.
pub fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// A category of photos on this path.
pub fn category(path: &str, name: &str, slug: &str) -> Category {
    Category {
        name: CategoryName::parse(name).unwrap(),
        slug: Slug::parse(slug).unwrap(),
        created_at: time("2024-01-01T00:00:00Z"),
        updated_at: time("2024-01-15T10:30:00Z"),
        ..memory::category(path)
    }
}

/// A tag of photos.
pub fn label(id: i64, name: &str, slug: &str) -> Label {
    let slug = Slug::parse(slug).unwrap();
    Label { slug, ..Label::named(TagId::new(id), TagName::parse(name).unwrap(), time("2024-01-01T00:00:00Z")) }
}

/// What becomes of a write that a fixture cannot do.
pub fn lost(error: impl Debug) -> StoreError {
    StoreError::Internal(format!("{error:?}").into())
}

/// The photos of a test's server, all by one owner.
pub struct Gallery {
    /// Where they are kept.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Whose they are.
    pub owner: UserId,
}

impl Gallery {
    /// The photos of `owner`.
    pub fn of(app: &Harness, owner: i64) -> Self {
        Self { store: Arc::new(app.app().store.clone()), owner: UserId::new(owner) }
    }

    /// A listed photo, from no file.
    pub fn photo(&self, id: i64, title: &str) -> Photo {
        let at = time("2024-01-15T20:00:00Z");
        Photo {
            owner_id: self.owner,
            file_id: None,
            title: Title::parse(title.to_owned()).unwrap(),
            published_at: Some(at),
            created_at: at,
            updated_at: at,
            ..memory::photo(id)
        }
    }

    /// A listed photo that was taken at a time in a zone.
    pub fn taken(&self, id: i64, title: &str, when: &str) -> Photo {
        let when = DateTime::parse_from_rfc3339(when).unwrap();
        Photo { taken: Some(Taken::with_offset(when)), ..self.photo(id, title) }
    }

    /// Keeps photos, and counts them.
    pub async fn hang(&self, photos: &[Photo]) {
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            for photo in photos {
                tx.photos().insert(photo).await.map_err(lost)?;
                tx.photos().add_counts(&photo_deltas(None, Some(photo))).await?;
            }
            Ok(())
        });
        done.unwrap();
    }

    /// Keeps photos with nothing but numbers for titles.
    pub async fn hang_many(&self, ids: impl IntoIterator<Item = i64>) {
        let photos: Vec<_> = ids.into_iter().map(|id| self.photo(id, &format!("照片 {id}"))).collect();
        self.hang(&photos).await;
    }

    /// Keeps categories that count nothing yet.
    pub async fn plant(&self, categories: &[Category]) {
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            for category in categories {
                tx.categories().insert(category).await.map_err(lost)?;
            }
            Ok(())
        });
        done.unwrap();
    }

    /// Writes a category again, its counts apart.
    pub async fn dress(&self, category: &Category) {
        let done: Result<(), StoreError> =
            transact!(self.store, |tx| { tx.categories().update(category, category.version).await.map_err(lost) });
        done.unwrap();
    }

    /// Keeps tags that nothing uses yet.
    pub async fn coin(&self, labels: &[Label]) {
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            for label in labels {
                tx.labels().insert(label).await.map_err(lost)?;
            }
            Ok(())
        });
        done.unwrap();
    }

    /// Gives a photo these categories and tags and no others.
    pub async fn shelve(&self, photo: &Photo, categories: &[i64], tags: &[i64]) {
        let tags: Vec<_> = tags.iter().copied().map(TagId::new).collect();
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            tx.photos().find_for_update(photo.id).await?;
            place(tx, photo, categories, tags.clone()).await
        });
        done.unwrap();
    }

    /// Keeps a photo with its categories and tags, new ones among these, and tells of it, as
    /// the services do.
    pub async fn keep(&self, photo: &Photo, categories: &[i64], tags: &[(i64, &str)]) {
        let event = self.event("photo.created", "photo", photo.id.get());
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            tx.photos().insert(photo).await.map_err(lost)?;
            tx.photos().add_counts(&photo_deltas(None, Some(photo))).await?;
            shelve_by_name(tx, photo, categories, tags).await?;
            tx.outbox().append(&event).await
        });
        done.unwrap();
    }

    /// Changes a photo that was kept as its first version.
    pub async fn change(&self, photo: &Photo, kind: &str, categories: &[i64], tags: &[(i64, &str)]) {
        let event = self.event(kind, "photo", photo.id.get());
        let after = Photo { version: 2, ..photo.clone() };
        let done: Result<(), StoreError> = transact!(self.store, |tx| {
            tx.photos().update(&after, 1).await.map_err(lost)?;
            shelve_by_name(tx, &after, categories, tags).await?;
            tx.outbox().append(&event).await
        });
        done.unwrap();
    }

    /// What is told of one of them, by their owner.
    pub fn event(&self, kind: &str, aggregate: &str, id: i64) -> DomainEvent {
        DomainEvent {
            id: uuid_v7(),
            kind: kind.to_owned(),
            aggregate: aggregate.to_owned(),
            aggregate_id: id.to_string(),
            actor: Some(self.owner),
            origin: None,
            occurred_at: time("2026-01-15T10:30:00Z"),
            payload: Value::Null,
        }
    }
}

/// Gives a photo these categories and tags and no others; tags that are not there are made.
pub async fn shelve_by_name(
    tx: &mut dyn PortfolioTx,
    photo: &Photo,
    categories: &[i64],
    tags: &[(i64, &str)],
) -> Result<(), StoreError> {
    let names: Vec<_> = tags.iter().map(|(id, name)| (TagId::new(*id), TagName::parse(name).unwrap())).collect();
    let tags = labels::resolve(tx, &names, photo.created_at).await.map_err(lost)?;
    place(tx, photo, categories, tags).await
}

async fn place(
    tx: &mut dyn PortfolioTx,
    photo: &Photo,
    categories: &[i64],
    tags: impl IntoIterator<Item = TagId>,
) -> Result<(), StoreError> {
    let shelves = Shelves {
        categories: categories.iter().copied().map(CategoryId::new).collect(),
        tags: tags.into_iter().map(|id| (id, Tagging::default())).collect(),
        ..Shelves::empty(photo)
    };
    shelving::move_photo(tx, photo.id, &shelves, photo.created_at).await.map_err(lost)
}
