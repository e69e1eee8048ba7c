//! Everything that the tables hold of one person: what is handed out to them, and what
//! becomes of it when they go. One list, a file a domain; a test holds every table of the
//! schema against it.

mod account;
mod billing;
mod collect;
mod content;
mod holding;
mod platform;
mod portfolio;
mod social;
#[cfg(test)]
mod untold;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use serde_json::Value;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::model::HeldFile;
use sharestack_users::ports::{Extracts, PersonalRecords};
use sharestack_users::service::{AVATAR_SIZES, blob_key};
use uuid::Uuid;

use self::account::ACCOUNT;
use self::holding::{End, Holding};
use self::platform::TRACES;
use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

/// What other domains than the users' hold. Rows that refer to others stand before them:
/// they are removed in this order.
const OF_DOMAINS: [&[Holding]; 5] =
    [social::SOCIAL, platform::PLATFORM, content::CONTENT, portfolio::PORTFOLIO, billing::BILLING];

fn holdings() -> impl Iterator<Item = &'static Holding> {
    ACCOUNT.iter().chain(OF_DOMAINS.into_iter().flatten())
}

#[async_trait]
impl PersonalRecords for Store {
    fn collect(&self, user: UserId) -> Extracts {
        collect::extracts(self.clone(), user)
    }

    async fn list_files(&self, user: UserId) -> Result<Vec<HeldFile>, StoreError> {
        let picture =
            Query::select().column("avatar_file").from("users").and_where(Expr::col("id").eq(user.get())).to_owned();
        let row = self.read().query_one(&picture).await.map_err(store_error)?;
        let file = row.map(|row| row.try_get::<Option<String>>("", "avatar_file")).transpose().map_err(store_error)?;
        let mut held = self.held_files(user).await?;
        if let Some(file) = file.flatten() {
            let key = blob_key(&file, AVATAR_SIZES[0])?.to_string();
            held.push(HeldFile { key, name: "avatar.webp".to_owned() });
        }
        Ok(held)
    }

    async fn erase(&self, user: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
        for holding in TRACES {
            let End::Blanked(columns) = holding.end else { continue };
            self.blank_traces(holding, columns, user).await?;
        }
        let copies = Query::update()
            .table("privacy_exports")
            .value("expires_at", at)
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("expires_at").gt(at))
            .to_owned();
        transact!(self.own(), |tx| {
            tx.conn().execute(&copies).await.map_err(store_error)?;
            end(tx, OF_DOMAINS.into_iter().flatten(), user).await
        })
    }
}

/// How many rows with a trace of somebody are blanked at once.
const BATCH: u64 = 500;

impl Store {
    /// Blanks what tells of a person in passing. The tables are read beside all writers, who
    /// wait for no more than a batch.
    async fn blank_traces(
        &self,
        holding: &Holding,
        columns: &'static [&'static str],
        user: UserId,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let mut select = Query::select();
            select
                .column("id")
                .from(holding.table)
                .and_where(holding.whose.condition(user))
                .cond_where(any_left(columns))
                .order_by("id", Order::Asc)
                .limit(BATCH);
            if let Some(after) = after {
                select.and_where(Expr::col("id").gt::<Uuid>(after));
            }
            let rows = self.read().query_all(&select).await.map_err(store_error)?;
            let ids: Result<Vec<Uuid>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
            let ids = ids.map_err(store_error)?;
            let Some(last) = ids.last().copied() else { return Ok(()) };
            let blanked: Result<(), StoreError> = transact!(self.own(), |tx| {
                blank(tx, holding.table, columns, Expr::col("id").is_in(ids.iter().copied())).await
            });
            blanked?;
            after = Some(last);
        }
    }
}

/// Ends what the account itself is made of, but for its row.
pub(super) async fn end_account(tx: &SeaTx, user: UserId) -> Result<(), StoreError> {
    end(tx, ACCOUNT, user).await
}

async fn end(tx: &SeaTx, holdings: impl IntoIterator<Item = &'static Holding>, user: UserId) -> Result<(), StoreError> {
    for holding in holdings {
        let theirs = holding.whose.condition(user);
        match holding.end {
            End::Kept | End::Emptied => {}
            End::Gone => {
                let delete = Query::delete().from_table(holding.table).and_where(theirs).to_owned();
                tx.conn().execute(&delete).await.map_err(store_error)?;
            }
            End::Blanked(columns) => blank(tx, holding.table, columns, theirs).await?,
            End::Anonymised(columns, json) => {
                scrub(tx, holding.table, json, theirs.clone()).await?;
                blank(tx, holding.table, columns, theirs).await?;
            }
        }
    }
    Ok(())
}

/// What is blank already is not written again.
fn any_left(columns: &[&'static str]) -> Cond {
    columns.iter().fold(Cond::any(), |left, column| left.add(Expr::col(*column).is_not_null()))
}

async fn blank(tx: &SeaTx, table: &'static str, columns: &[&'static str], rows: Expr) -> Result<(), StoreError> {
    let mut update = Query::update().table(table).and_where(rows).cond_where(any_left(columns)).to_owned();
    for column in columns {
        update.value(*column, Expr::null());
    }
    tx.conn().execute(&update).await.map(drop).map_err(store_error)
}

/// What says in a record who somebody is.
const NAMES: [&str; 8] = ["username", "name", "display_name", "email", "new_email", "phone", "prefix", "address"];

/// Takes the names out of the JSON of these rows.
async fn scrub(tx: &SeaTx, table: &'static str, column: &'static str, rows: Expr) -> Result<(), StoreError> {
    let named =
        NAMES.iter().fold(Cond::any(), |named, name| named.add(Expr::col(column).like(format!("%\"{name}\":%"))));
    let select = Query::select().columns(["id", column]).from(table).and_where(rows).cond_where(named).to_owned();
    for row in tx.conn().query_all(&select).await.map_err(store_error)? {
        let id: Uuid = row.try_get("", "id").map_err(store_error)?;
        let text: String = row.try_get("", column).map_err(store_error)?;
        let mut json: Value = serde_json::from_str(&text).unwrap_or_default();
        if let Value::Object(fields) = &mut json {
            fields.retain(|name, _| !NAMES.contains(&name.as_str()));
        }
        let update =
            Query::update().table(table).value(column, json.to_string()).and_where(Expr::col("id").eq(id)).to_owned();
        tx.conn().execute(&update).await.map_err(store_error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
