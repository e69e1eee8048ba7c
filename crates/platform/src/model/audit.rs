use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sharestack_kernel::event::{DomainEvent, UNKNOWN};
use sharestack_kernel::id::UserId;
use sharestack_kernel::origin::Origin;
use sharestack_kernel::uuid_id;

uuid_id!(
    /// An entry of the audit log: the id of the event that it tells of.
    AuditId
);

/// Whether what somebody tried was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditResult {
    /// It was.
    Success,
    /// It was refused, or failed.
    Failure,
}

impl AuditResult {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Success, Self::Failure];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }

    /// The result of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == name)
    }
}

impl fmt::Display for AuditResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One act: who did what to whom, from where, and what came of it. It is never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who; `None` for the system, and for who is not signed in.
    pub actor: Option<UserId>,
    /// What, for example `user.login`.
    pub action: String,
    /// What kind of thing it was done to, for example `user`.
    pub target_type: String,
    /// Which one; `None` when nobody knows.
    pub target_id: Option<String>,
    /// What came of it.
    pub result: AuditResult,
    /// The client's network address.
    pub ip: Option<String>,
    /// What the client's program calls itself.
    pub user_agent: Option<String>,
    /// The request, as its answer and the log name it.
    pub request_id: Option<String>,
    /// What else is known, without secrets.
    pub details: Value,
}

/// What a value is replaced with that looks like a secret.
const HIDDEN: &str = "***";

impl From<&DomainEvent> for AuditEntry {
    fn from(event: &DomainEvent) -> Self {
        let known = event.aggregate != UNKNOWN;
        let area = event.kind.split('.').next().unwrap_or_default();
        let failed = event.kind.ends_with("_failed") || event.payload["result"] == "failure";
        let origin = event.origin.clone().unwrap_or(Origin { ip: None, user_agent: None, request_id: None });
        Self {
            id: AuditId::new(event.id),
            occurred_at: event.occurred_at,
            actor: event.actor,
            action: event.kind.clone(),
            target_type: if known { event.aggregate.clone() } else { area.to_owned() },
            target_id: known.then(|| event.aggregate_id.clone()),
            result: if failed { AuditResult::Failure } else { AuditResult::Success },
            ip: origin.ip,
            user_agent: origin.user_agent,
            request_id: origin.request_id,
            details: without_secrets(&event.payload),
        }
    }
}

/// Events hold no secrets. Should one do all the same, it goes no further.
fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = if is_secret(name) && !value.is_null() { HIDDEN.into() } else { without_secrets(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let part = |part: &str| name == part || name.ends_with(&format!("_{part}"));
    ["password", "secret", "token", "code", "hash", "otp"].into_iter().any(part)
}

/// Which entries are asked for: all that fit every part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// By this user.
    pub actor: Option<UserId>,
    /// Of this action.
    pub action: Option<String>,
    /// To things of this kind.
    pub target_type: Option<String>,
    /// To this thing.
    pub target_id: Option<String>,
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    /// From this address.
    pub ip: Option<String>,
    /// With this result.
    pub result: Option<AuditResult>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sharestack_kernel::clock::{Clock, FakeClock};
    use uuid::Uuid;

    use super::*;

    fn event(kind: &str, aggregate: &str, payload: Value) -> DomainEvent {
        DomainEvent {
            id: Uuid::from_u128(7),
            kind: kind.to_owned(),
            aggregate: aggregate.to_owned(),
            aggregate_id: "42".to_owned(),
            actor: Some(UserId::new(1)),
            origin: Some(Origin {
                ip: Some("192.0.2.1".to_owned()),
                user_agent: Some("curl".to_owned()),
                request_id: Some("req_1".to_owned()),
            }),
            occurred_at: FakeClock::default().now(),
            payload,
        }
    }

    #[test]
    fn an_event_says_who_did_what_to_whom_from_where() {
        let entry =
            AuditEntry::from(&event("user.roles_changed", "user", json!({ "before": [], "after": ["editor"] })));
        assert_eq!((entry.id.get(), entry.actor), (Uuid::from_u128(7), Some(UserId::new(1))));
        assert_eq!((entry.action.as_str(), entry.result), ("user.roles_changed", AuditResult::Success));
        assert_eq!((entry.target_type.as_str(), entry.target_id.as_deref()), ("user", Some("42")));
        assert_eq!((entry.ip.as_deref(), entry.user_agent.as_deref()), (Some("192.0.2.1"), Some("curl")));
        assert_eq!((entry.request_id.as_deref(), &entry.details["after"]), (Some("req_1"), &json!(["editor"])));
    }

    #[test]
    fn a_failure_and_an_unknown_target_are_told() {
        let entry = AuditEntry::from(&event("user.login_failed", UNKNOWN, json!({})));
        assert_eq!((entry.target_type.as_str(), entry.target_id, entry.result), ("user", None, AuditResult::Failure));
        let entry = AuditEntry::from(&event("user.code_sent", "user", json!({ "result": "failure" })));
        assert_eq!(entry.result, AuditResult::Failure);
    }

    #[test]
    fn secrets_go_no_further() {
        let payload = json!({
            "new_password": "x", "nested": [{ "token": "x", "prefix": "ssk_" }], "code": 1, "session_id": "s", "secret": null,
        });
        let details = AuditEntry::from(&event("user.x", "user", payload)).details;
        let expected = json!({
            "new_password": "***", "nested": [{ "token": "***", "prefix": "ssk_" }], "code": "***", "session_id": "s",
            "secret": null,
        });
        assert_eq!(details, expected);
    }
}
