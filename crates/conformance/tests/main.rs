//! The stores in memory that domain crates export with feature `mocks` are adapters too.

macro_rules! run {
    ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $port {
            $(
                #[tokio::test]
                async fn $case() {
                    sharestack_conformance::$domain::$port::$case(super::subject()).await;
                }
            )*
        }
    )*};
}

mod billing {
    use std::sync::Arc;

    use futures::future::BoxFuture;
    use sharestack_billing::memory::MemoryBilling;
    use sharestack_conformance::billing::Subject;
    use sharestack_conformance::social::ToAccount;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::id::SequentialIds;

    fn subject() -> Subject {
        let store = MemoryBilling::new();
        let accounts = store.clone();
        // Who has not left is there.
        let register: ToAccount = Arc::new(|_| -> BoxFuture<'static, ()> { Box::pin(async {}) });
        let leave: ToAccount = Arc::new(move |user| -> BoxFuture<'static, ()> {
            accounts.leave(user);
            Box::pin(async {})
        });
        Subject::over(&store, Arc::new(SequentialIds::default()), FakeClock::default(), [register, leave])
    }

    sharestack_conformance::billing_cases!(run);
}

mod articles {
    use std::sync::Arc;

    use sharestack_content::memory::MemorySearch;
    use sharestack_content::ports::{Articles, SearchIndex};

    fn subject() -> Arc<dyn SearchIndex<Articles>> {
        Arc::new(MemorySearch::default())
    }

    sharestack_conformance::article_search_cases!(run);
}

mod photos {
    use std::sync::Arc;

    use sharestack_content::memory::MemorySearch;
    use sharestack_content::ports::{Photos, SearchIndex};

    fn subject() -> Arc<dyn SearchIndex<Photos>> {
        Arc::new(MemorySearch::default())
    }

    sharestack_conformance::photo_search_cases!(run);
}

mod social {
    use std::sync::Arc;

    use futures::future::{BoxFuture, FutureExt, ready};
    use sharestack_conformance::social::Subject;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::id::{SequentialIds, UserId};
    use sharestack_social::memory::MemorySocial;

    fn subject() -> Subject {
        let store = MemorySocial::of([]);
        let to_account = |change: fn(&MemorySocial, UserId)| {
            let store = store.clone();
            Arc::new(move |user| -> BoxFuture<'static, ()> {
                change(&store, user);
                ready(()).boxed()
            })
        };
        Subject {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            ids: Arc::new(SequentialIds::default()),
            clock: FakeClock::default(),
            register: to_account(MemorySocial::register),
            disable: to_account(MemorySocial::disable),
        }
    }

    sharestack_conformance::social_cases!(run);
}

mod users {
    use std::sync::Arc;

    use sharestack_users::memory::MemoryStore;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn any_sequence_of_sends_tries_and_waits_agrees_with_the_rule() {
        sharestack_conformance::users::code::codes_agree_with_the_rule(Arc::new(MemoryStore::new())).await;
    }
}
