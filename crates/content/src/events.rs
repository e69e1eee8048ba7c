//! What content tells the others.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::origin::Origin;
use uuid::Uuid;

use crate::model::{Article, FileId, Kind, Photo, PhotoId, UploadedFile};

/// An article came to be, as a draft.
pub const CREATED: &str = "article.created";
/// An article changed, or was scheduled.
pub const UPDATED: &str = "article.updated";
/// An article became public. Its payload says whether followers are to be notified.
pub const PUBLISHED: &str = "article.published";
/// An article is no longer public, or its schedule was cancelled.
pub const UNPUBLISHED: &str = "article.unpublished";
/// An article was deleted.
pub const DELETED: &str = "article.deleted";

/// What others say of an account whose names may have changed; the aggregate is the author.
pub(crate) const AUTHOR_UPDATED: &str = "user.updated";
/// The aggregate of what happens to a tag: its name is part of its articles.
pub(crate) const TAG_AGGREGATE: &str = "tag";

/// The aggregate of all of them.
pub const AGGREGATE: &str = "article";

/// Categories of photos: `category.created` and `category.updated` tell all of one (and,
/// where photos were put into it, taken out, or given it as their primary one, which),
/// `category.deleted` its id.
pub const CATEGORY: &str = "category";
/// Categories of articles: `article_category.created` and so on.
pub const ARTICLE_CATEGORY: &str = "article_category";

/// A tag of photos was made. The payload of this and the next is all of it.
pub const TAG_CREATED: &str = "tag.created";
/// A tag changed.
pub const TAG_UPDATED: &str = "tag.updated";
/// A tag was removed, and taken from all photos.
pub const TAG_DELETED: &str = "tag.deleted";
/// Tags became one; the payload names those that are no more.
pub const TAG_MERGED: &str = "tag.merged";
/// The aggregate of these.
pub const TAG: &str = "tag";

/// An event of the timeline was written.
pub const TIMELINE_CREATED: &str = "timeline_event.created";
/// An event of the timeline changed.
pub const TIMELINE_UPDATED: &str = "timeline_event.updated";
/// An event of the timeline was removed.
pub const TIMELINE_DELETED: &str = "timeline_event.deleted";
/// The aggregate of these.
pub const TIMELINE_EVENT: &str = "timeline_event";
/// A photo came to be.
pub const PHOTO_CREATED: &str = "photo.created";
/// A photo changed, or came back from the trash.
pub const PHOTO_UPDATED: &str = "photo.updated";
/// A photo was deleted. Its payload is the id alone.
pub const PHOTO_DELETED: &str = "photo.deleted";
/// Somebody likes a photo.
pub const PHOTO_LIKED: &str = "photo.liked";

/// The aggregate of photos.
pub const PHOTO: &str = "photo";

/// What is known of an event before its transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub id: Uuid,
    pub actor: Option<UserId>,
    pub at: DateTime<Utc>,
}

impl Occasion {
    fn about_photo(self, kind: &str, id: PhotoId, payload: Value) -> DomainEvent {
        DomainEvent {
            id: self.id,
            kind: kind.to_owned(),
            aggregate: PHOTO.to_owned(),
            aggregate_id: id.to_string(),
            actor: self.actor,
            origin: Origin::current(),
            occurred_at: self.at,
            payload,
        }
    }

    /// An event about a photo as it now is. It says nothing of places.
    pub fn of_photo(self, kind: &str, photo: &Photo) -> DomainEvent {
        let payload = json!({
            "photo_id": photo.id,
            "owner_id": photo.owner_id,
            "title": photo.title.as_str(),
            "slug": photo.slug.as_str(),
            "status": photo.status.as_str(),
            "visibility": photo.visibility.as_str(),
            "version": photo.version,
        });
        self.about_photo(kind, photo.id, payload)
    }

    /// An event about a photo that is gone.
    pub fn of_gone_photo(self, id: PhotoId) -> DomainEvent {
        self.about_photo(PHOTO_DELETED, id, json!({ "photo_id": id }))
    }

    /// An event about a photo that somebody likes.
    pub fn of_liked_photo(self, photo: &Photo) -> DomainEvent {
        let payload = json!({ "photo_id": photo.id, "owner_id": photo.owner_id, "user_id": self.actor });
        self.about_photo(PHOTO_LIKED, photo.id, payload)
    }

    /// An event about the article as it now is.
    pub fn of(self, kind: &str, article: &Article) -> DomainEvent {
        DomainEvent {
            id: self.id,
            kind: kind.to_owned(),
            aggregate: AGGREGATE.to_owned(),
            aggregate_id: article.id.to_string(),
            actor: self.actor,
            origin: Origin::current(),
            occurred_at: self.at,
            payload: json!({
                "article_id": article.id,
                "author_id": article.author_id,
                "title": article.title.as_str(),
                "slug": article.slug.as_str(),
                "status": article.status.as_str(),
                "access_level": article.access_level.as_str(),
                "version": article.version,
            }),
        }
    }
}

/// A file was uploaded whole.
pub const FILE_UPLOADED: &str = "file.uploaded";
/// A file was removed, with all that was made of it.
pub const FILE_REMOVED: &str = "file.removed";
/// Everything that is shown of a file was made, or some of it anew.
pub const FILE_PROCESSED: &str = "file.processed";
/// Nothing could be made of a file; the payload says why.
pub const FILE_FAILED: &str = "file.failed";
/// The aggregate of all of them.
pub const FILE: &str = "file";
/// The kind of the job that works on a file, new or to be made anew.
pub const PROCESS_JOB: &str = "media.process";

/// By what the job that works on a file is known: while it waits or runs the file gets no other.
pub fn process_key(file: FileId) -> String {
    format!("{PROCESS_JOB}:{file}")
}

/// The file that a job works on, by its payload: one that was given up and is offered again has no
/// key any more.
pub fn processed_by(payload: &Value) -> Option<FileId> {
    serde_json::from_value(payload.get("file_id")?.clone()).ok()
}

/// The aggregate of the categories of a kind.
pub(crate) const fn of_categories(kind: Kind) -> &'static str {
    match kind {
        Kind::Photo => CATEGORY,
        Kind::Article => ARTICLE_CATEGORY,
    }
}

impl Occasion {
    /// An event about a file.
    pub fn of_file(self, kind: &str, file: &UploadedFile) -> DomainEvent {
        DomainEvent {
            id: self.id,
            kind: kind.to_owned(),
            aggregate: FILE.to_owned(),
            aggregate_id: file.id.to_string(),
            actor: self.actor,
            origin: Origin::current(),
            occurred_at: self.at,
            payload: json!({
                "file_id": file.id,
                "owner_id": file.owner_id,
                "size": file.size,
                "mime_type": file.media_type.as_str(),
            }),
        }
    }
}
