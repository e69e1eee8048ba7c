use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::{Role, RoleId, RoleName};

/// Roles and who holds them, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RoleRepository: Send {
    /// Holds the assignment of roles until the transaction ends. Called first.
    ///
    /// MUST let no other transaction that holds it go on meanwhile, and what is read
    /// after it MUST show what they wrote: so two cannot both remove the last super admin.
    async fn hold(&mut self) -> Result<(), StoreError>;

    /// The roles of these names; unknown names are left out. MUST find every role of
    /// [`crate::model::BuiltInRole`] in a new store.
    async fn find_by_names(&mut self, names: &[RoleName]) -> Result<Vec<Role>, StoreError>;

    /// The roles that a user holds, the highest first.
    async fn find_by_user(&mut self, user: UserId) -> Result<Vec<Role>, StoreError>;

    /// Makes these the roles of a user, and takes away all others.
    async fn replace(
        &mut self,
        user: UserId,
        roles: &[RoleId],
        granted_by: Option<UserId>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// How many users hold a role. MUST count active users only, and no deleted ones.
    async fn count_active_holders(&mut self, role: RoleId) -> Result<u64, StoreError>;
}
