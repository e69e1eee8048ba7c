//! Bodies of requests on their way to where they are kept, piece by piece.

use std::pin::pin;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::{SinkExt, Stream, StreamExt};
use sharestack_kernel::blob::{BlobError, BlobStream};

/// Gives a body, which belongs to this thread, to `work` as a stream that any thread may
/// read. What `work` does not read is not read.
pub async fn feed<S, E, T, F>(body: S, work: impl FnOnce(BlobStream) -> F) -> T
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    F: Future<Output = T>,
{
    let (send, receive) = mpsc::channel(0);
    let work = pin!(work(receive.boxed()));
    let pump = pin!(pump(body, send));
    match select(work, pump).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), work)) => work.await,
    }
}

async fn pump<S, E>(mut body: S, mut send: mpsc::Sender<Result<Bytes, BlobError>>)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    while let Some(piece) = body.next().await {
        let broken = piece.is_err();
        let piece = piece.map_err(|_| BlobError::Content("the body ended early".into()));
        if send.send(piece).await.is_err() || broken {
            return;
        }
    }
}
