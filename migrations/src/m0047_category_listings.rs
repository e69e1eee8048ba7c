//! The listed photos of each category and of those below it, each once and in the orders of
//! lists, so that however deep a page is, its photos are found in one index.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, index, table, time};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0047_category_listings"
    }
}

const TABLE: &str = "category_listings";
const INDEXES: [(&str, &[&str]); 2] = [
    ("ix_category_listings_created_at", &["category_id", "created_at", "photo_id"]),
    ("ix_category_listings_shown_at", &["category_id", "shown_at", "photo_id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What an interrupted run has left on databases that commit each statement.
        manager.drop_table(Table::drop().table(TABLE).if_exists().to_owned()).await?;
        let mut listings = table(manager, TABLE)
            .col(big("category_id"))
            .col(big("photo_id"))
            .col(time(manager, "created_at"))
            .col(time(manager, "shown_at"))
            .primary_key(Index::create().col("category_id").col("photo_id"))
            .to_owned();
        if manager.get_database_backend() == DbBackend::Sqlite {
            listings.extra("WITHOUT ROWID");
        }
        manager.create_table(listings).await?;
        fill(manager).await?;
        for (name, columns) in INDEXES {
            manager.create_index(index(name, TABLE, columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}

/// One category after another: each is one pass over the links of those below it.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let categories =
        Query::select().columns(["id", "path"]).from("categories").and_where(Expr::col("kind").eq("photo")).to_owned();
    for category in connection.query_all(&categories).await? {
        let (id, path): (i64, String) = (category.try_get("", "id")?, category.try_get("", "path")?);
        // Paths are digits and slashes, so that nothing in them is a wildcard.
        let within = Cond::any().add(Expr::col("id").eq(id)).add(Expr::col("path").like(format!("{path}/%")));
        let within = Query::select()
            .column("id")
            .from("categories")
            .and_where(Expr::col("kind").eq("photo"))
            .cond_where(within)
            .to_owned();
        let listed = Query::select()
            .expr(Expr::val(id))
            .column("photo_id")
            .expr(Expr::col("created_at").min())
            .expr(Expr::col("shown_at").min())
            .from("photo_categories")
            .and_where(Expr::col("category_id").in_subquery(within))
            .and_where(Expr::col("listed").eq(true))
            .group_by_col("photo_id")
            .to_owned();
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(["category_id", "photo_id", "created_at", "shown_at"])
            .select_from(listed)
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .to_owned();
        connection.execute(&insert).await?;
    }
    Ok(())
}
