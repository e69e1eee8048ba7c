//! The index of public articles.

mod schema;

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_content::ports::{
    ArticleDocument, ArticleQuery, ArticleRebuild, ArticleSearch, Facet, FacetCounts, FoundArticles, Highlighted,
    IndexChanges, Standing,
};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::tail::Mark;

use self::schema::Fields;
use crate::core::{Building, Request, SearchConfig, Shelf, all_of, any_of, between};
use crate::text::{Words, marked, passage};

/// Articles in an index on disk.
pub struct ArticleIndex {
    shelf: Arc<Shelf>,
    fields: Fields,
}

impl ArticleIndex {
    /// The index under the configured directory. Nothing is opened or made yet.
    pub fn new(config: &SearchConfig) -> Self {
        let fields = Fields::default();
        Self { shelf: Arc::new(Shelf::new(config, "articles", schema::VERSION, fields.schema())), fields }
    }

    fn request(&self, query: &ArticleQuery) -> Request {
        let fields = &self.fields;
        let mut filters = all_of(fields.tag_key, &query.tags);
        filters.extend(query.access.map(|access| any_of(fields.access, &[access.as_str().to_owned()])));
        filters.extend(query.author.map(|author| any_of(fields.author_id, &[author.to_string()])));
        let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
        filters.extend(between(fields.published_at, query.from.map(micros), query.until.map(micros)));
        Request {
            words: Words::parse(&query.text),
            fields: fields.weights(),
            filters,
            tallies: query.facets.iter().map(|facet| schema::tallied(*facet)).collect(),
            offset: usize::try_from(query.page.offset()).unwrap_or(usize::MAX),
            limit: query.page.limit() as usize,
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
impl ArticleSearch for ArticleIndex {
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

    async fn apply(&self, changes: IndexChanges) -> Result<(), StoreError> {
        let (index, fields) = (self.shelf.clone(), self.fields.clone());
        blocking(move || {
            let gone = changes.put.iter().map(|document| document.id).chain(changes.remove.iter().copied());
            let delete = gone.map(|id| fields.key(id)).collect();
            let add = changes.put.iter().map(|document| fields.document(document)).collect();
            index.write(delete, add, &payload(changes.mark)?)
        })
        .await
    }

    async fn rebuild(&self) -> Result<Box<dyn ArticleRebuild>, StoreError> {
        let (index, fields) = (self.shelf.clone(), self.fields.clone());
        let building = blocking(move || index.build()).await?;
        Ok(Box::new(Rebuild { building: Some(building), fields }))
    }

    async fn search(&self, query: &ArticleQuery) -> Result<FoundArticles, StoreError> {
        let facets = query.facets.clone();
        let (request, fields) = (self.request(query), self.fields.clone());
        let answer = self.shelf.search(move |generation| request.answer(generation)).await?;
        let hits = answer.hits.into_iter().filter_map(|(score, document)| fields.hit(score, &document)).collect();
        let counted =
            |(facet, counts): (Facet, Vec<(String, u64)>)| FacetCounts { facet, counts: shown(facet, counts) };
        let facets = facets.into_iter().zip(answer.tallies).map(counted).collect();
        Ok(FoundArticles { hits, total: answer.total, facets })
    }

    async fn highlight(&self, query: &str, texts: Vec<Highlighted>) -> Result<Vec<Option<String>>, StoreError> {
        let query = query.to_owned();
        blocking(move || {
            let words = Words::parse(&query);
            let mark = |Highlighted { text, cut }: Highlighted| {
                if cut { passage(&words, &text).map(|passage| passage.html) } else { marked(&words, &text) }
            };
            Ok(texts.into_iter().map(mark).collect())
        })
        .await
    }
}

/// The most values of a facet that are shown.
const MOST_VALUES: usize = 50;

/// The most frequent values; years the latest first.
fn shown(facet: Facet, mut counts: Vec<(String, u64)>) -> Vec<(String, u64)> {
    counts.truncate(MOST_VALUES);
    if facet == Facet::Years {
        counts.sort_by(|a, b| b.0.cmp(&a.0));
    }
    counts
}

struct Rebuild {
    building: Option<Building>,
    fields: Fields,
}

#[async_trait]
impl ArticleRebuild for Rebuild {
    async fn add(&mut self, documents: Vec<ArticleDocument>) -> Result<(), StoreError> {
        let Some(mut building) = self.building.take() else { return Ok(()) };
        let fields = self.fields.clone();
        let building = blocking(move || {
            building.add(documents.iter().map(|document| fields.document(document)).collect())?;
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
