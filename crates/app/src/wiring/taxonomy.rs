//! Categories, tags and the timeline.

use std::sync::Arc;

use sharestack_content::service::{Categories, RenewNames, Tags, TaxonomyPorts, Timeline};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_store_seaorm::Store;

/// What handlers ask of what things are sorted by.
pub struct Taxonomy {
    pub categories: Categories,
    pub tags: Tags,
    pub timeline: Timeline,
    /// The job of a migration.
    pub names: Arc<RenewNames>,
}

impl Taxonomy {
    /// The services over `store`.
    pub fn new(store: &Store, clock: &Arc<dyn Clock>, ids: &Arc<dyn IdGenerator>) -> Self {
        let store = Arc::new(store.clone());
        let ports = TaxonomyPorts {
            store: store.clone(),
            categories: store.clone(),
            labels: store.clone(),
            timeline: store.clone(),
            photos: store,
            clock: clock.clone(),
            ids: ids.clone(),
        };
        Self {
            categories: Categories::new(ports.clone()),
            tags: Tags::new(ports.clone()),
            names: Arc::new(RenewNames::new(ports.store.clone())),
            timeline: Timeline::new(ports),
        }
    }
}
