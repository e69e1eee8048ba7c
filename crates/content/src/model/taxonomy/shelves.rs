use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sharestack_kernel::field::Issue;

use crate::model::{CategoryId, MAX_CATEGORIES, MAX_TAGS, Photo, TagId};

/// Who gave a photo a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// A person.
    #[default]
    Manual,
    /// A program that looked at the picture.
    Ai,
}

impl Source {
    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Ai => "ai",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        match text {
            "manual" => Ok(Self::Manual),
            "ai" => Ok(Self::Ai),
            _ => Err(Issue::not_allowed(["manual", "ai"])),
        }
    }
}

/// How sure a source is of a tag, from 0 to 1 in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(u16);

impl Confidence {
    /// Sure.
    pub const FULL: Self = Self(1000);

    /// Reads a part of 1, rounded to thousandths.
    ///
    /// # Errors
    /// For what is not from 0 to 1.
    pub fn parse(part: f64) -> Result<Self, Issue> {
        if !(0.0..=1.0).contains(&part) {
            return Err(Issue::OutOfRange { min: 0, max: 1 });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
        Ok(Self((part * 1000.0).round() as u16))
    }

    /// Thousandths that a store kept.
    pub fn stored(thousandths: i32) -> Option<Self> {
        u16::try_from(thousandths).ok().filter(|n| *n <= 1000).map(Self)
    }

    /// In thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// As a part of 1.
    pub fn part(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// How a photo came to a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tagging {
    /// Who gave it.
    pub source: Source,
    /// How sure they are; people need not say.
    pub confidence: Option<Confidence>,
}

/// What the lists of a photo's categories and tags are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortKeys {
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was taken, else when it was created.
    pub shown_at: DateTime<Utc>,
    /// Its title, in the order of its characters.
    pub title: String,
    /// Where its owner puts it.
    pub sort_order: i64,
}

impl From<&Photo> for SortKeys {
    fn from(photo: &Photo) -> Self {
        Self {
            created_at: photo.created_at,
            shown_at: photo.shown_at(),
            title: photo.title.as_str().to_owned(),
            sort_order: photo.sort_order,
        }
    }
}

/// What a photo's categories and tags know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListingFacts {
    /// Whether it stands in lists and is counted.
    pub listed: bool,
    /// Where it stands in them.
    pub keys: SortKeys,
}

impl From<&Photo> for ListingFacts {
    fn from(photo: &Photo) -> Self {
        Self { listed: photo.is_listed(), keys: photo.into() }
    }
}

/// Where a photo is put: what its categories and tags count and list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shelves {
    /// What they know of it.
    pub facts: ListingFacts,
    /// Its categories.
    pub categories: BTreeSet<CategoryId>,
    /// The one of its categories that stands for all of them, as far as somebody chose it:
    /// see [`Shelves::primary()`].
    pub primary: Option<CategoryId>,
    /// Its tags.
    pub tags: BTreeMap<TagId, Tagging>,
    /// What the photo had when they were looked at.
    pub found: Found,
}

/// What a photo had when somebody looked. Until they move it, a category or a tag of it may
/// go: that it is unknown then is nobody's mistake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Its categories.
    pub categories: BTreeSet<CategoryId>,
    /// Its tags.
    pub tags: BTreeSet<TagId>,
}

impl Shelves {
    /// A photo that is in no category and has no tag.
    pub fn empty(photo: &Photo) -> Self {
        Self { facts: photo.into(), ..Self::default() }
    }

    /// The primary category. A photo that is in categories has one: where the chosen one is none
    /// of them it is the first by its id.
    pub fn primary(&self) -> Option<CategoryId> {
        self.chosen().or_else(|| self.categories.first().copied())
    }

    fn chosen(&self) -> Option<CategoryId> {
        self.primary.filter(|id| self.categories.contains(id))
    }

    /// Puts it into a category, as its primary one when asked for and when it is in no other.
    pub fn put(&mut self, category: CategoryId, primary: bool) {
        let first = self.categories.is_empty();
        self.categories.insert(category);
        if primary || first {
            self.primary = Some(category);
        }
    }

    /// Puts it into these categories and no others: its primary one stays if it is among them,
    /// else the first named is it.
    pub fn put_only(&mut self, categories: &[CategoryId]) {
        self.categories = categories.iter().copied().collect();
        self.primary = self.chosen().or(categories.first().copied());
    }

    /// Whether they are more categories than a photo may have, and more than it had.
    pub fn overfill_categories(&self, before: &Self) -> bool {
        self.categories.len() > MAX_CATEGORIES.max(before.categories.len())
    }

    /// The same with tags.
    pub fn overfill_tags(&self, before: &Self) -> bool {
        self.tags.len() > MAX_TAGS.max(before.tags.len())
    }

    /// Takes it out of a category. Where that was the primary one, the first that is left is.
    pub fn take(&mut self, category: CategoryId) {
        if self.categories.remove(&category) {
            self.primary = self.primary();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_category_is_one_of_them() {
        let id = CategoryId::new;
        let mut shelves = Shelves::default();
        assert_eq!(shelves.primary(), None);
        shelves.put(id(4), false);
        assert_eq!(shelves.primary(), Some(id(4)), "the first, though nobody asked for it");
        for other in [1, 2, 3] {
            shelves.put(id(other), false);
        }
        assert_eq!(shelves.primary(), Some(id(4)));
        shelves.put(id(3), true);
        assert_eq!(shelves.primary(), Some(id(3)));
        shelves.take(id(1));
        shelves.take(id(9));
        assert_eq!(shelves.primary(), Some(id(3)), "others go");
        shelves.take(id(3));
        assert_eq!((shelves.primary, shelves.primary()), (Some(id(2)), Some(id(2))), "the first that is left");
        for all in [4, 2] {
            shelves.take(id(all));
        }
        assert_eq!((shelves.primary, shelves.primary()), (None, None));
    }

    #[test]
    fn of_new_categories_the_first_named_is_primary_unless_the_old_one_is_among_them() {
        let id = CategoryId::new;
        let mut shelves = Shelves::default();
        for (named, primary) in
            [(&[3, 1, 2][..], Some(3)), (&[1, 3], Some(3)), (&[2, 1], Some(2)), (&[], None), (&[5], Some(5))]
        {
            shelves.put_only(&named.iter().copied().map(id).collect::<Vec<_>>());
            assert_eq!(shelves.primary(), primary.map(id), "{named:?}");
            assert_eq!(shelves.categories.len(), named.len());
        }
    }

    #[test]
    fn what_was_kept_without_a_primary_category_has_the_first() {
        let categories = [7, 5].map(CategoryId::new).into();
        let kept = Shelves { categories, ..Shelves::default() };
        assert_eq!(kept.primary(), Some(CategoryId::new(5)));
        let mut left_alone = kept.clone();
        left_alone.take(CategoryId::new(9));
        left_alone.put(CategoryId::new(7), false);
        assert_eq!(left_alone, kept);
    }

    #[test]
    fn more_categories_than_20_are_too_many_unless_it_had_them() {
        let with = |number: i64| {
            let mut shelves = Shelves::default();
            (1..=number).for_each(|id| shelves.put(CategoryId::new(id), false));
            shelves.tags = (1..=number).map(|id| (TagId::new(id), Tagging::default())).collect();
            shelves
        };
        for (before, after, too_many) in
            [(0, 20, false), (20, 21, true), (25, 25, false), (25, 24, false), (25, 26, true)]
        {
            let (before, after) = (with(before), with(after));
            assert_eq!((after.overfill_categories(&before), after.overfill_tags(&before)), (too_many, too_many));
        }
    }

    #[test]
    fn confidence_is_from_0_to_1() {
        assert!((Confidence::parse(0.95).unwrap().part() - 0.95).abs() < 1e-9);
        assert_eq!(Confidence::parse(1.0), Ok(Confidence::FULL));
        for bad in [-0.1, 1.001, f64::NAN, f64::INFINITY] {
            assert!(Confidence::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Confidence::stored(1001), None);
    }
}
