use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryStore, MemoryTx};
use crate::model::{Departure, Export, ExportId, ExportState};
use crate::ports::{PrivacyQueries, PrivacyRepository};

/// Copies of personal data, and wishes to go.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    exports: Vec<Export>,
    departures: BTreeMap<UserId, Departure>,
}

#[async_trait]
impl PrivacyRepository for MemoryTx {
    async fn find_latest_export(&mut self, user: UserId) -> Result<Option<Export>, StoreError> {
        let theirs = self.state.wishes.exports.iter().filter(|export| export.user_id == user);
        Ok(theirs.max_by_key(|export| export.requested_at).cloned())
    }

    async fn insert_export(&mut self, export: &Export) -> Result<(), StoreError> {
        self.state.wishes.exports.push(export.clone());
        Ok(())
    }

    async fn update_export(&mut self, export: &Export) -> Result<bool, StoreError> {
        let before = export.state.comes_after();
        let mut exports = self.state.wishes.exports.iter_mut();
        let found = exports.find(|kept| kept.id == export.id && Some(kept.state.as_str()) == before);
        Ok(found.is_some_and(|kept| {
            *kept = export.clone();
            true
        }))
    }

    async fn find_departure(&mut self, user: UserId) -> Result<Option<Departure>, StoreError> {
        Ok(self.state.wishes.departures.get(&user).cloned())
    }

    async fn insert_departure(&mut self, departure: &Departure) -> Result<bool, StoreError> {
        let departures = &mut self.state.wishes.departures;
        if departures.contains_key(&departure.user_id) {
            return Ok(false);
        }
        departures.insert(departure.user_id, departure.clone());
        Ok(true)
    }

    async fn delete_departure(&mut self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.state.wishes.departures.remove(&user).is_some())
    }
}

#[async_trait]
impl PrivacyQueries for MemoryStore {
    async fn find_export(&self, id: ExportId) -> Result<Option<Export>, StoreError> {
        Ok(self.state().wishes.exports.iter().find(|export| export.id == id).cloned())
    }

    async fn list_overdue_exports(
        &self,
        now: DateTime<Utc>,
        after: Option<ExportId>,
        limit: u64,
    ) -> Result<Vec<Export>, StoreError> {
        let overdue =
            |export: &Export| matches!(export.state, ExportState::Ready { expires_at, .. } if expires_at <= now);
        let mut found = self.state().wishes.exports.clone();
        found.retain(|export| overdue(export) && after.is_none_or(|after| export.id > after));
        found.sort_by_key(|export| export.id);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn find_departure(&self, user: UserId) -> Result<Option<Departure>, StoreError> {
        Ok(self.state().wishes.departures.get(&user).cloned())
    }
}
