//! The timeline: when listed photos were taken, and what happened beside.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use thiserror::Error;

use crate::model::{PhotoId, TimelineEvent, TimelineEventId};

/// Why an event was not written.
#[derive(Debug, Error)]
pub enum EventWriteError {
    /// The event has another version, or is not there.
    #[error("event has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Events.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait TimelineRepository: Send {
    /// The event, which nobody else changes until the transaction ends.
    async fn find_for_update(&mut self, id: TimelineEventId) -> Result<Option<TimelineEvent>, StoreError>;

    /// Keeps a new event.
    async fn insert(&mut self, event: &TimelineEvent) -> Result<(), StoreError>;

    /// Writes the event. MUST leave exactly the given photos, in their order.
    ///
    /// MUST return `Stale` and write nothing when the stored version is not `expected`.
    async fn update(&mut self, event: &TimelineEvent, expected: i64) -> Result<(), EventWriteError>;

    /// Removes the event.
    ///
    /// MUST return `Stale` and remove nothing when the stored version is not `expected`.
    async fn delete(&mut self, id: TimelineEventId, expected: i64) -> Result<(), EventWriteError>;
}

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct YearMonth {
    /// The year.
    pub year: i32,
    /// The month, from 1.
    pub month: u32,
}

/// Reads the timeline. A photo stands in the month in which it was taken by the clocks of
/// the place; listed ones alone.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait TimelineQueries: Send + Sync {
    /// How many photos each month has, the first month first; months without any are left out.
    async fn months(&self) -> Result<Vec<(YearMonth, u64)>, StoreError>;

    /// The latest `limit` photos of each of these months, in the order of time, the latest
    /// first in each month. MUST take any number of months.
    async fn photos(&self, months: &[YearMonth], limit: u64) -> Result<Vec<(YearMonth, PhotoId)>, StoreError>;

    /// The events from a month to another, both included, in the order of their days, however
    /// many there are.
    async fn events(&self, from: YearMonth, to: YearMonth) -> Result<Vec<TimelineEvent>, StoreError>;

    /// The years of the first and the last event.
    async fn event_years(&self) -> Result<Option<(i32, i32)>, StoreError>;

    /// One event.
    async fn find_event(&self, id: TimelineEventId) -> Result<Option<TimelineEvent>, StoreError>;
}
