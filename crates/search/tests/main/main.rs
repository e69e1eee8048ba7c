//! Indexes on disk: what every index must pass, and what only one on disk can get wrong.

use std::path::Path;

use sharestack_search::{ArticleIndex, PhotoIndex, SearchConfig};

mod damage;
mod languages;

fn config(directory: &Path) -> SearchConfig {
    SearchConfig { directory: directory.to_owned(), writer_memory: 15_000_000 }
}

fn index(directory: &Path) -> ArticleIndex {
    ArticleIndex::new(&config(directory))
}

macro_rules! run {
    ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $port {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let directory = tempfile::tempdir().unwrap();
                    let subject = super::subject(directory.path());
                    sharestack_conformance::$domain::$port::$case(subject).await;
                }
            )*
        }
    )*};
}

mod articles {
    use std::path::Path;
    use std::sync::Arc;

    use sharestack_content::ports::{Articles, SearchIndex};

    fn subject(directory: &Path) -> Arc<dyn SearchIndex<Articles>> {
        Arc::new(crate::index(directory))
    }

    sharestack_conformance::article_search_cases!(run);
}

mod photos {
    use std::path::Path;
    use std::sync::Arc;

    use sharestack_content::ports::{Photos, SearchIndex};

    fn subject(directory: &Path) -> Arc<dyn SearchIndex<Photos>> {
        Arc::new(crate::PhotoIndex::new(&crate::config(directory)))
    }

    sharestack_conformance::photo_search_cases!(run);
}
