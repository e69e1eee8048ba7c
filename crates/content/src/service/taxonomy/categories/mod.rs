//! Trees of categories.

mod commands;
mod photos;
mod tree;

use std::collections::BTreeMap;

use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

pub use commands::{CreateCategory, EditCategory, ListPlaced};
pub(super) use photos::listed_photos;

use self::tree::{empty, hold, place, relocate, unknown};
use super::{CATEGORY_UPDATE, TaxonomyPorts};
use crate::error::CategoryError;
use crate::model::{Category, CategoryId, Kind, Slug, romanised};
use crate::ports::CategoryKey;

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
        (Kind::Photo, Act::Update) => CATEGORY_UPDATE,
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
        let above = category.path.ids().iter().copied().filter(|id| *id != category.id).collect::<Vec<_>>();
        if above.is_empty() {
            return Ok(Vec::new());
        }
        let mut way = self.ports.categories.find_each(category.kind, &above).await?;
        way.sort_by_key(|one| one.path.level());
        Ok(way)
    }

    /// Makes a category.
    ///
    /// # Errors
    /// Without the right, for a category above that is not there or stands on the deepest
    /// level, and when the chosen slug is taken. One that is made from the name makes way.
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
            let before = hold(tx, kind, id, command.if_version.as_ref()).await?;
            let mut after = before.clone();
            let parent = match command.parent {
                Patch::Keep => before.parent(),
                Patch::Clear => None,
                Patch::Set(parent) => Some(parent),
            };
            command.clone().apply(&mut after);
            if after == before && parent == before.parent() {
                return Ok(before);
            }
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
    /// that is not there or is the category itself, and when it has none of the versions
    /// `if_version`; articles must be told where to go.
    pub async fn delete(
        &self,
        actor: &Actor,
        kind: Kind,
        key: &CategoryKey,
        move_to: Option<CategoryId>,
        if_version: Option<&Versions>,
    ) -> Result<(), CategoryError> {
        actor.require(right(kind, Act::Delete))?;
        let id = self.find(kind, key).await?;
        let telling = self.ports.telling(actor, self.ports.clock.now());
        transact!(self.ports.store, |tx| {
            let category = hold(tx, kind, id, if_version).await?;
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
            empty(tx, &category, target.as_ref()).await?;
            tx.categories().delete(id, category.version).await?;
            let deleted = json!({ "category_id": id, "moved_to": move_to });
            tx.outbox().append(&telling.about_category("deleted", kind, id, deleted)).await?;
            Ok(())
        })
    }

    async fn find(&self, kind: Kind, key: &CategoryKey) -> Result<CategoryId, CategoryError> {
        let found = self.ports.categories.find(kind, key).await?;
        found.map(|category| category.id).ok_or_else(|| CategoryError::Missing(key.clone()))
    }
}

/// Whether somebody sees categories that are hidden from visitors.
pub(in crate::service) fn sees_hidden(kind: Kind, actor: Option<&Actor>) -> bool {
    actor.is_some_and(|actor| actor.may(right(kind, Act::Update)))
}
