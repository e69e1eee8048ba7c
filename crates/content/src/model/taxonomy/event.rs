use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use sharestack_kernel::field::{Issue, length};
use sharestack_kernel::numeric_id;

use super::text::{Note, text};
use crate::model::PhotoId;

numeric_id!(
    /// An event of the timeline.
    TimelineEventId,
    "timeline_events"
);

text!(
    /// An event's title: 1 to 200 characters.
    EventTitle, 1, 200
);

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EventKind {
    /// A first time, or a turn.
    #[default]
    Milestone,
    /// A prize, or a mark that was reached.
    Achievement,
    /// Pictures were shown.
    Exhibition,
    /// Pictures were printed.
    Publication,
    /// A journey.
    Travel,
    /// Something else.
    Other,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Milestone, Self::Achievement, Self::Exhibition, Self::Publication, Self::Travel, Self::Other];

    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milestone => "milestone",
            Self::Achievement => "achievement",
            Self::Exhibition => "exhibition",
            Self::Publication => "publication",
            Self::Travel => "travel",
            Self::Other => "other",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// The day of an event, from 1800-01-01 to 2999-12-31. It has no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventDate(NaiveDate);

impl EventDate {
    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// For everything else.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = length(text.to_owned(), 1, 10).map_err(|_| Issue::InvalidFormat)?;
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| Issue::InvalidFormat)?;
        // `%Y-%m-%d` also takes `2024-1-5`, and signs.
        if date.to_string() != text {
            return Err(Issue::InvalidFormat);
        }
        if !(1800..=2999).contains(&date.year()) {
            return Err(Issue::OutOfRange { min: 1800, max: 2999 });
        }
        Ok(Self(date))
    }

    /// The year and the month.
    pub fn month(self) -> (i32, u32) {
        (self.0.year(), self.0.month())
    }
}

impl std::fmt::Display for EventDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened, told beside the photos of its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEvent {
    /// Its id.
    pub id: TimelineEventId,
    /// Its title.
    pub title: EventTitle,
    /// What happened.
    pub description: Option<Note>,
    /// On which day.
    pub date: EventDate,
    /// What it is.
    pub kind: EventKind,
    /// The photos of it, each once, in order.
    pub photos: Vec<PhotoId>,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl TimelineEvent {
    /// Notes a change. The time always moves on.
    pub fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now.max(self.updated_at + TimeDelta::microseconds(1));
        self.version += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_one_way() {
        assert_eq!(EventDate::parse("2024-03-15").unwrap().to_string(), "2024-03-15");
        for bad in ["", "2024-3-15", "2024-02-30", "2024-13-01", "15.03.2024", "+2024-03-15", "2024-03-15T00:00:00Z"] {
            assert_eq!(EventDate::parse(bad), Err(Issue::InvalidFormat), "{bad}");
        }
        assert!(matches!(EventDate::parse("0001-01-01"), Err(Issue::OutOfRange { .. })));
    }
}
