//! What categories and tags count.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use sharestack_content::error::ShelveError;
use sharestack_content::model::{
    CategoryId, CategoryName, Day, Kind, ListingFacts, Photo, PhotoId, PhotoStatus, TagId, Tagging, photo_deltas,
};
use sharestack_content::ports::{LabelFilter, LabelSort};
use sharestack_content::service::{CreateCategory, EditCategory, shelving};
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::{Failure, Subject, category, now, photo, shelves};

/// And what is above counts what is below.
pub async fn a_photo_in_two_children_counts_once_above(subject: Subject) {
    subject.plant(&[category("1"), category("1/2"), category("1/3")]).await;
    subject.keep(&[photo(1)]).await;
    subject.shelve(&photo(1), &shelves(&photo(1), &[2, 3], &[])).await.unwrap();
    assert_eq!(subject.counts().await, [(1, (0, 1)), (2, (1, 1)), (3, (1, 1))].into());
    subject.shelve(&photo(1), &shelves(&photo(1), &[3], &[])).await.unwrap();
    assert_eq!(subject.counts().await, [(1, (0, 1)), (2, (0, 0)), (3, (1, 1))].into());
    let refused = subject.shelve(&photo(1), &shelves(&photo(1), &[3, 99], &[])).await;
    assert!(matches!(refused, Err(Failure::Shelve(ShelveError::UnknownCategory(id))) if id.get() == 99));
    let refused = subject.shelve(&photo(1), &shelves(&photo(1), &[3], &[99])).await;
    assert!(matches!(refused, Err(Failure::Shelve(ShelveError::UnknownTag(id))) if id.get() == 99));
    assert_eq!(subject.counts().await, [(1, (0, 1)), (2, (0, 0)), (3, (1, 1))].into());
}

/// Changes a photo, as the services do.
pub(super) async fn change(subject: &Subject, id: i64, change: impl Fn(&mut Photo) + Send + Sync) {
    let done: Result<(), Failure> = transact!(subject.store, |tx| {
        let Some(before) = tx.photos().find_for_update(PhotoId::new(id)).await? else { return Ok(()) };
        let mut after = Photo { version: before.version + 1, ..before.clone() };
        change(&mut after);
        let mut wanted = shelving::current(tx, &before).await?;
        wanted.facts = ListingFacts::from(&after);
        tx.photos().update(&after, before.version).await?;
        tx.photos().add_counts(&photo_deltas(Some(&before), Some(&after))).await?;
        shelving::move_photo(tx, after.id, &wanted, now()).await?;
        Ok(())
    });
    done.unwrap();
}

async fn set_status(subject: &Subject, id: i64, status: PhotoStatus) {
    change(subject, id, |photo| photo.status = status).await;
}

/// Removes a photo for good.
pub(super) async fn remove(subject: &Subject, id: i64) {
    let done: Result<(), Failure> = transact!(subject.store, |tx| {
        let Some(photo) = tx.photos().find_for_update(PhotoId::new(id)).await? else { return Ok(()) };
        shelving::remove_photo(tx, photo.id, now()).await?;
        tx.photos().add_counts(&photo_deltas(Some(&photo), None)).await?;
        tx.photos().delete(photo.id, photo.version).await?;
        Ok(())
    });
    done.unwrap();
}

async fn usage(subject: &Subject) -> BTreeMap<i64, (i64, BTreeMap<Day, i64>)> {
    let filter = LabelFilter { sort: LabelSort::Name, hidden: true, ..LabelFilter::default() };
    let page = PageRequest::try_new(1, 100).unwrap();
    let page = subject.labels.list(&filter, Day::of(now()), page).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|label| label.id).collect();
    let mut days = subject.labels.uses(&ids, Day(0)).await.unwrap();
    let mut of = |id| days.remove(&id).unwrap_or_default().into_iter().collect();
    page.items.into_iter().map(|label| (label.id.get(), (label.usage_count, of(label.id)))).collect()
}

/// What nobody sees in lists counts nowhere, and counts again when it is shown again.
pub async fn only_listed_photos_count(subject: Subject) {
    subject.plant(&[category("1")]).await;
    subject.keep(&[photo(1)]).await;
    let tag = subject.resolve(&[(1, "夜景")]).await[0];
    subject.shelve(&photo(1), &shelves(&photo(1), &[1], &[tag])).await.unwrap();
    for (status, counted) in [(PhotoStatus::Published, 1), (PhotoStatus::Archived, 0), (PhotoStatus::Published, 1)] {
        set_status(&subject, 1, status).await;
        assert_eq!(subject.counts().await[&1], (counted, counted), "{status:?}");
        assert_eq!(usage(&subject).await[&tag].0, counted, "{status:?}");
    }
}

/// Neither links nor counts nor places in events.
pub async fn a_removed_photo_leaves_nothing_behind(subject: Subject) {
    subject.plant(&[category("1")]).await;
    subject.keep(&[photo(1)]).await;
    let tag = subject.resolve(&[(1, "夜景")]).await[0];
    subject.shelve(&photo(1), &shelves(&photo(1), &[1], &[tag])).await.unwrap();
    remove(&subject, 1).await;
    let (placed, linked) = subject.links(PhotoId::new(1)).await;
    assert!(placed.is_empty() && linked.is_empty());
    assert_eq!((subject.counts().await[&1], usage(&subject).await[&tag].0), ((0, 0), 0));
}

/// The same throws each time.
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn number(&mut self, sides: usize) -> i64 {
        i64::try_from(self.below(sides)).unwrap()
    }

    pub(super) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap()
    }

    fn some<T: Copy + Ord>(&mut self, of: &[T]) -> BTreeSet<T> {
        of.iter().copied().filter(|_| self.below(3) == 0).collect()
    }
}

pub(super) const PHOTOS: i64 = 6;
const NAMES: [&str; 4] = ["夜景", "城市", "Portrait", "极光"];

async fn category_ids(subject: &Subject) -> Vec<CategoryId> {
    let mut all = subject.categories.all(Kind::Photo).await.unwrap();
    all.sort_by_key(|category| category.id);
    all.into_iter().map(|category| category.id).collect()
}

/// Puts a photo onto other shelves; what vanished meanwhile is part of the game.
async fn reshelve(subject: &Subject, dice: &mut Dice) {
    let id = PhotoId::new(1 + dice.number(6));
    let categories = dice.some(&category_ids(subject).await);
    let primary = categories.first().copied();
    let names: Vec<_> = dice.some(&NAMES).into_iter().collect();
    let drawn: Vec<_> = NAMES.iter().zip(500..).map(|(name, id)| (id + dice.number(1_000_000), *name)).collect();
    let tags: Vec<i64> = if names.is_empty() {
        Vec::new()
    } else {
        subject.resolve(&drawn.into_iter().filter(|(_, name)| names.contains(name)).collect::<Vec<_>>()).await
    };
    let done: Result<(), Failure> = transact!(subject.store, |tx| {
        let Some(photo) = tx.photos().find_for_update(id).await? else { return Ok(()) };
        let mut wanted = shelving::current(tx, &photo).await?;
        wanted.categories.clone_from(&categories);
        wanted.primary = primary;
        wanted.tags = tags.iter().map(|tag| (TagId::new(*tag), Tagging::default())).collect();
        shelving::move_photo(tx, id, &wanted, now()).await?;
        Ok(())
    });
    assert!(matches!(done, Ok(()) | Err(Failure::Shelve(_))), "{done:?}");
}

/// Does something to photos, categories or tags.
pub(super) async fn disturb(subject: &Subject, dice: &mut Dice) {
    let (categories, tags, _) = subject.services();
    let curator = subject.curator();
    let ids = category_ids(subject).await;
    let one = ids[dice.below(ids.len())];
    let other = ids[dice.below(ids.len())];
    let photos: BTreeSet<PhotoId> = dice.some(&[1, 2, 3, 4, 5, 6]).into_iter().map(PhotoId::new).collect();
    match dice.below(10) {
        0..=2 => reshelve(subject, dice).await,
        3 => {
            let status = [PhotoStatus::Draft, PhotoStatus::Published, PhotoStatus::Archived][dice.below(3)];
            set_status(subject, 1 + dice.number(6), status).await;
        }
        4 => {
            let parent = if dice.below(4) == 0 { Patch::Clear } else { Patch::Set(other) };
            let command = EditCategory { parent, ..EditCategory::default() };
            lawful(categories.edit(&curator, Kind::Photo, &one.into(), command).await);
        }
        5 => lawful(categories.add_photos(&curator, &one.into(), &photos, dice.below(2) == 0).await),
        6 => lawful(categories.remove_photos(&curator, &one.into(), &photos).await),
        7 if ids.len() > 3 => {
            let move_to = (dice.below(2) == 0).then_some(other);
            lawful(categories.delete(&curator, Kind::Photo, &one.into(), move_to, None).await);
        }
        8 => {
            let all: Vec<_> = usage(subject).await.into_keys().map(TagId::new).collect();
            if let Some(into) = all.first().copied().filter(|_| all.len() > 2) {
                let from = [all[1 + dice.below(all.len() - 1)]].into();
                lawful(tags.merge(&curator, &from, into).await);
            }
        }
        _ => lawful(categories.create(&curator, Kind::Photo, new_category(Some(one))).await),
    }
}

/// What is refused because somebody else was there first is part of the game, and a store that
/// fails is not.
fn lawful<T>(done: Result<T, impl Classified>) {
    if let Err(error) = done {
        assert!(REFUSALS.contains(&error.category()), "{error:?}");
    }
}

const REFUSALS: [Category; 4] = [Category::Invalid, Category::NotFound, Category::Conflict, Category::Unprocessable];

pub(super) fn new_category(parent: Option<CategoryId>) -> CreateCategory {
    CreateCategory {
        name: CategoryName::parse("城市").unwrap(),
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

/// Compares each kept count with the links themselves.
pub(super) async fn assert_right(subject: &Subject) {
    let all = subject.categories.all(Kind::Photo).await.unwrap();
    let mut direct: BTreeMap<i64, i64> = BTreeMap::new();
    let mut subtree: BTreeMap<i64, i64> = BTreeMap::new();
    let mut uses: BTreeMap<i64, BTreeMap<Day, i64>> = BTreeMap::new();
    for id in 1..=PHOTOS {
        let (placed, linked) = subject.links(PhotoId::new(id)).await;
        let primary = placed.iter().filter(|one| one.is_primary).count();
        assert_eq!(primary, usize::from(!placed.is_empty()), "{placed:?}");
        let view = subject.photos.find_many(&[PhotoId::new(id)]).await.unwrap();
        let facts = ListingFacts::from(&view[0].photo);
        let listed = facts.listed;
        assert!(linked.iter().all(|link| link.facts == facts), "{linked:?}");
        let mut above: BTreeSet<i64> = BTreeSet::new();
        for one in placed {
            assert_eq!(one.facts, facts);
            let category = all.iter().find(|category| category.id == one.category).unwrap();
            if listed {
                *direct.entry(one.category.get()).or_default() += 1;
                above.extend(category.path.ids().iter().map(|id| id.get()));
            }
        }
        for id in above {
            *subtree.entry(id).or_default() += 1;
        }
        for link in linked {
            assert_eq!(link.used_on.is_some(), listed);
            if let Some(day) = link.used_on {
                *uses.entry(link.tag.get()).or_default().entry(day).or_default() += 1;
            }
        }
    }
    for category in &all {
        let id = category.id.get();
        let expected = [&direct, &subtree].map(|counts| counts.get(&id).copied().unwrap_or_default());
        assert_eq!([category.direct_count, category.subtree_count], expected, "category {id}");
        let above = category.parent().map(|parent| all.iter().find(|one| one.id == parent).unwrap());
        let path = above.map_or(String::new(), |above| format!("{}/", above.path));
        assert_eq!(category.path.to_string(), format!("{path}{id}"));
    }
    for (id, (count, days)) in usage(subject).await {
        let expected = uses.remove(&id).unwrap_or_default();
        assert_eq!((count, days), (expected.values().sum::<i64>(), expected), "tag {id}");
    }
}

pub(super) async fn set_up(subject: &Subject) {
    subject.keep(&(1..=PHOTOS).map(photo).collect::<Vec<_>>()).await;
    let (categories, ..) = subject.services();
    for _ in 0..4 {
        categories.create(&subject.curator(), Kind::Photo, new_category(None)).await.unwrap();
    }
}

/// After any steps every kept count is what the links say.
pub async fn counts_never_drift(subject: Subject) {
    set_up(&subject).await;
    let mut dice = Dice(20_260_115);
    for step in 0..120 {
        disturb(&subject, &mut dice).await;
        if step % 20 == 19 {
            assert_right(&subject).await;
        }
    }
}

/// Also when several do it to the same photos, categories and tags at once.
pub async fn counts_never_drift_among_rivals(subject: Subject) {
    set_up(&subject).await;
    let rivals = (1..=4).map(|seed| {
        let subject = &subject;
        async move {
            let mut dice = Dice(seed);
            for _ in 0..15 {
                disturb(subject, &mut dice).await;
            }
        }
    });
    join_all(rivals).await;
    assert_right(&subject).await;
}
