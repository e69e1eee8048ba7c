//! A whole store that forgets: every port of this domain in memory, for tests.
//!
//! A transaction works on a copy; a commit fails as transient when another committed
//! meanwhile, so rivals behave as on a database.

mod accounts;
mod codes;
mod factor;
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
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::permission::PermissionSet;
use sharestack_kernel::tx::{Begin, Transaction};

use crate::error::InsertAccountError;
use crate::model::{
    AccountState, BuiltInRole, Credentials, LoginName, NewAccount, NewRefreshToken, NewSession, OpenSession,
    PasswordHash, Role, RoleId, RoleName, SessionView, StoredRefreshToken, TokenHash, UserView,
};
use crate::ports::{
    AccountEdits, AccountQueries, AccountRepository, ApiKeyRepository, CodeRepository, ContactRepository,
    ExternalIdentityRepository, FactorRepository, InvitationRepository, OAuthFlowRepository, PasskeyRepository,
    RoleCatalog, RoleRepository, SessionQueries, SessionRepository, SettingsRepository, UsersTx,
};

mod api_keys;
mod privacy;

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

#[async_trait]
impl SessionRepository for MemoryTx {
    async fn insert(&mut self, session: &NewSession) -> Result<(), StoreError> {
        let session = Session {
            new: session.clone(),
            last_seen_at: session.created_at,
            proved_at: session.created_at,
            expires_at: session.expires_at,
            revoked: false,
        };
        self.state.sessions.insert(session.new.id, session);
        Ok(())
    }

    async fn insert_refresh_token(&mut self, token: &NewRefreshToken) -> Result<(), StoreError> {
        let kept = self.state.tokens.insert(token.hash, Token { new: token.clone(), used_at: None });
        if kept.is_some() { Err(StoreError::corrupt("a refresh token is kept twice")) } else { Ok(()) }
    }

    async fn hold_refresh_token(&mut self, hash: TokenHash) -> Result<Option<StoredRefreshToken>, StoreError> {
        let state = &self.state;
        Ok(state.tokens.get(&hash).and_then(|token| {
            let session = state.sessions.get(&token.new.session_id)?;
            let account = state.accounts.get(&session.new.user_id)?;
            Some(StoredRefreshToken {
                session_id: session.new.id,
                user_id: session.new.user_id,
                expires_at: token.new.expires_at,
                used_at: token.used_at,
                session_revoked: session.revoked,
                user_active: account.is_active,
            })
        }))
    }

    async fn mark_used(
        &mut self,
        hash: TokenHash,
        session: SessionId,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if let Some(token) = self.state.tokens.get_mut(&hash) {
            token.used_at = Some(at);
        }
        if let Some(session) = self.state.sessions.get_mut(&session) {
            session.last_seen_at = at;
            session.expires_at = expires_at;
        }
        Ok(())
    }

    async fn revoke(
        &mut self,
        user: UserId,
        session: SessionId,
        _reason: &'static str,
        _at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let found = self.state.sessions.get_mut(&session);
        let open = found.filter(|session| session.new.user_id == user && !session.revoked);
        Ok(open.is_some_and(|session| {
            session.revoked = true;
            true
        }))
    }

    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        _reason: &'static str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let open = self.state.sessions.values_mut().filter(|session| {
            let open = !session.revoked && session.expires_at > at;
            session.new.user_id == user && open && except.is_none_or(|except| session.new.id != except)
        });
        Ok(open.map(|session| session.revoked = true).count() as u64)
    }

    async fn mark_proved(&mut self, user: UserId, session: SessionId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let found = self.state.sessions.get_mut(&session);
        let open = found.filter(|session| session.new.user_id == user && !session.revoked);
        Ok(open.map(|session| session.proved_at = at).is_some())
    }

    async fn mark_seen(
        &mut self,
        ids: &[SessionId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for id in ids {
            let found = self.state.sessions.get_mut(id);
            if let Some(session) = found.filter(|session| session.last_seen_at <= unless_since) {
                session.last_seen_at = at;
            }
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
            }
        }))
    }
}

#[async_trait]
impl SessionQueries for MemoryStore {
    async fn find_active(&self, id: SessionId) -> Result<Option<SessionView>, StoreError> {
        let state = self.state();
        let open = state.sessions.get(&id).filter(|session| {
            let account = state.accounts.get(&session.new.user_id);
            !session.revoked && account.is_some_and(|account| account.is_active)
        });
        Ok(open.map(|session| {
            let user_id = session.new.user_id;
            let (roles, permissions) = state.granted(user_id);
            SessionView {
                session_id: id,
                user_id,
                roles,
                permissions,
                proved_at: session.proved_at,
                expires_at: session.expires_at,
            }
        }))
    }

    async fn list_open(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<OpenSession>, StoreError> {
        let state = self.state();
        let open = |session: &&Session| session.new.user_id == user && !session.revoked && session.expires_at > now;
        let mut all: Vec<_> = state.sessions.values().filter(open).collect();
        all.sort_by_key(|session| std::cmp::Reverse((session.last_seen_at, session.new.id)));
        let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let items = all.iter().skip(offset).take(page.limit() as usize).map(|session| OpenSession {
            id: session.new.id,
            method: session.new.method,
            client: session.new.client.clone(),
            created_at: session.new.created_at,
            last_seen_at: session.last_seen_at,
            proved_at: session.proved_at,
            expires_at: session.expires_at,
        });
        Ok(Page { items: items.collect(), total: all.len() as u64, request: page })
    }

    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let mut state = self.state();
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let old = state.tokens.values().map(|token| &token.new).filter(|token| token.expires_at < before);
        let old: Vec<_> = old.map(|token| token.hash).take(most).collect();
        state.tokens.retain(|hash, _| !old.contains(hash));
        let ended = state.sessions.values().filter(|session| {
            let kept = state.tokens.values().any(|token| token.new.session_id == session.new.id);
            session.expires_at < before && !kept
        });
        let ended: Vec<_> = ended.map(|session| session.new.id).take(most).collect();
        state.sessions.retain(|id, _| !ended.contains(id));
        Ok((old.len() + ended.len()) as u64)
    }
}
