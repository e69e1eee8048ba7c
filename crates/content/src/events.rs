//! What content tells the others.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::origin::Origin;
use uuid::Uuid;

use crate::model::{Article, FileId};

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

/// The aggregate of all of them.
pub const AGGREGATE: &str = "article";

/// What is known of an event before its transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub id: Uuid,
    pub actor: Option<UserId>,
    pub at: DateTime<Utc>,
}

impl Occasion {
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
/// The aggregate of both.
pub const FILE: &str = "file";
/// The kind of the job that works on a new file; its payload is [`ProcessFile`].
pub const PROCESS_JOB: &str = "media.process";

/// What the job [`PROCESS_JOB`] is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFile {
    /// The file.
    pub file_id: FileId,
}
