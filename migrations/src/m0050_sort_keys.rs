//! What lists of a category or a tag are sorted by besides times stands with their links too, each
//! in an index: however deep a page is, its photos are found there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{big, index, key};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0050_sort_keys"
    }
}

const COLUMNS: [&str; 2] = ["title", "sort_order"];

/// An index, and its columns behind the one that says whose list it is.
type Keys = (&'static str, &'static [&'static str]);

/// Each table, the column that says whose list a row is in, and its indexes.
const TABLES: [(&str, &str, [Keys; 2]); 3] = [
    (
        "photo_categories",
        "category_id",
        [
            ("ix_photo_categories_title", &["listed", "title", "photo_id"]),
            ("ix_photo_categories_sort_order", &["listed", "sort_order", "photo_id"]),
        ],
    ),
    (
        "category_listings",
        "category_id",
        [
            ("ix_category_listings_title", &["title", "photo_id"]),
            ("ix_category_listings_sort_order", &["sort_order", "photo_id"]),
        ],
    ),
    (
        "photo_tags",
        "tag_id",
        [
            ("ix_photo_tags_title", &["listed", "title", "photo_id"]),
            ("ix_photo_tags_sort_order", &["listed", "sort_order", "photo_id"]),
        ],
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What an interrupted run has left on databases that commit each statement.
        self.down(manager).await?;
        for (table, owner, indexes) in TABLES {
            // A server of before, which does not know them, leaves the defaults: a recount mends them.
            let columns = [key("title", 200).default("").to_owned(), big("sort_order").default(0).to_owned()];
            for column in columns {
                manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
            }
            fill(manager, table, owner).await?;
            for (name, columns) in indexes {
                let columns = [&[owner][..], columns].concat();
                manager.create_index(index(name, table, &columns)).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, _, indexes) in TABLES {
            for (name, _) in indexes {
                if manager.has_index(table, name).await? {
                    manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
                }
            }
            for column in COLUMNS {
                if manager.has_column(table, column).await? {
                    manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Takes over what the photos say, one category or tag after another: each is one pass over its
/// links.
async fn fill(manager: &SchemaManager<'_>, table: &'static str, owner: &'static str) -> Result<(), DbErr> {
    let (connection, backend) = (manager.get_connection(), manager.get_database_backend());
    if backend == DbBackend::Postgres {
        // The order of characters, as titles of photos have it.
        let collate = format!("ALTER TABLE {table} ALTER COLUMN title TYPE varchar(200) COLLATE \"C\"");
        connection.execute_unprepared(&collate).await?;
    }
    let update = match backend {
        DbBackend::MySql => format!(
            "UPDATE {table} l INNER JOIN photos p ON p.id = l.photo_id \
             SET l.title = p.title, l.sort_order = p.sort_order WHERE l.{owner}"
        ),
        _ => format!(
            "UPDATE {table} SET title = p.title, sort_order = p.sort_order FROM photos p \
             WHERE p.id = photo_id AND {owner}"
        ),
    };
    if backend == DbBackend::Postgres {
        // A table that was just filled has no statistics: each update would go through all photos.
        connection.execute_unprepared(&format!("ANALYZE {table}")).await?;
    }
    let owners = Query::select().distinct().column(owner).from(table).to_owned();
    for row in connection.query_all(&owners).await? {
        let id: i64 = row.try_get("", owner)?;
        connection.execute_unprepared(&format!("{update} = {id}")).await?;
    }
    Ok(())
}
