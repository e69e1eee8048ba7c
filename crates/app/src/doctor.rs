//! `sharestack doctor`: is everything that is configured there?

use std::io::Write;

use crate::config::Config;
use crate::health::Status;
use crate::wiring;

/// Prints the configuration without secrets and checks each dependency; whether all are well.
pub async fn run(config: &Config, out: &mut impl Write) -> bool {
    let text = toml::to_string_pretty(config).unwrap_or_default();
    let mut say = |line: &str| drop(writeln!(out, "{line}"));
    say(&text);
    let app = match wiring::build(config.clone()).await {
        Ok(app) => app,
        Err(error) => {
            say(&format!("failed   {error}"));
            return false;
        }
    };
    let report = app.health.report().await;
    let migrations = app.store.migrations().await;
    let status = report.system_status;
    let mut well = true;
    let checks =
        [("database", status.database), ("redis", status.redis), ("storage", status.storage), ("queue", status.queue)];
    for (name, status) in checks {
        well &= status == Status::Healthy;
        let word = match status {
            Status::Healthy => "ok",
            Status::Degraded => "degraded",
            Status::Down => "down",
        };
        say(&format!("{word:<9}{name}"));
    }
    match migrations {
        Ok(all) => {
            let pending = all.iter().filter(|one| !one.applied).count();
            say(&format!("{:<9}migrations ({pending} pending)", if pending == 0 { "ok" } else { "pending" }));
        }
        Err(error) => {
            well = false;
            say(&format!("failed   migrations: {error}"));
        }
    }
    app.close().await;
    well
}
