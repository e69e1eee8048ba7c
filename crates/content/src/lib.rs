//! Articles: written, saved as drafts, scheduled, published, read through a gate.
//!
//! - [`service::Authoring`] creates, edits, autosaves and deletes;
//! - [`service::Publishing`] publishes, schedules and takes back; its
//!   [`service::ScheduledPublish`] is the job that a schedule leaves behind;
//! - [`service::Reading`] reads one article or a list, and decides through the
//!   [`ports::Entitlements`] port how much of it the reader sees;
//! - [`service::Searching`] finds public articles by their words and
//!   [`service::SearchingPhotos`] photos; a [`service::Follower`] keeps a node's index of
//!   either up to date;
//! - [`service::ViewBuffer`] counts readers and writes the counts now and then.
//!
//! All of them take [`service::Ports`]: a store that can begin a [`ports::ContentTx`],
//! the queries, the gate, a clock and ids. Text is rendered and sanitised once, when it
//! is written ([`model::Rendered`]).
//!
//! ```
//! use sharestack_content::model::{Body, Format, Rendered, Slug, Title};
//!
//! let title = Title::parse("如何投资指数基金".to_owned()).unwrap();
//! assert_eq!(Slug::derived_from(&title).as_str(), "如何投资指数基金");
//!
//! let body = Body::parse(Format::Markdown, "**你好**<script>alert(1)</script>".to_owned()).unwrap();
//! assert_eq!(Rendered::of(&body).unwrap().html().trim(), "<p><strong>你好</strong></p>");
//! ```
#![warn(missing_docs)]

pub mod error;
pub mod events;
#[cfg(any(test, feature = "mocks"))]
pub mod memory;
pub mod model;
pub mod ports;
pub mod service;
