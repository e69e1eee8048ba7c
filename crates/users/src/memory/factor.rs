use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryStore, MemoryTx};
use crate::model::{FactorsView, NewChallenge, NewTotp, SecretHash, StoredChallenge, StoredTotp, TotpView};
use crate::ports::{FactorQueries, FactorRepository};

#[derive(Debug, Clone)]
struct Totp {
    new: NewTotp,
    confirmed_at: Option<DateTime<Utc>>,
    last_step: u64,
    last_used_at: Option<DateTime<Utc>>,
}

/// What asks for a second proof.
#[derive(Debug, Clone, Default)]
pub(super) struct Factors {
    totp: BTreeMap<UserId, Totp>,
    /// Whether each was taken.
    codes: BTreeMap<(UserId, SecretHash), bool>,
    challenges: HashMap<SecretHash, StoredChallenge>,
}

impl Factors {
    /// Forgets all that a user has.
    pub(super) fn forget(&mut self, user: UserId) {
        self.totp.remove(&user);
        self.codes.retain(|(owner, _), _| *owner != user);
        self.challenges.retain(|_, challenge| challenge.user_id != user);
    }
}

#[async_trait]
impl FactorRepository for MemoryTx {
    async fn put_totp(&mut self, totp: &NewTotp) -> Result<(), StoreError> {
        let fresh = Totp { new: totp.clone(), confirmed_at: None, last_step: 0, last_used_at: None };
        self.state.factors.totp.insert(totp.user_id, fresh);
        Ok(())
    }

    async fn find_totp(&mut self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        Ok(self.state.factors.totp.get(&user).map(|totp| StoredTotp {
            sealed_secret: totp.new.sealed_secret.clone(),
            confirmed_at: totp.confirmed_at,
            last_step: totp.last_step,
        }))
    }

    async fn confirm_totp(&mut self, user: UserId, step: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
        if let Some(totp) = self.state.factors.totp.get_mut(&user) {
            (totp.confirmed_at, totp.last_step, totp.last_used_at) = (Some(at), step, Some(at));
        }
        Ok(())
    }

    async fn take_step(&mut self, user: UserId, step: u64, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let totp = self.state.factors.totp.get_mut(&user).filter(|totp| totp.last_step < step);
        Ok(totp.is_some_and(|totp| {
            (totp.last_step, totp.last_used_at) = (step, Some(at));
            true
        }))
    }

    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StoreError> {
        self.state.factors.codes.retain(|(owner, _), _| *owner != user);
        Ok(self.state.factors.totp.remove(&user).is_some())
    }

    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        codes: &[SecretHash],
        _at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.state.factors.codes.retain(|(owner, _), _| *owner != user);
        self.state.factors.codes.extend(codes.iter().map(|code| ((user, *code), false)));
        Ok(())
    }

    async fn take_recovery_code(
        &mut self,
        user: UserId,
        code: SecretHash,
        _at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let taken = self.state.factors.codes.get_mut(&(user, code));
        Ok(taken.is_some_and(|taken| !std::mem::replace(taken, true)))
    }

    async fn insert_challenge(&mut self, challenge: &NewChallenge) -> Result<(), StoreError> {
        let stored = StoredChallenge {
            user_id: challenge.user_id,
            method: challenge.method,
            stamp: challenge.stamp,
            attempts: 0,
            expires_at: challenge.expires_at,
            used_at: None,
        };
        let kept = self.state.factors.challenges.insert(challenge.hash, stored);
        if kept.is_some() { Err(StoreError::corrupt("a challenge is kept twice")) } else { Ok(()) }
    }

    async fn hold_challenge(&mut self, hash: SecretHash) -> Result<Option<StoredChallenge>, StoreError> {
        Ok(self.state.factors.challenges.get(&hash).cloned())
    }

    async fn note_attempt(&mut self, hash: SecretHash) -> Result<(), StoreError> {
        if let Some(challenge) = self.state.factors.challenges.get_mut(&hash) {
            challenge.attempts += 1;
        }
        Ok(())
    }

    async fn mark_used(&mut self, hash: SecretHash, at: DateTime<Utc>) -> Result<(), StoreError> {
        if let Some(challenge) = self.state.factors.challenges.get_mut(&hash) {
            challenge.used_at = Some(at);
        }
        Ok(())
    }
}

#[async_trait]
impl FactorQueries for MemoryStore {
    async fn find_factors(&self, user: UserId) -> Result<FactorsView, StoreError> {
        let state = self.state();
        let totp = state.factors.totp.get(&user).map(|totp| TotpView {
            created_at: totp.new.created_at,
            confirmed_at: totp.confirmed_at,
            last_used_at: totp.last_used_at,
        });
        let left = state.factors.codes.iter().filter(|((owner, _), taken)| *owner == user && !**taken).count();
        Ok(FactorsView { totp, recovery_codes_left: left as u64 })
    }

    async fn prune_challenges(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let mut state = self.state();
        let old = state.factors.challenges.iter().filter(|(_, challenge)| challenge.expires_at < before);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let old: Vec<_> = old.map(|(hash, _)| *hash).take(most).collect();
        state.factors.challenges.retain(|hash, _| !old.contains(hash));
        Ok(old.len() as u64)
    }
}
