//! What social tells the rest of the product.

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::origin::Origin;
use uuid::Uuid;

use crate::model::Edge;

/// Somebody follows somebody.
pub const FOLLOWED: &str = "user.followed";
/// Somebody no longer follows somebody, whoever ended it.
pub const UNFOLLOWED: &str = "user.unfollowed";
/// Somebody blocked somebody.
pub const BLOCKED: &str = "user.blocked";
/// Somebody took a block back.
pub const UNBLOCKED: &str = "user.unblocked";

/// Something that happened from one person to another: one of the kinds above. What happens
/// between two people is told in its order.
pub fn relation(id: Uuid, kind: &str, edge: Edge, at: DateTime<Utc>) -> DomainEvent {
    caused(id, kind, edge, edge, at)
}

/// The same, because of what `cause` did: a block ends follows of the other side, too.
pub fn caused(id: Uuid, kind: &str, edge: Edge, cause: Edge, at: DateTime<Utc>) -> DomainEvent {
    let (low, high) = edge.pair();
    DomainEvent {
        id,
        kind: kind.to_owned(),
        aggregate: "relation".to_owned(),
        aggregate_id: format!("{low}:{high}"),
        actor: Some(cause.from()),
        occurred_at: at,
        payload: json!({ "user_id": edge.from(), "target_id": edge.to() }),
        origin: Origin::current(),
    }
}
