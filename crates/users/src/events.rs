//! What happens to users and their sessions. The aggregate is always the user, so that
//! a reader sees a user's events in order.

mod access;
mod admin;
mod audited;
mod codes;
mod privacy;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::origin::Origin;
use uuid::Uuid;

use crate::model::{AuthMethod, ExternalIdentity, FactorMethod, NewSession, PasskeyId, ProviderName};
pub use access::*;
pub use admin::*;
pub use audited::AUDITED;
pub use codes::{
    CLAIMED, CODE_ACCEPTED, CODE_REFUSED, CODE_SENT, Disowned, EMAIL_VERIFIED, INVITATION, INVITATION_REVOKED,
    INVITATION_USED, INVITED, PASSWORD_RESET, PHONE_VERIFIED, VERIFICATION, about_invitation, claimed, code, invited,
    password_reset, proven,
};
pub use privacy::*;

/// The aggregate of every event of this domain.
pub const AGGREGATE: &str = "user";
/// An account was made.
pub const REGISTERED: &str = "user.created";
/// Somebody signed in.
pub const LOGGED_IN: &str = "user.login";
/// A session ended before its time.
pub const SESSION_REVOKED: &str = "user.session_revoked";
/// A user's roles were replaced.
pub const ROLES_CHANGED: &str = "user.roles_changed";

/// An account asks for a second proof from now on.
pub const MFA_ENABLED: &str = "user.mfa_enabled";
/// An account asks for a second proof no longer.
pub const MFA_DISABLED: &str = "user.mfa_disabled";
/// A recovery code took the place of the second proof.
pub const RECOVERY_CODE_USED: &str = "user.recovery_code_used";
/// A user has other recovery codes; those before are worth nothing.
pub const RECOVERY_CODES_RENEWED: &str = "user.recovery_codes_renewed";
/// The first proof was right, and the second was not.
pub const SECOND_FACTOR_FAILED: &str = "user.second_factor_failed";
/// An account at another service was linked.
pub const IDENTITY_LINKED: &str = "user.identity_linked";
/// An account at another service was unlinked.
pub const IDENTITY_UNLINKED: &str = "user.identity_unlinked";
/// An account at another service was not linked to who asked for it.
pub const IDENTITY_LINK_FAILED: &str = "user.identity_link_failed";
/// Another service vouched for somebody who comes in.
pub const IDENTITY_USED: &str = "user.identity_used";

/// An account can be opened by one passkey more.
pub const PASSKEY_ADDED: &str = "user.passkey_added";
/// An account can be opened by one passkey less.
pub const PASSKEY_REMOVED: &str = "user.passkey_removed";

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeReason {
    /// Its user logged out.
    Logout,
    /// A used refresh token came again.
    TokenReuse,
    /// Its user ended it from another, or all at once.
    Ended,
    /// An administrator ended it.
    Forced,
    /// Its user set another password.
    PasswordChanged,
    /// Its user set a new password without the old one.
    PasswordReset,
    /// Somebody else than who opened it has proven the account's address.
    Claimed,
}

impl RevokeReason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::TokenReuse => "token_reuse",
            Self::Ended => "ended",
            Self::Forced => "forced",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::Claimed => "claimed",
        }
    }
}

/// An account was made.
pub fn registered(id: Uuid, user: UserId, username: &str, at: DateTime<Utc>) -> DomainEvent {
    event(id, REGISTERED, user, Some(user), at, json!({ "user_id": user, "username": username }))
}

/// Somebody signed in.
pub fn logged_in(id: Uuid, session: &NewSession) -> DomainEvent {
    let user = session.user_id;
    let payload = json!({ "user_id": user, "session_id": session.id, "method": session.method.as_str() });
    event(id, LOGGED_IN, user, Some(user), session.created_at, payload)
}

/// A session ended before its time.
pub fn session_revoked(
    id: Uuid,
    user: UserId,
    session: SessionId,
    reason: RevokeReason,
    at: DateTime<Utc>,
) -> DomainEvent {
    let payload = json!({ "user_id": user, "session_id": session, "reason": reason.as_str() });
    event(id, SESSION_REVOKED, user, Some(user), at, payload)
}

/// A user's roles were replaced; by nobody who is signed in when there is no actor.
pub fn roles_changed(
    id: Uuid,
    user: UserId,
    before: &[String],
    after: &[String],
    actor: Option<UserId>,
    at: DateTime<Utc>,
) -> DomainEvent {
    let payload = json!({ "user_id": user, "before": before, "after": after });
    event(id, ROLES_CHANGED, user, actor, at, payload)
}

/// An account asks for a second proof from now on.
pub fn mfa_enabled(id: Uuid, user: UserId, factor: FactorMethod, at: DateTime<Utc>) -> DomainEvent {
    factor_event(id, MFA_ENABLED, user, factor, at)
}

/// An account asks for a second proof no longer.
pub fn mfa_disabled(id: Uuid, user: UserId, factor: FactorMethod, at: DateTime<Utc>) -> DomainEvent {
    factor_event(id, MFA_DISABLED, user, factor, at)
}

/// Whoever runs the product took the second factor away from who has lost it.
pub fn mfa_reset(id: Uuid, user: UserId, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": user, "factor": FactorMethod::Totp.as_str(), "by": "operator" });
    event(id, MFA_DISABLED, user, None, at, payload)
}

/// A recovery code took the place of the second proof.
pub fn recovery_code_used(id: Uuid, user: UserId, at: DateTime<Utc>) -> DomainEvent {
    factor_event(id, RECOVERY_CODE_USED, user, FactorMethod::RecoveryCode, at)
}

/// A user has other recovery codes; those before are worth nothing.
pub fn recovery_codes_renewed(id: Uuid, user: UserId, at: DateTime<Utc>) -> DomainEvent {
    factor_event(id, RECOVERY_CODES_RENEWED, user, FactorMethod::RecoveryCode, at)
}

/// The first proof, by `method`, was right, and the second was not.
pub fn second_factor_failed(id: Uuid, user: UserId, method: AuthMethod, at: DateTime<Utc>) -> DomainEvent {
    event(id, SECOND_FACTOR_FAILED, user, Some(user), at, json!({ "user_id": user, "method": method.as_str() }))
}

/// An account can be opened by one passkey more.
pub fn passkey_added(id: Uuid, user: UserId, passkey: PasskeyId, at: DateTime<Utc>) -> DomainEvent {
    event(id, PASSKEY_ADDED, user, Some(user), at, json!({ "user_id": user, "passkey_id": passkey }))
}

/// An account can be opened by one passkey less.
pub fn passkey_removed(id: Uuid, user: UserId, passkey: PasskeyId, at: DateTime<Utc>) -> DomainEvent {
    event(id, PASSKEY_REMOVED, user, Some(user), at, json!({ "user_id": user, "passkey_id": passkey }))
}

fn factor_event(id: Uuid, kind: &str, user: UserId, factor: FactorMethod, at: DateTime<Utc>) -> DomainEvent {
    event(id, kind, user, Some(user), at, json!({ "user_id": user, "factor": factor.as_str() }))
}

/// An account at another service was linked, unlinked or used: `kind` says which.
pub fn identity(id: Uuid, kind: &str, identity: &ExternalIdentity, at: DateTime<Utc>) -> DomainEvent {
    let user = identity.user_id;
    let payload = json!({
        "user_id": user, "identity_id": identity.id, "provider": identity.provider.as_str(),
    });
    event(id, kind, user, Some(user), at, payload)
}

/// An account at another service was not linked to who asked for it: `reason` says why.
pub fn identity_link_failed(
    id: Uuid,
    user: UserId,
    provider: &ProviderName,
    reason: &str,
    at: DateTime<Utc>,
) -> DomainEvent {
    let payload = json!({ "user_id": user, "provider": provider.as_str(), "reason": reason });
    event(id, IDENTITY_LINK_FAILED, user, Some(user), at, payload)
}

fn event(
    id: Uuid,
    kind: &str,
    user: UserId,
    actor: Option<UserId>,
    occurred_at: DateTime<Utc>,
    payload: Value,
) -> DomainEvent {
    DomainEvent {
        id,
        kind: kind.to_owned(),
        aggregate: AGGREGATE.to_owned(),
        aggregate_id: user.to_string(),
        actor,
        origin: Origin::current(),
        occurred_at,
        payload,
    }
}
