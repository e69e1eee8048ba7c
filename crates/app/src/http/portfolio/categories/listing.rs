//! Which photos of a category a list shows.

use serde::Deserialize;
use sharestack_content::service::ListPlaced;
use sharestack_kernel::field::FieldErrors;
use utoipa::IntoParams;

use super::requests::truth;
use crate::http::extract::{Parse, option, parse_page};
use crate::http::portfolio::photos::{order, sort};

/// Order and page of the photos of a category.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CategoryPhotoListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// `created_at`, `taken_at`, `title` or `sort_order`.
    #[param(default = "created_at", example = "created_at")]
    sort_by: Option<String>,
    /// `asc` or `desc`.
    #[param(default = "desc", example = "desc")]
    sort_order: Option<String>,
    /// Whether the categories below it count too.
    #[param(value_type = Option<bool>, default = false, example = true)]
    include_children: Option<String>,
}

impl Parse for CategoryPhotoListQuery {
    type Output = ListPlaced;

    fn parse(self) -> Result<ListPlaced, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let list = ListPlaced {
            sort: option(&mut check, "sort_by", self.sort_by, |text| sort(&text)).unwrap_or_default(),
            order: option(&mut check, "sort_order", self.sort_order, |text| order(&text)).unwrap_or_default(),
            below: option(&mut check, "include_children", self.include_children, |text| truth(&text))
                .unwrap_or_default(),
            page,
        };
        check.finish().map(|()| list)
    }
}
