//! The index of articles on disk: what every index must pass, and what only one on disk can get wrong.

use std::path::Path;
use std::sync::Arc;

use sharestack_search::{ArticleIndex, SearchConfig};

mod damage;
mod languages;

fn index(directory: &Path) -> ArticleIndex {
    ArticleIndex::new(&SearchConfig { directory: directory.to_owned(), writer_memory: 15_000_000 })
}

macro_rules! run {
    ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $port {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let directory = tempfile::tempdir().unwrap();
                    let subject = super::Arc::new(super::index(directory.path()));
                    sharestack_conformance::$domain::$port::$case(subject).await;
                }
            )*
        }
    )*};
}

sharestack_conformance::article_search_cases!(run);
