//! Events as everybody sees them: where the relay hands an event to one reader, each node
//! can follow all of them by itself, to keep what it has of its own (a search index) up to
//! date.
//!
//! A reader keeps a [`Cursor`]. Positions grow in the order of insertion, but transactions
//! do not commit in that order: a position may appear behind one that was read already.
//! The cursor remembers the gaps for a while and asks for them again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::StoreError;

/// How many positions before its start a cursor looks for gaps in.
pub const WINDOW: i64 = 256;
/// How many gaps a cursor remembers from one step.
const MOST_GAPS: i64 = 1000;
/// How long a transaction may take to fill its gap.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// One event in the order of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positioned {
    /// Its place, from 1.
    pub position: i64,
    /// The event's id.
    pub id: Uuid,
    /// What happened.
    pub kind: String,
    /// What kind of thing it happened to.
    pub aggregate: String,
    /// Which one.
    pub aggregate_id: String,
}

/// All events, to be followed without taking them from anybody.
#[async_trait]
pub trait EventTail: Send + Sync {
    /// The first `limit` committed events that stand behind `after` or at one of the
    /// positions `missing`, in their order.
    ///
    /// MUST show an event to every caller, whether or not it was claimed or delivered,
    /// from its commit on until it is pruned.
    async fn read(&self, after: i64, missing: &[i64], limit: u64) -> Result<Vec<Positioned>, StoreError>;

    /// The last `count` committed events, in their order.
    async fn last(&self, count: u64) -> Result<Vec<Positioned>, StoreError>;
}

/// How far a reader has come; it can be kept and taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// The last position it has seen; 0 for none.
    pub position: i64,
    /// The event there: another one means another database, none that it was pruned.
    pub anchor: Option<Uuid>,
}

impl Mark {
    /// The mark behind the last of these events.
    pub fn behind(events: &[Positioned]) -> Self {
        events.last().map_or_else(Self::default, |last| Self { position: last.position, anchor: Some(last.id) })
    }
}

/// A reader's place among the events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    mark: Mark,
    missing: BTreeMap<i64, DateTime<Utc>>,
}

impl Cursor {
    /// A cursor at a mark. `known` are the events of the [`WINDOW`] up to it: what is not
    /// among them may still be in a transaction.
    pub fn start(mark: Mark, known: &[Positioned], now: DateTime<Utc>) -> Self {
        let mut missing = BTreeMap::new();
        let known: Vec<i64> = known.iter().map(|one| one.position).filter(|at| *at <= mark.position).collect();
        if let Some(first) = known.first() {
            missing.extend((*first..mark.position).filter(|at| known.binary_search(at).is_err()).map(|at| (at, now)));
        }
        Self { mark, missing }
    }

    /// What to keep.
    pub const fn mark(&self) -> Mark {
        self.mark
    }

    /// The positions to ask for again.
    pub fn missing(&self) -> Vec<i64> {
        self.missing.keys().copied().collect()
    }

    /// Goes on behind these events.
    pub fn advance(&mut self, events: &[Positioned], now: DateTime<Utc>) {
        for event in events {
            self.missing.remove(&event.position);
            if event.position > self.mark.position {
                let gap = (event.position - MOST_GAPS).max(self.mark.position + 1)..event.position;
                self.missing.extend(gap.map(|at| (at, now)));
                self.mark = Mark { position: event.position, anchor: Some(event.id) };
            }
        }
        self.missing.retain(|_, since| now - *since < PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn at(position: i64) -> Positioned {
        Positioned {
            position,
            id: Uuid::from_u128(u128::from(position.unsigned_abs())),
            kind: "article.published".to_owned(),
            aggregate: "article".to_owned(),
            aggregate_id: "1".to_owned(),
        }
    }

    fn positions(all: &[i64]) -> Vec<Positioned> {
        all.iter().copied().map(at).collect()
    }

    #[test]
    fn a_late_commit_is_asked_for_until_it_comes_or_time_is_up() {
        let mut cursor = Cursor::default();
        cursor.advance(&positions(&[1, 2, 5]), NOW);
        assert_eq!((cursor.mark().position, cursor.missing()), (5, vec![3, 4]));
        cursor.advance(&positions(&[4, 6]), NOW);
        assert_eq!((cursor.mark(), cursor.missing()), (Mark { position: 6, anchor: Some(at(6).id) }, vec![3]));
        cursor.advance(&[], NOW + TimeDelta::minutes(3));
        assert_eq!((cursor.mark().position, cursor.missing()), (6, Vec::new()));
    }

    #[test]
    fn a_cursor_starts_with_the_gaps_before_its_mark() {
        let known = positions(&[10, 11, 13, 15]);
        let cursor = Cursor::start(Mark::behind(&known[..3]), &known, NOW);
        assert_eq!((cursor.mark().position, cursor.missing()), (13, vec![12]));
        assert_eq!(Cursor::start(Mark::default(), &[], NOW), Cursor::default());
    }

    #[test]
    fn gaps_are_bounded() {
        let mut cursor = Cursor::default();
        cursor.advance(&positions(&[1_000_000]), NOW);
        assert_eq!(cursor.missing().len(), 1000);
    }
}
