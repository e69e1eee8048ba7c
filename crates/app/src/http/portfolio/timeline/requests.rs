//! What the timeline is asked for, and what its events are made with.

use serde::Deserialize;
use sharestack_content::model::{EventDate, EventKind, EventTitle, Note, PhotoId};
use sharestack_content::ports::YearMonth;
use sharestack_content::service::{CreateEvent, EditEvent};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use utoipa::{IntoParams, ToSchema};

use crate::http::content::fields::patch;
use crate::http::extract::{Parse, option, set};
use crate::http::portfolio::categories::{photo_ids, truth};

/// How many photos an event may have.
const MAX_PHOTOS: usize = 100;
/// How many photos a month of a year shows when nobody says.
const FEW: u64 = 5;
/// How many photos a month shows at most.
const MANY: i64 = 100;

fn number(text: &str, min: i64, max: i64) -> Result<i64, Issue> {
    let number = text.parse::<i64>().map_err(|_| Issue::InvalidFormat)?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(Issue::OutOfRange { min, max }) }
}

/// Which part of the timeline is wanted.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// One year; all of them when it is left out.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 9999, example = 2024)]
    year: Option<String>,
    /// Whether months show photos.
    #[param(value_type = Option<bool>, default = false, example = true)]
    include_photos: Option<String>,
    /// How many photos of each month; the latest.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 5, example = 5)]
    photos_limit: Option<String>,
}

/// How many photos are shown; none unless they are asked for.
fn photos(check: &mut FieldErrors, include: Option<String>, limit: Option<String>, usual: u64) -> u64 {
    let include = option(check, "include_photos", include, |text| truth(&text)).unwrap_or_default();
    let limit = option(check, "photos_limit", limit, |text| number(&text, 1, MANY));
    if include { limit.map_or(usual, i64::unsigned_abs) } else { 0 }
}

impl Parse for TimelineQuery {
    type Output = (Option<i32>, u64);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let year = option(&mut check, "year", self.year, |text| number(&text, 1, 9999));
        let photos = photos(&mut check, self.include_photos, self.photos_limit, FEW);
        check.finish().map(|()| (year.and_then(|year| i32::try_from(year).ok()), photos))
    }
}

/// What of a month is wanted.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MonthQuery {
    /// Whether its photos are shown.
    #[param(value_type = Option<bool>, default = false, example = true)]
    include_photos: Option<String>,
    /// How many of them; the latest.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 100, example = 20)]
    photos_limit: Option<String>,
}

impl Parse for MonthQuery {
    type Output = u64;

    fn parse(self) -> Result<u64, FieldErrors> {
        let mut check = FieldErrors::new();
        let photos = photos(&mut check, self.include_photos, self.photos_limit, MANY.unsigned_abs());
        check.finish().map(|()| photos)
    }
}

/// Reads a year and a month of a path.
///
/// # Errors
/// For a year that is not from 1 to 9999, and for a month that is not from 1 to 12.
pub fn month(year: &str, month: &str) -> Result<YearMonth, FieldErrors> {
    let mut check = FieldErrors::new();
    let year = check.check("year", number(year, 1, 9999)).unwrap_or(1);
    let month = check.check("month", number(month, 1, 12)).unwrap_or(1);
    check.finish()?;
    Ok(YearMonth { year: i32::try_from(year).unwrap_or(1), month: u32::try_from(month).unwrap_or(1) })
}

/// A new event.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "title": "获得摄影比赛奖项", "description": "在城市摄影大赛中获得金奖", "date": "2024-03-15", "type": "achievement",
    "related_photos": []
}))]
pub struct TimelineEventCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// `YYYY-MM-DD`.
    #[schema(required = true, nullable = false, format = Date)]
    date: Option<String>,
    /// `milestone` (default), `achievement`, `exhibition`, `publication`, `travel` or `other`.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Ids of photos.
    #[schema(max_items = 100)]
    related_photos: Option<Vec<i64>>,
}

impl Parse for TimelineEventCreate {
    type Output = CreateEvent;

    fn parse(self) -> Result<CreateEvent, FieldErrors> {
        let mut check = FieldErrors::new();
        let title = check.required("title", self.title);
        let title = option(&mut check, "title", title, |text| EventTitle::parse(&text));
        let description = option(&mut check, "description", self.description, |text| Note::parse(&text));
        let date = check.required("date", self.date);
        let date = option(&mut check, "date", date, |text| EventDate::parse(&text));
        let kind = option(&mut check, "type", self.kind, |text| EventKind::parse(&text)).unwrap_or_default();
        let numbers = self.related_photos.unwrap_or_default();
        let photos = photo_ids(&mut check, "related_photos", &numbers, MAX_PHOTOS);
        // What is missing or wrong of them has been noted.
        let (Some(title), Some(date)) = (title, date) else { return Err(check) };
        check.finish().map(|()| CreateEvent { title, description, date, kind, photos })
    }
}

/// Changes to an event: omitted fields stay, `null` clears a nullable one, arrays replace.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "title": "更新后的标题", "description": "更新后的描述" }))]
pub struct TimelineEventUpdate {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200)]
    title: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, format = Date)]
    date: Patch<String>,
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<String>, nullable = false)]
    kind: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, max_items = 100)]
    related_photos: Patch<Vec<i64>>,
}

impl Parse for TimelineEventUpdate {
    type Output = EditEvent;

    fn parse(self) -> Result<EditEvent, FieldErrors> {
        let mut check = FieldErrors::new();
        let photos: Option<Vec<PhotoId>> = match self.related_photos {
            Patch::Keep => None,
            Patch::Clear => Some(Vec::new()),
            Patch::Set(numbers) => Some(photo_ids(&mut check, "related_photos", &numbers, MAX_PHOTOS)),
        };
        let command = EditEvent {
            title: set(&mut check, "title", self.title, |text: String| EventTitle::parse(&text)),
            description: patch(&mut check, "description", self.description, |text: String| Note::parse(&text)),
            date: set(&mut check, "date", self.date, |text: String| EventDate::parse(&text)),
            kind: set(&mut check, "type", self.kind, |text: String| EventKind::parse(&text)),
            photos,
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}
