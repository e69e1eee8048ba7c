//! What happens to accounts and roles by edits and by administration.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::event::{DomainEvent, UNKNOWN};
use sharestack_kernel::id::UserId;
use uuid::Uuid;

use super::event;
use crate::model::{RoleView, UserFilter};

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
/// Somebody who looks after others saw what is held of a user.
pub const VIEWED: &str = "user.viewed";
/// Somebody who looks after others saw a list of users.
pub const LISTED: &str = "user.listed";
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

/// Somebody who looks after others saw `what` is held of a user.
pub fn viewed(id: Uuid, user: UserId, what: &str, actor: UserId, at: DateTime<Utc>) -> DomainEvent {
    event(id, VIEWED, user, Some(actor), at, json!({ "user_id": user, "what": what }))
}

/// Somebody who looks after others saw these users in a list. What they searched for is not
/// kept: it may be a name or an address.
pub fn listed(id: Uuid, users: &[UserId], filter: &UserFilter, actor: UserId, at: DateTime<Utc>) -> DomainEvent {
    let UserFilter { role, active, search } = filter;
    let payload = json!({ "users": users, "role": role, "active": active, "searched": search.is_some() });
    let event = event(id, LISTED, actor, Some(actor), at, payload);
    DomainEvent { aggregate: UNKNOWN.to_owned(), aggregate_id: id.to_string(), ..event }
}

/// Somebody said yes or no to `kind`.
pub fn consented(id: Uuid, user: UserId, kind: &str, version: &str, granted: bool, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": user, "kind": kind, "version": version, "granted": granted });
    event(id, CONSENTED, user, Some(user), at, payload)
}

/// What happened to a role.
#[derive(Debug, Clone, Copy)]
pub enum RoleAct<'a> {
    /// It was made.
    Created(&'a RoleView),
    /// It was one and is the other.
    Updated(&'a RoleView, &'a RoleView),
    /// It is gone.
    Deleted(&'a RoleView),
}

/// Something happened to a role. It says what the role granted before and grants now: by
/// this alone everybody who holds it may do more, or less.
pub fn role(id: Uuid, act: RoleAct<'_>, actor: UserId, at: DateTime<Utc>) -> DomainEvent {
    let (kind, role, before, after) = match act {
        RoleAct::Created(role) => (ROLE_CREATED, role, None, Some(role)),
        RoleAct::Updated(before, after) => (ROLE_UPDATED, after, Some(before), Some(after)),
        RoleAct::Deleted(role) => (ROLE_DELETED, role, Some(role), None),
    };
    let (role_id, name) = (role.role.id, role.role.name.as_str());
    let payload =
        json!({ "role_id": role_id, "name": name, "before": before.map(granted), "after": after.map(granted) });
    let mut event = event(id, kind, actor, Some(actor), at, payload);
    ROLE_AGGREGATE.clone_into(&mut event.aggregate);
    event.aggregate_id = role_id.to_string();
    event
}

fn granted(view: &RoleView) -> Value {
    let RoleView { role, display_name, .. } = view;
    json!({ "name": role.name, "display_name": display_name, "rank": role.rank, "permissions": role.permissions })
}
