//! `sharestack doctor`: is everything that is configured there?

use std::io::Write;

use sharestack_kernel::event::{EventLog as _, STUCK_AFTER};
use sharestack_kernel::job::JobStore as _;

use crate::config::{Config, Secret};
use crate::demo;
use crate::health::{SearchIndex, Status};
use crate::wiring::{self, outside};

const IN_PROCESS: &str = "in process";

/// Where a URL leads, without who goes there.
fn address(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').map_or((rest, String::new()), |(at, path)| (at, format!("/{path}")));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// What is to be done where the database has no schema yet, or an old one.
fn remedy(config: &Config) -> &'static str {
    if config.migrates_on_start() {
        "`sharestack serve` applies them when it starts, or run `sharestack migrate up`; then ask again"
    } else {
        "run `sharestack migrate up`, then ask again"
    }
}

/// Prints the configuration without secrets and checks each dependency; whether all are well.
pub async fn run(config: &Config, out: &mut impl Write) -> bool {
    let text = toml::to_string_pretty(&config.resolved()).unwrap_or_default();
    let mut say = |line: &str| drop(writeln!(out, "{line}"));
    say(&text);
    let drawn = |secret: &Secret| if secret.is_empty() { "drawn, kept in the data directory" } else { "configured" };
    let redis = if config.redis.url.is_empty() { IN_PROCESS.to_owned() } else { address(config.redis.url.expose()) };
    for (name, value) in [
        ("database", address(&config.database_url()).as_str()),
        ("cache", &redis),
        ("JWT secret", drawn(&config.jwt.secret_key)),
        ("sandbox secret", drawn(&config.payments.sandbox_secret)),
    ] {
        say(&format!("{name:<15} {value}"));
    }
    let app = match wiring::build(config.clone()).await {
        Ok(app) => app,
        Err(error) => {
            say(&format!("failed   {error}"));
            return false;
        }
    };
    let pending = match app.store.migrations().await {
        Ok(all) => all.iter().filter(|one| !one.applied).count(),
        Err(error) => {
            say(&format!("failed   migrations: {error}"));
            app.close().await;
            return false;
        }
    };
    let report = app.health.report().await;
    let status = report.system_status;
    let mut well = true;
    let mut checks = vec![("database", status.database), ("redis", status.redis), ("storage", status.storage)];
    if pending == 0 {
        checks.push(("queue", status.queue));
    }
    for (name, one) in checks {
        well &= one == Status::Healthy;
        let word = match one {
            Status::Healthy => "ok",
            Status::Degraded => "degraded",
            Status::Down => "down",
        };
        let note = if name == "redis" && config.redis.url.is_empty() { " (none: in process)" } else { "" };
        say(&format!("{word:<9}{name}{note}"));
    }
    match outside::ask(config).await {
        Ok(answers) => {
            for (name, problem) in answers {
                well &= problem.is_none();
                say(&problem.map_or_else(|| format!("ok       {name}"), |why| format!("down     {name}: {why}")));
            }
        }
        Err(error) => {
            well = false;
            say(&format!("failed   {error}"));
        }
    }
    if pending > 0 {
        // Without its tables the rest cannot be asked.
        say(&format!("{:<9}migrations ({pending} to apply): {}", "pending", remedy(config)));
        app.close().await;
        return well && config.migrates_on_start();
    }
    let stuck = app.store.stuck(STUCK_AFTER).await.unwrap_or_default();
    let dead = app.store.dead_letters().await.unwrap_or_default();
    if stuck + dead > 0 {
        say(&format!("{:<9}{stuck} events that failed again and again, {dead} jobs that were given up", ""));
    }
    // A server builds its index when it starts; without one there is nothing to follow.
    for (name, index) in &report.search {
        say(&match index {
            Some(SearchIndex { generation, documents, waiting }) => {
                let word = if status.search == Status::Healthy { "ok" } else { "behind" };
                format!("{word:<9}search of {name} ({documents} in {generation}, {waiting} events behind)")
            }
            None => format!("{:<9}search of {name} (no index: a server builds it when it starts)", "none"),
        });
    }
    say(&format!("{:<9}migrations (0 pending)", "ok"));
    if let Some(left) = demo::left_in_production(&app).await {
        say(&format!("{:<9}{left}", "warning"));
    }
    app.close().await;
    well
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_nobodys_password() {
        for (url, shown) in [
            ("postgresql://u:hunter2@db:5432/share?sslmode=require&password=hunter2", "postgresql://db:5432/share"),
            ("redis://:hunter2@cache:6379/0", "redis://cache:6379/0"),
            ("mysql://u:hunt@er2@db", "mysql://db"),
            ("sqlite://./data/sharestack.db", "sqlite://./data/sharestack.db"),
        ] {
            assert_eq!(address(url), shown);
        }
    }
}
