//! What happens to sessions, passwords and keys.

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::event::{DomainEvent, UNKNOWN};
use sharestack_kernel::id::{SessionId, UserId};
use uuid::Uuid;

use super::{RevokeReason, event};
use crate::model::ApiKeyId;
use crate::model::NewApiKey;

/// Many sessions of a user ended at once.
pub const SESSIONS_REVOKED: &str = "user.sessions_revoked";
/// A user set another password.
pub const PASSWORD_CHANGED: &str = "user.password_changed";
/// An API key was made.
pub const API_KEY_CREATED: &str = "user.api_key_created";
/// An API key was deleted.
pub const API_KEY_DELETED: &str = "user.api_key_deleted";

/// Somebody did not get in.
pub const LOGIN_FAILED: &str = "user.login_failed";
/// Somebody who is signed in proved again who they are.
pub const REAUTHENTICATED: &str = "user.reauthenticated";
/// Somebody who is signed in did not prove who they are.
pub const PROOF_FAILED: &str = "user.proof_failed";

/// Somebody did not get in by `method`. Of `name`, what they said who they are, only the
/// start is kept: it may be a password in the wrong place.
pub fn login_failed(
    id: Uuid,
    user: Option<UserId>,
    name: &str,
    method: &str,
    reason: &str,
    at: DateTime<Utc>,
) -> DomainEvent {
    let payload = json!({ "user_id": user, "name": masked(name), "method": method, "reason": reason });
    match user {
        Some(user) => event(id, LOGIN_FAILED, user, None, at, payload),
        None => DomainEvent {
            aggregate: UNKNOWN.to_owned(),
            aggregate_id: id.to_string(),
            ..event(id, LOGIN_FAILED, UserId::new(0), None, at, payload)
        },
    }
}

/// Somebody who is signed in proved again who they are.
pub fn reauthenticated(id: Uuid, user: UserId, session: SessionId, method: &str, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": user, "session_id": session, "method": method });
    event(id, REAUTHENTICATED, user, Some(user), at, payload)
}

/// Somebody who is signed in did not prove who they are: `what` was wrong.
pub fn proof_failed(id: Uuid, user: UserId, what: &str, at: DateTime<Utc>) -> DomainEvent {
    event(id, PROOF_FAILED, user, Some(user), at, json!({ "user_id": user, "reason": what }))
}

/// The first two characters, and how many there are.
fn masked(name: &str) -> String {
    let start: String = name.chars().filter(|c| !c.is_control()).take(2).collect();
    format!("{start}*** ({})", name.chars().count())
}

/// Many sessions of a user ended at once.
pub fn sessions_revoked(
    id: Uuid,
    user: UserId,
    count: u64,
    reason: RevokeReason,
    actor: UserId,
    at: DateTime<Utc>,
) -> DomainEvent {
    let payload = json!({ "user_id": user, "count": count, "reason": reason.as_str() });
    event(id, SESSIONS_REVOKED, user, Some(actor), at, payload)
}

/// A user set another password; `ended` of their other sessions ended with it.
pub fn password_changed(id: Uuid, user: UserId, kept: SessionId, ended: u64, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": user, "session_id": kept, "sessions_ended": ended });
    event(id, PASSWORD_CHANGED, user, Some(user), at, payload)
}

/// An API key was made.
pub fn api_key_created(id: Uuid, key: &NewApiKey) -> DomainEvent {
    let payload = json!({
        "user_id": key.user_id, "api_key_id": key.id, "name": key.name.as_str(), "prefix": key.prefix,
        "scopes": key.scopes, "expires_at": key.expires_at,
    });
    event(id, API_KEY_CREATED, key.user_id, Some(key.user_id), key.created_at, payload)
}

/// An API key was deleted.
pub fn api_key_deleted(id: Uuid, user: UserId, key: ApiKeyId, at: DateTime<Utc>) -> DomainEvent {
    event(id, API_KEY_DELETED, user, Some(user), at, json!({ "user_id": user, "api_key_id": key }))
}
