use std::sync::Arc;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::PermissionSet;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::AccountPorts;
use super::administration::above;
use crate::error::RoleError;
use crate::events::{self, RoleAct};
use crate::model::{NewRole, Role, RoleChange, RoleId, RoleView, within_reach};
use crate::ports::{Directory, RoleQueries, SessionCache};

/// How many holders of a changed role are told at once.
const BATCH: u64 = 500;

/// What [`Roles`] works with.
#[derive(Clone)]
pub struct RolePorts {
    /// Accounts.
    pub accounts: AccountPorts,
    /// Roles, to read.
    pub roles: Arc<dyn RoleQueries>,
    /// Who holds them.
    pub directory: Arc<dyn Directory>,
}

/// Makes, changes and deletes roles.
#[derive(Clone)]
pub struct Roles {
    ports: RolePorts,
}

impl Roles {
    /// A service over these ports.
    pub const fn new(ports: RolePorts) -> Self {
        Self { ports }
    }

    /// Every role, the highest first. It needs `role.read`.
    ///
    /// # Errors
    /// When the actor may not.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<RoleView>, RoleError> {
        actor.require("role.read")?;
        Ok(self.ports.roles.list_roles().await?)
    }

    /// One role. It needs `role.read`.
    ///
    /// # Errors
    /// When the actor may not, or there is no such role.
    pub async fn find(&self, actor: &Actor, id: RoleId) -> Result<RoleView, RoleError> {
        let roles = self.list(actor).await?;
        roles.into_iter().find(|view| view.role.id == id).ok_or(RoleError::NoSuchRole(id))
    }

    /// The roles that a user holds, each with what it grants, the highest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn held_by(&self, user: UserId) -> Result<Vec<Role>, StoreError> {
        self.ports.roles.list_held(user).await
    }

    /// Makes a role. It needs `role.create`, and nobody makes one above themselves.
    ///
    /// # Errors
    /// When the actor may not, or not so high; when the name is taken.
    pub async fn create(&self, actor: &Actor, role: NewRole) -> Result<RoleView, RoleError> {
        actor.require("role.create")?;
        let ports = &self.ports.accounts;
        let id = RoleId::new(ports.ids.number(RoleId::SEQUENCE).await?);
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let own = tx.roles().find_by_user(actor.user_id).await?;
            require_reach(actor, &own, role.rank, &role.permissions)?;
            tx.role_catalog().insert(id, &role).await?;
            let made = tx.role_catalog().find(id).await?.ok_or(RoleError::NoSuchRole(id))?;
            tx.outbox().append(&events::role(event_id, RoleAct::Created(&made), actor.user_id, now)).await?;
            Ok(made)
        })
    }

    /// Changes a role that did not come with the product. It needs `role.update`, and
    /// takes effect on the next request of everybody who holds it.
    ///
    /// # Errors
    /// When the actor may not, or not so high; when there is no such role, it is built
    /// in, it is at none of the versions that the change is for, or the name is taken.
    pub async fn update(&self, actor: &Actor, id: RoleId, change: RoleChange) -> Result<RoleView, RoleError> {
        actor.require("role.update")?;
        let ports = &self.ports.accounts;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let view = transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let before = tx.role_catalog().find(id).await?.ok_or(RoleError::NoSuchRole(id))?;
            if before.built_in {
                return Err(RoleError::BuiltIn);
            }
            let own = tx.roles().find_by_user(actor.user_id).await?;
            require_reach(actor, &own, before.role.rank, &before.role.permissions)?;
            if change.if_version.as_ref().is_some_and(|versions| !versions.admit(before.version())) {
                return Err(RoleError::Stale);
            }
            let rank = change.rank.unwrap_or(before.role.rank);
            let permissions = change.permissions.as_ref().unwrap_or(&before.role.permissions);
            require_reach(actor, &own, rank, permissions)?;
            tx.role_catalog().update(id, &change).await?;
            let after = tx.role_catalog().find(id).await?.ok_or(RoleError::NoSuchRole(id))?;
            if after != before {
                let act = RoleAct::Updated(&before, &after);
                tx.outbox().append(&events::role(event_id, act, actor.user_id, now)).await?;
            }
            Ok(after)
        })?;
        // The event tells them again, should this not be done to its end.
        if let Err(error) = forget_holders(&*self.ports.directory, &*ports.cache, id).await {
            tracing::warn!(error = &error as &dyn std::error::Error, role.id = %id, "sessions could not be forgotten");
        }
        Ok(view)
    }

    /// Deletes a role that nobody holds. It needs `role.delete`.
    ///
    /// # Errors
    /// When the actor may not, or not so high; when there is no such role, it is built
    /// in, it has none of the versions `if_version`, or somebody holds it.
    pub async fn delete(&self, actor: &Actor, id: RoleId, if_version: Option<&Versions>) -> Result<(), RoleError> {
        actor.require("role.delete")?;
        let ports = &self.ports.accounts;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let before = tx.role_catalog().find(id).await?.ok_or(RoleError::NoSuchRole(id))?;
            if before.built_in {
                return Err(RoleError::BuiltIn);
            }
            let own = tx.roles().find_by_user(actor.user_id).await?;
            require_reach(actor, &own, before.role.rank, &before.role.permissions)?;
            if if_version.is_some_and(|versions| !versions.admit(before.version())) {
                return Err(RoleError::Stale);
            }
            tx.role_catalog().delete(id).await?;
            tx.outbox().append(&events::role(event_id, RoleAct::Deleted(&before), actor.user_id, now)).await?;
            Ok(())
        })
    }
}

fn require_reach(actor: &Actor, own: &[Role], rank: i32, permissions: &PermissionSet) -> Result<(), RoleError> {
    if within_reach(actor, own, rank, permissions) { Ok(()) } else { Err(above(actor).into()) }
}

/// Forgets the cached sessions of everybody who holds a role.
pub(super) async fn forget_holders(
    directory: &dyn Directory,
    cache: &dyn SessionCache,
    role: RoleId,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let holders = directory.holders(role, after, BATCH).await?;
        for holder in &holders {
            cache.forget(*holder).await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        }
        after = holders.last().copied();
        if after.is_none() {
            return Ok(());
        }
    }
}
