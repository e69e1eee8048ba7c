//! What comes behind an answer that did not wait for the whole request.
//!
//! A body without a length whose reader is gone would be read to its end, and nobody would
//! look after its sender meanwhile: whoever stands still, or sends without end, would keep the
//! connection. While the answer holds what is left of the body, the connection is closed behind
//! it, as one is whose body has a length.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, rt};
use futures::Stream;
use tokio::time::sleep;

/// How long the rest of a body is kept at hand behind an answer that is written at once: the
/// connection looks for it right then.
const FAREWELL: Duration = Duration::from_secs(1);

/// The layer.
pub async fn layer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.chunked().unwrap_or(false) {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let body = Rc::new(RefCell::new(Body { rest: request.take_payload(), has_ended: false }));
    request.set_payload(Payload::Stream { payload: Box::pin(Shared(body.clone())) });
    let answer = next.call(request).await.map(ServiceResponse::map_into_boxed_body);
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

struct Body {
    rest: Payload,
    has_ended: bool,
}

/// What the request has in place of its body.
struct Shared(Rc<RefCell<Body>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        let piece = ready!(Pin::new(&mut body.rest).poll_next(cx));
        body.has_ended |= !matches!(piece, Some(Ok(_)));
        Poll::Ready(piece)
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
