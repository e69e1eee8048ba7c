//! The schema goes up, down, and up again, and nodes that start at once do not collide.

use futures::future::join_all;
use sharestack_store_seaorm::Store;

use crate::support::{Database, open};

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

/// What categories list, as texts that are the same on every database.
async fn listed(store: &Store) -> Vec<String> {
    let sql = "SELECT CONCAT(category_id, ' ', photo_id, ' ', created_at, ' ', shown_at, ' ', title, ' ', sort_order) \
               FROM category_listings ORDER BY category_id, photo_id";
    store.texts_raw(sql).await.unwrap()
}

async fn lists_are_filled(database: Database) {
    let Some(fixture) = database.fresh().await else { return };
    sharestack_conformance::taxonomy::lists::furnish(&fixture.taxonomy()).await;
    let before = listed(&fixture.store).await;
    let all = fixture.store.migrations().await.unwrap();
    let back = all.iter().rev().position(|one| one.name == "m0047_category_listings").unwrap() + 1;
    fixture.store.migrate_down(u32::try_from(back).unwrap()).await.unwrap();
    fixture.store.migrate().await.unwrap();
    assert!(before.len() > 10);
    assert_eq!(listed(&fixture.store).await, before);
    fixture.remove().await;
}

macro_rules! on {
    ($module:ident, $database:ident) => {
        mod $module {
            use crate::support::Database::$database;

            #[tokio::test]
            async fn what_is_placed_is_listed_from_the_migration_on() {
                super::lists_are_filled($database).await;
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
