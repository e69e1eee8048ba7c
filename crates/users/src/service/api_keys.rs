use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::random::Randomness;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::error::{ApiKeyError, CheckError, TokenError};
use crate::events;
use crate::model::{ApiKeyId, ApiKeyRequest, ApiKeySecret, ApiKeyView, KeyHolder, NewApiKey, TokenHash};
use crate::ports::{ApiKeyCache, ApiKeyQueries, SessionCache, UsersTx};

/// More keys than this nobody needs.
const MAX_KEYS: u64 = 50;

/// What [`ApiKeys`] works with.
#[derive(Clone)]
pub struct ApiKeyPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Keys, to read.
    pub keys: Arc<dyn ApiKeyQueries>,
    /// Holders of keys, beside the store.
    pub cache: Arc<dyn ApiKeyCache>,
    /// What is cached of users, to forget.
    pub sessions: Arc<dyn SessionCache>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Draws keys.
    pub randomness: Arc<dyn Randomness>,
}

/// A key that was made.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// As its owner sees it from now on.
    pub view: ApiKeyView,
    /// Its text, which is shown this once.
    pub secret: SecretString,
}

/// Makes, lists and deletes keys, and says who carries one. No key makes or deletes another.
#[derive(Clone)]
pub struct ApiKeys {
    ports: ApiKeyPorts,
}

impl ApiKeys {
    /// A service over these ports.
    pub const fn new(ports: ApiKeyPorts) -> Self {
        Self { ports }
    }

    /// The actor's keys, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<ApiKeyView>, StoreError> {
        self.ports.keys.list(actor.user_id).await
    }

    /// Makes a key that may do what `request` says, as far as its owner may.
    ///
    /// # Errors
    /// When the actor cannot give away a scope, the end has passed, or they have too many.
    pub async fn create(&self, actor: &Actor, request: ApiKeyRequest) -> Result<CreatedApiKey, ApiKeyError> {
        actor.require_session()?;
        let ports = &self.ports;
        let now = ports.clock.now();
        request.check(actor, now)?;
        let secret = ApiKeySecret::new(ports.randomness.token());
        let key = NewApiKey {
            id: ApiKeyId::new(ports.ids.uuid()),
            user_id: actor.user_id,
            name: request.name,
            prefix: secret.prefix(),
            hash: secret.hash(),
            scopes: request.scopes.into_iter().collect(),
            created_at: now,
            expires_at: request.expires_at,
        };
        let event = events::api_key_created(ports.ids.uuid(), &key);
        transact!(ports.store, |tx| {
            // Whoever holds the account counts alone.
            tx.accounts().hold(key.user_id).await?;
            if tx.api_keys().count(key.user_id).await? >= MAX_KEYS {
                return Err(ApiKeyError::TooMany { max: MAX_KEYS });
            }
            tx.api_keys().insert(&key).await?;
            tx.outbox().append(&event).await?;
            Ok(())
        })?;
        Ok(CreatedApiKey { view: view(key), secret: secret.text() })
    }

    /// Deletes one of the actor's keys. It opens nothing any more.
    ///
    /// # Errors
    /// When they have no such key.
    pub async fn delete(&self, actor: &Actor, id: ApiKeyId) -> Result<(), ApiKeyError> {
        actor.require_session()?;
        let ports = &self.ports;
        let user = actor.user_id;
        let event = events::api_key_deleted(ports.ids.uuid(), user, id, ports.clock.now());
        transact!(ports.store, |tx| {
            // Events of one user stand in the order of their commits.
            tx.accounts().hold(user).await?;
            if !tx.api_keys().delete(user, id).await? {
                return Err(ApiKeyError::NoSuchKey(id));
            }
            tx.outbox().append(&event).await?;
            Ok(())
        })?;
        super::forget(&*ports.sessions, user).await;
        Ok(())
    }

    /// Who carries this key, limited to what it may do.
    ///
    /// # Errors
    /// When it is no key, was deleted, has ended, or its owner may not come in.
    pub async fn authenticate(&self, text: &str) -> Result<Actor, CheckError> {
        let hash = ApiKeySecret::parse(text).ok_or(TokenError::Invalid)?.hash();
        let holder = self.find(hash).await?.ok_or(TokenError::Invalid)?;
        if ended(&holder, self.ports.clock.now()) {
            return Err(TokenError::Expired.into());
        }
        Ok(holder.into())
    }

    async fn find(&self, hash: TokenHash) -> Result<Option<KeyHolder>, StoreError> {
        let ports = &self.ports;
        match ports.cache.find(hash).await {
            Ok(Some(holder)) => return Ok(Some(holder)),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "key is read from the store");
                return ports.keys.find_holder(hash).await;
            }
        }
        // Whose it is must be known to ask for the stamp, and what is kept must be read after it.
        let Some(found) = ports.keys.find_holder(hash).await? else { return Ok(None) };
        let Ok(stamp) = ports.cache.stamp(found.user_id).await else { return Ok(Some(found)) };
        let Some(holder) = ports.keys.find_holder(hash).await? else { return Ok(None) };
        if let Err(error) = ports.cache.put(stamp, hash, &holder).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "key is not cached");
        }
        Ok(Some(holder))
    }
}

fn ended(holder: &KeyHolder, now: DateTime<Utc>) -> bool {
    holder.expires_at.is_some_and(|at| at <= now)
}

/// The key as the store would show it.
fn view(key: NewApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id,
        name: key.name.as_str().to_owned(),
        prefix: key.prefix,
        scopes: key.scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: None,
    }
}
