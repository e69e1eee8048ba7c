//! Server-sent events: one answer that goes on until what it tells of is over, its client
//! goes away, or the server stops.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header::{self, Accept, Header, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures::stream::{self, Stream, StreamExt};
use serde_json::Value;

use crate::http::context::asks_headers;
use crate::wiring::App;

/// What the type of such answers is.
pub const EVENT_STREAM: &str = "text/event-stream";
/// How long a client waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 2000;
/// How often it is looked whether the server stops.
const TICK: Duration = Duration::from_millis(250);
/// After so many ticks without an event something is sent, so that nobody between takes the
/// connection for dead.
const BEAT: u32 = 60;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What a client that lost its connection says it has seen.
    pub id: String,
    /// What listeners listen for.
    pub name: &'static str,
    /// What happened.
    pub data: Value,
}

impl Event {
    /// As it is sent. JSON has no line breaks of its own.
    fn bytes(&self) -> Bytes {
        Bytes::from(format!("id: {}\nevent: {}\ndata: {}\n\n", self.id, self.name, self.data))
    }
}

/// Whether a request asks for events rather than for one answer. The headers of events are told
/// by who listens alone.
pub fn is_asked_for(request: &HttpRequest) -> bool {
    !asks_headers(request)
        && Accept::parse(request).is_ok_and(|accept| accept.ranked().first().is_some_and(|best| *best == EVENT_STREAM))
}

/// The last event that a client has seen.
pub fn last_seen(request: &HttpRequest) -> Option<&str> {
    request.headers().get("last-event-id")?.to_str().ok()
}

/// What is answered to one that has seen the end: it shall not connect again.
pub fn over() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

struct Sending {
    app: Data<App>,
    events: Pin<Box<dyn Stream<Item = Event>>>,
    quiet: u32,
}

/// Sends events as they come.
pub fn send(app: Data<App>, events: impl Stream<Item = Event> + 'static) -> HttpResponse {
    let greeting = Bytes::from(format!("retry: {RETRY_MS}\n\n"));
    let sending = Sending { app, events: Box::pin(events), quiet: 0 };
    let body = stream::iter([greeting]).chain(stream::unfold(sending, next)).map(Ok::<_, Infallible>);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, EVENT_STREAM))
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        // What is compressed waits until there is enough of it.
        .insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("identity")))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body)
}

async fn next(mut sending: Sending) -> Option<(Bytes, Sending)> {
    loop {
        tokio::select! {
            biased;
            event = sending.events.next() => {
                sending.quiet = 0;
                return event.map(|event| (event.bytes(), sending));
            }
            () = tokio::time::sleep(TICK) => {
                if sending.app.health.is_stopping() {
                    return None;
                }
                sending.quiet += 1;
                if sending.quiet >= BEAT {
                    sending.quiet = 0;
                    return Some((Bytes::from_static(b": still here\n\n"), sending));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_three_lines_and_an_empty_one() {
        let event = Event { id: "7".to_owned(), name: "progress", data: json!({ "text": "a\nb" }) };
        assert_eq!(event.bytes(), "id: 7\nevent: progress\ndata: {\"text\":\"a\\nb\"}\n\n");
    }

    #[test]
    fn who_asks_for_events_says_so() {
        let asks =
            |accept: &str| is_asked_for(&TestRequest::default().insert_header(("accept", accept)).to_http_request());
        assert!(asks("text/event-stream") && asks("text/event-stream, application/json;q=0.5"));
        assert!(!asks("application/json") && !asks("*/*") && !asks("application/json, text/event-stream;q=0.5"));
        assert!(!is_asked_for(&TestRequest::default().to_http_request()));
    }
}
