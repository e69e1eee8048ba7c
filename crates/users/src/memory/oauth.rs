use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryStore, MemoryTx};
use crate::error::InsertIdentityError;
use crate::model::{ExternalIdentity, IdentityId, LoginCode, OAuthState, ProviderName, Subject, TokenHash, WaysIn};
use crate::ports::{ExternalIdentityQueries, ExternalIdentityRepository, OAuthFlowQueries, OAuthFlowRepository};

/// What there is of third-party login.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    identities: BTreeMap<IdentityId, ExternalIdentity>,
    states: HashMap<TokenHash, OAuthState>,
    codes: HashMap<TokenHash, LoginCode>,
}

impl State {
    fn find(&self, provider: &ProviderName, subject: &Subject) -> Option<&ExternalIdentity> {
        self.identities.values().find(|one| one.provider == *provider && one.subject == *subject)
    }
}

#[async_trait]
impl ExternalIdentityRepository for MemoryTx {
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), InsertIdentityError> {
        if self.state.oauth.find(&identity.provider, &identity.subject).is_some() {
            return Err(InsertIdentityError::Taken);
        }
        self.state.oauth.identities.insert(identity.id, identity.clone());
        Ok(())
    }

    async fn find_by_subject(
        &mut self,
        provider: &ProviderName,
        subject: &Subject,
    ) -> Result<Option<ExternalIdentity>, StoreError> {
        Ok(self.state.oauth.find(provider, subject).cloned())
    }

    async fn find_by_user(&mut self, user: UserId, id: IdentityId) -> Result<Option<ExternalIdentity>, StoreError> {
        Ok(self.state.oauth.identities.get(&id).filter(|one| one.user_id == user).cloned())
    }

    async fn update(&mut self, identity: &ExternalIdentity) -> Result<(), StoreError> {
        if let Some(kept) = self.state.oauth.identities.get_mut(&identity.id) {
            kept.clone_from(identity);
        }
        Ok(())
    }

    async fn delete(&mut self, user: UserId, id: IdentityId) -> Result<bool, StoreError> {
        let there = self.state.oauth.identities.get(&id).is_some_and(|one| one.user_id == user);
        if there {
            self.state.oauth.identities.remove(&id);
        }
        Ok(there)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let identities = &mut self.state.oauth.identities;
        let before = identities.len();
        identities.retain(|_, one| one.user_id != user);
        Ok((before - identities.len()) as u64)
    }

    async fn ways_in(&mut self, user: UserId) -> Result<WaysIn, StoreError> {
        let password = self.state.accounts.get(&user).is_some_and(|account| account.new.password_hash.is_set());
        let identities = self.state.oauth.identities.values().filter(|one| one.user_id == user).count();
        let passkeys = self.state.passkeys.values().filter(|(passkey, _)| passkey.user_id == user).count();
        Ok(WaysIn { password, identities: identities as u64, passkeys: passkeys as u64 })
    }
}

#[async_trait]
impl ExternalIdentityQueries for MemoryStore {
    async fn list(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        let state = self.state();
        let mut all: Vec<_> = state.oauth.identities.values().filter(|one| one.user_id == user).cloned().collect();
        all.sort_by_key(|one| (one.linked_at, one.id));
        Ok(all)
    }
}

#[async_trait]
impl OAuthFlowRepository for MemoryTx {
    async fn insert_state(&mut self, state: &OAuthState) -> Result<(), StoreError> {
        self.state.oauth.states.insert(state.hash, state.clone());
        Ok(())
    }

    async fn take_state(&mut self, hash: TokenHash, browser: TokenHash) -> Result<Option<OAuthState>, StoreError> {
        if self.state.oauth.states.get(&hash).is_none_or(|state| state.browser != browser) {
            return Ok(None);
        }
        Ok(self.state.oauth.states.remove(&hash))
    }

    async fn insert_code(&mut self, code: &LoginCode) -> Result<(), StoreError> {
        self.state.oauth.codes.insert(code.hash, code.clone());
        Ok(())
    }

    async fn take_code(&mut self, hash: TokenHash) -> Result<Option<LoginCode>, StoreError> {
        Ok(self.state.oauth.codes.remove(&hash))
    }
}

#[async_trait]
impl OAuthFlowQueries for MemoryStore {
    async fn is_under_way(&self, hash: TokenHash) -> Result<bool, StoreError> {
        Ok(self.state().oauth.states.contains_key(&hash))
    }

    async fn prune(&self, before: DateTime<Utc>, _limit: u64) -> Result<u64, StoreError> {
        let mut state = self.state();
        let count = state.oauth.states.len() + state.oauth.codes.len();
        state.oauth.states.retain(|_, state| state.expires_at >= before);
        state.oauth.codes.retain(|_, code| code.expires_at >= before);
        Ok((count - state.oauth.states.len() - state.oauth.codes.len()) as u64)
    }
}
