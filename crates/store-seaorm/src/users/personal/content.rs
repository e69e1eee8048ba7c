//! What a person wrote.

use super::holding::Kind::{Flag, Json, Number, Text, Time};
use super::holding::{End, Holding, NUMBERED, Whose};

pub(super) const CONTENT: &[Holding] = &[
    Holding {
        extract: None,
        table: "article_tags",
        whose: Whose::Through("article_id", "articles", "author_id"),
        key: &[],
        columns: &[],
        end: End::Gone,
    },
    Holding {
        extract: Some("article_drafts"),
        table: "article_drafts",
        whose: Whose::Through("article_id", "articles", "author_id"),
        key: &[("article_id", Number)],
        columns: &[
            ("article_id", Number),
            ("title", Text),
            ("summary", Text),
            ("keeps_summary", Flag),
            ("format", Text),
            ("source", Text),
            ("updated_at", Time),
        ],
        end: End::Gone,
    },
    Holding {
        extract: Some("article_texts"),
        table: "article_bodies",
        whose: Whose::Through("article_id", "articles", "author_id"),
        key: &[("article_id", Number)],
        columns: &[("article_id", Number), ("source", Text)],
        end: End::Gone,
    },
    Holding {
        extract: Some("articles"),
        table: "articles",
        whose: Whose::Column("author_id"),
        key: NUMBERED,
        columns: &[
            ("id", Number),
            ("slug", Text),
            ("title", Text),
            ("status", Text),
            ("access_level", Text),
            ("format", Text),
            ("summary", Text),
            ("cover", Text),
            ("category_id", Number),
            ("tag_list", Json),
            ("plan_ids", Text),
            ("price_amount", Number),
            ("price_currency", Text),
            ("seo_title", Text),
            ("seo_description", Text),
            ("view_count", Number),
            ("publish_at", Time),
            ("published_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
            ("deleted_at", Time),
        ],
        end: End::Gone,
    },
];
