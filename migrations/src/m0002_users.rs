//! Accounts, roles, sessions.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, id, index, int, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_users"
    }
}

/// Id, name, name for people, rank, permissions: S3 §2.2.1, extended by the other areas.
type BuiltIn = (i64, &'static str, &'static str, i32, &'static [&'static str]);

const BUILT_IN: [BuiltIn; 6] = [
    (1, "super_admin", "超级管理员", 1000, &["*"]),
    (
        2,
        "admin",
        "管理员",
        800,
        &[
            "photo.*",
            "category.*",
            "tag.*",
            "user.read",
            "user.update",
            "settings.*",
            "article.*",
            "article_category.*",
            "plan.*",
            "role.read",
        ],
    ),
    (
        3,
        "editor",
        "编辑者",
        600,
        &[
            "photo.read",
            "photo.create",
            "photo.update",
            "category.read",
            "tag.read",
            "tag.create",
            "article.read",
            "article.create",
            "article.update",
        ],
    ),
    (4, "user", "普通用户", 100, &["photo.read", "category.read", "tag.read", "article.read"]),
    (
        5,
        "creator",
        "创作者",
        400,
        &["article.read", "article.create", "plan.create", "plan.update", "revenue.read", "media.create"],
    ),
    (6, "finance", "财务", 500, &["order.read", "refund.*", "withdrawal.*", "finance.read", "ledger.read"]),
];

/// Ids of roles that are created later start here.
const FIRST_CREATED_ROLE: i64 = 101;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        users(manager).await?;
        roles(manager).await?;
        sessions(manager).await?;
        seed(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["refresh_tokens", "sessions", "user_roles", "role_permissions", "roles", "users"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        let names = ["roles", "role_assignment"];
        manager
            .execute(Query::delete().from_table("sequences").and_where(Expr::col("name").is_in(names)).to_owned())
            .await
    }
}

async fn users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let users = table(manager, "users")
        .col(id())
        .col(key("username", 64))
        .col(key("username_key", 64))
        .col(key("email", 255))
        .col(key("email_key", 255))
        .col(key("password_hash", 255))
        .col(nullable(key("display_name", 100)))
        .col(nullable(key("phone", 32)))
        .col(nullable(text(manager, "bio")))
        .col(nullable(key("avatar_url", 2048)))
        .col(flag("is_active", true))
        .col(flag("is_verified", false))
        .col(nullable(time(manager, "last_login_at")))
        .col(int("version"))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .col(nullable(time(manager, "deleted_at")))
        .to_owned();
    manager.create_table(users).await?;
    manager.create_index(unique("uq_users_username_key", "users", &["username_key"])).await?;
    manager.create_index(unique("uq_users_email_key", "users", &["email_key"])).await
}

async fn roles(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let roles = table(manager, "roles")
        .col(id())
        .col(key("name", 50))
        .col(key("display", 100))
        .col(flag("built_in", false))
        .col(int("role_rank"))
        .to_owned();
    manager.create_table(roles).await?;
    manager.create_index(unique("uq_roles_name", "roles", &["name"])).await?;

    let permissions = table(manager, "role_permissions")
        .col(big("role_id"))
        .col(key("permission", 100))
        .primary_key(Index::create().col("role_id").col("permission"))
        .foreign_key(&mut reference("fk_role_permissions_role_id", "role_permissions", "role_id", "roles"))
        .to_owned();
    manager.create_table(permissions).await?;

    let held = table(manager, "user_roles")
        .col(big("user_id"))
        .col(big("role_id"))
        .col(nullable(big("granted_by")))
        .col(time(manager, "granted_at"))
        .primary_key(Index::create().col("user_id").col("role_id"))
        .foreign_key(&mut reference("fk_user_roles_user_id", "user_roles", "user_id", "users"))
        .foreign_key(&mut reference("fk_user_roles_role_id", "user_roles", "role_id", "roles"))
        .to_owned();
    manager.create_table(held).await?;
    manager.create_index(index("ix_user_roles_role_id", "user_roles", &["role_id"])).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let sessions = table(manager, "sessions")
        .col(uuid("id").primary_key())
        .col(big("user_id"))
        .col(nullable(key("ip", 45)))
        .col(nullable(key("user_agent", 255)))
        .col(time(manager, "created_at"))
        .col(time(manager, "last_used_at"))
        .col(time(manager, "expires_at"))
        .col(nullable(time(manager, "revoked_at")))
        .col(nullable(key("revoked_reason", 32)))
        .foreign_key(&mut reference("fk_sessions_user_id", "sessions", "user_id", "users"))
        .to_owned();
    manager.create_table(sessions).await?;
    manager.create_index(index("ix_sessions_user_id", "sessions", &["user_id"])).await?;
    manager.create_index(index("ix_sessions_expires_at", "sessions", &["expires_at"])).await?;

    let tokens = table(manager, "refresh_tokens")
        .col(key("hash", 64).primary_key())
        .col(uuid("session_id"))
        .col(time(manager, "issued_at"))
        .col(time(manager, "expires_at"))
        .col(nullable(time(manager, "used_at")))
        .foreign_key(&mut reference("fk_refresh_tokens_session_id", "refresh_tokens", "session_id", "sessions"))
        .to_owned();
    manager.create_table(tokens).await?;
    manager.create_index(index("ix_refresh_tokens_session_id", "refresh_tokens", &["session_id"])).await?;
    manager.create_index(index("ix_refresh_tokens_expires_at", "refresh_tokens", &["expires_at"])).await
}

async fn seed(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut roles =
        Query::insert().into_table("roles").columns(["id", "name", "display", "built_in", "role_rank"]).to_owned();
    let mut granted = Query::insert().into_table("role_permissions").columns(["role_id", "permission"]).to_owned();
    for (id, name, display, rank, permissions) in BUILT_IN {
        roles.values_panic([id.into(), name.into(), display.into(), true.into(), rank.into()]);
        for permission in permissions {
            granted.values_panic([id.into(), (*permission).into()]);
        }
    }
    manager.execute(roles).await?;
    manager.execute(granted).await?;
    let first = Query::insert()
        .into_table("sequences")
        .columns(["name", "next"])
        .values_panic(["roles".into(), FIRST_CREATED_ROLE.into()])
        .to_owned();
    manager.execute(first).await
}
