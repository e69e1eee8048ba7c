//! Articles in categories.

use std::collections::BTreeMap;

use futures::future::join_all;
use sharestack_content::model::{Article, ArticleId, CategoryId, CategoryName, Kind, Status};
use sharestack_content::service::{Categories, CreateCategory, EditCategory};
use sharestack_kernel::patch::Patch;

use super::list::{filter, page};
use super::{Failure, Subject, draft, published, text};

/// A category with nothing but its name.
pub(super) fn new_category(parent: Option<CategoryId>) -> CreateCategory {
    CreateCategory {
        name: CategoryName::parse("投资").unwrap(),
        slug: None,
        description: None,
        parent,
        colour: None,
        icon: None,
        sort_order: 0,
        is_active: true,
        is_featured: false,
        seo_title: None,
        seo_description: None,
    }
}

impl Subject {
    pub(super) fn categories(&self) -> Categories {
        self.taxonomy.services().0
    }

    async fn plant(&self, kind: Kind, parent: Option<CategoryId>) -> CategoryId {
        let made = self.categories().create(&self.taxonomy.curator(), kind, new_category(parent)).await;
        made.unwrap().id
    }

    async fn write(&self, id: i64, category: Option<CategoryId>) -> Article {
        let article = Article { category, ..published(id, sharestack_kernel::id::UserId::new(1)) };
        self.insert(&article, &text("正文")).await.unwrap();
        article
    }

    async fn found(&self, category: CategoryId) -> (u64, Vec<i64>) {
        self.found_by(category, false).await
    }

    async fn found_by(&self, category: CategoryId, sees_hidden: bool) -> (u64, Vec<i64>) {
        let wanted = filter(|filter| (filter.category, filter.hidden_category) = (Some(category), sees_hidden));
        let list = self.queries.list(&wanted, page(1, 100)).await.unwrap();
        let mut ids: Vec<i64> = list.items.iter().map(|card| card.id.get()).collect();
        ids.sort_unstable();
        (list.total, ids)
    }

    /// What is in each category of articles, and in it and below it.
    async fn counts(&self) -> BTreeMap<CategoryId, (i64, i64)> {
        let all = self.taxonomy.categories.all(Kind::Article).await.unwrap();
        all.into_iter().map(|one| (one.id, (one.direct_count, one.subtree_count))).collect()
    }
}

/// A category of photos is none.
pub async fn an_article_of_an_unknown_category_is_refused(subject: Subject) {
    let author = subject.author(1).await;
    let of_photos = subject.plant(Kind::Photo, None).await;
    let mine = subject.plant(Kind::Article, None).await;
    for unknown in [of_photos, CategoryId::new(999)] {
        let article = Article { category: Some(unknown), ..draft(1, author) };
        assert!(matches!(subject.insert(&article, &text("x")).await, Err(Failure::UnknownCategory)), "{unknown}");
    }
    let article = Article { category: Some(mine), ..draft(1, author) };
    subject.insert(&article, &text("x")).await.unwrap();
    let elsewhere = Article { category: Some(of_photos), version: 2, ..article.clone() };
    assert!(matches!(subject.update(&elsewhere, 1).await, Err(Failure::UnknownCategory)));
    assert_eq!(subject.find(ArticleId::new(1)).await.unwrap().card.category, Some(mine));
    let nowhere = Article { category: None, version: 2, ..article };
    subject.update(&nowhere, 1).await.unwrap();
    assert_eq!(subject.find(ArticleId::new(1)).await.unwrap().card.category, None);
}

/// Also when visitors do not see the category; else nothing is in such a one.
pub async fn nothing_is_in_a_hidden_category_for_visitors(subject: Subject) {
    subject.author(1).await;
    let top = subject.plant(Kind::Article, None).await;
    let below = subject.plant(Kind::Article, Some(top)).await;
    let beside = subject.plant(Kind::Article, None).await;
    for (id, category) in [(1, top), (2, below), (3, beside)] {
        subject.write(id, Some(category)).await;
    }
    let hide = EditCategory { is_active: Some(false), ..EditCategory::default() };
    let (curator, categories) = (subject.taxonomy.curator(), subject.categories());
    categories.edit(&curator, Kind::Article, &top.into(), hide).await.unwrap();
    for (category, all) in [(top, vec![1, 2]), (below, vec![2])] {
        assert_eq!(subject.found(category).await, (0, vec![]));
        assert_eq!(subject.found_by(category, true).await, (all.len() as u64, all));
    }
    assert_eq!(subject.found(beside).await, (1, vec![3]));
}

/// And with as many as the category says.
pub async fn articles_are_found_in_a_category_and_below_it(subject: Subject) {
    subject.author(1).await;
    let root = subject.plant(Kind::Article, None).await;
    let below = subject.plant(Kind::Article, Some(root)).await;
    let other = subject.plant(Kind::Article, None).await;
    for (id, category) in (1..).zip([Some(root), Some(below), Some(other), None, Some(below)]) {
        subject.write(id, category).await;
    }
    assert_eq!(subject.found(root).await, (3, vec![1, 2, 5]));
    assert_eq!(subject.found(below).await, (2, vec![2, 5]));
    assert_eq!(subject.found(other).await, (1, vec![3]));
    assert_eq!(subject.found(CategoryId::new(999)).await, (0, Vec::new()));
    let command = EditCategory { parent: Patch::Set(other), ..EditCategory::default() };
    subject.categories().edit(&subject.taxonomy.curator(), Kind::Article, &below.into(), command).await.unwrap();
    assert_eq!(subject.found(root).await, (1, vec![1]));
    assert_eq!(subject.found(other).await, (3, vec![2, 3, 5]));
}

/// Drafts and deleted ones do not count.
pub async fn a_category_counts_published_articles_in_it_and_below_it(subject: Subject) {
    let author = subject.author(1).await;
    let root = subject.plant(Kind::Article, None).await;
    let below = subject.plant(Kind::Article, Some(root)).await;
    subject.insert(&Article { category: Some(root), ..draft(1, author) }, &text("x")).await.unwrap();
    let first = subject.write(2, Some(root)).await;
    subject.write(3, Some(below)).await;
    subject.write(4, Some(below)).await;
    assert_eq!(subject.counts().await, [(root, (1, 3)), (below, (2, 2))].into());
    subject.delete(&Article { status: Status::Published, ..first }, 1).await.unwrap();
    assert_eq!(subject.counts().await, [(root, (0, 2)), (below, (2, 2))].into());
    let (categories, curator) = (subject.categories(), subject.taxonomy.curator());
    assert!(categories.delete(&curator, Kind::Article, &below.into(), None, None).await.is_err(), "articles are in it");
    categories.delete(&curator, Kind::Article, &below.into(), Some(root), None).await.unwrap();
    assert_eq!(subject.counts().await, [(root, (2, 2))].into());
    assert_eq!(subject.found(root).await, (2, vec![3, 4]));
}

/// While articles come, their category goes: each article has one that is there.
pub async fn rivals_for_a_category_leave_no_article_without_one(subject: Subject) {
    let author = subject.author(1).await;
    let stays = subject.plant(Kind::Article, None).await;
    let goes = subject.plant(Kind::Article, None).await;
    let (categories, curator) = (subject.categories(), subject.taxonomy.curator());
    let writers = (1..=6).map(|id| {
        let subject = &subject;
        async move {
            let article = Article { category: Some(goes), ..published(id, author) };
            match subject.insert(&article, &text("x")).await {
                Ok(()) => true,
                Err(Failure::UnknownCategory) => false,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    let remover = async { categories.delete(&curator, Kind::Article, &goes.into(), Some(stays), None).await.unwrap() };
    let (written, ()) = futures::join!(join_all(writers), remover);
    let kept = written.into_iter().filter(|kept| *kept).count();
    let (total, ids) = subject.found(stays).await;
    assert_eq!((ids.len(), total), (kept, kept as u64));
    let counted = i64::try_from(kept).unwrap();
    assert_eq!(subject.counts().await, [(stays, (counted, counted))].into());
}
