//! The billing domain with its payment channels.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use sharestack_billing::ports::access::ArticleAccess;
use sharestack_billing::ports::channel::{Channels, PaymentChannel};
use sharestack_billing::ports::plan::PlanQueries;
use sharestack_billing::ports::sandbox::CallbackSender;
use sharestack_billing::service::checkout::Checkout;
use sharestack_billing::service::closing::CloseOrder;
use sharestack_billing::service::departure::EndBusiness;
use sharestack_billing::service::entitlements::{ArticleEntitlements, Entitlements};
use sharestack_billing::service::expiry::{ExpireOrder, ExpireSubscription};
use sharestack_billing::service::orders::Orders;
use sharestack_billing::service::plans::Plans;
use sharestack_billing::service::revenue::Revenue;
use sharestack_billing::service::settlement::Settlement;
use sharestack_billing::service::subscriptions::Subscriptions;
use sharestack_billing::service::{Billing as Ports, BillingPolicy};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::JobHandler;
use sharestack_payments::sandbox::{Cashier, NotifySandbox, Sandbox, SandboxConfig, SandboxPorts, SandboxSecret};
use sharestack_store_seaorm::Store;

use crate::config::{Config, ConfigError, Environment};

/// How long the server waits for its own answer to a notification.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// What handlers and workers ask of the billing domain.
pub struct Billing {
    pub plans: Plans,
    pub plan_queries: Arc<dyn PlanQueries>,
    pub checkout: Checkout,
    pub settlement: Settlement,
    pub subscriptions: Subscriptions,
    pub orders: Orders,
    pub revenue: Revenue,
    pub access: ArticleEntitlements,
    /// The sandbox's pay page; `None` where there is no sandbox.
    pub cashier: Option<Cashier>,
    pub handlers: Vec<Arc<dyn JobHandler>>,
    /// Ends the business of who has gone.
    pub departed: Arc<EndBusiness>,
}

impl Billing {
    /// The services over `store`; `articles` is what stands before each article.
    ///
    /// # Errors
    /// When a setting of the payments cannot be used.
    pub fn new(
        config: &Config,
        store: &Store,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn IdGenerator>,
        articles: Arc<dyn ArticleAccess>,
        sandbox_secret: &SecretString,
    ) -> Result<Self, ConfigError> {
        let base = format!("{}/api/v1/subscriptions/payments", super::public_url(config));
        let mut policy = BillingPolicy::new(base.clone());
        policy.platform_fee_basis_points = config.payments.platform_fee_basis_points;
        policy.settlement_delay = chrono::Duration::days(i64::from(config.payments.settlement_delay_days));
        let ports = Ports::new(Arc::new(store.clone()), ids.clone(), clock.clone(), policy);
        let sandbox = sandbox(config, &base, sandbox_secret)?;
        let books = SandboxPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            ids: ids.clone(),
            clock: clock.clone(),
        };
        let mut channels: Vec<Arc<dyn PaymentChannel>> = Vec::new();
        let mut handlers: Vec<Arc<dyn JobHandler>> = vec![Arc::new(ExpireSubscription::new(ports.clone()))];
        if let Some(sandbox) = &sandbox {
            channels.push(Arc::new(Sandbox::new(sandbox.clone(), books.clone())));
            let sender = Arc::new(Sender::try_new()?);
            handlers.push(Arc::new(NotifySandbox::new(sandbox.clone(), sender, ids.clone(), clock.clone())));
        }
        let channels = Channels::new(channels);
        handlers.push(Arc::new(ExpireOrder::new(ports.clone(), channels.clone(), Arc::new(store.clone()))));
        handlers.push(Arc::new(CloseOrder::new(ports.clone(), channels.clone())));
        let departed = Arc::new(EndBusiness::new(ports.clone(), Arc::new(store.clone()), Arc::new(store.clone())));
        handlers.push(departed.clone());
        let entitlements = Entitlements::new(Arc::new(store.clone()), clock.clone());
        Ok(Self {
            plans: Plans::new(ports.clone()),
            plan_queries: Arc::new(store.clone()),
            checkout: Checkout::new(ports.clone(), channels.clone()),
            settlement: Settlement::new(ports.clone(), channels.clone()),
            departed,
            subscriptions: Subscriptions::new(ports.clone(), Arc::new(store.clone())),
            orders: Orders::new(ports.clone(), channels, Arc::new(store.clone())),
            revenue: Revenue::new(ports, Arc::new(store.clone())),
            access: ArticleEntitlements::new(entitlements, articles, Arc::new(store.clone())),
            cashier: sandbox.map(|_| Cashier::new(books)),
            handlers,
        })
    }
}

/// The sandbox's settings: on where nothing is said, but never in production.
fn sandbox(config: &Config, base: &str, secret: &SecretString) -> Result<Option<SandboxConfig>, ConfigError> {
    if !config.payments.sandbox_enabled.unwrap_or(!config.is_production()) {
        return Ok(None);
    }
    let environment = match config.environment {
        Environment::Development => "development",
        Environment::Test => "test",
        Environment::Production => "production",
    };
    let secret =
        SandboxSecret::try_new(secret.clone()).map_err(|error| ConfigError::new("payments.sandbox_secret", error))?;
    let settings = SandboxConfig::try_new(secret, format!("{base}/sandbox/pay"), environment);
    settings.map(Some).map_err(|error| ConfigError::new("payments.sandbox_enabled", error))
}

/// Posts the sandbox's notifications to the server's own route.
struct Sender(reqwest::Client);

impl Sender {
    fn try_new() -> Result<Self, ConfigError> {
        let client = reqwest::Client::builder().timeout(CALLBACK_TIMEOUT).no_proxy().build();
        client.map(Self).map_err(|error| ConfigError::new("payments", error))
    }
}

#[async_trait]
impl CallbackSender for Sender {
    async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        let request = self.0.post(url).body(body.to_vec());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        Ok(request.send().await?.status().as_u16())
    }
}
