//! What a caller uses.

mod accounts;
mod administration;
mod api_keys;
mod avatars;
mod cached_sessions;
mod checks;
mod claim;
mod factor_reset;
mod failures;
mod forget;
mod invitations;
mod last_seen;
mod login_guard;
mod looks;
mod notice;
mod passkeys;
mod passwords;
mod privacy;
mod profiles;
mod purge;
mod recovery;
mod registrations;
mod roles;
mod second_factors;
mod session_control;
mod sessions;
mod settings;
mod step_up;
mod third_party;
mod verification;

pub use accounts::{AccountPorts, Accounts, CreateSuperAdmin};
pub use administration::{AdministerUser, Administration, AdministrationPorts, CreateUser};
pub use api_keys::{ApiKeyPorts, ApiKeys, CreatedApiKey};
pub use avatars::{AVATAR_SIZES, Avatars, RemoveAvatar, blob_key};
pub use cached_sessions::CachedSessions;
pub use checks::SessionChecks;
pub use factor_reset::FactorReset;
pub use failures::Failures;
pub use forget::ForgetSessions;
pub use invitations::{Invitations, Invited};
pub use last_seen::{Carrier, LastSeen};
pub use login_guard::{Admission, GuardPolicy, LoginGuard, Refusal};
pub use passkeys::{PasskeyPorts, Passkeys};
pub use passwords::{ChangePassword, ChangePasswordInput, PasswordPorts, Passwords};
pub use privacy::{BuildExport, Departures, ExportLink, Exports, LEAVE, Leave, PrivacyPorts};
pub use profiles::Profiles;
pub use purge::PurgeAccount;
pub use recovery::Recovery;
pub use registrations::{Credential, RegistrationProof, Registrations};
pub use roles::{RolePorts, Roles};
pub use second_factors::{AskedProof, FactorPorts, FactorProof, SecondFactors};
pub use session_control::{SessionControl, SessionControlPorts};
pub use sessions::{Login, SecondFactorNeeded, SessionPorts, Sessions, SignIn, Tokens};
pub use settings::{Settings, SettingsView};
pub use step_up::{Proof, StepUp};
pub use verification::{CodeSent, ContactProof, SendCode, Verification, VerificationPorts, Verified};

pub use third_party::{
    BeginOAuth, Begun, Callback, Completed, FLOW_MINUTES, Outcome, ThirdPartyLogin, ThirdPartyPolicy, ThirdPartyPorts,
};

#[cfg(test)]
mod tests;

/// Forgets a user's cached sessions after a commit. A failure is not the caller's: the
/// event that was committed with the change makes [`ForgetSessions`] try again.
async fn forget(cache: &dyn crate::ports::SessionCache, user: sharestack_kernel::id::UserId) {
    if let Err(error) = cache.forget(user).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, user.id = %user, "cached sessions could not be forgotten");
    }
}
