//! What searches of every kind of thing take and answer.

pub mod photos;

use std::time::Instant;

use chrono::NaiveDate;
use serde::Serialize;
use sharestack_content::model::WantedTag;
use sharestack_content::ports::{DEEPEST, Facet, Order};
use sharestack_content::service::{Counted, FacetValue};
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::page::PageRequest;
use utoipa::ToSchema;

use super::extract::{option, parse_page};
use super::reply::Reply;

/// The most characters of a search.
const LONGEST: usize = 200;
/// The most tags of a filter.
const MOST_TAGS: usize = 20;

/// Reads what is looked for.
pub(super) fn words(check: &mut FieldErrors, q: Option<String>) -> String {
    let text = check.required("q", q);
    option(check, "q", text, |text| filter(&text)).unwrap_or_default()
}

/// Reads words that something must have.
pub(super) fn filter(text: &str) -> Result<String, Issue> {
    length(text.trim().to_owned(), 1, LONGEST)
}

/// Reads a page; those that begin too far down are refused.
pub(super) fn page(check: &mut FieldErrors, page: Option<&str>, limit: Option<&str>) -> PageRequest {
    let page = parse_page(check, page, limit);
    if page.offset() >= DEEPEST {
        let max = i64::try_from(DEEPEST.div_ceil(u64::from(page.limit()))).unwrap_or(1);
        check.push("page", Issue::OutOfRange { min: 1, max });
    }
    page
}

/// An answer with one page of what was found: none is promised behind it that [`page`] refuses.
pub(super) fn found<T>(data: T, request: PageRequest, total: u64) -> Reply<T> {
    Reply::ok(data).paged_within(request, total, DEEPEST)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Reads names and slugs of tags with commas between them.
pub(super) fn tags(check: &mut FieldErrors, text: Option<String>) -> Vec<WantedTag> {
    let read = |text: String| {
        if parts(&text).count() > MOST_TAGS {
            return Err(Issue::TooLong { max: MOST_TAGS });
        }
        parts(&text).map(WantedTag::parse).collect()
    };
    option(check, "tags", text, read).unwrap_or_default()
}

/// Reads names of facets with commas between them; all of them when nothing is said.
pub(super) fn facets(check: &mut FieldErrors, text: Option<String>) -> Vec<Facet> {
    let read = |text: String| {
        let mut wanted = Vec::new();
        for name in parts(&text) {
            let known = Facet::ALL.into_iter().find(|facet| facet.as_str() == name);
            let facet = known.ok_or_else(|| Issue::not_allowed(Facet::ALL.map(Facet::as_str)))?;
            if !wanted.contains(&facet) {
                wanted.push(facet);
            }
        }
        Ok(wanted)
    };
    option(check, "facets", text, read).unwrap_or(Facet::ALL.to_vec())
}

fn day(text: &str) -> Result<NaiveDate, Issue> {
    // chrono takes shorter forms too.
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    date.ok_or(Issue::InvalidFormat)
}

/// Reads the first and the last day.
pub(super) fn days(
    check: &mut FieldErrors,
    from: Option<String>,
    to: Option<String>,
) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let from = option(check, "date_from", from, |text| day(&text));
    let to = option(check, "date_to", to, |text| day(&text));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        check.push("date_to", Issue::OutOfTime { earliest: from.to_string(), latest: None });
    }
    (from, to)
}

const RELEVANCE: &str = "relevance";

/// Reads the order; `None` is the best first, which has no other direction.
pub(super) fn sort<S: Copy>(
    check: &mut FieldErrors,
    by: Option<String>,
    order: Option<String>,
    known: &[(&'static str, S)],
) -> Option<(S, Order)> {
    let by = option(check, "sort_by", by, |text| {
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, sort)| *sort);
        if found.is_none() && text != RELEVANCE {
            return Err(Issue::not_allowed([RELEVANCE].into_iter().chain(known.iter().map(|(name, _)| *name))));
        }
        Ok(found)
    });
    let by = by.flatten();
    let order = option(check, "sort_order", order, |text| match text.as_str() {
        "asc" if by.is_some() => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ if by.is_some() => Err(Issue::not_allowed(["asc", "desc"])),
        _ => Err(Issue::not_allowed(["desc"])),
    });
    by.map(|by| (by, order.unwrap_or_default()))
}

/// How many of the found things are in a category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "name": "城市风光", "count": 15 }))]
pub struct CategoryCount {
    /// What `category` takes.
    pub id: i64,
    pub name: String,
    pub count: u64,
}

/// How many of the found things have a name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "投资", "count": 12 }))]
pub struct NameCount {
    pub name: String,
    pub count: u64,
}

/// How many of the found things are of a year.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "year": 2026, "count": 12 }))]
pub struct YearCount {
    pub year: i32,
    pub count: u64,
}

/// Counts over everything found, not over the page, and over nothing else. What was not
/// asked for is left out.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "categories": [{ "id": 1, "name": "城市风光", "count": 15 }, { "id": 2, "name": "建筑摄影", "count": 8 }],
    "tags": [{ "name": "城市", "count": 20 }, { "name": "夜景", "count": 12 }],
    "years": [{ "year": 2024, "count": 25 }, { "year": 2023, "count": 18 }]
}))]
pub struct SearchFacets {
    /// The 50 most frequent categories, each with what stands in it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub categories: Option<Vec<CategoryCount>>,
    /// The 50 most frequent tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tags: Option<Vec<NameCount>>,
    /// The years of publication, of photos those in which they were taken; the latest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub years: Option<Vec<YearCount>>,
}

impl From<Vec<Counted>> for SearchFacets {
    fn from(all: Vec<Counted>) -> Self {
        let mut facets = Self::default();
        for Counted { facet, values } in all {
            let values = values.into_iter();
            match facet {
                Facet::Categories => facets.categories = Some(values.filter_map(category).collect()),
                Facet::Tags => {
                    let tag = |FacetValue { name, count, .. }| NameCount { name, count };
                    facets.tags = Some(values.map(tag).collect());
                }
                Facet::Years => {
                    let year =
                        |value: FacetValue| value.name.parse().ok().map(|year| YearCount { year, count: value.count });
                    facets.years = Some(values.filter_map(year).collect());
                }
            }
        }
        facets
    }
}

fn category(value: FacetValue) -> Option<CategoryCount> {
    Some(CategoryCount { id: value.category?.get(), name: value.name, count: value.count })
}

/// How long a search has taken, in milliseconds; it is noted too.
pub(super) fn time_since(started: Instant, index: &'static str) -> f64 {
    let took = started.elapsed();
    metrics::histogram!("search_duration_seconds", "index" => index).record(took);
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A score with as many digits as it means.
pub(super) fn score(score: f32) -> f64 {
    (f64::from(score) * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
