use std::sync::Arc;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::AccountPorts;
use super::avatars::forget_file;
use crate::error::EditAccountError;
use crate::events;
use crate::model::{
    AccountChange, AccountRecord, Avatar, EmailAddress, ProfileChange, PublicProfile, SearchText, SelfChange, UserRef,
    UserView,
};
use crate::ports::Directory;

/// What people say of themselves, and what others see of it.
#[derive(Clone)]
pub struct Profiles {
    ports: AccountPorts,
    directory: Arc<dyn Directory>,
}

impl Profiles {
    /// A service over these ports.
    pub const fn new(ports: AccountPorts, directory: Arc<dyn Directory>) -> Self {
        Self { ports, directory }
    }

    /// Changes one's own account. A new address only waits: it is taken over by
    /// [`Recovery::change_email`](super::Recovery::change_email) once its owner has proven it.
    ///
    /// # Errors
    /// When the name is taken.
    pub async fn update(&self, user: UserId, wanted: SelfChange) -> Result<UserView, EditAccountError> {
        let ports = &self.ports;
        let (now, ids) = (ports.clock.now(), [ports.ids.uuid(), ports.ids.uuid(), ports.ids.uuid()]);
        transact!(ports.store, |tx| {
            let record = tx.edits().hold_record(user).await?.ok_or(EditAccountError::NoSuchUser(user))?;
            if !record.is_among(wanted.if_version.as_ref()) {
                return Err(EditAccountError::Stale);
            }
            let mut change = of_profile(wanted.profile.clone(), &record);
            change.username = wanted.username.clone().filter(|name| name.as_str() != record.username);
            change.pending_email = pending(wanted.email.clone(), &record);
            if change.is_empty() {
                return Ok(());
            }
            tx.edits().change(user, &change, now).await?;
            if !change.avatar.is_keep() {
                forget_file(tx, ids[0], user, record.avatar_file, now).await?;
            }
            tx.outbox().append(&events::updated(ids[1], user, user, &fields(&change), now)).await?;
            if matches!(change.pending_email, Patch::Set(_)) {
                tx.outbox().append(&events::account(ids[2], events::EMAIL_PENDING, user, Some(user), now)).await?;
            }
            Ok::<_, EditAccountError>(())
        })?;
        ports.queries.find_by_id(user).await?.ok_or(EditAccountError::NoSuchUser(user))
    }

    /// What everybody may see of a user; `None` when there is none who may be seen.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, user: &UserRef) -> Result<Option<PublicProfile>, StoreError> {
        self.directory.find_public(user).await
    }

    /// People by their names.
    ///
    /// # Errors
    /// The store's.
    pub async fn search(&self, text: &SearchText, page: PageRequest) -> Result<Page<PublicProfile>, StoreError> {
        self.directory.search(text, page).await
    }
}

/// The profile's part of a change. A picture that is the present one stays as it is.
pub(super) fn of_profile(profile: ProfileChange, record: &AccountRecord) -> AccountChange {
    let avatar = match profile.avatar_url {
        Patch::Set(url) if record.avatar_url.as_deref() == Some(url.as_str()) => Patch::Keep,
        Patch::Set(url) => Patch::Set(Avatar { url, file: None }),
        Patch::Clear => Patch::Clear,
        Patch::Keep => Patch::Keep,
    };
    AccountChange {
        display_name: profile.display_name,
        phone: profile.phone,
        bio: profile.bio,
        avatar,
        ..AccountChange::default()
    }
}

/// The address that one has already waits for nothing.
fn pending(email: Option<EmailAddress>, record: &AccountRecord) -> Patch<EmailAddress> {
    match email {
        None => Patch::Keep,
        Some(email) if email.as_str() == record.email => {
            if record.pending_email.is_some() {
                Patch::Clear
            } else {
                Patch::Keep
            }
        }
        Some(email) if record.pending_email.as_deref() == Some(email.as_str()) => Patch::Keep,
        Some(email) => Patch::Set(email),
    }
}

/// What a change is about, by name.
pub(super) fn fields(change: &AccountChange) -> Vec<&'static str> {
    [
        ("username", change.username.is_some()),
        ("email", change.email.is_some()),
        ("pending_email", !change.pending_email.is_keep()),
        ("is_active", change.is_active.is_some()),
        ("display_name", !change.display_name.is_keep()),
        ("phone", !change.phone.is_keep()),
        ("bio", !change.bio.is_keep()),
        ("avatar_url", !change.avatar.is_keep()),
    ]
    .into_iter()
    .filter_map(|(name, changes)| changes.then_some(name))
    .collect()
}
