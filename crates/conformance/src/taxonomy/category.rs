//! Categories.

use futures::future::join_all;
use sharestack_content::error::CategoryError;
use sharestack_content::model::{
    Category, CategoryId, CategoryOutline, Colour, Icon, Kind, ListingFacts, Note, PhotoId, SeoDescription, SeoTitle,
    Slug, TreePath,
};
use sharestack_content::ports::{CategoryKey, CategoryWriteError, CountDelta};
use sharestack_content::service::EditCategory;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::{Failure, Subject, category, photo, shelves};

impl Subject {
    async fn update(&self, category: &Category, expected: i64) -> Result<(), Failure> {
        transact!(self.store, |tx| { Ok(tx.categories().update(category, expected).await?) })
    }

    async fn read(&self, id: i64) -> Option<Category> {
        self.categories.find(Kind::Photo, &CategoryId::new(id).into()).await.unwrap()
    }

    async fn move_all(&self, from: i64, to: Option<i64>) -> i64 {
        let done: Result<i64, StoreError> = transact!(self.store, |tx| {
            tx.categories().lock_tree(Kind::Photo).await?;
            tx.categories().move_all(Kind::Photo, CategoryId::new(from), to.map(CategoryId::new)).await
        });
        done.unwrap()
    }
}

/// By id, by slug, and in the list of all.
pub async fn a_category_reads_back_as_it_was_written(subject: Subject) {
    let whole = Category {
        description: Some(Note::stored("城市景观摄影作品".to_owned())),
        colour: Some(Colour::stored("#3498db".to_owned())),
        icon: Some(Icon::stored("building".to_owned())),
        sort_order: -7,
        is_active: false,
        is_featured: true,
        seo_title: Some(SeoTitle::stored("城市".to_owned())),
        seo_description: Some(SeoDescription::stored("风光".to_owned())),
        cover: Some(PhotoId::new(15)),
        ..category("1/2")
    };
    let plain = category("1");
    subject.plant(&[plain.clone(), whole.clone()]).await;
    for key in ["2", "category-2"] {
        let found = subject.categories.find(Kind::Photo, &CategoryKey::parse(key)).await.unwrap();
        assert_eq!(found, Some(whole.clone()), "{key}");
        assert_eq!(subject.categories.find(Kind::Article, &CategoryKey::parse(key)).await.unwrap(), None);
    }
    let mut all = subject.categories.all(Kind::Photo).await.unwrap();
    all.sort_by_key(|category| category.id);
    assert_eq!(all, [plain, whole]);
    let mut outlines = subject.categories.outlines(Kind::Photo).await.unwrap();
    outlines.sort_by_key(|outline| outline.id);
    let outline = |Category { id, name, path, is_active, .. }: Category| CategoryOutline { id, name, path, is_active };
    assert_eq!(outlines, all.clone().into_iter().map(outline).collect::<Vec<_>>());
    assert_eq!(subject.categories.outlines(Kind::Article).await.unwrap(), []);
    let each = async |kind, ids: [i64; 2]| subject.categories.find_each(kind, &ids.map(CategoryId::new)).await.unwrap();
    assert_eq!(each(Kind::Photo, [2, 9]).await, all[1..]);
    assert_eq!(each(Kind::Article, [1, 2]).await, []);
    assert_eq!(subject.categories.find_each(Kind::Photo, &[]).await.unwrap(), []);
    assert_eq!(subject.categories.find(Kind::Photo, &CategoryKey::parse("no such")).await.unwrap(), None);
}

/// Within its kind, for new ones and for old ones.
pub async fn a_taken_slug_is_refused(subject: Subject) {
    subject.plant(&[category("1"), category("2")]).await;
    let twin = Category { slug: Slug::stored("category-1".to_owned()), ..category("3") };
    let inserted: Result<(), Failure> = transact!(subject.store, |tx| { Ok(tx.categories().insert(&twin).await?) });
    assert!(matches!(inserted, Err(Failure::Category(CategoryWriteError::SlugTaken))), "{inserted:?}");
    let moved = Category { slug: Slug::stored("category-1".to_owned()), version: 2, ..category("2") };
    let updated = subject.update(&moved, 1).await;
    assert!(matches!(updated, Err(Failure::Category(CategoryWriteError::SlugTaken))), "{updated:?}");
    assert_eq!(subject.read(2).await, Some(category("2")));
    subject.plant(&[Category { kind: Kind::Article, ..twin }]).await;
}

/// Also when all ask at once.
pub async fn of_rivals_for_a_slug_one_gets_it(subject: Subject) {
    let rivals = (1..=8).map(|id| {
        let rival = Category { slug: Slug::stored("same".to_owned()), ..category(&id.to_string()) };
        let store = subject.store.clone();
        async move {
            let done: Result<(), Failure> = transact!(store, |tx| { Ok(tx.categories().insert(&rival).await?) });
            done
        }
    });
    let results = join_all(rivals).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let refused = |error: &Failure| matches!(error, Failure::Category(CategoryWriteError::SlugTaken));
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(refused), "{results:?}");
}

/// Neither an edit nor a removal.
pub async fn a_stale_change_writes_nothing(subject: Subject) {
    subject.plant(&[category("1")]).await;
    let changed = Category { sort_order: 9, version: 6, ..category("1") };
    let updated = subject.update(&changed, 5).await;
    assert!(matches!(updated, Err(Failure::Category(CategoryWriteError::Stale))), "{updated:?}");
    let deleted: Result<(), Failure> =
        transact!(subject.store, |tx| { Ok(tx.categories().delete(CategoryId::new(1), 5).await?) });
    assert!(matches!(deleted, Err(Failure::Category(CategoryWriteError::Stale))), "{deleted:?}");
    assert_eq!(subject.read(1).await, Some(category("1")));
}

/// Whatever counts the caller holds in hand.
pub async fn a_change_leaves_the_counts_alone(subject: Subject) {
    subject.plant(&[category("1")]).await;
    subject.keep(&[photo(1)]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[1], &[])).await.unwrap();
    let changed = Category { sort_order: 9, version: 2, direct_count: 77, subtree_count: 77, ..category("1") };
    subject.update(&changed, 1).await.unwrap();
    let expected = Category { direct_count: 1, subtree_count: 1, ..changed };
    assert_eq!(subject.read(1).await, Some(expected));
}

/// And nothing whose path only begins with the same digits.
pub async fn a_subtree_comes_with_its_root_first(subject: Subject) {
    let all = [category("1"), category("1/2"), category("1/2/3"), category("12"), category("12/5")];
    subject.plant(&all).await;
    let found: Result<Vec<Category>, StoreError> =
        transact!(subject.store, |tx| { tx.categories().subtree(Kind::Photo, &TreePath::parse("1").unwrap()).await });
    let ids: Vec<_> = found.unwrap().into_iter().map(|category| category.id.get()).collect();
    assert_eq!(ids, [1, 2, 3]);
}

/// None of them is lost.
pub async fn counts_added_at_the_same_time_all_count(subject: Subject) {
    subject.plant(&[category("1")]).await;
    let delta = CountDelta { category: CategoryId::new(1), direct: 1, subtree: 2 };
    let adds = (0..10).map(|_| {
        let store = subject.store.clone();
        async move {
            let done: Result<(), StoreError> = transact!(store, |tx| { tx.categories().add_counts(&[delta]).await });
            done.unwrap();
        }
    });
    join_all(adds).await;
    assert_eq!(subject.counts().await[&1], (10, 20));
}

/// What is in both stands in the other once.
pub async fn a_thing_in_both_is_moved_once(subject: Subject) {
    subject.plant(&[category("1"), category("2")]).await;
    subject.keep(&[photo(1), photo(2)]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[1, 2], &[])).await.unwrap();
    subject.shelve(&photo(2), &shelves(&photo(2), &[1], &[])).await.unwrap();
    assert_eq!(subject.move_all(1, Some(2)).await, 1, "the other was there");
    for id in [1, 2] {
        let (placed, _) = subject.links(PhotoId::new(id)).await;
        assert_eq!(placed.iter().map(|one| one.category.get()).collect::<Vec<_>>(), [2], "{id}");
        assert!(placed[0].facts == ListingFacts::from(&photo(id)));
    }
    assert_eq!(subject.move_all(2, None).await, 0);
    assert!(subject.links(PhotoId::new(1)).await.0.is_empty());
}

/// Whether the photo was in the other before or not.
pub async fn what_was_primary_is_primary_elsewhere(subject: Subject) {
    subject.plant(&[category("1"), category("2")]).await;
    subject.keep(&[photo(1), photo(2), photo(3)]).await;
    for (id, categories, primary) in [(1, &[1, 2][..], 1), (2, &[1], 1), (3, &[1, 2], 2)] {
        let mut wanted = shelves(&photo(id), categories, &[]);
        wanted.primary = Some(CategoryId::new(primary));
        subject.shelve(&photo(id), &wanted).await.unwrap();
    }
    assert_eq!(subject.move_all(1, Some(2)).await, 1);
    for id in [1, 2, 3] {
        let (placed, _) = subject.links(PhotoId::new(id)).await;
        assert!(placed.len() == 1 && placed[0].is_primary, "{id}: {placed:?}");
    }
}

/// Of those that it is left in; what had another primary one keeps that.
pub async fn what_loses_its_primary_category_has_the_first_that_is_left(subject: Subject) {
    subject.plant(&["1", "2", "3"].map(category)).await;
    subject.keep(&[photo(1), photo(2), photo(3)]).await;
    for (id, categories, primary) in [(1, &[1, 2, 3][..], 1), (2, &[1, 2, 3], 3), (3, &[1], 1)] {
        let mut wanted = shelves(&photo(id), categories, &[]);
        wanted.primary = Some(CategoryId::new(primary));
        subject.shelve(&photo(id), &wanted).await.unwrap();
    }
    let places = async |id| {
        let (placed, _) = subject.links(PhotoId::new(id)).await;
        placed.iter().map(|one| (one.category.get(), one.is_primary)).collect::<Vec<_>>()
    };
    assert_eq!(subject.move_all(1, None).await, 0);
    assert_eq!(places(1).await, [(2, true), (3, false)]);
    assert_eq!(places(2).await, [(2, false), (3, true)]);
    assert_eq!(places(3).await, []);
}

/// A photo that leaves a category for good is no longer its cover, nor that of those above.
pub async fn covers_go_with_their_photos(subject: Subject) {
    let cover = Some(PhotoId::new(1));
    let covered = |path| Category { cover, ..category(path) };
    subject.plant(&[covered("1"), covered("1/2"), covered("3")]).await;
    subject.keep(&[photo(1)]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[1, 2, 3], &[])).await.unwrap();
    subject.shelve(&photo(1), &shelves(&photo(1), &[2], &[])).await.unwrap();
    let covers = async || {
        let mut all = subject.categories.all(Kind::Photo).await.unwrap();
        all.sort_by_key(|category| category.id);
        all.into_iter().map(|category| category.cover).collect::<Vec<_>>()
    };
    assert_eq!(covers().await, [cover, cover, None]);
    // What moves away takes its photos along.
    let (categories, ..) = subject.services();
    let command = EditCategory { parent: Patch::Clear, ..EditCategory::default() };
    categories.edit(&subject.curator(), Kind::Photo, &CategoryId::new(2).into(), command).await.unwrap();
    assert_eq!(covers().await, [None, cover, None]);
}

async fn put_under(subject: &Subject, id: i64, parent: i64) -> Result<Category, CategoryError> {
    let (categories, ..) = subject.services();
    let command = EditCategory { parent: Patch::Set(CategoryId::new(parent)), ..EditCategory::default() };
    categories.edit(&subject.curator(), Kind::Photo, &CategoryId::new(id).into(), command).await
}

/// Of two that would each stand below the other, one is refused.
pub async fn two_moves_at_once_make_no_cycle(subject: Subject) {
    for round in 0..5 {
        let (one, other) = (10 * round + 1, 10 * round + 2);
        subject.plant(&[category(&one.to_string()), category(&other.to_string())]).await;
        let results = join_all([put_under(&subject, one, other), put_under(&subject, other, one)]).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().any(|result| matches!(result, Err(CategoryError::Cycle))), "{results:?}");
        let all = subject.categories.all(Kind::Photo).await.unwrap();
        for category in all {
            let mut ids = category.path.ids().to_vec();
            ids.dedup();
            assert_eq!((ids.last(), ids.len()), (Some(&category.id), category.path.level() + 1));
        }
    }
}

/// Paths, levels and counts.
pub async fn a_move_takes_everything_below_along(subject: Subject) {
    let all = [category("1"), category("1/2"), category("1/2/3"), category("4"), category("4/5")];
    subject.plant(&all).await;
    subject.keep(&[photo(1), photo(2)]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[3, 4], &[])).await.unwrap();
    subject.shelve(&photo(2), &shelves(&photo(2), &[2, 3], &[])).await.unwrap();
    let moved = put_under(&subject, 2, 5).await.unwrap();
    assert_eq!((moved.path.to_string().as_str(), moved.subtree_count), ("4/5/2", 2));
    assert_eq!(subject.read(3).await.unwrap().path.to_string(), "4/5/2/3");
    let expected = [(1, (0, 0)), (2, (1, 2)), (3, (2, 2)), (4, (1, 2)), (5, (0, 2))];
    assert_eq!(subject.counts().await, expected.into());
    for below in [2, 3] {
        assert!(matches!(put_under(&subject, 2, below).await, Err(CategoryError::Cycle)));
    }
}
