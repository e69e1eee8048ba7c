//! Names that look the same, names that people are found by, addresses that wait to be
//! proven, pictures that are kept here, accounts that were erased.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sharestack_kernel::text::{fold, look_alike};

use crate::columns::{index, key, nullable, time, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_accounts"
    }
}

const COLUMNS: [&str; 5] = ["username_look", "display_key", "pending_email", "avatar_file", "erased_at"];
const INDEXES: [&str; 4] =
    ["uq_users_username_look", "ix_users_display_key", "ix_users_avatar_file", "ix_users_listed"];
/// For prefixes: PostgreSQL's own order of texts is no order of bytes.
const PREFIXES: [(&str, &str); 2] =
    [("ix_users_username_prefix", "username_key"), ("ix_users_display_prefix", "display_key")];
/// How many rows are read at once.
const BATCH: u64 = 1000;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            key(COLUMNS[0], 255),
            key(COLUMNS[1], 255),
            key(COLUMNS[2], 255),
            key(COLUMNS[3], 120),
            time(manager, COLUMNS[4]),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table("users").add_column(nullable(column)).to_owned()).await?;
        }
        compute(manager).await?;
        manager.create_index(unique(INDEXES[0], "users", &["username_look"])).await?;
        manager.create_index(index(INDEXES[1], "users", &["display_key"])).await?;
        manager.create_index(index(INDEXES[2], "users", &["avatar_file"])).await?;
        manager.create_index(index(INDEXES[3], "users", &["deleted_at", "is_active", "id"])).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            for (name, column) in PREFIXES {
                let create = format!("CREATE INDEX {name} ON users ({column} varchar_pattern_ops)");
                manager.get_connection().execute_unprepared(&create).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            for (name, _) in PREFIXES {
                manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
            }
        }
        for name in INDEXES {
            manager.drop_index(Index::drop().name(name).table("users").to_owned()).await?;
        }
        for name in COLUMNS {
            manager.alter_table(Table::alter().table("users").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

/// Computes the keys of the rows that are there. Of accounts whose names look the same
/// all keep them; the later ones just block nobody else.
async fn compute(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let mut seen = std::collections::HashSet::new();
    let mut last = 0_i64;
    loop {
        let select = Query::select()
            .columns(["id", "username", "display_name"])
            .from("users")
            .and_where(Expr::col("id").gt(last))
            .order_by("id", Order::Asc)
            .limit(BATCH)
            .to_owned();
        let rows = connection.query_all(&select).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = row.try_get("", "id")?;
            let username: String = row.try_get("", "username")?;
            let display_name: Option<String> = row.try_get("", "display_name")?;
            let mut look: String = look_alike(&username).chars().take(200).collect();
            if !seen.insert(look.clone()) {
                look = format!("{look}#{last}");
            }
            let display_key = display_name.map(|name| fold(&name).chars().take(255).collect::<String>());
            let update = Query::update()
                .table("users")
                .value("username_look", look)
                .value("display_key", display_key)
                .and_where(Expr::col("id").eq(last))
                .to_owned();
            connection.execute(&update).await?;
        }
    }
}
