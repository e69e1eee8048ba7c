use sharestack_kernel::actor::Actor;
use sharestack_kernel::transact;

use super::{CREATE_PHOTO, PhotoPorts};
use crate::error::PhotoCreateError;
use crate::events;
use crate::model::{
    Caption, CategoryId, Exif, FileId, FileStatus, Metadata, Photo, PhotoId, PhotoStatus, Picture, Place, Said,
    Shelves, Slug, TagName, Tagging, Taken, Title, Visibility, photo_deltas,
};
use crate::service::{labels, shelving};

/// A new photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePhoto {
    /// Its title.
    pub title: Title,
    /// Its address; `None` derives one from the title.
    pub slug: Option<Slug>,
    /// What it shows.
    pub description: Option<Caption>,
    /// The file it is made from.
    pub file: FileId,
    /// Where it is on its way.
    pub status: PhotoStatus,
    /// Who may see it.
    pub visibility: Visibility,
    /// Where its owner puts it.
    pub sort_order: i64,
    /// When it was taken; `None` is what the camera says.
    pub taken: Option<Taken>,
    /// Where it was taken; a position that is not said is what the camera says.
    pub place: Place,
    /// Its categories, the first of them its primary one.
    pub categories: Vec<CategoryId>,
    /// Its tags.
    pub tags: Vec<TagName>,
    /// What its owner notes beside.
    pub metadata: Metadata,
}

/// Makes photos from files.
#[derive(Clone)]
pub struct CreatePhotos {
    ports: PhotoPorts,
}

impl CreatePhotos {
    /// The service over these ports.
    pub const fn new(ports: PhotoPorts) -> Self {
        Self { ports }
    }

    /// Makes a photo from a file of one's own. What is not said is filled from what the
    /// camera noted, now or when the file was processed.
    ///
    /// # Errors
    /// Without the right `photo.create`, when there is no such file, another photo was made
    /// from it or nothing can be made of it, for categories that are not there, and when the
    /// chosen slug is taken. A derived slug makes way.
    pub async fn create(&self, actor: &Actor, command: CreatePhoto) -> Result<PhotoId, PhotoCreateError> {
        actor.require(CREATE_PHOTO)?;
        let ports = &self.ports;
        let now = ports.clock.now();
        let id = PhotoId::new(ports.ids.number(PhotoId::SEQUENCE).await?);
        let names = labels::draw(ports.ids.as_ref(), command.tags.clone()).await?;
        let created = ports.occasion(Some(actor), now);
        let slugs = self.slugs(&command, id);
        for slug in slugs {
            let photo = new_photo(&command, id, slug, actor, now);
            let inserted: Result<(), PhotoCreateError> = transact!(ports.store, |tx| {
                let found = tx.files().find_for_update(command.file).await?;
                let file = found.filter(|file| file.owner_id == actor.user_id);
                let file = file.ok_or_else(|| PhotoCreateError::FileMissing(command.file.handle()))?;
                if file.processing.status == FileStatus::Failed {
                    return Err(PhotoCreateError::FileFailed(file.processing.failure.clone().unwrap_or_default()));
                }
                let mut photo = photo.clone();
                photo.follow(&file);
                tx.photos().insert(&photo).await?;
                tx.files().keep_until(file.id, None, now).await?;
                tx.photos().add_counts(&photo_deltas(None, Some(&photo))).await?;
                let mut shelves = Shelves::empty(&photo);
                shelves.put_only(&command.categories);
                // The tree is held before tags, as where photos are changed.
                shelving::place_photo(tx, id, &shelves).await?;
                let tags = labels::resolve(tx, &names, now).await?;
                shelves.tags = tags.into_iter().map(|tag| (tag, Tagging::default())).collect();
                shelving::move_photo(tx, id, &shelves, now).await?;
                tx.outbox().append(&created.of_photo(events::PHOTO_CREATED, &photo)).await?;
                Ok(())
            });
            if !matches!(inserted, Err(PhotoCreateError::SlugTaken)) {
                return inserted.map(|()| id);
            }
        }
        Err(PhotoCreateError::SlugTaken)
    }

    /// The slugs to try, one after the other.
    fn slugs(&self, command: &CreatePhoto, id: PhotoId) -> Vec<Slug> {
        if let Some(slug) = &command.slug {
            return vec![slug.clone()];
        }
        let derived = Slug::suggested(command.title.as_str(), "photo");
        if command.visibility == Visibility::Unlisted {
            return vec![derived.with_id(self.ports.unguessable())];
        }
        vec![derived.clone(), derived.with_id(id)]
    }
}

fn new_photo(
    command: &CreatePhoto,
    id: PhotoId,
    slug: Slug,
    actor: &Actor,
    now: chrono::DateTime<chrono::Utc>,
) -> Photo {
    let mut photo = Photo {
        id,
        owner_id: actor.user_id,
        file_id: Some(command.file),
        slug,
        title: command.title.clone(),
        description: command.description.clone(),
        status: PhotoStatus::Draft,
        visibility: command.visibility,
        sort_order: command.sort_order,
        taken: command.taken,
        place: command.place.clone(),
        said: Said { taken: command.taken.is_some(), position: command.place.position.is_some() },
        exif: Exif::default(),
        picture: Picture::default(),
        metadata: command.metadata.clone(),
        published_at: None,
        trashed_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    photo.set_status(command.status, now);
    photo
}
