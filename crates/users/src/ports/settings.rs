use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::{ConsentEntry, UserSettings};

/// Settings and the consent log, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SettingsRepository: Send {
    /// A user's settings; those of a new user when nothing was ever set.
    async fn find(&mut self, user: UserId) -> Result<UserSettings, StoreError>;

    /// Keeps a user's settings.
    async fn save(&mut self, user: UserId, settings: &UserSettings, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Adds to the consent log. MUST leave alone what it holds.
    async fn append_consent(&mut self, entry: &ConsentEntry) -> Result<(), StoreError>;
}

/// Settings and the consent log, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SettingsQueries: Send + Sync {
    /// A user's settings; those of a new user when nothing was ever set.
    async fn find_settings(&self, user: UserId) -> Result<UserSettings, StoreError>;

    /// Up to `limit` entries of a user's consent log, the newest first.
    async fn list_consents(&self, user: UserId, limit: u64) -> Result<Vec<ConsentEntry>, StoreError>;
}
