//! A stream that is kept piece by piece, each before the next is read.

use std::sync::Arc;

use bytes::Bytes;
use futures::lock::Mutex;
use futures::stream::{self, StreamExt};
use sharestack_kernel::blob::BlobStream;

use super::checksum::{Check, Checksum};

/// What is left of a stream; clones read the same.
#[derive(Clone)]
pub(super) struct Source(Arc<Mutex<State>>);

struct State {
    content: BlobStream,
    next: Bytes,
    ended: bool,
    broken: bool,
    check: Option<Check>,
}

impl Source {
    pub fn of(content: BlobStream, checksum: Option<Checksum>) -> Self {
        let check = checksum.map(Check::of);
        Self(Arc::new(Mutex::new(State { content, next: Bytes::new(), ended: false, broken: false, check })))
    }

    /// Whether there is more; waits for it.
    pub async fn has_more(&self) -> bool {
        self.0.lock().await.fill().await
    }

    /// The next up to `most` bytes. That the stream breaks is an end, too: what came is kept.
    pub fn piece(&self, most: u64) -> BlobStream {
        let next = |(source, left): (Self, u64)| async move {
            let mut state = source.0.lock().await;
            if left == 0 || !state.fill().await {
                return None;
            }
            let length = state.next.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let bytes = state.next.split_to(length);
            if let Some(check) = &mut state.check {
                check.feed(&bytes);
            }
            drop(state);
            Some((Ok(bytes), (source, left - length as u64)))
        };
        stream::unfold((self.clone(), most), next).boxed()
    }

    /// Whether it came to its end, not only to a stop.
    pub async fn is_complete(&self) -> bool {
        let state = self.0.lock().await;
        state.ended && !state.broken
    }

    /// Whether what passed has the checksum that it must have.
    pub async fn holds(&self) -> bool {
        self.0.lock().await.check.take().is_none_or(Check::holds)
    }
}

impl State {
    async fn fill(&mut self) -> bool {
        while self.next.is_empty() && !self.ended {
            match self.content.next().await {
                Some(Ok(bytes)) => self.next = bytes,
                Some(Err(_)) => (self.ended, self.broken) = (true, true),
                None => self.ended = true,
            }
        }
        !self.next.is_empty()
    }
}
