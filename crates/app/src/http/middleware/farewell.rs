//! What comes behind an answer that did not wait for the whole request.
//!
//! A body without a length whose reader is gone would be read to its end, and nobody would
//! look after its sender meanwhile: whoever stands still, or sends without end, would keep the
//! connection. While the answer holds what is left of the body, the connection is closed behind
//! it, as one is whose body has a length.
//!
//! A short body that no handler asked for is no reason to close: whether it came before the
//! answer was ready is chance. It is read before a good answer goes out.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, rt};
use futures::Stream;
use tokio::time::{sleep, timeout};

/// How long the rest of a body is kept at hand behind an answer that is written at once: the
/// connection looks for it right then.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many bytes a body may say that it has, to be read though nobody asked for it.
const SHORT: usize = 16 * 1024;

/// The layer.
pub async fn layer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_short = length(&request).is_some_and(|length| (1..=SHORT).contains(&length));
    if !is_short && !request.chunked().unwrap_or(false) {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let body = Rc::new(RefCell::new(Body { rest: request.take_payload(), has_ended: false }));
    request.set_payload(Payload::Stream { payload: Box::pin(Shared(body.clone())) });
    let answer = next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    if is_short {
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            drop(timeout(FAREWELL, read_out(&body)).await);
        }
        return answer;
    }
    if body.borrow().has_ended {
        return answer;
    }
    match answer {
        Ok(answer) if answer.response().body().size() != BodySize::None => {
            Ok(answer.map_body(|_, answer| BoxBody::new(Holding { answer, _body: body })))
        }
        // Nothing is streamed.
        short => {
            rt::spawn(async move {
                sleep(FAREWELL).await;
                drop(body);
            });
            short
        }
    }
}

fn length(request: &ServiceRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read_out(body: &RefCell<Body>) {
    while !body.borrow().has_ended {
        drop(poll_fn(|cx| body.borrow_mut().poll_next(cx)).await);
    }
}

struct Body {
    rest: Payload,
    has_ended: bool,
}

impl Body {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let piece = ready!(Pin::new(&mut self.rest).poll_next(cx));
        self.has_ended |= !matches!(piece, Some(Ok(_)));
        Poll::Ready(piece)
    }
}

/// What the request has in place of its body.
struct Shared(Rc<RefCell<Body>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next(cx)
    }
}

/// An answer that keeps what is left of a request until it is written.
struct Holding {
    answer: BoxBody,
    _body: Rc<RefCell<Body>>,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.answer.as_pin_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use actix_web::dev::Service;
    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, HttpResponse, web};
    use futures::channel::mpsc;
    use futures::poll;

    use super::*;

    type Pieces = mpsc::UnboundedSender<Result<Bytes, PayloadError>>;

    /// A request to a handler that reads nothing and answers with this status, and its body.
    fn request(length: usize) -> (actix_http::Request, Pieces) {
        let (pieces, body) = mpsc::unbounded();
        let request = TestRequest::post().insert_header((header::CONTENT_LENGTH, length)).to_request();
        (
            request.replace_payload(Payload::<actix_http::BoxedPayloadStream>::Stream { payload: Box::pin(body) }).0,
            pieces,
        )
    }

    async fn answers(
        status: StatusCode,
        length: usize,
        test: impl AsyncFnOnce(Pin<&mut dyn Future<Output = StatusCode>>, Pieces),
    ) {
        let answer = move || async move { HttpResponse::build(status).finish() };
        let app = init_service(App::new().wrap(from_fn(layer)).default_service(web::to(answer))).await;
        let (request, pieces) = request(length);
        let mut call = std::pin::pin!(async { app.call(request).await.unwrap().status() });
        test(call.as_mut(), pieces).await;
    }

    #[actix_web::test]
    async fn a_short_body_that_nobody_reads_comes_before_the_answer() {
        answers(StatusCode::OK, 4, async |mut call, pieces| {
            assert!(poll!(&mut call).is_pending());
            pieces.unbounded_send(Ok(Bytes::from_static(b"null"))).unwrap();
            assert!(poll!(&mut call).is_pending(), "it has not ended");
            drop(pieces);
            assert_eq!(poll!(&mut call), Poll::Ready(StatusCode::OK));
        })
        .await;
    }

    #[actix_web::test]
    async fn who_keeps_a_body_back_gets_an_answer_all_the_same() {
        answers(StatusCode::OK, 4, async |call, pieces| {
            let started = Instant::now();
            assert_eq!(call.await, StatusCode::OK);
            assert!(started.elapsed() >= FAREWELL);
            drop(pieces);
        })
        .await;
    }

    #[actix_web::test]
    async fn a_refusal_and_a_long_body_wait_for_nothing() {
        for (status, length) in [(StatusCode::UNAUTHORIZED, 4), (StatusCode::OK, SHORT + 1)] {
            answers(status, length, async |mut call, _pieces| assert_eq!(poll!(&mut call), Poll::Ready(status))).await;
        }
    }
}
