use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::MemoryTx;
use crate::model::{Role, RoleId, RoleName};
use crate::ports::RoleRepository;

#[async_trait]
impl RoleRepository for MemoryTx {
    async fn hold(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find_by_names(&mut self, names: &[RoleName]) -> Result<Vec<Role>, StoreError> {
        Ok(self.state.roles.iter().filter(|role| names.contains(&role.name)).cloned().collect())
    }

    async fn find_by_user(&mut self, user: UserId) -> Result<Vec<Role>, StoreError> {
        Ok(self.state.roles_of(user))
    }

    async fn replace(
        &mut self,
        user: UserId,
        roles: &[RoleId],
        _granted_by: Option<UserId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.state.held.retain(|(holder, _)| *holder != user);
        self.state.held.extend(roles.iter().map(|role| (user, *role)));
        Ok(())
    }

    async fn count_active_holders(&mut self, role: RoleId) -> Result<u64, StoreError> {
        let active = |user: &UserId| self.state.accounts.get(user).is_some_and(|account| account.is_active);
        Ok(self.state.held.iter().filter(|(user, held)| *held == role && active(user)).map(|_| 1).sum())
    }
}
