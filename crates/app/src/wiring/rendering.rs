//! Long texts are rendered beside the threads that answer requests.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_content::model::{Body, Text};
use sharestack_content::ports::{RenderError, Renderer};
use sharestack_kernel::error::StoreError;
use tokio::sync::Semaphore;

/// A text of at most so many bytes is rendered in place: that takes less than a
/// millisecond, and handing it over takes time too.
const SHORT: usize = 8 * 1024;

/// Renders on blocking threads, so many texts at once, so many waiting.
pub struct BoundedRenderer {
    rooms: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl BoundedRenderer {
    /// `threads` texts at once, and `queue` that wait for them.
    pub fn new(threads: usize, queue: usize) -> Self {
        Self { rooms: Arc::new(Semaphore::new(threads)), queue: Arc::new(Semaphore::new(threads + queue)) }
    }
}

#[async_trait]
impl Renderer for BoundedRenderer {
    async fn render(&self, body: Body) -> Result<Text, RenderError> {
        if body.source().len() <= SHORT {
            return Ok(Text::of(body)?);
        }
        let unavailable =
            || RenderError::Store(StoreError::Unavailable("too many long texts are being rendered".into()));
        let _place = self.queue.try_acquire().map_err(|_| unavailable())?;
        let room = self.rooms.clone().acquire_owned().await.map_err(|_| unavailable())?;
        // The thread goes on when the caller goes away: the room is free when it ends.
        let rendering = tokio::task::spawn_blocking(move || {
            let _room = room;
            Text::of(body)
        });
        Ok(rendering.await.map_err(|panic| StoreError::Internal(Box::new(panic)))??)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use sharestack_content::model::Format;

    use super::*;

    fn body(length: usize) -> Body {
        Body::unfinished(Format::Markdown, "**长文** [链接](https://example.com)\n\n".repeat(length / 48)).unwrap()
    }

    #[tokio::test]
    async fn a_short_and_a_long_text_come_out_as_the_model_renders_them() {
        let renderer = BoundedRenderer::new(1, 1);
        for length in [480, 48_000] {
            assert_eq!(renderer.render(body(length)).await.unwrap(), Text::of(body(length)).unwrap());
        }
        let deep = |length| Body::unfinished(Format::Markdown, ">".repeat(length)).unwrap();
        for length in [4_000, 20_000] {
            assert!(matches!(renderer.render(deep(length)).await, Err(RenderError::TooDeep(_))));
        }
    }

    /// One thread runs all tasks here: a text that it rendered itself would stop the clock.
    #[tokio::test(flavor = "current_thread")]
    async fn a_long_text_keeps_nobody_waiting() {
        let renderer = BoundedRenderer::new(1, 1);
        let long = body(900_000);
        let started = Instant::now();
        let rendering = renderer.render(long);
        tokio::pin!(rendering);
        let mut ticks = 0;
        loop {
            tokio::select! {
                biased;
                text = &mut rendering => break drop(text.unwrap()),
                () = tokio::time::sleep(Duration::from_millis(1)) => ticks += 1,
            }
        }
        assert!(ticks > 1, "the thread was busy for {:?}", started.elapsed());
    }

    #[tokio::test]
    async fn what_does_not_fit_the_queue_is_refused() {
        let renderer = BoundedRenderer::new(1, 1);
        let all = futures::future::join_all((0..5).map(|_| renderer.render(body(400_000)))).await;
        let refused = all.iter().filter(|one| matches!(one, Err(RenderError::Store(StoreError::Unavailable(_)))));
        assert_eq!(refused.count(), 3);
        assert!(renderer.render(body(400_000)).await.is_ok());
    }
}
