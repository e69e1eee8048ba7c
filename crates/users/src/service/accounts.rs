use std::collections::BTreeSet;
use std::sync::Arc;

use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_kernel::version::Versions;

use super::administration::names;
use crate::error::{GrantError, RegisterError};
use crate::events;
use crate::model::{BuiltInRole, NewAccount, Registration, Role, RoleName, UserView, outranks, within_reach};
use crate::ports::{AccountQueries, PasswordHasher, SessionCache, UsersTx};

/// What a grant of roles asks for.
const GRANT: &str = "role.grant";
/// More roles than this nobody can hold.
const MAX_ROLES: usize = 20;

/// What [`Accounts`] works with.
#[derive(Clone)]
pub struct AccountPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Accounts, to read.
    pub queries: Arc<dyn AccountQueries>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Cached sessions, to forget.
    pub cache: Arc<dyn SessionCache>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A super admin to be made from the command line.
pub type CreateSuperAdmin = Registration;

/// Makes accounts, and says what they may do.
#[derive(Clone)]
pub struct Accounts {
    ports: AccountPorts,
}

impl Accounts {
    /// A service over these ports.
    pub const fn new(ports: AccountPorts) -> Self {
        Self { ports }
    }

    /// Makes an account with the role `user`.
    ///
    /// # Errors
    /// When the name or the address is taken.
    pub async fn register(&self, registration: Registration) -> Result<UserView, RegisterError> {
        self.create(registration, &[BuiltInRole::User], false).await
    }

    /// Makes an account that may do everything. Only the command line calls it: it asks
    /// for no permission.
    ///
    /// # Errors
    /// When the name or the address is taken.
    pub async fn create_super_admin(&self, command: CreateSuperAdmin) -> Result<UserView, RegisterError> {
        self.create(command, &[BuiltInRole::SuperAdmin, BuiltInRole::User], true).await
    }

    /// A user, as they see themselves.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, id: UserId) -> Result<Option<UserView>, StoreError> {
        self.ports.queries.find_by_id(id).await
    }

    /// Replaces a user's roles. It takes effect on their next request.
    ///
    /// # Errors
    /// When the actor may not grant, or not so high; when a role or the user does not
    /// exist; when `if_version` does not admit the version of the account; when no super admin
    /// would be left.
    pub async fn grant_roles(
        &self,
        actor: &Actor,
        user: UserId,
        roles: &[String],
        if_version: Option<&Versions>,
    ) -> Result<UserView, GrantError> {
        actor.require(GRANT)?;
        let wanted = parse_roles(roles)?;
        let (now, event_id) = (self.ports.clock.now(), self.ports.ids.uuid());
        transact!(self.ports.store, |tx| {
            tx.roles().hold().await?;
            let record = tx.edits().hold_record(user).await?.ok_or(GrantError::NoSuchUser(user))?;
            let after =
                tx.roles().find_by_names(&wanted.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>()).await?;
            refuse_unknown(&wanted, &after)?;
            let before = tx.roles().find_by_user(user).await?;
            let own = tx.roles().find_by_user(actor.user_id).await?;
            refuse_above(actor, user, &own, &before, &after)?;
            if !record.is_among(if_version) {
                return Err(GrantError::Stale);
            }
            let ids: Vec<_> = after.iter().map(|role| role.id).collect();
            tx.roles().replace(user, &ids, Some(actor.user_id), now).await?;
            let super_admin = BuiltInRole::SuperAdmin.id();
            let removed = before.iter().any(|role| role.id == super_admin) && !ids.contains(&super_admin);
            if removed && tx.roles().count_active_holders(super_admin).await? == 0 {
                return Err(GrantError::LastSuperAdmin);
            }
            let (before, after) = (names(&before), names(&after));
            if before != after {
                tx.edits().touch(user, now).await?;
                let event = events::roles_changed(event_id, user, &before, &after, Some(actor.user_id), now);
                tx.outbox().append(&event).await?;
            }
            Ok::<_, GrantError>(())
        })?;
        super::forget(&*self.ports.cache, user).await;
        self.ports.queries.find_by_id(user).await?.ok_or(GrantError::NoSuchUser(user))
    }

    async fn create(
        &self,
        command: Registration,
        roles: &[BuiltInRole],
        is_verified: bool,
    ) -> Result<UserView, RegisterError> {
        let new = self.prepare(command, roles, is_verified).await?;
        transact!(self.ports.store, |tx| { Self::insert(tx, &new).await })?;
        Ok(new.view())
    }

    /// Hashes and draws what a new account needs before its transaction.
    pub(super) async fn prepare(
        &self,
        command: Registration,
        roles: &[BuiltInRole],
        is_verified: bool,
    ) -> Result<Prepared, RegisterError> {
        let Registration { username, email, password, profile } = command;
        let ports = &self.ports;
        let password_hash = ports.hasher.hash(password.password()).await?;
        let id = UserId::new(ports.ids.number(UserId::SEQUENCE).await?);
        let (now, event_ids) = (ports.clock.now(), [ports.ids.uuid(), ports.ids.uuid()]);
        let account = NewAccount { id, username, email, password_hash, profile, is_verified, created_at: now };
        Ok(Prepared { account, roles: roles.to_vec(), event_ids })
    }

    /// Makes the account, inside a transaction.
    pub(super) async fn insert(tx: &mut dyn UsersTx, new: &Prepared) -> Result<(), RegisterError> {
        let Prepared { account, roles, event_ids } = new;
        let role_ids: Vec<_> = roles.iter().map(|role| role.id()).collect();
        tx.accounts().insert(account).await?;
        tx.roles().replace(account.id, &role_ids, None, account.created_at).await?;
        let (name, at) = (account.username.as_str(), account.created_at);
        let made = events::registered(event_ids[0], account.id, name, at);
        if roles[..] == [BuiltInRole::User] {
            return Ok(tx.outbox().append(&made).await?);
        }
        // Nobody who registers gets more: whoever runs the product gives it.
        tx.outbox().append(&DomainEvent { actor: None, ..made }).await?;
        let after = names(&roles.iter().map(|role| role.role()).collect::<Vec<_>>());
        Ok(tx.outbox().append(&events::roles_changed(event_ids[1], account.id, &[], &after, None, at)).await?)
    }
}

/// A new account with all that is drawn for it.
pub(super) struct Prepared {
    account: NewAccount,
    roles: Vec<BuiltInRole>,
    /// Of the account, and of what it may do beyond everybody.
    event_ids: [uuid::Uuid; 2],
}

impl Prepared {
    /// Its id.
    pub(super) const fn id(&self) -> UserId {
        self.account.id
    }

    /// When it is made.
    pub(super) const fn created_at(&self) -> chrono::DateTime<chrono::Utc> {
        self.account.created_at
    }

    /// As the store will show it.
    pub(super) fn view(self) -> UserView {
        view(self.account, &self.roles)
    }
}

/// The account as the store would show it: a read after the commit would tell no more.
fn view(account: NewAccount, roles: &[BuiltInRole]) -> UserView {
    let profile = account.profile;
    UserView {
        id: account.id,
        username: account.username.as_str().to_owned(),
        email: account.email.as_str().to_owned(),
        pending_email: None,
        display_name: profile.display_name.map(Into::into),
        phone: profile.phone.map(Into::into),
        bio: profile.bio.map(Into::into),
        avatar_url: profile.avatar_url.map(Into::into),
        is_active: true,
        is_verified: account.is_verified,
        roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        permissions: roles
            .iter()
            .flat_map(|role| role.role().permissions.iter().cloned().collect::<Vec<_>>())
            .collect(),
        created_at: account.created_at,
        updated_at: account.created_at,
        last_login_at: None,
        version: 1,
    }
}

/// Reads the names with their places in the body; a name that comes twice counts once.
fn parse_roles(texts: &[String]) -> Result<Vec<(usize, RoleName)>, FieldErrors> {
    if texts.is_empty() {
        return Err(FieldErrors::of("roles", Issue::TooShort { min: 1 }));
    }
    if texts.len() > MAX_ROLES {
        return Err(FieldErrors::of("roles", Issue::TooLong { max: MAX_ROLES }));
    }
    let mut check = FieldErrors::new();
    let mut seen = BTreeSet::new();
    let mut names = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let name = RoleName::parse(text).map_err(|_| unknown());
        if let Some(name) = check.check(&format!("roles[{place}]"), name)
            && seen.insert(name.clone())
        {
            names.push((place, name));
        }
    }
    check.finish()?;
    Ok(names)
}

fn refuse_unknown(wanted: &[(usize, RoleName)], found: &[Role]) -> Result<(), FieldErrors> {
    let mut check = FieldErrors::new();
    for (place, name) in wanted {
        if !found.iter().any(|role| role.name == *name) {
            check.push(format!("roles[{place}]"), unknown());
        }
    }
    check.finish()
}

const fn unknown() -> Issue {
    Issue::NotAllowed { allowed: Vec::new() }
}

/// Nobody gives or takes what they have not themselves, nor above where they stand, nor
/// changes who stands there.
fn refuse_above(actor: &Actor, user: UserId, own: &[Role], before: &[Role], after: &[Role]) -> Result<(), Denied> {
    let missing = |role: &&Role, others: &[Role]| !others.iter().any(|other| other.id == role.id);
    let lost = before.iter().filter(|role| missing(role, after));
    let gained = after.iter().filter(|role| missing(role, before));
    let within = lost.chain(gained).all(|role| within_reach(actor, own, role.rank, &role.permissions));
    if within && (actor.user_id == user || outranks(own, before)) {
        return Ok(());
    }
    Err(super::administration::above(actor))
}
