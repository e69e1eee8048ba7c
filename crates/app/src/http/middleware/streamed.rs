//! Bodies of any size in requests with an `Idempotency-Key`: what can be known of them before
//! they are read, and how they came to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;
use futures::stream::{self, StreamExt};

use crate::http::error::ApiError;

/// So much of a body is looked at: the names of its files, and their first bytes.
const HEAD: usize = 8 * 1024;
/// The headers that tell of a body, or are the request where it has none.
const TELLING: [&str; 9] = [
    "content-length",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    "upload-length",
    "upload-metadata",
    "upload-checksum",
    "upload-offset",
];

/// A body that passes on to its handler.
#[derive(Clone)]
pub struct Passing(Arc<State>);

struct State {
    /// Bytes that are still to come, when the sender said how many there are.
    left: AtomicU64,
    moved: AtomicBool,
    ended: AtomicBool,
    cut: AtomicBool,
}

impl Passing {
    fn of(length: Option<u64>) -> Self {
        Self(Arc::new(State {
            left: AtomicU64::new(length.unwrap_or(u64::MAX)),
            moved: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        }))
    }

    fn note(&self, piece: Option<&Result<Bytes, PayloadError>>) {
        let Self(state) = self;
        match piece {
            Some(Ok(bytes)) => {
                let left = state.left.load(Ordering::Relaxed).saturating_sub(bytes.len() as u64);
                state.left.store(left, Ordering::Relaxed);
                state.moved.store(true, Ordering::Relaxed);
                state.ended.fetch_or(left == 0, Ordering::Relaxed);
            }
            Some(Err(_)) => state.cut.store(true, Ordering::Relaxed),
            None => state.ended.store(true, Ordering::Relaxed),
        }
    }

    /// Whether it broke off.
    pub fn was_cut(&self) -> bool {
        self.0.cut.load(Ordering::Relaxed)
    }

    /// Whether the request lives: more came since this was asked last, or all is there.
    pub fn is_alive(&self) -> bool {
        self.0.moved.swap(false, Ordering::Relaxed) || self.0.ended.load(Ordering::Relaxed)
    }
}

/// What can be known of a request's body before it is read, and the body on its way: it is
/// put back whole.
///
/// # Errors
/// When it breaks off at once.
pub async fn open(request: &mut ServiceRequest) -> Result<(Vec<u8>, Passing), ApiError> {
    let mut payload = request.take_payload();
    let (mut pieces, mut size) = (Vec::new(), 0);
    while size < HEAD {
        let Some(piece) = payload.next().await else { break };
        let piece = piece.map_err(|_| ApiError::unprocessable("", "the body ended early"))?;
        size += piece.len();
        pieces.push(piece);
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let passing = Passing::of(length);
    let known = known(request, pieces.concat());
    let rest = stream::iter(pieces.into_iter().map(Ok)).chain(payload).boxed_local();
    let watched = stream::unfold((rest, passing.clone()), |(mut rest, passing)| async move {
        let piece = rest.next().await;
        passing.note(piece.as_ref());
        piece.map(|piece| (piece, (rest, passing)))
    });
    // Handlers may ask once more behind the end.
    let watched = watched.fuse();
    request.set_payload(Payload::Stream { payload: Box::pin(watched) });
    Ok((known, passing))
}

fn known(request: &ServiceRequest, mut head: Vec<u8>) -> Vec<u8> {
    let mut known = request.content_type().as_bytes().to_vec();
    for name in TELLING {
        tell(&mut known, request.headers(), name);
    }
    let cut = head.len() >= HEAD;
    head.truncate(HEAD);
    if let Some(boundary) = boundary(request) {
        // Half of one may stand at the end, where no whole one begins any more.
        let end = if cut { HEAD.saturating_sub(boundary.len()) } else { HEAD };
        head = without(&head, boundary.as_bytes(), end);
    }
    known.extend(head);
    known
}

fn tell(known: &mut Vec<u8>, headers: &HeaderMap, name: &str) {
    for value in headers.get_all(name) {
        known.extend([&b"\n"[..], name.as_bytes(), b": ", value.as_bytes()].concat());
    }
    known.push(b'\n');
}

/// What stands between the parts of a form: who sends it again may draw another.
fn boundary(request: &ServiceRequest) -> Option<String> {
    let kind = request.mime_type().ok()??;
    kind.get_param("boundary").map(|boundary| boundary.as_str().to_owned()).filter(|boundary| !boundary.is_empty())
}

/// What begins before `end`, less each place of `what`.
fn without(bytes: &[u8], what: &[u8], end: usize) -> Vec<u8> {
    let mut left = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len().min(end) {
        if bytes[at..].starts_with(what) {
            at += what.len();
        } else {
            left.push(bytes[at]);
            at += 1;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures::executor::block_on;

    use super::*;

    fn form(boundary: &str, name: &str, content: &[u8]) -> ServiceRequest {
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        let body = [head.as_bytes(), content, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
        TestRequest::post()
            .insert_header(("content-type", format!("multipart/form-data; boundary={boundary}")))
            .insert_header(("content-length", body.len()))
            .set_payload(body)
            .to_srv_request()
    }

    fn known_of(mut request: ServiceRequest) -> Vec<u8> {
        block_on(open(&mut request)).unwrap().0
    }

    #[test]
    fn what_is_sent_again_is_known_again() {
        // Near the end of what is looked at, and far beyond it.
        for size in (HEAD - 200..HEAD + 20).chain([0, 10, 100_000]) {
            let content = vec![b'x'; size];
            let first = known_of(form("xxAxx", "a.jpg", &content));
            assert!(first == known_of(form("xxBxx", "a.jpg", &content)), "{size}");
            assert!(first != known_of(form("xxAxx", "b.jpg", &content)), "{size}");
            let other = [b"y", &content[1.min(size)..]].concat();
            assert!(first != known_of(form("xxAxx", "a.jpg", &other)), "{size}");
        }
        let long = |end: u8| known_of(form("x", "a.jpg", &[vec![b'x'; 50_000], vec![end]].concat()));
        assert!(long(b'a') == long(b'b'), "what lies further behind is not known");
    }

    #[test]
    fn headers_tell_where_there_is_no_body() {
        let of = |length: &str, name: &str| {
            let request = TestRequest::post().insert_header(("upload-length", length));
            known_of(request.insert_header(("upload-metadata", name)).to_srv_request())
        };
        assert_eq!(of("5", "filename YQ=="), of("5", "filename YQ=="));
        assert_ne!(of("5", "filename YQ=="), of("6", "filename YQ=="));
        assert_ne!(of("5", "filename YQ=="), of("5", "filename Yg=="));
    }

    #[test]
    fn a_body_passes_whole_and_tells_how_it_ended() {
        block_on(async {
            let content = vec![7; 3 * HEAD];
            let mut request = form("xxAxx", "a.jpg", &content);
            let (_, passing) = open(&mut request).await.unwrap();
            assert!(passing.is_alive() && !passing.is_alive(), "it must move");
            let pieces: Vec<_> = request.take_payload().collect().await;
            assert!(pieces.iter().map(|piece| piece.as_ref().unwrap().len()).sum::<usize>() > content.len());
            assert!(passing.is_alive() && passing.is_alive(), "all is there, and the rest takes its time");
            assert!(!passing.was_cut());

            let mut request = form("xxAxx", "a.jpg", &content);
            let broken = stream::iter([Ok(Bytes::from(content)), Err(PayloadError::Incomplete(None))]);
            request.set_payload(Payload::Stream { payload: Box::pin(broken) });
            let (_, passing) = open(&mut request).await.unwrap();
            let pieces: Vec<_> = request.take_payload().take(2).collect().await;
            assert!(pieces[1].is_err() && passing.was_cut());
            let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(PayloadError::Incomplete(None))]);
            request.set_payload(Payload::Stream { payload: Box::pin(broken) });
            assert!(open(&mut request).await.is_err());
        });
    }
}
