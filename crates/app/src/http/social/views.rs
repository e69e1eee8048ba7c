//! People and lists of them, as answers show them.

use serde::Serialize;
use sharestack_social::model::{FollowCounts, Listed, Person as PersonModel, Relation};
use utoipa::ToSchema;

use crate::http::billing::RevenueSummary;
use crate::http::context::timestamp;

/// Somebody, and how the caller stands to them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "full_name": "林小红", "display_name": "林小红", "bio": "写作十年",
    "avatar": "https://example.com/avatar.jpg", "avatar_url": "https://example.com/avatar.jpg",
    "followers": 128, "following_count": 12, "following": true, "followed_by": false, "blocked": false
}))]
pub struct RelatedUser {
    #[serde(flatten)]
    pub person: Person,
    /// How many follow them.
    pub followers: u64,
    /// How many they follow.
    pub following_count: u64,
    /// Whether the caller follows them.
    pub following: bool,
    /// Whether they follow the caller.
    pub followed_by: bool,
    /// Whether the caller blocked them.
    pub blocked: bool,
}

impl RelatedUser {
    /// As the caller sees them.
    pub fn new(person: PersonModel, counts: FollowCounts, relation: Relation) -> Self {
        Self {
            person: person.into(),
            followers: counts.followers,
            following_count: counts.following,
            following: relation.following,
            followed_by: relation.followed_by,
            blocked: relation.blocked,
        }
    }
}

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "full_name": "林小红", "display_name": "林小红", "bio": "写作十年",
    "avatar": "https://example.com/avatar.jpg", "avatar_url": "https://example.com/avatar.jpg"
}))]
pub struct Person {
    pub id: i64,
    pub username: String,
    /// The same as `display_name`.
    pub full_name: Option<String>,
    pub display_name: Option<String>,
    pub bio: Option<String>,
    /// The same as `avatar_url`.
    pub avatar: Option<String>,
    pub avatar_url: Option<String>,
}

impl From<PersonModel> for Person {
    fn from(person: PersonModel) -> Self {
        Self {
            id: person.id.get(),
            username: person.username,
            full_name: person.display_name.clone(),
            display_name: person.display_name,
            bio: person.bio,
            avatar: person.avatar_url.clone(),
            avatar_url: person.avatar_url,
        }
    }
}

/// Somebody in a list of follows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "full_name": "林小红", "display_name": "林小红", "bio": "写作十年",
    "avatar": "https://example.com/avatar.jpg", "avatar_url": "https://example.com/avatar.jpg",
    "followed_at": "2026-01-15T10:30:00Z", "following": true
}))]
pub struct FollowedUser {
    #[serde(flatten)]
    pub person: Person,
    /// Since when the one follows the other.
    #[schema(format = DateTime)]
    pub followed_at: String,
    /// Whether the caller follows them; `null` for who is not signed in.
    pub following: Option<bool>,
}

impl From<Listed> for FollowedUser {
    fn from(listed: Listed) -> Self {
        Self { person: listed.person.into(), followed_at: timestamp(listed.since), following: listed.following }
    }
}

/// Somebody whom the caller blocked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "full_name": "林小红", "display_name": "林小红", "bio": "写作十年",
    "avatar": "https://example.com/avatar.jpg", "avatar_url": "https://example.com/avatar.jpg",
    "blocked_at": "2026-01-15T10:30:00Z"
}))]
pub struct BlockedUser {
    #[serde(flatten)]
    pub person: Person,
    /// Since when.
    #[schema(format = DateTime)]
    pub blocked_at: String,
}

impl From<Listed> for BlockedUser {
    fn from(listed: Listed) -> Self {
        Self { person: listed.person.into(), blocked_at: timestamp(listed.since) }
    }
}

/// Somebody in figures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": 42, "articles": 31, "followers": 128, "following": 12, "likes": 86, "subscribers": 9, "revenue": null
}))]
pub struct UserStats {
    pub user_id: i64,
    /// Articles that are published.
    pub articles: u64,
    /// How many follow them.
    pub followers: u64,
    /// How many they follow.
    pub following: u64,
    /// How many likes the photos of theirs have that everybody sees.
    pub likes: u64,
    /// Readers with a subscription that runs.
    pub subscribers: u64,
    /// What they earned, one summary a currency, for themselves alone.
    pub revenue: Option<Vec<RevenueSummary>>,
}
