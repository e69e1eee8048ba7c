//! The HTTP side: one function an endpoint, under `http/<domain>/<resource>.rs`.
//!
//! To add a route: write the handler with its extractors ([`extract`]), its
//! `#[utoipa::path]` and its request type with [`extract::Parse`], answer with
//! [`reply::Reply`], and list it in the domain's `register`. Who may call it, what it
//! takes and what it refuses are then in the document and checked by the tests.

pub mod background;
pub mod context;
pub mod docs;
mod docs_errors;
mod docs_headers;
pub mod error;
pub mod extract;
pub mod files;
pub mod language;
pub mod limits;
pub mod messages;
pub mod middleware;
mod password_reasons;
pub mod registry;
pub mod reply;
pub mod routes;
pub mod social;
pub mod sse;
pub mod streaming;
pub mod wire;

pub mod billing;
pub mod content;
pub mod platform;
pub mod portfolio;
pub mod search;
pub mod system;
pub mod users;
