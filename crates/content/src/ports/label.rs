//! Tags of photos, inside a transaction and outside.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};
use thiserror::Error;

use super::query::Order;
use crate::model::{Day, Key, Kind, Label, Period, Tag, TagGroup, TagId, TagName, Uses};

/// The id or the slug of a tag of photos.
pub type TagKey = Key<TagId>;

/// Why a tag was not written.
#[derive(Debug, Error)]
pub enum LabelWriteError {
    /// Another tag has the name.
    #[error("name is taken")]
    NameTaken,
    /// Another tag has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// The tag has another version, or is not there.
    #[error("tag has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a change adds to the usage of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDelta {
    /// The tag.
    pub tag: TagId,
    /// The day from which they use it.
    pub day: Day,
    /// How many photos more.
    pub uses: i64,
    /// When it was used, if it was.
    pub used_at: Option<DateTime<Utc>>,
}

/// What became of a span of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RenewedNames {
    /// The last of them; `None` when there was none.
    pub last: Option<TagId>,
    /// How many of them are kept otherwise now.
    pub changed: u64,
}

/// Tags of photos and how much they are used.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait LabelRepository: Send {
    /// The tags with these names in the same order. One that does not exist is created with
    /// the id beside it, and with the address that its name suggests, made unique by its id
    /// when another has it.
    ///
    /// MUST return the one tag of a name, also when another transaction creates it at the
    /// same time: the one of the first of [`TagName::keys`] that a tag has.
    async fn ensure(&mut self, names: &[(TagId, TagName)], now: DateTime<Utc>) -> Result<Vec<Label>, StoreError>;

    /// Those of these tags that are there, in the order of their ids, which nobody else
    /// changes until the transaction ends.
    async fn find_many_for_update(&mut self, ids: &[TagId]) -> Result<Vec<Label>, StoreError>;

    /// Keeps a new tag, which nothing uses.
    ///
    /// MUST return `NameTaken` or `SlugTaken` when another tag has the name or the slug.
    async fn insert(&mut self, label: &Label) -> Result<(), LabelWriteError>;

    /// Writes everything but how much it is used; what tells it apart only with another name.
    ///
    /// MUST return `Stale` and write nothing when the stored version is not `expected`,
    /// else as `insert` does.
    async fn update(&mut self, label: &Label, expected: i64) -> Result<(), LabelWriteError>;

    /// Removes a tag and takes it from all photos.
    ///
    /// MUST return `Stale` and remove nothing when the stored version is not `expected`.
    async fn delete(&mut self, id: TagId, expected: i64) -> Result<(), LabelWriteError>;

    /// Adds to usage, in all and of the days, in the given order. MUST lose none of two additions at once.
    async fn add_usage(&mut self, deltas: &[UsageDelta]) -> Result<(), StoreError>;

    /// Gives the photos of some tags another tag in their place, and counts its usage anew.
    /// The caller holds all of them.
    ///
    /// MUST leave a photo that has several of them with the one, and with what a person said
    /// where one did. Returns how many photos got it.
    async fn merge(&mut self, from: &[TagId], into: TagId) -> Result<u64, StoreError>;

    /// Works out anew what is kept beside the names of the next tags after one, of both kinds
    /// and at most `limit` of them: how they are typed, and what tells them apart. A tag stays
    /// told apart as it is where another one has what it would be told apart by.
    ///
    /// MUST leave everything else as it is, versions too.
    async fn renew_names(&mut self, after: TagId, limit: u64) -> Result<RenewedNames, StoreError>;
}

/// What a list of tags is sorted by; equals stand in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelSort {
    /// How many photos have it.
    #[default]
    Usage,
    /// Its name.
    Name,
    /// How much it has been used of late, in the usual [`Period`].
    Trend,
}

impl LabelSort {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Usage, Self::Name, Self::Trend];

    /// The name in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage_count",
            Self::Name => "name",
            Self::Trend => "trend_score",
        }
    }
}

/// Which tags a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelFilter {
    /// About this.
    pub group: Option<TagGroup>,
    /// Also those that visitors do not see: those that were hidden, and those that no listed
    /// photo has.
    pub hidden: bool,
    /// The order.
    pub sort: LabelSort,
    /// Its direction.
    pub order: Order,
}

/// How what somebody typed is found in a tag's name; what stands first is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Match {
    /// It is the name.
    Exact,
    /// The name begins with it.
    Prefix,
    /// The name in pinyin begins with it.
    Pinyin,
    /// The first letters of the name's words in pinyin begin with it.
    Initials,
    /// A later word of the name begins with it.
    WordStart,
    /// It stands somewhere in the name.
    Inside,
}

impl Match {
    /// All of them, the best first.
    pub const ALL: [Self; 6] = [Self::Exact, Self::Prefix, Self::Pinyin, Self::Initials, Self::WordStart, Self::Inside];
}

/// A tag that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// How many use it.
    pub usage_count: i64,
    /// How it was found, in the best way.
    pub found: Match,
}

/// Reads tags. Those that visitors do not see are in no answer but where it says so.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait LabelQueries: Send + Sync {
    /// One page of a list, as it is on a day.
    async fn list(&self, filter: &LabelFilter, today: Day, page: PageRequest) -> Result<Page<Label>, StoreError>;

    /// A tag of photos, one that visitors do not see too.
    async fn find(&self, key: &TagKey) -> Result<Option<Label>, StoreError>;

    /// How often these tags were used on each day since one, the earliest first.
    async fn uses(&self, tags: &[TagId], since: Day) -> Result<BTreeMap<TagId, Uses>, StoreError>;

    /// How many tags of photos each group has; with `hidden` those too that visitors do not see.
    async fn groups(&self, hidden: bool) -> Result<BTreeMap<TagGroup, u64>, StoreError>;

    /// The tags of a kind whose name matches `key`, a folded name, best match first, then by
    /// usage; at most `limit` of them. `typed` is the same as it is typed in Latin letters.
    /// With `unused` those too that nothing public has.
    ///
    /// MUST match literally: no character in the texts is a wildcard.
    async fn suggest(
        &self,
        kind: Kind,
        key: &str,
        typed: &str,
        unused: bool,
        limit: u64,
    ) -> Result<Vec<Candidate>, StoreError>;

    /// The tags of photos that at least `min_usage` photos have, the most used first.
    async fn most_used(&self, min_usage: u64, limit: u64) -> Result<Vec<Label>, StoreError>;

    /// The tags of photos that were used in a period, those that were used most of late first:
    /// by what [`Period::weights`] sum up to.
    ///
    /// MUST leave uses of days out that are not in the period.
    async fn trending(&self, period: Period, today: Day, limit: u64) -> Result<Vec<Label>, StoreError>;

    /// The most used tags of a kind with their usage, as candidates that match exactly.
    async fn popular(&self, kind: Kind, limit: u64) -> Result<Vec<Candidate>, StoreError>;
}
