use std::net::IpAddr;
use std::sync::Arc;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::AccountPorts;
use crate::error::EditAccountError;
use crate::events;
use crate::model::{ConsentEntry, SettingsChange, UserSettings};
use crate::ports::SettingsQueries;

/// More entries of a consent log than this are not shown at once.
const MAX_CONSENTS: u64 = 200;

/// A user's own settings, with what they consented to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsView {
    /// The settings.
    pub settings: UserSettings,
    /// The consent log, the newest first.
    pub consents: Vec<ConsentEntry>,
}

/// Settings of users.
#[derive(Clone)]
pub struct Settings {
    ports: AccountPorts,
    queries: Arc<dyn SettingsQueries>,
}

impl Settings {
    /// A service over these ports.
    pub const fn new(ports: AccountPorts, queries: Arc<dyn SettingsQueries>) -> Self {
        Self { ports, queries }
    }

    /// One's own settings.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, user: UserId) -> Result<SettingsView, StoreError> {
        Ok(SettingsView {
            settings: self.queries.find_settings(user).await?,
            consents: self.queries.list_consents(user, MAX_CONSENTS).await?,
        })
    }

    /// Changes one's own settings; each consent is added to the log with the address that
    /// it came from.
    ///
    /// # Errors
    /// When the account is gone.
    pub async fn update(
        &self,
        user: UserId,
        change: SettingsChange,
        address: Option<IpAddr>,
    ) -> Result<SettingsView, EditAccountError> {
        let ports = &self.ports;
        let now = ports.clock.now();
        let entries: Vec<_> = change
            .consents
            .iter()
            .map(|consent| ConsentEntry {
                id: ports.ids.uuid(),
                user_id: user,
                consent: consent.clone(),
                at: now,
                address,
            })
            .collect();
        let events: Vec<_> = entries
            .iter()
            .map(|ConsentEntry { consent, .. }| {
                let (kind, version) = (consent.kind.as_str(), &consent.version);
                events::consented(ports.ids.uuid(), user, kind, version, consent.granted, now)
            })
            .collect();
        transact!(ports.store, |tx| {
            tx.edits().hold_record(user).await?.ok_or(EditAccountError::NoSuchUser(user))?;
            let before = tx.settings().find(user).await?;
            if change.if_version.as_ref().is_some_and(|versions| !versions.admit(before.version())) {
                return Err(EditAccountError::Stale);
            }
            let after = change.apply(before);
            if after != before {
                tx.settings().save(user, &after, now).await?;
            }
            for entry in &entries {
                tx.settings().append_consent(entry).await?;
            }
            for event in &events {
                tx.outbox().append(event).await?;
            }
            Ok::<_, EditAccountError>(())
        })?;
        Ok(self.find(user).await?)
    }
}
