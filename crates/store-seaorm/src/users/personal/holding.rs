//! What one table holds of people, and what becomes of it.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Query};
use sharestack_kernel::id::UserId;

/// How a column is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Number,
    Text,
    Time,
    Flag,
    Id,
    Json,
    /// A word that answers have another for.
    Word(fn(&str) -> Option<&'static str>),
    /// The text that stands in this table in this column, in the row that this one refers to
    /// by its own column: reference, table, column.
    Of(&'static str, &'static str, &'static str),
    /// Shown only where this column names the person: else it tells of somebody else.
    Own(&'static str, &'static Kind),
}

/// Columns that tell a row of a table from all others.
pub(super) type Key = &'static [(&'static str, Kind)];

/// Rows with a number.
pub(super) const NUMBERED: Key = &[("id", Kind::Number)];
/// Rows with a UUID.
pub(super) const IDENTIFIED: Key = &[("id", Kind::Id)];

/// Which rows of a table are a person's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// Those with their id in this column.
    Column(&'static str),
    /// Those whose column is an id of a table whose rows are theirs by its own column.
    Through(&'static str, &'static str, &'static str),
    /// Those of an aggregate of this kind with their id.
    Aggregate(&'static str),
    /// Those that are about a target of this kind with their id.
    Target(&'static str),
    /// Those whose JSON in this column says `user_id` and means them.
    Mentioned(&'static str),
}

impl Whose {
    pub(super) fn condition(self, user: UserId) -> Expr {
        let theirs = |table: &'static str, column: &'static str, key: &'static str| {
            Query::select().column(key).from(table).and_where(Expr::col(column).eq(user.get())).to_owned()
        };
        match self {
            Self::Column(column) => Expr::col(column).eq(user.get()),
            Self::Through(column, table, owner) => Expr::col(column).in_subquery(theirs(table, owner, "id")),
            Self::Aggregate(kind) => {
                Expr::col("aggregate").eq(kind).and(Expr::col("aggregate_id").eq(user.get().to_string()))
            }
            Self::Mentioned(column) => {
                let said = |end: char| Expr::col(column).like(format!("%\"user_id\":{user}{end}%"));
                said(',').or(said('}'))
            }
            Self::Target(kind) => {
                Expr::col("target_type").eq(kind).and(Expr::col("target_id").eq(user.get().to_string()))
            }
        }
    }
}

/// What becomes of the rows when the person goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// They go too.
    Gone,
    /// They stay: money must add up, or others need them. They name the person by a number
    /// that then says nothing.
    Kept,
    /// They stay without these.
    Blanked(&'static [&'static str]),
    /// They stay without these, and without the names in the JSON of a column.
    Anonymised(&'static [&'static str], &'static str),
    /// The account itself: its row stays, and says nothing any more.
    Emptied,
}

/// What one table holds of people.
pub(super) struct Holding {
    /// The name of the extract; `None` when the rows tell a person nothing about themselves
    /// that another extract does not, or hold secrets alone.
    pub extract: Option<&'static str>,
    pub table: &'static str,
    pub whose: Whose,
    /// What tells the rows of the table apart; they are handed out in its order.
    pub key: Key,
    pub columns: &'static [(&'static str, Kind)],
    pub end: End,
}
