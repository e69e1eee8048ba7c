//! Categories of photos and of articles, tags of photos beside those of articles, and the
//! events of the timeline.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, flag, id, index, int, key, nullable, reference, table, time, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0023_taxonomy"
    }
}

const KINDS: [&str; 2] = ["photo", "article"];
const ADMIN: i64 = 2;
const TIMELINE: &str = "timeline.*";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        categories(manager).await?;
        for column in tag_columns(manager) {
            manager.alter_table(Table::alter().table("tags").add_column(column).to_owned()).await?;
        }
        manager.execute(Query::update().table("tags").value("name_key", Expr::col("slug")).to_owned()).await?;
        take_over_usage(manager).await?;
        manager.drop_index(Index::drop().name("uq_tags_slug").table("tags").to_owned()).await?;
        manager.create_index(unique("uq_tags_kind_slug", "tags", &["kind", "slug"])).await?;
        manager.create_index(unique("uq_tags_kind_name", "tags", &["kind", "name_key"])).await?;
        manager.create_index(index("ix_tags_usage", "tags", &["kind", "usage_count", "id"])).await?;
        photo_tags(manager).await?;
        articles(manager).await?;
        timeline(manager).await?;
        let give = Query::insert()
            .into_table("role_permissions")
            .columns(["role_id", "permission"])
            .values_panic([ADMIN.into(), TIMELINE.into()])
            .to_owned();
        manager.execute(give).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let take = Query::delete()
            .from_table("role_permissions")
            .and_where(Expr::col("role_id").eq(ADMIN))
            .and_where(Expr::col("permission").eq(TIMELINE))
            .to_owned();
        manager.execute(take).await?;
        for name in ["timeline_event_photos", "timeline_events", "photo_tags", "photo_categories"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        manager.drop_index(Index::drop().name("ix_articles_category").table("articles").to_owned()).await?;
        manager.alter_table(Table::alter().table("articles").drop_column("category_id").to_owned()).await?;
        for name in ["categories", "category_trees"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        give_usage_back(manager).await?;
        let of_photos = Query::delete().from_table("tags").and_where(Expr::col("kind").ne("article")).to_owned();
        manager.execute(of_photos).await?;
        for name in ["ix_tags_usage", "uq_tags_kind_name", "uq_tags_kind_slug"] {
            manager.drop_index(Index::drop().name(name).table("tags").to_owned()).await?;
        }
        for column in tag_columns(manager) {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("tags").drop_column(name).to_owned()).await?;
        }
        manager.create_index(unique("uq_tags_slug", "tags", &["slug"])).await?;
        let names = ["categories", "timeline_events"];
        manager
            .execute(Query::delete().from_table("sequences").and_where(Expr::col("name").is_in(names)).to_owned())
            .await
    }
}

async fn categories(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // One row a tree: who changes a tree or counts in it holds the row.
    let trees = table(manager, "category_trees").col(key("kind", 16).primary_key()).to_owned();
    manager.create_table(trees).await?;
    for kind in KINDS {
        let insert =
            Query::insert().into_table("category_trees").columns(["kind"]).values_panic([kind.into()]).to_owned();
        manager.execute(insert).await?;
    }
    let categories = table(manager, "categories")
        .col(id())
        .col(key("kind", 16))
        .col(nullable(big("parent_id")))
        .col(key("name", 100))
        .col(key("slug", 100))
        .col(nullable(key("description", 1000)))
        .col(nullable(key("color", 7)))
        .col(nullable(key("icon", 50)))
        .col(big("sort_order"))
        .col(flag("is_active", true))
        .col(flag("is_featured", false))
        .col(nullable(key("seo_title", 200)))
        .col(nullable(key("seo_description", 500)))
        .col(nullable(big("cover_photo_id")))
        .col(key("path", 255))
        .col(big("direct_count"))
        .col(big("subtree_count"))
        .col(big("version"))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .foreign_key(&mut reference("fk_categories_parent_id", "categories", "parent_id", "categories"))
        .to_owned();
    manager.create_table(categories).await?;
    manager.create_index(unique("uq_categories_slug", "categories", &["kind", "slug"])).await?;
    manager.create_index(index("ix_categories_path", "categories", &["kind", "path"])).await?;
    manager.create_index(index("ix_categories_parent_id", "categories", &["parent_id"])).await?;
    manager.create_index(index("ix_categories_cover", "categories", &["cover_photo_id"])).await?;

    // What a list of a category is filtered and sorted by stands with the link.
    let placed = table(manager, "photo_categories")
        .col(big("category_id"))
        .col(big("photo_id"))
        .col(flag("is_primary", false))
        .col(flag("listed", false))
        .col(time(manager, "created_at"))
        .col(time(manager, "shown_at"))
        .primary_key(Index::create().col("category_id").col("photo_id"))
        .foreign_key(&mut reference("fk_photo_categories_category_id", "photo_categories", "category_id", "categories"))
        .to_owned();
    manager.create_table(placed).await?;
    for (name, columns) in [
        ("ix_photo_categories_photo_id", &["photo_id"][..]),
        ("ix_photo_categories_created_at", &["category_id", "listed", "created_at", "photo_id"]),
        ("ix_photo_categories_shown_at", &["category_id", "listed", "shown_at", "photo_id"]),
    ] {
        manager.create_index(index(name, "photo_categories", columns)).await?;
    }
    Ok(())
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).double().not_null().default(0.0).to_owned()
}

/// What a tag has beside its id, name and slug.
fn tag_columns(manager: &SchemaManager<'_>) -> Vec<ColumnDef> {
    vec![
        key("kind", 16).default("article").to_owned(),
        key("name_key", 200).default("").to_owned(),
        nullable(key("description", 500)),
        nullable(key("color", 7)),
        nullable(key("icon", 50)),
        nullable(key("tag_group", 16)),
        key("pinyin", 400).default("").to_owned(),
        key("initials", 100).default("").to_owned(),
        big("usage_count").default(0).to_owned(),
        number("trend_7"),
        number("trend_30"),
        number("trend_90"),
        number("trend_365"),
        flag("is_active", true),
        flag("is_featured", false),
        big("version").default(1).to_owned(),
        nullable(time(manager, "created_at")),
        nullable(time(manager, "updated_at")),
        nullable(time(manager, "last_used_at")),
    ]
}

/// The key of a tag's counter among the counters of articles.
fn counter(manager: &SchemaManager<'_>) -> &'static str {
    match manager.get_database_backend() {
        DbBackend::MySql => "CONCAT('tag:', tags.id)",
        _ => "'tag:' || tags.id",
    }
}

/// How often articles use a tag stands with the tag from now on.
async fn take_over_usage(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let counter = counter(manager);
    let sql = format!(
        "UPDATE tags SET usage_count = COALESCE((SELECT c.n FROM article_counts c WHERE c.count_key = {counter}), 0)"
    );
    manager.get_connection().execute_unprepared(&sql).await?;
    let old = Query::delete().from_table("article_counts").and_where(Expr::col("count_key").like("tag:%")).to_owned();
    manager.execute(old).await
}

async fn give_usage_back(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let counter = counter(manager);
    let sql = format!(
        "INSERT INTO article_counts (count_key, n) SELECT {counter}, tags.usage_count FROM tags WHERE kind = 'article'"
    );
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}

async fn photo_tags(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let tagged = table(manager, "photo_tags")
        .col(big("tag_id"))
        .col(big("photo_id"))
        .col(key("source", 16))
        .col(nullable(int("confidence")))
        .col(flag("listed", false))
        .col(nullable(int("used_on")))
        .col(time(manager, "created_at"))
        .col(time(manager, "shown_at"))
        .primary_key(Index::create().col("tag_id").col("photo_id"))
        .foreign_key(&mut reference("fk_photo_tags_tag_id", "photo_tags", "tag_id", "tags"))
        .to_owned();
    manager.create_table(tagged).await?;
    for (name, columns) in [
        ("ix_photo_tags_photo_id", &["photo_id"][..]),
        ("ix_photo_tags_used_on", &["tag_id", "used_on"]),
        ("ix_photo_tags_created_at", &["tag_id", "listed", "created_at", "photo_id"]),
        ("ix_photo_tags_shown_at", &["tag_id", "listed", "shown_at", "photo_id"]),
    ] {
        manager.create_index(index(name, "photo_tags", columns)).await?;
    }
    Ok(())
}

async fn articles(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let category = nullable(big("category_id"));
    manager.alter_table(Table::alter().table("articles").add_column(category).to_owned()).await?;
    let columns = ["category_id", "status", "published_at", "id"];
    manager.create_index(index("ix_articles_category", "articles", &columns)).await
}

async fn timeline(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let events = table(manager, "timeline_events")
        .col(id())
        .col(key("title", 200))
        .col(nullable(key("description", 1000)))
        .col(key("event_on", 10))
        .col(key("kind", 16))
        .col(big("version"))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .to_owned();
    manager.create_table(events).await?;
    manager.create_index(index("ix_timeline_events_event_on", "timeline_events", &["event_on", "id"])).await?;

    let related = table(manager, "timeline_event_photos")
        .col(big("event_id"))
        .col(big("photo_id"))
        .col(int("position"))
        .primary_key(Index::create().col("event_id").col("photo_id"))
        .foreign_key(&mut reference(
            "fk_timeline_event_photos_event_id",
            "timeline_event_photos",
            "event_id",
            "timeline_events",
        ))
        .to_owned();
    manager.create_table(related).await?;
    manager.create_index(index("ix_timeline_event_photos_photo_id", "timeline_event_photos", &["photo_id"])).await
}
