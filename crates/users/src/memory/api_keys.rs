//! API keys in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryStore, MemoryTx};
use crate::model::{ApiKeyId, ApiKeyView, KeyHolder, NewApiKey, TokenHash};
use crate::ports::{ApiKeyQueries, ApiKeyRepository};

#[derive(Debug, Clone)]
pub(super) struct Key {
    new: NewApiKey,
    last_used_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl ApiKeyRepository for MemoryTx {
    async fn insert(&mut self, key: &NewApiKey) -> Result<(), StoreError> {
        self.state.api_keys.push(Key { new: key.clone(), last_used_at: None });
        Ok(())
    }

    async fn count(&mut self, user: UserId) -> Result<u64, StoreError> {
        Ok(self.state.api_keys.iter().filter(|key| key.new.user_id == user).count() as u64)
    }

    async fn delete(&mut self, user: UserId, id: ApiKeyId) -> Result<bool, StoreError> {
        let before = self.state.api_keys.len();
        self.state.api_keys.retain(|key| key.new.user_id != user || key.new.id != id);
        Ok(self.state.api_keys.len() < before)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let before = self.state.api_keys.len();
        self.state.api_keys.retain(|key| key.new.user_id != user);
        Ok((before - self.state.api_keys.len()) as u64)
    }

    async fn mark_used(
        &mut self,
        ids: &[ApiKeyId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for key in self.state.api_keys.iter_mut().filter(|key| ids.contains(&key.new.id)) {
            if key.last_used_at.is_none_or(|used| used <= unless_since) {
                key.last_used_at = Some(at);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ApiKeyQueries for MemoryStore {
    async fn list(&self, user: UserId) -> Result<Vec<ApiKeyView>, StoreError> {
        let state = self.state();
        let own = state.api_keys.iter().rev().filter(|key| key.new.user_id == user);
        Ok(own
            .map(|key| ApiKeyView {
                id: key.new.id,
                name: key.new.name.as_str().to_owned(),
                prefix: key.new.prefix.clone(),
                scopes: key.new.scopes.clone(),
                created_at: key.new.created_at,
                expires_at: key.new.expires_at,
                last_used_at: key.last_used_at,
            })
            .collect())
    }

    async fn find_holder(&self, hash: TokenHash) -> Result<Option<KeyHolder>, StoreError> {
        let state = self.state();
        let found = state.api_keys.iter().find(|key| key.new.hash == hash).filter(|key| {
            let account = state.accounts.get(&key.new.user_id);
            account.is_some_and(|account| account.is_active)
        });
        Ok(found.map(|key| {
            let (roles, permissions) = state.granted(key.new.user_id);
            KeyHolder {
                id: key.new.id,
                user_id: key.new.user_id,
                roles,
                permissions,
                scopes: key.new.scopes.clone(),
                expires_at: key.new.expires_at,
            }
        }))
    }
}
