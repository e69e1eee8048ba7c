//! What a caller uses.

mod authoring;
mod publishing;
mod reading;
mod views;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::tx::Begin;

pub use authoring::{Authoring, Autosave, Autosaved, CreateArticle, EditArticle};
pub use publishing::{PUBLISH_JOB, PublishArticle, Publishing, ScheduledPublish};
pub use reading::{ListArticles, ListedArticle, ReadArticle, Reader, Reading, Shown};
pub use views::{VIEW_WINDOW, ViewBuffer};

use crate::error::Refused;
use crate::events::Occasion;
use crate::model::{Article, ArticleKey, Status, deltas};
use crate::ports::{ArticleHead, ArticleQueries, ContentTx, Entitlements, WriteError};

/// The right to write articles.
pub const CREATE: &str = "article.create";
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
