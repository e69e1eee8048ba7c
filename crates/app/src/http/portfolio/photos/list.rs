//! Which photos a list shows.

use serde::Deserialize;
use sharestack_content::model::{CategoryId, PhotoStatus, Visibility, WantedTag};
use sharestack_content::ports::{Order, PhotoSort};
use sharestack_content::service::ListPhotos;
use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use utoipa::IntoParams;

use crate::http::extract::{Parse, option, parse_page};

/// Filters, order and page of a list of photos.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PhotoListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// `published`; `draft` and `archived` for one's own photos or with `photo.update`.
    #[param(default = "published", example = "published")]
    status: Option<String>,
    /// `public`, which of what is published everybody sees, and of one's own or with
    /// `photo.update` also what has no pictures; `unlisted` or `private`, of one's own photos or
    /// with `photo.update`.
    #[param(example = "public")]
    visibility: Option<String>,
    /// A category's id; photos in those below it are in it too.
    #[param(value_type = Option<i64>, example = 1)]
    category: Option<String>,
    /// A tag's name or slug.
    #[param(example = "夜景")]
    tag: Option<String>,
    /// A text in the title, the description or the place, up to 100 characters.
    #[param(max_length = 100, example = "外滩")]
    search: Option<String>,
    /// `created_at`, `taken_at`, `title` or `sort_order`.
    #[param(default = "created_at", example = "created_at")]
    sort_by: Option<String>,
    /// `asc` or `desc`.
    #[param(default = "desc", example = "desc")]
    sort_order: Option<String>,
    /// The year in which it was taken, by the clocks of the place.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 9999, example = 2024)]
    year: Option<String>,
    /// The month in which it was taken.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 12, example = 1)]
    month: Option<String>,
}

/// Reads an order of photos.
pub(in crate::http) fn sort(text: &str) -> Result<PhotoSort, Issue> {
    let known = PhotoSort::ALL.into_iter().find(|sort| sort.as_str() == text);
    known.ok_or_else(|| Issue::not_allowed(PhotoSort::ALL.map(PhotoSort::as_str)))
}

/// Reads a direction.
pub(in crate::http) fn order(text: &str) -> Result<Order, Issue> {
    match text {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(Issue::not_allowed(["asc", "desc"])),
    }
}

/// Reads a number of a query.
pub(super) fn number(text: &str, min: i64, max: i64) -> Result<i64, Issue> {
    let number = text.parse::<i64>().map_err(|_| Issue::InvalidFormat)?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(Issue::OutOfRange { min, max }) }
}

impl Parse for PhotoListQuery {
    type Output = ListPhotos;

    fn parse(self) -> Result<ListPhotos, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let search = option(&mut check, "search", self.search, |text| length(text.trim().to_owned(), 0, 100));
        let category = option(&mut check, "category", self.category, |text| number(&text, 1, MAX_NUMERIC_ID - 1));
        let year = option(&mut check, "year", self.year, |text| number(&text, 1, 9999));
        let month = option(&mut check, "month", self.month, |text| number(&text, 1, 12));
        let query = ListPhotos {
            status: option(&mut check, "status", self.status, |text| PhotoStatus::parse(&text)),
            visibility: option(&mut check, "visibility", self.visibility, |text| Visibility::parse(&text)),
            category: category.map(CategoryId::new),
            tag: option(&mut check, "tag", self.tag, |text| WantedTag::parse(&text)),
            search: search.filter(|text| !text.is_empty()),
            year: year.and_then(|year| i32::try_from(year).ok()),
            month: month.and_then(|month| u32::try_from(month).ok()),
            sort: option(&mut check, "sort_by", self.sort_by, |text| sort(&text)).unwrap_or_default(),
            order: option(&mut check, "sort_order", self.sort_order, |text| order(&text)).unwrap_or_default(),
            page,
        };
        check.finish().map(|()| query)
    }
}
