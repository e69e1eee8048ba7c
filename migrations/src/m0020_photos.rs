//! Photos, who likes them, the links that show them, and the lengths of their lists.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, id, index, int, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0020_photos"
    }
}

const CREATOR: i64 = 5;
const GRANTED: [&str; 4] = ["photo.read", "photo.create", "category.read", "tag.read"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        photos(manager).await?;
        likes(manager).await?;
        links(manager).await?;
        let counts = table(manager, "photo_counts").col(key("count_key", 64).primary_key()).col(big("n")).to_owned();
        manager.create_table(counts).await?;
        let mut give = Query::insert().into_table("role_permissions").columns(["role_id", "permission"]).to_owned();
        for permission in GRANTED {
            give.values_panic([CREATOR.into(), permission.into()]);
        }
        manager.execute(give).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let take = Query::delete()
            .from_table("role_permissions")
            .and_where(Expr::col("role_id").eq(CREATOR))
            .and_where(Expr::col("permission").is_in(GRANTED))
            .to_owned();
        manager.execute(take).await?;
        for name in ["photo_counts", "share_link_photos", "share_links", "photo_likes", "photos"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        manager
            .execute(Query::delete().from_table("sequences").and_where(Expr::col("name").eq("photos")).to_owned())
            .await
    }
}

/// A row has all that a list shows of a photo, so that a page reads no file's row.
async fn photos(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let photos = table(manager, "photos")
        .col(id())
        .col(big("owner_id"))
        .col(nullable(big("file_id")))
        .col(key("slug", 200))
        .col(key("title", 200))
        .col(nullable(text(manager, "description")))
        .col(key("status", 16))
        .col(key("visibility", 16))
        .col(big("sort_order"))
        // Published, public, processed, and not in the trash.
        .col(flag("listed", false))
        .col(nullable(time(manager, "taken_at")))
        .col(nullable(int("taken_offset_minutes")))
        // By the clocks of the place.
        .col(nullable(int("taken_year")))
        .col(nullable(int("taken_month")))
        // When it was taken, else when it was created: databases sort what is not there differently.
        .col(time(manager, "shown_at"))
        // In ten-millionths of a degree.
        .col(nullable(int("latitude")))
        .col(nullable(int("longitude")))
        .col(nullable(key("place_name", 200)))
        .col(nullable(key("country", 100)))
        .col(nullable(key("city", 100)))
        .col(nullable(key("camera", 200)))
        .col(nullable(key("lens", 200)))
        .col(nullable(big("iso")))
        .col(nullable(key("aperture", 32)))
        .col(nullable(key("shutter_speed", 32)))
        .col(nullable(key("focal_length", 32)))
        .col(key("original_filename", 255))
        .col(big("file_size"))
        .col(key("mime_type", 100))
        .col(nullable(big("width")))
        .col(nullable(big("height")))
        .col(nullable(key("placeholder", 255)))
        .col(text(manager, "formats"))
        .col(big("revision"))
        .col(text(manager, "metadata"))
        .col(big("view_count"))
        .col(big("like_count"))
        .col(big("download_count"))
        .col(big("version"))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .col(nullable(time(manager, "published_at")))
        .col(nullable(time(manager, "trashed_at")))
        .foreign_key(&mut reference("fk_photos_owner_id", "photos", "owner_id", "users"))
        .to_owned();
    manager.create_table(photos).await?;
    manager.create_index(unique("uq_photos_slug", "photos", &["slug"])).await?;
    manager.create_index(unique("uq_photos_file_id", "photos", &["file_id"])).await?;
    let indexes: [(&str, &[&str]); 9] = [
        ("ix_photos_created_at", &["listed", "created_at", "id"]),
        ("ix_photos_shown_at", &["listed", "shown_at", "id"]),
        ("ix_photos_title", &["listed", "title", "id"]),
        ("ix_photos_sort_order", &["listed", "sort_order", "id"]),
        ("ix_photos_taken", &["listed", "taken_year", "taken_month", "shown_at", "id"]),
        ("ix_photos_position", &["listed", "latitude", "longitude", "id"]),
        ("ix_photos_owner", &["owner_id", "status", "created_at", "id"]),
        ("ix_photos_status", &["status", "created_at", "id"]),
        ("ix_photos_trashed_at", &["trashed_at", "id"]),
    ];
    for (name, columns) in indexes {
        manager.create_index(index(name, "photos", columns)).await?;
    }
    Ok(())
}

async fn likes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let likes = table(manager, "photo_likes")
        .col(big("photo_id"))
        .col(big("user_id"))
        .col(time(manager, "created_at"))
        .primary_key(Index::create().col("photo_id").col("user_id"))
        .foreign_key(&mut reference("fk_photo_likes_photo_id", "photo_likes", "photo_id", "photos"))
        .to_owned();
    manager.create_table(likes).await?;
    manager.create_index(index("ix_photo_likes_user_id", "photo_likes", &["user_id"])).await
}

async fn links(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let links = table(manager, "share_links")
        .col(uuid("id").primary_key())
        .col(big("owner_id"))
        .col(key("token_hash", 64))
        .col(nullable(big("category_id")))
        .col(nullable(key("password_hash", 255)))
        .col(flag("allow_download", false))
        .col(flag("hide_metadata", false))
        .col(nullable(time(manager, "expires_at")))
        .col(time(manager, "created_at"))
        .foreign_key(&mut reference("fk_share_links_owner_id", "share_links", "owner_id", "users"))
        .to_owned();
    manager.create_table(links).await?;
    manager.create_index(unique("uq_share_links_token_hash", "share_links", &["token_hash"])).await?;
    manager.create_index(index("ix_share_links_owner_id", "share_links", &["owner_id"])).await?;

    let shown = table(manager, "share_link_photos")
        .col(uuid("link_id"))
        .col(big("photo_id"))
        .col(int("position"))
        .primary_key(Index::create().col("link_id").col("photo_id"))
        .foreign_key(&mut reference("fk_share_link_photos_link_id", "share_link_photos", "link_id", "share_links"))
        .foreign_key(&mut reference("fk_share_link_photos_photo_id", "share_link_photos", "photo_id", "photos"))
        .to_owned();
    manager.create_table(shown).await?;
    manager.create_index(index("ix_share_link_photos_photo_id", "share_link_photos", &["photo_id"])).await
}
