//! Edits, the directory, roles themselves, settings, jobs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{JobQueue, NewJob};
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::text::fold;

use super::{Account, MemoryStore, MemoryTx, State};
use crate::error::{InsertAccountError, WriteRoleError};
use crate::model::{
    AccountChange, AccountRecord, BuiltInRole, ConsentEntry, EmailAddress, NewAccount, NewRole, PasswordHash, Profile,
    PublicProfile, Role, RoleChange, RoleId, RoleView, SearchText, UserFilter, UserRef, UserSettings, UserView,
    Username,
};
use crate::ports::{
    AccountEdits, AccountQueries as _, Directory, Erased, RoleCatalog, RoleQueries, SettingsQueries, SettingsRepository,
};

/// What the ports of this file keep beside accounts and roles.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    pub(super) pending: BTreeMap<UserId, EmailAddress>,
    pub(super) updated: BTreeMap<UserId, DateTime<Utc>>,
    edits: BTreeMap<UserId, i64>,
    files: BTreeMap<UserId, String>,
    pub(super) deleted: BTreeMap<UserId, Account>,
    displays: BTreeMap<RoleId, String>,
    settings: BTreeMap<UserId, UserSettings>,
    consents: Vec<ConsentEntry>,
    jobs: Vec<NewJob>,
}

impl More {
    pub(super) fn version(&self, id: UserId) -> i64 {
        self.edits.get(&id).map_or(1, |edits| edits + 1)
    }

    fn touch(&mut self, id: UserId, at: DateTime<Utc>) {
        self.updated.insert(id, at);
        *self.edits.entry(id).or_default() += 1;
    }
}

impl MemoryStore {
    /// Every job that was committed.
    pub fn jobs(&self) -> Vec<NewJob> {
        self.state().more.jobs.clone()
    }
}

/// What an account may not have because another has it.
pub(super) fn taken(
    state: &State,
    id: UserId,
    username: Option<&Username>,
    email: Option<&EmailAddress>,
) -> Result<(), InsertAccountError> {
    let others = || state.accounts.values().chain(state.more.deleted.values()).map(|other| &other.new);
    let others = || others().filter(|other| other.id != id);
    if email.is_some_and(|email| others().any(|other| other.email.key() == email.key())) {
        return Err(InsertAccountError::EmailTaken);
    }
    let same = |one: &Username, other: &Username| one.key() == other.key() || one.look() == other.look();
    if username.is_some_and(|name| others().any(|other| same(&other.username, name))) {
        return Err(InsertAccountError::UsernameTaken);
    }
    Ok(())
}

fn apply<T: Clone>(patch: &Patch<T>, field: &mut Option<T>) {
    patch.clone().apply(field);
}

#[async_trait]
impl AccountEdits for MemoryTx {
    async fn hold_record(&mut self, id: UserId) -> Result<Option<AccountRecord>, StoreError> {
        self.held.insert(id);
        let state = &self.state;
        Ok(state.accounts.get(&id).map(|account| AccountRecord {
            username: account.new.username.as_str().to_owned(),
            email: account.new.email.as_str().to_owned(),
            pending_email: state.more.pending.get(&id).map(|email| email.as_str().to_owned()),
            avatar_url: account.new.profile.avatar_url.clone().map(Into::into),
            avatar_file: state.more.files.get(&id).cloned(),
            is_active: account.is_active,
            version: state.more.version(id),
        }))
    }

    async fn change(
        &mut self,
        id: UserId,
        change: &AccountChange,
        at: DateTime<Utc>,
    ) -> Result<(), InsertAccountError> {
        taken(&self.state, id, change.username.as_ref(), change.email.as_ref())?;
        let State { accounts, more, .. } = &mut self.state;
        let Some(account) = accounts.get_mut(&id) else { return Ok(()) };
        let new = &mut account.new;
        new.username = change.username.clone().unwrap_or_else(|| new.username.clone());
        new.email = change.email.clone().unwrap_or_else(|| new.email.clone());
        new.is_verified = change.is_verified.unwrap_or(new.is_verified);
        account.is_active = change.is_active.unwrap_or(account.is_active);
        apply(&change.display_name, &mut new.profile.display_name);
        apply(&change.phone, &mut new.profile.phone);
        apply(&change.bio, &mut new.profile.bio);
        let mut pending = more.pending.remove(&id);
        apply(&change.pending_email, &mut pending);
        more.pending.extend(pending.map(|email| (id, email)));
        if !change.avatar.is_keep() {
            more.files.remove(&id);
            new.profile.avatar_url = None;
        }
        if let Patch::Set(avatar) = &change.avatar {
            new.profile.avatar_url = Some(avatar.url.clone());
            more.files.extend(avatar.file.clone().map(|file| (id, file)));
        }
        more.touch(id, at);
        Ok(())
    }

    async fn touch(&mut self, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.state.more.touch(id, at);
        Ok(())
    }

    async fn delete(&mut self, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
        if let Some(account) = self.state.accounts.remove(&id) {
            self.state.more.updated.insert(id, at);
            self.state.more.deleted.insert(id, account);
        }
        Ok(())
    }

    async fn erase(&mut self, id: UserId, _at: DateTime<Utc>) -> Result<Option<Erased>, StoreError> {
        self.held.insert(id);
        let gone = Username::known(&format!("erased.{id}")).map_err(|issue| StoreError::corrupt(issue.code()))?;
        let email = EmailAddress::parse(&format!("{id}@erased.invalid"));
        let email = email.map_err(|issue| StoreError::corrupt(issue.code()))?;
        let Some(account) = self.state.more.deleted.get_mut(&id).filter(|account| account.new.username != gone) else {
            return Ok(None);
        };
        account.new = NewAccount {
            id,
            username: gone,
            email,
            password_hash: PasswordHash::unset(),
            profile: Profile::default(),
            is_verified: false,
            created_at: account.new.created_at,
        };
        self.state.held.retain(|(holder, _)| *holder != id);
        self.state.sessions.retain(|_, session| session.new.user_id != id);
        self.state.factors.forget(id);
        self.state.passkeys.retain(|_, (passkey, _)| passkey.user_id != id);
        let more = &mut self.state.more;
        more.pending.remove(&id);
        more.settings.remove(&id);
        more.consents.iter_mut().filter(|entry| entry.user_id == id).for_each(|entry| entry.address = None);
        Ok(Some(Erased { avatar_file: more.files.remove(&id) }))
    }
}

#[async_trait]
impl JobQueue for MemoryTx {
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError> {
        let jobs = &mut self.state.more.jobs;
        if job.dedupe_key.is_some() && jobs.iter().any(|other| other.dedupe_key == job.dedupe_key) {
            return Ok(false);
        }
        jobs.push(job.clone());
        Ok(true)
    }
}

fn page_of<T>(all: Vec<T>, request: PageRequest) -> Page<T> {
    let total = all.len() as u64;
    let start = usize::try_from(request.offset()).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(start).take(request.limit() as usize).collect();
    Page { items, total, request }
}

fn folded(account: &Account) -> String {
    account.new.profile.display_name.as_ref().map(|name| fold(name.as_str())).unwrap_or_default()
}

fn profile(state: &State, account: &Account) -> PublicProfile {
    let (new, id) = (&account.new, account.new.id);
    let privacy = state.more.settings.get(&id).copied().unwrap_or_default().privacy;
    PublicProfile {
        id,
        username: new.username.as_str().to_owned(),
        display_name: new.profile.display_name.clone().map(Into::into),
        bio: new.profile.bio.clone().map(Into::into),
        avatar_url: new.profile.avatar_url.clone().map(Into::into),
        email: privacy.show_email.then(|| new.email.as_str().to_owned()),
        is_verified: new.is_verified,
        show_followers: privacy.show_followers,
        show_following: privacy.show_following,
        created_at: new.created_at,
    }
}

#[async_trait]
impl Directory for MemoryStore {
    async fn list(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<UserView>, StoreError> {
        let mut ids = Vec::new();
        {
            let state = self.state();
            for (id, account) in state.accounts.iter().rev() {
                let holds = |name| state.roles_of(*id).iter().any(|role| role.name == name);
                let found = |text: &SearchText| {
                    let texts = [account.new.username.key(), account.new.email.key(), &folded(account)];
                    texts.iter().any(|field| field.contains(text.as_str()))
                };
                if filter.role.clone().is_none_or(holds)
                    && filter.active.is_none_or(|active| account.is_active == active)
                    && filter.search.as_ref().is_none_or(found)
                {
                    ids.push(*id);
                }
            }
        }
        let page = page_of(ids, page);
        let mut items = Vec::new();
        for id in &page.items {
            items.extend(self.find_by_id(*id).await?);
        }
        Ok(Page { items, total: page.total, request: page.request })
    }

    async fn search(&self, text: &SearchText, page: PageRequest) -> Result<Page<PublicProfile>, StoreError> {
        let state = self.state();
        let text_is = text.as_str();
        let rank = |account: &Account| {
            let (key, name) = (account.new.username.key().to_owned(), folded(account));
            let searchable =
                state.more.settings.get(&account.new.id).is_none_or(|settings| settings.privacy.searchable);
            if !account.is_active || !searchable {
                return None;
            }
            let rank = if key == text_is {
                0
            } else if key.starts_with(text_is) || name.starts_with(text_is) {
                1
            } else if text.is_long() && (key.contains(text_is) || name.contains(text_is)) {
                2
            } else {
                return None;
            };
            Some((rank, key))
        };
        let mut found: Vec<_> =
            state.accounts.values().filter_map(|account| rank(account).map(|rank| (rank, account))).collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(page_of(found.into_iter().map(|(_, account)| profile(&state, account)).collect(), page))
    }

    async fn find_public(&self, user: &UserRef) -> Result<Option<PublicProfile>, StoreError> {
        let state = self.state();
        let named = |name: &Username| state.accounts.values().find(|account| account.new.username.key() == name.key());
        let found = match user {
            UserRef::Id(id, name) => state.accounts.get(id).or_else(|| name.as_ref().and_then(named)),
            UserRef::Name(name) => named(name),
        };
        Ok(found.filter(|account| account.is_active).map(|account| profile(&state, account)))
    }

    async fn holders(&self, role: RoleId, after: Option<UserId>, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let state = self.state();
        let holders = state.held.iter().filter(|(user, held)| *held == role && Some(*user) > after);
        Ok(holders.map(|(user, _)| *user).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn find_by_avatar(&self, file: &str) -> Result<Option<UserId>, StoreError> {
        Ok(self.state().more.files.iter().find(|(_, kept)| *kept == file).map(|(user, _)| *user))
    }
}

fn role_view(state: &State, role: &Role) -> RoleView {
    let built_in = BuiltInRole::ALL.into_iter().any(|built_in| built_in.id() == role.id);
    let display_name = state.more.displays.get(&role.id).cloned().unwrap_or_else(|| role.name.to_string());
    RoleView { role: role.clone(), display_name, built_in }
}

#[async_trait]
impl RoleCatalog for MemoryTx {
    async fn find(&mut self, id: RoleId) -> Result<Option<RoleView>, StoreError> {
        Ok(self.state.roles.iter().find(|role| role.id == id).map(|role| role_view(&self.state, role)))
    }

    async fn insert(&mut self, id: RoleId, role: &NewRole) -> Result<(), WriteRoleError> {
        if self.state.roles.iter().any(|other| other.name == role.name) {
            return Err(WriteRoleError::NameTaken);
        }
        let NewRole { name, display_name, rank, permissions } = role.clone();
        self.state.roles.push(Role { id, name, rank, permissions });
        self.state.more.displays.insert(id, display_name);
        Ok(())
    }

    async fn update(&mut self, id: RoleId, change: &RoleChange) -> Result<(), WriteRoleError> {
        let same = |other: &Role| other.id != id && Some(&other.name) == change.name.as_ref();
        if self.state.roles.iter().any(same) {
            return Err(WriteRoleError::NameTaken);
        }
        if let Some(role) = self.state.roles.iter_mut().find(|role| role.id == id) {
            role.name = change.name.clone().unwrap_or_else(|| role.name.clone());
            role.rank = change.rank.unwrap_or(role.rank);
            role.permissions = change.permissions.clone().unwrap_or_else(|| role.permissions.clone());
        }
        self.state.more.displays.extend(change.display_name.clone().map(|name| (id, name)));
        Ok(())
    }

    async fn delete(&mut self, id: RoleId) -> Result<(), WriteRoleError> {
        if self.state.held.iter().any(|(_, held)| *held == id) {
            return Err(WriteRoleError::InUse);
        }
        self.state.roles.retain(|role| role.id != id);
        Ok(())
    }
}

#[async_trait]
impl RoleQueries for MemoryStore {
    async fn list_roles(&self) -> Result<Vec<RoleView>, StoreError> {
        let state = self.state();
        let mut roles: Vec<_> = state.roles.iter().map(|role| role_view(&state, role)).collect();
        roles.sort_by_key(|view| (std::cmp::Reverse(view.role.rank), view.role.id));
        Ok(roles)
    }

    async fn list_held(&self, user: UserId) -> Result<Vec<Role>, StoreError> {
        Ok(self.state().roles_of(user))
    }
}

#[async_trait]
impl SettingsRepository for MemoryTx {
    async fn find(&mut self, user: UserId) -> Result<UserSettings, StoreError> {
        Ok(self.state.more.settings.get(&user).copied().unwrap_or_default())
    }

    async fn save(&mut self, user: UserId, settings: &UserSettings, _at: DateTime<Utc>) -> Result<(), StoreError> {
        self.state.more.settings.insert(user, *settings);
        Ok(())
    }

    async fn append_consent(&mut self, entry: &ConsentEntry) -> Result<(), StoreError> {
        self.state.more.consents.push(entry.clone());
        Ok(())
    }
}

#[async_trait]
impl SettingsQueries for MemoryStore {
    async fn find_settings(&self, user: UserId) -> Result<UserSettings, StoreError> {
        Ok(self.state().more.settings.get(&user).copied().unwrap_or_default())
    }

    async fn list_consents(&self, user: UserId, limit: u64) -> Result<Vec<ConsentEntry>, StoreError> {
        let state = self.state();
        let mut entries: Vec<_> = state.more.consents.iter().filter(|entry| entry.user_id == user).cloned().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.id)));
        entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(entries)
    }
}
