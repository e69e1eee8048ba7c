use std::sync::atomic::{AtomicBool, Ordering};

use sharestack_kernel::cache::CacheError;

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

#[tokio::test]
async fn who_was_counted_is_remembered_for_the_window() {
    /// Notes for how long each key is kept.
    #[derive(Default)]
    struct Noting(Mutex<Vec<(String, Duration)>>);

    #[async_trait::async_trait]
    impl Cache for Noting {
        async fn get(&self, _key: &str) -> Result<Option<Vec<u8>>, CacheError> {
            Ok(None)
        }

        async fn set(&self, key: &str, _value: &[u8], ttl: Duration) -> Result<(), CacheError> {
            held(&self.0).push((key.to_owned(), ttl));
            Ok(())
        }

        async fn remove(&self, _key: &str) -> Result<bool, CacheError> {
            Ok(false)
        }

        async fn ping(&self) -> Result<(), CacheError> {
            Ok(())
        }
    }

    let content = MemoryContent::default();
    content.put_article(&crate::memory::article(1));
    let cache = Arc::new(Noting::default());
    let views = ViewBuffer::new(Arc::new(content), cache.clone());
    views.record(ArticleId::new(1), "u1".to_owned());
    assert_eq!(views.flush().await.unwrap(), 1);
    assert_eq!(*held(&cache.0), [("view:article:1:u1".to_owned(), Duration::from_mins(30))]);
}
