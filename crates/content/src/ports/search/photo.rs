use chrono::{DateTime, NaiveDate, Utc};
use sharestack_kernel::id::UserId;
use sharestack_kernel::tail::Positioned;

use super::{Searchable, Touched, Walk, shown};
use crate::events;
use crate::model::{CategoryId, PhotoId, Tag, TagId};

/// The aggregate of photos.
const PHOTO: &str = "photo";
/// What changes nothing that is searched.
const LIKED: [&str; 2] = ["photo.liked", "photo.unliked"];

/// Photos are found by their words: by visitors those that are listed, by their owners all
/// that are not in the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Photos;

/// What an index knows of a photo that is not in the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoDocument {
    /// Its id.
    pub id: PhotoId,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub description: Option<String>,
    /// Its tags, but for those that visitors do not see.
    pub tags: Vec<Tag>,
    /// Where it was taken: the place, the city, the country.
    pub place: Vec<String>,
    /// The camera.
    pub camera: Option<String>,
    /// The lens.
    pub lens: Option<String>,
    /// The categories it stands in itself.
    pub categories: Vec<CategoryId>,
    /// Whose it is.
    pub owner: UserId,
    /// The names under which the owner is known.
    pub owner_names: Vec<String>,
    /// Whether every visitor may find it.
    pub listed: bool,
    /// The day on which it was taken, by the clocks of the place.
    pub taken_on: Option<NaiveDate>,
    /// When it was taken, else when it was created.
    pub shown_at: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// Which photos somebody may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhotoSight {
    /// What every visitor may.
    #[default]
    Listed,
    /// That, and those of this owner.
    ListedAndOf(UserId),
    /// All of them.
    All,
}

/// What must hold of a photo beside the words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhotoConditions {
    /// Who looks.
    pub sight: PhotoSight,
    /// In one of these categories.
    pub categories: Option<Vec<CategoryId>>,
    /// With the tags of all these names or slugs.
    pub tags: Vec<String>,
    /// Taken at a place that has all these words in its name, its city or its country.
    pub place: Option<String>,
    /// Taken with a camera that has all these words in its name.
    pub camera: Option<String>,
    /// Taken through a lens that has all these words in its name.
    pub lens: Option<String>,
    /// Taken on this day or later.
    pub from: Option<NaiveDate>,
    /// Taken on this day or earlier.
    pub to: Option<NaiveDate>,
}

/// What found photos are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhotoSearchSort {
    /// When they were taken; when they were created, where that is not known.
    #[default]
    TakenAt,
    /// When they were created.
    CreatedAt,
}

impl PhotoSearchSort {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::TakenAt, Self::CreatedAt];

    /// The name in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TakenAt => "taken_at",
            Self::CreatedAt => "created_at",
        }
    }
}

impl Searchable for Photos {
    type Id = PhotoId;
    type Document = PhotoDocument;
    type Conditions = PhotoConditions;
    type Sort = PhotoSearchSort;
    type Kept = ();

    const NAME: &'static str = "photos";

    fn id(document: &PhotoDocument) -> PhotoId {
        document.id
    }

    fn touched(event: &Positioned) -> Option<Touched<PhotoId>> {
        let number = || event.aggregate_id.parse::<i64>().ok();
        match (event.aggregate.as_str(), event.kind.as_str()) {
            (PHOTO, kind) if LIKED.contains(&kind) => None,
            (PHOTO, _) => Some(Touched::One(PhotoId::new(number()?))),
            (_, events::AUTHOR_UPDATED) => Some(Touched::Walk(Walk::By(UserId::new(number()?)))),
            // The others may stand in what had both.
            (events::TAG_AGGREGATE, events::TAG_MERGED) => Some(Touched::Rewrite(Walk::Tagged(TagId::new(number()?)))),
            (events::TAG_AGGREGATE, _) => Some(Touched::Walk(Walk::Tagged(TagId::new(number()?)))),
            (events::CATEGORY, _) => Some(Touched::Walk(Walk::In(CategoryId::new(number()?)))),
            _ => None,
        }
    }

    fn shown(document: &PhotoDocument, walk: Walk) -> Option<String> {
        shown(walk, &document.owner_names, &document.tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(kind: &str, aggregate: &str, id: &str) -> Option<Touched<PhotoId>> {
        Photos::touched(&Positioned {
            position: 1,
            id: uuid::Uuid::nil(),
            kind: kind.to_owned(),
            aggregate: aggregate.to_owned(),
            aggregate_id: id.to_owned(),
        })
    }

    #[test]
    fn only_what_changes_words_or_rights_touches_the_index() {
        let walk = |walk| Some(Touched::Walk(walk));
        for kind in ["photo.created", "photo.updated", "photo.deleted"] {
            assert_eq!(touched(kind, "photo", "5"), Some(Touched::One(PhotoId::new(5))), "{kind}");
        }
        assert_eq!(touched("user.updated", "user", "7"), walk(Walk::By(UserId::new(7))));
        for kind in ["tag.updated", "tag.deleted"] {
            assert_eq!(touched(kind, "tag", "3"), walk(Walk::Tagged(TagId::new(3))), "{kind}");
        }
        assert_eq!(touched("tag.merged", "tag", "3"), Some(Touched::Rewrite(Walk::Tagged(TagId::new(3)))));
        assert_eq!(touched("category.deleted", "category", "2"), walk(Walk::In(CategoryId::new(2))));
        for (kind, aggregate, id) in [
            ("photo.liked", "photo", "5"),
            ("article.updated", "article", "5"),
            ("article_category.updated", "article_category", "5"),
            ("user.login", "user", "7"),
            ("photo.updated", "photo", "not a number"),
        ] {
            assert_eq!(touched(kind, aggregate, id), None, "{kind} {id}");
        }
    }
}
