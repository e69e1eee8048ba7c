//! Where categories stand in their tree.

use std::collections::BTreeSet;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};

use crate::error::CategoryError;
use crate::model::{Category, CategoryId, Kind, MAX_LEVEL, TreePath};
use crate::ports::PortfolioTx;

pub(super) fn unknown(field: &str) -> CategoryError {
    FieldErrors::of(field, Issue::NotAllowed { allowed: Vec::new() }).into()
}

/// The category, in a tree that is held.
pub(super) async fn hold(
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
    if path.level() + height > MAX_LEVEL.into() {
        return Err(FieldErrors::of("parent_id", Issue::OutOfRange { min: 0, max: MAX_LEVEL.into() }).into());
    }
    Ok(path)
}

/// Writes a category that comes under another, with all below it, and counts anew what it
/// leaves and what it comes to.
pub(super) async fn relocate(
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

pub(super) async fn count_anew(
    tx: &mut dyn PortfolioTx,
    kind: Kind,
    ids: BTreeSet<CategoryId>,
) -> Result<(), StoreError> {
    let ids: Vec<CategoryId> = ids.into_iter().collect();
    tx.categories().recount(kind, &ids).await?;
    if kind == Kind::Photo {
        tx.categories().drop_lost_covers(&ids).await?;
    }
    Ok(())
}
