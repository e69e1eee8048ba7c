use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::categories::listed_photos;
use super::{TIMELINE_CREATE, TIMELINE_DELETE, TIMELINE_UPDATE, TaxonomyPorts};
use crate::error::EventError;
use crate::events;
use crate::model::{EventDate, EventKind, EventTitle, Note, PhotoId, TimelineEvent, TimelineEventId};
use crate::ports::{PhotoThumb, PortfolioTx, YearMonth};

/// How many photos of months one answer shows at most, and how many of events: what a
/// year of twelve full months has.
const MOST_PHOTOS: usize = 1200;

/// A new event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateEvent {
    /// Its title.
    pub title: EventTitle,
    /// What happened.
    pub description: Option<Note>,
    /// On which day.
    pub date: EventDate,
    /// What it is.
    pub kind: EventKind,
    /// The photos of it, each once.
    pub photos: Vec<PhotoId>,
}

/// Changes to an event. What is `None` or kept stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditEvent {
    /// A new title.
    pub title: Option<EventTitle>,
    /// A new description.
    pub description: Patch<Note>,
    /// Another day.
    pub date: Option<EventDate>,
    /// Another kind.
    pub kind: Option<EventKind>,
    /// All photos anew.
    pub photos: Option<Vec<PhotoId>>,
    /// The change is refused as stale unless these admit the version of the event.
    pub if_version: Option<Versions>,
}

/// A month with its photos and events.
#[derive(Debug, Clone, PartialEq)]
pub struct MonthOfPhotos {
    /// Which month.
    pub month: YearMonth,
    /// How many listed photos were taken in it.
    pub photo_count: u64,
    /// The latest of them, as many as were asked for.
    pub photos: Vec<PhotoThumb>,
    /// What happened in it, with those of the photos that visitors may see.
    pub events: Vec<(TimelineEvent, Vec<PhotoThumb>)>,
}

/// A year with its months, January first; months of which there is nothing to tell are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct YearOfPhotos {
    /// The year.
    pub year: i32,
    /// How many listed photos were taken in it.
    pub photo_count: u64,
    /// Its months.
    pub months: Vec<MonthOfPhotos>,
}

/// Figures over all years.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineStats {
    /// How many photos the timeline has.
    pub total_photos: u64,
    /// The first and the last year with photos or events.
    pub year_range: Option<(i32, i32)>,
    /// The month with the most photos, the latest of equals.
    pub most_active_month: Option<(YearMonth, u64)>,
    /// How many photos each year has, the latest first.
    pub photos_by_year: Vec<(i32, u64)>,
}

impl TimelineStats {
    fn of(months: &[(YearMonth, u64)], events: Option<(i32, i32)>) -> Self {
        let mut years: BTreeMap<i32, u64> = BTreeMap::new();
        for (month, count) in months {
            *years.entry(month.year).or_default() += count;
        }
        let photos = years.keys().next().copied().zip(years.keys().next_back().copied());
        let told = [photos, events].into_iter().flatten();
        Self {
            total_photos: years.values().sum(),
            year_range: told.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))),
            most_active_month: months.iter().copied().max_by_key(|(month, count)| (*count, *month)),
            photos_by_year: years.into_iter().rev().collect(),
        }
    }
}

/// Tells what was photographed when, and what happened beside.
#[derive(Clone)]
pub struct Timeline {
    ports: TaxonomyPorts,
}

impl Timeline {
    /// The service over these ports.
    pub const fn new(ports: TaxonomyPorts) -> Self {
        Self { ports }
    }

    /// The years, the latest first, or one of them; `photos` of each month. A photo stands in
    /// the month in which it was taken, by the clocks of the place; one of which nobody knows
    /// when it was taken is not on the timeline. One answer shows at most 1200 photos of months
    /// and as many of events, those of the latest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn years(
        &self,
        year: Option<i32>,
        photos: u64,
    ) -> Result<(Vec<YearOfPhotos>, TimelineStats), StoreError> {
        let counted = self.ports.timeline.months().await?;
        let stats = TimelineStats::of(&counted, self.ports.timeline.event_years().await?);
        let (from, to) = year.map_or((i32::MIN, i32::MAX), |year| (year, year));
        let mut months: BTreeMap<YearMonth, MonthOfPhotos> = BTreeMap::new();
        for (month, photo_count) in counted.into_iter().filter(|(month, _)| (from..=to).contains(&month.year)) {
            months.insert(month, MonthOfPhotos { month, photo_count, photos: Vec::new(), events: Vec::new() });
        }
        let bounds = year.map_or((1, 9999), |year| (year, year));
        let first = YearMonth { year: bounds.0, month: 1 };
        let told = self.ports.timeline.events(first, YearMonth { year: bounds.1, month: 12 }).await?;
        self.fill(&mut months, told, photos).await?;
        let mut years: Vec<YearOfPhotos> = Vec::new();
        for (key, month) in months {
            match years.last_mut().filter(|year| year.year == key.year) {
                Some(year) => {
                    year.photo_count += month.photo_count;
                    year.months.push(month);
                }
                None => {
                    years.push(YearOfPhotos { year: key.year, photo_count: month.photo_count, months: vec![month] });
                }
            }
        }
        years.reverse();
        Ok((years, stats))
    }

    /// One month; an empty one counts nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn month(&self, month: YearMonth, photos: u64) -> Result<MonthOfPhotos, StoreError> {
        let counted = self.ports.timeline.months().await?;
        let photo_count = counted.into_iter().find(|(one, _)| *one == month).map_or(0, |(_, count)| count);
        let told = self.ports.timeline.events(month, month).await?;
        let empty = MonthOfPhotos { month, photo_count, photos: Vec::new(), events: Vec::new() };
        let mut months = BTreeMap::from([(month, empty.clone())]);
        self.fill(&mut months, told, photos).await?;
        Ok(months.remove(&month).unwrap_or(empty))
    }

    /// Adds photos and events to months, with one look for all photos.
    async fn fill(
        &self,
        months: &mut BTreeMap<YearMonth, MonthOfPhotos>,
        mut told: Vec<TimelineEvent>,
        photos: u64,
    ) -> Result<(), StoreError> {
        let latest = match latest_months(months, photos) {
            none if none.is_empty() => Vec::new(),
            months => self.ports.timeline.photos(&months, photos).await?,
        };
        cap(&mut told);
        let related = told.iter().flat_map(|event| event.photos.iter().copied());
        let wanted: BTreeSet<PhotoId> = latest.iter().map(|(_, photo)| *photo).chain(related).collect();
        let views = listed_photos(&self.ports, wanted).await?;
        for (month, photo) in latest {
            if let (Some(month), Some(view)) = (months.get_mut(&month), views.get(&photo)) {
                month.photos.push(view.clone());
            }
        }
        for event in told {
            let (year, number) = event.date.month();
            let month = YearMonth { year, month: number };
            let shown = event.photos.iter().filter_map(|photo| views.get(photo).cloned()).collect();
            let of = months.entry(month).or_insert_with(|| MonthOfPhotos {
                month,
                photo_count: 0,
                photos: Vec::new(),
                events: Vec::new(),
            });
            of.events.push((event, shown));
        }
        Ok(())
    }

    /// An event with those of its photos that visitors may see.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn event(&self, id: TimelineEventId) -> Result<(TimelineEvent, Vec<PhotoThumb>), EventError> {
        let event = self.ports.timeline.find_event(id).await?.ok_or(EventError::Missing(id))?;
        let mut views = listed_photos(&self.ports, event.photos.iter().copied().collect()).await?;
        let shown = event.photos.iter().filter_map(|photo| views.remove(photo)).collect();
        Ok((event, shown))
    }

    /// Writes an event.
    ///
    /// # Errors
    /// Without the right, and when one of the photos is not there.
    pub async fn create(&self, actor: &Actor, command: CreateEvent) -> Result<TimelineEventId, EventError> {
        actor.require(TIMELINE_CREATE)?;
        let now = self.ports.clock.now();
        let id = TimelineEventId::new(self.ports.ids.number(TimelineEventId::SEQUENCE).await?);
        let telling = self.ports.telling(actor, now);
        let event = command.into_event(id, now);
        transact!(self.ports.store, |tx| {
            are_there(tx, &event.photos).await?;
            tx.timeline().insert(&event).await?;
            let told = telling.of(events::TIMELINE_CREATED, events::TIMELINE_EVENT, id.get(), payload(&event));
            tx.outbox().append(&told).await?;
            Ok(id)
        })
    }

    /// Changes an event.
    ///
    /// # Errors
    /// Without the right, when it or one of the photos is not there.
    pub async fn edit(&self, actor: &Actor, id: TimelineEventId, command: EditEvent) -> Result<(), EventError> {
        actor.require(TIMELINE_UPDATE)?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        transact!(self.ports.store, |tx| {
            are_there(tx, command.photos.as_deref().unwrap_or_default()).await?;
            let before = tx.timeline().find_for_update(id).await?.ok_or(EventError::Missing(id))?;
            if command.if_version.as_ref().is_some_and(|versions| !versions.admit(before.version)) {
                return Err(EventError::Stale);
            }
            let mut after = before.clone();
            command.clone().apply(&mut after);
            if after == before {
                return Ok(());
            }
            after.touch(now);
            tx.timeline().update(&after, before.version).await?;
            let told = telling.of(events::TIMELINE_UPDATED, events::TIMELINE_EVENT, id.get(), payload(&after));
            tx.outbox().append(&told).await?;
            Ok(())
        })
    }

    /// Removes an event.
    ///
    /// # Errors
    /// Without the right, when it is not there, and when it has none of the versions
    /// `if_version`.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: TimelineEventId,
        if_version: Option<&Versions>,
    ) -> Result<(), EventError> {
        actor.require(TIMELINE_DELETE)?;
        let telling = self.ports.telling(actor, self.ports.clock.now());
        transact!(self.ports.store, |tx| {
            let event = tx.timeline().find_for_update(id).await?.ok_or(EventError::Missing(id))?;
            if if_version.is_some_and(|versions| !versions.admit(event.version)) {
                return Err(EventError::Stale);
            }
            tx.timeline().delete(id, event.version).await?;
            let deleted = json!({ "event_id": id });
            let told = telling.of(events::TIMELINE_DELETED, events::TIMELINE_EVENT, id.get(), deleted);
            tx.outbox().append(&told).await?;
            Ok(())
        })
    }
}

/// The latest months whose photos, as many of each as were asked for, are not too many for
/// one answer.
fn latest_months(months: &BTreeMap<YearMonth, MonthOfPhotos>, each: u64) -> Vec<YearMonth> {
    let mut left = MOST_PHOTOS as u64;
    let fits = |month: &&MonthOfPhotos| {
        let shown = month.photo_count.min(each);
        let fits = shown <= left;
        left = left.saturating_sub(shown);
        fits
    };
    let with_photos = months.values().rev().filter(|month| month.photo_count.min(each) > 0);
    with_photos.take_while(fits).map(|month| month.month).collect()
}

/// Leaves events, which stand in the order of their days, no more photos than one answer
/// shows: the latest keep theirs.
fn cap(events: &mut [TimelineEvent]) {
    let mut left = MOST_PHOTOS;
    for event in events.iter_mut().rev() {
        event.photos.truncate(left);
        left -= event.photos.len();
    }
}

/// Refuses photos that are not there, and holds the others.
async fn are_there(tx: &mut dyn PortfolioTx, photos: &[PhotoId]) -> Result<(), EventError> {
    for photo in photos.iter().collect::<BTreeSet<_>>() {
        let found = tx.photos().find_for_update(*photo).await?;
        if found.is_none_or(|photo| photo.trashed_at.is_some()) {
            return Err(EventError::MissingPhoto(*photo));
        }
    }
    Ok(())
}

impl CreateEvent {
    fn into_event(self, id: TimelineEventId, now: DateTime<Utc>) -> TimelineEvent {
        TimelineEvent {
            id,
            title: self.title,
            description: self.description,
            date: self.date,
            kind: self.kind,
            photos: self.photos,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

impl EditEvent {
    fn apply(self, event: &mut TimelineEvent) {
        if let Some(title) = self.title {
            event.title = title;
        }
        self.description.apply(&mut event.description);
        event.date = self.date.unwrap_or(event.date);
        event.kind = self.kind.unwrap_or(event.kind);
        if let Some(photos) = self.photos {
            event.photos = photos;
        }
    }
}

fn payload(event: &TimelineEvent) -> Value {
    json!({
        "event_id": event.id,
        "title": event.title.as_str(),
        "description": event.description.as_ref().map(Note::as_str),
        "date": event.date.to_string(),
        "type": event.kind.as_str(),
        "related_photos": event.photos,
        "version": event.version,
    })
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
