//! The audit log.

use std::collections::BTreeSet;
use std::net::IpAddr;

use actix_web::get;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::{MAX_NUMERIC_ID, UserId};
use sharestack_platform::events::OPERATED;
use sharestack_platform::model::{AuditEntry, AuditFilter, AuditId, AuditResult};
use sharestack_platform::service::READ;
use sharestack_users::events::AUDITED;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::content::fields::time;
use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Params, Parse, UuidId, option, parse_limit};
use crate::http::reply::{Envelope, Reply, Sliced};
use crate::wiring::App;

/// One act: who did what to whom, from where, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10", "occurred_at": "2026-01-15T10:30:00Z", "actor_id": 1,
    "action": "user.roles_changed", "target_type": "user", "target_id": "42", "result": "success",
    "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "request_id": "req_01KF0X5W3Z8N6T2QG4V7B9C1DE",
    "before": ["user"], "after": ["editor", "user"],
    "details": { "user_id": 42, "before": ["user"], "after": ["editor", "user"] }
}))]
pub struct AuditLogEntry {
    #[schema(format = Uuid)]
    id: String,
    #[schema(format = DateTime)]
    occurred_at: String,
    /// `null` for the system, and for who is not signed in.
    actor_id: Option<i64>,
    /// For example `user.login`.
    action: String,
    target_type: String,
    /// `null` when nobody knows, as for a login by a name that nobody has.
    target_id: Option<String>,
    /// `success` or `failure`.
    result: &'static str,
    ip: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    /// What it was before, when the act changed something that can be said so.
    before: Value,
    after: Value,
    /// What else is known, without secrets.
    details: Value,
}

impl From<AuditEntry> for AuditLogEntry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            occurred_at: timestamp(entry.occurred_at),
            actor_id: entry.actor.map(UserId::get),
            action: entry.action,
            target_type: entry.target_type,
            target_id: entry.target_id,
            result: entry.result.as_str(),
            ip: entry.ip,
            user_agent: entry.user_agent,
            request_id: entry.request_id,
            before: entry.details["before"].clone(),
            after: entry.details["after"].clone(),
            details: entry.details,
        }
    }
}

/// Which entries.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Where the last answer ended: its `next_cursor`.
    #[param(example = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10")]
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// By this user.
    #[param(value_type = Option<i64>, example = 1)]
    actor: Option<String>,
    #[param(example = "user.login_failed")]
    action: Option<String>,
    #[param(example = "user")]
    target_type: Option<String>,
    #[param(example = "42")]
    target_id: Option<String>,
    /// Not before this time.
    #[param(example = "2026-01-15T00:00:00Z")]
    from: Option<String>,
    /// Before this time.
    #[param(example = "2026-01-16T00:00:00Z")]
    to: Option<String>,
    #[param(example = "203.0.113.7")]
    ip: Option<String>,
    /// `success` or `failure`.
    #[param(example = "failure")]
    result: Option<String>,
}

/// What [`AuditQuery`] becomes.
pub struct AuditPage {
    filter: AuditFilter,
    after: Option<AuditId>,
    limit: u32,
}

/// All acts of which there are entries.
fn acts() -> BTreeSet<&'static str> {
    AUDITED.iter().chain(OPERATED).copied().chain([READ]).collect()
}

/// What they are done to: acts are called by it.
fn target_types() -> BTreeSet<&'static str> {
    acts().into_iter().filter_map(|act| act.split_once('.')).map(|(target, _)| target).collect()
}

fn known(text: String, all: BTreeSet<&'static str>) -> Result<String, Issue> {
    if all.contains(text.as_str()) { Ok(text) } else { Err(Issue::not_allowed(all)) }
}

impl Parse for AuditQuery {
    type Output = AuditPage;

    fn parse(self) -> Result<AuditPage, FieldErrors> {
        let mut check = FieldErrors::new();
        let id = |text: String| {
            let id = text.parse().ok().filter(|id| (1..MAX_NUMERIC_ID).contains(id));
            id.map(UserId::new).ok_or(Issue::InvalidFormat)
        };
        let result = |text: String| AuditResult::parse(&text).ok_or_else(|| Issue::not_allowed(AuditResult::ALL));
        let cursor = |text: String| Uuid::parse_str(&text).map(AuditId::new).map_err(|_| Issue::InvalidFormat);
        let address = |text: String| text.parse::<IpAddr>().map(|ip| ip.to_string()).map_err(|_| Issue::InvalidFormat);
        let limit = parse_limit(&mut check, self.limit.as_deref());
        let after = option(&mut check, "cursor", self.cursor, cursor);
        let filter = AuditFilter {
            actor: option(&mut check, "actor", self.actor, id),
            action: option(&mut check, "action", self.action, |text| known(text, acts())),
            target_type: option(&mut check, "target_type", self.target_type, |text| known(text, target_types())),
            target_id: option(&mut check, "target_id", self.target_id, |text| length(text, 1, 64)),
            from: option(&mut check, "from", self.from, |text| time(&text)),
            to: option(&mut check, "to", self.to, |text| time(&text)),
            ip: option(&mut check, "ip", self.ip, address),
            result: option(&mut check, "result", self.result, result),
        };
        check.finish().map(|()| AuditPage { filter, after, limit })
    }
}

/// What was done, the newest first, for who holds `audit.read`. Looking is logged too.
#[utoipa::path(
    tag = "Audit",
    extensions(("x-required-permission" = json!("audit.read"))),
    params(AuditQuery),
    responses((status = 200, description = "The entries", body = Sliced<Vec<AuditLogEntry>>)),
)]
#[get("/api/v1/audit-logs")]
pub async fn list_audit_logs(
    app: Data<App>,
    auth: Auth,
    query: Params<AuditQuery>,
) -> Result<Reply<Vec<AuditLogEntry>>, ApiError> {
    let AuditPage { filter, after, limit } = query.0;
    let found = app.audit.list(&auth.0, &filter, after, limit).await?;
    Ok(Reply::slice(found.map(AuditLogEntry::from)))
}

/// One act, for who holds `audit.read`. Looking is logged too.
#[utoipa::path(
    tag = "Audit",
    extensions(("x-required-permission" = json!("audit.read"))),
    params(("id" = String, Path, description = "The entry", example = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10")),
    responses(
        (status = 200, description = "The entry", body = Envelope<AuditLogEntry>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/audit-logs/{id}")]
pub async fn find_audit_log(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<AuditLogEntry>, ApiError> {
    let id = AuditId::new(UuidId::parse("audit_entry", &path)?);
    Ok(Reply::ok(AuditLogEntry::from(app.audit.find(&auth.0, id).await?)).tagged())
}
