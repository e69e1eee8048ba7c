//! Tags are known by name; a key folds spellings together.

use sharestack_kernel::field::Issue;
use unicode_normalization::UnicodeNormalization;

use super::id::TagId;

/// A tag's name as somebody wrote it: 1 to 50 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagName {
    name: String,
    key: String,
}

impl TagName {
    /// Folds compatibility forms and white space, and checks the length.
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
        if name.is_empty() {
            return Err(Issue::Required);
        }
        if name.chars().count() > 50 {
            return Err(Issue::TooLong { max: 50 });
        }
        if name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '<' | '>')) {
            return Err(Issue::InvalidFormat);
        }
        let key = name.to_lowercase().nfkc().collect::<String>().replace(' ', "-");
        Ok(Self { name, key })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What two spellings of one tag share; it is the tag's slug too.
    pub fn key(&self) -> &str {
        &self.key
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
    fn names_have_bounds() {
        assert_eq!(TagName::parse("  "), Err(Issue::Required));
        assert_eq!(TagName::parse(&"长".repeat(51)), Err(Issue::TooLong { max: 50 }));
        assert!(TagName::parse(&"长".repeat(50)).is_ok());
        assert_eq!(TagName::parse("a\0b"), Err(Issue::InvalidFormat));
        assert_eq!(TagName::parse("<script>"), Err(Issue::InvalidFormat));
    }
}
