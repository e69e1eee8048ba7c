//! What happens to accounts and roles by edits and by administration.

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use uuid::Uuid;

use super::event;
use crate::model::RoleId;

/// Something of an account was edited.
pub const UPDATED: &str = "user.updated";
/// An account may be used again.
pub const ACTIVATED: &str = "user.activated";
/// An account may no longer be used; its sessions have ended.
pub const DEACTIVATED: &str = "user.deactivated";
/// An account was deleted; what it holds of its owner goes later.
pub const DELETED: &str = "user.deleted";
/// All that said whose a deleted account was is gone.
pub const ERASED: &str = "user.erased";
/// Somebody wants another address, which waits to be proven.
pub const EMAIL_PENDING: &str = "user.email_pending";
/// An account has another address, which was proven.
pub const EMAIL_CHANGED: &str = "user.email_changed";
/// Somebody said yes or no to a text.
pub const CONSENTED: &str = "user.consented";

/// The aggregate of events of roles.
pub const ROLE_AGGREGATE: &str = "role";
/// A role was made.
pub const ROLE_CREATED: &str = "role.created";
/// A role was changed.
pub const ROLE_UPDATED: &str = "role.updated";
/// A role was deleted.
pub const ROLE_DELETED: &str = "role.deleted";

/// Something of an account was edited; `fields` names what, never how.
pub fn updated(id: Uuid, user: UserId, actor: UserId, fields: &[&str], at: DateTime<Utc>) -> DomainEvent {
    event(id, UPDATED, user, Some(actor), at, json!({ "user_id": user, "fields": fields }))
}

/// Something that happened to an account and needs no more words: one of the kinds above.
pub fn account(id: Uuid, kind: &'static str, user: UserId, actor: Option<UserId>, at: DateTime<Utc>) -> DomainEvent {
    event(id, kind, user, actor, at, json!({ "user_id": user }))
}

/// Somebody said yes or no to `kind`.
pub fn consented(id: Uuid, user: UserId, kind: &str, version: &str, granted: bool, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": user, "kind": kind, "version": version, "granted": granted });
    event(id, CONSENTED, user, Some(user), at, payload)
}

/// Something that happened to a role.
pub fn role(id: Uuid, kind: &'static str, role: RoleId, name: &str, actor: UserId, at: DateTime<Utc>) -> DomainEvent {
    let mut event = event(id, kind, actor, Some(actor), at, json!({ "role_id": role, "name": name }));
    ROLE_AGGREGATE.clone_into(&mut event.aggregate);
    event.aggregate_id = role.to_string();
    event
}
