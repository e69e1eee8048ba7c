//! What a person did and what was done to them.

use super::holding::Kind::{Id, Json, Number, Own, Text, Time};
use super::holding::{End, Holding, IDENTIFIED, Whose};

/// The address that an act came from is shown to who acted alone.
const ACTOR: &str = "actor_id";

pub(super) const PLATFORM: &[Holding] = &[
    // Who did what stays, as the law on security asks; from where goes, and so do names.
    Holding {
        extract: Some("security_log"),
        table: "audit_entries",
        whose: Whose::Target("user"),
        key: IDENTIFIED,
        columns: &[
            ("id", Id),
            ("occurred_at", Time),
            ("action", Text),
            ("result", Text),
            ("ip", Own(ACTOR, &Text)),
            ("user_agent", Own(ACTOR, &Text)),
            ("request_id", Own(ACTOR, &Text)),
            ("details", Json),
        ],
        end: End::Anonymised(&["ip", "user_agent"], "details"),
    },
    Holding {
        extract: Some("activity"),
        table: "events",
        whose: Whose::Aggregate("user"),
        key: &[("position", Number)],
        columns: &[("kind", Text), ("occurred_at", Time), ("payload", Json), ("origin", Own(ACTOR, &Json))],
        end: End::Anonymised(&["origin"], "payload"),
    },
];

/// What they did to others, and what others did with them: found by reading the two largest
/// tables, a row at a time by its id.
pub(super) const TRACES: &[Holding] = &[
    Holding {
        extract: None,
        table: "audit_entries",
        whose: Whose::Column(ACTOR),
        key: &[],
        columns: &[],
        end: End::Blanked(&["ip", "user_agent"]),
    },
    Holding {
        extract: None,
        table: "audit_entries",
        whose: Whose::Mentioned("details"),
        key: &[],
        columns: &[],
        end: End::Blanked(&["ip", "user_agent"]),
    },
    Holding {
        extract: None,
        table: "events",
        whose: Whose::Column(ACTOR),
        key: &[],
        columns: &[],
        end: End::Blanked(&["origin"]),
    },
    Holding {
        extract: None,
        table: "events",
        whose: Whose::Mentioned("payload"),
        key: &[],
        columns: &[],
        end: End::Blanked(&["origin"]),
    },
];
