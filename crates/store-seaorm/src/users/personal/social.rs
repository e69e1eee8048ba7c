//! Whom a person follows and blocks, and who them.

use super::holding::Kind::{Number, Time};
use super::holding::{End, Holding, Key, Whose};

/// Who, and whom.
const PAIR: Key = &[("from_id", Number), ("to_id", Number)];

pub(super) const SOCIAL: &[Holding] = &[
    Holding {
        extract: Some("following"),
        table: "follows",
        whose: Whose::Column("from_id"),
        key: PAIR,
        columns: &[("to_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("followers"),
        table: "follows",
        whose: Whose::Column("to_id"),
        key: PAIR,
        columns: &[("from_id", Number), ("created_at", Time)],
        end: End::Gone,
    },
    Holding {
        extract: Some("blocks"),
        table: "user_blocks",
        whose: Whose::Column("from_id"),
        key: PAIR,
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
