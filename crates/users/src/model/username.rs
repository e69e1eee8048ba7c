use std::fmt;

use sharestack_kernel::field::{self, Issue};
use sharestack_kernel::text::fold;
use unicode_normalization::UnicodeNormalization;

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 50;

/// A name to sign in with, as it was written and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    text: String,
    key: String,
}

impl Username {
    /// Reads a name of 3 to 50 letters and digits of any script, `.`, `_` and `-`; the
    /// first is a letter, a digit or `_`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = field::length(text.trim().nfc().collect(), MIN_LENGTH, MAX_LENGTH)?;
        let key = fold(&text);
        if !is_name(&text) || !is_name(&key) {
            return Err(Issue::InvalidFormat);
        }
        let key = field::length(key, 1, MAX_LENGTH)?;
        Ok(Self { text, key })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As it is compared.
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_form_only_have_one_key() {
        let key = |text| Username::parse(text).unwrap().key().to_owned();
        assert_eq!(key("Lin_Wei"), key("lin_wei"));
        assert_eq!(key("ｌｉｎ"), key("LIN"));
        assert_eq!(key("straße"), key("STRASSE"));
        assert_eq!(key("Cafe\u{301}"), key("café"));
        assert_eq!(key("ΣΊΣΥΦΟΣ"), key("σίσυφος"));
        assert_ne!(key("林小红"), key("林小明"));
    }

    #[test]
    fn other_characters_and_lengths_are_refused() {
        for text in ["a b", "lin@x.com", "<b>x</b>", "lin'--", "../x", "-lin", "li\0n", "li\u{200b}n", "lin😀"] {
            assert_eq!(Username::parse(text), Err(Issue::InvalidFormat), "{text:?}");
        }
        assert_eq!(Username::parse("ab"), Err(Issue::TooShort { min: 3 }));
        assert_eq!(Username::parse(&"名".repeat(51)), Err(Issue::TooLong { max: 50 }));
        assert_eq!(Username::parse(""), Err(Issue::Required));
    }
}
