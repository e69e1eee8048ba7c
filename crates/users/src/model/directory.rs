use chrono::{DateTime, Utc};
use sharestack_kernel::field::{self, Issue};
use sharestack_kernel::id::{MAX_NUMERIC_ID, UserId};
use sharestack_kernel::text::fold;

use super::{RoleName, Username};

/// A text that people are looked for by, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Reads a text of 1 to 100 characters; blanks around it are dropped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = field::length(text.trim().to_owned(), 1, 100)?;
        let folded = fold(&text);
        if folded.chars().any(char::is_control) { Err(Issue::InvalidFormat) } else { Ok(Self(folded)) }
    }

    /// As it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is looked for inside names too, not at their beginning alone: what one
    /// or two Latin letters are in, nearly everybody is.
    pub const fn is_long(&self) -> bool {
        self.0.len() > 2
    }
}

/// Which users a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Those who hold this role.
    pub role: Option<RoleName>,
    /// Those whose account may be used, or may not.
    pub active: Option<bool>,
    /// Those with this text in their username, address or name.
    pub search: Option<SearchText>,
}

/// A user in a path: an id or a username.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// Digits that fit an id. Somebody may be called so, too; the id comes first.
    Id(UserId, Option<Username>),
    /// A name.
    Name(Username),
}

impl UserRef {
    /// Reads a segment of a path; `None` when nobody can be meant.
    pub fn parse(segment: &str) -> Option<Self> {
        let name = Username::known(segment).ok();
        let digits = segment.bytes().all(|byte| byte.is_ascii_digit());
        match segment.parse().ok().filter(|id| digits && (1..MAX_NUMERIC_ID).contains(id)) {
            Some(id) => Some(Self::Id(UserId::new(id), name)),
            None => name.map(Self::Name),
        }
    }
}

/// What everybody may see of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicProfile {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with.
    pub username: String,
    /// The name that others see.
    pub display_name: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// Their address, when they show it.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub is_verified: bool,
    /// Whether they show who follows them.
    pub show_followers: bool,
    /// Whether they show whom they follow.
    pub show_following: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_folded_and_bounded() {
        assert_eq!(SearchText::parse(" ＬＩＮ ").unwrap().as_str(), "lin");
        assert!(!SearchText::parse("li").unwrap().is_long());
        assert!(SearchText::parse("林").unwrap().is_long());
        assert_eq!(SearchText::parse(" "), Err(Issue::Required));
        assert_eq!(SearchText::parse(&"a".repeat(101)), Err(Issue::TooLong { max: 100 }));
        assert_eq!(SearchText::parse("a\u{7}b"), Err(Issue::InvalidFormat));
    }

    #[test]
    fn digits_are_an_id_first() {
        assert!(matches!(UserRef::parse("42"), Some(UserRef::Id(id, None)) if id == UserId::new(42)));
        assert!(matches!(UserRef::parse("2026"), Some(UserRef::Id(id, Some(_))) if id == UserId::new(2026)));
        assert!(matches!(UserRef::parse("林小红"), Some(UserRef::Name(name)) if name.key() == "林小红"));
        assert_eq!((UserRef::parse("0"), UserRef::parse("+7"), UserRef::parse("' OR 1=1")), (None, None, None));
    }
}
