//! Servers as child processes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http;

/// A running server.
pub struct Server {
    child: Child,
    pub port: u16,
    /// From the start of the process to the first 200 of the given path.
    pub ready_after: Duration,
}

impl Server {
    /// Starts a command that listens on `port`, and waits until `probe` answers 200.
    pub fn start(mut command: Command, port: u16, probe: &str) -> Result<Self> {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::null()).stdin(Stdio::null()).spawn()?;
        let ready = || http::request(port, "GET", probe, &[], "").is_ok_and(|answer| answer.status == 200);
        while !ready() {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended: {status}");
            }
            if started.elapsed() > Duration::from_mins(1) {
                drop(child.kill());
                bail!("the server is not ready after a minute");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Self { child, port, ready_after: started.elapsed() })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator does.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.pid().to_string()).status()?;
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(20) {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// A port that is free now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The product's binary: beside this one.
pub fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.parent().context("no directory")?.join("sharestack");
    if !path.exists() {
        bail!("{} is missing: run `cargo build --profile dist --workspace --bins`, or `make bench`", path.display());
    }
    Ok(path)
}

/// The product over a database; its own files lie in `data`.
pub fn product(url: &str, data: &Path, port: u16, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command
        .arg("--config-dir")
        .arg(data)
        .args(arguments)
        .env("DATABASE_URL", url)
        .env("DATA_DIR", data)
        .env("API_HOST", "127.0.0.1")
        .env("API_PORT", port.to_string())
        .env("API_WORKERS", "2")
        .env("LOG_LEVEL", "error")
        .env("RATE_LIMIT_ENABLED", "false")
        .env("ENVIRONMENT", "development");
    Ok(command)
}

/// Starts the product.
pub fn serve(url: &str, data: &Path) -> Result<Server> {
    let port = free_port()?;
    let mut command = product(url, data, port, &["serve"])?;
    // Every login that is refused under load is a line.
    command.stderr(std::fs::File::create(data.join("server.log"))?);
    Server::start(command, port, "/health/ready")
}

/// Starts the floor; without a database it only answers the bytes.
pub fn floor(answers: &Path, url: Option<&str>) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").arg("--port").arg(port.to_string()).arg("--answers").arg(answers);
    if let Some(url) = url {
        command.arg("--url").arg(url);
    }
    Server::start(command, port, "/health/ready")
}
