//! Why an operation on photos was refused.

use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError, Throttle};
use sharestack_kernel::field::{FieldErrors, Issue};
use thiserror::Error;

use super::taxonomy::ShelveError;
use crate::model::{PhotoId, PhotoKey};
use crate::ports::PhotoWriteError;

/// The photo is not there for this caller, or not for this act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PhotoRefused {
    /// There is none, or the caller may not know of it.
    #[error("photo {0} not found")]
    Missing(PhotoKey),
    /// The caller sees it, and may not do that.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Classified for PhotoRefused {
    fn category(&self) -> Category {
        match self {
            Self::Missing(_) => Category::NotFound,
            Self::Denied(denied) => denied.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Missing(key) => Details::Missing { resource: "photo", id: key.to_value() },
            Self::Denied(denied) => denied.details(),
        }
    }
}

/// Why a photo could not be created.
#[derive(Debug, Error)]
pub enum PhotoCreateError {
    /// The caller may not create photos.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// The caller has no such file.
    #[error("file {0} not found")]
    FileMissing(String),
    /// Another photo was made from the file.
    #[error("file is used already")]
    FileTaken,
    /// Nothing can be made of the file.
    #[error("file cannot be processed")]
    FileFailed(String),
    /// Another photo has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a photo could not be changed.
#[derive(Debug, Error)]
pub enum PhotoEditError {
    /// It is not there for this caller or act.
    #[error(transparent)]
    Refused(#[from] PhotoRefused),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// Another photo has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// It has another version than the one that the caller names.
    #[error("photo was changed meanwhile")]
    Changed(i64),
    /// It has none of the versions that the caller accepts.
    #[error("photo has another version")]
    Stale,
    /// It is not in the trash.
    #[error("photo is not in the trash")]
    NotTrashed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why photos could not be read.
#[derive(Debug, Error)]
pub enum PhotoReadError {
    /// They are not there for the caller.
    #[error(transparent)]
    Refused(#[from] PhotoRefused),
    /// Nobody is signed in, and what is asked for is not for everybody.
    #[error("sign in to see this")]
    SignIn,
    /// The format is not there, or not yet.
    #[error("photo {0} has no such format")]
    NoFormat(PhotoId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a share link was not made.
#[derive(Debug, Error)]
pub enum ShareError {
    /// A photo is not there for the caller, or not to be shared by them.
    #[error(transparent)]
    Refused(#[from] PhotoRefused),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// There is no such link of the caller's.
    #[error("share link not found")]
    Missing(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a share link shows nothing.
#[derive(Debug, Error)]
pub enum ShareOpenError {
    /// There is no such link.
    #[error("share link not found")]
    Missing,
    /// Its time is over.
    #[error("share link has ended")]
    Ended,
    /// It has a password, and none was given.
    #[error("share link has a password")]
    PasswordRequired,
    /// The password is another.
    #[error("password is wrong")]
    WrongPassword,
    /// Too many passwords were tried.
    #[error("too many passwords were tried")]
    Throttled(Throttle),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(PhotoCreateError, PhotoEditError, PhotoReadError, ShareError, ShareOpenError);

fn reason(reason: &str) -> Details {
    Details::Object(json!({ "reason": reason }))
}

fn slug_taken() -> Details {
    Details::Object(json!({ "reason": "slug_taken", "field": "slug" }))
}

impl Classified for PhotoCreateError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::FileMissing(_) => Category::NotFound,
            Self::FileTaken | Self::SlugTaken => Category::Conflict,
            Self::FileFailed(_) => Category::Unprocessable,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::FileMissing(handle) => Details::Missing { resource: "file", id: handle.as_str().into() },
            Self::FileTaken => Details::Object(json!({ "reason": "file_used", "field": "file_id" })),
            Self::FileFailed(why) => {
                Details::Object(json!({ "reason": "file_not_processable", "field": "file_id", "failure": why }))
            }
            Self::SlugTaken => slug_taken(),
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for PhotoEditError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::SlugTaken | Self::Changed(_) | Self::NotTrashed => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::SlugTaken => slug_taken(),
            Self::Changed(version) => Details::Object(json!({ "reason": "stale", "current_version": version })),
            Self::Stale => Details::None,
            Self::NotTrashed => reason("not_in_trash"),
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for PhotoReadError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::SignIn => Category::Unauthenticated,
            Self::NoFormat(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::SignIn => Details::None,
            Self::NoFormat(id) => Details::Missing { resource: "photo_format", id: id.get().into() },
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for ShareError {
    fn category(&self) -> Category {
        match self {
            Self::Refused(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::Missing(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Refused(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::Missing(id) => Details::Missing { resource: "share_link", id: id.as_str().into() },
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for ShareOpenError {
    fn category(&self) -> Category {
        match self {
            Self::Missing => Category::NotFound,
            Self::Ended => Category::Gone,
            Self::PasswordRequired | Self::WrongPassword => Category::Unauthenticated,
            Self::Throttled(_) => Category::RateLimited,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::WrongPassword).then_some("INVALID_CREDENTIALS")
    }

    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::PasswordRequired => Some("share_password_required"),
            Self::WrongPassword => Some("share_password_wrong"),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        match self {
            // The token is a secret: no answer repeats it.
            Self::Missing => Details::Missing { resource: "share_link", id: serde_json::Value::Null },
            Self::Ended => reason("share_link_ended"),
            Self::PasswordRequired => reason("password_required"),
            Self::WrongPassword => reason("wrong_password"),
            Self::Throttled(throttle) => Details::Throttled(*throttle),
            Self::Store(error) => error.details(),
        }
    }
}

/// A row that was locked and changed all the same: running again reads the new one.
fn raced() -> StoreError {
    StoreError::Transient("photo changed under its lock".into())
}

impl From<PhotoWriteError> for PhotoCreateError {
    fn from(error: PhotoWriteError) -> Self {
        match error {
            PhotoWriteError::SlugTaken => Self::SlugTaken,
            PhotoWriteError::FileTaken => Self::FileTaken,
            PhotoWriteError::Stale => Self::Store(raced()),
            PhotoWriteError::Store(store) => Self::Store(store),
        }
    }
}

impl From<PhotoWriteError> for PhotoEditError {
    fn from(error: PhotoWriteError) -> Self {
        match error {
            PhotoWriteError::SlugTaken => Self::SlugTaken,
            PhotoWriteError::FileTaken => Self::Store(StoreError::corrupt("file was not changed")),
            PhotoWriteError::Stale => Self::Store(raced()),
            PhotoWriteError::Store(store) => Self::Store(store),
        }
    }
}

fn no_shelf(error: &ShelveError) -> FieldErrors {
    let field = match error {
        ShelveError::UnknownCategory(_) => "categories",
        ShelveError::UnknownTag(_) | ShelveError::Store(_) => "tags",
    };
    FieldErrors::of(field, Issue::NotAllowed { allowed: Vec::new() })
}

macro_rules! from_shelve_error {
    ($($name:ident),+ $(,)?) => {$(
        impl From<ShelveError> for $name {
            fn from(error: ShelveError) -> Self {
                match error {
                    ShelveError::Store(store) => Self::Store(store),
                    unknown => Self::Invalid(no_shelf(&unknown)),
                }
            }
        }
    )+};
}

from_shelve_error!(PhotoCreateError, PhotoEditError);
