//! This node's search indexes, and what follows the events for them.

use std::sync::Arc;

use sharestack_content::ports::{Articles, Photos, SearchIndex};
use sharestack_content::service::{Follower, Indexing, SearchingPhotos};
use sharestack_kernel::clock::Clock;
use sharestack_search::{ArticleIndex, PhotoIndex, SearchConfig};
use sharestack_store_seaorm::Store;

/// One index for each kind of thing that is found by its words.
#[derive(Clone)]
pub struct Indexes {
    pub articles: Arc<dyn SearchIndex<Articles>>,
    pub photos: Arc<dyn SearchIndex<Photos>>,
    /// What keeps each of them up to date.
    pub followers: Vec<Arc<dyn Indexing>>,
}

impl Indexes {
    /// The indexes under the configured directory, fed from `store`.
    pub fn new(config: &SearchConfig, store: &Store, clock: &Arc<dyn Clock>) -> Self {
        let store = Arc::new(store.clone());
        let articles: Arc<dyn SearchIndex<Articles>> = Arc::new(ArticleIndex::new(config));
        let photos: Arc<dyn SearchIndex<Photos>> = Arc::new(PhotoIndex::new(config));
        let followers: Vec<Arc<dyn Indexing>> = vec![
            Arc::new(Follower::<Articles>::new(store.clone(), store.clone(), articles.clone(), clock.clone())),
            Arc::new(Follower::<Photos>::new(store.clone(), store.clone(), photos.clone(), clock.clone())),
        ];
        Self { articles, photos, followers }
    }

    /// Finds photos.
    pub fn searching_photos(&self, store: &Store) -> SearchingPhotos {
        let store = Arc::new(store.clone());
        SearchingPhotos::new(store.clone(), store, self.photos.clone())
    }
}
