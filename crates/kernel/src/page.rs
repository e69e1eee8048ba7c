//! Pages of a list, by number or by cursor.

use serde::Serialize;

/// The longest page that a client may ask for.
pub const MAX_LIMIT: u32 = 100;
/// The length of a page when the client does not say.
pub const DEFAULT_LIMIT: u32 = 20;

/// Which page of a numbered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    page: u32,
    limit: u32,
}

impl PageRequest {
    /// Page `page` (from 1) of `limit` items; `None` when either is out of range.
    pub const fn try_new(page: u32, limit: u32) -> Option<Self> {
        if page == 0 || limit == 0 || limit > MAX_LIMIT {
            return None;
        }
        Some(Self { page, limit })
    }

    /// The page's number, from 1.
    pub const fn page(self) -> u32 {
        self.page
    }

    /// How many items a page has.
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// How many items stand before this page.
    pub const fn offset(self) -> u64 {
        (self.page as u64 - 1) * self.limit as u64
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { page: 1, limit: DEFAULT_LIMIT }
    }
}

/// One page, and how many items the whole list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The length of the whole list under the same filter and rights.
    pub total: u64,
    /// What was asked for.
    pub request: PageRequest,
}

impl<T> Page<T> {
    /// The same page with its items turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), total: self.total, request: self.request }
    }
}

/// The `pagination` block of S3 §1.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pagination {
    /// The page's number, from 1.
    pub page: u32,
    /// How many items a page has.
    pub limit: u32,
    /// How many items the list has.
    pub total: u64,
    /// How many pages the list has.
    pub total_pages: u64,
    /// Whether a page follows.
    pub has_next: bool,
    /// Whether a page stands before.
    pub has_prev: bool,
}

impl Pagination {
    /// The block for `request` in a list of `total` items.
    pub fn new(request: PageRequest, total: u64) -> Self {
        let total_pages = total.div_ceil(u64::from(request.limit));
        let page = u64::from(request.page);
        Self {
            page: request.page,
            limit: request.limit,
            total,
            total_pages,
            has_next: page < total_pages,
            has_prev: page > 1 && total > 0,
        }
    }

    /// The same of a list of which no more than the first `deepest` items can be read: pages
    /// that begin behind them are not promised.
    #[must_use]
    pub fn within(self, deepest: u64) -> Self {
        let total_pages = self.total_pages.min(deepest.div_ceil(u64::from(self.limit)));
        Self { total_pages, has_next: u64::from(self.page) < total_pages, ..self }
    }
}

/// A part of a keyset list: what follows a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// How many were asked for.
    pub limit: u32,
    /// Where the next slice begins; `None` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Slice<T> {
    /// The same slice with its items turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Slice<U> {
        Slice { items: self.items.into_iter().map(f).collect(), limit: self.limit, next_cursor: self.next_cursor }
    }
}

/// The `pagination` block of a keyset list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CursorPagination {
    /// How many items were asked for.
    pub limit: u32,
    /// Where the next slice begins.
    pub next_cursor: Option<String>,
    /// Whether one follows.
    pub has_next: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_photo_list() {
        let block = Pagination::new(PageRequest::default(), 150);
        assert_eq!((block.total_pages, block.has_next, block.has_prev), (8, true, false));
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(PageRequest::try_new(0, 20), None);
        assert_eq!(PageRequest::try_new(1, 0), None);
        assert_eq!(PageRequest::try_new(1, 101), None);
        assert_eq!(PageRequest::try_new(3, 100).map(PageRequest::offset), Some(200));
        assert_eq!(PageRequest::try_new(u32::MAX, 100).map(PageRequest::offset), Some(429_496_729_400));
    }

    #[test]
    fn no_page_is_promised_that_cannot_be_read() {
        let block = |page, limit, total| {
            let block = Pagination::new(PageRequest::try_new(page, limit).unwrap(), total).within(10_000);
            (block.total, block.total_pages, block.has_next, block.has_prev)
        };
        assert_eq!(block(500, 20, 102_812), (102_812, 500, false, true));
        assert_eq!(block(499, 20, 102_812), (102_812, 500, true, true));
        // The page of 30 that begins at 9,990 ends with the last that can be read.
        assert_eq!(block(333, 30, 20_000), (20_000, 334, true, true));
        assert_eq!(block(334, 30, 9_995), (9_995, 334, false, true));
        assert_eq!(block(333, 30, 9_990), (9_990, 333, false, true));
        assert_eq!(block(1, 20, 150), (150, 8, true, false));
    }

    #[test]
    fn a_page_behind_the_end_has_no_next() {
        let block = Pagination::new(PageRequest::try_new(9, 20).unwrap(), 150);
        assert_eq!((block.has_next, block.has_prev), (false, true));
    }
}
