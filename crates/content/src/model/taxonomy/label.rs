use chrono::{DateTime, TimeDelta, Utc};
use sharestack_kernel::field::Issue;

use super::spelling::Spelling;
use super::text::{Colour, Icon, Note};
use crate::model::{Slug, TagId, TagName};

/// What a tag of photos is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TagGroup {
    /// How a photo looks.
    Style,
    /// What it shows.
    Subject,
    /// How it was made.
    Technique,
    /// Where it was taken.
    Location,
}

impl TagGroup {
    /// All of them, as they are listed.
    pub const ALL: [Self; 4] = [Self::Style, Self::Subject, Self::Technique, Self::Location];

    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Style => "style",
            Self::Subject => "subject",
            Self::Technique => "technique",
            Self::Location => "location",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let known = Self::ALL.into_iter().find(|group| group.as_str() == text);
        known.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// A tag of photos.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Its id.
    pub id: TagId,
    /// Its name; two spellings of one name are one tag.
    pub name: TagName,
    /// Its address.
    pub slug: Slug,
    /// What it stands for.
    pub description: Option<Note>,
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its icon.
    pub icon: Option<Icon>,
    /// What it is about, when somebody said so.
    pub group: Option<TagGroup>,
    /// How many listed photos have it.
    pub usage_count: i64,
    /// Whether visitors see it.
    pub is_active: bool,
    /// Whether it is shown first.
    pub is_featured: bool,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When a listed photo last got it.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Label {
    /// A tag that has nothing but its name.
    pub fn named(id: TagId, name: TagName, now: DateTime<Utc>) -> Self {
        let slug = Self::slug_of(&name);
        Self {
            id,
            name,
            slug,
            description: None,
            colour: None,
            icon: None,
            group: None,
            usage_count: 0,
            is_active: true,
            is_featured: false,
            version: 1,
            created_at: now,
            updated_at: now,
            last_used_at: None,
        }
    }

    /// The address that a name suggests.
    pub fn slug_of(name: &TagName) -> Slug {
        Slug::suggested(&super::romanised(name.name()), "tag")
    }

    /// How the name is typed.
    pub fn spelling(&self) -> Spelling {
        Spelling::of(self.name.name())
    }

    /// Notes a change. The time always moves on.
    pub fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now.max(self.updated_at + TimeDelta::microseconds(1));
        self.version += 1;
    }
}
