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
use tracing_subscriber::layer::SubscriberExt;
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
    let filter = EnvFilter::try_new(&config.log.level).map_err(|error| ConfigError::new("log.level", error))?;
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
    drop(tracing_subscriber::registry().with(filter).with(lines).with(traces).try_init());
    Ok(Telemetry(provider))
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
        handle
    });
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
