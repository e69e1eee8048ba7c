//! How far files are, and their derivatives made anew.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::web::{Data, Path};
use actix_web::{Either, HttpRequest, HttpResponse, get, post};
use futures::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_content::error::WatchError;
use sharestack_content::model::{FileId, FormatName};
use sharestack_content::service::{FileProgress, Reprocess};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::{Auth, OptionalBody, Parse};
use crate::http::reply::{Envelope, Reply};
use crate::http::sse::{self, Event};
use crate::wiring::App;

/// How often it is looked whether something changed.
const LOOK: Duration = Duration::from_millis(300);
/// How many names of derivatives may be sent.
const MOST_FORMATS: usize = 20;

/// How far a file is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "file_id": "upload_123456789", "status": "processing", "progress": 75, "current_step": "generating_thumbnails",
    "steps": [
        { "name": "uploaded", "status": "completed" }, { "name": "exif_extraction", "status": "completed" },
        { "name": "generating_thumbnails", "status": "processing" }, { "name": "optimization", "status": "pending" }
    ],
    "estimated_time_remaining": 30
}))]
pub struct ProcessingStatus {
    file_id: String,
    /// `uploaded`, `processing`, `completed` or `failed`.
    status: &'static str,
    /// From 0 to 100.
    progress: u8,
    /// The step that runs, or that ended everything.
    current_step: Option<&'static str>,
    steps: Vec<StepStatus>,
    /// Seconds until it is ready, from how long the last files took.
    estimated_time_remaining: Option<u64>,
    /// Why nothing could be made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// How a step stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepStatus {
    /// `uploaded`, `exif_extraction`, `generating_thumbnails` or `optimization`.
    name: &'static str,
    /// `completed`, `processing`, `pending` or `failed`.
    status: &'static str,
}

impl From<FileProgress> for ProcessingStatus {
    fn from(progress: FileProgress) -> Self {
        let steps = progress.steps.iter();
        Self {
            file_id: progress.file_id.handle(),
            status: progress.status.as_str(),
            progress: progress.progress,
            current_step: progress.current_step.map(sharestack_content::model::Step::as_str),
            steps: steps.map(|(step, state)| StepStatus { name: step.as_str(), status: state.as_str() }).collect(),
            estimated_time_remaining: progress.estimated_time_remaining,
            failure: progress.failure,
        }
    }
}

/// Which derivatives are made anew.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "formats": ["thumb_small", "thumb_medium", "webp"], "force": true }))]
pub struct ReprocessFile {
    /// `thumb_small`, `thumb_medium`, `thumb_large`, `display`, `webp`; `jpg` is `display`. All when it is left out.
    /// A file that did not come through gets all that it has not, too.
    #[schema(min_items = 1, max_items = 20)]
    formats: Option<Vec<String>>,
    /// Those that are there, too; else of a file that is completed only what is missing.
    force: Option<bool>,
}

impl Parse for ReprocessFile {
    type Output = (Option<BTreeSet<FormatName>>, bool);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let mut formats = None;
        if let Some(names) = self.formats {
            if names.is_empty() {
                check.push("formats", Issue::TooShort { min: 1 });
            } else if names.len() > MOST_FORMATS {
                check.push("formats", Issue::TooLong { max: MOST_FORMATS });
            }
            let mut wanted = BTreeSet::new();
            for (index, name) in names.iter().take(MOST_FORMATS).enumerate() {
                match if name == "jpg" { Ok(FormatName::Display) } else { FormatName::parse(name) } {
                    Ok(format) => drop(wanted.insert(format)),
                    Err(issue) => check.push(format!("formats[{index}]"), issue),
                }
            }
            formats = Some(wanted);
        }
        check.finish().map(|()| (formats, self.force.unwrap_or(false)))
    }
}

fn file_id(handle: &str) -> Result<FileId, ApiError> {
    FileId::parse_handle(handle).ok_or_else(|| ApiError::not_found("file", handle))
}

/// How far a file is: once, or with `Accept: text/event-stream` as events.
///
/// Each change is an event `progress` with what the answer's `data` would be; the last one
/// is called `done`. `Last-Event-ID` goes on behind what was seen; who has seen the end gets
/// 204.
#[utoipa::path(
    tag = "Uploads",
    params(("file_id" = String, Path, description = "The file's handle", example = "upload_123456789")),
    responses(
        (status = 200, description = "How far it is", content(
            (Envelope<ProcessingStatus> = "application/json"),
            (String = "text/event-stream", example = "id: 1705342200000000\nevent: progress\ndata: {}\n\n"),
        )),
        (status = 204, description = "As events: the end was seen before"),
    ),
)]
#[get("/api/v1/upload/status/{file_id}")]
pub async fn read_upload_status(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    request: HttpRequest,
) -> Result<Either<Reply<ProcessingStatus>, HttpResponse>, ApiError> {
    let id = file_id(&path)?;
    let progress = app.processing.watching.progress(&auth.0, id).await?;
    if !sse::is_asked_for(&request) {
        return Ok(Either::Left(Reply::ok(progress.into())));
    }
    let seen = sse::last_seen(&request).and_then(|id| id.parse::<i64>().ok());
    if progress.is_over() && seen == Some(progress.version) {
        return Ok(Either::Right(sse::over()));
    }
    let events = changes(app.clone(), auth.0, id, seen);
    Ok(Either::Right(sse::send(app, events)))
}

/// How far a file is, each time that changes, until nothing more happens.
fn changes(app: Data<App>, actor: Actor, id: FileId, seen: Option<i64>) -> impl Stream<Item = Event> {
    stream::unfold(Some((app, actor, seen, false)), move |state| async move {
        let (app, actor, seen, mut waits) = state?;
        loop {
            if waits {
                tokio::time::sleep(LOOK).await;
            }
            waits = true;
            match app.processing.watching.progress(&actor, id).await {
                Ok(progress) if seen == Some(progress.version) && !progress.is_over() => {}
                Ok(progress) => {
                    let (version, over) = (progress.version, progress.is_over());
                    let name = if over { "done" } else { "progress" };
                    let data = json!(ProcessingStatus::from(progress));
                    let event = Event { id: version.to_string(), name, data };
                    return Some((event, (!over).then_some((app, actor, Some(version), true))));
                }
                // The database may be back soon; a file that was removed is not.
                Err(WatchError::Store(error)) if error.category() == Category::Unavailable => {}
                Err(_) => return None,
            }
        }
    })
}

/// Makes derivatives of a file anew. Those that are there are shown until then.
#[utoipa::path(
    tag = "Uploads",
    params(("file_id" = String, Path, description = "The file's handle", example = "upload_123456789")),
    request_body = Option<ReprocessFile>,
    responses(
        (status = 200, description = "Everything is there, and nothing is forced", body = Envelope<ProcessingStatus>),
        (status = 202, description = "They will be made", body = Envelope<ProcessingStatus>),
        (status = 409, description = "It waits or is worked on already"),
    ),
)]
#[post("/api/v1/upload/{file_id}/reprocess")]
pub async fn reprocess_upload(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    body: OptionalBody<ReprocessFile>,
) -> Result<Reply<ProcessingStatus>, ApiError> {
    let (formats, force) = body.0;
    let command = Reprocess { file_id: file_id(&path)?, formats, force };
    let done = app.processing.reprocessing.reprocess(&auth.0, command).await?;
    let status = done.progress.into();
    Ok(if done.started { Reply::accepted(status) } else { Reply::ok(status) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: serde_json::Value) -> Result<(Option<BTreeSet<FormatName>>, bool), FieldErrors> {
        serde_json::from_value::<ReprocessFile>(body).unwrap().parse()
    }

    #[test]
    fn the_documented_body_is_read() {
        let body = json!({ "formats": ["thumb_small", "jpg", "display", "webp"], "force": true });
        let (formats, force) = read(body).unwrap();
        assert!(force);
        assert_eq!(formats.unwrap(), [FormatName::ThumbSmall, FormatName::Display, FormatName::Webp].into());
        assert_eq!(read(json!({})).unwrap(), (None, false));
    }

    #[test]
    fn every_wrong_name_is_told() {
        let errors = read(json!({ "formats": ["webp", "original", "THUMB_SMALL"] })).unwrap_err();
        let found: Vec<_> = errors.iter().map(|one| (one.field.as_str(), one.issue.code())).collect();
        assert_eq!(found, [("formats[1]", "NOT_ALLOWED"), ("formats[2]", "NOT_ALLOWED")]);
        assert!(read(json!({ "formats": [] })).is_err() && read(json!({ "formats": vec!["webp"; 21] })).is_err());
    }
}
