//! What the figures were seen on, and what else ran there.

use std::process::Command;

use anyhow::{Context, Result};

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Commit, processor, cores, date.
pub fn describe() -> String {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let date = output("date", &["-u", "+%F"]);
    let model = model.trim_start_matches(['\t', ' ', ':']);
    format!("Commit {commit}, {model}, {cores} cores (load generator on the same machine), {date}.")
}

/// What a process has resident, in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub resident: f64,
    /// Pages of its binary and of libraries, which the kernel can drop.
    pub files: f64,
}

/// Resident memory of a process now.
pub fn memory(pid: u32) -> Result<Memory> {
    let pid = pid.to_string();
    Ok(Memory { resident: figure(&pid, "VmRSS:")?, files: figure(&pid, "RssFile:")? })
}

/// Resident memory after ten seconds without requests: the allocator gives back what was
/// freed after a while.
pub fn settled(pid: u32) -> Result<Memory> {
    std::thread::sleep(std::time::Duration::from_secs(10));
    memory(pid)
}

/// Lets the most memory that a process had resident begin with what it has now.
pub fn forget_peak(pid: u32) -> Result<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// The most memory that a process had resident, in MiB; `self` is this one.
pub fn peak(process: &str) -> Result<f64> {
    figure(process, "VmHWM:")
}

fn figure(process: &str, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// Ticks of work since the machine started: all of it, and ours.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    busy: f64,
    idle: f64,
    ours: f64,
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// utime, stime and what ended children used; those of children only when they are ours.
fn ticks(pid: &str, children: bool) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name and the state: ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt
    // utime stime cutime cstime.
    let fields = numbers(stat.rsplit_once(')').map_or("", |(_, rest)| rest));
    fields.iter().skip(10).take(if children { 4 } else { 2 }).sum()
}

impl Work {
    /// Now. Ours are this process, the wrk runs that ended, these servers and PostgreSQL.
    pub fn now(servers: &[u32]) -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let all = numbers(stat.lines().next().unwrap_or_default().trim_start_matches("cpu"));
        let idle: f64 = all.iter().skip(3).take(2).sum();
        let busy = all.iter().take(8).sum::<f64>() - idle;
        let mut ours = ticks("self", true) + servers.iter().map(|pid| ticks(&pid.to_string(), false)).sum::<f64>();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().into_owned();
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if name.trim() == "postgres" {
                ours += ticks(&pid, false);
            }
        }
        Self { busy, idle, ours }
    }

    /// The share of the machine that others used since.
    pub fn others_since(before: Self, servers: &[u32]) -> f64 {
        let now = Self::now(servers);
        let (busy, idle, ours) = (now.busy - before.busy, now.idle - before.idle, now.ours - before.ours);
        if busy + idle > 0.0 { ((busy - ours) / (busy + idle)).max(0.0) } else { 0.0 }
    }
}
