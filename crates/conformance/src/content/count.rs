//! The lengths of lists.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use sharestack_content::model::{
    AccessLevel, ArticleId, ArticleKey, Body, CategoryId, CountKey, Format, Kind, PlanId, Status, TagName, Text, Title,
};
use sharestack_content::ports::{
    Access, ArticleCache, ArticleCard, ArticleDetail, ArticleFilter, ArticleQueries, Entitlements, GateQuery,
    RenderError, Renderer,
};
use sharestack_content::service::{
    Authoring, CreateArticle, EditArticle, EditCategory, Ports, PublishArticle, Publishing,
};
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::permission::Permission;

use super::category::new_category;
use super::list::{filter, page};
use super::{Subject, published, text};

const TAGS: [&str; 3] = ["rust", "投资", "C++"];

/// Two additions at once are both there, also when neither finds the key.
pub async fn lengths_added_at_the_same_time_all_count(subject: Subject) {
    let author = subject.author(1).await;
    let deltas: Vec<_> = [CountKey::Published, CountKey::Author(author)].map(|key| (key, 2)).into();
    join_all((0..10).map(|_| subject.count(&deltas))).await;
    subject.count(&[(CountKey::Published, -3)]).await;
    for (filter, expected) in [(filter(|_| {}), 17), (filter(|filter| filter.author = Some(author)), 20)] {
        assert_eq!(subject.queries.list(&filter, page(9, 10)).await.unwrap().total, expected);
    }
    // The counter is what a list says; the articles are what it shows.
    subject.insert(&published(1, author), &text("x")).await.unwrap();
    assert_eq!(subject.queries.list(&filter(|_| {}), page(1, 10)).await.unwrap().items.len(), 1);
}

struct NothingSold;

#[async_trait]
impl Entitlements for NothingSold {
    async fn decide(&self, _: Option<UserId>, _: &GateQuery) -> Result<Access, StoreError> {
        Ok(Access::refused("test", Vec::new()))
    }

    async fn decide_many(&self, _: Option<UserId>, articles: &[GateQuery]) -> Result<Vec<bool>, StoreError> {
        Ok(vec![false; articles.len()])
    }

    async fn owned_plans(&self, _: UserId, plans: &[PlanId]) -> Result<Vec<PlanId>, StoreError> {
        Ok(plans.to_vec())
    }

    async fn is_sold_one_off(&self, _: ArticleId) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Keeps nothing, and renders in place.
struct Direct(Arc<dyn ArticleQueries>);

#[async_trait]
impl ArticleCache for Direct {
    async fn find(&self, key: &ArticleKey) -> Result<Option<Arc<ArticleDetail>>, StoreError> {
        Ok(self.0.find(key).await?.map(Arc::new))
    }

    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Arc<Page<ArticleCard>>, StoreError> {
        Ok(Arc::new(self.0.list(filter, page).await?))
    }

    async fn forget(&self, _id: ArticleId) {}

    async fn forget_all(&self) {}
}

#[async_trait]
impl Renderer for Direct {
    async fn render(&self, body: Body) -> Result<Text, RenderError> {
        Ok(Text::of(body)?)
    }
}

struct Newsroom {
    authoring: Authoring,
    publishing: Publishing,
    authors: Vec<Actor>,
    subject: Subject,
}

impl Newsroom {
    async fn open(subject: &Subject) -> Self {
        let ports = Ports {
            store: subject.store.clone(),
            queries: subject.queries.clone(),
            articles: Arc::new(Direct(subject.queries.clone())),
            renderer: Arc::new(Direct(subject.queries.clone())),
            entitlements: Arc::new(NothingSold),
            clock: Arc::new(FakeClock::default()),
            ids: subject.ids.clone(),
        };
        let mut authors = Vec::new();
        for id in [1, 2] {
            authors.push(Actor {
                user_id: subject.author(id).await,
                credential: Credential::Session {
                    id: SessionId::new(subject.ids.uuid()),
                    proved_at: chrono::DateTime::UNIX_EPOCH,
                },
                role: "editor".to_owned(),
                permissions: [Permission::parse("article.*").unwrap()].into_iter().collect(),
            });
        }
        let subject = subject.clone();
        Self { authoring: Authoring::new(ports.clone()), publishing: Publishing::new(ports), authors, subject }
    }

    async fn create(&self, dice: &mut Dice) -> ArticleKey {
        let command = CreateArticle {
            title: Title::parse("文章".to_owned()).unwrap(),
            body: Body::parse(Format::Markdown, "正文".to_owned()).unwrap(),
            summary: None,
            cover: None,
            category: None,
            tags: dice.tags(),
            access_level: AccessLevel::ALL[dice.below(3)],
            plan_ids: Vec::new(),
            price: None,
            slug: None,
            seo_title: None,
            seo_description: None,
        };
        self.authoring.create(&self.authors[dice.below(2)], command).await.unwrap().into()
    }

    async fn category_ids(&self) -> Vec<CategoryId> {
        let mut all = self.subject.taxonomy.categories.all(Kind::Article).await.unwrap();
        all.sort_by_key(|category| category.id);
        all.into_iter().map(|category| category.id).collect()
    }

    /// Makes, moves or removes a category; what is impossible is part of the game.
    async fn sort(&self, dice: &mut Dice) {
        let (categories, curator) = (self.subject.categories(), self.subject.taxonomy.curator());
        let all = self.category_ids().await;
        let mut one = || all.get(dice.below(all.len().max(1) as u64)).copied();
        let (Some(first), Some(second)) = (one(), one()) else {
            drop(categories.create(&curator, Kind::Article, new_category(None)).await);
            return;
        };
        match dice.below(3) {
            0 => drop(categories.create(&curator, Kind::Article, new_category(Some(first))).await),
            1 => drop(categories.delete(&curator, Kind::Article, &first.into(), Some(second), None).await),
            _ => {
                let parent = if dice.below(3) == 0 { Patch::Clear } else { Patch::Set(second) };
                let command = EditCategory { parent, ..EditCategory::default() };
                drop(categories.edit(&curator, Kind::Article, &first.into(), command).await);
            }
        }
    }

    /// Does something to an article; what its state forbids is part of the game.
    async fn disturb(&self, key: &ArticleKey, dice: &mut Dice) {
        let editor = &self.authors[0];
        match dice.below(12) {
            0..=2 => drop(self.publishing.publish(editor, key, PublishArticle::default()).await),
            3 => drop(self.publishing.unpublish(editor, key).await),
            4 => drop(self.authoring.delete(editor, key, None).await),
            5 => {
                let command = EditArticle { tags: Some(dice.tags()), ..EditArticle::default() };
                drop(self.authoring.edit(editor, key, command).await);
            }
            6 | 7 => {
                let all = self.category_ids().await;
                let category = all.get(dice.below(1 + all.len() as u64)).copied();
                let category = category.map_or(Patch::Clear, Patch::Set);
                drop(self.authoring.edit(editor, key, EditArticle { category, ..EditArticle::default() }).await);
            }
            8 | 9 => self.sort(dice).await,
            _ => {
                let access_level = Some(AccessLevel::ALL[dice.below(3)]);
                let command = EditArticle { access_level, ..EditArticle::default() };
                drop(self.authoring.edit(editor, key, command).await);
            }
        }
    }
}

/// The same throws each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides).unwrap()
    }

    fn tags(&mut self) -> Vec<TagName> {
        let from = self.below(4);
        TAGS[from.min(3)..].iter().map(|name| TagName::parse(name).unwrap()).collect()
    }
}

/// Compares each kept length with a count of the rows.
async fn assert_right(subject: &Subject, authors: &[Actor]) {
    let mut filters = vec![filter(|_| {})];
    filters.extend(authors.iter().map(|actor| filter(|filter| filter.author = Some(actor.user_id))));
    filters.extend(TAGS.map(|name| filter(|filter| filter.tag = Some(name.to_lowercase()))));
    let categories = subject.taxonomy.categories.all(Kind::Article).await.unwrap();
    filters.extend(categories.iter().map(|one| filter(|filter| filter.category = Some(one.id))));
    filters.extend(AccessLevel::ALL.map(|level| filter(|filter| filter.access = Some(level))));
    for filter in filters {
        let kept = subject.queries.list(&filter, page(1, 1)).await.unwrap().total;
        // A search for nothing finds everything, and has no counter.
        let counted = ArticleFilter { search: Some(String::new()), ..filter.clone() };
        let counted = subject.queries.list(&counted, page(1, 1)).await.unwrap().total;
        assert_eq!(kept, counted, "{filter:?}");
    }
    let drafts = ArticleFilter { statuses: vec![Status::Draft], ..ArticleFilter::default() };
    assert!(subject.queries.list(&drafts, page(1, 1)).await.is_ok());
}

/// After any steps every kept length is what a count would give.
pub async fn lengths_never_drift(subject: Subject) {
    let newsroom = Newsroom::open(&subject).await;
    let mut dice = Dice(20_260_115);
    let mut keys = Vec::new();
    for step in 0..120 {
        if step % 6 == 0 {
            keys.push(newsroom.create(&mut dice).await);
        }
        let key = keys[dice.below(keys.len() as u64)].clone();
        newsroom.disturb(&key, &mut dice).await;
        if step % 30 == 29 {
            assert_right(&subject, &newsroom.authors).await;
        }
    }
}

/// Also when several do it to the same articles at once.
pub async fn lengths_never_drift_among_rivals(subject: Subject) {
    let newsroom = Newsroom::open(&subject).await;
    let mut dice = Dice(7);
    let mut keys = Vec::new();
    for _ in 0..6 {
        keys.push(newsroom.create(&mut dice).await);
    }
    let rivals = (1..=4).map(|seed| {
        let (newsroom, keys) = (&newsroom, &keys);
        async move {
            let mut dice = Dice(seed);
            for _ in 0..20 {
                let key = &keys[dice.below(keys.len() as u64)];
                newsroom.disturb(key, &mut dice).await;
            }
        }
    });
    join_all(rivals).await;
    assert_right(&subject, &newsroom.authors).await;
}
