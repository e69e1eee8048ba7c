//! Articles with their texts, drafts and tags, and the lengths of their lists.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, id, index, key, nullable, reference, table, text, time, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_content"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        articles(manager).await?;
        texts(manager).await?;
        tags(manager).await?;
        let counts = table(manager, "article_counts").col(key("count_key", 64).primary_key()).col(big("n")).to_owned();
        manager.create_table(counts).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["article_counts", "article_tags", "tags", "article_drafts", "article_bodies", "articles"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        let names = ["articles", "tags"];
        manager
            .execute(Query::delete().from_table("sequences").and_where(Expr::col("name").is_in(names)).to_owned())
            .await
    }
}

/// Rows stay narrow, so that counting a view or listing a page touches no text.
async fn articles(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let articles = table(manager, "articles")
        .col(id())
        .col(big("author_id"))
        .col(key("slug", 100))
        .col(key("title", 200))
        .col(key("status", 16))
        .col(key("access_level", 16))
        .col(key("format", 16))
        .col(nullable(key("summary", 500)))
        .col(key("excerpt", 500))
        .col(key("teaser", 500))
        .col(nullable(key("cover", 2048)))
        .col(key("plan_ids", 1000))
        .col(nullable(big("price_amount")))
        .col(nullable(key("price_currency", 3)))
        .col(nullable(key("seo_title", 200)))
        .col(nullable(key("seo_description", 500)))
        .col(text(manager, "tag_list"))
        .col(big("view_count"))
        .col(big("version"))
        .col(nullable(time(manager, "publish_at")))
        .col(nullable(time(manager, "published_at")))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .col(nullable(time(manager, "deleted_at")))
        .foreign_key(&mut reference("fk_articles_author_id", "articles", "author_id", "users"))
        .to_owned();
    manager.create_table(articles).await?;
    manager.create_index(unique("uq_articles_slug", "articles", &["slug"])).await?;
    for (name, columns) in [
        ("ix_articles_published_at", ["status", "published_at", "id"]),
        ("ix_articles_created_at", ["status", "created_at", "id"]),
        ("ix_articles_updated_at", ["status", "updated_at", "id"]),
        ("ix_articles_title", ["status", "title", "id"]),
        ("ix_articles_view_count", ["status", "view_count", "id"]),
    ] {
        manager.create_index(index(name, "articles", &columns)).await?;
    }
    let by_author = ["author_id", "status", "published_at", "id"];
    manager.create_index(index("ix_articles_author", "articles", &by_author)).await?;
    let by_access = ["access_level", "status", "published_at", "id"];
    manager.create_index(index("ix_articles_access", "articles", &by_access)).await
}

async fn texts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let bodies = table(manager, "article_bodies")
        .col(big("article_id").primary_key())
        .col(text(manager, "source"))
        .col(text(manager, "html"))
        .col(text(manager, "preview"))
        .foreign_key(&mut reference("fk_article_bodies_article_id", "article_bodies", "article_id", "articles"))
        .to_owned();
    manager.create_table(bodies).await?;

    let drafts = table(manager, "article_drafts")
        .col(big("article_id").primary_key())
        .col(nullable(key("title", 200)))
        .col(nullable(key("summary", 500)))
        .col(flag("keeps_summary", true))
        .col(nullable(key("format", 16)))
        .col(nullable(key("excerpt", 500)))
        .col(nullable(key("teaser", 500)))
        .col(nullable(text(manager, "source")))
        .col(nullable(text(manager, "html")))
        .col(nullable(text(manager, "preview")))
        .col(time(manager, "updated_at"))
        .foreign_key(&mut reference("fk_article_drafts_article_id", "article_drafts", "article_id", "articles"))
        .to_owned();
    manager.create_table(drafts).await
}

async fn tags(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let tags = table(manager, "tags").col(id()).col(key("name", 50)).col(key("slug", 200)).to_owned();
    manager.create_table(tags).await?;
    manager.create_index(unique("uq_tags_slug", "tags", &["slug"])).await?;

    let tagged = table(manager, "article_tags")
        .col(big("tag_id"))
        .col(big("article_id"))
        .primary_key(Index::create().col("tag_id").col("article_id"))
        .foreign_key(&mut reference("fk_article_tags_tag_id", "article_tags", "tag_id", "tags"))
        .foreign_key(&mut reference("fk_article_tags_article_id", "article_tags", "article_id", "articles"))
        .to_owned();
    manager.create_table(tagged).await?;
    manager.create_index(index("ix_article_tags_article_id", "article_tags", &["article_id"])).await
}
