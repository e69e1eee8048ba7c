//! The cases that every payment channel passes.

mod sandbox {
    use std::sync::Arc;

    use async_trait::async_trait;
    use sharestack_billing::memory::MemoryBilling;
    use sharestack_billing::model::order::OrderNumber;
    use sharestack_conformance::billing::channel::{Payer, Subject};
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::id::SequentialIds;
    use sharestack_payments::sandbox::{
        Cashier, Click, SIGNATURE_HEADER, Sandbox, SandboxConfig, SandboxPorts, SandboxSecret,
    };

    struct Clicks(Cashier);

    #[async_trait]
    impl Payer for Clicks {
        async fn pay(&self, order: &OrderNumber) -> bool {
            self.0.click(order.as_str(), Click::Success).await.is_ok()
        }

        async fn fail(&self, order: &OrderNumber) {
            self.0.click(order.as_str(), Click::Fail).await.unwrap();
        }
    }

    fn subject() -> Subject {
        let books = Arc::new(MemoryBilling::new());
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        let ports = SandboxPorts { store: books.clone(), queries: books, ids, clock: clock.clone() };
        let secret = SandboxSecret::try_new("s".repeat(32).into()).unwrap();
        let config = SandboxConfig::try_new(secret, "https://example.org/pay", "test").unwrap();
        let payer = Arc::new(Clicks(Cashier::new(ports.clone())));
        Subject { channel: Arc::new(Sandbox::new(config, ports)), payer, clock, signature_header: SIGNATURE_HEADER }
    }

    macro_rules! run {
        ($($case:ident),* $(,)?) => {$(
            #[tokio::test]
            async fn $case() {
                sharestack_conformance::billing::channel::$case(subject()).await;
            }
        )*};
    }

    sharestack_conformance::channel_cases!(run);
}
