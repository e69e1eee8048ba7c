//! What of sessions and keys is kept in these caches, against the cases of its ports.

use std::sync::Arc;

use sharestack_cache::{Redis, RedisCache};
use sharestack_conformance::users::session_cache::Subject;
use sharestack_kernel::cache::Cache;

use crate::support;

macro_rules! run {
    ($($case:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some(subject) = subject().await {
                sharestack_conformance::users::session_cache::$case(subject).await;
            }
        }
    )*};
}

mod in_process {
    use super::*;

    #[expect(clippy::unused_async, reason = "the others wait")]
    async fn subject() -> Option<Subject> {
        let (caching, clock) = support::in_process();
        Some(Subject::over([caching.strict_cache.clone(), caching.strict_cache], support::advance(clock)))
    }

    sharestack_conformance::session_cache_cases!(run);
}

mod redis {
    use super::*;

    #[expect(clippy::unused_async, reason = "the others wait")]
    async fn subject() -> Option<Subject> {
        let config = support::redis_config()?;
        let open = || -> Arc<dyn Cache> { Arc::new(RedisCache::new(Redis::open(&config).unwrap())) };
        Some(Subject::over([open(), open()], support::wait()))
    }

    sharestack_conformance::session_cache_cases!(run);
}

mod connected {
    use super::*;

    async fn subject() -> Option<Subject> {
        let [one, other] = support::two_connected().await?;
        Some(Subject::over([one.strict_cache, other.strict_cache], support::wait()))
    }

    sharestack_conformance::session_cache_cases!(run);
}
