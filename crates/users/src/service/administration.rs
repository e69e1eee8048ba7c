use std::sync::Arc;

use chrono::Duration;
use serde_json::json;
use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::NewJob;
use sharestack_kernel::origin;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::looks::note_look;
use super::profiles::{fields, of_profile};
use super::purge::PURGE;
use super::{AccountPorts, avatars};
use crate::error::AdministerError;
use crate::events;
use crate::model::{
    AccountChange, BuiltInRole, NewAccount, ProfileChange, Registration, Role, RoleId, RoleName, UserFilter, UserView,
    holds_super_admin, outranks, within_reach,
};
use crate::ports::{AccountObligations, Directory, RoleQueries, UsersTx};

/// What [`Administration`] works with.
#[derive(Clone)]
pub struct AdministrationPorts {
    /// Accounts.
    pub accounts: AccountPorts,
    /// Users, to read.
    pub directory: Arc<dyn Directory>,
    /// Roles, to read.
    pub roles: Arc<dyn RoleQueries>,
    /// What stands between an account and its end.
    pub obligations: Arc<dyn AccountObligations>,
    /// How long an account that an administrator deleted keeps what it holds of its owner.
    pub purge_after: Duration,
}

/// An account to be made for somebody else.
#[derive(Debug, Clone)]
pub struct CreateUser {
    /// Name, address, password, profile.
    pub registration: Registration,
    /// Their role beside `user`.
    pub role: RoleName,
    /// Whether the account may be used.
    pub is_active: bool,
}

/// What an administrator wants changed of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdministerUser {
    /// Their role beside `user`, in place of all others.
    pub role: Option<RoleName>,
    /// Whether the account may be used.
    pub is_active: Option<bool>,
    /// The rest.
    pub profile: ProfileChange,
    /// Only when these admit the version of the account.
    pub if_version: Option<Versions>,
}

/// Looks after the accounts of others.
#[derive(Clone)]
pub struct Administration {
    ports: AdministrationPorts,
}

type Outcome<T> = Result<T, AdministerError>;

impl Administration {
    /// A service over these ports.
    pub const fn new(ports: AdministrationPorts) -> Self {
        Self { ports }
    }

    /// One page of the users. It needs `user.read`, and is noted.
    ///
    /// # Errors
    /// When the actor may not, or the filter names a role that does not exist.
    pub async fn list(&self, actor: &Actor, filter: &UserFilter, page: PageRequest) -> Outcome<Page<UserView>> {
        actor.require("user.read")?;
        if let Some(name) = &filter.role {
            let known = self.ports.roles.list_roles().await?;
            if !known.iter().any(|known| known.role.name == *name) {
                return Err(unknown_role());
            }
        }
        let found = self.ports.directory.list(filter, page).await?;
        let ports = &self.ports.accounts;
        let shown: Vec<_> = found.items.iter().map(|user| user.id).collect();
        let event = events::listed(ports.ids.uuid(), &shown, filter, actor.user_id, ports.clock.now());
        note_look(&*ports.store, None, &event).await?;
        Ok(found)
    }

    /// A user. It needs `user.read`, and is noted when it is somebody else.
    ///
    /// # Errors
    /// When the actor may not, or there is no such user.
    pub async fn find(&self, actor: &Actor, user: UserId) -> Outcome<UserView> {
        actor.require("user.read")?;
        let view = self.view(user).await?;
        if actor.user_id != user {
            let ports = &self.ports.accounts;
            let event = events::viewed(ports.ids.uuid(), user, "account", actor.user_id, ports.clock.now());
            note_look(&*ports.store, Some(user), &event).await?;
        }
        Ok(view)
    }

    /// Makes an account for somebody else. It needs `user.create`, and nobody gives a
    /// role above their own.
    ///
    /// # Errors
    /// When the actor may not, the role does not exist, or a name is taken.
    pub async fn create(&self, actor: &Actor, command: CreateUser) -> Outcome<UserView> {
        actor.require("user.create")?;
        let ports = &self.ports.accounts;
        let CreateUser { registration, role, is_active } = command;
        let Registration { username, email, password, profile } = registration;
        let password_hash = ports.hasher.hash(password.password()).await?;
        let id = UserId::new(ports.ids.number(UserId::SEQUENCE).await?);
        let (now, events) = (ports.clock.now(), [(); 3].map(|()| ports.ids.uuid()));
        let account = NewAccount { id, username, email, password_hash, profile, is_verified: false, created_at: now };
        let inactive = AccountChange { is_active: Some(false), ..AccountChange::default() };
        transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let own = tx.roles().find_by_user(actor.user_id).await?;
            let given = find_role(tx, &role).await?;
            require_reach(actor, &own, &given)?;
            tx.accounts().insert(&account).await?;
            tx.roles().replace(id, &beside_user(given.id), Some(actor.user_id), now).await?;
            let mut event = events::registered(events[0], id, account.username.as_str(), now);
            event.actor = Some(actor.user_id);
            tx.outbox().append(&event).await?;
            if given.id != BuiltInRole::User.id() {
                // Who looks for grants finds those of new accounts too.
                let after = names(&[given, BuiltInRole::User.role()]);
                let event = events::roles_changed(events[2], id, &[], &after, Some(actor.user_id), now);
                tx.outbox().append(&event).await?;
            }
            if !is_active {
                tx.edits().change(id, &inactive, now).await?;
                let event = events::account(events[1], events::DEACTIVATED, id, Some(actor.user_id), now);
                tx.outbox().append(&event).await?;
            }
            Ok::<_, AdministerError>(())
        })?;
        self.view(id).await
    }

    /// Changes somebody's account. It needs `user.update`, a change of role
    /// `role.grant`, too; and only accounts below one's own are changed.
    ///
    /// # Errors
    /// When the actor may not, there is no such user or role, or no super admin would be left.
    pub async fn update(&self, actor: &Actor, user: UserId, wanted: AdministerUser) -> Outcome<UserView> {
        actor.require("user.update")?;
        if wanted.role.is_some() {
            actor.require("role.grant")?;
        }
        let ports = &self.ports.accounts;
        let now = ports.clock.now();
        let ids: [_; 5] = std::array::from_fn(|_| ports.ids.uuid());
        transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let record = tx.edits().hold_record(user).await?.ok_or(AdministerError::NoSuchUser(user))?;
            let (own, theirs) = self.both(tx, actor, user).await?;
            if !record.is_among(wanted.if_version.as_ref()) {
                return Err(AdministerError::Stale);
            }
            let mut change = of_profile(wanted.profile.clone(), &record);
            change.is_active = wanted.is_active.filter(|wish| *wish != record.is_active);
            if !change.is_empty() {
                tx.edits().change(user, &change, now).await?;
                let event = events::updated(ids[0], user, actor.user_id, &fields(&change), now);
                tx.outbox().append(&event).await?;
            }
            if !change.avatar.is_keep() {
                avatars::forget_file(tx, ids[1], user, record.avatar_file, now).await?;
            }
            if let Some(active) = change.is_active {
                let event = switched(tx, user, active, actor, ids[2], now).await?;
                tx.outbox().append(&event).await?;
            }
            if let Some(name) = &wanted.role {
                let given = find_role(tx, name).await?;
                let after = [given, BuiltInRole::User.role()];
                for role in lost_or_gained(&theirs, &after) {
                    require_reach(actor, &own, role)?;
                }
                tx.roles().replace(user, &beside_user(after[0].id), Some(actor.user_id), now).await?;
                let (before, after) = (names(&theirs), names(&after));
                if before != after {
                    tx.edits().touch(user, now).await?;
                    let event = events::roles_changed(ids[3], user, &before, &after, Some(actor.user_id), now);
                    tx.outbox().append(&event).await?;
                }
            }
            keep_one(tx, &theirs).await
        })?;
        super::forget(&*ports.cache, user).await;
        self.view(user).await
    }

    /// Lets an account be used, or not. It needs `user.activate` or `user.deactivate`;
    /// doing it again changes nothing. Sessions of an account that may not be used end.
    ///
    /// # Errors
    /// When the actor may not, there is no such user, or no super admin would be left.
    pub async fn set_active(&self, actor: &Actor, user: UserId, active: bool) -> Outcome<UserView> {
        actor.require(if active { "user.activate" } else { "user.deactivate" })?;
        let ports = &self.ports.accounts;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let change = AccountChange { is_active: Some(active), ..AccountChange::default() };
        transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let record = tx.edits().hold_record(user).await?.ok_or(AdministerError::NoSuchUser(user))?;
            let (_, theirs) = self.both(tx, actor, user).await?;
            if record.is_active == active {
                return Ok(());
            }
            tx.edits().change(user, &change, now).await?;
            let event = switched(tx, user, active, actor, event_id, now).await?;
            tx.outbox().append(&event).await?;
            keep_one(tx, &theirs).await
        })?;
        super::forget(&*ports.cache, user).await;
        self.view(user).await
    }

    /// Deletes an account. It needs `user.delete`. What the account holds of its owner
    /// goes later.
    ///
    /// # Errors
    /// When the actor may not, there is no such user, it has none of the versions
    /// `if_version`, something must be settled first, or no super admin would be left.
    pub async fn delete(&self, actor: &Actor, user: UserId, if_version: Option<&Versions>) -> Outcome<()> {
        actor.require("user.delete")?;
        self.end(Some(actor), user, if_version).await.map(drop)
    }

    /// Ends an account whose owner wanted to go, and what it holds of them at once: they have
    /// had their time for second thoughts. Changes nothing, and says so, when the wish was
    /// taken back or is not due.
    ///
    /// # Errors
    /// As [`Self::delete`].
    pub async fn end_own(&self, user: UserId) -> Outcome<bool> {
        self.end(None, user, None).await
    }

    /// Ends an account for an administrator, or else for its owner.
    async fn end(&self, administrator: Option<&Actor>, user: UserId, if_version: Option<&Versions>) -> Outcome<bool> {
        let by = administrator.map_or(user, |actor| actor.user_id);
        let ports = &self.ports.accounts;
        let obligations = self.ports.obligations.find(user).await?;
        let (now, event_id, job_id) = (ports.clock.now(), ports.ids.uuid(), ports.ids.uuid());
        let ended = transact!(ports.store, |tx| {
            tx.roles().hold().await?;
            let record = tx.edits().hold_record(user).await?.ok_or(AdministerError::NoSuchUser(user))?;
            // Looked at while nobody can take it back.
            let due = tx.privacy().find_departure(user).await?.map(|wish| wish.due_at);
            if administrator.is_none() && due.is_none_or(|due| due > now) {
                return Ok(false);
            }
            let purge_at = now + self.ports.purge_after;
            let purge = NewJob {
                dedupe_key: Some(format!("{PURGE}:{user}")),
                ..NewJob::new(
                    job_id,
                    PURGE,
                    json!({ "user_id": user, "request_id": origin::request_id() }),
                    due.map_or(purge_at, |due| due.max(now).min(purge_at)),
                )
            };
            let theirs = match administrator {
                Some(actor) => self.both(tx, actor, user).await?.1,
                None => tx.roles().find_by_user(user).await?,
            };
            if !record.is_among(if_version) {
                return Err(AdministerError::Stale);
            }
            if !obligations.is_empty() {
                return Err(AdministerError::Owes(obligations.clone()));
            }
            tx.sessions().revoke_all(user, None, "deleted", now).await?;
            tx.edits().delete(user, now).await?;
            tx.roles().replace(user, &[], Some(by), now).await?;
            keep_one(tx, &theirs).await?;
            tx.jobs().enqueue(&purge).await?;
            let event = events::account(event_id, events::DELETED, user, Some(by), now);
            tx.outbox().append(&event).await?;
            Ok(true)
        })?;
        super::forget(&*ports.cache, user).await;
        Ok(ended)
    }

    /// The actor's roles and the user's; refuses an actor who does not stand above.
    async fn both(&self, tx: &mut (dyn UsersTx + '_), actor: &Actor, user: UserId) -> Outcome<(Vec<Role>, Vec<Role>)> {
        let own = tx.roles().find_by_user(actor.user_id).await?;
        if actor.user_id == user {
            return Ok((own.clone(), own));
        }
        let theirs = tx.roles().find_by_user(user).await?;
        if outranks(&own, &theirs) { Ok((own, theirs)) } else { Err(above(actor).into()) }
    }

    async fn view(&self, user: UserId) -> Outcome<UserView> {
        let found = self.ports.accounts.queries.find_by_id(user).await?;
        found.ok_or(AdministerError::NoSuchUser(user))
    }
}

/// What follows from an account's being switched on or off.
async fn switched(
    tx: &mut (dyn UsersTx + '_),
    user: UserId,
    active: bool,
    actor: &Actor,
    event_id: uuid::Uuid,
    now: chrono::DateTime<chrono::Utc>,
) -> Outcome<sharestack_kernel::event::DomainEvent> {
    if !active {
        // Rows, not the flag alone: else they would live again with the account.
        tx.sessions().revoke_all(user, None, "deactivated", now).await?;
    }
    let kind = if active { events::ACTIVATED } else { events::DEACTIVATED };
    Ok(events::account(event_id, kind, user, Some(actor.user_id), now))
}

/// Refuses when the change of who was a super admin leaves nobody who is.
async fn keep_one(tx: &mut (dyn UsersTx + '_), before: &[Role]) -> Outcome<()> {
    let super_admin = BuiltInRole::SuperAdmin.id();
    if holds_super_admin(before) && tx.roles().count_active_holders(super_admin).await? == 0 {
        return Err(AdministerError::LastSuperAdmin);
    }
    Ok(())
}

async fn find_role(tx: &mut (dyn UsersTx + '_), name: &RoleName) -> Outcome<Role> {
    let found = tx.roles().find_by_names(std::slice::from_ref(name)).await?;
    found.into_iter().next().ok_or_else(unknown_role)
}

/// A role and `user`, each once.
fn beside_user(role: RoleId) -> Vec<RoleId> {
    let user = BuiltInRole::User.id();
    if role == user { vec![user] } else { vec![role, user] }
}

fn unknown_role() -> AdministerError {
    FieldErrors::of("role", Issue::NotAllowed { allowed: Vec::new() }).into()
}

fn lost_or_gained<'a>(before: &'a [Role], after: &'a [Role]) -> impl Iterator<Item = &'a Role> {
    let only_in = |these: &'a [Role], others: &'a [Role]| {
        these.iter().filter(move |role| !others.iter().any(|other| other.id == role.id))
    };
    only_in(before, after).chain(only_in(after, before))
}

fn require_reach(actor: &Actor, own: &[Role], role: &Role) -> Result<(), Denied> {
    if within_reach(actor, own, role.rank, &role.permissions) { Ok(()) } else { Err(above(actor)) }
}

/// What is missing of an actor who reaches for what stands above them.
pub(super) fn above(actor: &Actor) -> Denied {
    Denied { required: "*", role: Some(actor.role.clone()) }
}

pub(super) fn names(roles: &[Role]) -> Vec<String> {
    let mut names: Vec<_> = roles.iter().map(|role| role.name.as_str().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
