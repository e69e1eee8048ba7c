//! The statements that the store's query builders write for the measured requests, as the
//! statement log shows them.

macro_rules! article_columns {
    () => {
        r#""a"."id", "a"."author_id", "a"."slug", "a"."title", "a"."status", "a"."access_level", "a"."format", "a"."summary", "a"."excerpt", "a"."teaser", "a"."cover", "a"."plan_ids", "a"."price_amount", "a"."price_currency", "a"."seo_title", "a"."seo_description", "a"."category_id", "a"."tag_list", "a"."view_count", "a"."version", "a"."publish_at", "a"."published_at", "a"."created_at", "a"."updated_at", "u"."username", "u"."display_name", "u"."avatar_url""#
    };
}

/// One article: its id, and the status that it must not have.
pub const READ: &str = concat!(
    "SELECT ",
    article_columns!(),
    r#", "b"."source", "b"."html", "b"."preview" FROM "articles" AS "a" INNER JOIN "article_bodies" AS "b" ON "b"."article_id" = "a"."id" INNER JOIN "users" AS "u" ON "u"."id" = "a"."author_id" WHERE "a"."id" = $1 AND "a"."status" <> $2"#
);

/// The length of a list: its key.
pub const COUNT: &str = r#"SELECT "n" FROM "article_counts" WHERE "count_key" = $1"#;

/// A page: status, limit, offset.
pub const LIST: &str = concat!(
    "SELECT ",
    article_columns!(),
    r#" FROM (SELECT "a"."id" FROM "articles" AS "a" WHERE "a"."status" = $1 ORDER BY "a"."published_at" DESC, "a"."id" DESC LIMIT $2 OFFSET $3) AS "p" INNER JOIN "articles" AS "a" ON "a"."id" = "p"."id" INNER JOIN "users" AS "u" ON "u"."id" = "a"."author_id" ORDER BY "a"."published_at" DESC, "a"."id" DESC"#
);

/// A draft's row: id, author, slug, title, tags.
pub const INSERT_ARTICLE: &str = r#"INSERT INTO "articles" ("id", "author_id", "view_count", "created_at", "slug", "title", "status", "access_level", "plan_ids", "tag_list", "version", "updated_at", "format", "excerpt", "teaser") VALUES ($1, $2, 0, '2026-01-01T00:00:00+00:00', $3, $4, 'draft', 'free', '[]', $5, 1, '2026-01-01T00:00:00+00:00', 'markdown', $6, $6)"#;

/// Its text: id, source, HTML, preview.
pub const INSERT_BODY: &str =
    r#"INSERT INTO "article_bodies" ("article_id", "source", "html", "preview") VALUES ($1, $2, $3, $4)"#;

/// Its two tags: tag, id, tag.
pub const INSERT_TAGS: &str = r#"INSERT INTO "article_tags" ("tag_id", "article_id") VALUES ($1, $2), ($3, $2)"#;

/// The event: id, payload. It counts as delivered, so that the product does not act on it.
pub const INSERT_EVENT_SQLITE: &str = r#"INSERT INTO "events" ("id", "kind", "aggregate", "aggregate_id", "actor_id", "occurred_at", "payload", "available_at", "delivered_at") VALUES (randomblob(16), 'article.created', 'article', $1, 1, '2026-01-01T00:00:00+00:00', $2, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')"#;

/// The same for PostgreSQL.
pub const INSERT_EVENT_POSTGRES: &str = r#"INSERT INTO "events" ("id", "kind", "aggregate", "aggregate_id", "actor_id", "occurred_at", "payload", "available_at", "delivered_at") VALUES (gen_random_uuid(), 'article.created', 'article', $1, 1, '2026-01-01T00:00:00+00:00', $2, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')"#;
