//! Which lists an article stands in, so that their lengths are known without counting.

use std::collections::BTreeSet;

use sharestack_kernel::id::UserId;

use super::article::{AccessLevel, Article, Status};
use super::id::{CategoryId, TagId};

/// A list of published articles whose length is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CountKey {
    /// All of them.
    Published,
    /// Those of one access level.
    Access(AccessLevel),
    /// Those of one author.
    Author(UserId),
    /// Those with one tag.
    Tag(TagId),
    /// Those in one category or below it.
    Category(CategoryId),
}

impl CountKey {
    /// The key's form in a store.
    pub fn to_key(self) -> String {
        match self {
            Self::Published => "published".to_owned(),
            Self::Access(level) => format!("access:{}", level.as_str()),
            Self::Author(author) => format!("author:{author}"),
            Self::Tag(tag) => format!("tag:{tag}"),
            Self::Category(category) => format!("category:{category}"),
        }
    }

    /// Reads the key of a list whose length stands beside articles; tags and categories keep theirs
    /// themselves.
    pub fn from_key(key: &str) -> Option<Self> {
        match key.split_once(':') {
            None => (key == "published").then_some(Self::Published),
            Some(("access", level)) => AccessLevel::parse(level).ok().map(Self::Access),
            Some(("author", author)) => author.parse().ok().map(UserId::new).map(Self::Author),
            Some(_) => None,
        }
    }

    /// The lists that an article stands in.
    fn of(article: &Article) -> BTreeSet<Self> {
        if article.status != Status::Published {
            return BTreeSet::new();
        }
        let own = [Self::Published, Self::Access(article.access_level), Self::Author(article.author_id)];
        let tags = article.tags.iter().map(|tag| Self::Tag(tag.id));
        own.into_iter().chain(tags).chain(article.category.map(Self::Category)).collect()
    }
}

/// What a change does to the lengths, in one order for all writers so that two of them
/// do not wait for each other. `None` is an article that is not there.
pub fn deltas(before: Option<&Article>, after: Option<&Article>) -> Vec<(CountKey, i64)> {
    let before = before.map(CountKey::of).unwrap_or_default();
    let after = after.map(CountKey::of).unwrap_or_default();
    let mut deltas: Vec<_> =
        before.difference(&after).map(|key| (*key, -1)).chain(after.difference(&before).map(|key| (*key, 1))).collect();
    deltas.sort_unstable();
    deltas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::article::tests::article;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for count in [CountKey::Published, CountKey::Access(AccessLevel::Paid), CountKey::Author(UserId::new(7))] {
            assert_eq!(CountKey::from_key(&count.to_key()), Some(count));
        }
        for other in ["", "listed", "access:all", "author:", "tag:1", "category:1"] {
            assert_eq!(CountKey::from_key(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_changed_is_counted() {
        let draft = article(chrono::DateTime::UNIX_EPOCH);
        let mut public = draft.clone();
        public.publish(chrono::DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(deltas(Some(&draft), Some(&public)).len(), 3);
        let mut paid = public.clone();
        paid.access_level = AccessLevel::Paid;
        let expected = [(CountKey::Access(AccessLevel::Free), -1), (CountKey::Access(AccessLevel::Paid), 1)];
        assert_eq!(deltas(Some(&public), Some(&paid)), expected);
        assert_eq!(deltas(Some(&public), None).iter().map(|(_, n)| n).sum::<i64>(), -3);
        assert!(deltas(Some(&draft), None).is_empty());
        let mut sorted = public.clone();
        sorted.category = Some(CategoryId::new(4));
        assert_eq!(deltas(Some(&public), Some(&sorted)), [(CountKey::Category(CategoryId::new(4)), 1)]);
    }
}
