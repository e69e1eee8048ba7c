//! The command line.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use sharestack_kernel::job::JobStore;
use sharestack_users::model::EmailAddress;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::server::{self, Server};
use crate::wiring::{self, App};
use crate::workers::Workers;
use crate::{demo, doctor, http, telemetry};

/// A creator platform's whole backend. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "sharestack", version)]
struct Cli {
    /// Where `{environment}.toml` lies.
    #[arg(long, env = "SHARESTACK_CONFIG_DIR", default_value = "config")]
    config_dir: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers requests, and does jobs beside it.
    Serve {
        /// Requests only; `sharestack worker` does the jobs elsewhere.
        #[arg(long)]
        no_worker: bool,
        /// Fills an empty database with demo content first.
        #[arg(long)]
        demo: bool,
    },
    /// Does jobs and delivers events, without answering requests.
    Worker,
    /// Changes the schema.
    Migrate {
        #[command(subcommand)]
        action: Migrate,
    },
    /// Administration.
    Admin {
        #[command(subcommand)]
        action: Admin,
    },
    /// The search indexes of this node.
    Search {
        #[command(subcommand)]
        action: Search,
    },
    /// Invitations to register.
    Invite {
        #[command(subcommand)]
        action: Invite,
    },
    /// Jobs that were given up.
    Jobs {
        #[command(subcommand)]
        action: Jobs,
    },
    /// Prints the API document.
    Openapi,
    /// Checks every configured dependency and prints the configuration without secrets.
    Doctor,
    /// Fills an empty database with demo content.
    Demo,
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Applies what is missing.
    Up,
    /// Takes back the last changes.
    Down {
        /// How many.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Lists the changes and whether the database has them.
    Status,
}

#[derive(Debug, Subcommand)]
enum Search {
    /// Builds them anew from the database, beside a server that goes on with the present ones.
    Rebuild,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Makes a super admin; the password is read from standard input.
    Create {
        #[arg(long)]
        username: String,
        #[arg(long)]
        email: String,
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Invite {
    /// Makes one, and prints its code, which is shown nowhere else.
    Create {
        /// For this address alone.
        #[arg(long)]
        email: Option<String>,
        /// For how many days it is good.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
    },
}

#[derive(Debug, Subcommand)]
enum Jobs {
    /// Lists the jobs that were given up, the latest first.
    Dead {
        /// Of this kind alone, for example `message.send`.
        #[arg(long)]
        kind: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// Offers jobs that were given up again, as if they were new.
    Retry {
        /// Which, by their ids.
        #[arg(required_unless_present = "all")]
        ids: Vec<uuid::Uuid>,
        /// All of them; with `--kind` all of a kind.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[arg(long, requires = "all")]
        kind: Option<String>,
    },
}

/// Why a command ended badly.
enum Failure {
    /// Something the operator set: exit code 2.
    Setting(ConfigError),
    /// All else: exit code 1.
    Other(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Setting(error)
    }
}

impl Failure {
    fn other(error: impl std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Other(text)
    }
}

/// Runs the command.
pub async fn main() -> ExitCode {
    wiring::install_crypto();
    let cli = Cli::parse();
    match Box::pin(run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Setting(error)) => {
            say_error(&error.to_string());
            ExitCode::from(2)
        }
        Err(Failure::Other(text)) => {
            say_error(&text);
            ExitCode::FAILURE
        }
    }
}

fn say_error(text: &str) {
    drop(writeln!(std::io::stderr(), "sharestack: {text}"));
}

fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let command = cli.command.unwrap_or(Command::Serve { no_worker: false, demo: false });
    if matches!(command, Command::Openapi) {
        say(&http::docs::document().to_pretty_json().map_err(Failure::other)?);
        return Ok(());
    }
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    let config = Config::load(&cli.config_dir, &variables)?;
    if matches!(command, Command::Doctor) {
        return if doctor::run(&config, &mut std::io::stdout()).await {
            Ok(())
        } else {
            Err(Failure::Other("not everything that is configured answers".to_owned()))
        };
    }
    let _telemetry = telemetry::start(&config)?;
    telemetry::start_metrics();
    match command {
        Command::Serve { no_worker, demo } => Box::pin(serve(config, !no_worker, demo)).await,
        Command::Worker => Box::pin(work(config)).await,
        Command::Migrate { action } => migrate(&config, &action).await,
        Command::Admin { action: Admin::Create { username, email, password_stdin: _ } } => {
            Box::pin(create_admin(config, &username, &email)).await
        }
        Command::Search { action: Search::Rebuild } => Box::pin(rebuild_search(config)).await,
        Command::Invite { action: Invite::Create { email, days } } => Box::pin(invite(config, email, days)).await,
        Command::Jobs { action } => dead_jobs(&config, action).await,
        Command::Demo => {
            let app = wiring::build(config).await?;
            app.store.migrate().await.map_err(Failure::other)?;
            for line in demo::fill(&app).await.map_err(|error| Failure::Other(format!("{error:#}")))? {
                say(&line);
            }
            app.close().await;
            Ok(())
        }
        Command::Openapi | Command::Doctor => Ok(()),
    }
}

async fn ready_app(config: Config) -> Result<App, Failure> {
    let app = wiring::build(config).await?;
    if app.config.migrates_on_start() {
        app.store.migrate().await.map_err(Failure::other)?;
    }
    let missing = app.store.migrations().await.map_err(Failure::other)?;
    if missing.iter().any(|one| !one.applied) {
        return Err(Failure::Other("the database lacks migrations: run `sharestack migrate up`".to_owned()));
    }
    Ok(app)
}

async fn serve(mut config: Config, with_workers: bool, with_demo: bool) -> Result<(), Failure> {
    if with_demo && config.is_production() {
        return Err(ConfigError::new("--demo", "demo content has known passwords: production refuses it").into());
    }
    let listener = server::bind(&mut config)?;
    let app = Box::pin(ready_app(config)).await?;
    let told = if with_demo {
        demo::fill(&app).await.map_err(|error| Failure::Other(format!("{error:#}")))?
    } else {
        Vec::new()
    };
    let mut signals = Signals::new()?;
    let server = Server::start(app, listener, with_workers)?;
    say(&format!("listening on http://{}", server.address()));
    if server.app().config.server.docs_enabled {
        let address = server.address();
        let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
        say(&format!("documents: http://{host}:{}/docs", address.port()));
    }
    for line in &told {
        say(line);
    }
    signals.wait().await;
    server.stop().await;
    Ok(())
}

async fn work(config: Config) -> Result<(), Failure> {
    let app = Arc::new(Box::pin(ready_app(config)).await?);
    let mut signals = Signals::new()?;
    let workers = Workers::start(&app);
    say("working");
    signals.wait().await;
    workers.stop(Duration::from_secs(app.config.server.shutdown_timeout_seconds)).await;
    app.close().await;
    Ok(())
}

async fn rebuild_search(config: Config) -> Result<(), Failure> {
    let app = Box::pin(ready_app(config)).await?;
    for index in &app.indexes.followers {
        let documents = index.rebuild().await.map_err(Failure::other)?;
        say(&format!("search index rebuilt: {documents} {}", index.name()));
    }
    app.close().await;
    Ok(())
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Failure::other)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Failure::other)?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn migrate(config: &Config, action: &Migrate) -> Result<(), Failure> {
    wiring::prepare_data_dir(config)?;
    let store = wiring::open_store(config).await?;
    match action {
        Migrate::Up => store.migrate().await.map_err(Failure::other)?,
        Migrate::Down { steps } => store.migrate_down(*steps).await.map_err(Failure::other)?,
        Migrate::Status => {}
    }
    for one in store.migrations().await.map_err(Failure::other)? {
        say(&format!("{} {}", if one.applied { "applied" } else { "pending" }, one.name));
    }
    store.close().await;
    Ok(())
}

async fn create_admin(config: Config, username: &str, email: &str) -> Result<(), Failure> {
    let mut password = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut password).map_err(Failure::other)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let app = Box::pin(ready_app(config)).await?;
    let created = app.create_admin(username, email, password).await.map_err(Failure::Other)?;
    say(&format!("created super admin {created}"));
    app.close().await;
    Ok(())
}

async fn invite(config: Config, email: Option<String>, days: u16) -> Result<(), Failure> {
    let email = email.map(|text| EmailAddress::parse(&text)).transpose();
    let email = email.map_err(|_| Failure::Other("--email: is no address".to_owned()))?;
    let app = Box::pin(ready_app(config)).await?;
    let ttl = chrono::Duration::days(i64::from(days));
    let invited = app.registrations.invite(None, email, ttl).await.map_err(Failure::other)?;
    say(invited.token.expose_secret());
    app.close().await;
    Ok(())
}

async fn dead_jobs(config: &Config, action: Jobs) -> Result<(), Failure> {
    wiring::prepare_data_dir(config)?;
    let store = wiring::open_store(config).await?;
    match action {
        Jobs::Dead { kind, limit } => {
            for job in store.list_dead(kind.as_deref(), limit).await.map_err(Failure::other)? {
                let at = job.finished_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                say(&format!("{} {} {at} after {} attempts: {}", job.id, job.kind, job.attempts, job.last_error));
            }
        }
        Jobs::Retry { mut ids, all, kind } => {
            if all {
                let dead = store.list_dead(kind.as_deref(), 10_000).await.map_err(Failure::other)?;
                ids = dead.into_iter().map(|job| job.id).collect();
            }
            let mut missing = Vec::new();
            for id in ids {
                if store.revive(id).await.map_err(Failure::other)? {
                    say(&format!("{id} waits again"));
                } else {
                    missing.push(id.to_string());
                }
            }
            if !missing.is_empty() {
                return Err(Failure::Other(format!("no dead letters: {}", missing.join(", "))));
            }
        }
    }
    store.close().await;
    Ok(())
}
