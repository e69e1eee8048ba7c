//! Trees that are deep.

use sharestack_content::error::CategoryError;
use sharestack_content::model::{CategoryId, Kind, MAX_LEVEL, Photo, PhotoId, PhotoStatus, Slug, TreePath};
use sharestack_content::ports::PhotoFilter;
use sharestack_content::service::{CreateCategory, EditCategory};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;

use super::counts::new_category;
use super::{Subject, category, photo, shelves};

/// How many levels a chain has.
const LEVELS: usize = 200;

impl Subject {
    async fn under(&self, id: CategoryId, parent: Option<CategoryId>) -> Result<(), CategoryError> {
        let (categories, ..) = self.services();
        let command = EditCategory { parent: parent.map_or(Patch::Clear, Patch::Set), ..EditCategory::default() };
        categories.edit(&self.curator(), Kind::Photo, &id.into(), command).await.map(drop)
    }

    async fn path(&self, id: CategoryId) -> TreePath {
        self.categories.find(Kind::Photo, &id.into()).await.unwrap().unwrap().path
    }

    /// The photos in a category and below it, and as how many they count.
    async fn listed(&self, id: CategoryId) -> (Vec<i64>, u64) {
        let filter = PhotoFilter { category: Some(id), ..PhotoFilter::default() };
        let page = self.photos.list(&filter, PageRequest::default()).await.unwrap();
        let mut ids: Vec<i64> = page.items.iter().map(|view| view.photo.id.get()).collect();
        ids.sort_unstable();
        (ids, page.total)
    }

    /// What each of these counts below itself.
    async fn sums(&self, chain: &[CategoryId]) -> Vec<i64> {
        let counts = self.counts().await;
        chain.iter().map(|id| counts[&id.get()].1).collect()
    }
}

/// With photos in the middle and at its end, whose counts stay right.
pub async fn a_chain_of_two_hundred_levels_is_made_moved_counted_and_removed(subject: Subject) {
    let (categories, ..) = subject.services();
    let curator = subject.curator();
    let mut chain: Vec<CategoryId> = Vec::new();
    for level in 0..LEVELS {
        let slug = Some(Slug::stored(format!("level-{level}")));
        let command = CreateCategory { slug, ..new_category(chain.last().copied()) };
        chain.push(categories.create(&curator, Kind::Photo, command).await.unwrap().id);
    }
    let (top, middle, deepest) = (chain[0], chain[LEVELS / 2 - 1], chain[LEVELS - 1]);
    let (upper, lower) = chain.split_at(LEVELS / 2);
    assert_eq!(subject.path(deepest).await.ids(), chain);
    subject.keep(&[photo(1), photo(2)]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[middle.get(), deepest.get()], &[])).await.unwrap();
    subject.shelve(&photo(2), &shelves(&photo(2), &[deepest.get()], &[])).await.unwrap();
    assert_eq!(subject.sums(&chain).await, [2; LEVELS]);
    for id in [top, middle, deepest] {
        assert_eq!(subject.listed(id).await, (vec![1, 2], 2));
    }
    for below in [top, middle, deepest] {
        assert!(matches!(subject.under(top, Some(below)).await, Err(CategoryError::Cycle)));
    }

    // The lower half becomes a tree of its own, and then stands right below the first.
    subject.under(lower[0], None).await.unwrap();
    assert_eq!(subject.path(deepest).await.ids(), lower);
    assert_eq!(subject.sums(upper).await, [1; LEVELS / 2]);
    assert_eq!(subject.sums(lower).await, [2; LEVELS / 2]);
    assert_eq!((subject.listed(top).await, subject.listed(lower[0]).await), ((vec![1], 1), (vec![1, 2], 2)));
    subject.under(lower[0], Some(top)).await.unwrap();
    assert_eq!(subject.path(deepest).await.level(), LEVELS / 2);
    assert_eq!((subject.sums(&[top]).await, subject.sums(&upper[1..]).await), (vec![2], vec![1; LEVELS / 2 - 1]));
    assert_eq!(subject.listed(top).await, (vec![1, 2], 2));

    let full = categories.delete(&curator, Kind::Photo, &top.into(), None, None).await;
    assert!(matches!(full, Err(CategoryError::HasChildren(n)) if n == LEVELS - 1), "{full:?}");
    // What was at the end comes to the first.
    categories.delete(&curator, Kind::Photo, &deepest.into(), Some(top), None).await.unwrap();
    assert_eq!(subject.counts().await[&top.get()], (2, 2));
    assert_eq!(
        (subject.sums(&upper[1..]).await, subject.sums(&lower[..LEVELS / 2 - 1]).await),
        (vec![1; LEVELS / 2 - 1], vec![0; LEVELS / 2 - 1])
    );
    for id in chain.iter().rev().skip(1) {
        categories.delete(&curator, Kind::Photo, &(*id).into(), None, None).await.unwrap();
    }
    assert!(subject.counts().await.is_empty() && subject.links(PhotoId::new(1)).await.0.is_empty());
}

/// Neither for a new one, nor for what a moved one has below it.
pub async fn nothing_stands_below_the_deepest_level(subject: Subject) {
    // Numbers that are not drawn here.
    let ids: Vec<i64> = (1001..).take(MAX_LEVEL + 1).collect();
    let mut path = String::new();
    let mut all = vec![category("901"), category("901/902")];
    for id in &ids {
        path = if path.is_empty() { id.to_string() } else { format!("{path}/{id}") };
        all.push(category(&path));
    }
    subject.plant(&all).await;
    let (categories, ..) = subject.services();
    let [.., above, last_but_one, last] = ids[..] else { return };
    let below = Some(CategoryId::new(last));
    let made = categories.create(&subject.curator(), Kind::Photo, new_category(below)).await;
    assert!(matches!(made, Err(CategoryError::TooDeep(level)) if level == MAX_LEVEL + 1), "{made:?}");
    let (pair, before) = (CategoryId::new(901), subject.counts().await);
    let moved = subject.under(pair, Some(CategoryId::new(last_but_one))).await;
    assert!(matches!(moved, Err(CategoryError::TooDeep(level)) if level == MAX_LEVEL + 1), "{moved:?}");
    assert_eq!((subject.path(pair).await.to_string(), subject.counts().await), ("901".to_owned(), before));
    subject.under(pair, Some(CategoryId::new(above))).await.unwrap();
    assert_eq!(subject.path(CategoryId::new(902)).await.level(), MAX_LEVEL);
}

/// Whatever moves away, and whether it is listed or not.
pub async fn what_stands_elsewhere_too_counts_there_still(subject: Subject) {
    subject.plant(&[category("1"), category("1/2"), category("1/3"), category("4")]).await;
    let hidden = Photo { status: PhotoStatus::Draft, ..photo(3) };
    subject.keep(&[photo(1), photo(2), hidden.clone()]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[2, 3], &[])).await.unwrap();
    subject.shelve(&photo(2), &shelves(&photo(2), &[2], &[])).await.unwrap();
    subject.shelve(&hidden, &shelves(&hidden, &[2, 4], &[])).await.unwrap();
    subject.under(CategoryId::new(2), Some(CategoryId::new(4))).await.unwrap();
    assert_eq!(subject.counts().await, [(1, (0, 1)), (2, (2, 2)), (3, (1, 1)), (4, (0, 2))].into());
    let listed = async |id| subject.listed(CategoryId::new(id)).await;
    assert_eq!((listed(1).await, listed(2).await, listed(4).await), ((vec![1], 1), (vec![1, 2], 2), (vec![1, 2], 2)));
    let (categories, ..) = subject.services();
    let (gone, into) = (CategoryId::new(2), CategoryId::new(3));
    categories.delete(&subject.curator(), Kind::Photo, &gone.into(), Some(into), None).await.unwrap();
    assert_eq!(subject.counts().await, [(1, (0, 2)), (3, (2, 2)), (4, (0, 0))].into());
    assert_eq!((listed(1).await, listed(3).await, listed(4).await), ((vec![1, 2], 2), (vec![1, 2], 2), (vec![], 0)));
}

/// Though its path begins with the same digits.
pub async fn what_is_elsewhere_stays_where_it_is(subject: Subject) {
    subject.plant(&[category("1"), category("1/2"), category("1/2/3"), category("1/22"), category("1/22/5")]).await;
    subject.under(CategoryId::new(2), None).await.unwrap();
    let paths = async |ids: [i64; 5]| {
        let mut paths = Vec::new();
        for id in ids {
            paths.push(subject.path(CategoryId::new(id)).await.to_string());
        }
        paths
    };
    assert_eq!(paths([1, 2, 3, 22, 5]).await, ["1", "2", "2/3", "1/22", "1/22/5"]);
}
