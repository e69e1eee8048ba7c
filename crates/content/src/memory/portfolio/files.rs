//! Files and uploads.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{MemoryPortfolio, MemoryPortfolioTx};
use crate::model::{FileId, FileStatus, Part, Sha256, Upload, UploadState, UploadedFile};
use crate::ports::{FileQueries, FileRepository, Known, UploadRepository, UsageRepository};

#[async_trait]
impl FileRepository for MemoryPortfolioTx {
    async fn find_for_update(&mut self, id: FileId) -> Result<Option<UploadedFile>, StoreError> {
        Ok(self.state.files.get(&id).cloned())
    }

    async fn insert(&mut self, file: &UploadedFile) -> Result<(), StoreError> {
        self.state.files.insert(file.id, file.clone());
        Ok(())
    }

    async fn save_processing(&mut self, file: &UploadedFile) -> Result<(), StoreError> {
        if let Some(kept) = self.state.files.get_mut(&file.id) {
            kept.processing = file.processing.clone();
            kept.updated_at = file.updated_at;
        }
        Ok(())
    }

    async fn keep_until(
        &mut self,
        id: FileId,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if let Some(kept) = self.state.files.get_mut(&id) {
            (kept.expires_at, kept.updated_at) = (expires_at, now);
        }
        Ok(())
    }

    async fn delete(&mut self, id: FileId) -> Result<bool, StoreError> {
        Ok(self.state.files.remove(&id).is_some())
    }
}

#[async_trait]
impl UploadRepository for MemoryPortfolioTx {
    async fn find_for_update(&mut self, id: FileId) -> Result<Option<Upload>, StoreError> {
        Ok(self.state.uploads.get(&id).cloned())
    }

    async fn insert(&mut self, upload: &Upload) -> Result<(), StoreError> {
        self.state.uploads.insert(upload.id, upload.clone());
        Ok(())
    }

    async fn update(&mut self, upload: &Upload, _now: DateTime<Utc>) -> Result<(), StoreError> {
        self.state.uploads.insert(upload.id, upload.clone());
        Ok(())
    }

    async fn put_part(&mut self, id: FileId, part: &Part) -> Result<Option<Part>, StoreError> {
        let parts = self.state.parts.entry(id).or_default();
        if parts.get(&part.start).is_some_and(|before| before.size != part.size) {
            return Err(StoreError::corrupt("a piece of another size"));
        }
        Ok(parts.insert(part.start, part.clone()))
    }

    async fn grow_part(&mut self, id: FileId, before: &Part, part: &Part) -> Result<bool, StoreError> {
        let kept = self.state.parts.get_mut(&id).and_then(|parts| parts.get_mut(&before.start));
        let Some(kept) = kept.filter(|kept| **kept == *before) else { return Ok(false) };
        *kept = part.clone();
        Ok(true)
    }

    async fn delete_parts(&mut self, id: FileId) -> Result<(), StoreError> {
        self.state.parts.remove(&id);
        Ok(())
    }

    async fn delete(&mut self, id: FileId) -> Result<bool, StoreError> {
        self.state.parts.remove(&id);
        Ok(self.state.uploads.remove(&id).is_some())
    }
}

#[async_trait]
impl UsageRepository for MemoryPortfolioTx {
    async fn take(&mut self, owner: UserId, bytes: u64, quota: u64) -> Result<bool, StoreError> {
        let kept = self.state.usage.entry(owner).or_default();
        let fits = kept.checked_add(bytes).is_some_and(|sum| sum <= quota);
        if fits {
            *kept += bytes;
        }
        Ok(fits)
    }

    async fn release(&mut self, owner: UserId, bytes: u64) -> Result<(), StoreError> {
        let kept = self.state.usage.entry(owner).or_default();
        *kept = kept.saturating_sub(bytes);
        Ok(())
    }
}

#[async_trait]
impl FileQueries for MemoryPortfolio {
    async fn find_file(&self, id: FileId) -> Result<Option<UploadedFile>, StoreError> {
        Ok(self.state().files.get(&id).cloned())
    }

    async fn find_by_content(
        &self,
        owner: UserId,
        contents: &[(Sha256, u64)],
    ) -> Result<Vec<UploadedFile>, StoreError> {
        let state = self.state();
        let is = |file: &&UploadedFile| {
            file.owner_id == owner
                && contents.contains(&(file.sha256, file.size))
                && file.processing.status != FileStatus::Failed
                && !state.photos.values().any(|row| row.has_trashed(file.id))
        };
        Ok(state.files.values().filter(is).cloned().collect())
    }

    async fn find_upload(&self, id: FileId) -> Result<Option<Upload>, StoreError> {
        Ok(self.state().uploads.get(&id).cloned())
    }

    async fn list_parts(&self, id: FileId, from: u64, limit: u64) -> Result<Vec<Part>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let state = self.state();
        let parts = state.parts.get(&id).into_iter().flat_map(|parts| parts.range(from..));
        Ok(parts.map(|(_, part)| part.clone()).take(limit).collect())
    }

    async fn find_last_part(&self, id: FileId) -> Result<Option<Part>, StoreError> {
        Ok(self.state().parts.get(&id).and_then(|parts| parts.values().next_back()).cloned())
    }

    async fn usage(&self, owner: UserId) -> Result<u64, StoreError> {
        Ok(self.state().usage.get(&owner).copied().unwrap_or_default())
    }

    async fn next_end(&self, owner: UserId, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let state = self.state();
        let open = |one: &&Upload| one.owner_id == owner && one.state == UploadState::Open;
        let uploads = state.uploads.values().filter(open).map(|one| one.expires_at);
        let files = state.files.values().filter(|one| one.owner_id == owner).filter_map(|one| one.expires_at);
        Ok(uploads.chain(files).filter(|end| *end > now).min())
    }

    async fn list_overdue_uploads(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let state = self.state();
        let overdue = |one: &&Upload| one.state == UploadState::Open && one.expires_at <= now && !one.is_held(now);
        Ok(few(state.uploads.values().filter(overdue).map(|one| one.id), limit))
    }

    async fn list_expired_uploads(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let state = self.state();
        let expired = |one: &&Upload| one.state == UploadState::Expired && one.expires_at < before;
        Ok(few(state.uploads.values().filter(expired).map(|one| one.id), limit))
    }

    async fn list_overdue_files(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let state = self.state();
        let overdue = |one: &&UploadedFile| one.expires_at.is_some_and(|time| time <= now);
        Ok(few(state.files.values().filter(overdue).map(|one| one.id), limit))
    }

    async fn list_owned(&self, owner: UserId, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let state = self.state();
        let files = state.files.values().filter(|one| one.owner_id == owner).map(|one| one.id);
        let uploads = state.uploads.values().filter(|one| one.owner_id == owner).map(|one| one.id);
        Ok([few(files, limit), few(uploads, limit)].concat())
    }

    async fn known(&self, ids: &[FileId]) -> Result<Known, StoreError> {
        let state = self.state();
        Ok(Known {
            uploads: ids.iter().copied().filter(|id| state.uploads.contains_key(id)).collect(),
            files: ids.iter().filter_map(|id| state.files.get(id)).cloned().collect(),
            unreadable: Vec::new(),
        })
    }
}

pub(super) fn few(ids: impl Iterator<Item = FileId>, limit: u64) -> Vec<FileId> {
    ids.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
}
