//! The schema goes up, down, and up again, and nodes that start at once do not collide.

use futures::future::join_all;
use sharestack_store_seaorm::Store;

use crate::migrated::{down_to, rows, run};
use crate::support::{Database, Fixture, open};

async fn up_down_up(database: Database) {
    let Some(fixture) = database.empty().await else { return };
    fixture.store.migrate().await.unwrap();
    let all = fixture.store.migrations().await.unwrap();
    assert!(all.len() >= 4 && all.iter().all(|one| one.applied));
    fixture.store.migrate_down(u32::try_from(all.len()).unwrap()).await.unwrap();
    assert!(fixture.store.migrations().await.unwrap().iter().all(|one| !one.applied));
    fixture.store.migrate().await.unwrap();
    assert!(fixture.store.migrations().await.unwrap().iter().all(|one| one.applied));
    fixture.remove().await;
}

async fn twelve_nodes_at_once(database: Database) {
    let Some(fixture) = database.empty().await else { return };
    let nodes = join_all((0..12).map(|_| open(&fixture.url, &fixture.clock))).await;
    for result in join_all(nodes.iter().map(Store::migrate)).await {
        result.unwrap();
    }
    assert!(fixture.store.migrations().await.unwrap().iter().all(|one| one.applied));
    for node in nodes {
        node.close().await;
    }
    fixture.remove().await;
}

/// The tables whose rows say what lists of their photos are sorted by, and the columns that say whose
/// lists these are.
const LINKS: [(&str, &str); 3] =
    [("photo_categories", "category_id"), ("category_listings", "category_id"), ("photo_tags", "tag_id")];

/// What the rows of each table say, as texts.
async fn said(store: &Store) -> Vec<Vec<String>> {
    let mut said = Vec::new();
    for (table, owner) in LINKS {
        let sql = format!(
            "SELECT CONCAT({owner}, ' ', photo_id, ' ', created_at, ' ', shown_at, ' ', title, ' ', sort_order) \
             FROM {table} ORDER BY {owner}, photo_id"
        );
        said.push(store.texts_raw(&sql).await.unwrap());
    }
    said
}

/// Photos in categories and with tags; what services have written beside their links.
async fn furnish(fixture: &Fixture) -> Vec<Vec<String>> {
    sharestack_conformance::taxonomy::lists::furnish_with_tags(&fixture.taxonomy()).await;
    let store = &fixture.store;
    // How many rows there are, how many of them are below zero, and of how many photos.
    for ((table, _), expected) in LINKS.into_iter().zip([(9, 5, 6), (14, 7, 5), (8, 6, 6)]) {
        let photos = async |column: &str| {
            let sql = format!("SELECT COUNT(DISTINCT {column}) FROM {table} WHERE title <> '' AND sort_order <> 0");
            store.number_raw(&sql).await.unwrap()
        };
        assert_eq!((photos("title").await, photos("sort_order").await), (expected.2, expected.2), "{table}");
        let below = rows(store, &format!("{table} WHERE sort_order < 0")).await;
        assert_eq!((rows(store, table).await, below, photos("photo_id").await), expected, "{table}");
    }
    said(store).await
}

/// The rows are those of before, and say what their photos say.
async fn assert_filled(store: &Store, before: &[Vec<String>]) {
    assert_eq!(said(store).await, before);
    for (table, _) in LINKS {
        let differing = format!(
            "{table} l INNER JOIN photos p ON p.id = l.photo_id \
             WHERE l.title <> p.title OR l.sort_order <> p.sort_order"
        );
        assert_eq!(rows(store, &differing).await, 0, "{table}");
    }
}

async fn nothing_is_said(store: &Store) {
    for (table, _) in LINKS {
        for column in ["title", "sort_order"] {
            assert!(store.number_raw(&format!("SELECT COUNT({column}) FROM {table}")).await.is_err(), "{table}");
        }
    }
}

async fn lists_are_filled(database: Database) {
    let Some(fixture) = database.fresh().await else { return };
    let store = &fixture.store;
    let before = furnish(&fixture).await;
    for last in ["m0046_said_before", BEFORE] {
        down_to(store, last).await;
        nothing_is_said(store).await;
        store.migrate().await.unwrap();
        assert_filled(store, &before).await;
    }
    if matches!(database, Database::Postgres) {
        let collations = "SELECT CONCAT(table_name, ' ', collation_name) FROM information_schema.columns \
                          WHERE column_name = 'title' AND table_name IN \
                          ('photo_categories', 'category_listings', 'photo_tags') ORDER BY table_name";
        let expected = ["category_listings C", "photo_categories C", "photo_tags C"];
        assert_eq!(store.texts_raw(collations).await.unwrap(), expected);
    }
    fixture.remove().await;
}

/// The last migration before the one that writes titles and places beside links.
const BEFORE: &str = "m0049_tag_names";

/// What that one does first, where each statement is committed: what it leaves when it is
/// interrupted begins with these. What they say is wrong.
const LEFT: [&str; 5] = [
    "ALTER TABLE photo_categories ADD COLUMN title VARCHAR(200) DEFAULT 'left' NOT NULL",
    "ALTER TABLE photo_categories ADD COLUMN sort_order BIGINT DEFAULT 7 NOT NULL",
    "CREATE INDEX ix_photo_categories_title ON photo_categories (category_id, listed, title, photo_id)",
    "CREATE INDEX ix_photo_categories_sort_order ON photo_categories (category_id, listed, sort_order, photo_id)",
    "ALTER TABLE category_listings ADD COLUMN title VARCHAR(200) DEFAULT 'left' NOT NULL",
];

async fn interrupted_is_done_again(database: Database) {
    let Some(fixture) = database.fresh().await else { return };
    let store = &fixture.store;
    let before = furnish(&fixture).await;
    for statements in 1..=LEFT.len() {
        down_to(store, BEFORE).await;
        nothing_is_said(store).await;
        run(store, &LEFT[..statements]).await;
        assert_eq!(rows(store, "photo_categories WHERE title = 'left'").await, 9);
        store.migrate().await.unwrap();
        assert_filled(store, &before).await;
    }
    fixture.remove().await;
}

macro_rules! on {
    ($module:ident, $database:ident) => {
        mod $module {
            use crate::support::Database::$database;

            #[tokio::test]
            async fn lists_and_links_say_what_photos_say_from_the_migration_on() {
                super::lists_are_filled($database).await;
            }

            #[tokio::test]
            async fn a_migration_that_was_interrupted_is_done_again() {
                super::interrupted_is_done_again($database).await;
            }

            #[tokio::test]
            async fn goes_up_down_and_up_again() {
                super::up_down_up($database).await;
            }

            #[tokio::test]
            async fn counts_and_notes_what_was_there() {
                crate::migrated::uses_and_sayings_are_kept($database).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn nodes_that_start_at_once_do_not_collide() {
                super::twelve_nodes_at_once($database).await;
            }
        }
    };
}

on!(sqlite, Sqlite);
on!(postgres, Postgres);
on!(mariadb, MariaDb);
