//! What a person wrote.

use super::holding::Kind::{Json, Number, Text, Time};
use super::holding::{End, Holding, Whose};

pub(super) const CONTENT: &[Holding] = &[
    Holding {
        extract: None,
        table: "article_tags",
        whose: Whose::Through("article_id", "articles", "author_id"),
        columns: &[],
        end: End::Gone,
    },
    Holding {
        extract: Some("article_drafts"),
        table: "article_drafts",
        whose: Whose::Through("article_id", "articles", "author_id"),
        columns: &[("article_id", Number), ("title", Text), ("summary", Text), ("source", Text), ("updated_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("article_texts"),
        table: "article_bodies",
        whose: Whose::Through("article_id", "articles", "author_id"),
        columns: &[("article_id", Number), ("source", Text)],
        end: End::Gone,
    },
    Holding {
        extract: Some("articles"),
        table: "articles",
        whose: Whose::Column("author_id"),
        columns: &[
            ("id", Number),
            ("slug", Text),
            ("title", Text),
            ("status", Text),
            ("access_level", Text),
            ("format", Text),
            ("summary", Text),
            ("cover", Text),
            ("tag_list", Json),
            ("view_count", Number),
            ("published_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
            ("deleted_at", Time),
        ],
        end: End::Gone,
    },
];
