use chrono::{DateTime, Utc};
use sharestack_kernel::id::UserId;

/// Somebody, as lists show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with.
    pub username: String,
    /// The name they show.
    pub display_name: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// Where their picture is.
    pub avatar_url: Option<String>,
}

/// Somebody in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub person: Person,
    /// Since when they are in the list.
    pub since: DateTime<Utc>,
    /// Whether who looks at the list follows them; `None` when nobody is signed in.
    pub following: Option<bool>,
}

/// How one person stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relation {
    /// Whether they follow the other.
    pub following: bool,
    /// Whether the other follows them.
    pub followed_by: bool,
    /// Whether they blocked the other. Who was blocked is not told.
    pub blocked: bool,
}

/// How many follow somebody, and how many they follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FollowCounts {
    /// Who follows them.
    pub followers: u64,
    /// Whom they follow.
    pub following: u64,
}

/// Which lists somebody lets others see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPrivacy {
    /// Who follows them.
    pub show_followers: bool,
    /// Whom they follow.
    pub show_following: bool,
}

impl Default for ListPrivacy {
    /// Both.
    fn default() -> Self {
        Self { show_followers: true, show_following: true }
    }
}
