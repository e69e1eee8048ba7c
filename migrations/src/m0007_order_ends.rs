//! What the end of an order needs: a key that is free again after a day, and a sandbox that
//! takes no money for what was given up.

use sea_orm_migration::prelude::*;

use crate::columns::{key, nullable, time, unique};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_order_ends"
    }
}

fn alter(table: &'static str) -> TableAlterStatement {
    Table::alter().table(table).to_owned()
}

fn drop_index(name: &'static str) -> IndexDropStatement {
    Index::drop().name(name).table("orders").to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Set while the order has the key; the key that was asked with stays beside it.
        manager.alter_table(alter("orders").add_column(nullable(key("held_key", 255))).to_owned()).await?;
        let held = Query::update().table("orders").value("held_key", Expr::col("idempotency_key")).to_owned();
        manager.execute(held).await?;
        manager.create_index(unique("uq_orders_held_key", "orders", &["buyer_id", "held_key"])).await?;
        manager.drop_index(drop_index("uq_orders_buyer_key")).await?;
        let closed_at = nullable(time(manager, "closed_at"));
        manager.alter_table(alter("sandbox_payments").add_column(closed_at).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(alter("sandbox_payments").drop_column("closed_at").to_owned()).await?;
        // Keys that were used again are told apart by the number of their order.
        let told_apart = Query::update()
            .table("orders")
            .value("idempotency_key", Expr::col("number"))
            .and_where(Expr::col("held_key").is_null())
            .to_owned();
        manager.execute(told_apart).await?;
        manager.create_index(unique("uq_orders_buyer_key", "orders", &["buyer_id", "idempotency_key"])).await?;
        manager.drop_index(drop_index("uq_orders_held_key")).await?;
        manager.alter_table(alter("orders").drop_column("held_key").to_owned()).await
    }
}
