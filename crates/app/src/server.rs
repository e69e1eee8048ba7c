//! Listens, and ends cleanly.

use std::future::ready;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use actix_cors::Cors;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServerHandle, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data};

use crate::config::{self, Config, ConfigError};
use crate::http::middleware::{context, farewell, idempotency, intake, rate_limit};
use crate::http::registry::Registry;
use crate::http::wire::Wire;
use crate::http::{docs, routes};
use crate::wiring::App;
use crate::workers::Workers;

/// How long what has its turn behind requests and jobs may take when they took all of their time:
/// first what counts views, then the stores, which are closed.
pub(crate) const TURN: Duration = Duration::from_millis(250);
/// How long what was cut off may go on. A decoder hears nothing until it is done, which takes it
/// minutes at times; the file that it reads has no name, and its job is taken up again.
pub const GRACE: Duration = Duration::from_millis(100);

/// Takes the address before anything else is opened, and notes the port in `config` when a
/// free one was asked for.
///
/// # Errors
/// When the address cannot be had.
pub fn bind(config: &mut Config) -> Result<TcpListener, ConfigError> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    let unusable =
        |error: std::io::Error| ConfigError::new("API_HOST, API_PORT", format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).map_err(unusable)?;
    config.server.port = listener.local_addr().map_err(unusable)?.port();
    Ok(listener)
}

/// The routes and the layers around them, for one thread.
fn application(
    app: &Data<App>,
) -> impl ServiceFactory<
    Request,
    Config = AppConfig,
    Response = ServiceResponse<BoxBody>,
    Error = HttpResponse,
    InitError = (),
> + use<> {
    let app = app.clone();
    let service = actix_web::App::new()
        .app_data(app.clone())
        .configure(|service| routes::register(&mut Registry::answering(service)))
        .configure(|service| {
            if app.config.server.docs_enabled {
                docs::pages(service);
            }
        })
        .default_service(web::to(routes::unmatched))
        .wrap(from_fn(idempotency::layer))
        .wrap(from_fn(intake::layer))
        .wrap(from_fn(rate_limit::layer))
        .wrap(Compress::default())
        .wrap(cors(&app.config.cors))
        .wrap(from_fn(context::layer))
        .wrap(from_fn(farewell::layer));
    let factory = IntoServiceFactory::<_, Request>::into_factory(service);
    ServiceFactoryExt::<Request>::map_err(factory, |error: actix_web::Error| error.error_response())
}

/// A server that listens.
pub struct Server {
    app: Data<App>,
    address: SocketAddr,
    handle: ServerHandle,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
    workers: Vec<Workers>,
}

impl Server {
    /// Starts to answer, with workers beside it unless told otherwise.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn start(app: App, listener: TcpListener, with_workers: bool) -> Result<Self, ConfigError> {
        let app = Data::new(app);
        let shared = app.clone();
        let mut server = ServerBuilder::new()
            .disable_signals()
            .max_concurrent_connections(20_000)
            .shutdown_timeout(app.config.server.shutdown_timeout_seconds);
        if app.config.server.workers > 0 {
            server = server.workers(app.config.server.workers);
        }
        let unusable = |error: std::io::Error| ConfigError::new("API_HOST, API_PORT", error);
        let address = listener.local_addr().map_err(unusable)?;
        let ending = server.graceful_shutdown_signal();
        let server = server.listen("http", listener, move || {
            let (refusing, ending) = (shared.clone(), ending.clone());
            let http = HttpService::<_, _, BoxBody>::build()
                .graceful_shutdown_signal(move || {
                    let ending = ending.clone();
                    async move { ending.notified().await }
                })
                .client_disconnect_timeout(Duration::from_secs(1))
                .local_addr(address)
                .finish::<_, BoxBody>(map_config(application(&shared), |()| AppConfig::default()));
            fn_service(move |io: TcpStream| {
                let app = refusing.clone();
                let peer = io.peer_addr().ok();
                let from = peer.map_or(address.ip(), |peer| peer.ip());
                let wire = Wire::new(io, move |status| context::unreadable(&app, from, status));
                ready(Ok::<_, DispatchError>((wire, Protocol::Http1, peer)))
            })
            .and_then(http)
        });
        let server = server.map_err(unusable)?.run();
        let handle = server.handle();
        let running = tokio::spawn(server);
        let shared = app.clone().into_inner();
        let mut workers = vec![Workers::beside_requests(&shared)];
        workers.extend(with_workers.then(|| Workers::start(&shared)));
        Ok(Self { app, address, handle, running, workers })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers with.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Accepts nothing more, finishes what runs, and closes the stores, all within the
    /// configured time.
    pub async fn stop(self) {
        let deadline = Instant::now() + Duration::from_secs(self.app.config.server.shutdown_timeout_seconds);
        self.app.health.stopping();
        let (views, jobs) = self.workers.into_iter().partition::<Vec<_>, _>(Workers::outlive_requests);
        for workers in &jobs {
            workers.signal();
        }
        let requests = async {
            self.handle.stop(true).await;
            if let Ok(Err(error)) = self.running.await {
                tracing::error!(error = &error as &dyn std::error::Error, "server failed");
            }
        };
        let ended = futures::future::join_all(jobs.into_iter().map(|workers| workers.stop(left(deadline))));
        futures::join!(requests, ended);
        // What the last requests looked at is counted, too.
        for workers in views {
            workers.stop(left(deadline + TURN)).await;
        }
        close(&self.app, deadline).await;
    }
}

/// Closes the stores, behind what had its time until `deadline`.
pub(crate) async fn close(app: &App, deadline: Instant) {
    if tokio::time::timeout(left(deadline + TURN * 2), app.close()).await.is_err() {
        tracing::warn!("database connections were cut off");
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn cors(config: &config::Cors) -> Cors {
    let any = |items: &[String]| items.iter().any(|item| item == "*");
    let mut cors = Cors::default().max_age(3600).expose_headers([
        "x-request-id",
        "etag",
        "location",
        "retry-after",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-ratelimit-window",
        "idempotency-replayed",
        "api-version",
        "api-deprecated",
        "tus-resumable",
        "tus-version",
        "tus-extension",
        "tus-max-size",
        "tus-checksum-algorithm",
        "upload-offset",
        "upload-length",
        "upload-metadata",
        "upload-expires",
    ]);
    cors = if any(&config.origins) {
        cors.allow_any_origin()
    } else {
        config.origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
    };
    cors = if any(&config.allow_methods) {
        cors.allowed_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
        ])
    } else {
        cors.allowed_methods(config.allow_methods.iter().filter_map(|name| name.parse::<Method>().ok()))
    };
    cors =
        if any(&config.allow_headers) { cors.allow_any_header() } else { cors.allowed_headers(&config.allow_headers) };
    // A browser refuses credentials with a wildcard origin, and rightly.
    if config.allow_credentials && !any(&config.origins) { cors.supports_credentials() } else { cors }
}
