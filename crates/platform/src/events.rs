//! What who runs the product does beside all requests.

use chrono::{DateTime, Utc};
use serde_json::json;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::job::DeadJob;
use uuid::Uuid;

/// A job that was given up is offered again.
pub const JOB_RETRIED: &str = "job.retried";

/// Demo content is being put into an empty database.
pub const DEMO_BEGUN: &str = "demo.begun";
/// A part of it, which the target names, is whole.
pub const DEMO_FILLED: &str = "demo.filled";

/// The acts of who runs the product, of which the audit log has entries.
pub const OPERATED: &[&str] = &[JOB_RETRIED, DEMO_BEGUN, DEMO_FILLED];

/// A job that was given up is offered again from the command line.
pub fn job_retried(id: Uuid, job: &DeadJob, at: DateTime<Utc>) -> DomainEvent {
    DomainEvent {
        id,
        kind: JOB_RETRIED.to_owned(),
        aggregate: "job".to_owned(),
        aggregate_id: job.id.to_string(),
        actor: None,
        origin: None,
        occurred_at: at,
        payload: json!({ "kind": job.kind, "by": "operator" }),
    }
}
