//! Types that cannot hold a wrong value, and the rules as their methods.

mod account;
mod api_key;
mod code;
mod contact;
mod directory;
mod edit;
mod email;
mod external;
mod factor;
mod invitation;
mod login;
mod oauth;
mod one_time;
mod passkey;
mod password;
mod privacy;
mod profile;
mod registration;
mod role;
mod role_edit;
mod session;
mod settings;
mod token;
mod username;
mod version;

pub use account::{AccountState, Credentials, NewAccount, UserView};
pub use api_key::{ApiKeyId, ApiKeyInput, ApiKeyName, ApiKeyRequest, ApiKeySecret, ApiKeyView, KeyHolder, NewApiKey};
pub(crate) use code::DAY as CODE_DAY;
pub use code::{Code, CodeHash, CodePolicy, CodeState, CodeSubject, LiveCode, Purpose, Verdict};
pub use contact::{Contact, PhoneNumber};
pub use directory::{PublicProfile, SearchText, UserFilter, UserRef};
pub use edit::{AccountChange, AccountRecord, Avatar, Obligation, ProfileChange, SelfChange, SelfChangeInput};
pub use email::EmailAddress;
pub use external::{ExternalIdentity, IdentityId, ProviderName, ProviderProfile, Subject, WaysIn};
pub use factor::{
    Enrolment, FactorCode, FactorMethod, FactorPolicy, FactorsView, MfaToken, NewChallenge, NewTotp, RECOVERY_CODES,
    RecoveryCode, SecretHash, StoredChallenge, StoredTotp, TotpView, totp_place,
};
pub use invitation::{InvitationId, InvitationStatus, InvitationView, NewInvitation, RegistrationMode};
pub use login::LoginName;
pub use oauth::{
    ClientTarget, CodeChallenge, FlowSecret, InvalidRedirectUri, LoginCode, OAuthPurpose, OAuthState, RedirectUri,
    RedirectUris, client_state,
};
pub use one_time::{InvitationToken, ProvenContact, VerificationToken};
pub use passkey::{
    Answered, CEREMONY_TTL, Ceremony, CredentialId, MAX_PASSKEYS, NewCredential, NewPasskey, PasskeyId, PasskeyName,
    PasskeyOwner, PasskeyView, StoredPasskey,
};
pub use password::{NewPassword, Password, PasswordHash};
pub use privacy::{Departure, Export, ExportId, ExportState, Extract, HeldFile, PrivacyPolicy};
pub use profile::{AvatarUrl, Bio, DisplayName, Phone, Profile, ProfileInput};
pub use registration::{Registration, RegistrationInput};
pub use role::{BuiltInRole, InvalidRoleName, Role, RoleId, RoleName};
pub use role_edit::{NewRole, RoleChange, RoleInput, RoleView, holds_super_admin, outranks, within_reach};
pub use session::{
    AuthMethod, Client, NewRefreshToken, NewSession, OpenSession, Presented, SessionPolicy, SessionView,
    StoredRefreshToken, network,
};
pub use settings::{
    Consent, ConsentEntry, ConsentInput, ConsentKind, Language, NotificationPreferences, Privacy, SettingsChange,
    TimeZone, UserSettings, parse_consents,
};
pub use token::{RefreshSecret, TokenHash};
pub use username::Username;
