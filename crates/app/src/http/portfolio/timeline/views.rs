//! The timeline, as answers show it.

use serde::Serialize;
use sharestack_content::model::{Note, TimelineEvent};
use sharestack_content::ports::PhotoThumb;
use sharestack_content::service::{MonthOfPhotos, TimelineStats, YearOfPhotos};
use utoipa::ToSchema;

use crate::http::context::timestamp;
use crate::http::language::Language;
use crate::http::portfolio::thumb;
use crate::wiring::App;

/// A photo of a month.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "title": "城市夜景", "thumb_url": "https://cdn.example.com/photos/1/thumb_medium.jpg",
    "taken_at": "2024-01-15T18:30:00Z"
}))]
pub struct TimelinePhoto {
    pub id: i64,
    pub title: String,
    pub thumb_url: Option<String>,
    #[schema(format = DateTime)]
    pub taken_at: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEvent, example = json!({
    "id": 1, "title": "首次夜景拍摄", "description": "第一次尝试城市夜景摄影", "date": "2024-01-15", "type": "milestone",
    "related_photos": [], "version": 1
}))]
pub struct EventView {
    pub id: i64,
    pub title: String,
    pub description: Option<String>,
    #[schema(format = Date)]
    pub date: String,
    /// `milestone`, `achievement`, `exhibition`, `publication`, `travel` or `other`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Those that visitors may see.
    pub related_photos: Vec<TimelinePhoto>,
    /// Grows with each change.
    pub version: i64,
}

/// A month with photos or events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "month": 1, "month_name": "一月", "photo_count": 25,
    "photos": [{ "id": 1, "title": "城市夜景", "thumb_url": "https://cdn.example.com/photos/1/thumb_medium.jpg",
        "taken_at": "2024-01-15T18:30:00Z" }],
    "events": [{ "id": 1, "title": "首次夜景拍摄", "description": "第一次尝试城市夜景摄影", "date": "2024-01-15",
        "type": "milestone", "related_photos": [], "version": 1 }]
}))]
pub struct TimelineMonth {
    pub month: u32,
    /// In the language of the answer.
    pub month_name: &'static str,
    pub photo_count: u64,
    /// The latest of them; none unless they are asked for.
    pub photos: Vec<TimelinePhoto>,
    pub events: Vec<EventView>,
}

/// A month of a year.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "year": 2024, "month": 1, "month_name": "一月", "photo_count": 0, "photos": [], "events": [] }))]
pub struct TimelineMonthDetail {
    pub year: i32,
    #[serde(flatten)]
    pub month: TimelineMonth,
}

/// A year with its months, January first; months without photos and events are left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "year": 2024, "photo_count": 25, "months": [
    { "month": 1, "month_name": "一月", "photo_count": 25, "photos": [], "events": [] }
] }))]
pub struct TimelineYear {
    pub year: i32,
    pub photo_count: u64,
    pub months: Vec<TimelineMonth>,
}

/// The month with the most photos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "year": 2024, "month": 3, "count": 45 }))]
pub struct ActiveMonth {
    pub year: i32,
    pub month: u32,
    pub count: u64,
}

/// How many photos a year has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "year": 2024, "count": 156 }))]
pub struct YearCount {
    pub year: i32,
    pub count: u64,
}

/// Figures over all years.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineStats, example = json!({
    "total_photos": 456, "year_range": [2020, 2024], "most_active_month": { "year": 2024, "month": 3, "count": 45 },
    "photos_by_year": [{ "year": 2024, "count": 156 }, { "year": 2023, "count": 189 }, { "year": 2022, "count": 111 }]
}))]
pub struct StatsView {
    pub total_photos: u64,
    /// The first and the last year with photos or events.
    pub year_range: Option<[i32; 2]>,
    /// The latest of equals.
    pub most_active_month: Option<ActiveMonth>,
    /// The latest first.
    pub photos_by_year: Vec<YearCount>,
}

/// The timeline, the latest year first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timeline, example = json!({
    "years": [{ "year": 2024, "photo_count": 156, "months": [
        { "month": 1, "month_name": "一月", "photo_count": 25, "photos": [], "events": [] }
    ] }],
    "stats": { "total_photos": 456, "year_range": [2020, 2024],
        "most_active_month": { "year": 2024, "month": 3, "count": 45 },
        "photos_by_year": [{ "year": 2024, "count": 156 }] }
}))]
pub struct TimelineView {
    pub years: Vec<TimelineYear>,
    pub stats: StatsView,
}

/// The name of a month.
fn month_name(month: u32, language: Language) -> &'static str {
    const ZH: [&str; 12] =
        ["一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let names = if language == Language::ZhCn { ZH } else { EN };
    (month as usize).checked_sub(1).and_then(|index| names.get(index)).copied().unwrap_or_default()
}

impl TimelinePhoto {
    fn new(app: &App, photo: &PhotoThumb) -> Self {
        Self {
            id: photo.id.get(),
            title: photo.title.clone(),
            thumb_url: thumb(app, photo),
            taken_at: photo.taken_at.map(timestamp),
        }
    }
}

impl EventView {
    pub fn new(app: &App, event: &TimelineEvent, photos: &[PhotoThumb]) -> Self {
        Self {
            id: event.id.get(),
            title: event.title.as_str().to_owned(),
            description: event.description.as_ref().map(Note::as_str).map(str::to_owned),
            date: event.date.to_string(),
            kind: event.kind.as_str(),
            related_photos: photos.iter().map(|photo| TimelinePhoto::new(app, photo)).collect(),
            version: event.version,
        }
    }
}

impl TimelineMonth {
    pub fn new(app: &App, month: &MonthOfPhotos, language: Language) -> Self {
        Self {
            month: month.month.month,
            month_name: month_name(month.month.month, language),
            photo_count: month.photo_count,
            photos: month.photos.iter().map(|photo| TimelinePhoto::new(app, photo)).collect(),
            events: month.events.iter().map(|(event, photos)| EventView::new(app, event, photos)).collect(),
        }
    }
}

impl TimelineYear {
    pub fn new(app: &App, year: &YearOfPhotos, language: Language) -> Self {
        Self {
            year: year.year,
            photo_count: year.photo_count,
            months: year.months.iter().map(|month| TimelineMonth::new(app, month, language)).collect(),
        }
    }
}

impl From<TimelineStats> for StatsView {
    fn from(stats: TimelineStats) -> Self {
        let active = stats.most_active_month;
        Self {
            total_photos: stats.total_photos,
            year_range: stats.year_range.map(|(first, last)| [first, last]),
            most_active_month: active.map(|(month, count)| ActiveMonth { year: month.year, month: month.month, count }),
            photos_by_year: stats.photos_by_year.into_iter().map(|(year, count)| YearCount { year, count }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_names_in_both_languages() {
        assert_eq!((month_name(1, Language::ZhCn), month_name(12, Language::ZhCn)), ("一月", "十二月"));
        assert_eq!((month_name(1, Language::En), month_name(12, Language::En)), ("January", "December"));
        assert_eq!(month_name(0, Language::En), "");
    }
}
