//! Demo content for an empty database: what a newcomer sees after the first command.
//!
//! It is made part by part and step by step, and the audit log has an entry of each step that is
//! done and of each part that is whole. Where a run was cut off, the next one goes on: it looks
//! whether the step in which that was is done, makes the steps and parts behind it, and looks at
//! none before, whatever people made of them meanwhile.

mod accounts;
mod articles;
mod portfolio;

use sharestack_platform::events::{DEMO_BEGUN, DEMO_FILLED};
use sharestack_store_seaorm::Turn;
use sharestack_users::ports::AccountQueries as _;

use self::accounts::Cast;
pub use self::accounts::left_in_production;
use crate::config::{Config, ConfigError};
use crate::wiring::App;

/// What the demo is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Accounts,
    Articles,
    Categories,
    Tags,
    Photos,
    Timeline,
}

impl Part {
    /// All of them, each after those that it stands on.
    const ALL: [Self; 6] = [Self::Accounts, Self::Articles, Self::Categories, Self::Tags, Self::Photos, Self::Timeline];

    /// The name in the audit log.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Articles => "articles",
            Self::Categories => "categories",
            Self::Tags => "tags",
            Self::Photos => "photos",
            Self::Timeline => "timeline",
        }
    }
}

/// A part whose steps are being made. The accounts have none: who may sign in is looked at whole.
#[derive(Clone, Copy)]
struct Steps<'a> {
    app: &'a App,
    part: Part,
}

impl Steps<'_> {
    /// Whether a step was done, whatever became of it since.
    ///
    /// # Errors
    /// When the log cannot be read.
    async fn is_done(self, step: usize) -> anyhow::Result<bool> {
        Ok(self.app.audit.was_noted(DEMO_FILLED, Some(self.target(step).as_str())).await?)
    }

    /// Notes that a step is done.
    ///
    /// # Errors
    /// When the log cannot be written.
    async fn done(self, step: usize) -> anyhow::Result<()> {
        Ok(self.app.audit.note_operated(DEMO_FILLED, Some(self.target(step).as_str())).await?)
    }

    fn target(self, step: usize) -> String {
        format!("{}/{step}", self.part.as_str())
    }
}

/// Whether there may be demo content at all.
///
/// # Errors
/// In production.
pub fn permit(config: &Config) -> Result<(), ConfigError> {
    if config.is_production() {
        return Err(ConfigError::new("demo", "its accounts have known passwords: production refuses them"));
    }
    Ok(())
}

/// Fills an empty database, or goes on where a run was cut off; what to tell the newcomer, line
/// by line. A database that ever had an account of somebody else's, or all of the demo, is left
/// alone. Where another run is at it, this one waits and finds what that one made.
///
/// # Errors
/// When something cannot be written.
pub async fn fill(app: &App) -> anyhow::Result<Vec<String>> {
    let turn = app.store.take_turn(Turn::Demo).await?;
    let told = fill_alone(app).await;
    turn.release().await;
    told
}

async fn fill_alone(app: &App) -> anyhow::Result<Vec<String>> {
    let missing = missing(app).await?;
    let mut told = Vec::new();
    if missing.is_empty() {
        told.push("the database is not empty: no demo content was added".to_owned());
    } else if !make(app, &missing).await? {
        told.push("the demo content is not whole and stays so: its accounts are somebody's by now".to_owned());
    }
    told.extend(accounts::open(app).await?);
    Ok(told)
}

/// The parts that are still to be made, in their order.
async fn missing(app: &App) -> anyhow::Result<Vec<Part>> {
    if !app.audit.was_noted(DEMO_BEGUN, None).await? {
        // Who was deleted counts: demo accounts that somebody removed do not come back.
        if app.store.count_ever().await? > 0 {
            return Ok(Vec::new());
        }
        app.audit.note_operated(DEMO_BEGUN, None).await?;
    }
    let mut missing = Vec::new();
    for part in Part::ALL {
        if !app.audit.was_noted(DEMO_FILLED, Some(part.as_str())).await? {
            missing.push(part);
        }
    }
    Ok(missing)
}

/// Makes these parts; `false` when they are left, because the demo's accounts are somebody's.
async fn make(app: &App, missing: &[Part]) -> anyhow::Result<bool> {
    if missing.contains(&Part::Accounts) && !accounts::make(app).await? {
        return Ok(false);
    }
    let Some(Cast { admin, creator }) = accounts::cast(app).await? else { return Ok(false) };
    for part in missing {
        let steps = Steps { app, part: *part };
        match part {
            Part::Accounts => {}
            Part::Articles => articles::make(steps, &creator).await?,
            Part::Categories => portfolio::make_categories(steps, &admin).await?,
            Part::Tags => portfolio::make_tags(steps, &admin).await?,
            Part::Photos => portfolio::make_photos(steps, &creator).await?,
            Part::Timeline => portfolio::make_timeline(steps, &admin, &creator).await?,
        }
        app.audit.note_operated(DEMO_FILLED, Some(part.as_str())).await?;
    }
    Ok(true)
}
