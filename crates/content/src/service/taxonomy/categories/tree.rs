//! Where categories stand in their tree.

use std::collections::BTreeSet;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::version::Versions;

use crate::error::CategoryError;
use crate::model::{Category, CategoryId, Kind, MAX_LEVEL, TreePath};
use crate::ports::{CountDelta, PortfolioTx};

pub(super) fn unknown(field: &str) -> CategoryError {
    FieldErrors::of(field, Issue::NotAllowed { allowed: Vec::new() }).into()
}

/// The category, in a tree that is held.
pub(super) async fn hold(
    tx: &mut dyn PortfolioTx,
    kind: Kind,
    id: CategoryId,
    versions: Option<&Versions>,
) -> Result<Category, CategoryError> {
    tx.categories().lock_tree(kind).await?;
    let found = tx.categories().find_many(kind, &[id]).await?.pop();
    let found = found.ok_or_else(|| CategoryError::Missing(id.into()))?;
    if versions.is_some_and(|versions| !versions.admit(found.version)) {
        return Err(CategoryError::Stale);
    }
    Ok(found)
}

/// The path right below `parent` for something with `height` levels below it.
pub(super) async fn place(
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
    let deepest = path.level() + height;
    if deepest > MAX_LEVEL {
        return Err(CategoryError::TooDeep(deepest));
    }
    Ok(path)
}

/// Writes a category that comes under another, with all below it; what it leaves and what it
/// comes to counts and lists accordingly.
pub(super) async fn relocate(
    tx: &mut dyn PortfolioTx,
    before: &Category,
    after: &mut Category,
    parent: Option<CategoryId>,
) -> Result<(), CategoryError> {
    let subtree = tx.categories().subtree(before.kind, &before.path).await?;
    let deepest = subtree.last().map(|category| category.path.level()).unwrap_or_default();
    let height = deepest.saturating_sub(before.path.level());
    after.path = place(tx, before.kind, parent, before.id, height).await?;
    tx.categories().update(after, before.version).await?;
    tx.categories().move_below(before.kind, &before.path, &after.path).await?;
    Ok(Ways::between(&before.path, &after.path).settle(tx, before).await?)
}

/// Moves what is in a category, which has no other below it, to `target`, or takes it out;
/// what it leaves and what it comes to counts and lists accordingly.
pub(super) async fn empty(
    tx: &mut dyn PortfolioTx,
    category: &Category,
    target: Option<&Category>,
) -> Result<(), StoreError> {
    let ways = match target {
        Some(target) => Ways::between(&category.path, &target.path),
        None => Ways { left: category.path.ids().to_vec(), joined: Vec::new() },
    };
    let came = tx.categories().move_all(category.kind, category.id, target.map(|target| target.id)).await?;
    if let Some(target) = target {
        tx.categories().add_counts(&[CountDelta { category: target.id, direct: came, subtree: 0 }]).await?;
    }
    ways.settle(tx, category).await
}

/// The categories that are above something no longer, and those that are from now on.
struct Ways {
    left: Vec<CategoryId>,
    joined: Vec<CategoryId>,
}

impl Ways {
    fn between(before: &TreePath, after: &TreePath) -> Self {
        let set = |path: &TreePath| -> BTreeSet<CategoryId> { path.ids().iter().copied().collect() };
        let (before, after) = (set(before), set(after));
        Self { left: (&before - &after).into_iter().collect(), joined: (&after - &before).into_iter().collect() }
    }

    /// Counts and lists what a category, as it was, had in it and below it where that has come
    /// to, and where it was only what stands there by another place. Links and paths are as
    /// they are to be.
    async fn settle(&self, tx: &mut dyn PortfolioTx, category: &Category) -> Result<(), StoreError> {
        let deltas = match (category.subtree_count, category.kind) {
            (0, _) => Vec::new(),
            (_, Kind::Photo) => tx.categories().relist(category.id, &self.left, &self.joined).await?,
            // An article has one place.
            (all, Kind::Article) => {
                let delta = |id: &CategoryId, subtree| CountDelta { category: *id, direct: 0, subtree };
                let left = self.left.iter().map(|id| delta(id, -all));
                left.chain(self.joined.iter().map(|id| delta(id, all))).collect()
            }
        };
        tx.categories().add_counts(&deltas).await?;
        if category.kind == Kind::Photo {
            tx.categories().drop_lost_covers(&self.left).await?;
        }
        Ok(())
    }
}
