//! What the domain asks of the outside.

mod account;
mod api_key;
mod avatar;
mod code;
mod edit;
mod external;
mod factor;
mod invitation;
mod keyed;
mod oauth;
mod passkey;
mod password;
mod privacy;
mod provider;
mod role;
mod role_catalog;
mod session;
mod session_cache;
mod settings;
mod token;

pub use account::{AccountQueries, AccountRepository};
pub use api_key::{ApiKeyCache, ApiKeyQueries, ApiKeyRepository};
pub use avatar::{AvatarImages, RenderedAvatar};
pub use code::{CodeQueries, CodeRepository, ContactQueries, ContactRepository, Holder};
pub use edit::{AccountEdits, AccountObligations, Directory, Erased};
pub use external::{ExternalIdentityQueries, ExternalIdentityRepository};
pub use factor::{FactorQueries, FactorRepository, TotpCodes};
pub use invitation::{InvitationQueries, InvitationRepository};
pub use keyed::KeyedHash;
pub use oauth::{OAuthFlowQueries, OAuthFlowRepository};
pub use passkey::{PasskeyCeremonies, PasskeyQueries, PasskeyRepository};
pub use password::{PasswordHasher, Verified};
pub use privacy::{Archive, Extracts, PersonalRecords, PrivacyQueries, PrivacyRepository};
pub use provider::{AuthorizeRequest, CallbackProof, IdentityProvider, ProviderInfo, ProviderKind};
pub use role::RoleRepository;
pub use role_catalog::{RoleCatalog, RoleQueries};
pub use session::{SessionQueries, SessionRepository};
pub use session_cache::{Cached, SessionCache, Stamp};
pub use settings::{SettingsQueries, SettingsRepository};
pub use token::{AccessTokens, Claims, TokenDeriver};

#[cfg(any(test, feature = "mocks"))]
pub use {
    account::{MockAccountQueries, MockAccountRepository},
    api_key::{MockApiKeyCache, MockApiKeyQueries, MockApiKeyRepository},
    avatar::MockAvatarImages,
    code::{MockCodeQueries, MockCodeRepository, MockContactQueries, MockContactRepository},
    edit::{MockAccountEdits, MockAccountObligations, MockDirectory},
    external::{MockExternalIdentityQueries, MockExternalIdentityRepository},
    factor::{MockFactorQueries, MockFactorRepository, MockTotpCodes},
    invitation::{MockInvitationQueries, MockInvitationRepository},
    keyed::MockKeyedHash,
    oauth::{MockOAuthFlowQueries, MockOAuthFlowRepository},
    passkey::{MockPasskeyCeremonies, MockPasskeyQueries, MockPasskeyRepository},
    password::MockPasswordHasher,
    privacy::{MockArchive, MockPersonalRecords, MockPrivacyQueries, MockPrivacyRepository},
    provider::MockIdentityProvider,
    role::MockRoleRepository,
    role_catalog::{MockRoleCatalog, MockRoleQueries},
    session::{MockSessionQueries, MockSessionRepository},
    session_cache::MockSessionCache,
    settings::{MockSettingsQueries, MockSettingsRepository},
    token::{MockAccessTokens, MockTokenDeriver},
};

use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Transaction;

/// What one transaction of this domain can do.
pub trait UsersTx: Transaction {
    /// Accounts.
    fn accounts(&mut self) -> &mut dyn AccountRepository;
    /// Roles and who holds them.
    fn roles(&mut self) -> &mut dyn RoleRepository;
    /// Sessions and their refresh tokens.
    fn sessions(&mut self) -> &mut dyn SessionRepository;
    /// API keys.
    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository;
    /// What asks for a second proof.
    fn factors(&mut self) -> &mut dyn FactorRepository;
    /// Accounts at other services.
    fn identities(&mut self) -> &mut dyn ExternalIdentityRepository;
    /// Logins at other services that are under way.
    fn oauth_flows(&mut self) -> &mut dyn OAuthFlowRepository;
    /// Changes of accounts.
    fn edits(&mut self) -> &mut dyn AccountEdits;
    /// Roles themselves.
    fn role_catalog(&mut self) -> &mut dyn RoleCatalog;
    /// Settings and the consent log.
    fn settings(&mut self) -> &mut dyn SettingsRepository;
    /// Copies of personal data, and wishes to go.
    fn privacy(&mut self) -> &mut dyn PrivacyRepository;
    /// Codes and what they are exchanged for.
    fn codes(&mut self) -> &mut dyn CodeRepository;
    /// Invitations.
    fn invitations(&mut self) -> &mut dyn InvitationRepository;
    /// Proven addresses.
    fn contacts(&mut self) -> &mut dyn ContactRepository;
    /// Jobs.
    fn jobs(&mut self) -> &mut dyn JobQueue;
    /// Passkeys.
    fn passkeys(&mut self) -> &mut dyn PasskeyRepository;
    /// Events.
    fn outbox(&mut self) -> &mut dyn Outbox;
}
