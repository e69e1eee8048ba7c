//! What tags are made, changed and found with.

use std::collections::BTreeSet;

use serde::Deserialize;
use sharestack_content::model::{Colour, Icon, Note, Period, Slug, TagGroup, TagId, TagName};
use sharestack_content::ports::{LabelFilter, LabelSort, Order};
use sharestack_content::service::{CreateTag, EditTag, MAX_MERGE};
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use utoipa::{IntoParams, ToSchema};

use crate::http::content::fields::patch;
use crate::http::extract::{Parse, option, parse_page, set};

/// The longest text that tags are suggested for.
const LONGEST: usize = 50;
/// How many tags a list has when nobody says.
const USUAL: &str = "50";
/// How many a few are.
const FEW: i64 = 10;

fn text<T>(parse: impl Fn(&str) -> Result<T, Issue>) -> impl Fn(String) -> Result<T, Issue> {
    move |text| parse(&text)
}

fn number(text: &str, min: i64, max: i64) -> Result<i64, Issue> {
    let number = text.parse::<i64>().map_err(|_| Issue::InvalidFormat)?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(Issue::OutOfRange { min, max }) }
}

/// Reads a number of a query that is `usual` when it is left out.
fn count(check: &mut FieldErrors, field: &str, text: Option<String>, usual: i64, min: i64, max: i64) -> u64 {
    option(check, field, text, |text| number(&text, min, max)).unwrap_or(usual).unsigned_abs()
}

/// A new tag.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "极光", "slug": "aurora", "description": "极光摄影作品", "color": "#9b59b6", "tag_group": "subject",
    "is_featured": true
}))]
pub struct TagCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 50)]
    name: Option<String>,
    /// Letters and digits with single `-` between them; made from the name, in pinyin, when
    /// it is left out.
    #[schema(max_length = 100)]
    slug: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// `#9b59b6`.
    #[schema(max_length = 7)]
    color: Option<String>,
    #[schema(max_length = 50)]
    icon: Option<String>,
    /// `style`, `subject`, `technique` or `location`.
    tag_group: Option<String>,
    /// Whether visitors see it; they do when it is left out.
    is_active: Option<bool>,
    is_featured: Option<bool>,
}

impl Parse for TagCreate {
    type Output = CreateTag;

    fn parse(self) -> Result<CreateTag, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = check.required("name", self.name);
        let name = option(&mut check, "name", name, text(TagName::parse));
        let slug = option(&mut check, "slug", self.slug, text(Slug::parse));
        let description = option(&mut check, "description", self.description, text(Note::parse));
        let colour = option(&mut check, "color", self.color, text(Colour::parse));
        let icon = option(&mut check, "icon", self.icon, text(Icon::parse));
        let group = option(&mut check, "tag_group", self.tag_group, text(TagGroup::parse));
        // A name that is missing or wrong has been noted.
        let Some(name) = name else { return Err(check) };
        check.finish().map(|()| CreateTag {
            name,
            slug,
            description,
            colour,
            icon,
            group,
            is_active: self.is_active.unwrap_or(true),
            is_featured: self.is_featured.unwrap_or(false),
        })
    }
}

/// Changes to a tag: omitted fields stay, `null` clears a nullable one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "name": "北极光", "description": "更新后的描述", "color": "#8e44ad" }))]
pub struct TagUpdate {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 50)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 100)]
    slug: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 7)]
    color: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 50)]
    icon: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tag_group: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_active: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_featured: Patch<bool>,
}

impl Parse for TagUpdate {
    type Output = EditTag;

    fn parse(self) -> Result<EditTag, FieldErrors> {
        let mut check = FieldErrors::new();
        let command = EditTag {
            name: set(&mut check, "name", self.name, text(TagName::parse)),
            slug: set(&mut check, "slug", self.slug, text(Slug::parse)),
            description: patch(&mut check, "description", self.description, text(Note::parse)),
            colour: patch(&mut check, "color", self.color, text(Colour::parse)),
            icon: patch(&mut check, "icon", self.icon, text(Icon::parse)),
            group: patch(&mut check, "tag_group", self.tag_group, text(TagGroup::parse)),
            is_active: set(&mut check, "is_active", self.is_active, Ok),
            is_featured: set(&mut check, "is_featured", self.is_featured, Ok),
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}

/// Tags to merge, and the one that is to be left.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "source_ids": [15, 16], "target_id": 1 }))]
pub struct TagMerge {
    /// The tags that are no more afterwards.
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100)]
    source_ids: Option<Vec<i64>>,
    /// The tag that their photos get.
    #[schema(required = true, nullable = false, minimum = 1)]
    target_id: Option<i64>,
}

impl Parse for TagMerge {
    type Output = (BTreeSet<TagId>, TagId);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let max = MAX_NUMERIC_ID - 1;
        let sources = check.required("source_ids", self.source_ids).unwrap_or_default();
        if sources.is_empty() && check.is_empty() {
            check.push("source_ids", Issue::Required);
        }
        if sources.len() > MAX_MERGE {
            check.push("source_ids", Issue::TooLong { max: MAX_MERGE });
        }
        let mut from = BTreeSet::new();
        for (index, number) in sources.into_iter().take(MAX_MERGE).enumerate() {
            from.extend(check.range(&format!("source_ids[{index}]"), number, 1, max).map(TagId::new));
        }
        let into = check.required("target_id", self.target_id);
        let into = into.and_then(|number| check.range("target_id", number, 1, max));
        check.finish().map(|()| (from, TagId::new(into.unwrap_or_default())))
    }
}

/// Which tags a list shows.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TagListQuery {
    /// `all`, `style`, `subject`, `technique` or `location`.
    #[param(default = "all", example = "all")]
    group: Option<String>,
    /// `usage_count`, `name` or `trend_score`.
    #[param(default = "usage_count", example = "usage_count")]
    sort_by: Option<String>,
    /// `asc` or `desc`; `asc` by default for `name`.
    #[param(example = "desc")]
    sort_order: Option<String>,
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many tags a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 50, example = 50)]
    limit: Option<String>,
}

fn group(text: &str) -> Result<Option<TagGroup>, Issue> {
    if text == "all" {
        return Ok(None);
    }
    let all = ["all"].into_iter().chain(TagGroup::ALL.map(TagGroup::as_str));
    TagGroup::parse(text).map(Some).map_err(|_| Issue::not_allowed(all))
}

fn sort(text: &str) -> Result<LabelSort, Issue> {
    let known = LabelSort::ALL.into_iter().find(|sort| sort.as_str() == text);
    known.ok_or_else(|| Issue::not_allowed(LabelSort::ALL.map(LabelSort::as_str)))
}

fn order(text: &str) -> Result<Order, Issue> {
    match text {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(Issue::not_allowed(["asc", "desc"])),
    }
}

impl Parse for TagListQuery {
    type Output = (LabelFilter, PageRequest);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), Some(self.limit.as_deref().unwrap_or(USUAL)));
        let group = option(&mut check, "group", self.group, text(group)).flatten();
        let sort = option(&mut check, "sort_by", self.sort_by, text(sort)).unwrap_or_default();
        let usual = if sort == LabelSort::Name { Order::Ascending } else { Order::Descending };
        let order = option(&mut check, "sort_order", self.sort_order, text(order)).unwrap_or(usual);
        check.finish().map(|()| (LabelFilter { group, hidden: false, sort, order }, page))
    }
}

/// What somebody has typed of a tag.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TagSuggestionQuery {
    /// The beginning or a part of a name, or its pinyin in full or by first letters.
    #[param(value_type = String, required = true, min_length = 1, max_length = 50, example = "夜")]
    q: Option<String>,
    /// How many.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 10, example = 10)]
    limit: Option<String>,
}

impl Parse for TagSuggestionQuery {
    type Output = (String, u64);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let limit = count(&mut check, "limit", self.limit, FEW, 1, 100);
        let q = check.required("q", self.q);
        let q = option(&mut check, "q", q, |text| length(text.trim().to_owned(), 1, LONGEST));
        check.finish().map(|()| (q.unwrap_or_default(), limit))
    }
}

/// How many tags a cloud has, and how often they must be used.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TagCloudQuery {
    /// How many photos a tag must have.
    #[param(value_type = Option<u32>, minimum = 1, default = 5, example = 5)]
    min_usage: Option<String>,
    /// How many tags at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50, example = 50)]
    max_tags: Option<String>,
}

impl Parse for TagCloudQuery {
    type Output = (u64, u64);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let min_usage = count(&mut check, "min_usage", self.min_usage, 5, 1, i64::from(u32::MAX));
        let max_tags = count(&mut check, "max_tags", self.max_tags, 50, 1, 200);
        check.finish().map(|()| (min_usage, max_tags))
    }
}

/// Over which days tags are looked at.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TagTrendQuery {
    /// `7d`, `30d`, `90d` or `1y`: only uses of these days count, today among them.
    #[param(default = "30d", example = "30d")]
    period: Option<String>,
    /// How many.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 10, example = 10)]
    limit: Option<String>,
}

impl Parse for TagTrendQuery {
    type Output = (Period, u64);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let period = option(&mut check, "period", self.period, text(Period::parse)).unwrap_or_default();
        let limit = count(&mut check, "limit", self.limit, FEW, 1, 100);
        check.finish().map(|()| (period, limit))
    }
}

/// Which tags of articles are wanted.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArticleTagQuery {
    /// A part of the name, or its pinyin; all tags that published articles have when it is
    /// left out.
    #[param(max_length = 50, example = "投")]
    q: Option<String>,
    /// How many.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 50, example = 50)]
    limit: Option<String>,
}

impl Parse for ArticleTagQuery {
    type Output = (Option<String>, u64);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let q = option(&mut check, "q", self.q, |text| length(text.trim().to_owned(), 0, LONGEST));
        let limit = count(&mut check, "limit", self.limit, 50, 1, 100);
        check.finish().map(|()| (q.filter(|text| !text.is_empty()), limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_what_is_promised() {
        let (filter, page) = TagListQuery::default().parse().unwrap();
        assert_eq!((filter, page.page(), page.limit()), (LabelFilter::default(), 1, 50));
        assert_eq!(TagCloudQuery::default().parse().unwrap(), (5, 50));
        assert_eq!(TagTrendQuery::default().parse().unwrap(), (Period::Month, 10));
        let suggestions = TagSuggestionQuery { q: Some("a".to_owned()), limit: None };
        assert_eq!(suggestions.parse().unwrap(), ("a".to_owned(), 10));
    }
}
