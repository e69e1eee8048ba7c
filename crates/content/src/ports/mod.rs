//! What content needs of others.
//!
//! A store implements [`ContentTx`] with its repositories, and [`ArticleQueries`]; the
//! application puts billing behind [`Entitlements`].

mod article;
mod cache;
mod category;
mod entitlements;
mod file;
mod imaging;
mod label;
mod photo;
mod portfolio;
mod processing;
mod query;
mod recount;
mod renderer;
mod search;
mod share;
mod shelf;
mod timeline;

use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Transaction;

pub use article::{ArticleRepository, Beginning, CountRepository, DraftRepository, TagRepository, WriteError};
#[cfg(any(test, feature = "mocks"))]
pub use article::{MockArticleRepository, MockCountRepository, MockDraftRepository, MockTagRepository};
pub use cache::ArticleCache;
#[cfg(any(test, feature = "mocks"))]
pub use cache::MockArticleCache;
pub use category::{CategoryKey, CategoryQueries, CategoryRepository, CategoryWriteError, CountDelta};
#[cfg(any(test, feature = "mocks"))]
pub use category::{MockCategoryQueries, MockCategoryRepository};
#[cfg(any(test, feature = "mocks"))]
pub use entitlements::MockEntitlements;
pub use entitlements::{Access, Entitlements, GateQuery, PlanOffer};
pub use file::{FileQueries, FileRepository, Known, UploadRepository, UsageRepository};
#[cfg(any(test, feature = "mocks"))]
pub use file::{MockFileQueries, MockFileRepository, MockUploadRepository, MockUsageRepository};
pub use imaging::{Facts, Glance, Imaging, ImagingError, Made, OpenPicture};
#[cfg(any(test, feature = "mocks"))]
pub use imaging::{MockImaging, MockOpenPicture};
pub use label::{
    Candidate, LabelFilter, LabelQueries, LabelRepository, LabelSort, LabelWriteError, Match, RenewedNames, TagKey,
    UsageDelta,
};
#[cfg(any(test, feature = "mocks"))]
pub use label::{MockLabelQueries, MockLabelRepository};
#[cfg(any(test, feature = "mocks"))]
pub use photo::{MockPhotoQueries, MockPhotoRepository};
pub use photo::{
    PhotoCategory, PhotoCluster, PhotoFilter, PhotoHead, PhotoQueries, PhotoRepository, PhotoScope, PhotoSort,
    PhotoTag, PhotoThumb, PhotoView, PhotoWriteError,
};
pub use portfolio::PortfolioTx;
#[cfg(any(test, feature = "mocks"))]
pub use processing::MockProcessingQueries;
pub use processing::ProcessingQueries;
#[cfg(any(test, feature = "mocks"))]
pub use query::MockArticleQueries;
pub use query::{ArticleCard, ArticleDetail, ArticleFilter, ArticleHead, ArticleQueries, Author, Order, Sort};
#[cfg(any(test, feature = "mocks"))]
pub use recount::MockKeptCounts;
pub use recount::{KeptCounts, PhotoSpan};
#[cfg(any(test, feature = "mocks"))]
pub use renderer::MockRenderer;
pub use renderer::{RenderError, Renderer};
pub use search::{
    ArticleConditions, ArticleDocument, ArticleSearchSort, Articles, DEEPEST, Facet, FacetCounts, Found, Highlighted,
    Hit, IndexChanges, IndexRebuild, IndexedText, PhotoConditions, PhotoDocument, PhotoSearchSort, PhotoSight, Photos,
    SearchIndex, SearchQuery, Searchable, Source, Standing, Touched, Walk,
};
#[cfg(any(test, feature = "mocks"))]
pub use share::{MockShareLinkRepository, MockSharePasswords};
pub use share::{ShareLinkRepository, SharePasswords};
#[cfg(any(test, feature = "mocks"))]
pub use shelf::MockShelfRepository;
pub use shelf::{Placement, ShelfRepository, TagLink};
pub use timeline::{EventWriteError, TimelineQueries, TimelineRepository, YearMonth};
#[cfg(any(test, feature = "mocks"))]
pub use timeline::{MockTimelineQueries, MockTimelineRepository};

/// What one transaction of content can do.
pub trait ContentTx: Transaction {
    /// Articles.
    fn articles(&mut self) -> &mut dyn ArticleRepository;
    /// Autosaved drafts.
    fn drafts(&mut self) -> &mut dyn DraftRepository;
    /// Tags.
    fn tags(&mut self) -> &mut dyn TagRepository;
    /// Lengths of lists.
    fn counts(&mut self) -> &mut dyn CountRepository;
    /// Events.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// Jobs.
    fn jobs(&mut self) -> &mut dyn JobQueue;
}
