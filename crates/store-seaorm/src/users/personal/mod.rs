//! Everything that the tables hold of one person: what is handed out to them, and what
//! becomes of it when they go. One list, a file a domain; a test holds every table of the
//! schema against it.

mod account;
mod billing;
mod content;
mod holding;
mod platform;
mod portfolio;
mod social;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::sea_query::{Cond, Expr, Order, Query};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, QueryResult};
use serde_json::{Map, Value};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::model::{Extract, HeldFile};
use sharestack_users::ports::PersonalRecords;
use sharestack_users::service::{AVATAR_SIZES, blob_key};
use uuid::Uuid;

use self::account::ACCOUNT;
use self::holding::{End, Holding, Kind};
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

/// Tables that hold nothing of people.
#[cfg(test)]
pub(crate) const IMPERSONAL: &[(&str, &str)] = &[
    ("seaql_migrations", "the schema"),
    ("sequences", "numbers"),
    ("jobs", "names things by number, and is pruned"),
    ("idempotency_keys", "kept for a day"),
    ("verification_codes", "names addresses by a keyed hash"),
    ("verification_tokens", "kept for minutes"),
    ("relation_pairs", "locks, by number"),
    ("roles", "what roles there are"),
    ("role_permissions", "what roles may"),
    ("article_counts", "sums"),
    ("photo_counts", "sums"),
    ("category_trees", "locks"),
    ("categories", "what photos and articles are sorted by"),
    ("photo_categories", "photos: named by number"),
    ("photo_tags", "photos: named by number"),
    ("timeline_events", "what the site tells of itself"),
    ("timeline_event_photos", "photos: named by number"),
    ("tags", "words"),
    ("tag_days", "sums"),
    ("ledger_accounts", "money: named by number"),
    ("ledger_entries", "money: named by number"),
    ("ledger_postings", "money: named by number"),
    ("sandbox_payments", "the pretended channel's, which is not of production"),
];

fn read(row: &QueryResult, column: &str, kind: Kind, user: UserId) -> Result<Value, DbErr> {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into();
    Ok(match kind {
        Kind::Number => row
            .try_get::<Option<i64>>("", column)
            .or_else(|_| row.try_get::<Option<i32>>("", column).map(|number| number.map(i64::from)))?
            .into(),
        Kind::Text => row.try_get::<Option<String>>("", column)?.into(),
        Kind::Time => row.try_get::<Option<DateTime<Utc>>>("", column)?.map_or(Value::Null, time),
        Kind::Flag => row.try_get::<Option<bool>>("", column)?.into(),
        Kind::Id => row.try_get::<Option<Uuid>>("", column)?.map(|id| id.to_string()).into(),
        Kind::Own(owner, kind) => {
            let own = row.try_get::<Option<i64>>("", owner)? == Some(user.get());
            if own { read(row, column, *kind, user)? } else { Value::Null }
        }
        Kind::Json => {
            let text = row.try_get::<Option<String>>("", column)?;
            text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        }
    })
}

#[async_trait]
impl PersonalRecords for Store {
    async fn collect(&self, user: UserId) -> Result<Vec<Extract>, StoreError> {
        let mut extracts = Vec::new();
        for holding in holdings() {
            let Some(name) = holding.extract else { continue };
            let owners = holding.columns.iter().find_map(|(_, kind)| match kind {
                Kind::Own(owner, _) => Some(*owner),
                _ => None,
            });
            let select = Query::select()
                .columns(holding.columns.iter().map(|(column, _)| *column).chain(owners))
                .from(holding.table)
                .and_where(holding.whose.condition(user))
                .to_owned();
            let rows = self.read().query_all(&select).await.map_err(store_error)?;
            let record = |row: &QueryResult| {
                let fields = holding
                    .columns
                    .iter()
                    .map(|(column, kind)| Ok(((*column).to_owned(), read(row, column, *kind, user)?)));
                fields.collect::<Result<Map<_, _>, DbErr>>().map(Value::Object)
            };
            let records = rows.iter().map(record).collect::<Result<_, _>>().map_err(store_error)?;
            extracts.push(Extract { name, records });
        }
        Ok(extracts)
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
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use sharestack_kernel::clock::SystemClock;

    use super::*;
    use crate::config::StoreConfig;

    #[tokio::test]
    async fn every_table_of_the_schema_is_held_against_the_list() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/schema.db", directory.path().display());
        let store = Store::connect(&StoreConfig::new(url), Arc::new(SystemClock)).await.unwrap();
        store.migrate().await.unwrap();
        let tables = Query::select()
            .column("name")
            .from("sqlite_master")
            .and_where(Expr::col("type").eq("table"))
            .and_where(Expr::col("name").not_like("sqlite_%"))
            .to_owned();
        let rows = store.read().query_all(&tables).await.unwrap();
        let found: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
        let impersonal = IMPERSONAL.iter().map(|(table, _)| *table);
        let listed: BTreeSet<String> =
            holdings().map(|holding| holding.table).chain(impersonal).map(str::to_owned).collect();
        assert_eq!(found, listed, "list in this directory, or as IMPERSONAL, what a table holds of people");
        // Every column that is named is there, and every end can be done.
        store.collect(UserId::new(1)).await.unwrap();
        PersonalRecords::erase(&store, UserId::new(1), DateTime::UNIX_EPOCH).await.unwrap();
        transact!(store.own(), |tx| { end_account(tx, UserId::new(1)).await }).unwrap();
    }

    #[tokio::test]
    async fn traces_of_somebody_are_blanked_however_many_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/traces.db", directory.path().display());
        let store = Store::connect(&StoreConfig::new(url), Arc::new(SystemClock)).await.unwrap();
        store.migrate().await.unwrap();
        let many = 2 * BATCH + 1;
        // The last is of somebody whose number begins alike.
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {many}) \
             INSERT INTO audit_entries (id, occurred_at, action, target_type, result, ip, details) \
             SELECT CAST(printf('%016d', i) AS BLOB), '2026-01-01T00:00:00Z', 'role.granted', 'role', 'success', \
             '203.0.113.7', CASE WHEN i > {many} THEN '{{\"user_id\":12}}' ELSE '{{\"user_id\":1,\"a\":2}}' END FROM n"
        );
        assert_eq!(store.execute_raw(&sql).await.unwrap(), many + 1);
        for _ in 0..2 {
            PersonalRecords::erase(&store, UserId::new(1), DateTime::UNIX_EPOCH).await.unwrap();
            let left = store.texts_raw("SELECT details FROM audit_entries WHERE ip IS NOT NULL").await.unwrap();
            assert_eq!(left, ["{\"user_id\":12}"]);
        }
    }
}
