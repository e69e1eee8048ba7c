//! Reads beside a login storm: hashing must not take the place of everything else.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cases::Case;
use crate::http;
use crate::machine::Work;
use crate::server::Server;
use crate::wrk::{self, Figures};

/// How many connections read, and how many log in beside them.
pub const CONNECTIONS: u32 = 64;

/// One line of the table.
pub struct Storm {
    pub database: &'static str,
    pub reads: String,
    pub quiet: Figures,
    pub stormy: Figures,
    /// Logins that went on meanwhile.
    pub logins: Figures,
    /// The share of the machine that others took.
    pub others: f64,
}

/// Where it is measured.
pub struct Place<'a> {
    pub product: &'a Server,
    pub seconds: u32,
    pub directory: &'a Path,
}

/// How long the storm may take to come, and to go.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until passwords are hashed.
fn wait_until_busy(port: u16) -> Result<()> {
    wait_for(port, |hashes| hashes > 0.0).context("nobody logged in")
}

/// Waits until no password is hashed any more: what a load that ended has left in the queue would
/// take its part of the next one's time.
pub fn wait_until_calm(port: u16) -> Result<()> {
    // Between one hash and the next there may be none.
    for _ in 0..5 {
        wait_for(port, |hashes| hashes == 0.0).context("hashing did not end")?;
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn wait_for(port: u16, hashes_are: impl Fn(f64) -> bool) -> Result<()> {
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        let figures = http::request(port, "GET", "/metrics", &[], "")?.body;
        let figures = String::from_utf8_lossy(&figures).into_owned();
        let hashes = figures.lines().filter_map(|line| line.strip_prefix("argon2_in_flight ")?.parse::<f64>().ok());
        if hashes_are(hashes.sum::<f64>()) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    bail!("not within {PATIENCE:?}")
}

/// Measures `reads` alone, and then while `logins` keeps the hashers busy.
pub fn measure(place: &Place<'_>, database: &'static str, reads: &Case, logins: &Case, nonce: u32) -> Result<Storm> {
    let pids = [place.product.pid()];
    let (port, seconds) = (place.product.port, place.seconds);
    // wrk's script is a file: each of the two has a directory of its own.
    let beside = place.directory.join("storm");
    std::fs::create_dir_all(&beside)?;
    let read = |nonce, seconds| wrk::run(port, &reads.script, nonce, CONNECTIONS, seconds, place.directory);
    wait_until_calm(port)?;
    let before = Work::now(&pids);
    let quiet = read(nonce, seconds)?;
    let (stormy, logins) = std::thread::scope(|scope| {
        // It starts before the reads and ends after them.
        let storm = scope.spawn(|| wrk::run(port, &logins.script, nonce + 1, CONNECTIONS, seconds + 2, &beside));
        wait_until_busy(port)?;
        let stormy = read(nonce + 2, seconds);
        let logins = storm.join().ok().context("the storm did not end")?;
        anyhow::Ok((stormy?, logins?))
    })?;
    Ok(Storm { database, reads: reads.name.clone(), quiet, stormy, logins, others: Work::others_since(before, &pids) })
}
