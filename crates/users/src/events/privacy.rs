//! What happens to people's own data.

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use uuid::Uuid;

use super::event;
use crate::model::{Departure, Export};

/// Somebody asked for a copy of their data.
pub const EXPORT_REQUESTED: &str = "user.export_requested";
/// The copy was made, or will not be.
pub const EXPORT_FINISHED: &str = "user.export_finished";
/// Somebody fetched a copy.
pub const EXPORT_DOWNLOADED: &str = "user.export_downloaded";
/// Somebody wants to go.
pub const DEPARTURE_SCHEDULED: &str = "user.departure_scheduled";
/// Somebody stays after all.
pub const DEPARTURE_CANCELLED: &str = "user.departure_cancelled";

/// Somebody asked for a copy of their data.
pub fn export_requested(id: Uuid, export: &Export) -> DomainEvent {
    let (user, payload) = (export.user_id, json!({ "user_id": export.user_id, "export_id": export.id }));
    event(id, EXPORT_REQUESTED, user, Some(user), export.requested_at, payload)
}

/// The copy was made, or will not be.
pub fn export_finished(id: Uuid, export: &Export, at: DateTime<Utc>) -> DomainEvent {
    let state = export.state.as_str();
    let payload = json!({ "user_id": export.user_id, "export_id": export.id, "state": state });
    event(id, EXPORT_FINISHED, export.user_id, None, at, payload)
}

/// Somebody fetched a copy, by its link.
pub fn export_downloaded(id: Uuid, export: &Export, at: DateTime<Utc>) -> DomainEvent {
    let payload = json!({ "user_id": export.user_id, "export_id": export.id });
    event(id, EXPORT_DOWNLOADED, export.user_id, None, at, payload)
}

/// Somebody wants to go.
pub fn departure_scheduled(id: Uuid, wish: &Departure) -> DomainEvent {
    let (user, payload) = (wish.user_id, json!({ "user_id": wish.user_id, "due_at": wish.due_at }));
    event(id, DEPARTURE_SCHEDULED, user, Some(user), wish.requested_at, payload)
}

/// Somebody stays after all.
pub fn departure_cancelled(id: Uuid, user: UserId, at: DateTime<Utc>) -> DomainEvent {
    event(id, DEPARTURE_CANCELLED, user, Some(user), at, json!({ "user_id": user }))
}
