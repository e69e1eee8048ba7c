//! The ports of the users crate.

mod account;
mod api_key;
mod code;
mod directory;
mod edit;
mod external;
mod factor;
mod invitation;
mod oauth;
mod passkey;
mod personal;
mod privacy;
mod rights;
mod role;
mod role_catalog;
mod session;
mod settings;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Begin;
use sharestack_users::ports::{
    AccountEdits, AccountRepository, ApiKeyRepository, CodeRepository, ContactRepository, ExternalIdentityRepository,
    FactorRepository, InvitationRepository, OAuthFlowRepository, PasskeyRepository, PrivacyRepository, RoleCatalog,
    RoleRepository, SessionRepository, SettingsRepository, UsersTx,
};

use crate::connect::Store;
use crate::tx::SeaTx;

#[async_trait]
impl Begin<dyn UsersTx> for Store {
    async fn begin(&self) -> Result<Box<dyn UsersTx>, StoreError> {
        Ok(Box::new(self.begin_tx().await?))
    }
}

impl UsersTx for SeaTx {
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

    fn privacy(&mut self) -> &mut dyn PrivacyRepository {
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
