//! Tags are known by name; a key folds spellings together.

use sharestack_kernel::field::Issue;
use unicode_normalization::UnicodeNormalization;

use super::id::TagId;
use super::slug::Slug;
use super::visible::{is_blank, without_unseen};

/// A tag's name as somebody wrote it: 1 to 50 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagName {
    name: String,
    key: String,
    written: String,
}

impl TagName {
    /// Folds compatibility forms and white space, checks the length, and that there is something
    /// to see.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        // No name of 50 characters takes more, blanks around it included.
        if text.len() > 1024 {
            return Err(Issue::TooLong { max: 50 });
        }
        let folded: String = text.nfkc().collect();
        let name = folded.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.chars().count() > 50 {
            return Err(Issue::TooLong { max: 50 });
        }
        if name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '<' | '>')) {
            return Err(Issue::InvalidFormat);
        }
        if is_blank(&name) {
            return Err(Issue::Required);
        }
        Ok(Self::stored(name))
    }

    /// A name that a store kept: it was checked when it was written, by the rules of then.
    pub fn stored(name: String) -> Self {
        let (key, written) = (folded(&without_unseen(&name)), folded(&name));
        Self { name, key, written }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What two spellings of one tag share, and two that look the same; it is the slug of an
    /// article's tag too.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The keys of the tags that may be meant, the one to prefer first. Tags of before were told
    /// apart by what nobody sees too: who writes such a name means the tag that has just this one,
    /// and where there is none, the one that looks the same.
    pub fn keys(&self) -> [&str; 2] {
        [&self.written, &self.key]
    }
}

fn folded(name: &str) -> String {
    let folded: String = name.to_lowercase().nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join("-")
}

/// A tag that is looked for, by its name or by its slug, which may be longer: up to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTag(TagName);

impl WantedTag {
    /// Reads what somebody calls the tag.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let long = match TagName::parse(text) {
            Ok(name) => return Ok(Self(name)),
            Err(long @ Issue::TooLong { .. }) => long,
            Err(issue) => return Err(issue),
        };
        match Slug::parse(text) {
            Ok(slug) => Ok(Self(TagName::stored(slug.as_str().to_owned()))),
            Err(longer @ Issue::TooLong { .. }) => Err(longer),
            Err(_) => Err(long),
        }
    }

    /// The name, or the slug. Stores find by [`TagName::keys`] what is called so.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The key of the name, or the slug. It may be the key of one tag and the slug of another.
    pub fn key(&self) -> &str {
        self.0.key()
    }
}

/// A tag that exists. Its name is as the first author spelled it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// Its name.
    pub name: String,
    /// Its key, which addresses it.
    pub slug: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_share_a_key() {
        let key = |text: &str| TagName::parse(text).unwrap().key;
        assert_eq!(key("Machine  Learning"), "machine-learning");
        assert_eq!(key("ＲＵＳＴ"), key(" rust\t"));
        assert_eq!(key("C++"), "c++");
        assert_eq!(key("投资"), "投资");
    }

    #[test]
    fn names_that_look_the_same_share_a_key() {
        let parse = |text: &str| TagName::parse(text).unwrap();
        for text in ["夜景\u{200b}", "\u{feff}夜景", "夜\u{2060}景", "夜景 \u{200b}"] {
            assert_eq!(parse(text).key, "夜景", "{text:?}");
        }
        assert_eq!(parse("Black \u{200b} White").key, "black-white");
        let family = parse("👩\u{200d}👦");
        assert_eq!((family.name(), family.key()), ("👩\u{200d}👦", "👩👦"), "the name is as it was written");
        assert_eq!(family.keys(), ["👩\u{200d}👦", "👩👦"], "a tag of before may be kept by either");
        assert_eq!(parse("Black \u{200b} White").keys(), ["black-\u{200b}-white", "black-white"]);
        assert_eq!(parse("Black White").keys(), ["black-white"; 2]);
        let kept = TagName::stored("\u{200b}".to_owned());
        assert_eq!((kept.name(), kept.key()), ("\u{200b}", ""), "it was written before there was a rule");
    }

    #[test]
    fn a_tag_is_wanted_by_a_name_or_a_longer_slug() {
        let key = |text: &str| WantedTag::parse(text).map(|tag| tag.key().to_owned());
        assert_eq!(key("Black  White").as_deref(), Ok("black-white"));
        assert_eq!(key("C++").as_deref(), Ok("c++"));
        for letters in [50, 51, 100] {
            assert_eq!(key(&"Ａ".repeat(letters)), Ok("a".repeat(letters)));
        }
        let wanted = WantedTag::parse(" Black \u{200b} White").unwrap();
        assert_eq!((wanted.name(), wanted.key()), ("Black \u{200b} White", "black-white"));
        assert_eq!(key(&"a".repeat(101)), Err(Issue::TooLong { max: 100 }));
        assert_eq!(key(&"长".repeat(10_000)), Err(Issue::TooLong { max: 100 }));
        assert_eq!(key(&"a b ".repeat(20)), Err(Issue::TooLong { max: 50 }), "no slug has blanks");
        assert_eq!(key("<script>"), Err(Issue::InvalidFormat));
        assert_eq!(key(" "), Err(Issue::Required));
    }

    #[test]
    fn names_have_bounds() {
        assert_eq!(TagName::parse("  "), Err(Issue::Required));
        assert_eq!(TagName::parse(&"长".repeat(51)), Err(Issue::TooLong { max: 50 }));
        assert!(TagName::parse(&"长".repeat(50)).is_ok());
        assert_eq!(TagName::parse("a\0b"), Err(Issue::InvalidFormat));
        assert_eq!(TagName::parse("<script>"), Err(Issue::InvalidFormat));
        for unseen in ["\u{200b}", "\u{200b} \u{2060}", "\u{3164}", "\u{301}"] {
            assert_eq!(TagName::parse(unseen), Err(Issue::Required), "{unseen:?}");
        }
    }
}
