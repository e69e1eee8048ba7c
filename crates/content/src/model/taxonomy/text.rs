//! Short texts of categories, tags and events.

use sharestack_kernel::field::{Issue, length};

use crate::model::visible::is_blank;

macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $min:literal, $max:literal $(, $rule:ident)?) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Trims the text and checks it.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn parse(text: &str) -> Result<Self, Issue> {
                let text = length(text.trim().to_owned(), $min, $max)?;
                $($rule(&text)?;)?
                Ok(Self(text))
            }

            /// A text that a store kept: it was checked when it was written.
            pub const fn stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(super) use text;

text!(
    /// A category's name: 1 to 100 characters on one line, of which something is seen.
    CategoryName, 1, 100, one_line
);
text!(
    /// What somebody says of a category, a tag or an event: up to 500 characters.
    Note, 0, 500
);

fn one_line(text: &str) -> Result<(), Issue> {
    if text.contains(char::is_control) {
        return Err(Issue::InvalidFormat);
    }
    if is_blank(text) { Err(Issue::Required) } else { Ok(()) }
}

/// A colour of the web: `#` and six hexadecimal digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour(String);

impl Colour {
    /// Reads `#3498db`, or its short form `#39d`.
    ///
    /// # Errors
    /// For everything else.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let digits = text.trim().strip_prefix('#').ok_or(Issue::InvalidFormat)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Issue::InvalidFormat);
        }
        let digits = match digits.len() {
            6 => digits.to_ascii_lowercase(),
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect::<String>().to_ascii_lowercase(),
            _ => return Err(Issue::InvalidFormat),
        };
        Ok(Self(format!("#{digits}")))
    }

    /// A colour that a store kept.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of an icon: 1 to 50 letters, digits, `-`, `_`, `:` and `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon(String);

impl Icon {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let name = length(text.trim().to_owned(), 1, 50)?;
        if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.')) {
            return Ok(Self(name));
        }
        Err(Issue::InvalidFormat)
    }

    /// A name that a store kept.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_one_form() {
        assert_eq!(Colour::parse("#3498DB").unwrap().as_str(), "#3498db");
        assert_eq!(Colour::parse(" #39d ").unwrap().as_str(), "#3399dd");
        for bad in ["", "3498db", "#3498d", "#3498dbff", "#ggg", "red", "#３４９８ｄｂ"] {
            assert_eq!(Colour::parse(bad), Err(Issue::InvalidFormat), "{bad}");
        }
    }

    #[test]
    fn names_have_bounds() {
        assert_eq!(CategoryName::parse(" 城市风光 ").unwrap().as_str(), "城市风光");
        assert_eq!(CategoryName::parse(" "), Err(Issue::Required));
        assert_eq!(CategoryName::parse(&"城".repeat(101)), Err(Issue::TooLong { max: 100 }));
        for broken in ["城市\n风光", "a\tb", "a\0"] {
            assert_eq!(CategoryName::parse(broken), Err(Issue::InvalidFormat), "{broken:?}");
        }
        for unseen in ["\u{200b}", "\u{2060}\u{feff}", "\u{3164}"] {
            assert_eq!(CategoryName::parse(unseen), Err(Issue::Required), "{unseen:?}");
        }
        assert_eq!(CategoryName::parse("👩\u{200d}👦").unwrap().as_str(), "👩\u{200d}👦");
        assert!(Icon::parse("building").is_ok() && Icon::parse("mdi:tree-outline").is_ok());
        assert!(Icon::parse("<svg>").is_err() && Icon::parse("").is_err());
    }
}
