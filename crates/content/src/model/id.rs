//! Ids, and the lists of them that an article holds.

use std::fmt;

use serde_json::Value;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::{MAX_NUMERIC_ID, NumericId};
use sharestack_kernel::numeric_id;

use super::slug::Slug;
use super::tag::{TagName, WantedTag};

numeric_id!(
    /// An article.
    ArticleId,
    "articles"
);
numeric_id!(
    /// A tag.
    TagId,
    "tags"
);
numeric_id!(
    /// A photo.
    PhotoId,
    "photos"
);
numeric_id!(
    /// A file that was uploaded.
    FileId,
    "files"
);
numeric_id!(
    /// A category.
    CategoryId,
    "categories"
);
numeric_id!(
    /// A subscription plan, which content knows by number only.
    PlanId,
    "plans"
);

/// How many tags an article or a photo may have.
pub const MAX_TAGS: usize = 20;
/// How many categories a photo may have.
pub const MAX_CATEGORIES: usize = 20;
/// How many plans an article may name.
const MAX_PLANS: usize = 50;

/// What stands in a path: a thing's id or its slug.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key<I> {
    /// Digits are always an id.
    Id(I),
    /// Everything else is a slug.
    Slug(Slug),
    /// A text that neither an id nor a slug can be: nothing has it.
    Neither(String),
}

/// An article's id or its slug.
pub type ArticleKey = Key<ArticleId>;
/// A photo's id or its slug.
pub type PhotoKey = Key<PhotoId>;

impl<I: NumericId> Key<I> {
    /// Reads a path segment.
    pub fn parse(text: &str) -> Self {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return match text.parse() {
                Ok(id) if (1..MAX_NUMERIC_ID).contains(&id) => Self::Id(I::from_number(id)),
                _ => Self::Neither(text.chars().take(200).collect()),
            };
        }
        Slug::parse(text).map_or_else(|_| Self::Neither(text.chars().take(200).collect()), Self::Slug)
    }

    /// The key as an error's details print it.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Id(id) => id.number().into(),
            Self::Slug(slug) => slug.as_str().into(),
            Self::Neither(text) => text.as_str().into(),
        }
    }
}

impl<I: NumericId> From<I> for Key<I> {
    fn from(id: I) -> Self {
        Self::Id(id)
    }
}

impl<I: fmt::Display> fmt::Display for Key<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Slug(slug) => f.write_str(slug.as_str()),
            Self::Neither(text) => f.write_str(text),
        }
    }
}

/// Reads the names of an article's tags: at most 20, each once.
///
/// # Errors
/// Every name that breaks a rule, as `tags[2]`.
pub fn tag_names(names: Vec<String>) -> Result<Vec<TagName>, FieldErrors> {
    each_once(names, TagName::parse, TagName::key)
}

/// Reads what somebody calls tags that are there: at most 20, each once.
///
/// # Errors
/// Every one that breaks a rule, as `tags[2]`.
pub fn wanted_tags(names: Vec<String>) -> Result<Vec<WantedTag>, FieldErrors> {
    each_once(names, WantedTag::parse, WantedTag::key)
}

fn each_once<T>(
    names: Vec<String>,
    parse: fn(&str) -> Result<T, Issue>,
    key: fn(&T) -> &str,
) -> Result<Vec<T>, FieldErrors> {
    let mut check = FieldErrors::new();
    let mut tags: Vec<T> = Vec::new();
    if names.len() > MAX_TAGS {
        check.push("tags", Issue::TooLong { max: MAX_TAGS });
    }
    for (index, name) in names.into_iter().take(MAX_TAGS).enumerate() {
        match parse(&name) {
            Ok(tag) if tags.iter().any(|known| key(known) == key(&tag)) => {}
            Ok(tag) => tags.push(tag),
            Err(issue) => check.push(format!("tags[{index}]"), issue),
        }
    }
    check.finish().map(|()| tags)
}

/// Reads the plans that open an article: at most 50, each once.
///
/// # Errors
/// Every number that no plan can have, as `plan_ids[2]`.
pub fn plan_ids(numbers: Vec<i64>) -> Result<Vec<PlanId>, FieldErrors> {
    let mut check = FieldErrors::new();
    let mut plans: Vec<PlanId> = Vec::new();
    if numbers.len() > MAX_PLANS {
        check.push("plan_ids", Issue::TooLong { max: MAX_PLANS });
    }
    let max = MAX_NUMERIC_ID - 1;
    for (index, number) in numbers.into_iter().take(MAX_PLANS).enumerate() {
        if !(1..=max).contains(&number) {
            check.push(format!("plan_ids[{index}]"), Issue::OutOfRange { min: 1, max });
        } else if !plans.contains(&PlanId::new(number)) {
            plans.push(PlanId::new(number));
        }
    }
    check.finish().map(|()| plans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_an_id_and_the_rest_a_slug() {
        assert_eq!(ArticleKey::parse("42"), ArticleKey::Id(ArticleId::new(42)));
        assert_eq!(ArticleKey::parse("如何投资").to_string(), "如何投资");
        assert!(matches!(ArticleKey::parse("How-To"), ArticleKey::Slug(slug) if slug.as_str() == "how-to"));
        for nothing in ["0", "99999999999999999999", "", "a b", "../etc", "a\0b", "' OR 1=1"] {
            assert!(matches!(ArticleKey::parse(nothing), ArticleKey::Neither(_)), "{nothing}");
        }
    }

    #[test]
    fn tags_are_taken_once_each() {
        let read = |names: &[&str]| tag_names(names.iter().map(ToString::to_string).collect());
        let tags = read(&["Rust", " rust ", "投资", "ＲＵＳＴ"]).unwrap();
        assert_eq!(tags.iter().map(TagName::name).collect::<Vec<_>>(), ["Rust", "投资"]);
        let errors = read(&["ok", "", &"长".repeat(51)]).unwrap_err();
        let found: Vec<_> = errors.iter().map(|e| (e.field.as_str(), e.issue.code())).collect();
        assert_eq!(found, [("tags[1]", "REQUIRED"), ("tags[2]", "TOO_LONG")]);
        assert!(tag_names((0..21).map(|n| n.to_string()).collect()).is_err());
    }

    #[test]
    fn plans_are_positive() {
        assert_eq!(plan_ids(vec![3, 3, 4]).unwrap(), [PlanId::new(3), PlanId::new(4)]);
        assert!(plan_ids(vec![0]).is_err() && plan_ids(vec![-1]).is_err() && plan_ids(vec![i64::MAX]).is_err());
    }
}
