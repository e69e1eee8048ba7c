//! Photos, and passwords of their share links.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Duration;
use sha2::{Digest, Sha256};
use sharestack_content::model::PhotoId;
use sharestack_content::ports::{FileQueries, SharePasswords};
use sharestack_content::service::{
    BatchPhotos, ChangePhotos, CreatePhotos, FollowFiles, LikePhotos, PhotoPorts, PurgePhotos, ReadPhotos,
    RemovePhotos, SharePhotos, TrashPhotos, ViewBuffer,
};
use sharestack_kernel::cache::{Cache, RateLimiter};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Subscriber;
use sharestack_kernel::job::JobHandler;
use sharestack_users::error::HashError;
use sharestack_users::model::{Password, PasswordHash};
use sharestack_users::ports::{PasswordHasher, Verified};

use super::PhotoLinks;

/// What handlers and workers ask about photos.
pub struct Photos {
    pub creating: CreatePhotos,
    pub changing: ChangePhotos,
    pub batches: BatchPhotos,
    pub trash: TrashPhotos,
    pub purging: PurgePhotos,
    pub likes: LikePhotos,
    pub reading: ReadPhotos,
    pub sharing: SharePhotos,
    /// Flushed by a worker.
    pub views: Arc<ViewBuffer<PhotoId>>,
    pub links: PhotoLinks,
    /// Whether visitors may save what they see.
    pub downloads: bool,
    pub handlers: Vec<Arc<dyn JobHandler>>,
    pub follows: Arc<dyn Subscriber>,
    pub departed: Arc<RemovePhotos>,
}

/// What the rest of the product gives to them.
pub struct PhotoParts {
    pub ports: PhotoPorts,
    pub files: Arc<dyn FileQueries>,
    pub cache: Arc<dyn Cache>,
    pub limiter: Arc<dyn RateLimiter>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub links: PhotoLinks,
    pub retention: Duration,
    pub downloads: bool,
}

impl Photos {
    /// The services over these parts.
    pub fn new(parts: PhotoParts) -> Self {
        let PhotoParts { ports, files, cache, limiter, hasher, links, retention, downloads } = parts;
        let views = Arc::new(ViewBuffer::of_photos(ports.store.clone(), cache));
        let purging = PurgePhotos::new(ports.clone(), retention);
        let departed = Arc::new(RemovePhotos::new(ports.clone()));
        Self {
            creating: CreatePhotos::new(ports.clone()),
            changing: ChangePhotos::new(ports.clone()),
            batches: BatchPhotos::new(ports.clone(), retention),
            trash: TrashPhotos::new(ports.clone(), retention),
            purging: purging.clone(),
            likes: LikePhotos::new(ports.clone()),
            reading: ReadPhotos::new(ports.clone(), files, views.clone()),
            sharing: SharePhotos::new(ports.clone(), Arc::new(LinkPasswords(hasher)), limiter),
            views,
            links,
            downloads,
            handlers: vec![Arc::new(purging), departed.clone()],
            follows: Arc::new(FollowFiles::new(ports)),
            departed,
        }
    }
}

/// The passwords of links are hashed as those of accounts are.
struct LinkPasswords(Arc<dyn PasswordHasher>);

fn hashing(error: HashError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl SharePasswords for LinkPasswords {
    async fn hash(&self, password: &str) -> Result<String, StoreError> {
        let password = Password::claimed(password).ok_or_else(|| StoreError::corrupt("password is too long"))?;
        Ok(self.0.hash(&password).await.map_err(hashing)?.as_str().to_owned())
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool, StoreError> {
        let Some(password) = Password::claimed(password) else { return Ok(false) };
        let verified = self.0.verify(&password, Some(PasswordHash::new(hash.to_owned()))).await;
        Ok(!matches!(verified.map_err(hashing)?, Verified::Wrong))
    }

    fn digest(&self, token: &str) -> String {
        hex::encode(Sha256::digest(token))
    }
}
