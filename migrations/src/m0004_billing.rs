//! Plans, subscriptions, orders, payments, the ledger, and the sandbox's own books.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, id, index, int, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_billing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        plans(manager).await?;
        subscriptions(manager).await?;
        orders(manager).await?;
        payments(manager).await?;
        ledger(manager).await?;
        sandbox(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in [
            "sandbox_payments",
            "ledger_postings",
            "ledger_entries",
            "ledger_accounts",
            "payments",
            "orders",
            "subscriptions",
            "plan_prices",
            "plans",
        ] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        let names = ["plans", "plan_prices", "subscriptions", "orders"];
        manager
            .execute(Query::delete().from_table("sequences").and_where(Expr::col("name").is_in(names)).to_owned())
            .await
    }
}

async fn plans(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let plans = table(manager, "plans")
        .col(id())
        .col(big("creator_id"))
        .col(key("name", 100))
        .col(nullable(text(manager, "description")))
        .col(text(manager, "benefits"))
        .col(key("status", 16))
        .col(int("trial_days"))
        .col(big("price_id"))
        .col(big("version"))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .to_owned();
    manager.create_table(plans).await?;
    manager.create_index(index("ix_plans_creator_id", "plans", &["creator_id", "created_at"])).await?;
    manager.create_index(index("ix_plans_status", "plans", &["status", "created_at"])).await?;

    let prices = table(manager, "plan_prices")
        .col(id())
        .col(big("plan_id"))
        .col(int("number"))
        .col(big("amount"))
        .col(key("currency", 3))
        .col(key("period", 16))
        .col(time(manager, "created_at"))
        .foreign_key(&mut reference("fk_plan_prices_plan_id", "plan_prices", "plan_id", "plans"))
        .to_owned();
    manager.create_table(prices).await?;
    manager.create_index(unique("uq_plan_prices_number", "plan_prices", &["plan_id", "number"])).await
}

async fn subscriptions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let subscriptions = table(manager, "subscriptions")
        .col(id())
        .col(big("subscriber_id"))
        .col(big("creator_id"))
        .col(big("plan_id"))
        .col(big("price_id"))
        .col(key("state", 16))
        // Set until it ends: one live subscription of a reader to a plan.
        .col(nullable(key("live_key", 64)))
        .col(nullable(time(manager, "anchor_at")))
        .col(int("periods"))
        .col(nullable(time(manager, "current_period_start")))
        .col(nullable(time(manager, "current_period_end")))
        .col(nullable(time(manager, "trial_end")))
        .col(flag("cancel_at_period_end", false))
        .col(nullable(time(manager, "canceled_at")))
        .col(nullable(key("cancel_reason", 500)))
        .col(nullable(time(manager, "ended_at")))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .col(big("version"))
        .foreign_key(&mut reference("fk_subscriptions_plan_id", "subscriptions", "plan_id", "plans"))
        .foreign_key(&mut reference("fk_subscriptions_price_id", "subscriptions", "price_id", "plan_prices"))
        .to_owned();
    manager.create_table(subscriptions).await?;
    manager.create_index(unique("uq_subscriptions_live_key", "subscriptions", &["live_key"])).await?;
    manager
        .create_index(index("ix_subscriptions_subscriber", "subscriptions", &["subscriber_id", "creator_id"]))
        .await?;
    manager.create_index(index("ix_subscriptions_plan_id", "subscriptions", &["plan_id", "subscriber_id"])).await?;
    manager.create_index(index("ix_subscriptions_creator_id", "subscriptions", &["creator_id", "created_at"])).await
}

async fn orders(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let orders = table(manager, "orders")
        .col(id())
        .col(key("number", 32))
        .col(big("buyer_id"))
        .col(big("seller_id"))
        .col(key("kind", 16))
        .col(big("subscription_id"))
        .col(big("plan_id"))
        .col(big("price_id"))
        .col(big("amount"))
        .col(key("currency", 3))
        .col(key("period", 16))
        .col(key("subject", 200))
        .col(key("state", 20))
        .col(key("channel", 32))
        .col(key("scene", 16))
        .col(key("idempotency_key", 255))
        .col(key("fingerprint", 64))
        .col(time(manager, "expires_at"))
        .col(nullable(time(manager, "paid_at")))
        .col(nullable(time(manager, "closed_at")))
        .col(nullable(time(manager, "synced_at")))
        .col(time(manager, "created_at"))
        .col(time(manager, "updated_at"))
        .col(big("version"))
        .foreign_key(&mut reference("fk_orders_subscription_id", "orders", "subscription_id", "subscriptions"))
        .foreign_key(&mut reference("fk_orders_plan_id", "orders", "plan_id", "plans"))
        .foreign_key(&mut reference("fk_orders_price_id", "orders", "price_id", "plan_prices"))
        .to_owned();
    manager.create_table(orders).await?;
    manager.create_index(unique("uq_orders_number", "orders", &["number"])).await?;
    manager.create_index(unique("uq_orders_buyer_key", "orders", &["buyer_id", "idempotency_key"])).await?;
    manager.create_index(index("ix_orders_subscription_id", "orders", &["subscription_id"])).await?;
    manager.create_index(index("ix_orders_seller_id", "orders", &["seller_id", "created_at"])).await
}

async fn payments(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let payments = table(manager, "payments")
        .col(uuid("id").primary_key())
        .col(nullable(big("order_id")))
        .col(key("channel", 32))
        .col(nullable(key("channel_txn_id", 100)))
        .col(big("amount"))
        .col(key("currency", 3))
        .col(key("state", 16))
        .col(nullable(text(manager, "pay_data")))
        .col(time(manager, "created_at"))
        .col(nullable(time(manager, "settled_at")))
        .foreign_key(&mut reference("fk_payments_order_id", "payments", "order_id", "orders"))
        .to_owned();
    manager.create_table(payments).await?;
    manager.create_index(unique("uq_payments_transaction", "payments", &["channel", "channel_txn_id"])).await?;
    manager.create_index(index("ix_payments_order_id", "payments", &["order_id"])).await
}

async fn ledger(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let accounts = table(manager, "ledger_accounts")
        .col(key("code", 120).primary_key())
        .col(key("kind", 32))
        .col(nullable(big("creator_id")))
        .col(key("currency", 3))
        .col(time(manager, "created_at"))
        .to_owned();
    manager.create_table(accounts).await?;

    let entries = table(manager, "ledger_entries")
        .col(uuid("id").primary_key())
        .col(key("kind", 32))
        .col(key("reference", 100))
        .col(time(manager, "occurred_at"))
        .to_owned();
    manager.create_table(entries).await?;
    manager.create_index(unique("uq_ledger_entries_reference", "ledger_entries", &["reference"])).await?;

    let to_account = ForeignKey::create()
        .name("fk_ledger_postings_account_code")
        .from("ledger_postings", "account_code")
        .to("ledger_accounts", "code")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned();
    let postings = table(manager, "ledger_postings")
        .col(uuid("entry_id"))
        .col(int("position"))
        .col(key("account_code", 120))
        .col(key("line", 16))
        .col(big("amount"))
        .col(key("currency", 3))
        .col(time(manager, "occurred_at"))
        .primary_key(Index::create().col("entry_id").col("position"))
        .foreign_key(&mut reference("fk_ledger_postings_entry_id", "ledger_postings", "entry_id", "ledger_entries"))
        .foreign_key(&mut to_account.clone())
        .to_owned();
    manager.create_table(postings).await?;
    let columns = ["account_code", "occurred_at"];
    manager.create_index(index("ix_ledger_postings_account", "ledger_postings", &columns)).await
}

async fn sandbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let payments = table(manager, "sandbox_payments")
        .col(key("order_number", 32).primary_key())
        .col(big("amount"))
        .col(key("currency", 3))
        .col(key("subject", 200))
        .col(key("state", 16))
        .col(nullable(key("txn_id", 100)))
        .col(text(manager, "notify_url"))
        .col(time(manager, "expires_at"))
        .col(nullable(time(manager, "clicked_at")))
        .col(time(manager, "created_at"))
        .to_owned();
    manager.create_table(payments).await
}
