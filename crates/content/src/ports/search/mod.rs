//! Things found by their words: one index a node for each kind of thing.

mod article;
mod photo;

use std::fmt::Debug;
use std::hash::Hash;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{NumericId, UserId};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::tail::{Mark, Positioned};

use super::query::Order;
use crate::model::{CategoryId, Tag, TagId};

pub use article::{ArticleConditions, ArticleDocument, ArticleSearchSort, Articles, IndexedText};
pub use photo::{PhotoConditions, PhotoDocument, PhotoSearchSort, PhotoSight, Photos};

/// A kind of thing that is found by its words.
pub trait Searchable: Debug + Clone + Copy + PartialEq + Eq + Default + Send + Sync + 'static {
    /// What names one of them.
    type Id: NumericId + Ord + Hash;
    /// What an index knows of one.
    type Document: Debug + Clone + PartialEq + Eq + Send + Sync;
    /// What must hold beside the words; what is left out does not matter.
    type Conditions: Debug + Clone + PartialEq + Eq + Default + Send + Sync;
    /// What they can be sorted by beside how well they match.
    type Sort: Debug + Clone + Copy + PartialEq + Eq + Default + Send + Sync;
    /// What an index gives back of one that was found, beside its id.
    type Kept: Debug + Clone + PartialEq + Eq + Send + Sync;

    /// What all of them are called, in the plural.
    const NAME: &'static str;

    /// Which one a document is of.
    fn id(document: &Self::Document) -> Self::Id;

    /// What an event asks of an index of them.
    fn touched(event: &Positioned) -> Option<Touched<Self::Id>>;

    /// What a document shows of what a walk is of: the names of who made it, a tag; nothing
    /// where it holds an id alone. `None` when it does not show it at all. All that stand in a
    /// walk show the same of it.
    fn shown(document: &Self::Document, walk: Walk) -> Option<String>;
}

/// Which things are walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Walk {
    /// All of them.
    All,
    /// Those by an author or owner.
    By(UserId),
    /// Those with a tag.
    Tagged(TagId),
    /// Those in a category itself.
    In(CategoryId),
}

/// What an event asks of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched<I> {
    /// To look at one thing.
    One(I),
    /// To look at things that show what it happened to, where the index shows it otherwise
    /// than it now is: the name of who made them, a tag of theirs, the category they are in.
    Walk(Walk),
    /// To look at all of these: what happened is also seen elsewhere in them.
    Rewrite(Walk),
}

/// What somebody's names, or a tag, look like in a document.
fn shown(walk: Walk, names: &[String], tags: &[Tag]) -> Option<String> {
    match walk {
        Walk::All | Walk::In(_) => Some(String::new()),
        Walk::By(_) => Some(format!("by\u{1}{}", names.join("\u{1}"))),
        Walk::Tagged(id) => {
            let tag = tags.iter().find(|tag| tag.id == id)?;
            Some(format!("tag\u{1}{}\u{1}{}", tag.name, tag.slug))
        }
    }
}

/// Changes to an index that become visible together.
#[derive(Debug, Clone)]
pub struct IndexChanges<K: Searchable> {
    /// Documents, in place of those with the same ids.
    pub put: Vec<K::Document>,
    /// What is no longer to be found.
    pub remove: Vec<K::Id>,
    /// Up to where the events are in the index then.
    pub mark: Mark,
}

impl<K: Searchable> Default for IndexChanges<K> {
    fn default() -> Self {
        Self { put: Vec::new(), remove: Vec::new(), mark: Mark::default() }
    }
}

/// An index that can be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Another one after each rebuild.
    pub generation: String,
    /// What was kept with the last changes.
    pub mark: Mark,
    /// How many documents it knows.
    pub documents: u64,
}

/// What found things are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facet {
    /// The categories they stand in themselves.
    Categories,
    /// Their tags.
    Tags,
    /// The years they are from.
    Years,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Categories, Self::Tags, Self::Years];

    /// The name in queries and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Categories => "categories",
            Self::Tags => "tags",
            Self::Years => "years",
        }
    }
}

/// How many of the found things can be reached at the most, in their order.
pub const DEEPEST: u64 = 10_000;

/// What is looked for. All conditions hold at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchQuery<K: Searchable> {
    /// What somebody typed.
    pub text: String,
    /// What must hold beside.
    pub conditions: K::Conditions,
    /// What to count by.
    pub facets: Vec<Facet>,
    /// The order; `None` is the best first. Of equals the smaller id comes first; by time, in
    /// the order that was asked for.
    pub sort: Option<(K::Sort, Order)>,
    /// Which of the found things to return.
    pub page: PageRequest,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit<K: Searchable> {
    /// Its id.
    pub id: K::Id,
    /// How well it matches, from 0 to 1.
    pub score: f32,
    /// What else the index knows of it.
    pub kept: K::Kept,
}

/// How many of the found things have each value, the most frequent first; of years the
/// latest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCounts {
    /// What was counted by.
    pub facet: Facet,
    /// All values: names of tags, ids of categories, numbers of years.
    pub counts: Vec<(String, u64)>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<K: Searchable> {
    /// One page, in the order that was asked for.
    pub hits: Vec<Hit<K>>,
    /// How many were found in all.
    pub total: u64,
    /// The counts that were asked for, in the order they were asked for.
    pub facets: Vec<FacetCounts>,
    /// The words, as the index keeps them, that stand nowhere: what is only like them was
    /// found.
    pub forgiven: Vec<String>,
}

impl<K: Searchable> Found<K> {
    /// Nothing, counted by these.
    pub fn nothing(facets: &[Facet]) -> Self {
        let none = |facet: &Facet| FacetCounts { facet: *facet, counts: Vec::new() };
        Self { hits: Vec::new(), total: 0, facets: facets.iter().map(none).collect(), forgiven: Vec::new() }
    }
}

/// A text in which words are to be marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlighted {
    /// The text.
    pub text: String,
    /// Whether a part will do.
    pub cut: bool,
}

/// What a store tells an index.
#[async_trait]
pub trait Source<K: Searchable>: Send + Sync {
    /// Those of these that are to be found, as they now are, in any order.
    async fn find_documents(&self, ids: &[K::Id]) -> Result<Vec<K::Document>, StoreError>;

    /// The first `limit` of `walk` that are to be found and whose ids are greater than
    /// `after`, in the order of their ids.
    async fn documents_after(&self, walk: Walk, after: K::Id, limit: u64) -> Result<Vec<K::Document>, StoreError>;

    /// The ids of the same, without their texts.
    async fn ids_after(&self, walk: Walk, after: K::Id, limit: u64) -> Result<Vec<K::Id>, StoreError>;

    /// How many there are to be found.
    async fn count_documents(&self) -> Result<u64, StoreError>;
}

/// An index of one kind of thing, one a node.
#[async_trait]
pub trait SearchIndex<K: Searchable>: Send + Sync {
    /// The index as it stands; `None` when there is none that can be searched and kept up
    /// to date: the first start, another layout, a lost or damaged one.
    async fn standing(&self) -> Result<Option<Standing>, StoreError>;

    /// Changes the index.
    ///
    /// MUST make all changes visible to the next search together with the mark, or none,
    /// and keep them when the process is killed afterwards. MUST leave one document an id.
    async fn apply(&self, changes: IndexChanges<K>) -> Result<(), StoreError>;

    /// Begins a new index beside the present one.
    ///
    /// MUST leave the present one to be searched until the new one is finished. A new one
    /// that is dropped unfinished MUST change nothing.
    async fn rebuild(&self) -> Result<Box<dyn IndexRebuild<K>>, StoreError>;

    /// The ids of what the index knows of `walk`, whatever the store says by now, in any
    /// order.
    async fn known(&self, walk: Walk) -> Result<Vec<K::Id>, StoreError>;

    /// Those of `known` that do not show this of what the walk is of.
    async fn otherwise(&self, walk: Walk, shown: &str) -> Result<Vec<K::Id>, StoreError>;

    /// Finds things.
    ///
    /// MUST take any text for words, never for operators, and MUST find nothing when no
    /// word is in it. MUST rank a word of the title before one of a tag, and that before
    /// one of the text. MUST find a Chinese word inside a sentence, and a word of another
    /// script in another form or case of it. MUST count facets over everything found, not
    /// over the page, and MUST count nothing that the conditions leave out. MUST find the
    /// same, slips of the finger included, whatever stands in what they leave out; what its
    /// reader may not see MUST change no score and no order either. MUST give equals the same
    /// order however the documents came into it; what nobody finds any more may still count for
    /// how rare a word is. Waits a little for the first index, then fails as unavailable.
    async fn search(&self, query: &SearchQuery<K>) -> Result<Found<K>, StoreError>;

    /// Marks the words of a query in texts: HTML with `<mark>`, `None` where none is. Words
    /// that are only like one are marked for those that the search forgave.
    ///
    /// MUST escape everything else. MUST NOT mark a word that is only like one that was found
    /// as it was typed.
    async fn highlight(
        &self,
        query: &str,
        forgiven: &[String],
        texts: Vec<Highlighted>,
    ) -> Result<Vec<Option<String>>, StoreError>;
}

/// An index that is being built.
#[async_trait]
pub trait IndexRebuild<K: Searchable>: Send {
    /// Adds documents; each id once.
    async fn add(&mut self, documents: Vec<K::Document>) -> Result<(), StoreError>;

    /// Puts the new index in place of the present one, in every process that searches it.
    async fn finish(self: Box<Self>, mark: Mark) -> Result<(), StoreError>;
}
