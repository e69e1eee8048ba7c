//! Ids in paths. What cannot be an id is not found; it is no malformed request.

use sharestack_kernel::id::MAX_NUMERIC_ID;
use uuid::Uuid;

use crate::http::error::ApiError;

/// A numeric id in a path.
pub struct NumericId;

impl NumericId {
    /// Reads the segment, or says that there is no such `resource`.
    ///
    /// # Errors
    /// 404 when the segment is no number that an id can have.
    pub fn parse(resource: &'static str, segment: &str) -> Result<i64, ApiError> {
        match Ref::parse(segment) {
            Ref::Id(id) => Ok(id),
            Ref::Slug(slug) => Err(ApiError::not_found(resource, slug)),
        }
    }
}

/// A UUID in a path.
pub struct UuidId;

impl UuidId {
    /// Reads the segment, or says that there is no such `resource`.
    ///
    /// # Errors
    /// 404 when the segment is no UUID as the product writes it.
    pub fn parse(resource: &'static str, segment: &str) -> Result<Uuid, ApiError> {
        let id = Uuid::parse_str(segment).ok().filter(|id| id.to_string() == segment);
        id.ok_or_else(|| ApiError::not_found(resource, segment))
    }
}

/// An id or a slug in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ref {
    Id(i64),
    Slug(String),
}

impl Ref {
    /// Digits that fit an id are an id, all else is a slug.
    pub fn parse(segment: &str) -> Self {
        let id = segment.parse::<i64>().ok().filter(|id| (1..MAX_NUMERIC_ID).contains(id));
        match id {
            Some(id) if segment.bytes().all(|b| b.is_ascii_digit()) => Self::Id(id),
            _ => Self::Slug(segment.to_owned()),
        }
    }
}
