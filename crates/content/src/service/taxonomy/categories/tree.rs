//! Where categories stand in their tree.

use std::collections::BTreeSet;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};

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
    let deepest = path.level() + height;
    if deepest > MAX_LEVEL {
        return Err(CategoryError::TooDeep(deepest));
    }
    Ok(path)
}

/// Writes a category that comes under another, with all below it; what it leaves and what it
/// comes to counts accordingly.
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
    let ways = Ways::between(&before.path, &after.path);
    let deltas = ways.deltas(tx, before).await?;
    tx.categories().update(after, before.version).await?;
    tx.categories().move_below(before.kind, &before.path, &after.path).await?;
    Ok(ways.settle(tx, before.kind, &deltas).await?)
}

/// Moves what is in a category, which has no other below it, to `target`, or takes it out;
/// what it leaves and what it comes to counts accordingly.
pub(super) async fn empty(
    tx: &mut dyn PortfolioTx,
    category: &Category,
    target: Option<&Category>,
) -> Result<(), StoreError> {
    let mut ways = match target {
        Some(target) => Ways::between(&category.path, &target.path),
        None => Ways { left: category.path.ids().to_vec(), joined: Vec::new() },
    };
    ways.left.retain(|id| *id != category.id);
    let mut deltas = ways.deltas(tx, category).await?;
    let came = tx.categories().move_all(category.kind, category.id, target.map(|target| target.id)).await?;
    deltas.extend(target.map(|target| CountDelta { category: target.id, direct: came, subtree: 0 }));
    ways.settle(tx, category.kind, &deltas).await
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

    /// What comes and goes with all that is in a category and below it, while it is still
    /// where it was: what stands elsewhere in a subtree too counts there before and after.
    async fn deltas(&self, tx: &mut dyn PortfolioTx, category: &Category) -> Result<Vec<CountDelta>, StoreError> {
        let all = category.subtree_count;
        if all == 0 {
            return Ok(Vec::new());
        }
        let ids: Vec<CategoryId> = self.left.iter().chain(&self.joined).copied().collect();
        let shared = tx.categories().shared(category, &ids).await?;
        let signs = std::iter::repeat_n(-1, self.left.len()).chain(std::iter::repeat_n(1, self.joined.len()));
        let delta = |((id, shared), sign)| CountDelta { category: id, direct: 0, subtree: sign * (all - shared) };
        Ok(ids.into_iter().zip(shared).zip(signs).map(delta).collect())
    }

    async fn settle(&self, tx: &mut dyn PortfolioTx, kind: Kind, deltas: &[CountDelta]) -> Result<(), StoreError> {
        tx.categories().add_counts(deltas).await?;
        if kind == Kind::Photo {
            tx.categories().drop_lost_covers(&self.left).await?;
        }
        Ok(())
    }
}
