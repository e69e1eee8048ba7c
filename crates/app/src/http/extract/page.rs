//! `page` and `limit`.

use serde::Deserialize;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::page::{DEFAULT_LIMIT, MAX_LIMIT, PageRequest};

use super::Parse;

/// A query string with nothing but a page.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    pub page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    pub limit: Option<String>,
}

impl Parse for PageQuery {
    type Output = PageRequest;

    fn parse(self) -> Result<PageRequest, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        check.finish()?;
        Ok(page)
    }
}

/// Reads `page` and `limit`, and notes what is wrong with them.
pub fn parse_page(check: &mut FieldErrors, page: Option<&str>, limit: Option<&str>) -> PageRequest {
    let page = number(check, "page", page, 1, i64::from(u32::MAX));
    let limit = parse_limit(check, limit);
    PageRequest::try_new(page, limit).unwrap_or_default()
}

/// Reads `limit`, and notes what is wrong with it.
pub fn parse_limit(check: &mut FieldErrors, limit: Option<&str>) -> u32 {
    number(check, "limit", limit, i64::from(DEFAULT_LIMIT), i64::from(MAX_LIMIT))
}

fn number(check: &mut FieldErrors, field: &str, text: Option<&str>, default: i64, max: i64) -> u32 {
    let value = match text.map(str::parse::<i64>) {
        None => Some(default),
        Some(Ok(value)) => check.range(field, value, 1, max),
        Some(Err(_)) => {
            check.push(field, Issue::InvalidFormat);
            None
        }
    };
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or(1)
}
