//! What comes behind an answer that did not wait for the whole request.
//!
//! A body without a length whose reader is gone would be read to its end, and nobody would
//! look after its sender meanwhile: whoever stands still, or sends without end, would keep the
//! connection. It is closed behind the answer, as one is whose body has a length.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, rt};
use futures::Stream;
use tokio::time::sleep;

/// How long the rest of a body is kept at hand behind the answer: long enough for the
/// connection to see that somebody still holds it, and to close.
const FAREWELL: Duration = Duration::from_secs(1);

/// The layer.
pub async fn layer<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if !request.chunked().unwrap_or(false) {
        return next.call(request).await;
    }
    let body = Rc::new(RefCell::new(Body { rest: request.take_payload(), has_ended: false }));
    request.set_payload(Payload::Stream { payload: Box::pin(Shared(body.clone())) });
    let answer = next.call(request).await;
    if !body.borrow().has_ended {
        rt::spawn(async move {
            sleep(FAREWELL).await;
            drop(body);
        });
    }
    answer
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
