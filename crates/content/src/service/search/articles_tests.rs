use std::sync::Arc;

use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::tail::Mark;

use super::*;
use crate::memory::{MemoryCache, MemoryContent, MemoryPortfolio, MemorySearch, actor, article};
use crate::model::{Article, Category, CategoryName, Slug, TreePath};
use crate::ports::{ArticleDocument, ArticleQueries, IndexChanges, MockEntitlements};
use crate::service::ViewBuffer;

const NOBODY: Reader<'static> = Reader { actor: None, address: None, agent: None };

struct World {
    content: MemoryContent,
    taxonomy: MemoryPortfolio,
    index: MemorySearch<Articles>,
    searching: Searching,
}

impl World {
    async fn new() -> Self {
        let (content, index) = (MemoryContent::default(), MemorySearch::default());
        let mut gate = MockEntitlements::new();
        gate.expect_decide_many().returning(|_, articles| Ok(vec![false; articles.len()]));
        let ports = content.ports(&FakeClock::default(), gate);
        let views = Arc::new(ViewBuffer::new(Arc::new(content.clone()), Arc::new(MemoryCache::default())));
        let reading = Reading::new(ports.clone(), views);
        index.rebuild().await.unwrap().finish(Mark::default()).await.unwrap();
        let taxonomy = MemoryPortfolio::default();
        let searching = Searching::new(ports, reading, Arc::new(taxonomy.clone()), Arc::new(index.clone()));
        Self { content, taxonomy, index, searching }
    }

    fn category(&self, path: &str, name: &str, is_active: bool) {
        let path = TreePath::parse(path).unwrap();
        let id = *path.ids().last().unwrap();
        self.taxonomy.put_category(&Category {
            id,
            kind: Kind::Article,
            name: CategoryName::stored(name.to_owned()),
            slug: Slug::stored(format!("category-{id}")),
            description: None,
            colour: None,
            icon: None,
            sort_order: 0,
            is_active,
            is_featured: false,
            seo_title: None,
            seo_description: None,
            cover: None,
            path,
            direct_count: 0,
            subtree_count: 0,
            version: 1,
            created_at: article(1).created_at,
            updated_at: article(1).created_at,
        });
    }

    async fn put(&self, article: &Article, text: &str) {
        self.content.put_text(article, text);
        let detail = self.content.find(&article.id.into()).await.unwrap().unwrap();
        let put = ArticleDocument::of(&detail).into_iter().collect();
        self.index.apply(IndexChanges { put, ..IndexChanges::default() }).await.unwrap();
    }

    async fn search(&self, text: &str) -> SearchResult<FoundArticle> {
        let wanted = SearchArticles { text: text.to_owned(), facets: Facet::ALL.to_vec(), ..SearchArticles::default() };
        self.searching.search(NOBODY, wanted).await.unwrap()
    }
}

#[tokio::test]
async fn what_is_gone_from_the_store_is_left_out() {
    let world = World::new().await;
    for id in 1..=3 {
        world.put(&article(id), "共同的正文").await;
    }
    let mut taken_back = article(2);
    taken_back.status = crate::model::Status::Draft;
    world.content.put_article(&taken_back);
    let found = world.search("共同").await;
    let ids: Vec<_> = found.page.items.iter().map(|found| found.listed.card.id.get()).collect();
    assert_eq!((ids, found.page.total), (vec![1, 3], 2));
}

#[tokio::test]
async fn marks_stand_in_title_and_text() {
    let world = World::new().await;
    world.put(&article(1), "关于文章的文章").await;
    let found = world.search("文章").await.page.items.remove(0);
    assert_eq!(found.title.as_deref(), Some("<mark>文章</mark> 1"));
    assert!(found.description.unwrap().contains("<mark>文章</mark>"));
    assert!(found.score > 0.0 && found.score < 1.0);
}

#[tokio::test]
async fn a_text_that_became_gated_is_not_shown() {
    let world = World::new().await;
    let text = format!("开头。{}秘密的结尾", "一句话。\n\n".repeat(50));
    world.put(&article(1), &text).await;
    assert!(world.search("秘密").await.page.items[0].description.is_some());
    // The index still knows the whole text; the store says that it is gated now.
    let mut gated = article(1);
    gated.access_level = AccessLevel::Paid;
    gated.updated_at += chrono::TimeDelta::seconds(1);
    world.content.put_text(&gated, &text);
    let found = world.search("秘密").await.page.items.remove(0);
    assert_eq!((found.listed.access, found.description), (false, None));
}

#[tokio::test]
async fn a_category_is_found_with_what_is_below_it_and_hidden_ones_have_no_name() {
    let world = World::new().await;
    for (path, name, active) in
        [("1", "投资", true), ("1/2", "基金", true), ("1/3", "草稿箱", false), ("4", "生活", true)]
    {
        world.category(path, name, active);
    }
    for (id, category) in [(1, Some(1)), (2, Some(2)), (3, Some(3)), (4, Some(4)), (5, None)] {
        let one = Article { category: category.map(CategoryId::new), ..article(id) };
        world.put(&one, "共同的正文").await;
    }
    let search = async |reader: Reader<'_>, category: i64| {
        let wanted = SearchArticles {
            text: "共同".to_owned(),
            category: Some(CategoryId::new(category)),
            facets: vec![Facet::Categories],
            ..SearchArticles::default()
        };
        let found = world.searching.search(reader, wanted).await.unwrap();
        let names: Vec<String> =
            found.facets[0].values.iter().map(|one| format!("{} {}", one.name, one.count)).collect();
        (found.page.total, names)
    };
    assert_eq!(search(NOBODY, 1).await, (3, vec!["投资 1".to_owned(), "基金 1".to_owned()]));
    assert_eq!(search(NOBODY, 4).await, (1, vec!["生活 1".to_owned()]));
    assert_eq!(search(NOBODY, 99).await, (0, Vec::new()));
    let editor = actor(9, &["article_category.update"]);
    assert_eq!(search(Reader { actor: Some(&editor), address: None, agent: None }, 1).await.1.len(), 3);
}

#[tokio::test]
async fn an_author_that_nobody_is_has_written_nothing() {
    let world = World::new().await;
    world.put(&article(1), "正文").await;
    let wanted = SearchArticles {
        text: "正文".to_owned(),
        author: Some("nobody".to_owned()),
        facets: vec![Facet::Tags],
        ..SearchArticles::default()
    };
    let found = world.searching.search(NOBODY, wanted).await.unwrap();
    assert_eq!((found.page.total, found.facets[0].values.len()), (0, 0));
}
