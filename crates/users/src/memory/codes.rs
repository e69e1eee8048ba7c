//! Codes and proven addresses.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryStore, MemoryTx, State};
use crate::model::{CodeState, CodeSubject, Contact, Phone, PhoneNumber, ProvenContact, TokenHash};
use crate::ports::{CodeQueries, CodeRepository, ContactQueries, ContactRepository, Holder};

/// What this file keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct Codes {
    states: BTreeMap<CodeSubject, (CodeState, DateTime<Utc>)>,
    proven: HashMap<TokenHash, ProvenContact>,
    phones: HashMap<String, UserId>,
}

impl MemoryStore {
    /// How many addresses and purposes something is remembered of.
    pub fn code_subjects(&self) -> usize {
        self.state().codes.states.len()
    }
}

#[async_trait]
impl CodeRepository for MemoryTx {
    async fn hold(&mut self, subject: &CodeSubject) -> Result<Option<CodeState>, StoreError> {
        Ok(self.state.codes.states.get(subject).map(|(state, _)| state.clone()))
    }

    async fn insert(&mut self, subject: &CodeSubject, state: &CodeState, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.state.codes.states.insert(subject.clone(), (state.clone(), at));
        Ok(())
    }

    async fn update(&mut self, subject: &CodeSubject, state: &CodeState, at: DateTime<Utc>) -> Result<(), StoreError> {
        CodeRepository::insert(self, subject, state, at).await
    }

    async fn insert_proven(&mut self, proven: &ProvenContact) -> Result<(), StoreError> {
        self.state.codes.proven.insert(proven.hash, proven.clone());
        Ok(())
    }

    async fn take_proven(&mut self, hash: TokenHash, now: DateTime<Utc>) -> Result<Option<ProvenContact>, StoreError> {
        let found = self.state.codes.proven.remove(&hash);
        Ok(found.filter(|proven| now < proven.expires_at))
    }
}

#[async_trait]
impl CodeQueries for MemoryStore {
    async fn prune_codes(&self, before: DateTime<Utc>, _limit: u64) -> Result<u64, StoreError> {
        let codes = &mut self.state().codes;
        let count = codes.states.len() + codes.proven.len();
        codes.states.retain(|_, (_, at)| *at >= before);
        codes.proven.retain(|_, proven| proven.expires_at >= before);
        Ok((count - codes.states.len() - codes.proven.len()) as u64)
    }
}

fn holder(state: &State, contact: &Contact) -> Option<Holder> {
    match contact {
        Contact::Email(email) => {
            let account = state.accounts.values().find(|account| account.new.email.key() == email.key())?;
            Some(Holder { user_id: account.new.id, is_verified: account.new.is_verified })
        }
        Contact::Phone(phone) => {
            let user_id = *state.codes.phones.get(phone.as_str())?;
            let shown = state.accounts.get(&user_id)?.new.profile.phone.as_ref();
            shown.is_some_and(|shown| shown.as_str() == phone.as_str()).then_some(Holder { user_id, is_verified: true })
        }
    }
}

#[async_trait]
impl ContactRepository for MemoryTx {
    async fn find_holder(&mut self, contact: &Contact) -> Result<Option<Holder>, StoreError> {
        Ok(holder(&self.state, contact))
    }

    async fn set_verified(&mut self, user: UserId, _at: DateTime<Utc>) -> Result<bool, StoreError> {
        let account = self.state.accounts.get_mut(&user).filter(|account| !account.new.is_verified);
        Ok(account.is_some_and(|account| {
            account.new.is_verified = true;
            true
        }))
    }

    async fn set_phone(&mut self, user: UserId, phone: &PhoneNumber, _at: DateTime<Utc>) -> Result<(), StoreError> {
        self.state.codes.phones.retain(|_, holder| *holder != user);
        self.state.codes.phones.insert(phone.as_str().to_owned(), user);
        if let Some(account) = self.state.accounts.get_mut(&user) {
            account.new.profile.phone = Phone::parse(phone.as_str()).ok();
        }
        Ok(())
    }

    async fn forget_phone(&mut self, user: UserId) -> Result<bool, StoreError> {
        let before = self.state.codes.phones.len();
        self.state.codes.phones.retain(|_, holder| *holder != user);
        Ok(before > self.state.codes.phones.len())
    }
}

#[async_trait]
impl ContactQueries for MemoryStore {
    async fn find_by_contact(&self, contact: &Contact) -> Result<Option<Holder>, StoreError> {
        Ok(holder(&self.state(), contact))
    }
}
