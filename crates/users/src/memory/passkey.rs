use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryStore, MemoryTx};
use crate::error::InsertPasskeyError;
use crate::model::{CredentialId, NewPasskey, PasskeyId, PasskeyView, StoredPasskey};
use crate::ports::{PasskeyQueries, PasskeyRepository};

/// Each passkey, and when it was last used.
pub(super) type Passkeys = BTreeMap<PasskeyId, (NewPasskey, Option<DateTime<Utc>>)>;

#[async_trait]
impl PasskeyRepository for MemoryTx {
    async fn insert(&mut self, passkey: &NewPasskey) -> Result<(), InsertPasskeyError> {
        let taken = |(other, _): &(NewPasskey, _)| other.key.credential_id == passkey.key.credential_id;
        if self.state.passkeys.values().any(taken) {
            return Err(InsertPasskeyError::Taken);
        }
        self.state.passkeys.insert(passkey.id, (passkey.clone(), None));
        Ok(())
    }

    async fn count(&mut self, user: UserId) -> Result<u64, StoreError> {
        Ok(self.state.passkeys.values().filter(|(passkey, _)| passkey.user_id == user).count() as u64)
    }

    async fn hold(&mut self, credential: &CredentialId) -> Result<Option<StoredPasskey>, StoreError> {
        let found = self.state.passkeys.values().find(|(passkey, _)| passkey.key.credential_id == *credential);
        Ok(found.map(|(passkey, _)| StoredPasskey {
            id: passkey.id,
            user_id: passkey.user_id,
            handle: passkey.handle,
            credential: passkey.key.credential.clone(),
        }))
    }

    async fn note_use(&mut self, id: PasskeyId, credential: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        if let Some((passkey, used)) = self.state.passkeys.get_mut(&id) {
            credential.clone_into(&mut passkey.key.credential);
            *used = Some(at);
        }
        Ok(())
    }

    async fn delete(&mut self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        let theirs = self.state.passkeys.get(&id).is_some_and(|(passkey, _)| passkey.user_id == user);
        Ok(theirs && self.state.passkeys.remove(&id).is_some())
    }

    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let before = self.state.passkeys.len();
        self.state.passkeys.retain(|_, (passkey, _)| passkey.user_id != user);
        Ok((before - self.state.passkeys.len()) as u64)
    }
}

#[async_trait]
impl PasskeyQueries for MemoryStore {
    async fn list_passkeys(&self, user: UserId) -> Result<Vec<PasskeyView>, StoreError> {
        let state = self.state();
        let theirs = state.passkeys.values().filter(|(passkey, _)| passkey.user_id == user);
        Ok(theirs
            .map(|(passkey, last_used_at)| PasskeyView {
                id: passkey.id,
                name: passkey.name.as_str().to_owned(),
                credential_id: passkey.key.credential_id.clone(),
                handle: passkey.handle,
                created_at: passkey.created_at,
                last_used_at: *last_used_at,
            })
            .collect())
    }
}
