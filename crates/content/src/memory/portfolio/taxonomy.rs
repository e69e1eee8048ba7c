use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;

use super::{MemoryPortfolio, MemoryPortfolioTx};
use crate::model::{
    Category, CategoryId, CategoryOutline, Key, Kind, Label, PhotoId, SortKeys, Source, TagId, TagName, Tagging,
    TimelineEvent, TimelineEventId, TreePath,
};
use crate::ports::{
    CategoryKey, CategoryQueries, CategoryRepository, CategoryWriteError, CountDelta, EventWriteError, LabelRepository,
    LabelWriteError, PhotoSort, Placement, RenewedNames, ShelfRepository, TagLink, TimelineRepository, UsageDelta,
};

/// Categories, tags, events, and what is sorted by them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sorted {
    categories: BTreeMap<CategoryId, Category>,
    labels: BTreeMap<TagId, Label>,
    placements: BTreeMap<(PhotoId, CategoryId), Placement>,
    /// What each category lists.
    listings: BTreeSet<(CategoryId, PhotoId)>,
    links: BTreeMap<(PhotoId, TagId), TagLink>,
    events: BTreeMap<TimelineEventId, TimelineEvent>,
}

impl MemoryPortfolio {
    /// Puts a category of photos in place without a service.
    pub fn put_category(&self, category: &Category) {
        self.state().sorted.categories.insert(category.id, category.clone());
    }

    /// A category as it is.
    pub fn category(&self, id: CategoryId) -> Option<Category> {
        self.state().sorted.categories.get(&id).cloned()
    }

    /// A tag of photos as it is.
    pub fn label(&self, id: TagId) -> Option<Label> {
        self.state().sorted.labels.get(&id).cloned()
    }

    /// Where a photo is placed.
    pub fn placements(&self, photo: PhotoId) -> Vec<Placement> {
        let all = &self.state().sorted.placements;
        all.iter().filter(|((one, _), _)| *one == photo).map(|(_, placement)| placement.clone()).collect()
    }

    /// The tags of a photo.
    pub fn tag_links(&self, photo: PhotoId) -> Vec<TagLink> {
        let all = &self.state().sorted.links;
        all.iter().filter(|((one, _), _)| *one == photo).map(|(_, link)| link.clone()).collect()
    }
}

impl Sorted {
    fn slug_is_free(&self, category: &Category) -> Result<(), CategoryWriteError> {
        let mut others = self.categories.values().filter(|one| one.id != category.id && one.kind == category.kind);
        if others.any(|one| one.slug == category.slug) { Err(CategoryWriteError::SlugTaken) } else { Ok(()) }
    }

    fn label_is_free(&self, label: &Label) -> Result<(), LabelWriteError> {
        let others = || self.labels.values().filter(|one| one.id != label.id);
        if others().any(|one| one.name.key() == label.name.key()) {
            return Err(LabelWriteError::NameTaken);
        }
        if others().any(|one| one.slug == label.slug) { Err(LabelWriteError::SlugTaken) } else { Ok(()) }
    }

    /// The photos in a category or below it.
    fn below(&self, id: CategoryId) -> impl Iterator<Item = (PhotoId, &Placement)> {
        let at = move |category: &CategoryId| self.categories.get(category).is_some_and(|one| one.path.contains(id));
        self.placements.iter().filter(move |((_, category), _)| at(category)).map(|((photo, _), one)| (*photo, one))
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[async_trait]
impl CategoryRepository for MemoryPortfolioTx {
    async fn lock_tree(&mut self, _kind: Kind) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find_many(&mut self, kind: Kind, ids: &[CategoryId]) -> Result<Vec<Category>, StoreError> {
        let found = ids.iter().filter_map(|id| self.state.sorted.categories.get(id));
        Ok(found.filter(|category| category.kind == kind).cloned().collect())
    }

    async fn subtree(&mut self, kind: Kind, path: &TreePath) -> Result<Vec<Category>, StoreError> {
        let all = self.state.sorted.categories.values();
        let mut found: Vec<_> =
            all.filter(|one| one.kind == kind && one.path.moved(path, path).is_some()).cloned().collect();
        found.sort_by_key(|category| category.path.level());
        Ok(found)
    }

    async fn insert(&mut self, category: &Category) -> Result<(), CategoryWriteError> {
        self.state.sorted.slug_is_free(category)?;
        self.state.sorted.categories.insert(category.id, category.clone());
        Ok(())
    }

    async fn update(&mut self, category: &Category, expected: i64) -> Result<(), CategoryWriteError> {
        self.state.sorted.slug_is_free(category)?;
        let stored = self.state.sorted.categories.get_mut(&category.id).filter(|one| one.version == expected);
        let stored = stored.ok_or(CategoryWriteError::Stale)?;
        let (direct_count, subtree_count) = (stored.direct_count, stored.subtree_count);
        *stored = Category { direct_count, subtree_count, ..category.clone() };
        Ok(())
    }

    async fn move_below(&mut self, kind: Kind, from: &TreePath, to: &TreePath) -> Result<(), StoreError> {
        for category in self.state.sorted.categories.values_mut().filter(|one| one.kind == kind) {
            category.path = category.path.moved(from, to).unwrap_or_else(|| category.path.clone());
        }
        Ok(())
    }

    async fn delete(&mut self, id: CategoryId, expected: i64) -> Result<(), CategoryWriteError> {
        let stored = self.state.sorted.categories.get(&id).filter(|one| one.version == expected);
        stored.ok_or(CategoryWriteError::Stale)?;
        self.state.sorted.categories.remove(&id);
        Ok(())
    }

    async fn add_counts(&mut self, deltas: &[CountDelta]) -> Result<(), StoreError> {
        for delta in deltas {
            if let Some(category) = self.state.sorted.categories.get_mut(&delta.category) {
                category.direct_count += delta.direct;
                category.subtree_count += delta.subtree;
            }
        }
        Ok(())
    }

    async fn relist(
        &mut self,
        category: CategoryId,
        left: &[CategoryId],
        joined: &[CategoryId],
    ) -> Result<Vec<CountDelta>, StoreError> {
        let sorted = &mut self.state.sorted;
        let all: Vec<_> = sorted.listings.iter().filter(|(id, _)| *id == category).map(|(_, photo)| *photo).collect();
        let delta = |id: &CategoryId, subtree| CountDelta { category: *id, direct: 0, subtree };
        let mut deltas = Vec::new();
        for id in joined {
            let came = all.iter().filter(|photo| sorted.listings.insert((*id, **photo))).count();
            deltas.push(delta(id, count(came)));
        }
        for id in left {
            let kept: BTreeSet<_> =
                sorted.below(*id).filter(|(_, one)| one.facts.listed).map(|(photo, _)| photo).collect();
            let gone = all.iter().filter(|photo| !kept.contains(*photo) && sorted.listings.remove(&(*id, **photo)));
            deltas.push(delta(id, -count(gone.count())));
        }
        Ok(deltas)
    }

    async fn holds(&mut self, _kind: Kind, id: CategoryId) -> Result<u64, StoreError> {
        Ok(self.state.sorted.placements.keys().filter(|(_, category)| *category == id).count() as u64)
    }

    async fn move_all(&mut self, _kind: Kind, from: CategoryId, to: Option<CategoryId>) -> Result<i64, StoreError> {
        let all = std::mem::take(&mut self.state.sorted.placements);
        let (moving, mut staying): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|((_, category), _)| *category == from);
        let mut came = 0;
        for ((photo, _), placement) in moving {
            let Some(to) = to else {
                let heir = staying.iter_mut().find(|((one, _), _)| *one == photo).filter(|_| placement.is_primary);
                if let Some((_, heir)) = heir {
                    heir.is_primary = true;
                }
                continue;
            };
            came += usize::from(placement.facts.listed && !staying.contains_key(&(photo, to)));
            let placed = staying.entry((photo, to)).or_insert(Placement { category: to, ..placement });
            placed.is_primary |= placement.is_primary;
        }
        self.state.sorted.placements = staying;
        Ok(count(came))
    }

    async fn clear_covers(&mut self, photo: PhotoId, keep: &[CategoryId]) -> Result<(), StoreError> {
        for category in self.state.sorted.categories.values_mut().filter(|one| !keep.contains(&one.id)) {
            category.cover = category.cover.filter(|cover| *cover != photo);
        }
        Ok(())
    }

    async fn drop_lost_covers(&mut self, ids: &[CategoryId]) -> Result<(), StoreError> {
        let sorted = &mut self.state.sorted;
        for id in ids {
            let below: BTreeSet<_> = sorted.below(*id).map(|(photo, _)| photo).collect();
            if let Some(category) = sorted.categories.get_mut(id) {
                category.cover = category.cover.filter(|cover| below.contains(cover));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl CategoryQueries for MemoryPortfolio {
    async fn all(&self, kind: Kind) -> Result<Vec<Category>, StoreError> {
        Ok(self.state().sorted.categories.values().filter(|one| one.kind == kind).cloned().collect())
    }

    async fn outlines(&self, kind: Kind) -> Result<Vec<CategoryOutline>, StoreError> {
        let outline = |Category { id, name, path, is_active, .. }| CategoryOutline { id, name, path, is_active };
        Ok(self.all(kind).await?.into_iter().map(outline).collect())
    }

    async fn find_each(&self, kind: Kind, ids: &[CategoryId]) -> Result<Vec<Category>, StoreError> {
        Ok(self.all(kind).await?.into_iter().filter(|one| ids.contains(&one.id)).collect())
    }

    async fn find(&self, kind: Kind, key: &CategoryKey) -> Result<Option<Category>, StoreError> {
        let is_it = |one: &&Category| match key {
            Key::Id(id) => one.id == *id,
            Key::Slug(slug) => one.slug == *slug,
            Key::Neither(_) => false,
        };
        Ok(self.state().sorted.categories.values().filter(|one| one.kind == kind).find(is_it).cloned())
    }
}

#[async_trait]
impl LabelRepository for MemoryPortfolioTx {
    async fn ensure(&mut self, names: &[(TagId, TagName)], now: DateTime<Utc>) -> Result<Vec<Label>, StoreError> {
        let sorted = &mut self.state.sorted;
        let mut found = Vec::new();
        for (id, name) in names {
            let known = sorted.labels.values().find(|label| label.name.key() == name.key()).cloned();
            let label = known.unwrap_or_else(|| {
                let mut label = Label::named(*id, name.clone(), now);
                if sorted.labels.values().any(|one| one.slug == label.slug) {
                    label.slug = label.slug.with_id(id);
                }
                label
            });
            sorted.labels.insert(label.id, label.clone());
            found.push(label);
        }
        Ok(found)
    }

    async fn find_many_for_update(&mut self, ids: &[TagId]) -> Result<Vec<Label>, StoreError> {
        Ok(self.state.sorted.labels.values().filter(|label| ids.contains(&label.id)).cloned().collect())
    }

    async fn insert(&mut self, label: &Label) -> Result<(), LabelWriteError> {
        self.state.sorted.label_is_free(label)?;
        self.state.sorted.labels.insert(label.id, label.clone());
        Ok(())
    }

    async fn update(&mut self, label: &Label, expected: i64) -> Result<(), LabelWriteError> {
        self.state.sorted.label_is_free(label)?;
        let stored = self.state.sorted.labels.get_mut(&label.id).filter(|one| one.version == expected);
        let stored = stored.ok_or(LabelWriteError::Stale)?;
        *stored = Label { usage_count: stored.usage_count, last_used_at: stored.last_used_at, ..label.clone() };
        Ok(())
    }

    async fn delete(&mut self, id: TagId, expected: i64) -> Result<(), LabelWriteError> {
        let stored = self.state.sorted.labels.get(&id).filter(|one| one.version == expected);
        stored.ok_or(LabelWriteError::Stale)?;
        self.state.sorted.labels.remove(&id);
        self.state.sorted.links.retain(|(_, tag), _| *tag != id);
        Ok(())
    }

    async fn add_usage(&mut self, deltas: &[UsageDelta]) -> Result<(), StoreError> {
        for delta in deltas {
            if let Some(label) = self.state.sorted.labels.get_mut(&delta.tag) {
                label.usage_count += delta.uses;
                label.last_used_at = delta.used_at.or(label.last_used_at);
            }
        }
        Ok(())
    }

    async fn merge(&mut self, from: &[TagId], into: TagId) -> Result<u64, StoreError> {
        let sorted = &mut self.state.sorted;
        let all = std::mem::take(&mut sorted.links);
        let (moving, mut staying): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|((_, tag), _)| from.contains(tag));
        let had = staying.len();
        for ((photo, _), link) in moving {
            let kept = staying.entry((photo, into)).or_insert(TagLink { tag: into, ..link });
            if link.tagging.source == Source::Manual && kept.tagging.source != Source::Manual {
                kept.tagging = Tagging { source: Source::Manual, confidence: None };
            }
        }
        let moved = (staying.len() - had) as u64;
        let uses = staying.values().filter(|link| link.tag == into && link.used_on.is_some()).count();
        sorted.links = staying;
        let last = sorted.labels.values().filter(|label| from.contains(&label.id) || label.id == into);
        let last_used_at = last.filter_map(|label| label.last_used_at).max();
        sorted.labels.retain(|id, _| !from.contains(id));
        if let Some(label) = sorted.labels.get_mut(&into) {
            label.usage_count = count(uses);
            label.last_used_at = last_used_at;
        }
        Ok(moved)
    }

    async fn renew_names(&mut self, after: TagId, limit: u64) -> Result<RenewedNames, StoreError> {
        // Nothing is kept beside a name here.
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let last = self.state.sorted.labels.keys().copied().filter(|id| *id > after).take(limit).last();
        Ok(RenewedNames { last, changed: 0 })
    }
}

#[async_trait]
impl ShelfRepository for MemoryPortfolioTx {
    async fn placements(&mut self, photo: PhotoId) -> Result<Vec<Placement>, StoreError> {
        let all = &self.state.sorted.placements;
        Ok(all.iter().filter(|((one, _), _)| *one == photo).map(|(_, placement)| placement.clone()).collect())
    }

    async fn tag_links(&mut self, photo: PhotoId) -> Result<Vec<TagLink>, StoreError> {
        let all = &self.state.sorted.links;
        Ok(all.iter().filter(|((one, _), _)| *one == photo).map(|(_, link)| link.clone()).collect())
    }

    async fn put_placements(&mut self, photo: PhotoId, placements: &[Placement]) -> Result<(), StoreError> {
        self.state.sorted.placements.extend(placements.iter().map(|one| ((photo, one.category), one.clone())));
        Ok(())
    }

    async fn put_tag_links(&mut self, photo: PhotoId, links: &[TagLink]) -> Result<(), StoreError> {
        self.state.sorted.links.extend(links.iter().map(|link| ((photo, link.tag), link.clone())));
        Ok(())
    }

    async fn remove_placements(&mut self, photo: PhotoId, categories: &[CategoryId]) -> Result<(), StoreError> {
        self.state.sorted.placements.retain(|(one, category), _| *one != photo || !categories.contains(category));
        Ok(())
    }

    async fn remove_tag_links(&mut self, photo: PhotoId, tags: &[TagId]) -> Result<(), StoreError> {
        self.state.sorted.links.retain(|(one, tag), _| *one != photo || !tags.contains(tag));
        Ok(())
    }

    async fn put_listings(
        &mut self,
        photo: PhotoId,
        categories: &[CategoryId],
        _keys: &SortKeys,
    ) -> Result<(), StoreError> {
        self.state.sorted.listings.extend(categories.iter().map(|id| (*id, photo)));
        Ok(())
    }

    async fn remove_listings(&mut self, photo: PhotoId, categories: &[CategoryId]) -> Result<(), StoreError> {
        self.state.sorted.listings.retain(|(id, one)| *one != photo || !categories.contains(id));
        Ok(())
    }

    async fn tags_of(&mut self, photos: &[PhotoId]) -> Result<Vec<TagId>, StoreError> {
        let links = self.state.sorted.links.keys().filter(|(photo, _)| photos.contains(photo));
        Ok(links.map(|(_, tag)| *tag).collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn sort_anew(&mut self, photos: &[PhotoId], sorts: &[PhotoSort]) -> Result<(), StoreError> {
        let sorted = &mut self.state.sorted;
        let placed = sorted.placements.iter_mut().map(|((photo, _), one)| (photo, &mut one.facts.keys));
        let linked = sorted.links.iter_mut().map(|((photo, _), link)| (photo, &mut link.facts.keys));
        for (photo, keys) in placed.chain(linked).filter(|(photo, _)| photos.contains(photo)) {
            let Some(row) = self.state.photos.get(photo) else { continue };
            let said = SortKeys::from(&row.photo);
            for sort in sorts {
                match sort {
                    PhotoSort::CreatedAt => keys.created_at = said.created_at,
                    PhotoSort::TakenAt => keys.shown_at = said.shown_at,
                    PhotoSort::Title => keys.title.clone_from(&said.title),
                    PhotoSort::SortOrder => keys.sort_order = said.sort_order,
                }
            }
        }
        Ok(())
    }

    async fn leave_events(&mut self, photo: PhotoId) -> Result<(), StoreError> {
        for event in self.state.sorted.events.values_mut() {
            event.photos.retain(|one| *one != photo);
        }
        Ok(())
    }
}

#[async_trait]
impl TimelineRepository for MemoryPortfolioTx {
    async fn find_for_update(&mut self, id: TimelineEventId) -> Result<Option<TimelineEvent>, StoreError> {
        Ok(self.state.sorted.events.get(&id).cloned())
    }

    async fn insert(&mut self, event: &TimelineEvent) -> Result<(), StoreError> {
        self.state.sorted.events.insert(event.id, event.clone());
        Ok(())
    }

    async fn update(&mut self, event: &TimelineEvent, expected: i64) -> Result<(), EventWriteError> {
        let stored = self.state.sorted.events.get_mut(&event.id).filter(|one| one.version == expected);
        *stored.ok_or(EventWriteError::Stale)? = event.clone();
        Ok(())
    }

    async fn delete(&mut self, id: TimelineEventId, expected: i64) -> Result<(), EventWriteError> {
        let stored = self.state.sorted.events.get(&id).filter(|one| one.version == expected);
        stored.ok_or(EventWriteError::Stale)?;
        self.state.sorted.events.remove(&id);
        Ok(())
    }
}
