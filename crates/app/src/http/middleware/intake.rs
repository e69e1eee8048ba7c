//! What comes before a body is read: who asks is settled, and the body gets a clock.
//!
//! Whoever shows a token of a session that has ended, or may not do what they ask for at all,
//! is told so, whatever they send along, and none of it is read. Whoever stands still in the
//! middle of a body is let go.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest};
use futures::Stream;
use tokio::time::{Instant, Sleep, sleep};

use crate::http::error::ApiError;
use crate::http::extract::actor;
use crate::http::routes::Answers;
use crate::wiring::App;

/// So many bytes buy their sender a second more: over time nobody may be slower.
const BYTES_A_SECOND: u64 = 1024;

/// The layer.
pub async fn layer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| ApiError::internal("request without app"))?;
    let pattern = request.match_pattern().unwrap_or_default();
    if let Some(Answers { permission, .. }) = app.routes.asks_who(request.method().as_str(), &pattern)
        && let Err(error) = admit(request.request(), permission.as_deref()).await
    {
        return Ok(request.error_response(error));
    }
    let Some(clock) = put_clock(&mut request, Duration::from_secs(app.config.server.body_timeout_seconds)) else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let answer = next.call(request).await;
    if !clock.borrow().ran_out {
        return answer.map(ServiceResponse::map_into_boxed_body);
    }
    match answer {
        Ok(answer) => Ok(answer.error_response(ApiError::too_slow())),
        Err(_) => Err(ApiError::too_slow().into()),
    }
}

/// Settles who asks, and that they may do such a thing at all.
async fn admit(request: &HttpRequest, permission: Option<&str>) -> Result<(), ApiError> {
    match (actor(request).await?, permission) {
        (Some(actor), Some(permission)) if !actor.may(permission) => {
            Err(ApiError::permission_denied(permission, &actor.role))
        }
        _ => Ok(()),
    }
}

/// Whether the sender of a request's body was let go: what its handler made of the rest is
/// no answer to keep.
pub fn ran_out(request: &HttpRequest) -> bool {
    request.extensions().get::<SharedClock>().is_some_and(|clock| clock.borrow().ran_out)
}

/// Puts a clock on a request's body, if it has one.
fn put_clock(request: &mut ServiceRequest, patience: Duration) -> Option<SharedClock> {
    let payload = request.parts_mut().1.take();
    if matches!(payload, Payload::None) {
        return None;
    }
    let clock = Rc::new(RefCell::new(Clock::new(payload, patience)));
    request.set_payload(Payload::Stream { payload: Box::pin(Clocked(clock.clone())) });
    request.extensions_mut().insert(clock.clone());
    Some(clock)
}

type SharedClock = Rc<RefCell<Clock>>;

/// A body, and how long its sender may still be waited for. Time in which nobody reads is
/// not theirs.
struct Clock {
    body: Payload,
    patience: Duration,
    left: Duration,
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
    ran_out: bool,
}

impl Clock {
    const fn new(body: Payload, patience: Duration) -> Self {
        Self { body, patience, left: patience, waits: None, ran_out: false }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.ran_out {
            return Poll::Ready(None);
        }
        if let Poll::Ready(piece) = Pin::new(&mut self.body).poll_next(cx) {
            if let Some((since, _)) = self.waits.take() {
                self.left = self.left.saturating_sub(since.elapsed());
            }
            if let Some(Ok(bytes)) = &piece {
                let earned = Duration::from_micros(bytes.len() as u64 * 1_000_000 / BYTES_A_SECOND);
                self.left = (self.left + earned).min(self.patience);
            }
            return Poll::Ready(piece);
        }
        let left = self.left;
        let (_, alarm) = self.waits.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(alarm.as_mut().poll(cx));
        self.ran_out = true;
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

/// What the request has in place of its body.
struct Clocked(SharedClock);

impl Stream for Clocked {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use futures::stream::{iter, pending, unfold};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(500);

    /// What came of a body of `pieces` that come so many milliseconds apart: how many bytes,
    /// and whether its sender was let go.
    async fn read(pieces: usize, size: usize, apart: u64) -> (usize, bool) {
        let body = Box::pin(unfold(0, move |sent| async move {
            sleep(Duration::from_millis(apart)).await;
            (sent < pieces).then(|| (Ok(Bytes::from(vec![b' '; size])), sent + 1))
        }));
        let clock = Rc::new(RefCell::new(Clock::new(Payload::Stream { payload: body }, PATIENCE)));
        let mut stream = Clocked(clock.clone());
        let mut bytes = 0;
        while let Some(Ok(piece)) = stream.next().await {
            bytes += piece.len();
        }
        let ran_out = clock.borrow().ran_out;
        (bytes, ran_out)
    }

    #[tokio::test]
    async fn who_stands_still_is_let_go_and_who_comes_on_is_not() {
        assert_eq!(read(3, 1, 1).await, (3, false));
        assert_eq!(read(1, 1, 60_000).await, (0, true));
        // A slow line is no sin, however long it takes.
        assert_eq!(read(60, 256, 20).await, (60 * 256, false));
        // A byte now and then buys nothing.
        let (bytes, ran_out) = read(10_000, 1, 20).await;
        assert!(ran_out && bytes <= 25, "{bytes}");
    }

    #[tokio::test]
    async fn who_was_quick_does_not_save_up_for_later() {
        let body = Box::pin(iter([Ok(Bytes::from(vec![b' '; 1 << 20]))]).chain(pending()));
        let mut clock = Clock::new(Payload::Stream { payload: body }, PATIENCE);
        let mut next = async || std::future::poll_fn(|cx| clock.poll_next(cx)).await;
        assert!(next().await.unwrap().is_ok());
        let rest = tokio::time::timeout(PATIENCE * 60, next()).await;
        assert!(rest.expect("its sender is let go").unwrap().is_err());
        assert!(next().await.is_none());
    }
}
