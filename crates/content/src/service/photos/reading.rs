use std::sync::Arc;

use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;

use super::{DELETE_PHOTO, PhotoPorts, READ_PHOTO, UPDATE_PHOTO, edits, sees};
use crate::error::{PhotoReadError, PhotoRefused};
use crate::model::{Bounds, CategoryId, FormatName, Photo, PhotoId, PhotoKey, PhotoStatus, Visibility, WantedTag};
use crate::ports::{FileQueries, Order, PhotoCluster, PhotoFilter, PhotoHead, PhotoScope, PhotoSort, PhotoView};
use crate::service::hidden::{seen, sees_categories, sees_tags};
use crate::service::{Reader, ViewBuffer};

/// The most squares of a map that one answer has.
const MAX_CLUSTERS: u64 = 1000;
/// How many steps go around the earth.
const AROUND: i64 = 3_600_000_000;
/// How many squares a tile of a map is wide.
const SQUARES: i64 = 4;

/// Which photos to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPhotos {
    /// In this state; `None` is published.
    pub status: Option<PhotoStatus>,
    /// Of this visibility; `None` is what every visitor may see, or each in another state. What
    /// is public and published is the same, and of one's own what has no pictures, too.
    pub visibility: Option<Visibility>,
    /// In this category or one below it.
    pub category: Option<CategoryId>,
    /// With this tag.
    pub tag: Option<WantedTag>,
    /// With this text in the title, the description or the place.
    pub search: Option<String>,
    /// Taken in this year.
    pub year: Option<i32>,
    /// Taken in this month.
    pub month: Option<u32>,
    /// The order.
    pub sort: PhotoSort,
    /// Its direction.
    pub order: Order,
    /// The page.
    pub page: PageRequest,
}

/// A photo as one reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPhoto {
    /// The photo.
    pub view: PhotoView,
    /// Whether the reader may change it and have its original.
    pub edits: bool,
    /// Whether the reader likes it.
    pub liked: bool,
}

/// What somebody wants of a photo's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The file as it was uploaded.
    Original,
    /// A picture that was made of it.
    Format(FormatName),
}

/// What an address gives to whoever has it, beside what they see anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// Nothing.
    Nothing,
    /// A photo, from somebody who may share it.
    Photo,
    /// A picture of a photo as long as it is in the trash, from its list.
    Trashed,
}

impl Granted {
    fn admits(self, photo: &Photo, wanted: Wanted) -> bool {
        match self {
            Self::Nothing => false,
            Self::Photo => photo.trashed_at.is_none(),
            Self::Trashed => photo.trashed_at.is_some() && wanted != Wanted::Original,
        }
    }
}

/// Bytes of a photo, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// The photo.
    pub photo: Photo,
    /// Where they lie.
    pub key: BlobKey,
    /// How many they are.
    pub size: u64,
    /// What they are.
    pub mime_type: String,
    /// What a file of them is called.
    pub file_name: String,
}

/// What is public and published, for who asks for just that: what every visitor sees, and what
/// has no pictures, yet or ever, for who may change it.
fn public(actor: Option<&Actor>) -> PhotoScope {
    match actor {
        Some(actor) if actor.may(UPDATE_PHOTO) => {
            PhotoScope::Kept { status: Some(PhotoStatus::Published), visibility: Some(Visibility::Public), owner: None }
        }
        Some(actor) if actor.require_owner_or(actor.user_id, READ_PHOTO).is_ok() => {
            PhotoScope::Open { owner: actor.user_id }
        }
        _ => PhotoScope::Listed,
    }
}

/// Reads photos.
#[derive(Clone)]
pub struct ReadPhotos {
    ports: PhotoPorts,
    files: Arc<dyn FileQueries>,
    views: Arc<ViewBuffer<PhotoId>>,
}

impl ReadPhotos {
    /// The service over these ports.
    pub const fn new(ports: PhotoPorts, files: Arc<dyn FileQueries>, views: Arc<ViewBuffer<PhotoId>>) -> Self {
        Self { ports, files, views }
    }

    /// A photo, as far as the reader may see it; the reader is counted.
    ///
    /// # Errors
    /// When it is not there for the reader.
    pub async fn read(&self, reader: Reader<'_>, key: &PhotoKey) -> Result<ReadPhoto, PhotoReadError> {
        let read = self.look(reader.actor, key).await?;
        let photo = &read.view.photo;
        let own = reader.actor.is_some_and(|actor| actor.user_id == photo.owner_id);
        if photo.status == PhotoStatus::Published
            && !own
            && let Some(viewer) = reader.viewer()
        {
            self.views.record(photo.id, viewer);
        }
        Ok(read)
    }

    /// The same without being counted: what an answer to a change shows.
    ///
    /// # Errors
    /// As [`ReadPhotos::read`].
    pub async fn look(&self, actor: Option<&Actor>, key: &PhotoKey) -> Result<ReadPhoto, PhotoReadError> {
        let missing = || PhotoRefused::Missing(key.clone());
        let view = self.ports.queries.find(key).await?.ok_or_else(missing)?;
        let head = PhotoHead::from(&view.photo);
        if !sees(actor, &head, key) {
            return Err(missing().into());
        }
        let liked = match actor {
            Some(actor) => !self.ports.queries.liked(actor.user_id, &[head.id]).await?.is_empty(),
            None => false,
        };
        Ok(ReadPhoto { view: seen(actor, view), edits: edits(actor, &head), liked })
    }

    /// A page of photos. A category or a tag that the reader does not see is as one that is
    /// not there.
    ///
    /// # Errors
    /// When somebody who is not signed in asks for what not every visitor sees.
    pub async fn list(&self, actor: Option<&Actor>, query: ListPhotos) -> Result<Page<PhotoView>, PhotoReadError> {
        let open = query.visibility.is_none_or(|visibility| visibility == Visibility::Public)
            && query.status.is_none_or(|status| status == PhotoStatus::Published);
        let scope = if open {
            query.visibility.map_or(PhotoScope::Listed, |_| public(actor))
        } else {
            let actor = actor.ok_or(PhotoReadError::SignIn)?;
            let all = actor.may(UPDATE_PHOTO);
            if !all {
                actor.require_owner_or(actor.user_id, READ_PHOTO).map_err(PhotoRefused::from)?;
            }
            PhotoScope::Kept {
                status: Some(query.status.unwrap_or(PhotoStatus::Published)),
                visibility: query.visibility,
                owner: if all { None } else { Some(actor.user_id) },
            }
        };
        let filter = PhotoFilter {
            scope,
            category: query.category,
            directly: false,
            hidden_category: sees_categories(actor),
            hidden_tag: sees_tags(actor),
            tag: query.tag.map(|tag| tag.name().to_owned()),
            search: query.search,
            year: query.year,
            month: query.month,
            sort: query.sort,
            order: query.order,
        };
        Ok(self.ports.queries.list(&filter, query.page).await?.map(|view| seen(actor, view)))
    }

    /// What is in the trash: one's own, or everything for who may delete the photos of all.
    ///
    /// # Errors
    /// When the actor may delete no photo at all.
    pub async fn trash(&self, actor: &Actor, page: PageRequest) -> Result<Page<PhotoView>, PhotoReadError> {
        let owner = if actor.may(DELETE_PHOTO) { None } else { Some(actor.user_id) };
        let head = PhotoHead {
            id: PhotoId::new(0),
            owner_id: actor.user_id,
            status: PhotoStatus::Draft,
            visibility: Visibility::Private,
            trashed_at: None,
        };
        super::require_delete(actor, &head).map_err(PhotoRefused::from)?;
        let filter = PhotoFilter { scope: PhotoScope::Trash { owner }, ..PhotoFilter::default() };
        Ok(self.ports.queries.list(&filter, page).await?.map(|view| seen(Some(actor), view)))
    }

    /// Listed photos on a map as it is drawn at a zoom, from 0 (the earth) to 22.
    ///
    /// # Errors
    /// The store's.
    pub async fn map(&self, bounds: Bounds, zoom: u32) -> Result<Vec<PhotoCluster>, StoreError> {
        let cell = (AROUND / SQUARES) >> zoom.min(22);
        self.ports.queries.clusters(bounds, cell.max(1), MAX_CLUSTERS).await
    }

    /// The bytes of a photo for a reader who may have them; `granted` says what the address
    /// that they came by gives.
    ///
    /// # Errors
    /// When the photo is not there for the reader, when they may not have its original, and
    /// when it has no such format.
    pub async fn pick(
        &self,
        actor: Option<&Actor>,
        key: &PhotoKey,
        wanted: Wanted,
        granted: Granted,
    ) -> Result<Picked, PhotoReadError> {
        let missing = || PhotoRefused::Missing(key.clone());
        let photo = self.ports.queries.find_photo(key).await?.ok_or_else(missing)?;
        let head = PhotoHead::from(&photo);
        let granted = granted.admits(&photo, wanted);
        if !granted && !sees(actor, &head, key) {
            return Err(missing().into());
        }
        match wanted {
            Wanted::Format(format) => {
                let made = photo.picture.formats.get(&format).ok_or(PhotoReadError::NoFormat(photo.id))?;
                let (size, mime_type) = (made.size, made.mime_type.clone());
                let key = BlobKey::parse(&made.key).map_err(StoreError::corrupt)?;
                // The slug of an unlisted photo is for who was told it, not for who has a link.
                let name = if granted && !photo.is_open() {
                    format!("photo-{}", photo.id)
                } else {
                    photo.slug.as_str().to_owned()
                };
                let file_name = format!("{name}-{}", format.file_name());
                Ok(Picked { photo, key, size, mime_type, file_name })
            }
            Wanted::Original => {
                if !granted && !edits(actor, &head) {
                    let role = actor.map(|actor| actor.role.clone());
                    return Err(PhotoRefused::Denied(Denied { required: UPDATE_PHOTO, role }).into());
                }
                let file = photo.file_id.ok_or(PhotoReadError::NoFormat(photo.id))?;
                let file = self.files.find_file(file).await?.ok_or(PhotoReadError::NoFormat(photo.id))?;
                let key = BlobKey::parse(&file.blob_key).map_err(StoreError::corrupt)?;
                let mime_type = file.media_type.as_str().to_owned();
                Ok(Picked {
                    file_name: photo.picture.original_filename.clone(),
                    photo,
                    key,
                    size: file.size,
                    mime_type,
                })
            }
        }
    }

    /// Counts a download.
    ///
    /// # Errors
    /// The store's.
    pub async fn downloaded(&self, photo: PhotoId) -> Result<(), StoreError> {
        transact!(self.ports.store, |tx| { tx.photos().add_downloads(photo, 1).await })
    }
}
