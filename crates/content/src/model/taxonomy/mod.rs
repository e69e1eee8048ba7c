//! What things are sorted by: a tree of categories, tags, and a line of time.

mod category;
mod event;
mod label;
mod shelves;
mod spelling;
mod text;
mod trend;

pub use category::{Category, CategoryOutline, Kind, MAX_LEVEL, TreePath};
pub use event::{EventDate, EventKind, EventTitle, TimelineEvent, TimelineEventId};
pub use label::{Label, TagGroup};
pub use shelves::{Confidence, Found, ListingFacts, Shelves, SortKeys, Source, Tagging};
pub use spelling::{Spelling, romanised};
pub use text::{CategoryName, Colour, Icon, Note};
pub use trend::{Day, Period, Uses};
