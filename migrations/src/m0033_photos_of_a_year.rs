//! Photos of a year or a month in every order that lists have: however deep a page is, its
//! photos are found without those of other years.

use sea_orm_migration::prelude::*;

use crate::columns::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0033_photos_of_a_year"
    }
}

const INDEXES: [(&str, &[&str]); 3] = [
    ("ix_photos_year_created_at", &["listed", "taken_year", "created_at", "id"]),
    ("ix_photos_year_shown_at", &["listed", "taken_year", "shown_at", "id"]),
    ("ix_photos_month_created_at", &["listed", "taken_year", "taken_month", "created_at", "id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, columns) in INDEXES {
            manager.create_index(index(name, "photos", columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table("photos").to_owned()).await?;
        }
        Ok(())
    }
}
