use std::collections::BTreeSet;
use std::sync::Arc;

use futures::TryStreamExt as _;
use sea_orm::DbBackend;
use sharestack_kernel::clock::SystemClock;
use sharestack_users::model::Extract;
use tempfile::TempDir;

use super::collect::{KEYS, PIECE, rows};
use super::holding::{Kind, Whose};
use super::untold::{IMPERSONAL, UNTOLD, UNTOLD_TABLES};
use super::*;
use crate::config::StoreConfig;

/// With one reader: who holds it is noticed.
async fn store() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/schema.db", directory.path().display());
    let mut config = StoreConfig::new(url);
    config.max_connections = 1;
    let store = Store::connect(&config, Arc::new(SystemClock)).await.unwrap();
    store.migrate().await.unwrap();
    (store, directory)
}

#[tokio::test]
async fn every_table_of_the_schema_is_held_against_the_list() {
    let (store, _directory) = store().await;
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
    let pieces: Vec<Extract> = store.collect(UserId::new(1)).try_collect().await.unwrap();
    assert_eq!(pieces.len(), holdings().filter(|holding| holding.extract.is_some()).count());
    PersonalRecords::erase(&store, UserId::new(1), DateTime::UNIX_EPOCH).await.unwrap();
    transact!(store.own(), |tx| { end_account(tx, UserId::new(1)).await }).unwrap();
}

/// The columns by which rows are found to be somebody's.
fn finding(whose: Whose) -> Vec<&'static str> {
    match whose {
        Whose::Column(column) | Whose::Through(column, ..) | Whose::Mentioned(column) => vec![column],
        Whose::Aggregate(_) => vec!["aggregate", "aggregate_id"],
        Whose::Target(_) => vec!["target_type", "target_id"],
    }
}

#[tokio::test]
async fn every_column_is_handed_out_or_said_to_be_left_out() {
    let (store, _directory) = store().await;
    let shown: BTreeSet<_> = holdings().filter_map(|holding| holding.extract).collect();
    let count = holdings().filter(|holding| holding.extract.is_some()).count();
    assert_eq!(shown.len(), count, "each extract has a name of its own");
    for (extract, ..) in UNTOLD {
        assert!(shown.contains(extract), "{extract}: there is no such extract");
    }
    for holding in holdings() {
        let Some(extract) = holding.extract else {
            // The other side of rows that are told to whom they belong to.
            let told = holdings().any(|other| other.table == holding.table && other.extract.is_some());
            let listed = UNTOLD_TABLES.iter().any(|(table, _)| *table == holding.table);
            assert!(told != listed, "{}: say in UNTOLD_TABLES why nobody is told", holding.table);
            continue;
        };
        let columns = format!("SELECT name FROM pragma_table_info('{}')", holding.table);
        let columns: BTreeSet<String> = store.texts_raw(&columns).await.unwrap().into_iter().collect();
        let own = holding.columns.iter().filter(|(_, kind)| !matches!(kind, Kind::Of(..)));
        let told: BTreeSet<_> = own.map(|(column, _)| *column).collect();
        let untold = UNTOLD.iter().filter(|(name, ..)| *name == extract).flat_map(|(_, columns, _)| *columns);
        let untold: BTreeSet<_> = untold.copied().collect();
        let both: Vec<_> = told.intersection(&untold).collect();
        assert!(both.is_empty(), "{extract}: {both:?} are told and left out");
        let accounted: BTreeSet<String> =
            told.into_iter().chain(untold).chain(finding(holding.whose)).map(str::to_owned).collect();
        assert_eq!(columns, accounted, "{extract}: hand out every column, or say in UNTOLD why not");
    }
    store.close().await;
}

/// What is read of one person neither grows with what others have, nor once more with each
/// piece of what they have.
#[tokio::test]
async fn records_are_found_by_their_keys_alone() {
    let (store, _directory) = store().await;
    for holding in holdings().filter(|holding| holding.extract.is_some()) {
        let table = holding.table;
        let primary = format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0");
        let primary: BTreeSet<String> = store.texts_raw(&primary).await.unwrap().into_iter().collect();
        let key: BTreeSet<String> = holding.key.iter().map(|(column, _)| (*column).to_owned()).collect();
        assert_eq!(key, primary, "{table}");
        let value = |(_, kind): &(&str, Kind)| match kind {
            Kind::Number => 1_i64.into(),
            Kind::Id => Uuid::nil().into(),
            _ => "x".into(),
        };
        let keys = vec![holding.key.iter().map(value).collect(); PIECE];
        let mut statement = DbBackend::Sqlite.build(&rows(holding, &keys));
        statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        let plan = store.read().query_all_raw(statement).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|step| step.try_get("", "detail").unwrap()).collect();
        let searches: Vec<_> = steps.iter().filter(|step| step.starts_with("SEARCH ")).collect();
        let whole = |step: &str| {
            let by_key = step.contains("USING INTEGER PRIMARY KEY") || step.contains("INDEX sqlite_autoindex_");
            by_key && (!step.contains(table) || step.matches("=?").count() == key.len())
        };
        assert!(!searches.is_empty() && searches.iter().all(|step| whole(step)), "{table}: {steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN ")), "{table}: {steps:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn traces_of_somebody_are_blanked_however_many_there_are() {
    let (store, _directory) = store().await;
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

#[tokio::test]
async fn a_long_life_is_handed_out_in_small_pieces() {
    let (store, _directory) = store().await;
    // More than are known at once by their keys.
    let many = KEYS + 1;
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) \
         INSERT INTO audit_entries (id, occurred_at, action, target_type, target_id, result, details) \
         SELECT CAST(printf('%016d', i) AS BLOB), '2026-01-01T00:00:00Z', 'user.login', 'user', '1', \
         'success', '{{}}' FROM n"
    );
    store.execute_raw(&sql).await.unwrap();
    let mut pieces = store.collect(UserId::new(1));
    let (mut last, mut records) = ("", BTreeSet::new());
    while let Some(piece) = pieces.try_next().await.unwrap() {
        assert!(piece.records.len() <= PIECE);
        if piece.name == "security_log" {
            assert!(records.is_empty() || last == piece.name, "its pieces come one after another");
            records.extend(piece.records.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
        }
        last = piece.name;
    }
    assert_eq!(records.len(), many);
    // Who is in the middle of reading holds no connection.
    let mut pieces = store.collect(UserId::new(1));
    while pieces.try_next().await.unwrap().unwrap().name != "security_log" {}
    assert_eq!(store.number_raw("SELECT COUNT(*) FROM audit_entries").await.unwrap(), i64::try_from(many).unwrap());
    // What cannot be read is told.
    store.execute_raw("ALTER TABLE audit_entries RENAME TO elsewhere").await.unwrap();
    assert!(pieces.try_next().await.is_err());
    store.close().await;
}

#[tokio::test]
async fn rows_with_two_keys_come_once_each_across_pieces() {
    let (store, _directory) = store().await;
    let rows = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119)";
    let id = "CAST(printf('%016d', i / 40) AS BLOB)";
    let links = format!(
        "INSERT INTO share_links (id, owner_id, token_hash, allow_download, hide_metadata, created_at) \
         {rows} SELECT {id}, 1, i / 40, 0, 0, '2026-01-01T00:00:00Z' FROM n WHERE i % 40 = 0"
    );
    let shown = format!(
        "INSERT INTO share_link_photos (link_id, photo_id, position) {rows} SELECT {id}, i % 40 + 1, i % 40 FROM n"
    );
    for sql in ["PRAGMA foreign_keys = OFF", &links, &shown] {
        store.execute_raw(sql).await.unwrap();
    }
    let pieces: Vec<Extract> = store.collect(UserId::new(1)).try_collect().await.unwrap();
    let theirs: Vec<_> = pieces.into_iter().filter(|piece| piece.name == "share_link_photos").collect();
    assert_eq!(theirs.iter().map(|piece| piece.records.len()).collect::<Vec<_>>(), [50, 50, 20]);
    let told: BTreeSet<_> = theirs.iter().flat_map(|piece| &piece.records).map(Value::to_string).collect();
    assert_eq!(told.len(), 120);
    store.close().await;
}
