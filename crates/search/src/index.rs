//! The index of any kind of thing, over its layout.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_content::ports::{
    DEEPEST, Facet, FacetCounts, Found, Highlighted, Hit, IndexChanges, IndexRebuild, Order, SearchIndex, SearchQuery,
    Searchable, Standing, Walk,
};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::NumericId;
use sharestack_kernel::tail::Mark;
use tantivy::query::{BooleanQuery, Occur, Query};
use tantivy::schema::Schema;
use tantivy::{TantivyDocument, Term};

use crate::core::{Building, ID, Request, SearchConfig, Shelf, Sought};
use crate::text::{Words, marked, passage};

/// What an index keeps of a kind of thing.
pub trait Layout: Default + Clone + Send + Sync + 'static {
    /// The kind.
    type Kind: Searchable;

    /// Grows with each change to the schema or to how texts become terms: an index of
    /// another version is built anew.
    const VERSION: u32;

    /// The schema.
    fn schema(&self) -> Schema;

    /// Where words are looked for by who may find what the conditions say.
    fn sought(&self, conditions: &<Self::Kind as Searchable>::Conditions) -> Vec<Sought>;

    /// What the documents have that everybody may find; `None` where that is all of them.
    fn everybody(&self) -> Option<Term>;

    /// What tells a thing's document from others.
    fn key(&self, id: <Self::Kind as Searchable>::Id) -> Term;

    /// A thing as a document.
    fn document(&self, thing: &<Self::Kind as Searchable>::Document) -> TantivyDocument;

    /// A found document as a thing.
    fn hit(&self, score: f32, document: &TantivyDocument) -> Option<Hit<Self::Kind>>;

    /// What must hold beside the words.
    fn filters(&self, conditions: &<Self::Kind as Searchable>::Conditions) -> Vec<Box<dyn Query>>;

    /// What stands in a walk.
    fn walked(&self, walk: Walk) -> Box<dyn Query>;

    /// What shows this of what its walk is of.
    fn showing(&self, shown: &str) -> Box<dyn Query>;

    /// The fast field of texts that a facet counts by.
    fn tallied(&self, facet: Facet) -> &'static str;

    /// The fast field of numbers that a list is sorted by.
    fn sorted(&self, sort: <Self::Kind as Searchable>::Sort) -> &'static str;
}

/// Things of one kind in an index on disk.
pub struct Index<L> {
    shelf: Arc<Shelf>,
    layout: L,
}

impl<L: Layout> Index<L> {
    /// The index under the configured directory. Nothing is opened or made yet.
    pub fn new(config: &SearchConfig) -> Self {
        let layout = L::default();
        Self { shelf: Arc::new(Shelf::new(config, L::Kind::NAME, L::VERSION, layout.schema())), layout }
    }

    async fn ids(&self, query: Box<dyn Query>) -> Result<Vec<<L::Kind as Searchable>::Id>, StoreError> {
        let numbers = self.shelf.search(move |generation| generation.numbers(&*query, ID)).await?;
        Ok(numbers.into_iter().map(NumericId::from_number).collect())
    }

    fn request(&self, query: &SearchQuery<L::Kind>) -> Request {
        let offset = query.page.offset().min(DEEPEST);
        let limit = u64::from(query.page.limit()).min(DEEPEST - offset);
        Request {
            words: Words::parse(&query.text),
            fields: self.layout.sought(&query.conditions),
            everybody: self.layout.everybody(),
            filters: self.layout.filters(&query.conditions),
            tallies: query.facets.iter().map(|facet| self.layout.tallied(*facet)).collect(),
            sort: query.sort.map(|(sort, order)| (self.layout.sorted(sort), order == Order::Ascending)),
            offset: usize::try_from(offset).unwrap_or_default(),
            limit: usize::try_from(limit).unwrap_or_default(),
        }
    }
}

/// Runs what touches the disk off the threads of requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| StoreError::Internal(Box::new(panic)))?
}

fn payload(mark: Mark) -> Result<String, StoreError> {
    serde_json::to_string(&mark).map_err(|error| StoreError::Internal(Box::new(error)))
}

#[async_trait]
impl<L: Layout> SearchIndex<L::Kind> for Index<L> {
    async fn standing(&self) -> Result<Option<Standing>, StoreError> {
        let index = self.shelf.clone();
        blocking(move || {
            let Some(generation) = index.refresh() else { return Ok(None) };
            // Torn while it was open: what is open is searched until there is another.
            let payload = index.payload(&generation);
            let Some(mark) = payload.and_then(|text| serde_json::from_str(&text).ok()) else { return Ok(None) };
            let documents = generation.searcher().num_docs();
            Ok(Some(Standing { generation: generation.name().to_owned(), mark, documents }))
        })
        .await
    }

    async fn apply(&self, changes: IndexChanges<L::Kind>) -> Result<(), StoreError> {
        let (index, layout) = (self.shelf.clone(), self.layout.clone());
        blocking(move || {
            let gone = changes.put.iter().map(L::Kind::id).chain(changes.remove.iter().copied());
            let delete = gone.map(|id| layout.key(id)).collect();
            let add = changes.put.iter().map(|thing| layout.document(thing)).collect();
            index.write(delete, add, &payload(changes.mark)?)
        })
        .await
    }

    async fn rebuild(&self) -> Result<Box<dyn IndexRebuild<L::Kind>>, StoreError> {
        let (index, layout) = (self.shelf.clone(), self.layout.clone());
        let building = blocking(move || index.build()).await?;
        Ok(Box::new(Rebuild { building: Some(building), layout }))
    }

    async fn known(&self, walk: Walk) -> Result<Vec<<L::Kind as Searchable>::Id>, StoreError> {
        self.ids(self.layout.walked(walk)).await
    }

    async fn otherwise(&self, walk: Walk, shown: &str) -> Result<Vec<<L::Kind as Searchable>::Id>, StoreError> {
        self.ids(Box::new(BooleanQuery::new(vec![
            (Occur::Must, self.layout.walked(walk)),
            (Occur::MustNot, self.layout.showing(shown)),
        ])))
        .await
    }

    async fn search(&self, query: &SearchQuery<L::Kind>) -> Result<Found<L::Kind>, StoreError> {
        let facets = query.facets.clone();
        let (request, layout) = (self.request(query), self.layout.clone());
        let answer = self.shelf.search(move |generation| request.answer(generation)).await?;
        let hits = answer.hits.into_iter().filter_map(|(score, document)| layout.hit(score, &document)).collect();
        let counted =
            |(facet, counts): (Facet, Vec<(String, u64)>)| FacetCounts { facet, counts: ordered(facet, counts) };
        let facets = facets.into_iter().zip(answer.tallies).map(counted).collect();
        Ok(Found { hits, total: answer.total, facets, forgiven: answer.forgiven })
    }

    async fn highlight(
        &self,
        query: &str,
        forgiven: &[String],
        texts: Vec<Highlighted>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let (query, forgiven) = (query.to_owned(), forgiven.to_vec());
        blocking(move || {
            let words = Words::parse(&query).forgiving(forgiven);
            let mark = |Highlighted { text, cut }: Highlighted| {
                if cut { passage(&words, &text).map(|passage| passage.html) } else { marked(&words, &text) }
            };
            Ok(texts.into_iter().map(mark).collect())
        })
        .await
    }
}

/// The most frequent values first; of years the latest.
fn ordered(facet: Facet, mut counts: Vec<(String, u64)>) -> Vec<(String, u64)> {
    if facet == Facet::Years {
        counts.sort_by_key(|(year, _)| std::cmp::Reverse(year.parse::<i32>().unwrap_or_default()));
    }
    counts
}

struct Rebuild<L> {
    building: Option<Building>,
    layout: L,
}

#[async_trait]
impl<L: Layout> IndexRebuild<L::Kind> for Rebuild<L> {
    async fn add(&mut self, documents: Vec<<L::Kind as Searchable>::Document>) -> Result<(), StoreError> {
        let Some(mut building) = self.building.take() else { return Ok(()) };
        let layout = self.layout.clone();
        let building = blocking(move || {
            building.add(documents.iter().map(|thing| layout.document(thing)).collect())?;
            Ok(building)
        });
        self.building = Some(building.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>, mark: Mark) -> Result<(), StoreError> {
        let lost = || StoreError::Internal("the new index failed before".into());
        let building = self.building.take().ok_or_else(lost)?;
        blocking(move || building.finish(&payload(mark)?)).await
    }
}
