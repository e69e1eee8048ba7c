//! Types that cannot hold a wrong value.

mod agent;
mod article;
mod body;
mod count;
mod draft;
mod file;
mod id;
mod notes;
mod outline;
mod photo;
mod processing;
mod rendered;
mod slug;
mod tag;
mod taxonomy;
mod text;
mod upload;
mod visible;

pub use agent::is_bot;
pub use article::{AccessLevel, Article, Status, WrongState};
pub use body::{Body, Format, MAX_CONTENT};
pub use count::{CountKey, deltas};
pub use draft::Draft;
pub use file::{FileName, FileStatus, MediaType, Processing, SNIFFED, Sha256, UploadedFile};
pub use id::{
    ArticleId, ArticleKey, CategoryId, FileId, Key, MAX_CATEGORIES, MAX_TAGS, PhotoId, PhotoKey, PlanId, TagId,
    plan_ids, tag_names, wanted_tags,
};
pub use notes::CameraNotes;
pub use outline::plain_text;
pub use photo::{
    Bounds, Caption, Coordinate, Derivative, Exif, FormatName, Formats, MAX_METADATA, Metadata, Photo, PhotoCount,
    PhotoStatus, Picture, Place, Position, Said, ShareLink, ShareLinkId, ShareTarget, Taken, Visibility, photo_deltas,
};
pub use processing::{Pace, Step, StepState, Steps};
pub use rendered::{EXCERPT_CHARS, PREVIEW_CHARS, Rendered, Text, TooDeep, teaser_anew};
pub use slug::{RESERVED_SLUGS, Slug};
pub use tag::{Tag, TagName, WantedTag};
pub use taxonomy::{
    Category, CategoryName, CategoryOutline, Colour, Confidence, Day, EventDate, EventKind, EventTitle, Found, Icon,
    Kind, Label, ListingFacts, MAX_LEVEL, Note, Period, Shelves, SortKeys, Source, Spelling, TagGroup, Tagging,
    TimelineEvent, TimelineEventId, TreePath, Uses, romanised,
};
pub use text::{CoverUrl, Price, SeoDescription, SeoTitle, Summary, Title};
pub use upload::{Part, Upload, UploadKind, UploadLimits, UploadState};
pub(crate) use visible::without_unseen;
