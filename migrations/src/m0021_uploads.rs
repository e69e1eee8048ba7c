//! Files of photos, the uploads that bring them, and how much each person keeps.

use sea_orm_migration::prelude::*;

use crate::columns::{big, id, index, int, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0021_uploads"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let files = table(manager, "files")
            .col(id())
            .col(big("owner_id"))
            .col(key("original_filename", 255))
            .col(big("size"))
            .col(key("mime_type", 64))
            .col(key("sha256", 64))
            .col(key("blob_key", 255))
            .col(key("status", 16))
            .col(nullable(text(manager, "failure")))
            .col(int("progress").default(0))
            .col(nullable(key("current_step", 32)))
            .col(nullable(text(manager, "steps")))
            .col(nullable(text(manager, "exif")))
            .col(nullable(int("width")))
            .col(nullable(int("height")))
            .col(nullable(key("placeholder", 255)))
            .col(nullable(text(manager, "derivatives")))
            .col(nullable(time(manager, "started_at")))
            .col(nullable(time(manager, "processed_at")))
            .col(time(manager, "created_at"))
            .col(time(manager, "updated_at"))
            .col(nullable(time(manager, "expires_at")))
            .foreign_key(&mut reference("fk_files_owner_id", "files", "owner_id", "users"))
            .to_owned();
        manager.create_table(files).await?;
        manager.create_index(index("ix_files_owner_id", "files", &["owner_id", "sha256"])).await?;
        manager.create_index(index("ix_files_expires_at", "files", &["expires_at"])).await?;
        manager.create_index(unique("uq_files_blob_key", "files", &["blob_key"])).await?;

        let uploads = table(manager, "uploads")
            .col(id())
            .col(big("owner_id"))
            .col(key("kind", 16))
            .col(key("state", 16))
            .col(key("filename", 255))
            .col(nullable(key("declared_type", 128)))
            .col(big("size"))
            .col(big("chunk_size"))
            .col(big("received"))
            .col(nullable(text(manager, "metadata")))
            .col(nullable(uuid("holder")))
            .col(nullable(time(manager, "held_until")))
            .col(time(manager, "created_at"))
            .col(time(manager, "updated_at"))
            .col(time(manager, "expires_at"))
            .foreign_key(&mut reference("fk_uploads_owner_id", "uploads", "owner_id", "users"))
            .to_owned();
        manager.create_table(uploads).await?;
        manager.create_index(index("ix_uploads_owner_id", "uploads", &["owner_id"])).await?;
        manager.create_index(index("ix_uploads_expires_at", "uploads", &["state", "expires_at"])).await?;

        let parts = table(manager, "upload_parts")
            .col(big("upload_id"))
            .col(big("start"))
            .col(big("size"))
            .col(key("blob_key", 255))
            .primary_key(Index::create().col("upload_id").col("start"))
            .foreign_key(&mut reference("fk_upload_parts_upload_id", "upload_parts", "upload_id", "uploads"))
            .to_owned();
        manager.create_table(parts).await?;

        let usage = table(manager, "upload_usage")
            .col(big("owner_id").primary_key())
            .col(big("bytes"))
            .foreign_key(&mut reference("fk_upload_usage_owner_id", "upload_usage", "owner_id", "users"))
            .to_owned();
        manager.create_table(usage).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["upload_usage", "upload_parts", "uploads", "files"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
