//! Photos are put in order while others are edited that are in the same categories and have the
//! same tags.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use sharestack_content::ports::PortfolioTx;
use sharestack_content::service::{ChangePhotos, PhotoPorts};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::tx::Begin;
use sharestack_tests::gallery::{category, label};
use sharestack_tests::holding::Holder;
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::{Client, Database, Gallery, Harness, Options};

use super::ports;
use crate::recount::{recount, told};

/// A store, and how often something began there.
struct Counted(Arc<dyn Begin<dyn PortfolioTx>>, Arc<AtomicUsize>);

#[async_trait]
impl Begin<dyn PortfolioTx> for Counted {
    #[expect(clippy::disallowed_methods, reason = "hands the runner's call on")]
    async fn begin(&self) -> Result<Box<dyn PortfolioTx>, StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.begin().await
    }
}

/// The categories and tags of each photo. The first two are put in order: who did so one after the
/// other would come to the second tag before the first, and before the tree. The others have both
/// tags; one of them is in the tree, too.
const SHELVES: [(&[i64], &[i64]); 4] =
    [(&[], &[1002]), (&[1002], &[1001]), (&[1002], &[1001, 1002]), (&[], &[1001, 1002])];

/// What all wait for before they go on at once. Two of them come to the tree before the tags: the
/// one that has it waits for tags, and the other for the tree.
const HELD: [&str; 2] = ["SELECT id FROM tags FOR UPDATE", "SELECT id FROM photos FOR UPDATE"];
const ROUNDS: i64 = 12;

async fn furnish(app: &Harness, owner: i64) {
    let gallery = Gallery::of(app, owner);
    gallery.plant(&[category("1001", "根", "root"), category("1001/1002", "枝", "branch")]).await;
    gallery.coin(&[label(1001, "夜景", "night-view"), label(1002, "城市", "city")]).await;
    let photos: Vec<_> = (1..).map(|id| gallery.photo(id, "照片")).take(SHELVES.len()).collect();
    gallery.hang(&photos).await;
    for (photo, (categories, tags)) in photos.iter().zip(SHELVES) {
        gallery.shelve(photo, categories, tags).await;
    }
}

async fn put_in_order_while_others_are_edited(database: Database) {
    let begun = Arc::new(AtomicUsize::new(0));
    let app = Harness::start_with(Options::on(database), |app| {
        let own = ports(app, Arc::new(app.store.clone()));
        let store = Arc::new(Counted(own.store.clone(), begun.clone()));
        app.photos.changing = ChangePhotos::new(PhotoPorts { store, ..own });
    })
    .await;
    let admin = app.admin().await;
    furnish(&app, admin.id).await;
    let put = |place: String, body: Value| {
        let (client, token) = (Client::clone(&app), admin.token.clone());
        tokio::spawn(async move { client.put_as(&token, &place, &body).await })
    };
    let mut asked = 0;
    for (round, held) in (1..=ROUNDS).zip(HELD.into_iter().cycle()) {
        let holder = Holder::of(database, app.database_url(), held).await;
        let order = json!([{ "id": 1, "sort_order": round }, { "id": 2, "sort_order": -round }]);
        let title = json!({ "title": format!("round {round}") });
        let requests = [put(format!("{PHOTOS}/reorder"), order), put(path(3), title.clone()), put(path(4), title)];
        holder.until_waited_for(&app, requests.len()).await;
        holder.let_go().await;
        asked += requests.len();
        for request in requests {
            request.await.unwrap().expect(200);
        }
    }
    // Who waits in a circle begins again.
    assert_eq!(begun.load(Ordering::Relaxed), asked, "{database:?}");
    for (table, moved, renamed) in [("photo_tags", 2, 4), ("photo_categories", 1, 1), ("category_listings", 2, 2)] {
        let rows = async |so: &str| app.count(&format!("SELECT COUNT(*) FROM {table} WHERE {so}")).await;
        let found = (
            rows(&format!("ABS(sort_order) = {ROUNDS}")).await,
            rows(&format!("title = 'round {ROUNDS}' AND sort_order = 0")).await,
        );
        assert_eq!(found, (moved, renamed), "{table} on {database:?}");
    }
    assert_eq!(recount(&app), told(0, 0, 0, 0, 0), "{database:?}");
    app.stop().await;
}

#[tokio::test]
async fn photos_are_put_in_order_while_others_with_their_tags_are_edited() {
    for database in Database::all() {
        Box::pin(put_in_order_while_others_are_edited(database)).await;
    }
}
