//! What a caller uses.

mod authoring;
mod departure;
mod forget;
mod hidden;
pub mod labels;
mod photos;
mod processing;
mod publishing;
mod reading;
mod recounting;
mod search;
pub mod shelving;
mod taxonomy;
mod teasers;
mod uploads;
mod views;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::tx::Begin;

pub use authoring::{Authoring, Autosave, Autosaved, CreateArticle, EditArticle};
pub use departure::RemoveArticles;
pub use forget::ForgetArticles;
pub use photos::{
    BatchAction, BatchOutcome, BatchPhotos, CREATE_PHOTO, ChangePhotos, CreatePhoto, CreatePhotos, CreateShareLink,
    DELETE_PHOTO, EditPhoto, FollowFiles, Granted, LikePhotos, ListPhotos, MAX_BATCH, MAX_REORDER, PURGE_JOB,
    PhotoPorts, Picked, PurgePhotos, READ_PHOTO, ReadPhoto, ReadPhotos, RemovePhotos, SharePhotos, SharedBy,
    SharedPhotos, TrashPhotos, UPDATE_PHOTO, Wanted,
};
pub use processing::{
    FileProgress, Forsaken, ProcessFiles, ProcessingPolicy, ProcessingPorts, Reprocess, Reprocessed, Reprocessing,
    SWEEP_JOB, SweepDerivatives, Watching,
};
pub use publishing::{PUBLISH_JOB, PublishArticle, Publishing, ScheduledPublish};
pub use reading::{ListArticles, ListedArticle, ReadArticle, Reader, Reading, Shown};
pub use recounting::{Recounted, Recounting};
pub use search::{
    Counted, FacetValue, Follower, FoundArticle, FoundPhoto, IndexState, Indexing, SearchArticles, SearchPhotos,
    SearchResult, Searching, SearchingPhotos, Step,
};
pub use taxonomy::{
    Categories, CreateCategory, CreateEvent, CreateTag, EditCategory, EditEvent, EditTag, ListPlaced, MAX_MERGE,
    Merged, MonthOfPhotos, NAMES_JOB, RenewNames, Suggestion, TAG_CREATE, TAG_DELETE, TAG_UPDATE, TIMELINE_CREATE,
    TIMELINE_DELETE, TIMELINE_UPDATE, Tags, TaxonomyPorts, Timeline, TimelineStats, YearOfPhotos,
};
pub use teasers::{RenewTeasers, TEASERS_JOB};
pub use uploads::{
    Algorithm, BeginChunked, BeginTus, COMPLETE_JOB, Checksum, CompleteUpload, ERASE_JOB, EraseBlobs, LISTED,
    ORPHANS_JOB, Progress, RemoveFiles, RemoveOrphans, Swept, UPLOAD, UPLOADS_KEPT, UploadError, UploadPorts, Uploads,
    remove_file,
};
pub use views::{VIEW_WINDOW, ViewBuffer};

use crate::error::Refused;
use crate::events::Occasion;
use crate::model::{Article, ArticleId, ArticleKey, Body, Status, Text, TooDeep, deltas};
use crate::ports::{
    ArticleCache, ArticleHead, ArticleQueries, ContentTx, Entitlements, RenderError, Renderer, WriteError,
};

/// The right to write articles.
pub const CREATE: &str = "article.create";
/// What a key needs, unless it has `own.read`, to read what is its owner's and not for all.
const READ: &str = "article.read";
/// The right to change the articles of others, and to see them in every state.
pub const UPDATE: &str = "article.update";
/// The right to delete the articles of others.
pub const DELETE: &str = "article.delete";

/// What every service of content works with.
#[derive(Clone)]
pub struct Ports {
    /// Begins transactions.
    pub store: Arc<dyn Begin<dyn ContentTx>>,
    /// Reads.
    pub queries: Arc<dyn ArticleQueries>,
    /// Reads one article fast.
    pub articles: Arc<dyn ArticleCache>,
    /// Renders texts.
    pub renderer: Arc<dyn Renderer>,
    /// Decides who may read.
    pub entitlements: Arc<dyn Entitlements>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl Ports {
    fn occasion(&self, actor: Option<&Actor>, at: DateTime<Utc>) -> Occasion {
        Occasion { id: self.ids.uuid(), actor: actor.map(|actor| actor.user_id), at }
    }

    /// Renders what an author wrote.
    async fn render<E: From<FieldErrors> + From<StoreError>>(&self, body: Body) -> Result<Text, E> {
        self.renderer.render(body).await.map_err(|error| match error {
            RenderError::TooDeep(TooDeep) => FieldErrors::of("content", Issue::InvalidFormat).into(),
            RenderError::Store(error) => error.into(),
        })
    }

    /// Hands out what a committed change returned, after nobody is shown the old any more.
    async fn changed<T, E>(&self, id: ArticleId, outcome: Result<T, E>) -> Result<T, E> {
        // A commit that was answered by an error may have happened all the same.
        self.articles.forget(id).await;
        outcome
    }

    /// Finds an article that the actor owns or holds `permission` for.
    async fn open<E: From<Refused> + From<StoreError>>(
        &self,
        actor: &Actor,
        key: &ArticleKey,
        permission: &'static str,
    ) -> Result<ArticleHead, E> {
        let head = self.queries.find_head(key).await?.ok_or_else(|| Refused::Missing(key.clone()))?;
        if let Err(denied) = actor.require_owner_or(head.author_id, permission) {
            // Who may change it may also know of it, and nobody else.
            let status = if actor.may(UPDATE) { Status::Published } else { head.status };
            return Err(Refused::of(denied, status, key).into());
        }
        Ok(head)
    }
}

/// The article, locked, inside a transaction.
async fn lock<E: From<Refused> + From<StoreError>>(tx: &mut dyn ContentTx, head: &ArticleHead) -> Result<Article, E> {
    let found = tx.articles().find_for_update(head.id).await?;
    Ok(found.ok_or(Refused::Missing(ArticleKey::Id(head.id)))?)
}

/// Writes what became of a locked article, and keeps the lengths of the lists right.
async fn save(tx: &mut dyn ContentTx, before: &Article, after: &Article) -> Result<(), WriteError> {
    tx.articles().update(after, before.version).await?;
    tx.counts().add(&deltas(Some(before), Some(after))).await?;
    Ok(())
}

/// The refusal of a reader who may not see other states than `published`.
fn not_an_editor(actor: Option<&Actor>) -> Denied {
    Denied { required: UPDATE, role: actor.map(|actor| actor.role.clone()) }
}
