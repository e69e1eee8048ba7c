use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::memory::{MemoryCache, MemoryContent};

#[tokio::test]
async fn a_viewer_counts_once_in_the_window() {
    let content = MemoryContent::default();
    content.put_article(&crate::memory::article(1));
    let views = ViewBuffer::new(Arc::new(content.clone()), Arc::new(MemoryCache::default()));
    for viewer in ["u1", "u1", "u2", "aX"] {
        views.record(ArticleId::new(1), viewer.to_owned());
    }
    assert_eq!(views.flush().await.unwrap(), 3);
    views.record(ArticleId::new(1), "u1".to_owned());
    assert_eq!(views.flush().await.unwrap(), 0);
    assert_eq!(content.views(ArticleId::new(1)), 3);
}

#[tokio::test]
async fn a_failed_write_is_made_up_for() {
    struct Flaky(MemoryContent, AtomicBool);

    #[async_trait::async_trait]
    impl Begin<dyn ContentTx> for Flaky {
        #[expect(clippy::disallowed_methods, reason = "hands the runner's call on")]
        async fn begin(&self) -> Result<Box<dyn ContentTx>, StoreError> {
            if self.1.swap(true, Ordering::Relaxed) {
                return self.0.begin().await;
            }
            Err(StoreError::Unavailable("away".into()))
        }
    }

    let content = MemoryContent::default();
    content.put_article(&crate::memory::article(1));
    let store = Arc::new(Flaky(content.clone(), AtomicBool::new(false)));
    let views = ViewBuffer::new(store, Arc::new(MemoryCache::default()));
    views.record(ArticleId::new(1), "u1".to_owned());
    assert!(views.flush().await.is_err());
    views.record(ArticleId::new(1), "u2".to_owned());
    assert_eq!(views.flush().await.unwrap(), 2);
    assert_eq!(content.views(ArticleId::new(1)), 2);
}
