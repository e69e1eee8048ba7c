//! Why something was not done with categories, tags or the timeline.

use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category as Sort, Classified, Details, StoreError};
use sharestack_kernel::field::FieldErrors;
use thiserror::Error;

use crate::model::{CategoryId, MAX_LEVEL, PhotoId, TagId, TimelineEventId};
use crate::ports::{CategoryKey, CategoryWriteError, EventWriteError, LabelWriteError, PhotoWriteError, TagKey};

/// Why a photo was not put where it should be.
#[derive(Debug, Error)]
pub enum ShelveError {
    /// There is no such category.
    #[error("category {0} is not there")]
    UnknownCategory(CategoryId),
    /// There is no such tag.
    #[error("tag {0} is not there")]
    UnknownTag(TagId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why something was not done with a category.
#[derive(Debug, Error)]
pub enum CategoryError {
    /// The caller may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// There is no such category.
    #[error("category {0} not found")]
    Missing(CategoryKey),
    /// There is no such photo.
    #[error("photo {0} not found")]
    MissingPhoto(PhotoId),
    /// Another category has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// It would stand below itself.
    #[error("category would stand below itself")]
    Cycle,
    /// It, or what is below it, would stand on this level, which no tree has.
    #[error("category would stand on level {0}")]
    TooDeep(usize),
    /// Others stand below it.
    #[error("category has {0} categories below it")]
    HasChildren(usize),
    /// Things are in it, and nobody says where to move them.
    #[error("category holds {0} things")]
    NotEmpty(u64),
    /// The photo is neither in the category nor below it.
    #[error("photo {0} is not in the category")]
    NotInCategory(PhotoId),
    /// It has none of the versions that the caller accepts.
    #[error("category has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why something was not done with a tag.
#[derive(Debug, Error)]
pub enum LabelError {
    /// The caller may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// There is no such tag.
    #[error("tag {0} not found")]
    Missing(TagKey),
    /// Another tag has the name.
    #[error("name is taken")]
    NameTaken,
    /// Another tag has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// It has none of the versions that the caller accepts.
    #[error("tag has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why something was not done with an event of the timeline.
#[derive(Debug, Error)]
pub enum EventError {
    /// The caller may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such event.
    #[error("event {0} not found")]
    Missing(TimelineEventId),
    /// There is no such photo.
    #[error("photo {0} not found")]
    MissingPhoto(PhotoId),
    /// It has none of the versions that the caller accepts.
    #[error("event has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(ShelveError, CategoryError, LabelError, EventError);

fn conflict(reason: &str) -> Details {
    Details::Object(json!({ "reason": reason }))
}

fn taken(field: &str) -> Details {
    Details::Object(json!({ "reason": format!("{field}_taken"), "field": field }))
}

fn missing(resource: &'static str, id: i64) -> Details {
    Details::Missing { resource, id: id.into() }
}

impl Classified for CategoryError {
    fn category(&self) -> Sort {
        match self {
            Self::Denied(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::Missing(_) | Self::MissingPhoto(_) => Sort::NotFound,
            Self::SlugTaken | Self::Cycle | Self::HasChildren(_) | Self::NotEmpty(_) => Sort::Conflict,
            Self::TooDeep(_) | Self::NotInCategory(_) => Sort::Unprocessable,
            Self::Stale => Sort::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Stale).then_some("PRECONDITION_FAILED")
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::Missing(key) => Details::Missing { resource: "category", id: key.to_value() },
            Self::MissingPhoto(id) => missing("photo", id.get()),
            Self::SlugTaken => taken("slug"),
            Self::Cycle => Details::Object(json!({ "reason": "cycle", "field": "parent_id" })),
            Self::TooDeep(level) => Details::Object(json!({
                "reason": "too_deep", "field": "parent_id", "level": level, "max_level": MAX_LEVEL
            })),
            Self::HasChildren(count) => Details::Object(json!({ "reason": "has_children", "children": count })),
            Self::NotEmpty(count) => Details::Object(json!({ "reason": "not_empty", "count": count })),
            Self::NotInCategory(id) => Details::Object(json!({ "reason": "not_in_category", "photo_id": id.get() })),
            Self::Stale => Details::None,
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for LabelError {
    fn category(&self) -> Sort {
        match self {
            Self::Denied(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::Missing(_) => Sort::NotFound,
            Self::NameTaken | Self::SlugTaken => Sort::Conflict,
            Self::Stale => Sort::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Stale).then_some("PRECONDITION_FAILED")
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::Missing(key) => Details::Missing { resource: "tag", id: key.to_value() },
            Self::NameTaken => taken("name"),
            Self::SlugTaken => taken("slug"),
            Self::Stale => Details::None,
            Self::Store(error) => error.details(),
        }
    }
}

impl Classified for EventError {
    fn category(&self) -> Sort {
        match self {
            Self::Denied(error) => error.category(),
            Self::Missing(_) | Self::MissingPhoto(_) => Sort::NotFound,
            Self::Stale => Sort::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Stale).then_some("PRECONDITION_FAILED")
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(error) => error.details(),
            Self::Missing(id) => missing("timeline_event", id.get()),
            Self::MissingPhoto(id) => missing("photo", id.get()),
            Self::Stale => conflict("stale"),
            Self::Store(error) => error.details(),
        }
    }
}

/// A thing that was held and changed all the same: running again reads the new one.
fn raced() -> StoreError {
    StoreError::Transient("row changed under its lock".into())
}

impl From<CategoryWriteError> for CategoryError {
    fn from(error: CategoryWriteError) -> Self {
        match error {
            CategoryWriteError::SlugTaken => Self::SlugTaken,
            CategoryWriteError::Stale => Self::Store(raced()),
            CategoryWriteError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PhotoWriteError> for CategoryError {
    fn from(error: PhotoWriteError) -> Self {
        match error {
            PhotoWriteError::SlugTaken | PhotoWriteError::FileTaken => {
                Self::Store(StoreError::corrupt("address and file were not changed"))
            }
            PhotoWriteError::Stale => Self::Store(raced()),
            PhotoWriteError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ShelveError> for CategoryError {
    fn from(error: ShelveError) -> Self {
        match error {
            ShelveError::UnknownCategory(id) => Self::Missing(id.into()),
            // The tags of a photo that is held stay.
            ShelveError::UnknownTag(_) => Self::Store(raced()),
            ShelveError::Store(error) => Self::Store(error),
        }
    }
}

impl From<LabelWriteError> for LabelError {
    fn from(error: LabelWriteError) -> Self {
        match error {
            LabelWriteError::NameTaken => Self::NameTaken,
            LabelWriteError::SlugTaken => Self::SlugTaken,
            LabelWriteError::Stale => Self::Store(raced()),
            LabelWriteError::Store(error) => Self::Store(error),
        }
    }
}

impl From<EventWriteError> for EventError {
    fn from(error: EventWriteError) -> Self {
        match error {
            EventWriteError::Stale => Self::Store(raced()),
            EventWriteError::Store(error) => Self::Store(error),
        }
    }
}
