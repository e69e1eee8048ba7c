use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sharestack_kernel::cache::{Cache, CacheError};
use sharestack_kernel::id::{IdGenerator, SessionId, UserId};
use uuid::Uuid;

use crate::model::{KeyHolder, SessionView, TokenHash};
use crate::ports::{ApiKeyCache, Cached, SessionCache, Stamp};

/// [`SessionCache`] over any cache that all nodes share.
///
/// Each user has a stamp in the cache, and a session is believed only with its user's
/// present stamp. Forgetting draws a new stamp, so that what another node read a moment
/// before, and puts a moment after, is worth nothing. A stamp that the cache drops is
/// drawn anew: losing entries costs time, never truth.
pub struct CachedSessions {
    cache: Arc<dyn Cache>,
    ids: Arc<dyn IdGenerator>,
    ttl: Duration,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    stamp: Uuid,
    view: SessionView,
}

#[derive(Serialize, Deserialize)]
struct HolderEntry {
    stamp: Uuid,
    holder: KeyHolder,
}

impl CachedSessions {
    /// Sessions that are believed for `ttl`. The cache MUST be one that all nodes see at
    /// once: not one with a local copy that hears of changes later.
    pub const fn new(cache: Arc<dyn Cache>, ids: Arc<dyn IdGenerator>, ttl: Duration) -> Self {
        Self { cache, ids, ttl }
    }

    async fn stamp(&self, user: UserId) -> Result<Option<Uuid>, CacheError> {
        let bytes = self.cache.get(&stamp_key(user)).await?;
        Ok(bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok()))
    }

    async fn renew(&self, user: UserId) -> Result<Uuid, CacheError> {
        let stamp = self.ids.uuid();
        // When it goes before a session that was put with it, that session is asked for again.
        self.cache.set(&stamp_key(user), stamp.as_bytes(), self.ttl * 20).await?;
        Ok(stamp)
    }
}

#[async_trait]
impl SessionCache for CachedSessions {
    async fn get(&self, user: UserId, session: SessionId) -> Result<Cached, CacheError> {
        let mut found = self.cache.get_many(&[stamp_key(user), session_key(session)]).await?.into_iter();
        let (stamp, bytes) = (found.next().flatten(), found.next().flatten());
        let Some(stamp) = stamp.and_then(|bytes| Uuid::from_slice(&bytes).ok()) else {
            return Ok(Cached::Miss(Stamp::new(self.renew(user).await?)));
        };
        let entry: Option<Entry> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(match entry {
            Some(entry) if entry.stamp == stamp && entry.view.user_id == user => Cached::Hit(entry.view),
            _ => Cached::Miss(Stamp::new(stamp)),
        })
    }

    async fn put(&self, stamp: Stamp, view: &SessionView) -> Result<(), CacheError> {
        let entry = Entry { stamp: stamp.0, view: view.clone() };
        let bytes = serde_json::to_vec(&entry).map_err(|error| CacheError(Box::new(error)))?;
        self.cache.set(&session_key(view.session_id), &bytes, self.ttl).await
    }

    async fn forget(&self, user: UserId) -> Result<(), CacheError> {
        self.renew(user).await.map(drop)
    }
}

#[async_trait]
impl ApiKeyCache for CachedSessions {
    async fn find(&self, hash: TokenHash) -> Result<Option<KeyHolder>, CacheError> {
        let bytes = self.cache.get(&holder_key(hash)).await?;
        let Some(entry) = bytes.and_then(|bytes| serde_json::from_slice::<HolderEntry>(&bytes).ok()) else {
            return Ok(None);
        };
        let present = self.stamp(entry.holder.user_id).await?;
        Ok((present == Some(entry.stamp)).then_some(entry.holder))
    }

    async fn stamp(&self, user: UserId) -> Result<Stamp, CacheError> {
        let stamp = match Self::stamp(self, user).await? {
            Some(stamp) => stamp,
            None => self.renew(user).await?,
        };
        Ok(Stamp::new(stamp))
    }

    async fn put(&self, stamp: Stamp, hash: TokenHash, holder: &KeyHolder) -> Result<(), CacheError> {
        let entry = HolderEntry { stamp: stamp.0, holder: holder.clone() };
        let bytes = serde_json::to_vec(&entry).map_err(|error| CacheError(Box::new(error)))?;
        self.cache.set(&holder_key(hash), &bytes, self.ttl).await
    }
}

fn stamp_key(user: UserId) -> String {
    format!("users:stamp:{user}")
}

fn session_key(session: SessionId) -> String {
    format!("users:session:{session}")
}

fn holder_key(hash: TokenHash) -> String {
    format!("users:api_key:{}", hash.to_hex())
}
