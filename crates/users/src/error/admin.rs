//! What can be refused of edits, of administration, of roles and of pictures.

use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::blob::BlobError;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::UserId;
use thiserror::Error;

use super::{HashError, InsertAccountError, Source};
use crate::model::{Obligation, RoleId};

fn missing_user(id: UserId) -> Details {
    Details::Missing { resource: "user", id: json!(id) }
}

fn taken(field: &str) -> Details {
    Details::Object(json!({ "field": field }))
}

/// An account was not changed by its owner.
#[derive(Debug, Error)]
pub enum EditAccountError {
    /// Another account has the same normalised address.
    #[error("e-mail address is taken")]
    EmailTaken,
    /// Another account has the same normalised username, or one that looks the same.
    #[error("username is taken")]
    UsernameTaken,
    /// There is no such user.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// It was changed since.
    #[error("the account was changed in the meantime")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertAccountError> for EditAccountError {
    fn from(error: InsertAccountError) -> Self {
        match error {
            InsertAccountError::EmailTaken => Self::EmailTaken,
            InsertAccountError::UsernameTaken => Self::UsernameTaken,
            InsertAccountError::Store(error) => Self::Store(error),
        }
    }
}

impl Classified for EditAccountError {
    fn category(&self) -> Category {
        match self {
            Self::EmailTaken | Self::UsernameTaken => Category::Conflict,
            Self::NoSuchUser(_) => Category::NotFound,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::EmailTaken => taken("email"),
            Self::UsernameTaken => taken("username"),
            Self::NoSuchUser(id) => missing_user(*id),
            Self::Stale | Self::Store(_) => Details::None,
        }
    }
}

/// An account was not changed by an administrator.
#[derive(Debug, Error)]
pub enum AdministerError {
    /// The actor may not, or not so high.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A field names what does not exist.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// There is no such user.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// Another account has the same normalised address.
    #[error("e-mail address is taken")]
    EmailTaken,
    /// Another account has the same normalised username, or one that looks the same.
    #[error("username is taken")]
    UsernameTaken,
    /// Nobody would be left who can do everything.
    #[error("the last super admin stays one")]
    LastSuperAdmin,
    /// It was changed since.
    #[error("the account was changed in the meantime")]
    Stale,
    /// Something must be settled first.
    #[error("the account has obligations")]
    Owes(Vec<Obligation>),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertAccountError> for AdministerError {
    fn from(error: InsertAccountError) -> Self {
        match error {
            InsertAccountError::EmailTaken => Self::EmailTaken,
            InsertAccountError::UsernameTaken => Self::UsernameTaken,
            InsertAccountError::Store(error) => Self::Store(error),
        }
    }
}

impl Classified for AdministerError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::Fields(errors) => errors.category(),
            Self::NoSuchUser(_) => Category::NotFound,
            Self::EmailTaken | Self::UsernameTaken | Self::LastSuperAdmin | Self::Owes(_) => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Hash(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::Fields(errors) => errors.details(),
            Self::NoSuchUser(id) => missing_user(*id),
            Self::EmailTaken => taken("email"),
            Self::UsernameTaken => taken("username"),
            Self::LastSuperAdmin => Details::Object(json!({ "reason": "last_super_admin" })),
            Self::Owes(obligations) => Details::Object(json!({ "reason": "obligations", "obligations": obligations })),
            Self::Stale | Self::Hash(_) | Self::Store(_) => Details::None,
        }
    }
}

/// A role was not written.
#[derive(Debug, Error)]
pub enum WriteRoleError {
    /// Another role has the name.
    #[error("role name is taken")]
    NameTaken,
    /// Somebody holds it.
    #[error("role is held by somebody")]
    InUse,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A role was not made, changed or deleted.
#[derive(Debug, Error)]
pub enum RoleError {
    /// The actor may not, or not so high.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such role.
    #[error("role {0} does not exist")]
    NoSuchRole(RoleId),
    /// It came with the product.
    #[error("built-in roles stay as they are")]
    BuiltIn,
    /// Another role has the name.
    #[error("role name is taken")]
    NameTaken,
    /// Somebody holds it.
    #[error("role is held by somebody")]
    InUse,
    /// Somebody else changed it in between.
    #[error("role was changed since")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<WriteRoleError> for RoleError {
    fn from(error: WriteRoleError) -> Self {
        match error {
            WriteRoleError::NameTaken => Self::NameTaken,
            WriteRoleError::InUse => Self::InUse,
            WriteRoleError::Store(error) => Self::Store(error),
        }
    }
}

impl Classified for RoleError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::NoSuchRole(_) => Category::NotFound,
            Self::BuiltIn | Self::NameTaken | Self::InUse => Category::Conflict,
            Self::Stale => Category::Stale,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        let reason = |reason: &str| Details::Object(json!({ "reason": reason }));
        match self {
            Self::Denied(denied) => denied.details(),
            Self::NoSuchRole(id) => Details::Missing { resource: "role", id: json!(id) },
            Self::BuiltIn => reason("built_in"),
            Self::NameTaken => taken("name"),
            Self::InUse => reason("in_use"),
            Self::Stale | Self::Store(_) => Details::None,
        }
    }
}

/// A picture was not made.
#[derive(Debug, Error)]
pub enum PictureError {
    /// It is no picture, or of a kind that is not read.
    #[error("not a JPEG, PNG, GIF or WebP picture")]
    Unsupported,
    /// It has more pixels than are decoded.
    #[error("picture has more than {max} pixels")]
    TooManyPixels {
        /// The most.
        max: u64,
    },
    /// It begins like a picture, but does not go on as one.
    #[error("picture is broken")]
    Broken(#[source] Source),
    /// Too many wait already.
    #[error("too many pictures are being made")]
    Busy,
    /// The encoder is broken.
    #[error("picture could not be encoded")]
    Failed(#[source] Source),
}

impl Classified for PictureError {
    fn category(&self) -> Category {
        match self {
            Self::Unsupported => Category::Unsupported,
            Self::TooManyPixels { .. } | Self::Broken(_) => Category::Unprocessable,
            Self::Busy => Category::Unavailable,
            Self::Failed(_) => Category::Internal,
        }
    }

    fn details(&self) -> Details {
        let what = |details| Details::Object(details);
        match self {
            Self::Unsupported => what(json!({ "expected": "image/jpeg, image/png, image/gif, image/webp" })),
            Self::TooManyPixels { max } => {
                what(json!({ "path": "file", "problem": "the picture has too many pixels", "max_pixels": max }))
            }
            Self::Broken(_) => what(json!({ "path": "file", "problem": "the picture is broken" })),
            Self::Busy | Self::Failed(_) => Details::None,
        }
    }
}

/// An account's picture was not set.
#[derive(Debug, Error)]
pub enum AvatarError {
    /// The picture could not be made.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The file could not be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// There is no such user.
    #[error("user {0} does not exist")]
    NoSuchUser(UserId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertAccountError> for AvatarError {
    fn from(error: InsertAccountError) -> Self {
        match error {
            InsertAccountError::Store(error) => Self::Store(error),
            // A picture is no name.
            taken => Self::Store(StoreError::corrupt(taken)),
        }
    }
}

impl Classified for AvatarError {
    fn category(&self) -> Category {
        match self {
            Self::Picture(error) => error.category(),
            Self::Blob(error) => error.category(),
            Self::NoSuchUser(_) => Category::NotFound,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Picture(error) => error.details(),
            Self::NoSuchUser(id) => missing_user(*id),
            Self::Blob(_) | Self::Store(_) => Details::None,
        }
    }
}

carries_store!(EditAccountError, AdministerError, WriteRoleError, RoleError, AvatarError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_they_mean() {
        let broken = || -> Source { "broken".into() };
        let pictures = [
            (PictureError::Unsupported, Category::Unsupported),
            (PictureError::TooManyPixels { max: 1 }, Category::Unprocessable),
            (PictureError::Broken(broken()), Category::Unprocessable),
            (PictureError::Busy, Category::Unavailable),
            (PictureError::Failed(broken()), Category::Internal),
        ];
        for (error, category) in pictures {
            let (details, text) = (error.details(), error.to_string());
            let error = AvatarError::from(error);
            assert_eq!((error.category(), error.details(), error.to_string()), (category, details, text));
        }
        let unavailable = || StoreError::Unavailable("away".into());
        assert_eq!(AvatarError::Store(unavailable()).category(), Category::Unavailable);
        assert_eq!(AvatarError::Blob(BlobError::Internal(broken())).category(), Category::Internal);
        assert_eq!(AvatarError::NoSuchUser(UserId::new(7)).details(), missing_user(UserId::new(7)));
        assert_eq!(AvatarError::from(InsertAccountError::EmailTaken).category(), Category::Internal);
        assert_eq!(AdministerError::from(InsertAccountError::EmailTaken).details(), taken("email"));
        assert_eq!(AdministerError::from(InsertAccountError::UsernameTaken).category(), Category::Conflict);
        assert_eq!(AdministerError::Hash(HashError::Busy).category(), Category::Unavailable);
        assert_eq!(AdministerError::Store(unavailable()).category(), Category::Unavailable);
        assert_eq!(EditAccountError::Store(unavailable()).category(), Category::Unavailable);
        assert_eq!(RoleError::from(WriteRoleError::Store(unavailable())).category(), Category::Unavailable);
    }
}
