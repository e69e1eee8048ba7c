//! The load generator: wrk, with a script for each request.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What one run of wrk saw.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Answers of success in a second.
    pub rate: f64,
    /// The share of other answers.
    pub refused: f64,
    /// Requests that got no answer.
    pub broken: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
}

/// Prints one line of JSON at the end, and gives every thread a seed of its own.
const FRAME: &str = r#"
local threads = 0
function setup(thread) threads = threads + 1; thread:set("id", threads) end
function init(args) math.randomseed(id * 7919 + NONCE); n = 0 end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('FIGURES {"requests":%d,"us":%d,"status":%d,"broken":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// Fails with the line that installs wrk when it is not there.
pub fn check() -> Result<()> {
    if Command::new("wrk").arg("--version").output().is_err() {
        bail!("wrk is missing: sudo apt-get update && sudo apt-get install --yes wrk");
    }
    Ok(())
}

/// Runs `script`, which defines `request`.
pub fn run(port: u16, script: &str, nonce: u32, connections: u32, seconds: u32, directory: &Path) -> Result<Figures> {
    let path = directory.join("load.lua");
    std::fs::write(&path, format!("local NONCE = {nonce}\n{FRAME}\n{script}"))?;
    let output = Command::new("wrk")
        .args(["--latency", "--timeout", "10s", "-t2"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{seconds}s"))
        .arg("-s")
        .arg(&path)
        .arg(format!("http://127.0.0.1:{port}/"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("FIGURES "));
    let line = line.with_context(|| format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    let figures: Value = serde_json::from_str(line)?;
    let figure = |name: &str| figures[name].as_f64().with_context(|| format!("no {name}"));
    let (requests, refused) = (figure("requests")?, figure("status")?);
    Ok(Figures {
        rate: (requests - refused) / (figure("us")? / 1e6),
        refused: if requests > 0.0 { refused / requests } else { 0.0 },
        broken: figure("broken")?,
        p50: figure("p50")? / 1000.0,
        p99: figure("p99")? / 1000.0,
    })
}
