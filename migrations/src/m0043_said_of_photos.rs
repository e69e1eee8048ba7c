//! What of a photo its owner said, so that the camera adds nothing to what was taken out.

use sea_orm_migration::prelude::*;

use crate::columns::flag;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0043_said_of_photos"
    }
}

const COLUMNS: [&str; 2] = ["taken_said", "position_said"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            let column = flag(name, false);
            manager.alter_table(Table::alter().table("photos").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            manager.alter_table(Table::alter().table("photos").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}
