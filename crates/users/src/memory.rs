//! A whole store that forgets: every port of this domain in memory, for tests.
//!
//! A transaction works on a copy; a commit fails as transient when another committed
//! meanwhile, so rivals behave as on a database.

mod accounts;
mod codes;
mod factor;
mod invitations;
mod oauth;
mod passkey;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Outbox};
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::permission::PermissionSet;
use sharestack_kernel::tx::{Begin, Transaction};

use crate::error::InsertAccountError;
use crate::model::{
    AccountState, BuiltInRole, Credentials, LoginName, NewAccount, NewRefreshToken, NewSession, PasswordHash, Role,
    RoleId, TokenHash, UserView,
};
use crate::ports::{
    AccountEdits, AccountQueries, AccountRepository, ApiKeyRepository, CodeRepository, ContactRepository,
    ExternalIdentityRepository, FactorRepository, InvitationRepository, OAuthFlowRepository, PasskeyRepository,
    RoleCatalog, RoleRepository, SessionRepository, SettingsRepository, UsersTx,
};

mod api_keys;
mod privacy;
mod roles;
mod sessions;

#[derive(Debug, Clone)]
struct Account {
    new: NewAccount,
    is_active: bool,
    last_login_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
struct Token {
    new: NewRefreshToken,
    used_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
struct Session {
    new: NewSession,
    last_seen_at: DateTime<Utc>,
    proved_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    revoked: bool,
}

#[derive(Debug, Clone)]
struct State {
    version: u64,
    accounts: BTreeMap<UserId, Account>,
    roles: Vec<Role>,
    held: BTreeSet<(UserId, RoleId)>,
    sessions: HashMap<SessionId, Session>,
    tokens: HashMap<TokenHash, Token>,
    api_keys: Vec<api_keys::Key>,
    factors: factor::Factors,
    oauth: oauth::State,
    wishes: privacy::Wishes,
    passkeys: passkey::Passkeys,
    events: Vec<DomainEvent>,
    more: accounts::More,
    codes: codes::Codes,
    invitations: invitations::Invitations,
}

impl State {
    fn roles_of(&self, user: UserId) -> Vec<Role> {
        let held = |role: &&Role| self.held.contains(&(user, role.id));
        let mut roles: Vec<_> = self.roles.iter().filter(held).cloned().collect();
        roles.sort_by_key(|role| std::cmp::Reverse(role.rank));
        roles
    }

    fn granted(&self, user: UserId) -> (Vec<String>, PermissionSet) {
        let roles = self.roles_of(user);
        let permissions = roles.iter().flat_map(|role| role.permissions.iter().cloned()).collect();
        (roles.iter().map(|role| role.name.to_string()).collect(), permissions)
    }
}

/// The store. Clones share their content.
#[derive(Debug, Clone)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl Default for MemoryStore {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            version: 0,
            accounts: BTreeMap::new(),
            roles: BuiltInRole::ALL.into_iter().map(BuiltInRole::role).collect(),
            held: BTreeSet::new(),
            sessions: HashMap::new(),
            tokens: HashMap::new(),
            api_keys: Vec::new(),
            factors: factor::Factors::default(),
            oauth: oauth::State::default(),
            wishes: privacy::Wishes::default(),
            passkeys: passkey::Passkeys::default(),
            events: Vec::new(),
            more: accounts::More::default(),
            codes: codes::Codes::default(),
            invitations: Vec::new(),
        })))
    }
}

impl MemoryStore {
    /// An empty store with the built-in roles.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every event that was committed.
    pub fn events(&self) -> Vec<DomainEvent> {
        self.state().events.clone()
    }

    /// How many transactions were committed.
    pub fn commits(&self) -> u64 {
        self.state().version
    }

    /// How many refresh tokens were never exchanged.
    pub fn unused_tokens(&self) -> usize {
        self.state().tokens.values().filter(|token| token.used_at.is_none()).count()
    }

    /// Makes an account active or not.
    pub fn set_active(&self, user: UserId, active: bool) {
        if let Some(account) = self.state().accounts.get_mut(&user) {
            account.is_active = active;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction over a [`MemoryStore`].
pub struct MemoryTx {
    shared: MemoryStore,
    state: State,
    /// Accounts that this transaction holds: nobody else writes their events meanwhile.
    held: BTreeSet<UserId>,
}

#[async_trait]
impl Begin<dyn UsersTx> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn UsersTx>, StoreError> {
        Ok(Box::new(MemoryTx { shared: self.clone(), state: self.state().clone(), held: BTreeSet::new() }))
    }
}

#[async_trait]
impl Transaction for MemoryTx {
    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let mut shared = self.shared.state();
        if shared.version != self.state.version {
            return Err(StoreError::Transient("another transaction was first".into()));
        }
        self.state.version += 1;
        *shared = self.state;
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl UsersTx for MemoryTx {
    fn accounts(&mut self) -> &mut dyn AccountRepository {
        self
    }

    fn roles(&mut self) -> &mut dyn RoleRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self
    }

    fn factors(&mut self) -> &mut dyn FactorRepository {
        self
    }

    fn identities(&mut self) -> &mut dyn ExternalIdentityRepository {
        self
    }

    fn oauth_flows(&mut self) -> &mut dyn OAuthFlowRepository {
        self
    }

    fn edits(&mut self) -> &mut dyn AccountEdits {
        self
    }

    fn role_catalog(&mut self) -> &mut dyn RoleCatalog {
        self
    }

    fn settings(&mut self) -> &mut dyn SettingsRepository {
        self
    }

    fn privacy(&mut self) -> &mut dyn crate::ports::PrivacyRepository {
        self
    }

    fn codes(&mut self) -> &mut dyn CodeRepository {
        self
    }

    fn invitations(&mut self) -> &mut dyn InvitationRepository {
        self
    }

    fn contacts(&mut self) -> &mut dyn ContactRepository {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }

    fn passkeys(&mut self) -> &mut dyn PasskeyRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError> {
        // A database cannot tell; here whoever forgot it finds out.
        let holds = |user: &UserId| event.aggregate_id == user.to_string();
        if event.aggregate == "user" && !self.held.iter().any(holds) {
            return Err(StoreError::Internal(format!("{} of an account that is not held", event.kind).into()));
        }
        self.state.events.push(event.clone());
        Ok(())
    }
}

#[async_trait]
impl AccountRepository for MemoryTx {
    async fn insert(&mut self, account: &NewAccount) -> Result<(), InsertAccountError> {
        accounts::taken(&self.state, account.id, Some(&account.username), Some(&account.email))?;
        self.held.insert(account.id);
        let account = Account { new: account.clone(), is_active: true, last_login_at: None };
        self.state.accounts.insert(account.new.id, account);
        Ok(())
    }

    async fn hold(&mut self, id: UserId) -> Result<Option<AccountState>, StoreError> {
        self.held.insert(id);
        let found = self.state.accounts.get(&id);
        Ok(found.map(|account| AccountState {
            password_hash: account.new.password_hash.clone(),
            is_active: account.is_active,
        }))
    }

    async fn set_password(&mut self, id: UserId, hash: &PasswordHash, _at: DateTime<Utc>) -> Result<(), StoreError> {
        if let Some(account) = self.state.accounts.get_mut(&id) {
            account.new.password_hash = hash.clone();
        }
        Ok(())
    }

    async fn record_login(
        &mut self,
        id: UserId,
        at: DateTime<Utc>,
        rehashed: Option<PasswordHash>,
    ) -> Result<(), StoreError> {
        if let Some(account) = self.state.accounts.get_mut(&id) {
            account.last_login_at = Some(at);
            if let Some(hash) = rehashed {
                account.new.password_hash = hash;
            }
        }
        Ok(())
    }

    async fn rehash(&mut self, id: UserId, hash: &PasswordHash) -> Result<(), StoreError> {
        if let Some(account) = self.state.accounts.get_mut(&id) {
            account.new.password_hash = hash.clone();
        }
        Ok(())
    }
}

#[async_trait]
impl AccountQueries for MemoryStore {
    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        let state = self.state();
        let found = state.accounts.values().find(|account| match name {
            LoginName::Username(name) => account.new.username.key() == name.key(),
            LoginName::Email(email) => account.new.email.key() == email.key(),
        });
        Ok(found
            .map(|account| Credentials { user_id: account.new.id, password_hash: account.new.password_hash.clone() }))
    }

    async fn find_state(&self, id: UserId) -> Result<Option<AccountState>, StoreError> {
        Ok(self.state().accounts.get(&id).map(|account| AccountState {
            password_hash: account.new.password_hash.clone(),
            is_active: account.is_active,
        }))
    }

    async fn count_ever(&self) -> Result<u64, StoreError> {
        let state = self.state();
        Ok((state.accounts.len() + state.more.deleted.len()) as u64)
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<UserView>, StoreError> {
        let state = self.state();
        let (roles, permissions) = state.granted(id);
        Ok(state.accounts.get(&id).map(|account| {
            let Account { new, is_active, last_login_at } = account.clone();
            UserView {
                id,
                username: new.username.as_str().to_owned(),
                email: new.email.as_str().to_owned(),
                pending_email: state.more.pending.get(&id).map(|email| email.as_str().to_owned()),
                display_name: new.profile.display_name.map(Into::into),
                phone: new.profile.phone.map(Into::into),
                bio: new.profile.bio.map(Into::into),
                avatar_url: new.profile.avatar_url.map(Into::into),
                is_active,
                is_verified: new.is_verified,
                roles,
                permissions,
                created_at: new.created_at,
                updated_at: state.more.updated.get(&id).copied().unwrap_or(new.created_at),
                last_login_at,
                version: state.more.version(id),
            }
        }))
    }
}
