//! Which articles a list shows.

use serde::Deserialize;
use sharestack_content::model::{AccessLevel, Status, WantedTag};
use sharestack_content::ports::{Order, Sort};
use sharestack_content::service::ListArticles;
use sharestack_kernel::field::{FieldErrors, Issue, length};
use utoipa::IntoParams;

use super::fields::option;
use crate::http::extract::{Parse, parse_page};
use crate::http::portfolio::categories::category_text;

/// Filters, order and page of a list of articles.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArticleListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    pub(in crate::http) page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    pub(in crate::http) limit: Option<String>,
    /// `published`; `draft` and `scheduled` for one's own articles or with `article.update`.
    #[param(default = "published", example = "published")]
    pub(in crate::http) status: Option<String>,
    /// An id or a user name; digits are an id when somebody has it.
    #[param(example = "linxiaohong")]
    pub(in crate::http) author: Option<String>,
    /// A category's id; those below it count too.
    #[param(value_type = Option<i64>, minimum = 1, example = 4)]
    pub(in crate::http) category: Option<String>,
    /// A tag's name or slug.
    #[param(example = "投资")]
    pub(in crate::http) tag: Option<String>,
    /// `free`, `members` or `paid`.
    #[param(example = "paid")]
    pub(in crate::http) access: Option<String>,
    /// A text in the title or the summary, up to 100 characters.
    #[param(max_length = 100, example = "基金")]
    pub(in crate::http) search: Option<String>,
    /// `published_at`, `created_at`, `updated_at`, `title` or `view_count`.
    #[param(default = "published_at", example = "published_at")]
    pub(in crate::http) sort_by: Option<String>,
    /// `asc` or `desc`.
    #[param(default = "desc", example = "desc")]
    pub(in crate::http) sort_order: Option<String>,
}

fn sort(text: &str) -> Result<Sort, Issue> {
    let known = Sort::ALL.into_iter().find(|sort| sort.as_str() == text);
    known.ok_or_else(|| Issue::not_allowed(Sort::ALL.map(Sort::as_str)))
}

fn order(text: &str) -> Result<Order, Issue> {
    match text {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(Issue::not_allowed(["asc", "desc"])),
    }
}

impl Parse for ArticleListQuery {
    type Output = ListArticles;

    fn parse(self) -> Result<ListArticles, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let search = option(&mut check, "search", self.search, |text| length(text.trim().to_owned(), 0, 100));
        let query = ListArticles {
            status: option(&mut check, "status", self.status, |text| Status::parse(&text)),
            author: option(&mut check, "author", self.author, |text| length(text, 1, 64)),
            tag: option(&mut check, "tag", self.tag, |text| WantedTag::parse(&text)),
            category: option(&mut check, "category", self.category, |text| category_text(&text)),
            access: option(&mut check, "access", self.access, |text| AccessLevel::parse(&text)),
            search: search.filter(|text| !text.is_empty()),
            sort: option(&mut check, "sort_by", self.sort_by, |text| sort(&text)).unwrap_or_default(),
            order: option(&mut check, "sort_order", self.sort_order, |text| order(&text)).unwrap_or_default(),
            page,
        };
        check.finish().map(|()| query)
    }
}
