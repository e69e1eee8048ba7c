use chrono::{TimeDelta, TimeZone, Utc};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::*;
use crate::error::{LabelError, ShelveError};
use crate::memory::{MemoryPortfolio, MemorySearch, actor, photo};
use crate::model::{
    Category, CategoryName, Exif, Label, PhotoStatus, Shelves, Slug, TagId, TagName, Tagging, Taken, Title, TreePath,
    Visibility,
};
use crate::ports::PortfolioTx;
use crate::service::search::{Follower, Indexing, Step};
use crate::service::{labels, shelving};

struct World {
    portfolio: MemoryPortfolio,
    index: MemorySearch<Photos>,
    searching: SearchingPhotos,
    node: Follower<Photos>,
}

impl World {
    fn new() -> Self {
        let (portfolio, index) = (MemoryPortfolio::default(), MemorySearch::<Photos>::default());
        let (store, shared) = (Arc::new(portfolio.clone()), Arc::new(index.clone()));
        Self {
            searching: SearchingPhotos::new(store.clone(), store.clone(), shared.clone()),
            node: Follower::new(store.clone(), store, shared, Arc::new(FakeClock::default())),
            portfolio,
            index,
        }
    }

    fn category(&self, id: i64, path: &str, name: &str, is_active: bool) {
        self.portfolio.put_category(&Category {
            id: CategoryId::new(id),
            kind: Kind::Photo,
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
            path: TreePath::parse(path).unwrap(),
            direct_count: 0,
            subtree_count: 0,
            version: 1,
            created_at: photo(1).created_at,
            updated_at: photo(1).created_at,
        });
    }

    /// Puts a photo with its categories and tags in place.
    async fn keep(&self, photo: &Photo, categories: &[i64], tags: &[(i64, &str)]) {
        self.portfolio.put_photo(photo);
        let names: Vec<_> = tags.iter().map(|(id, name)| (TagId::new(*id), TagName::parse(name).unwrap())).collect();
        let store: &dyn Begin<dyn PortfolioTx> = &self.portfolio;
        let done: Result<(), ShelveError> = transact!(store, |tx| {
            let ids = labels::resolve(tx, &names, photo.created_at).await?;
            let shelves = Shelves {
                categories: categories.iter().copied().map(CategoryId::new).collect(),
                tags: ids.into_iter().map(|id| (id, Tagging::default())).collect(),
                ..Shelves::empty(photo)
            };
            shelving::move_photo(tx, photo.id, &shelves, photo.created_at).await?;
            Ok(())
        });
        done.unwrap();
    }

    async fn build(&self) {
        self.node.rebuild().await.unwrap();
    }

    async fn search(&self, actor: Option<&Actor>, wanted: SearchPhotos) -> SearchResult<FoundPhoto> {
        self.searching.search(actor, wanted).await.unwrap()
    }

    async fn ids(&self, actor: Option<&Actor>) -> Vec<i64> {
        let found = self.search(actor, words("照片")).await;
        assert_eq!(found.page.total, found.page.items.len() as u64);
        found.page.items.iter().map(|found| found.view.photo.id.get()).collect()
    }
}

fn words(text: &str) -> SearchPhotos {
    SearchPhotos { text: text.to_owned(), facets: Facet::ALL.to_vec(), ..SearchPhotos::default() }
}

fn values(found: &SearchResult<FoundPhoto>, facet: Facet) -> Vec<(String, u64)> {
    let counted = found.facets.iter().find(|counted| counted.facet == facet).unwrap();
    counted.values.iter().map(|value| (value.name.clone(), value.count)).collect()
}

#[tokio::test]
async fn everybody_finds_what_they_may_see() {
    let world = World::new();
    world.keep(&photo(1), &[], &[]).await;
    world.keep(&Photo { status: PhotoStatus::Draft, ..photo(2) }, &[], &[(9, "秘密")]).await;
    world.keep(&Photo { visibility: Visibility::Private, ..photo(3) }, &[], &[]).await;
    world.keep(&Photo { visibility: Visibility::Unlisted, ..photo(4) }, &[], &[]).await;
    world.keep(&Photo { trashed_at: Some(photo(5).created_at), ..photo(5) }, &[], &[]).await;
    world.build().await;
    assert_eq!(world.ids(None).await, [1]);
    assert_eq!(world.ids(Some(&actor(8, &["photo.read"]))).await, [1]);
    assert_eq!(world.ids(Some(&actor(7, &["photo.read"]))).await, [1, 2, 3, 4]);
    assert_eq!(world.ids(Some(&actor(8, &["photo.read", "photo.update"]))).await, [1, 2, 3, 4]);
    // Counts say no more than the list.
    let found = world.search(None, words("照片")).await;
    assert!(values(&found, Facet::Tags).is_empty());
    let own = world.search(Some(&actor(7, &["photo.read"])), words("照片")).await;
    assert_eq!(values(&own, Facet::Tags), [("秘密".to_owned(), 1)]);
}

#[tokio::test]
async fn the_store_has_the_last_word_on_rights() {
    let world = World::new();
    for id in 1..=3 {
        world.keep(&photo(id), &[], &[]).await;
    }
    world.build().await;
    // The index does not know it yet.
    world.portfolio.put_photo(&Photo { visibility: Visibility::Private, ..photo(2) });
    let found = world.search(None, words("照片")).await;
    let ids: Vec<i64> = found.page.items.iter().map(|found| found.view.photo.id.get()).collect();
    assert_eq!((ids, found.page.total), (vec![1, 3], 2));
}

#[tokio::test]
async fn a_category_is_found_with_what_is_below_it_and_hidden_ones_have_no_name() {
    let world = World::new();
    for (id, path, name, active) in
        [(1, "1", "城市风光", true), (2, "1/2", "建筑摄影", true), (3, "1/3", "草稿箱", false), (4, "4", "自然", true)]
    {
        world.category(id, path, name, active);
    }
    for (id, category) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        world.keep(&photo(id), &[category], &[]).await;
    }
    world.build().await;
    let found = world.search(None, SearchPhotos { category: Some(CategoryId::new(1)), ..words("照片") }).await;
    assert_eq!(found.page.total, 3);
    let one = |name: &str| (name.to_owned(), 1);
    assert_eq!(values(&found, Facet::Categories), [one("城市风光"), one("建筑摄影")]);
    let curator = actor(9, &["category.update"]);
    let all = world.search(Some(&curator), SearchPhotos { category: Some(CategoryId::new(1)), ..words("照片") }).await;
    assert_eq!(values(&all, Facet::Categories).len(), 3);
    let hidden = SearchPhotos { category: Some(CategoryId::new(3)), ..words("照片") };
    assert_eq!(world.search(None, hidden.clone()).await.page.total, 0, "as one that is not there");
    assert_eq!(world.search(Some(&curator), hidden).await.page.total, 1);
    let nowhere = world.search(None, SearchPhotos { category: Some(CategoryId::new(99)), ..words("照片") }).await;
    assert_eq!((nowhere.page.total, nowhere.facets.len()), (0, 3));
}

#[tokio::test]
async fn the_most_frequent_of_what_may_be_shown_are_shown() {
    let world = World::new();
    let all: Vec<i64> = (1..=120).collect();
    for id in &all {
        world.category(*id, &id.to_string(), &format!("分类{id:03}"), *id > 60);
    }
    // In a hidden one are all of them, in one that is shown a few.
    let hidden = &all[..60];
    world.keep(&photo(1), &all, &[]).await;
    world.keep(&photo(2), hidden, &[]).await;
    world.keep(&photo(3), &[hidden, &[120]].concat(), &[]).await;
    world.build().await;
    let shown = values(&world.search(None, words("照片")).await, Facet::Categories);
    assert_eq!((shown.len(), &shown[0]), (50, &("分类120".to_owned(), 2)));
    assert!(shown[1..].iter().all(|(_, count)| *count == 1));
    let curator = actor(9, &["category.update"]);
    let shown = values(&world.search(Some(&curator), words("照片")).await, Facet::Categories);
    assert_eq!((shown.len(), shown[0].1), (50, 3));
}

#[tokio::test]
async fn what_was_found_is_marked_wherever_it_stands() {
    let world = World::new();
    let night = Photo {
        title: Title::stored("城市夜景".to_owned()),
        description: Some(Caption::stored("外滩的<夜景>".to_owned())),
        place: crate::model::Place { name: Some("上海外滩".to_owned()), ..crate::model::Place::default() },
        exif: Exif { camera: Some("Canon EOS R5".to_owned()), ..Exif::default() },
        ..photo(1)
    };
    world.keep(&night, &[], &[(1, "夜景"), (2, "城市")]).await;
    world.build().await;
    let first = world.search(None, words("夜景")).await.page.items.remove(0);
    assert_eq!(first.title.as_deref(), Some("城市<mark>夜景</mark>"));
    assert_eq!(first.description.as_deref(), Some("外滩的&lt;<mark>夜景</mark>&gt;"));
    assert_eq!(first.place, None);
    let place = world.search(None, words("外滩")).await.page.items.remove(0);
    assert_eq!((place.title, place.place.as_deref()), (None, Some("上海<mark>外滩</mark>")));
}

#[tokio::test]
async fn the_index_follows_photos_tags_and_categories() {
    let world = World::new();
    world.category(1, "1", "城市风光", true);
    world.keep(&photo(1), &[1], &[(1, "夜景")]).await;
    world.keep(&photo(2), &[], &[]).await;
    assert_eq!(world.node.follow().await.unwrap(), Step::Rebuilt(2));
    let in_category = SearchPhotos { category: Some(CategoryId::new(1)), ..words("照片") };
    let found = async || world.search(None, in_category.clone()).await.page.total;
    assert_eq!(found().await, 1);
    // One comes, another goes; the event names the category alone.
    world.keep(&photo(1), &[], &[(1, "夜景")]).await;
    world.keep(&photo(2), &[1], &[]).await;
    world.portfolio.tell("category.updated", "category", 1);
    world.node.follow().await.unwrap();
    let now = world.search(None, in_category.clone()).await;
    assert_eq!(now.page.items.iter().map(|one| one.view.photo.id.get()).collect::<Vec<_>>(), [2]);
    // A tag that is no more stands nowhere in the store; the index knows where it stood.
    world.keep(&photo(1), &[], &[]).await;
    world.portfolio.tell("tag.deleted", "tag", 1);
    world.node.follow().await.unwrap();
    assert_eq!(world.search(None, words("夜景")).await.page.total, 0);
    // Put into the trash.
    world.portfolio.put_photo(&Photo { trashed_at: Some(photo(2).created_at), ..photo(2) });
    world.portfolio.tell("photo.deleted", "photo", 2);
    world.node.follow().await.unwrap();
    assert_eq!(world.index.ids(), [PhotoId::new(1)]);
    let state = world.node.state().await.unwrap().unwrap();
    assert_eq!((state.documents, state.waiting), (1, 0));
}

#[tokio::test]
async fn tags_that_become_one_or_are_not_shown_reach_the_index() {
    let world = World::new();
    world.keep(&photo(1), &[], &[(1, "夜景"), (2, "夜色")]).await;
    world.keep(&photo(2), &[], &[(1, "夜景")]).await;
    world.build().await;
    let found = async |text: &str| {
        let found = world.search(None, words(text)).await;
        found.page.items.iter().map(|one| one.view.photo.id.get()).collect::<Vec<_>>()
    };
    assert_eq!((found("夜景").await, found("夜色").await), (vec![1, 2], vec![1]));
    // The first had both: it shows the one as before, and the other no more.
    world.keep(&photo(1), &[], &[(1, "夜景")]).await;
    world.portfolio.tell("tag.merged", "tag", 1);
    world.node.follow().await.unwrap();
    assert_eq!((found("夜景").await, found("夜色").await), (vec![1, 2], vec![]));
    for (is_active, expected) in [(false, vec![]), (true, vec![1, 2])] {
        let store: &dyn Begin<dyn PortfolioTx> = &world.portfolio;
        let label = Label { is_active, ..world.portfolio.label(TagId::new(1)).unwrap() };
        let done: Result<(), LabelError> = transact!(store, |tx| {
            tx.labels().update(&label, label.version).await?;
            Ok(())
        });
        done.unwrap();
        world.portfolio.tell("tag.updated", "tag", 1);
        world.node.follow().await.unwrap();
        assert_eq!(found("夜景").await, expected, "{is_active}");
    }
}

#[tokio::test]
async fn days_and_years_are_those_of_the_place() {
    let world = World::new();
    let at = Utc.with_ymd_and_hms(2023, 12, 31, 18, 0, 0).unwrap();
    let taken = |offset_minutes| Some(Taken { at, offset_minutes });
    world.keep(&Photo { taken: taken(Some(480)), ..photo(1) }, &[], &[]).await;
    world.keep(&Photo { taken: taken(None), ..photo(2) }, &[], &[]).await;
    world.keep(&photo(3), &[], &[]).await;
    world.build().await;
    let all = world.search(None, words("照片")).await;
    assert_eq!(values(&all, Facet::Years), [("2024".to_owned(), 1), ("2023".to_owned(), 1)]);
    let new_year = at.date_naive() + TimeDelta::days(1);
    let since = world.search(None, SearchPhotos { from: Some(new_year), ..words("照片") }).await;
    assert_eq!((since.page.total, since.page.items[0].view.photo.id.get()), (1, 1));
    let latest = SearchPhotos { sort: Some((PhotoSearchSort::TakenAt, Order::Descending)), ..words("照片") };
    let ids: Vec<i64> = world.search(None, latest).await.page.items.iter().map(|one| one.view.photo.id.get()).collect();
    assert_eq!(ids[0], 3, "a photo without a time stands where it was created");
}
