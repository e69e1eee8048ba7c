//! Whom a person follows and blocks, and who them.

use super::holding::Kind::{Number, Time};
use super::holding::{End, Holding, Whose};

pub(super) const SOCIAL: &[Holding] = &[
    Holding {
        extract: Some("following"),
        table: "follows",
        whose: Whose::Column("from_id"),
        key: &[("to_id", Number)],
        columns: &[("to_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("followers"),
        table: "follows",
        whose: Whose::Column("to_id"),
        key: &[("from_id", Number)],
        columns: &[("from_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("blocks"),
        table: "user_blocks",
        whose: Whose::Column("from_id"),
        key: &[("to_id", Number)],
        columns: &[("to_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    // Who was blocked is not told by whom.
    Holding {
        extract: None,
        table: "user_blocks",
        whose: Whose::Column("to_id"),
        key: &[],
        columns: &[],
        end: End::Gone,
    },
];
