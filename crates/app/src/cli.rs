//! The command line.

mod operator;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use sharestack_store_seaorm::Claim;
use tokio::signal::unix::{SignalKind, signal};

use self::operator::{Admin, Invite, Jobs, User, create_admin, dead_jobs, invite, reset_mfa};
use crate::config::{self, Config, ConfigError};
use crate::server::{self, Server};
use crate::wiring::{self, App};
use crate::workers::Workers;
use crate::{demo, doctor, http, telemetry};

/// A creator platform's whole backend. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "sharestack", version)]
struct Cli {
    /// Where `{environment}.toml` lies: `config`, where there is such a directory.
    #[arg(long, env = "SHARESTACK_CONFIG_DIR")]
    config_dir: Option<PathBuf>,
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
        /// Fills an empty database with demo content, or goes on where that was cut off.
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
    /// Help for people who are locked out.
    User {
        #[command(subcommand)]
        action: User,
    },
    /// The search indexes of this node.
    Search {
        #[command(subcommand)]
        action: Search,
    },
    /// What is kept of photos and articles.
    Content {
        #[command(subcommand)]
        action: Content,
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
    /// Fills an empty database with demo content, or goes on where that was cut off.
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
enum Content {
    /// Compares what categories list, and what categories, tags and lists count, with the photos
    /// and articles themselves, and mends what differs, beside servers that go on.
    Recount,
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

/// What cannot even begin says why.
pub fn refuse(error: &std::io::Error) -> ExitCode {
    say_error(&format!("threads cannot be started: {error}"));
    ExitCode::FAILURE
}

fn say_error(text: &str) {
    drop(writeln!(std::io::stderr(), "sharestack: {text}"));
}

fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// The variables that can be read. What others than this program set beside them is theirs.
fn readable(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<BTreeMap<String, String>, ConfigError> {
    let read = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        match value.into_string() {
            Ok(value) => Some(Ok((name, value))),
            Err(_) if config::is_setting(&name) => Some(Err(ConfigError::new(name, "is not UTF-8"))),
            Err(_) => None,
        }
    };
    variables.filter_map(read).collect()
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let command = cli.command.unwrap_or(Command::Serve { no_worker: false, demo: false });
    if matches!(command, Command::Openapi) {
        say(&http::docs::document().to_pretty_json().map_err(Failure::other)?);
        return Ok(());
    }
    let variables = readable(std::env::vars_os())?;
    let config = Config::load(&config_dir(cli.config_dir)?, &variables)?;
    if matches!(command, Command::Demo | Command::Serve { demo: true, .. }) {
        demo::permit(&config)?;
    }
    let misspelt = config::misspelt(variables.keys());
    if matches!(command, Command::Doctor) {
        for (name, meant) in &misspelt {
            say(&format!("ignored  {name}: {meant} is the setting"));
        }
        return if Box::pin(doctor::run(&config, &mut std::io::stdout())).await {
            Ok(())
        } else {
            Err(Failure::Other("not everything that is configured answers".to_owned()))
        };
    }
    let _telemetry = telemetry::start(&config)?;
    telemetry::start_metrics();
    for (name, meant) in misspelt {
        tracing::warn!("{name} is no setting and is ignored: {meant} is one");
    }
    match command {
        Command::Serve { no_worker, demo } => Box::pin(serve(config, !no_worker, demo)).await,
        Command::Worker => Box::pin(work(config)).await,
        Command::Migrate { action } => migrate(&config, &action).await,
        Command::Admin { action: Admin::Create { username, email, password_stdin: _ } } => {
            Box::pin(create_admin(config, &username, &email)).await
        }
        Command::User { action: User::ResetMfa { username } } => Box::pin(reset_mfa(config, &username)).await,
        Command::Search { action: Search::Rebuild } => Box::pin(rebuild_search(config)).await,
        Command::Content { action: Content::Recount } => Box::pin(recount(config)).await,
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

/// The directory of settings. One that somebody named must be there.
fn config_dir(named: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    match named {
        None => Ok("config".into()),
        Some(directory) if directory.is_dir() => Ok(directory),
        Some(directory) => {
            let problem = format!("{} is no directory", directory.display());
            Err(ConfigError::new("--config-dir, SHARESTACK_CONFIG_DIR", problem))
        }
    }
}

async fn ready_app(config: Config) -> Result<App, Failure> {
    let app = wiring::build(config).await?;
    prepare(&app).await?;
    Ok(app)
}

/// Brings the schema up to date where a start does that, and finds out whether it is.
async fn prepare(app: &App) -> Result<(), Failure> {
    if app.config.migrates_on_start() {
        app.store.migrate().await.map_err(Failure::other)?;
    }
    let missing = app.store.migrations().await.map_err(Failure::other)?;
    if missing.iter().any(|one| !one.applied) {
        return Err(Failure::Other("the database lacks migrations: run `sharestack migrate up`".to_owned()));
    }
    Ok(())
}

async fn warn_of_demo(app: &App) {
    if let Some(left) = demo::left_in_production(app).await {
        tracing::warn!("{left}");
    }
}

/// Keeps a second server from a database that takes one: what one of them changes, the other
/// would learn late or never.
fn claim(app: &App) -> Result<Claim, ConfigError> {
    app.store.claim().map_err(|taken| {
        let problem = "SQLite takes one server; stop it, or give this one a directory of its own";
        ConfigError::new("DATA_DIR", format!("{taken}: {problem}"))
    })
}

async fn serve(mut config: Config, with_workers: bool, with_demo: bool) -> Result<(), Failure> {
    let listener = server::bind(&mut config)?;
    let app = wiring::build(config).await?;
    let _claim = claim(&app)?;
    prepare(&app).await?;
    warn_of_demo(&app).await;
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
    warn_of_demo(&app).await;
    let mut signals = Signals::new()?;
    let workers = Workers::start(&app);
    say("working");
    signals.wait().await;
    let patience = Duration::from_secs(app.config.server.shutdown_timeout_seconds);
    let deadline = Instant::now() + patience;
    workers.stop(patience).await;
    server::close(&app, deadline).await;
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

async fn recount(config: Config) -> Result<(), Failure> {
    let app = Box::pin(ready_app(config)).await?;
    let done = app.recounting().run().await.map_err(Failure::other)?;
    for (mended, what) in [
        (done.photos, "photos put where they say they are"),
        (done.entries, "entries in lists of categories mended"),
        (done.categories, "categories counted anew"),
        (done.tags, "tags counted anew"),
        (done.lengths, "lengths of lists counted anew"),
    ] {
        say(&format!("{mended} {what}"));
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

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn variables_that_cannot_be_read_stop_nothing() {
        let broken = || OsString::from_vec(vec![b'a', 0xff]);
        let variables = [("A".into(), "1".into()), (broken(), "2".into()), ("B".into(), broken())];
        let read = readable(variables.into_iter()).unwrap();
        assert_eq!(read, BTreeMap::from([("A".to_owned(), "1".to_owned())]));
        for setting in ["JWT_SECRET_KEY", "SHARESTACK__SERVER__PORT"] {
            let refused = readable([(setting.into(), broken())].into_iter()).unwrap_err();
            assert!(refused.to_string().contains(setting), "{refused}");
        }
    }
}
