//! The part of an address that people read.

use std::fmt;

use sharestack_kernel::field::Issue;
use unicode_normalization::UnicodeNormalization;

use super::text::Title;

/// Literal path segments beside the address of an article, photo, category or tag.
pub const RESERVED_SLUGS: [&str; 11] =
    ["feed", "search", "drafts", "media", "categories", "tags", "batch", "trash", "map", "reorder", "share-links"];

const MAX_CHARS: usize = 100;
/// A derived slug leaves room for what makes it unique.
const MAX_DERIVED: usize = 70;

/// Lower-case letters and digits of any script with single `-` between them; never
/// digits alone (that is an id), never a reserved word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug that somebody chose. Upper case and full-width forms are folded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        // No slug of so many characters takes more, blanks around it included.
        if text.len() > MAX_CHARS * 16 {
            return Err(Issue::TooLong { max: MAX_CHARS });
        }
        let slug: String = text.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect();
        if slug.is_empty() {
            return Err(Issue::Required);
        }
        if slug.chars().count() > MAX_CHARS {
            return Err(Issue::TooLong { max: MAX_CHARS });
        }
        let parts = slug.split('-').all(|part| !part.is_empty() && part.chars().all(letter));
        if !parts || slug.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Issue::InvalidFormat);
        }
        if RESERVED_SLUGS.contains(&slug.as_str()) {
            return Err(Issue::NotAllowed { allowed: Vec::new() });
        }
        Ok(Self(slug))
    }

    /// The slug that an article's title suggests.
    pub fn derived_from(title: &Title) -> Self {
        Self::suggested(title.as_str(), "article")
    }

    /// The slug that the name of a thing suggests; `noun`, itself a slug, stands in for what
    /// the name does not give.
    pub fn suggested(name: &str, noun: &str) -> Self {
        let folded: String = name.nfkc().collect::<String>().to_lowercase().nfkc().collect();
        let mut slug = String::new();
        let mut characters = 0;
        for part in folded.split(|c| !letter(c)).filter(|part| !part.is_empty()) {
            let room = MAX_DERIVED.saturating_sub(characters + usize::from(!slug.is_empty()));
            if room == 0 {
                break;
            }
            if !slug.is_empty() {
                slug.push('-');
                characters += 1;
            }
            slug.extend(part.chars().take(room));
            characters += part.chars().count().min(room);
        }
        if slug.is_empty() {
            return Self(noun.to_owned());
        }
        Self::parse(&slug).unwrap_or_else(|_| Self(format!("{noun}-{slug}")))
    }

    /// The same slug made unique by the thing's id, or by another part of a slug.
    pub fn with_id(&self, id: impl fmt::Display) -> Self {
        let base: String = self.0.chars().take(MAX_DERIVED + "article-".len()).collect();
        Self(format!("{}-{id}", base.trim_end_matches('-')))
    }

    /// A slug that a store kept: it was checked when it was written.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn letter(c: char) -> bool {
    c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::id::ArticleId;
    use super::*;

    fn derive(title: &str) -> String {
        Slug::derived_from(&Title::parse(title.to_owned()).unwrap()).0
    }

    #[test]
    fn chosen_slugs_keep_the_rules() {
        assert_eq!(Slug::parse(" My-Article-2 ").unwrap().as_str(), "my-article-2");
        assert_eq!(Slug::parse("投资-入门").unwrap().as_str(), "投资-入门");
        for bad in ["a b", "-a", "a-", "a--b", "a/b", "a_b", "123", "a.b", "<b>", "１２３"] {
            assert_eq!(Slug::parse(bad), Err(Issue::InvalidFormat), "{bad}");
        }
        for reserved in RESERVED_SLUGS {
            assert_eq!(Slug::parse(&reserved.to_uppercase()).unwrap_err().code(), "NOT_ALLOWED");
        }
        assert_eq!(Slug::parse(&"a".repeat(101)), Err(Issue::TooLong { max: 100 }));
    }

    #[test]
    fn titles_of_any_kind_give_a_slug() {
        assert_eq!(derive("Rust: 所有权 & Borrowing!"), "rust-所有权-borrowing");
        assert_eq!(derive("2024"), "article-2024");
        assert_eq!(derive("Drafts"), "article-drafts");
        assert_eq!(derive("!!! 🎉"), "article");
    }

    proptest! {
        #[test]
        fn a_derived_slug_is_a_slug(title in "\\PC{1,200}") {
            prop_assume!(!title.trim().is_empty());
            let slug = Slug::derived_from(&Title::stored(title));
            prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug.clone()));
            let unique = slug.with_id(ArticleId::new((1 << 53) - 1));
            prop_assert_eq!(Slug::parse(unique.as_str()), Ok(unique.clone()));
        }
    }
}
