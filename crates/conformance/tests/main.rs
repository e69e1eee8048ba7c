//! The stores in memory that domain crates export with feature `mocks` are adapters too.

mod billing {
    use std::sync::Arc;

    use sharestack_billing::memory::MemoryBilling;
    use sharestack_conformance::billing::Subject;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::id::SequentialIds;

    fn subject() -> Subject {
        Subject::over(&MemoryBilling::new(), Arc::new(SequentialIds::default()), FakeClock::default())
    }

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

    sharestack_conformance::billing_cases!(run);
}

mod content {
    use std::sync::Arc;

    use sharestack_content::memory::MemorySearch;

    macro_rules! run {
        ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
            mod $port {
                $(
                    #[tokio::test]
                    async fn $case() {
                        let subject = super::Arc::new(super::MemorySearch::default());
                        sharestack_conformance::$domain::$port::$case(subject).await;
                    }
                )*
            }
        )*};
    }

    sharestack_conformance::article_search_cases!(run);
}
