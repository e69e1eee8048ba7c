//! What is kept so that nobody has to count: compared with what it is worked out from.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;

use crate::model::PhotoId;

/// Photos one after another: all behind one, up to another or to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoSpan {
    /// The one before the first.
    pub after: PhotoId,
    /// The last one; `None` for all that follow.
    pub to: Option<PhotoId>,
}

/// Lists and counts that are kept. What is right is not written, and what is not is mended in
/// transactions that are short: each MUST hold what writers of the same hold, and look again
/// at what it mends, so that nothing of theirs is lost.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait KeptCounts: Send + Sync {
    /// The next `limit` photos behind one; all that follow, when these are fewer.
    async fn span(&self, after: PhotoId, limit: u64) -> Result<PhotoSpan, StoreError>;

    /// The photos of which links to categories and tags say something else than they do
    /// themselves, and those that have links and are not there.
    async fn misfiled(&self, span: PhotoSpan) -> Result<Vec<PhotoId>, StoreError>;

    /// Lists photos where their links and the tree say, and nowhere else. Returns how many
    /// entries were written or removed.
    async fn relist(&self, span: PhotoSpan) -> Result<u64, StoreError>;

    /// Removes the lists of categories that are not there. Returns how many entries that were.
    async fn drop_lost_lists(&self) -> Result<u64, StoreError>;

    /// Counts what is in categories of either kind, and in them and below them. Returns how many
    /// of them had counted wrong.
    async fn recount_categories(&self) -> Result<u64, StoreError>;

    /// Counts what uses tags of either kind, in all and since which days. Returns how many of
    /// them had counted wrong.
    async fn recount_tags(&self) -> Result<u64, StoreError>;

    /// Counts the photos and articles of the lists whose lengths are kept. Returns how many
    /// lengths were wrong.
    async fn recount_lengths(&self) -> Result<u64, StoreError>;
}
