//! Answers in the envelope.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::body::BoxBody;
use actix_web::http::header::{self, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde_json::{Map, Value};
use sharestack_kernel::page::{CursorPagination, Page, PageRequest, Pagination, Slice};
use utoipa::ToSchema;

use super::context::{self, RequestContext, timestamp};
use super::messages::Message;

/// What a handler answers: data in the envelope of S3 §1.3.
#[derive(Debug)]
pub struct Reply<T> {
    status: StatusCode,
    message: Message,
    data: T,
    pagination: Option<Paging>,
    etag: Option<String>,
    location: Option<String>,
    beside: Map<String, Value>,
}

/// The envelope, as it is written, and as the document shows that of a single thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    pub success: bool,
    /// The HTTP status.
    #[schema(example = 200)]
    pub code: u16,
    #[schema(example = "Success")]
    pub message: String,
    pub data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub pagination: Option<Paging>,
    /// What a few answers have beside their data.
    #[serde(flatten)]
    #[schema(ignore)]
    pub beside: Map<String, Value>,
    pub meta: Meta,
}

/// Where in its list a part stands.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Paging {
    Numbered(Pagination),
    Keyset(CursorPagination),
}

/// Makes the document's view of the envelope of a list.
macro_rules! listing {
    ($(#[$about:meta])* $name:ident, $pagination:ty) => {
        $(#[$about])*
        #[derive(Debug, ToSchema)]
        #[expect(dead_code, reason = "the document's view of the envelope")]
        pub struct $name<T> {
            success: bool,
            /// The HTTP status.
            #[schema(example = 200)]
            code: u16,
            #[schema(example = "Success")]
            message: String,
            data: T,
            pagination: $pagination,
            meta: Meta,
        }
    };
}

listing! {
    /// The envelope of one page of a list, as the document shows it.
    Paged, PaginationSchema
}
listing! {
    /// The envelope of a slice of a keyset list, as the document shows it.
    Sliced, CursorPaginationSchema
}

/// The slice that was asked for.
#[derive(Debug, ToSchema)]
#[schema(as = CursorPagination, example = json!({ "limit": 20, "next_cursor": "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10", "has_next": true }))]
#[expect(dead_code, reason = "the document's view of the kernel's type")]
pub struct CursorPaginationSchema {
    limit: u32,
    next_cursor: Option<String>,
    has_next: bool,
}

/// When and by which request an answer was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "timestamp": "2026-01-15T10:30:00Z", "request_id": "req_01KF0X5W3Z8N6T2QG4V7B9C1DE" }))]
pub struct Meta {
    pub timestamp: String,
    pub request_id: String,
}

/// The page that was asked for, and the list it is of.
#[derive(Debug, ToSchema)]
#[schema(as = Pagination, example = json!({ "page": 1, "limit": 20, "total": 150, "total_pages": 8, "has_next": true, "has_prev": false }))]
#[expect(dead_code, reason = "the document's view of the kernel's type")]
pub struct PaginationSchema {
    page: u32,
    limit: u32,
    total: u64,
    total_pages: u64,
    has_next: bool,
    has_prev: bool,
}

impl<T> Reply<T> {
    fn new(status: StatusCode, message: Message, data: T) -> Self {
        Self { status, message, data, pagination: None, etag: None, location: None, beside: Map::new() }
    }

    /// 200.
    pub fn ok(data: T) -> Self {
        Self::new(StatusCode::OK, Message::SUCCESS, data)
    }

    /// 201.
    pub fn created(data: T) -> Self {
        Self::new(StatusCode::CREATED, Message::CREATED, data)
    }

    /// 202.
    pub fn accepted(data: T) -> Self {
        Self::new(StatusCode::ACCEPTED, Message::ACCEPTED, data)
    }

    /// Another message than the usual one.
    pub fn message(mut self, en: &'static str, zh: &'static str) -> Self {
        self.message = Message { en, zh };
        self
    }

    /// The page that a list inside the data is.
    pub fn paged(mut self, request: PageRequest, total: u64) -> Self {
        self.pagination = Some(Paging::Numbered(Pagination::new(request, total)));
        self
    }

    /// The same of a list of which no more than the first `deepest` items can be read.
    pub fn paged_within(mut self, request: PageRequest, total: u64, deepest: u64) -> Self {
        self.pagination = Some(Paging::Numbered(Pagination::new(request, total).within(deepest)));
        self
    }

    /// Where in its list the data stand.
    #[cfg(test)]
    pub fn pagination(&self) -> Option<&Paging> {
        self.pagination.as_ref()
    }

    /// Something beside the data, under a name of its own.
    pub fn beside(mut self, name: &str, value: &impl Serialize) -> Self {
        self.beside.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Where the thing is.
    pub fn location(mut self, path: String) -> Self {
        self.location = Some(path);
        self
    }

    /// The version of a single resource, without quotes. A request that knows it gets 304.
    pub fn etag(mut self, tag: String) -> Self {
        self.etag = Some(tag);
        self
    }
}

impl<T> Reply<Vec<T>> {
    /// One page of a list.
    pub fn page(page: Page<T>) -> Self {
        let pagination = Pagination::new(page.request, page.total);
        Self { pagination: Some(Paging::Numbered(pagination)), ..Self::ok(page.items) }
    }

    /// A slice of a keyset list.
    pub fn slice(slice: Slice<T>) -> Self {
        let has_next = slice.next_cursor.is_some();
        let pagination = CursorPagination { limit: slice.limit, next_cursor: slice.next_cursor, has_next };
        Self { pagination: Some(Paging::Keyset(pagination)), ..Self::ok(slice.items) }
    }
}

/// What an answer says that holds a secret: it is for who asked alone.
pub const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// 204.
pub fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

impl<T: Serialize> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let context = match context::of(request) {
            Ok(context) => context,
            Err(error) => return HttpResponse::from_error(error),
        };
        // What was changed is answered, whatever the caller knew before.
        if let Some(tag) = &self.etag
            && request.method() == Method::GET
            && knows(request, tag)
        {
            return HttpResponse::NotModified().insert_header((header::ETAG, quoted(tag))).finish();
        }
        self.write(&context)
    }
}

impl<T: Serialize> Reply<T> {
    /// With a tag of its data, which have no version.
    pub fn tagged(self) -> Self {
        let tag = hashed(&self.data);
        self.etag(tag)
    }

    /// With the tag of a single thing: its version, and what else its answer depends on.
    pub fn versioned(self, version: i64) -> Self {
        let tag = version_tag(version, &self.data);
        self.etag(tag)
    }

    fn write(self, context: &RequestContext) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(tag) = &self.etag {
            response.insert_header((header::ETAG, quoted(tag)));
        }
        if let Some(location) = self.location.as_deref().and_then(|path| HeaderValue::from_str(path).ok()) {
            response.insert_header((header::LOCATION, location));
        }
        response.json(Envelope {
            success: true,
            code: self.status.as_u16(),
            message: self.message.text(context.language).to_owned(),
            data: self.data,
            pagination: self.pagination,
            beside: self.beside,
            meta: Meta { timestamp: timestamp(context.received_at), request_id: context.request_id.clone() },
        })
    }
}

/// The tag of a single thing: its version, and what else its answer depends on.
pub fn version_tag(version: i64, answer: &impl Serialize) -> String {
    format!("v{version}-{}", hashed(answer))
}

/// The same for the same answer, and most likely for no other.
fn hashed(answer: &impl Serialize) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_vec(answer).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Weak, because compression changes the bytes but not what they mean.
fn quoted(tag: &str) -> EntityTag {
    EntityTag::new_weak(tag.to_owned())
}

/// Whether `If-None-Match` names the tag.
fn knows(request: &HttpRequest, tag: &str) -> bool {
    if request.headers().get(header::IF_NONE_MATCH).is_none() {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(items)) => items.iter().any(|item| item.weak_eq(&quoted(tag))),
        Err(_) => false,
    }
}
