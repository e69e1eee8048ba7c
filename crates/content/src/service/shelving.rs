//! Where photos are put: the one way in which their links to categories and tags change,
//! so that what these count is right at the end of every transaction.
//!
//! Who changes a photo's categories or tags, or whether it is listed, or what its lists
//! are sorted by, calls [`move_photo`] in the same transaction while holding the photo; who
//! changes what lists are sorted by of many photos and nothing else, [`sort_anew`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::error::ShelveError;
use crate::events::{self, Occasion};
use crate::model::{CategoryId, Day, Found, Kind, Photo, PhotoId, Shelves, TagId, TreePath};
use crate::ports::{
    CategoryRepository, CountDelta, PhotoSort, PhotoWriteError, Placement, PortfolioTx, TagLink, UsageDelta,
};
use sharestack_kernel::error::StoreError;

/// Where a photo, which the caller holds, stands now.
///
/// # Errors
/// The store's.
pub async fn current(tx: &mut dyn PortfolioTx, photo: &Photo) -> Result<Shelves, StoreError> {
    let placed = tx.shelves().placements(photo.id).await?;
    let linked = tx.shelves().tag_links(photo.id).await?;
    let found = Found {
        categories: placed.iter().map(|one| one.category).collect(),
        tags: linked.iter().map(|link| link.tag).collect(),
    };
    Ok(Shelves {
        found,
        primary: placed.iter().find(|one| one.is_primary).map(|one| one.category),
        categories: placed.iter().map(|one| one.category).collect(),
        tags: linked.iter().map(|link| (link.tag, link.tagging)).collect(),
        ..Shelves::empty(photo)
    })
}

/// Puts a photo, which the caller holds, on these shelves. What it leaves and what it
/// comes to counts and lists accordingly: a category counts the listed photos in it, and
/// counts and lists those in it and below it, each once; a tag counts the listed photos that
/// have it.
///
/// # Errors
/// For a category or a tag that is not there; nothing is to be committed then. One that was
/// found on the photo and went meanwhile makes the transaction run again.
pub async fn move_photo(
    tx: &mut dyn PortfolioTx,
    photo: PhotoId,
    after: &Shelves,
    now: DateTime<Utc>,
) -> Result<(), ShelveError> {
    place_photo(tx, photo, after).await?;
    move_tags(tx, photo, after, now).await
}

/// Puts a photo, which the caller holds, on other shelves than it is on: that is another version
/// of it, and is told.
///
/// # Errors
/// As [`move_photo`].
pub(crate) async fn reshelve<E>(
    tx: &mut dyn PortfolioTx,
    before: &Photo,
    after: &Shelves,
    (occasion, now): (Occasion, DateTime<Utc>),
) -> Result<(), E>
where
    E: From<PhotoWriteError> + From<ShelveError> + From<StoreError>,
{
    let mut photo = before.clone();
    photo.touch(now);
    tx.photos().update(&photo, before.version).await?;
    move_photo(tx, photo.id, after, now).await?;
    Ok(tx.outbox().append(&occasion.of_photo(events::PHOTO_UPDATED, &photo)).await?)
}

/// Writes to the links of photos what their lists are sorted by, as the photos, which the caller
/// holds and has written, say it now: for who changes `sorts` of many photos and nothing else. What
/// counts them stays as it is.
///
/// # Errors
/// The store's.
pub async fn sort_anew(tx: &mut dyn PortfolioTx, photos: &[PhotoId], sorts: &[PhotoSort]) -> Result<(), StoreError> {
    if photos.is_empty() {
        return Ok(());
    }
    tx.categories().lock_tree(Kind::Photo).await?;
    let tags = tx.shelves().tags_of(photos).await?;
    tx.labels().find_many_for_update(&tags).await?;
    // Only now nobody copies links from category to category or from tag to tag.
    if tx.shelves().tags_of(photos).await?.iter().any(|tag| !tags.contains(tag)) {
        return Err(merged());
    }
    tx.shelves().sort_anew(photos, sorts).await
}

/// Running again finds the photo with the tag that it has now.
fn merged() -> StoreError {
    StoreError::Transient("tags of a photo were merged".into())
}

/// Takes a photo, which the caller holds and removes for good, from everything it is on.
///
/// # Errors
/// The store's.
pub async fn remove_photo(tx: &mut dyn PortfolioTx, photo: PhotoId, now: DateTime<Utc>) -> Result<(), ShelveError> {
    move_photo(tx, photo, &Shelves::default(), now).await?;
    Ok(tx.shelves().leave_events(photo).await?)
}

/// The first half of [`move_photo`], which says nothing of tags: for who holds tags before they
/// move a photo. Others who move it hold the tree before its tags.
pub(crate) async fn place_photo(tx: &mut dyn PortfolioTx, photo: PhotoId, after: &Shelves) -> Result<(), ShelveError> {
    let (facts, primary) = (&after.facts, after.primary());
    let wanted: Vec<Placement> = after
        .categories
        .iter()
        .map(|id| Placement { category: *id, is_primary: primary == Some(*id), facts: facts.clone() })
        .collect();
    if tx.shelves().placements(photo).await? == wanted {
        return Ok(());
    }
    tx.categories().lock_tree(Kind::Photo).await?;
    // Only now nobody moves photos from category to category.
    let placed = tx.shelves().placements(photo).await?;
    let touched: BTreeSet<CategoryId> = placed.iter().chain(&wanted).map(|one| one.category).collect();
    let paths = paths(tx.categories(), Kind::Photo, &touched).await?;
    if let Some(unknown) = after.categories.iter().find(|id| !paths.contains_key(id)) {
        let went = after.found.categories.contains(unknown);
        return Err(if went { vanished("category") } else { ShelveError::UnknownCategory(*unknown) });
    }
    let gone: Vec<CategoryId> =
        placed.iter().map(|one| one.category).filter(|id| !after.categories.contains(id)).collect();
    let changed: Vec<Placement> = wanted.iter().filter(|one| !placed.contains(one)).cloned().collect();
    tx.shelves().remove_placements(photo, &gone).await?;
    tx.shelves().put_placements(photo, &changed).await?;
    let (before, now) = (Listed::by(&placed, &paths), Listed::by(&wanted, &paths));
    let left: Vec<CategoryId> = (&before.lists - &now.lists).into_iter().collect();
    let sorted_anew = placed.iter().any(|one| one.facts != *facts);
    let joined: Vec<CategoryId> =
        now.lists.iter().filter(|id| sorted_anew || !before.lists.contains(id)).copied().collect();
    tx.shelves().remove_listings(photo, &left).await?;
    tx.shelves().put_listings(photo, &joined, &facts.keys).await?;
    tx.categories().add_counts(&deltas(&before, &now)).await?;
    if !gone.is_empty() {
        let keep: BTreeSet<CategoryId> =
            after.categories.iter().flat_map(|id| paths[id].ids().iter().copied()).collect();
        tx.categories().clear_covers(photo, &keep.into_iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// Running again finds the photo without it.
fn vanished(what: &str) -> ShelveError {
    StoreError::Transient(format!("a photo's {what} went meanwhile").into()).into()
}

/// Where a photo stands that is listed.
struct Listed {
    /// The categories that it is in.
    places: BTreeSet<CategoryId>,
    /// Those whose lists it stands in: those that it is in, and all above them.
    lists: BTreeSet<CategoryId>,
}

impl Listed {
    fn by(placements: &[Placement], paths: &BTreeMap<CategoryId, TreePath>) -> Self {
        Self::at(placements.iter().filter(|one| one.facts.listed).map(|one| one.category), paths)
    }

    fn at(places: impl Iterator<Item = CategoryId>, paths: &BTreeMap<CategoryId, TreePath>) -> Self {
        let places: BTreeSet<CategoryId> = places.collect();
        let ways = places.iter().filter_map(|id| paths.get(id));
        let lists = ways.flat_map(|path| path.ids().iter().copied()).collect();
        Self { places, lists }
    }
}

async fn paths(
    categories: &mut dyn CategoryRepository,
    kind: Kind,
    ids: &BTreeSet<CategoryId>,
) -> Result<BTreeMap<CategoryId, TreePath>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = categories.find_many(kind, &ids.iter().copied().collect::<Vec<_>>()).await?;
    Ok(found.into_iter().map(|category| (category.id, category.path)).collect())
}

/// What it changes about the counts that a photo stands there `now` and no longer as `before`.
fn deltas(before: &Listed, now: &Listed) -> Vec<CountDelta> {
    let change = |before: &BTreeSet<CategoryId>, now: &BTreeSet<CategoryId>, id: CategoryId| {
        i64::from(now.contains(&id)) - i64::from(before.contains(&id))
    };
    before
        .lists
        .union(&now.lists)
        .map(|id| CountDelta {
            category: *id,
            direct: change(&before.places, &now.places, *id),
            subtree: change(&before.lists, &now.lists, *id),
        })
        .filter(|delta| delta.direct != 0 || delta.subtree != 0)
        .collect()
}

async fn move_tags(
    tx: &mut dyn PortfolioTx,
    photo: PhotoId,
    after: &Shelves,
    now: DateTime<Utc>,
) -> Result<(), ShelveError> {
    let linked = tx.shelves().tag_links(photo).await?;
    if links(&linked, after, now) == linked {
        return Ok(());
    }
    let touched: BTreeSet<TagId> = linked.iter().map(|link| link.tag).chain(after.tags.keys().copied()).collect();
    let held = tx.labels().find_many_for_update(&touched.iter().copied().collect::<Vec<_>>()).await?;
    if let Some(unknown) = after.tags.keys().find(|id| !held.iter().any(|label| label.id == **id)) {
        let went = after.found.tags.contains(unknown);
        return Err(if went { vanished("tag") } else { ShelveError::UnknownTag(*unknown) });
    }
    // Only now nobody merges one of the tags with another.
    let linked = tx.shelves().tag_links(photo).await?;
    if linked.iter().any(|link| !touched.contains(&link.tag)) {
        return Err(merged().into());
    }
    let wanted = links(&linked, after, now);
    let gone: Vec<TagId> = linked.iter().map(|link| link.tag).filter(|tag| !after.tags.contains_key(tag)).collect();
    let changed: Vec<TagLink> = wanted.iter().filter(|link| !linked.contains(link)).cloned().collect();
    tx.labels().add_usage(&usage(&linked, &wanted, now)).await?;
    tx.shelves().remove_tag_links(photo, &gone).await?;
    Ok(tx.shelves().put_tag_links(photo, &changed).await?)
}

/// The links that a photo is to have. One that counts already goes on from its day.
fn links(linked: &[TagLink], after: &Shelves, now: DateTime<Utc>) -> Vec<TagLink> {
    let since = |tag: TagId| linked.iter().find(|link| link.tag == tag).and_then(|link| link.used_on);
    let used_on = |tag: TagId| after.facts.listed.then(|| since(tag).unwrap_or_else(|| Day::of(now)));
    after
        .tags
        .iter()
        .map(|(tag, tagging)| TagLink {
            tag: *tag,
            tagging: *tagging,
            used_on: used_on(*tag),
            facts: after.facts.clone(),
        })
        .collect()
}

/// What a change of links does to the usage of tags, in the order of their ids.
fn usage(before: &[TagLink], after: &[TagLink], now: DateTime<Utc>) -> Vec<UsageDelta> {
    let days = |links: &[TagLink]| -> BTreeMap<TagId, Day> {
        links.iter().filter_map(|link| Some((link.tag, link.used_on?))).collect()
    };
    let (before, after) = (days(before), days(after));
    let tags: BTreeSet<TagId> = before.keys().chain(after.keys()).copied().collect();
    let change = |tag: TagId| match (before.get(&tag), after.get(&tag)) {
        (None, Some(day)) => Some(UsageDelta { tag, day: *day, uses: 1, used_at: Some(now) }),
        (Some(day), None) => Some(UsageDelta { tag, day: *day, uses: -1, used_at: None }),
        _ => None,
    };
    tags.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_in_two_children_counts_once_above() {
        let paths: BTreeMap<_, _> = [(1, "1"), (2, "1/2"), (3, "1/3")]
            .map(|(id, path)| (CategoryId::new(id), TreePath::parse(path).unwrap()))
            .into();
        let delta = |category, direct, subtree| CountDelta { category: CategoryId::new(category), direct, subtree };
        let at = |ids: &[i64]| Listed::at(ids.iter().copied().map(CategoryId::new), &paths);
        assert_eq!(deltas(&at(&[]), &at(&[2, 3])), [delta(1, 0, 1), delta(2, 1, 1), delta(3, 1, 1)]);
        assert_eq!(deltas(&at(&[2, 3]), &at(&[3])), [delta(2, -1, -1)]);
        assert_eq!(deltas(&at(&[3]), &at(&[1])), [delta(1, 1, 0), delta(3, -1, -1)]);
        assert!(deltas(&at(&[1]), &at(&[1])).is_empty());
    }
}
