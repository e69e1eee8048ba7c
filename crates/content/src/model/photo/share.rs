//! Links by which an owner shows photos to whom they like.

use chrono::{DateTime, Utc};
use sharestack_kernel::id::UserId;
use sharestack_kernel::uuid_id;

use super::super::id::{CategoryId, PhotoId};
use super::Photo;

uuid_id!(
    /// A share link.
    ShareLinkId
);

/// What a link shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareTarget {
    /// These photos, in this order.
    Photos(Vec<PhotoId>),
    /// What the owner has in a category, and in those below it, when somebody looks.
    Category(CategoryId),
}

/// A share link. Its token is known to who made it alone; the store has its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLink {
    /// Its id.
    pub id: ShareLinkId,
    /// Who shares.
    pub owner_id: UserId,
    /// SHA-256 of the token, in hexadecimal.
    pub token_hash: String,
    /// What it shows.
    pub target: ShareTarget,
    /// The hash of a password that opens it.
    pub password_hash: Option<String>,
    /// Whether what it shows may be downloaded.
    pub allow_download: bool,
    /// Whether places, camera data and notes are left out.
    pub hide_metadata: bool,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl ShareLink {
    /// Whether its time is over.
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether a photo may be saved as its camera made it: a link gives originals away of who
    /// made it alone. What it shows of others, and what hides its metadata, is given as the
    /// picture for screens, which carries none.
    pub fn gives_original(&self, photo: &Photo) -> bool {
        self.allow_download && !self.hide_metadata && photo.owner_id == self.owner_id
    }
}
