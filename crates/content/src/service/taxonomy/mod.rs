//! Categories, tags and the timeline.

mod categories;
mod names;
mod suggestion;
mod tags;
mod timeline;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::origin::Origin;
use sharestack_kernel::tx::Begin;

pub(super) use categories::sees_hidden;
pub use categories::{Categories, CreateCategory, EditCategory, ListPlaced};
pub use names::{NAMES_JOB, RenewNames};
pub use suggestion::Suggestion;
pub use tags::{CreateTag, EditTag, MAX_MERGE, Merged, Tags};
pub use timeline::{CreateEvent, EditEvent, MonthOfPhotos, Timeline, TimelineStats, YearOfPhotos};

use crate::ports::{CategoryQueries, LabelQueries, PhotoQueries, PortfolioTx, TimelineQueries};

/// The right to change categories of photos, and to see those that are hidden.
pub(super) const CATEGORY_UPDATE: &str = "category.update";
/// The right to make tags.
pub const TAG_CREATE: &str = "tag.create";
/// The right to change tags, and to see what visitors do not see of them.
pub const TAG_UPDATE: &str = "tag.update";
/// The right to remove tags.
pub const TAG_DELETE: &str = "tag.delete";
/// The right to write events of the timeline.
pub const TIMELINE_CREATE: &str = "timeline.create";
/// The right to change them.
pub const TIMELINE_UPDATE: &str = "timeline.update";
/// The right to remove them.
pub const TIMELINE_DELETE: &str = "timeline.delete";

/// What the services of this module work with.
#[derive(Clone)]
pub struct TaxonomyPorts {
    /// Begins transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Reads categories.
    pub categories: Arc<dyn CategoryQueries>,
    /// Reads tags.
    pub labels: Arc<dyn LabelQueries>,
    /// Reads the timeline.
    pub timeline: Arc<dyn TimelineQueries>,
    /// Reads photos.
    pub photos: Arc<dyn PhotoQueries>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
}

/// What is known of an event before its transaction.
#[derive(Debug, Clone)]
struct Telling {
    id: uuid::Uuid,
    actor: Actor,
    at: DateTime<Utc>,
}

impl TaxonomyPorts {
    fn telling(&self, actor: &Actor, at: DateTime<Utc>) -> Telling {
        Telling { id: self.ids.uuid(), actor: actor.clone(), at }
    }
}

impl Telling {
    fn of(&self, kind: &str, aggregate: &str, id: i64, payload: Value) -> DomainEvent {
        DomainEvent {
            id: self.id,
            kind: kind.to_owned(),
            aggregate: aggregate.to_owned(),
            aggregate_id: id.to_string(),
            actor: Some(self.actor.user_id),
            origin: Origin::current(),
            occurred_at: self.at,
            payload,
        }
    }
}
