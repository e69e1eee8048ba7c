//! What happens with codes. Their aggregate is the address and purpose, by its hash: the
//! same is written whether or not somebody has an account there.

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::origin::Origin;
use uuid::Uuid;

use super::event;
use crate::model::{CodeSubject, Contact, InvitationId, NewInvitation, Purpose};

/// The aggregate of events about codes.
pub const VERIFICATION: &str = "verification";
/// A code was asked for.
pub const CODE_SENT: &str = "verification.sent";
/// A right code was given.
pub const CODE_ACCEPTED: &str = "verification.accepted";
/// A wrong code was given, or one too many.
pub const CODE_REFUSED: &str = "verification.refused";
/// A user proved their address.
pub const EMAIL_VERIFIED: &str = "user.email_verified";
/// Who has the address of an account proved it, and every way in of before was removed.
pub const CLAIMED: &str = "user.claimed";
/// A user proved a number.
pub const PHONE_VERIFIED: &str = "user.phone_verified";
/// A user set a new password without the old one.
pub const PASSWORD_RESET: &str = "user.password_reset";
/// An invitation was made.
pub const INVITED: &str = "invitation.created";
/// An invitation was used: its actor has registered by it.
pub const INVITATION_USED: &str = "invitation.used";
/// An invitation was taken back.
pub const INVITATION_REVOKED: &str = "invitation.revoked";
/// The aggregate of events about invitations.
pub const INVITATION: &str = "invitation";

/// Something happened with a code.
pub fn code(
    id: Uuid,
    kind: &'static str,
    subject: &CodeSubject,
    (purpose, contact): (Purpose, &Contact),
    user: Option<UserId>,
    at: DateTime<Utc>,
) -> DomainEvent {
    DomainEvent {
        id,
        kind: kind.to_owned(),
        aggregate: VERIFICATION.to_owned(),
        aggregate_id: subject.as_str().to_owned(),
        actor: None,
        origin: Origin::current(),
        occurred_at: at,
        payload: json!({
            "purpose": purpose.as_str(), "channel": contact.channel(), "user_id": user,
            "result": if kind == CODE_REFUSED { "failure" } else { "success" },
        }),
    }
}

/// Something happened to a user by a proof of theirs.
pub fn proven(id: Uuid, kind: &'static str, user: UserId, at: DateTime<Utc>) -> DomainEvent {
    event(id, kind, user, Some(user), at, json!({ "user_id": user }))
}

/// What was removed from an account when its address was proven from outside.
#[derive(Debug, Clone, Copy)]
pub struct Disowned {
    /// Whether there was a password.
    pub password: bool,
    /// How many sessions ended.
    pub sessions: u64,
    /// How many passkeys went.
    pub passkeys: u64,
    /// How many linked identities went.
    pub identities: u64,
    /// How many API keys went.
    pub api_keys: u64,
    /// Whether there was an app that shows codes.
    pub factor: bool,
    /// Whether there was a proven number.
    pub phone: bool,
}

/// Who has the address of an account proved it, and every way in of before was removed.
pub fn claimed(id: Uuid, user: UserId, disowned: &Disowned, at: DateTime<Utc>) -> DomainEvent {
    let Disowned { password, sessions, passkeys, identities, api_keys, factor, phone } = disowned;
    let payload = json!({
        "user_id": user, "sessions_ended": sessions, "passkeys_deleted": passkeys, "identities_unlinked": identities,
        "api_keys_deleted": api_keys, "second_factor_removed": factor, "phone_forgotten": phone,
        "password_removed": password,
    });
    event(id, CLAIMED, user, Some(user), at, payload)
}

/// A user set a new password without the old one; `ended` sessions ended with it, and `keys`
/// API keys were deleted.
pub fn password_reset(id: Uuid, user: UserId, ended: u64, keys: u64, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": user, "sessions_ended": ended, "api_keys_deleted": keys });
    event(id, PASSWORD_RESET, user, Some(user), at, payload)
}

/// An invitation was made.
pub fn invited(invitation: &NewInvitation, id: Uuid) -> DomainEvent {
    let event = about_invitation(id, INVITED, invitation.id, invitation.created_by, invitation.created_at);
    let payload = json!({ "invitation_id": invitation.id, "expires_at": invitation.expires_at });
    DomainEvent { payload, ..event }
}

/// Something happened to an invitation.
pub fn about_invitation(
    id: Uuid,
    kind: &'static str,
    invitation: InvitationId,
    actor: Option<UserId>,
    at: DateTime<Utc>,
) -> DomainEvent {
    DomainEvent {
        id,
        kind: kind.to_owned(),
        aggregate: INVITATION.to_owned(),
        aggregate_id: invitation.to_string(),
        actor,
        origin: Origin::current(),
        occurred_at: at,
        payload: json!({ "invitation_id": invitation }),
    }
}
