//! Why an operation was refused, one enum each.

mod photo;
mod taxonomy;

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::field::{FieldErrors, Issue};
use thiserror::Error;

pub use taxonomy::{CategoryError, EventError, LabelError, ShelveError};

use crate::model::{Article, ArticleKey, FileId, Status, WrongState};
use crate::ports::WriteError;

pub use photo::{PhotoCreateError, PhotoEditError, PhotoReadError, PhotoRefused, ShareError, ShareOpenError};

/// The article is not there for this caller, or not for this act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is none, or the caller may not know of it.
    #[error("article {0} not found")]
    Missing(ArticleKey),
    /// The caller sees it, and may not do that.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Classified for Refused {
    fn category(&self) -> Category {
        match self {
            Self::Missing(_) => Category::NotFound,
            Self::Denied(denied) => denied.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Missing(key) => Details::Missing { resource: "article", id: key.to_value() },
            Self::Denied(denied) => denied.details(),
        }
    }
}

/// Somebody changed the article since the caller looked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("article was changed meanwhile")]
pub struct Changed {
    /// The version it has now.
    pub version: i64,
    /// When it was changed.
    pub updated_at: DateTime<Utc>,
}

impl Changed {
    pub(crate) fn to(article: &Article) -> Self {
        Self { version: article.version, updated_at: article.updated_at }
    }

    fn object(&self) -> Details {
        Details::Object(json!({"reason": "stale", "current_version": self.version, "updated_at": self.updated_at}))
    }
}

/// Why an article could not be created.
#[derive(Debug, Error)]
pub enum CreateError {
    /// The caller may not create articles.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The text breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// Another article has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an article could not be edited.
#[derive(Debug, Error)]
pub enum EditError {
    /// It is not there for this caller or act.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The text breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// Another article has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// It changed since the time that the caller named.
    #[error(transparent)]
    Changed(Changed),
    /// It has none of the versions that the caller accepts.
    #[error("article has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a draft could not be saved.
#[derive(Debug, Error)]
pub enum AutosaveError {
    /// It is not there for this caller or act.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The text breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// It changed since the version that the caller named.
    #[error(transparent)]
    Changed(Changed),
    /// It has none of the versions that the caller accepts.
    #[error("article has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an article could not be published, scheduled or taken back.
#[derive(Debug, Error)]
pub enum PublishError {
    /// It is not there for this caller or act.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The time or the text breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// The state forbids it.
    #[error(transparent)]
    State(#[from] WrongState),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an article could not be deleted.
#[derive(Debug, Error)]
pub enum DeleteError {
    /// It is not there for this caller or act.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Somebody bought it: take it back instead.
    #[error("article was sold")]
    Sold,
    /// It has none of the versions that the caller accepts.
    #[error("article has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an article could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is not there for this caller.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why articles could not be listed.
#[derive(Debug, Error)]
pub enum ListError {
    /// Nobody is signed in, and what is asked for is not for everybody.
    #[error("sign in to see this")]
    SignIn,
    /// The caller may not see articles in that state.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(CreateError, EditError, AutosaveError, PublishError, DeleteError, ReadError, ListError);

fn slug_taken() -> Details {
    Details::Object(json!({"reason": "slug_taken", "field": "slug"}))
}

impl Classified for CreateError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::SlugTaken => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::SlugTaken => slug_taken(),
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for EditError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::SlugTaken | Self::Changed(_) => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Stale).then_some("PRECONDITION_FAILED")
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::SlugTaken => slug_taken(),
            Self::Changed(changed) => changed.object(),
            Self::Stale => Details::None,
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for AutosaveError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::Changed(_) => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::Changed(changed) => changed.object(),
            Self::Stale => Details::None,
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for PublishError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::State(_) => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::State(state) => Details::Object(json!({"reason": "wrong_state", "status": state.status.as_str()})),
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for DeleteError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Sold => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Stale).then_some("PRECONDITION_FAILED")
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Sold => Details::Object(json!({"reason": "sold"})),
            Self::Stale => Details::None,
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for ReadError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for ListError {
    fn category(&self) -> Category {
        match self {
            Self::SignIn => Category::Unauthenticated,
            Self::Denied(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::SignIn => Details::None,
            Self::Denied(error) => error.details(),
            Self::Store(error) => error.details(),
        }
    }
}

/// A row that was locked and changed all the same: running again reads the new one.
fn raced() -> StoreError {
    StoreError::Transient("article changed under its lock".into())
}

/// The category that somebody named is not there.
fn uncategorised() -> FieldErrors {
    FieldErrors::of("category_id", Issue::NotAllowed { allowed: Vec::new() })
}

macro_rules! from_write_error {
    ($($name:ident: $taken:expr, $uncategorised:expr),+ $(,)?) => {$(
        impl From<WriteError> for $name {
            fn from(error: WriteError) -> Self {
                match error {
                    WriteError::SlugTaken => $taken,
                    WriteError::UnknownCategory => $uncategorised,
                    WriteError::Stale => Self::Store(raced()),
                    WriteError::Store(store) => Self::Store(store),
                }
            }
        }
    )+};
}

from_write_error! {
    CreateError: Self::SlugTaken, Self::Invalid(uncategorised()),
    EditError: Self::SlugTaken, Self::Invalid(uncategorised()),
    AutosaveError: Self::Store(StoreError::corrupt("slug was not changed")), Self::Store(raced()),
    PublishError: Self::Store(StoreError::corrupt("slug was not changed")), Self::Store(raced()),
    DeleteError: Self::Store(StoreError::corrupt("slug was not changed")), Self::Store(raced()),
}

impl Refused {
    /// Refuses who may not know of an article in this state as if there were none.
    pub(crate) fn of(denied: Denied, status: Status, key: &ArticleKey) -> Self {
        if status == Status::Published { Self::Denied(denied) } else { Self::Missing(key.clone()) }
    }
}

/// Why it is not told how far a file is.
#[derive(Debug, Error)]
pub enum WatchError {
    /// There is none, or the caller may not know of it.
    #[error("file {0} not found")]
    Missing(FileId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for WatchError {
    fn category(&self) -> Category {
        match self {
            Self::Missing(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Missing(id) => Details::Missing { resource: "file", id: id.handle().into() },
            Self::Store(_) => Details::None,
        }
    }
}

/// Why nothing is made anew of a file.
#[derive(Debug, Error)]
pub enum ReprocessError {
    /// There is none, or the caller may not know of it.
    #[error("file {0} not found")]
    Missing(FileId),
    /// It waits or is worked on already.
    #[error("file {0} is being processed")]
    Running(FileId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(ReprocessError);

impl Classified for ReprocessError {
    fn category(&self) -> Category {
        match self {
            Self::Missing(_) => Category::NotFound,
            Self::Running(_) => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Missing(id) => Details::Missing { resource: "file", id: id.handle().into() },
            Self::Running(id) => Details::Object(json!({"reason": "processing", "file_id": id.handle()})),
            Self::Store(_) => Details::None,
        }
    }
}
