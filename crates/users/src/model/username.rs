use std::fmt;

use sharestack_kernel::field::{self, Issue};
use sharestack_kernel::text::{fold, look_alike};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 50;
/// No name of so many letters takes more, blanks around it included.
const MAX_BYTES: usize = 1024;
/// One letter may look like several.
const MAX_LOOK: usize = 200;

/// A name to sign in with, as it was written and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    text: String,
    key: String,
    look: String,
}

impl Username {
    /// Reads a name that somebody wants to have: 3 to 50 letters and digits of any
    /// script, `.`, `_` and `-`; the first is a letter, a digit or `_`.
    ///
    /// Letters of several scripts may stand together only as people write them: Latin
    /// beside Chinese, Japanese or Korean (UTS #39, "highly restrictive").
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let name = Self::known(text)?;
        // Compatibility forms are what the key is free of.
        if !name.key.check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err(Issue::InvalidFormat);
        }
        Ok(name)
    }

    /// Reads a name that somebody may have already, since a time when rules were fewer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn known(text: &str) -> Result<Self, Issue> {
        // What nobody can be called is not worth normalising.
        if text.len() > MAX_BYTES {
            return Err(Issue::TooLong { max: MAX_LENGTH });
        }
        let text = field::length(text.trim().nfc().collect(), MIN_LENGTH, MAX_LENGTH)?;
        let key = fold(&text);
        if !is_name(&text) || !is_name(&key) {
            return Err(Issue::InvalidFormat);
        }
        let key = field::length(key, 1, MAX_LENGTH)?;
        let look = field::length(look_alike(&text), 1, MAX_LOOK).map_err(|_| Issue::TooLong { max: MAX_LENGTH })?;
        Ok(Self { text, key, look })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As it is compared when somebody signs in with it, or is looked up.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// As it looks: no two names may look the same.
    pub fn look(&self) -> &str {
        &self.look
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
    fn names_that_look_the_same_have_one_look() {
        let look = |text| Username::known(text).unwrap().look().to_owned();
        for (real, fake) in [
            ("paypal", "p\u{430}yp\u{430}l"),
            ("paypal", "раураl"),
            ("lin", "Iin"),
            ("lin", "1in"),
            ("modern", "modem"),
            ("modern", "Modem"),
            ("MODERN", "modem"),
            ("zoe", "z0e"),
            ("BOB", "ВОВ"),
            ("scope", "ѕсоре"),
            ("lin_wei", "lin_wei"),
        ] {
            assert_eq!(look(real), look(fake), "{real} {fake}");
        }
        for (one, other) in [("rene", "rené"), ("林小红", "林小明"), ("ali", "all"), ("user10", "user11")] {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
    }

    #[test]
    fn scripts_are_mixed_only_as_people_write_them() {
        for text in ["林小红lin", "たなかlin", "김lin", "Ωμέγα", "иван", "lin_2026", "josé", "ｌｉｎ"]
        {
            assert!(Username::parse(text).is_ok(), "{text}");
        }
        for text in ["p\u{430}ypal", "linλ", "иванlin", "linא", "𓀀𓀁𓀂"] {
            assert_eq!(Username::parse(text), Err(Issue::InvalidFormat), "{text}");
            assert!(Username::known(text).is_ok(), "{text} may have been taken before");
        }
    }

    #[test]
    fn a_megabyte_is_not_normalised() {
        assert_eq!(Username::parse(&"a".repeat(1 << 20)), Err(Issue::TooLong { max: 50 }));
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
