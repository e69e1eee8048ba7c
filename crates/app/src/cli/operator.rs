//! What an operator does to accounts and jobs.

use std::io::Read;

use clap::Subcommand;
use secrecy::ExposeSecret;
use sharestack_kernel::clock::{Clock as _, SystemClock};
use sharestack_kernel::job::{DeadJob, JobStore};
use sharestack_kernel::random::uuid_v7;
use sharestack_platform::events::job_retried;
use sharestack_store_seaorm::Store;
use sharestack_users::model::EmailAddress;

use super::{Failure, ready_app, say};
use crate::config::Config;
use crate::wiring;

#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Makes a super admin; the password is read from standard input.
    Create {
        /// What they sign in with.
        #[arg(long)]
        username: String,
        /// Their address.
        #[arg(long)]
        email: String,
        /// There is no other way: an argument would stand in the list of processes.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Removes the second factor of somebody who has lost it, recovery codes and all.
    ResetMfa {
        /// Their username or address.
        #[arg(long)]
        username: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Invite {
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
pub enum Jobs {
    /// Lists the jobs that were given up, the latest first.
    Dead {
        /// Of this kind alone, for example `message.send`.
        #[arg(long)]
        kind: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Offers jobs that were given up again, as if they were new.
    Retry {
        /// The jobs' ids, as `jobs dead` lists them.
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<uuid::Uuid>,
        /// All that were given up, in place of ids.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// With `--all`: those of this kind alone, for example `message.send`.
        #[arg(long, requires = "all")]
        kind: Option<String>,
    },
}

pub async fn create_admin(config: Config, username: &str, email: &str) -> Result<(), Failure> {
    let mut password = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut password).map_err(Failure::other)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let app = Box::pin(ready_app(config)).await?;
    let created = app.create_admin(username, email, password).await.map_err(Failure::Other)?;
    say(&format!("created super admin {created}"));
    app.close().await;
    Ok(())
}

pub async fn reset_mfa(config: Config, username: &str) -> Result<(), Failure> {
    let app = Box::pin(ready_app(config)).await?;
    let name = app.reset_mfa(username).await.map_err(Failure::Other)?;
    say(&format!("{name} has no second factor any more, and is not asked for one at the next login"));
    app.close().await;
    Ok(())
}

pub async fn invite(config: Config, email: Option<String>, days: u16) -> Result<(), Failure> {
    let email = email.map(|text| EmailAddress::parse(&text)).transpose();
    let email = email.map_err(|_| Failure::Other("--email: is no address".to_owned()))?;
    let app = Box::pin(ready_app(config)).await?;
    let ttl = chrono::Duration::days(i64::from(days));
    let invited = app.registrations.invite(None, email, ttl).await.map_err(Failure::other)?;
    say(invited.token.expose_secret());
    app.close().await;
    Ok(())
}

pub async fn dead_jobs(config: &Config, action: Jobs) -> Result<(), Failure> {
    wiring::prepare_data_dir(config)?;
    let store = wiring::open_store(config).await?;
    match action {
        Jobs::Dead { kind, limit } => {
            let dead = store.list_dead(kind.as_deref(), limit).await.map_err(Failure::other)?;
            for job in &dead {
                let at = job.finished_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                say(&format!("{} {} {at} after {} attempts: {}", job.id, job.kind, job.attempts, job.last_error));
            }
            say(&match dead.len() {
                0 => "no job was given up".to_owned(),
                count if count as u64 == limit => format!("the last {count}; --limit shows more, if there are"),
                1 => "1 job was given up".to_owned(),
                count => format!("{count} jobs were given up"),
            });
        }
        Jobs::Retry { ids, all, kind } => {
            let mut wanted = Vec::new();
            if all {
                let count = store.dead_letters().await.map_err(Failure::other)?;
                let dead = store.list_dead(kind.as_deref(), count).await.map_err(Failure::other)?;
                wanted.extend(dead.into_iter().map(|job| (job.id, Some(job))));
            }
            for id in ids {
                wanted.push((id, store.find_dead(id).await.map_err(Failure::other)?));
            }
            let mut missing = Vec::new();
            let mut offered = 0;
            for (id, found) in wanted {
                if let Some(job) = &found
                    && retry(&store, job).await?
                {
                    say(&format!("{id} waits again"));
                    offered += 1;
                } else {
                    missing.push(id.to_string());
                }
            }
            if !missing.is_empty() {
                return Err(Failure::Other(format!("no dead letters: {}", missing.join(", "))));
            }
            say(&match offered {
                0 => "no job was given up: nothing to offer again".to_owned(),
                1 => "1 job waits again".to_owned(),
                count => format!("{count} jobs wait again"),
            });
        }
    }
    store.close().await;
    Ok(())
}

/// Offers a job again, which the audit log tells; `false` when it is given up no more.
async fn retry(store: &Store, job: &DeadJob) -> Result<bool, Failure> {
    let told = job_retried(uuid_v7(), job, SystemClock.now());
    store.revive(job.id, &told).await.map_err(Failure::other)
}
