//! Tags, as answers show them.

use std::collections::BTreeMap;

use serde::Serialize;
use sharestack_content::model::{Colour, Icon, Label, Note, TagGroup};
use sharestack_content::ports::Candidate;
use sharestack_content::service::Suggestion;
use utoipa::ToSchema;

use crate::http::context::timestamp;
use crate::http::language::Language;
use crate::http::reply::{Meta, PaginationSchema};

/// A tag of photos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PhotoTag, example = json!({
    "id": 1, "name": "夜景", "slug": "night-view", "description": "夜晚拍摄的景色", "color": "#2c3e50", "icon": "moon",
    "tag_group": "style", "usage_count": 45, "trend_score": 8.5, "is_active": true, "is_featured": true,
    "created_at": "2024-01-01T00:00:00Z", "last_used_at": "2024-01-15T10:30:00Z", "version": 3
}))]
pub struct TagItem {
    pub id: i64,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub color: Option<String>,
    pub icon: Option<String>,
    /// `style`, `subject`, `technique` or `location`.
    pub tag_group: Option<&'static str>,
    /// How many listed photos have it.
    pub usage_count: i64,
    /// How much it has been used of late, from 0 to 10: min(10, Σ 2^(−age / 7)) over the listed
    /// photos that got it within the period of `trending` (30 days in other answers), where the
    /// age is in days of UTC, rounded to hundredths. A use of today counts 1, one of a week ago ½.
    #[schema(minimum = 0, maximum = 10)]
    pub trend_score: f64,
    pub is_active: bool,
    pub is_featured: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When a listed photo last got it.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// Grows with each change; use does not change it.
    pub version: i64,
}

/// A group of tags.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "摄影风格", "count": 12 }))]
pub struct GroupView {
    /// In the language of the answer.
    pub name: &'static str,
    /// How many tags it has.
    pub count: u64,
}

/// A page of tags, with the groups beside it.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "success": true, "code": 200, "message": "Success", "data": [{
        "id": 1, "name": "夜景", "slug": "night-view", "description": "夜晚拍摄的景色", "color": "#2c3e50", "icon": "moon",
        "tag_group": "style", "usage_count": 45, "trend_score": 8.5, "is_active": true, "is_featured": true,
        "created_at": "2024-01-01T00:00:00Z", "last_used_at": "2024-01-15T10:30:00Z", "version": 3
    }],
    "groups": {
        "style": { "name": "摄影风格", "count": 12 }, "subject": { "name": "拍摄主题", "count": 18 },
        "technique": { "name": "拍摄技法", "count": 8 }, "location": { "name": "地理位置", "count": 25 }
    },
    "pagination": { "page": 1, "limit": 50, "total": 63, "total_pages": 2, "has_next": true, "has_prev": false },
    "meta": { "timestamp": "2026-01-15T10:30:00Z", "request_id": "req_01KF0X5W3Z8N6T2QG4V7B9C1DE" }
}))]
#[expect(dead_code, reason = "the document's view of what the reply adds")]
pub struct TagPage {
    success: bool,
    code: u16,
    message: String,
    data: Vec<TagItem>,
    groups: BTreeMap<String, GroupView>,
    pagination: PaginationSchema,
    meta: Meta,
}

/// A tag that may be meant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "name": "夜景", "slug": "night-view", "usage_count": 45, "match_score": 0.95
}))]
pub struct TagSuggestion {
    pub id: i64,
    pub name: String,
    pub slug: String,
    pub usage_count: i64,
    /// From 0 to 1: 1 for the whole name; 0.75 for its beginning and up to 0.2 more by usage; 0.56
    /// for pinyin, 0.39 for first letters of it, 0.22 for the beginning of a later word, 0.05 for
    /// any other part, and up to 0.15 more by usage: in proportion to the most used tag that is
    /// found in the same way.
    pub match_score: f64,
}

/// A tag in a cloud.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 2, "name": "城市", "usage_count": 38, "relative_size": 84, "color": "#e74c3c" }))]
pub struct CloudTag {
    pub id: i64,
    pub name: String,
    pub usage_count: i64,
    /// 100 for the most used one, the others in proportion.
    pub relative_size: i64,
    pub color: Option<String>,
}

/// What became of a merge.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "tag": { "id": 1, "name": "夜景", "slug": "night-view", "description": null, "color": "#2c3e50", "icon": "moon",
        "tag_group": "style", "usage_count": 57, "trend_score": 9.2, "is_active": true, "is_featured": true,
        "created_at": "2024-01-01T00:00:00Z", "last_used_at": "2024-01-15T10:30:00Z", "version": 3 },
    "merged_count": 2, "moved_photos": 12
}))]
pub struct MergedTags {
    /// The tag that is left.
    pub tag: TagItem,
    /// How many tags are no more.
    pub merged_count: usize,
    /// How many photos got the tag that is left.
    pub moved_photos: u64,
}

/// A tag of articles.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 3, "name": "投资", "slug": "投资", "article_count": 12 }))]
pub struct ArticleTagItem {
    pub id: i64,
    pub name: String,
    pub slug: String,
    /// How many published articles have it.
    pub article_count: i64,
}

impl TagItem {
    pub fn new(label: &Label, trend_score: f64) -> Self {
        Self {
            id: label.id.get(),
            name: label.name.name().to_owned(),
            slug: label.slug.as_str().to_owned(),
            description: label.description.as_ref().map(Note::as_str).map(str::to_owned),
            color: label.colour.as_ref().map(Colour::as_str).map(str::to_owned),
            icon: label.icon.as_ref().map(Icon::as_str).map(str::to_owned),
            tag_group: label.group.map(TagGroup::as_str),
            usage_count: label.usage_count,
            trend_score,
            is_active: label.is_active,
            is_featured: label.is_featured,
            created_at: timestamp(label.created_at),
            last_used_at: label.last_used_at.map(timestamp),
            version: label.version,
        }
    }
}

/// The groups with their names, by their own words.
pub fn groups(counts: &BTreeMap<TagGroup, u64>, language: Language) -> BTreeMap<&'static str, GroupView> {
    let name = |group| match (group, language) {
        (TagGroup::Style, Language::ZhCn) => "摄影风格",
        (TagGroup::Subject, Language::ZhCn) => "拍摄主题",
        (TagGroup::Technique, Language::ZhCn) => "拍摄技法",
        (TagGroup::Location, Language::ZhCn) => "地理位置",
        (TagGroup::Style, Language::En) => "Style",
        (TagGroup::Subject, Language::En) => "Subject",
        (TagGroup::Technique, Language::En) => "Technique",
        (TagGroup::Location, Language::En) => "Location",
    };
    let view = |group| GroupView { name: name(group), count: counts.get(&group).copied().unwrap_or_default() };
    TagGroup::ALL.into_iter().map(|group| (group.as_str(), view(group))).collect()
}

impl From<Suggestion> for TagSuggestion {
    fn from(suggestion: Suggestion) -> Self {
        let Suggestion { candidate, score } = suggestion;
        Self {
            id: candidate.tag.id.get(),
            name: candidate.tag.name,
            slug: candidate.tag.slug,
            usage_count: candidate.usage_count,
            match_score: score,
        }
    }
}

impl From<Candidate> for ArticleTagItem {
    fn from(candidate: Candidate) -> Self {
        Self {
            id: candidate.tag.id.get(),
            name: candidate.tag.name,
            slug: candidate.tag.slug,
            article_count: candidate.usage_count,
        }
    }
}

/// Tags with their sizes beside the most used one, which is the first.
pub fn cloud(labels: Vec<Label>) -> Vec<CloudTag> {
    let most = labels.iter().map(|label| label.usage_count).max().unwrap_or_default().max(1);
    let tag = |label: Label| CloudTag {
        id: label.id.get(),
        name: label.name.name().to_owned(),
        usage_count: label.usage_count,
        // Rounded to the nearest, in whole numbers.
        relative_size: (200 * label.usage_count + most) / (2 * most),
        color: label.colour.as_ref().map(Colour::as_str).map(str::to_owned),
    };
    labels.into_iter().map(tag).collect()
}

#[cfg(test)]
mod tests {
    use sharestack_content::model::{TagId, TagName};

    use super::*;

    #[test]
    fn sizes_are_those_of_the_sample() {
        let label = |usage_count| {
            let name = TagName::parse("夜景").unwrap();
            Label { usage_count, ..Label::named(TagId::new(1), name, chrono::DateTime::UNIX_EPOCH) }
        };
        let sizes: Vec<_> =
            cloud(vec![label(45), label(38), label(0)]).into_iter().map(|tag| tag.relative_size).collect();
        assert_eq!(sizes, [100, 84, 0]);
        assert!(cloud(Vec::new()).is_empty());
    }
}
