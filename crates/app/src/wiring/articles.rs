//! Articles near their readers: each node keeps those that are read often, for moments.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sharestack_cache::{Caching, LocalConfig, NodeCache};
use sharestack_content::model::{ArticleId, ArticleKey, Slug};
use sharestack_content::ports::{ArticleCache, ArticleCard, ArticleDetail, ArticleFilter, ArticleQueries};
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

/// How long a node knows which article a slug was last seen to name. It may be long: an
/// answer is looked at before it is given.
const SLUG_TTL: Duration = Duration::from_mins(5);
/// How many bytes the slugs take.
const SLUG_BYTES: u64 = 4 * 1024 * 1024;
/// What a card takes beside its texts.
const CARD_BYTES: usize = 2048;

/// What the store says, kept for at most the configured time.
pub struct NodeArticles {
    queries: Arc<dyn ArticleQueries>,
    articles: NodeCache<ArticleDetail>,
    slugs: NodeCache<ArticleId>,
    lists: NodeCache<Page<ArticleCard>>,
}

impl NodeArticles {
    /// A cache before these queries, told by other nodes through `caching`.
    ///
    /// # Errors
    /// When it cannot listen for what others change.
    pub async fn listening(
        queries: Arc<dyn ArticleQueries>,
        caching: &Caching,
        config: &LocalConfig,
    ) -> Result<Self, CacheError> {
        let slugs = LocalConfig { ttl: SLUG_TTL, bytes: SLUG_BYTES };
        Ok(Self {
            queries,
            articles: NodeCache::listening(caching, "articles", config).await?,
            slugs: NodeCache::listening(caching, "slugs", &slugs).await?,
            lists: NodeCache::listening(caching, "article_lists", config).await?,
        })
    }

    async fn by_id(&self, id: ArticleId) -> Result<Option<Arc<ArticleDetail>>, StoreError> {
        let key = ArticleKey::Id(id);
        self.articles.get_or_load(&id.to_string(), weigh, || self.queries.find(&key)).await
    }

    async fn by_slug(&self, slug: &Slug, key: &ArticleKey) -> Result<Option<Arc<ArticleDetail>>, StoreError> {
        let look = || async { Ok::<_, StoreError>(self.queries.find_head(key).await?.map(|head| head.id)) };
        let Some(id) = self.slugs.get_or_load(slug.as_str(), |_| 8, look).await? else { return Ok(None) };
        let found = self.by_id(*id).await?;
        if found.as_ref().is_some_and(|article| article.card.slug == slug.as_str()) {
            return Ok(found);
        }
        // The slug names another article now, or none; the store knows.
        self.slugs.forget(slug.as_str()).await;
        Ok(self.queries.find(key).await?.map(Arc::new))
    }
}

fn weigh(article: &ArticleDetail) -> usize {
    article.source.len() + article.html.len() + article.preview.len() + CARD_BYTES
}

fn weigh_list(list: &Page<ArticleCard>) -> usize {
    list.items.iter().map(|card| card.excerpt.len() + card.teaser.len() + CARD_BYTES).sum()
}

#[async_trait]
impl ArticleCache for NodeArticles {
    async fn find(&self, key: &ArticleKey) -> Result<Option<Arc<ArticleDetail>>, StoreError> {
        match key {
            ArticleKey::Id(id) => self.by_id(*id).await,
            ArticleKey::Slug(slug) => self.by_slug(slug, key).await,
            ArticleKey::Neither(_) => Ok(None),
        }
    }

    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Arc<Page<ArticleCard>>, StoreError> {
        let key = format!("{filter:?} {page:?}");
        let load = || async { self.queries.list(filter, page).await.map(Some) };
        let none = || Arc::new(Page { items: Vec::new(), total: 0, request: page });
        Ok(self.lists.get_or_load(&key, weigh_list, load).await?.unwrap_or_else(none))
    }

    async fn forget(&self, id: ArticleId) {
        self.articles.invalidate(&id.to_string()).await;
        self.lists.invalidate_all().await;
    }

    async fn forget_all(&self) {
        self.articles.invalidate_all().await;
        self.lists.invalidate_all().await;
    }
}

#[cfg(test)]
mod tests {
    use sharestack_cache::MemoryConfig;
    use sharestack_content::memory::{MemoryContent, article};
    use sharestack_content::model::Status;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::random::SystemRandomness;

    use super::*;

    struct World {
        content: MemoryContent,
        clock: FakeClock,
        caching: Caching,
    }

    impl World {
        fn new() -> Self {
            let clock = FakeClock::default();
            let caching =
                Caching::in_process(&MemoryConfig::default(), Arc::new(clock.clone()), Arc::new(SystemRandomness));
            Self { content: MemoryContent::default(), clock, caching }
        }

        async fn node(&self) -> NodeArticles {
            let config = LocalConfig { ttl: Duration::from_secs(5), ..LocalConfig::default() };
            NodeArticles::listening(Arc::new(self.content.clone()), &self.caching, &config).await.unwrap()
        }

        /// Writes an article without telling anybody.
        fn write(&self, id: i64, slug: &str, version: i64) {
            let slug = Slug::parse(slug).unwrap();
            self.content.put_article(&sharestack_content::model::Article { slug, version, ..article(id) });
        }
    }

    async fn version(node: &NodeArticles, key: &str) -> Option<i64> {
        let found = node.find(&ArticleKey::parse(key)).await.unwrap();
        found.map(|article| article.card.version)
    }

    #[tokio::test]
    async fn an_article_is_kept_until_it_is_forgotten_or_its_time_is_over() {
        let world = World::new();
        let node = world.node().await;
        for key in ["1", "first"] {
            world.write(1, "first", 1);
            node.forget(ArticleId::new(1)).await;
            assert_eq!(version(&node, key).await, Some(1));
            world.write(1, "first", 2);
            assert_eq!(version(&node, key).await, Some(1));
            node.forget(ArticleId::new(1)).await;
            assert_eq!(version(&node, key).await, Some(2));
            world.write(1, "first", 3);
            world.clock.advance(chrono::Duration::seconds(5));
            assert_eq!(version(&node, key).await, Some(3), "never longer than its time");
        }
    }

    #[tokio::test]
    async fn another_node_is_told() {
        let world = World::new();
        let (one, other) = (world.node().await, world.node().await);
        world.write(1, "first", 1);
        assert_eq!((version(&one, "1").await, version(&other, "first").await), (Some(1), Some(1)));
        world.write(1, "first", 2);
        one.forget(ArticleId::new(1)).await;
        assert_eq!(version(&one, "1").await, Some(2));
        let heard = async {
            while version(&other, "first").await != Some(2) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
    }

    #[tokio::test]
    async fn a_slug_names_what_it_names_now() {
        let world = World::new();
        let node = world.node().await;
        world.write(1, "news", 1);
        assert_eq!(version(&node, "news").await, Some(1));
        // The article moves away, another takes its address.
        world.write(1, "old-news", 2);
        world.write(2, "news", 7);
        node.forget(ArticleId::new(1)).await;
        assert_eq!((version(&node, "old-news").await, version(&node, "news").await), (Some(2), Some(7)));
        assert_eq!(version(&node, "news").await, Some(7));
    }

    async fn titles(node: &NodeArticles) -> usize {
        let all = ArticleFilter { statuses: vec![Status::Published], ..ArticleFilter::default() };
        node.list(&all, PageRequest::default()).await.unwrap().items.len()
    }

    #[tokio::test]
    async fn a_list_is_kept_until_any_article_is_forgotten_on_any_node() {
        let world = World::new();
        let (one, other) = (world.node().await, world.node().await);
        world.write(1, "first", 1);
        assert_eq!((titles(&one).await, titles(&other).await), (1, 1));
        world.write(2, "second", 1);
        assert_eq!((titles(&one).await, titles(&other).await), (1, 1), "as they were a moment ago");
        one.forget(ArticleId::new(2)).await;
        assert_eq!(titles(&one).await, 2);
        world.write(3, "third", 1);
        one.forget_all().await;
        assert_eq!(titles(&one).await, 3);
        let heard = async {
            while titles(&other).await != 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
        world.write(4, "fourth", 1);
        world.clock.advance(chrono::Duration::seconds(5));
        assert_eq!(titles(&one).await, 4, "never longer than its time");
    }

    #[tokio::test]
    async fn lists_of_different_filters_and_pages_are_apart() {
        let world = World::new();
        let node = world.node().await;
        world.write(1, "first", 1);
        let all = ArticleFilter { statuses: vec![Status::Published], ..ArticleFilter::default() };
        let tagged = ArticleFilter { tag: Some("none".into()), ..all.clone() };
        let second = PageRequest::try_new(2, 20).unwrap();
        let mut lengths = Vec::new();
        for (filter, page) in [(&all, PageRequest::default()), (&tagged, PageRequest::default()), (&all, second)] {
            lengths.push(node.list(filter, page).await.unwrap().items.len());
        }
        assert_eq!(lengths, [1, 0, 0]);
    }

    #[tokio::test]
    async fn absence_is_not_kept() {
        let world = World::new();
        let node = world.node().await;
        for key in ["1", "first", "no/slug"] {
            assert_eq!(version(&node, key).await, None);
        }
        world.write(1, "first", 1);
        assert_eq!((version(&node, "1").await, version(&node, "first").await), (Some(1), Some(1)));
    }
}
