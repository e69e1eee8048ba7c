//! What a person did and what was done to them.

use super::holding::Kind::{Id, Json, Text, Time};
use super::holding::{End, Holding, Whose};

pub(super) const PLATFORM: &[Holding] = &[
    // Who did what stays, as the law on security asks; from where goes.
    Holding {
        extract: Some("security_log"),
        table: "audit_entries",
        whose: Whose::Target("user"),
        columns: &[
            ("id", Id),
            ("occurred_at", Time),
            ("action", Text),
            ("result", Text),
            ("ip", Text),
            ("user_agent", Text),
            ("request_id", Text),
            ("details", Json),
        ],
        end: End::Blanked(&["ip", "user_agent"]),
    },
    Holding {
        extract: Some("activity"),
        table: "events",
        whose: Whose::Aggregate("user"),
        columns: &[("kind", Text), ("occurred_at", Time), ("payload", Json), ("origin", Json)],
        end: End::Blanked(&["origin"]),
    },
];
