use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::WriteRoleError;
use crate::model::{NewRole, Role, RoleChange, RoleId, RoleView};

/// Roles themselves, inside a transaction. Call [`super::RoleRepository::hold`] first.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RoleCatalog: Send {
    /// A role by its id.
    async fn find(&mut self, id: RoleId) -> Result<Option<RoleView>, StoreError>;

    /// Makes a role that is not built in. MUST return `NameTaken` when another has the name.
    async fn insert(&mut self, id: RoleId, role: &NewRole) -> Result<(), WriteRoleError>;

    /// Changes a role. MUST return `NameTaken` as an insert does, and leave alone what
    /// the change keeps; permissions are replaced.
    async fn update(&mut self, id: RoleId, change: &RoleChange) -> Result<(), WriteRoleError>;

    /// Deletes a role. MUST return `InUse` when somebody holds it.
    async fn delete(&mut self, id: RoleId) -> Result<(), WriteRoleError>;
}

/// Roles, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RoleQueries: Send + Sync {
    /// Every role, the highest first. MUST have every built-in role.
    async fn list_roles(&self) -> Result<Vec<RoleView>, StoreError>;

    /// The roles that a user holds, the highest first.
    async fn list_held(&self, user: UserId) -> Result<Vec<Role>, StoreError>;
}
