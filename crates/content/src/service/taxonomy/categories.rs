use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::{TaxonomyPorts, Telling};
use crate::error::CategoryError;
use crate::events;
use crate::model::{
    Category, CategoryId, CategoryName, Colour, Icon, Kind, MAX_LEVEL, Note, Photo, PhotoId, SeoDescription, SeoTitle,
    Shelves, Slug, TreePath, romanised,
};
use crate::ports::{CategoryKey, PhotoView, PortfolioTx};
use crate::service::shelving;

/// A new category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCategory {
    /// Its name.
    pub name: CategoryName,
    /// Its address; `None` makes one from the name.
    pub slug: Option<Slug>,
    /// What it is about.
    pub description: Option<Note>,
    /// The category above it.
    pub parent: Option<CategoryId>,
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its icon.
    pub icon: Option<Icon>,
    /// Where it stands among its siblings.
    pub sort_order: i64,
    /// Whether visitors see it.
    pub is_active: bool,
    /// Whether it is shown first.
    pub is_featured: bool,
    /// Its title for search engines.
    pub seo_title: Option<SeoTitle>,
    /// Its description for search engines.
    pub seo_description: Option<SeoDescription>,
}

/// Changes to a category. What is `None` or kept stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditCategory {
    /// A new name.
    pub name: Option<CategoryName>,
    /// A new address.
    pub slug: Option<Slug>,
    /// A new description.
    pub description: Patch<Note>,
    /// Another category above it; none when it is cleared.
    pub parent: Patch<CategoryId>,
    /// A new colour.
    pub colour: Patch<Colour>,
    /// A new icon.
    pub icon: Patch<Icon>,
    /// A new place among its siblings.
    pub sort_order: Option<i64>,
    /// Whether visitors see it.
    pub is_active: Option<bool>,
    /// Whether it is shown first.
    pub is_featured: Option<bool>,
    /// A new title for search engines.
    pub seo_title: Patch<SeoTitle>,
    /// A new description for search engines.
    pub seo_description: Patch<SeoDescription>,
    /// The change is refused as stale unless the category has one of these versions.
    pub if_version: Option<Vec<i64>>,
}

/// What somebody wants to do with a category.
#[derive(Debug, Clone, Copy)]
enum Act {
    Create,
    Update,
    Delete,
}

/// The right that it takes.
const fn right(kind: Kind, act: Act) -> &'static str {
    match (kind, act) {
        (Kind::Photo, Act::Create) => "category.create",
        (Kind::Photo, Act::Update) => "category.update",
        (Kind::Photo, Act::Delete) => "category.delete",
        (Kind::Article, Act::Create) => "article_category.create",
        (Kind::Article, Act::Update) => "article_category.update",
        (Kind::Article, Act::Delete) => "article_category.delete",
    }
}

/// Makes, changes, moves and removes categories of photos and of articles, and puts photos
/// into them.
#[derive(Clone)]
pub struct Categories {
    ports: TaxonomyPorts,
}

impl Categories {
    /// The service over these ports.
    pub const fn new(ports: TaxonomyPorts) -> Self {
        Self { ports }
    }

    /// All categories as a tree is read: each before those below it, siblings by their place,
    /// then by age. What is hidden hides what is below it, but for who may change categories.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, kind: Kind, actor: Option<&Actor>) -> Result<Vec<Category>, StoreError> {
        let mut children: BTreeMap<Option<CategoryId>, Vec<Category>> = BTreeMap::new();
        for category in self.ports.categories.all(kind).await? {
            children.entry(category.parent()).or_default().push(category);
        }
        for siblings in children.values_mut() {
            // The last comes first: it is taken from the end.
            siblings.sort_by_key(|category| std::cmp::Reverse((category.sort_order, category.id)));
        }
        let sees_all = sees_hidden(kind, actor);
        let mut waiting = children.remove(&None).unwrap_or_default();
        let mut listed = Vec::new();
        while let Some(category) = waiting.pop() {
            if sees_all || category.is_active {
                waiting.extend(children.remove(&Some(category.id)).unwrap_or_default());
                listed.push(category);
            }
        }
        Ok(listed)
    }

    /// One category, and those on the way to it, the root first.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub async fn read(
        &self,
        kind: Kind,
        actor: Option<&Actor>,
        key: &CategoryKey,
    ) -> Result<(Category, Vec<Category>), CategoryError> {
        let missing = || CategoryError::Missing(key.clone());
        let found = self.ports.categories.find(kind, key).await?.ok_or_else(missing)?;
        let way = self.way(&found).await?;
        let hidden = !found.is_active || way.iter().any(|one| !one.is_active);
        if hidden && !sees_hidden(kind, actor) {
            return Err(missing());
        }
        Ok((found, way))
    }

    /// The categories above one, the root first.
    ///
    /// # Errors
    /// The store's.
    pub async fn way(&self, category: &Category) -> Result<Vec<Category>, StoreError> {
        if category.parent().is_none() {
            return Ok(Vec::new());
        }
        let all = self.ports.categories.all(category.kind).await?;
        let above = category.path.ids().iter().filter(|id| **id != category.id);
        Ok(above.filter_map(|id| all.iter().find(|one| one.id == *id).cloned()).collect())
    }

    /// The photos that stand for these categories, as far as visitors may see them.
    ///
    /// # Errors
    /// The store's.
    pub async fn covers(&self, categories: &[Category]) -> Result<BTreeMap<PhotoId, PhotoView>, StoreError> {
        let ids: BTreeSet<PhotoId> = categories.iter().filter_map(|category| category.cover).collect();
        listed_photos(&self.ports, ids).await
    }

    /// Makes a category.
    ///
    /// # Errors
    /// Without the right, for a category above that is not there or stands too deep, and
    /// when the chosen slug is taken. One that is made from the name makes way.
    pub async fn create(&self, actor: &Actor, kind: Kind, command: CreateCategory) -> Result<Category, CategoryError> {
        actor.require(right(kind, Act::Create))?;
        let now = self.ports.clock.now();
        let id = CategoryId::new(self.ports.ids.number(CategoryId::SEQUENCE).await?);
        let telling = self.ports.telling(actor, now);
        let slugs = command.slug.clone().map_or_else(
            || {
                let made = Slug::suggested(&romanised(command.name.as_str()), "category");
                vec![made.clone(), made.with_id(id)]
            },
            |slug| vec![slug],
        );
        for slug in slugs {
            let made: Result<Category, CategoryError> = transact!(self.ports.store, |tx| {
                tx.categories().lock_tree(kind).await?;
                let path = place(tx, kind, command.parent, id, 0).await?;
                let category = command.clone().into_category(id, kind, slug.clone(), path, now);
                tx.categories().insert(&category).await?;
                tx.outbox().append(&telling.category("created", &category)).await?;
                Ok(category)
            });
            if !matches!(made, Err(CategoryError::SlugTaken)) {
                return made;
            }
        }
        Err(CategoryError::SlugTaken)
    }

    /// Changes a category; moves it with all below it when it comes under another.
    ///
    /// # Errors
    /// Without the right, when it is not there, when the slug is taken, when it would stand
    /// below itself, and when something would stand too deep.
    pub async fn edit(
        &self,
        actor: &Actor,
        kind: Kind,
        key: &CategoryKey,
        command: EditCategory,
    ) -> Result<Category, CategoryError> {
        actor.require(right(kind, Act::Update))?;
        let id = self.find(kind, key).await?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        transact!(self.ports.store, |tx| {
            let before = hold(tx, kind, id, command.if_version.as_deref()).await?;
            let mut after = before.clone();
            let parent = match command.parent {
                Patch::Keep => before.parent(),
                Patch::Clear => None,
                Patch::Set(parent) => Some(parent),
            };
            command.clone().apply(&mut after);
            after.touch(now);
            if parent == before.parent() {
                tx.categories().update(&after, before.version).await?;
            } else {
                relocate(tx, &before, &mut after, parent).await?;
            }
            tx.outbox().append(&telling.category("updated", &after)).await?;
            // A move counts anew.
            let stored = tx.categories().find_many(kind, &[id]).await?.pop();
            Ok(stored.unwrap_or(after))
        })
    }

    /// Removes a category. What is in it comes to `move_to`, or, when nothing is said,
    /// photos are simply no longer in it.
    ///
    /// # Errors
    /// Without the right, when it is not there, while others stand below it, for a `move_to`
    /// that is not there or is the category itself; articles must be told where to go.
    pub async fn delete(
        &self,
        actor: &Actor,
        kind: Kind,
        key: &CategoryKey,
        move_to: Option<CategoryId>,
    ) -> Result<(), CategoryError> {
        actor.require(right(kind, Act::Delete))?;
        let id = self.find(kind, key).await?;
        let telling = self.ports.telling(actor, self.ports.clock.now());
        transact!(self.ports.store, |tx| {
            let category = hold(tx, kind, id, None).await?;
            let below = tx.categories().subtree(kind, &category.path).await?.len() - 1;
            if below > 0 {
                return Err(CategoryError::HasChildren(below));
            }
            let target = match move_to {
                None => None,
                Some(to) => {
                    let found = tx.categories().find_many(kind, &[to]).await?.pop().filter(|found| found.id != id);
                    Some(found.ok_or_else(|| unknown("move_to"))?)
                }
            };
            if kind == Kind::Article && target.is_none() {
                let held = tx.categories().holds(kind, id).await?;
                if held > 0 {
                    return Err(CategoryError::NotEmpty(held));
                }
            }
            tx.categories().move_all(kind, id, move_to).await?;
            tx.categories().delete(id, category.version).await?;
            let mut above: BTreeSet<CategoryId> = category.path.ids().iter().copied().collect();
            above.extend(target.iter().flat_map(|target| target.path.ids()));
            above.remove(&id);
            count_anew(tx, kind, above).await?;
            let deleted = json!({ "category_id": id, "moved_to": move_to });
            tx.outbox().append(&telling.about_category("deleted", kind, id, deleted)).await?;
            Ok(())
        })
    }

    /// Chooses the photo that stands for a category of photos, or none.
    ///
    /// # Errors
    /// Without the right, when the category or the photo is not there, and when the photo is
    /// neither in the category nor below it.
    pub async fn set_cover(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photo: Option<PhotoId>,
    ) -> Result<Category, CategoryError> {
        actor.require(right(Kind::Photo, Act::Update))?;
        let id = self.find(Kind::Photo, key).await?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        transact!(self.ports.store, |tx| {
            if let Some(photo) = photo {
                hold_photo(tx, photo).await?;
            }
            let before = hold(tx, Kind::Photo, id, None).await?;
            if let Some(photo) = photo {
                let placed = tx.shelves().placements(photo).await?;
                let ids: Vec<CategoryId> = placed.iter().map(|one| one.category).collect();
                let categories = tx.categories().find_many(Kind::Photo, &ids).await?;
                if !categories.iter().any(|category| category.path.contains(id)) {
                    return Err(CategoryError::NotInCategory(photo));
                }
            }
            let mut after = before.clone();
            after.cover = photo;
            after.touch(now);
            tx.categories().update(&after, before.version).await?;
            tx.outbox().append(&telling.category("updated", &after)).await?;
            Ok(after)
        })
    }

    /// Puts photos into a category, as their primary one when asked for. Returns how many
    /// were not in it before.
    ///
    /// # Errors
    /// Without the right, and when the category or one of the photos is not there: then none
    /// is put into it.
    pub async fn add_photos(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photos: &BTreeSet<PhotoId>,
        primary: bool,
    ) -> Result<u64, CategoryError> {
        self.rearrange(actor, key, photos, Absent::Refused, |shelves, id| shelves.put(id, primary)).await
    }

    /// Takes photos out of a category; those that are not in it are left alone. Returns how
    /// many were in it.
    ///
    /// # Errors
    /// Without the right, and when the category is not there.
    pub async fn remove_photos(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photos: &BTreeSet<PhotoId>,
    ) -> Result<u64, CategoryError> {
        self.rearrange(actor, key, photos, Absent::LeftAlone, Shelves::take).await
    }

    async fn rearrange(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photos: &BTreeSet<PhotoId>,
        absent: Absent,
        change: impl Fn(&mut Shelves, CategoryId) + Send + Sync,
    ) -> Result<u64, CategoryError> {
        actor.require(right(Kind::Photo, Act::Update))?;
        let id = self.find(Kind::Photo, key).await?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        transact!(self.ports.store, |tx| {
            let mut moved = Vec::new();
            // In the order of their ids, so that two who do this wait for each other once.
            for photo in photos {
                let held = match (hold_photo(tx, *photo).await, absent) {
                    (Err(CategoryError::MissingPhoto(_)), Absent::LeftAlone) => continue,
                    (held, _) => held?,
                };
                let before = shelving::current(tx, &held).await?;
                let mut after = before.clone();
                change(&mut after, id);
                if after != before {
                    shelving::move_photo(tx, *photo, &after, now).await?;
                }
                if after.categories != before.categories {
                    moved.push(*photo);
                }
            }
            let category = tx.categories().find_many(Kind::Photo, &[id]).await?.pop();
            let category = category.ok_or_else(|| CategoryError::Missing(id.into()))?;
            if !moved.is_empty() {
                let mut payload = payload(&category);
                payload["photo_ids"] = json!(moved);
                tx.outbox().append(&telling.about_category("updated", Kind::Photo, id, payload)).await?;
            }
            Ok(moved.len() as u64)
        })
    }

    async fn find(&self, kind: Kind, key: &CategoryKey) -> Result<CategoryId, CategoryError> {
        let found = self.ports.categories.find(kind, key).await?;
        found.map(|category| category.id).ok_or_else(|| CategoryError::Missing(key.clone()))
    }
}

/// What becomes of a list in which a photo stands that is not there.
#[derive(Debug, Clone, Copy)]
enum Absent {
    Refused,
    LeftAlone,
}

fn sees_hidden(kind: Kind, actor: Option<&Actor>) -> bool {
    actor.is_some_and(|actor| actor.may(right(kind, Act::Update)))
}

/// Those of these photos that visitors may see, in one statement.
pub(super) async fn listed_photos(
    ports: &TaxonomyPorts,
    ids: BTreeSet<PhotoId>,
) -> Result<BTreeMap<PhotoId, PhotoView>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = ports.photos.find_many(&ids.into_iter().collect::<Vec<_>>()).await?;
    let listed = found.into_iter().filter(|view| view.photo.is_listed());
    Ok(listed.map(|view| (view.photo.id, view)).collect())
}

fn unknown(field: &str) -> CategoryError {
    FieldErrors::of(field, Issue::NotAllowed { allowed: Vec::new() }).into()
}

/// The category, in a tree that is held.
async fn hold(
    tx: &mut dyn PortfolioTx,
    kind: Kind,
    id: CategoryId,
    versions: Option<&[i64]>,
) -> Result<Category, CategoryError> {
    tx.categories().lock_tree(kind).await?;
    let found = tx.categories().find_many(kind, &[id]).await?.pop();
    let found = found.ok_or_else(|| CategoryError::Missing(id.into()))?;
    if versions.is_some_and(|versions| !versions.contains(&found.version)) {
        return Err(CategoryError::Stale);
    }
    Ok(found)
}

async fn hold_photo(tx: &mut dyn PortfolioTx, id: PhotoId) -> Result<Photo, CategoryError> {
    let found = tx.photos().find_for_update(id).await?.filter(|photo| photo.trashed_at.is_none());
    found.ok_or(CategoryError::MissingPhoto(id))
}

/// The path right below `parent` for something with `height` levels below it.
async fn place(
    tx: &mut dyn PortfolioTx,
    kind: Kind,
    parent: Option<CategoryId>,
    id: CategoryId,
    height: usize,
) -> Result<TreePath, CategoryError> {
    let path = match parent {
        None => TreePath::root(id),
        Some(parent) => {
            let found = tx.categories().find_many(kind, &[parent]).await?.pop();
            let above = found.ok_or_else(|| unknown("parent_id"))?.path;
            if above.contains(id) {
                return Err(CategoryError::Cycle);
            }
            above.child(id)
        }
    };
    if path.level() + height > MAX_LEVEL.into() {
        return Err(FieldErrors::of("parent_id", Issue::OutOfRange { min: 0, max: MAX_LEVEL.into() }).into());
    }
    Ok(path)
}

/// Writes a category that comes under another, with all below it, and counts anew what it
/// leaves and what it comes to.
async fn relocate(
    tx: &mut dyn PortfolioTx,
    before: &Category,
    after: &mut Category,
    parent: Option<CategoryId>,
) -> Result<(), CategoryError> {
    let subtree = tx.categories().subtree(before.kind, &before.path).await?;
    let deepest = subtree.iter().map(|category| category.path.level()).max().unwrap_or_default();
    let height = deepest.saturating_sub(before.path.level());
    after.path = place(tx, before.kind, parent, before.id, height).await?;
    tx.categories().update(after, before.version).await?;
    for category in subtree.iter().filter(|category| category.id != before.id) {
        if let Some(path) = category.path.moved(&before.path, &after.path) {
            tx.categories().set_path(category.id, &path).await?;
        }
    }
    let set = |path: &TreePath| -> BTreeSet<CategoryId> { path.ids().iter().copied().collect() };
    let elsewhere = set(&before.path).symmetric_difference(&set(&after.path)).copied().collect();
    Ok(count_anew(tx, before.kind, elsewhere).await?)
}

async fn count_anew(tx: &mut dyn PortfolioTx, kind: Kind, ids: BTreeSet<CategoryId>) -> Result<(), StoreError> {
    let ids: Vec<CategoryId> = ids.into_iter().collect();
    tx.categories().recount(kind, &ids).await?;
    if kind == Kind::Photo {
        tx.categories().drop_lost_covers(&ids).await?;
    }
    Ok(())
}

impl CreateCategory {
    fn into_category(self, id: CategoryId, kind: Kind, slug: Slug, path: TreePath, now: DateTime<Utc>) -> Category {
        Category {
            id,
            kind,
            name: self.name,
            slug,
            description: self.description,
            colour: self.colour,
            icon: self.icon,
            sort_order: self.sort_order,
            is_active: self.is_active,
            is_featured: self.is_featured,
            seo_title: self.seo_title,
            seo_description: self.seo_description,
            cover: None,
            path,
            direct_count: 0,
            subtree_count: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

impl EditCategory {
    fn apply(self, category: &mut Category) {
        if let Some(name) = self.name {
            category.name = name;
        }
        if let Some(slug) = self.slug {
            category.slug = slug;
        }
        self.description.apply(&mut category.description);
        self.colour.apply(&mut category.colour);
        self.icon.apply(&mut category.icon);
        category.sort_order = self.sort_order.unwrap_or(category.sort_order);
        category.is_active = self.is_active.unwrap_or(category.is_active);
        category.is_featured = self.is_featured.unwrap_or(category.is_featured);
        self.seo_title.apply(&mut category.seo_title);
        self.seo_description.apply(&mut category.seo_description);
    }
}

/// All of a category, as events tell it.
fn payload(category: &Category) -> Value {
    json!({
        "category_id": category.id,
        "name": category.name.as_str(),
        "slug": category.slug.as_str(),
        "description": category.description.as_ref().map(Note::as_str),
        "parent_id": category.parent(),
        "level": category.path.level(),
        "path": category.path.to_string(),
        "cover_photo_id": category.cover,
        "color": category.colour.as_ref().map(Colour::as_str),
        "icon": category.icon.as_ref().map(Icon::as_str),
        "sort_order": category.sort_order,
        "is_active": category.is_active,
        "is_featured": category.is_featured,
        "seo_title": category.seo_title.as_ref().map(SeoTitle::as_str),
        "seo_description": category.seo_description.as_ref().map(SeoDescription::as_str),
        "version": category.version,
        "created_at": category.created_at,
        "updated_at": category.updated_at,
    })
}

impl Telling {
    fn category(&self, what: &str, category: &Category) -> DomainEvent {
        self.about_category(what, category.kind, category.id, payload(category))
    }

    fn about_category(&self, what: &str, kind: Kind, id: CategoryId, payload: Value) -> DomainEvent {
        let aggregate = events::of_categories(kind);
        self.of(&format!("{aggregate}.{what}"), aggregate, id.get(), payload)
    }
}
