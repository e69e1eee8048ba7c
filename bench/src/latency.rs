//! What one client waits for its answers, one after another.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::http::Connection;

/// Milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    /// How many answers there were.
    pub count: usize,
}

/// So many answers are waited for before any is noted. PostgreSQL plans a prepared statement anew for its first five
/// executions on a connection, and the pool takes its connections (16) in turn.
const WARM: usize = 16 * 6 * 2;
/// No figure is of fewer, unless they take too long.
const FEWEST: usize = 100;

/// Asks for one path after another, over one connection.
pub fn measure(port: u16, paths: &[String], seconds: u32) -> Result<Waits> {
    let mut connection = Connection::open(port)?;
    let mut ask = |path: &String| -> Result<f64> {
        let started = Instant::now();
        let answer = connection.send("GET", path, &[], b"")?;
        if answer.status != 200 {
            bail!("{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(started.elapsed().as_secs_f64() * 1000.0)
    };
    let time = Duration::from_secs(seconds.into());
    let warming = Instant::now();
    for path in paths.iter().cycle().take(WARM.max(paths.len())) {
        ask(path)?;
        if warming.elapsed() > time {
            break;
        }
    }
    let (started, mut waits) = (Instant::now(), Vec::new());
    for path in paths.iter().cycle() {
        let passed = started.elapsed();
        if passed > time && waits.len() >= FEWEST || passed > 3 * time && !waits.is_empty() {
            break;
        }
        waits.push(ask(path)?);
    }
    waits.sort_by(f64::total_cmp);
    let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    Ok(Waits { p50: at(50), p95: at(95), p99: at(99), count: waits.len() })
}
