//! Logs, traces and figures.

use std::io::IsTerminal;
use std::sync::OnceLock;

use bytes::Bytes;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{Config, ConfigError, LogFormat};

/// Keeps the exporter; dropping it sends what is left.
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|provider| provider.shutdown()) {
            tracing::warn!(error = &error as &dyn std::error::Error, "traces were not sent");
        }
    }
}

/// Starts logging to stderr, and exporting when that is configured.
///
/// # Errors
/// When `log.level` or the exporter's address cannot be used.
pub fn start(config: &Config) -> Result<Telemetry, ConfigError> {
    let filter = EnvFilter::try_new(config.log.directives()?)
        .map_err(|error| ConfigError::new("LOG_LEVEL (log.level)", error))?;
    let lines = match config.log.format {
        LogFormat::Pretty => fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .compact()
            .boxed(),
        LogFormat::Json => fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).boxed(),
    };
    let provider = exporter(config)?;
    let traces =
        provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("sharestack")));
    // A second start in one process keeps the first subscriber: the tests do that.
    drop(tracing_subscriber::registry().with(filter).with(Connections).with(lines).with(traces).try_init());
    Ok(Telemetry(provider))
}

/// Leaves out what the framework says of connections that ended badly. An answer to what could
/// not be read is told of as every other is, with its request's id; who hangs up is no failure.
struct Connections;

impl<S: Subscriber> Layer<S> for Connections {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() != Level::ERROR || metadata.target() != "actix_http::h1::dispatcher" {
            return true;
        }
        let mut said = Said(String::new());
        event.record(&mut said);
        !said.0.starts_with("stream error")
    }
}

/// What an event says.
struct Said(String);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

fn exporter(config: &Config) -> Result<Option<SdkTracerProvider>, ConfigError> {
    let endpoint = &config.telemetry.otlp_endpoint;
    if endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client { http: reqwest::Client::new(), runtime: tokio::runtime::Handle::current() })
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| ConfigError::new("telemetry.otlp_endpoint", error))?;
    let resource = Resource::builder().with_service_name(config.telemetry.service_name.clone()).build();
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
}

/// Sends from the runtime of the program: the exporter's own thread has none.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move { HttpClient::send_bytes(&Plain(http), request).await });
        sent.await?
    }
}

#[derive(Debug)]
struct Plain(reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for Plain {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let response = self.0.execute(request.try_into()?).await?.error_for_status()?;
        let status = response.status();
        Ok(http::Response::builder().status(status).body(response.bytes().await?)?)
    }
}

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting. A second call changes nothing.
pub fn start_metrics() {
    METRICS.get_or_init(|| {
        let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &buckets)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another recorder can only be there when a host program has its own.
        drop(metrics::set_global_recorder(recorder));
        describe();
        handle
    });
}

/// Every figure with what it means, at zero where zero is true: whoever watches sees it
/// before it happens for the first time.
fn describe() {
    use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

    describe_counter!("http_requests_total", "Requests by route, method and status");
    describe_histogram!("http_request_duration_seconds", "How long requests took, by route");
    describe_gauge!("http_requests_in_flight", "Requests that are being answered");
    describe_histogram!("database_query_seconds", "How long statements took");
    describe_counter!("database_query_failures_total", "Statements that failed");
    describe_gauge!("database_pool_connections", "Open connections of the readers' pool");
    describe_gauge!("database_pool_idle", "Connections that nobody uses");
    describe_counter!("cache_requests_total", "Reads of the shared cache by result");
    describe_counter!("cache_local_requests_total", "Reads of a node's own copies by result");
    describe_gauge!("cache_connected", "1 while a configured Redis answers, else 0");
    describe_gauge!("queue_depth", "Jobs that are due");
    describe_gauge!("queue_age_seconds", "How long the oldest of them has been due");
    describe_gauge!("queue_dead_letters", "Jobs that were given up");
    describe_gauge!("outbox_depth", "Events that are not yet delivered");
    describe_gauge!("outbox_lag_seconds", "How old the oldest of them is");
    describe_gauge!("outbox_stuck", "Events that failed again and again");
    describe_gauge!("search_documents", "What this node's index knows");
    describe_gauge!("search_events_waiting", "Events that are not in it yet");
    describe_histogram!("search_duration_seconds", "How long searches took");
    describe_counter!("events_delivered_total", "Delivered events by kind");
    describe_counter!("events_failed_total", "Failed deliveries by subscriber");
    describe_histogram!("argon2_wait_seconds", "How long hashes waited for a place");
    describe_gauge!("argon2_in_flight", "Hashes that run");
    describe_counter!("argon2_refused_total", "Hashes that were refused because too many waited");
    for name in ["database_query_failures_total", "argon2_refused_total"] {
        counter!(name).absolute(0);
    }
    for result in ["hit", "miss"] {
        counter!("cache_requests_total", "result" => result).absolute(0);
        counter!("cache_local_requests_total", "result" => result).absolute(0);
    }
    for name in ["argon2_in_flight", "http_requests_in_flight", "cache_connected"] {
        gauge!(name).set(0.0);
    }
    for name in ["argon2_wait_seconds", "database_query_seconds"] {
        let _ = histogram!(name);
    }
}

/// The figures in the Prometheus text format.
pub fn render_metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Lets the recorder drop what it no longer needs; call it now and then.
pub fn upkeep() {
    if let Some(handle) = METRICS.get() {
        handle.run_upkeep();
    }
}
