//! A large file in pieces: how quickly it comes in, beside the same bytes written to a file
//! while they are hashed, and how much memory the server takes for it.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sharestack_media::sample::Sample;

use crate::http::Connection;
use crate::server::{self, Server};
use crate::{http, machine, seed};

const PIECE: usize = 1 << 20;

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Uploaded {
    /// MiB of the file.
    pub size: usize,
    /// MiB a second, from the first piece to the file.
    pub rate: f64,
    /// MiB a second of a file that is only written and hashed.
    pub floor: f64,
    /// MiB that were resident before it.
    pub idle: f64,
    /// MiB that were resident at the most meanwhile.
    pub peak: f64,
}

/// Uploads a file of so many MiB.
pub fn measure(size: usize) -> Result<Uploaded> {
    let directory = tempfile::tempdir()?;
    let mut piece = Sample::plain(1, 1, [7; 3]).jpeg();
    piece.resize(PIECE, 7);
    let floor = floor(&directory.path().join("floor"), &piece, size)?;

    let data = directory.path();
    let url = format!("sqlite://{}/bench.db", data.display());
    let port = server::free_port()?;
    let mut command = server::product(&url, data, port, &["serve", "--no-worker"])?;
    command.env("SHARESTACK__UPLOAD__MAX_FILE_SIZE", (size * PIECE).to_string());
    command.stderr(File::create(data.join("server.log"))?);
    let server = Server::start(command, port, "/health/ready")?;
    let token = admin(&url, data, port)?;
    // What every first upload takes is no part of it.
    upload(port, &token, &piece, 3)?;
    let idle = machine::settled(server.pid())?.resident;
    machine::forget_peak(server.pid())?;
    let started = Instant::now();
    upload(port, &token, &piece, size)?;
    let rate = mib(size) / started.elapsed().as_secs_f64();
    let peak = machine::peak(&server.pid().to_string())?;
    server.stop()?;
    Ok(Uploaded { size, rate, floor, idle, peak })
}

fn mib(size: usize) -> f64 {
    u32::try_from(size).map_or(f64::INFINITY, f64::from)
}

fn floor(path: &std::path::Path, piece: &[u8], size: usize) -> Result<f64> {
    let (started, mut file, mut hash) = (Instant::now(), File::create(path)?, Sha256::new());
    for _ in 0..size {
        file.write_all(piece)?;
        hash.update(piece);
    }
    std::hint::black_box(hash.finalize());
    drop(file);
    let rate = mib(size) / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

fn admin(url: &str, data: &std::path::Path, port: u16) -> Result<String> {
    let arguments = ["admin", "create", "--username", "boss", "--email", "boss@example.com", "--password-stdin"];
    let mut child =
        server::product(url, data, port, &arguments)?.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("no input")?.write_all(seed::PASSWORD.as_bytes())?;
    if !child.wait()?.success() {
        bail!("no account was made");
    }
    let body = json!({ "username": "boss", "password": seed::PASSWORD }).to_string();
    let answer = http::request(port, "POST", "/api/v1/auth/login", &[("content-type", "application/json")], &body)?;
    let value: Value = serde_json::from_slice(&answer.body)?;
    value["data"]["access_token"].as_str().map(str::to_owned).with_context(|| format!("login: {value}"))
}

/// One upload, over one connection.
fn upload(port: u16, token: &str, piece: &[u8], size: usize) -> Result<()> {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({ "filename": "large.jpg", "file_size": size * PIECE, "chunk_size": PIECE }).to_string();
    let answer = http::request(port, "POST", "/api/v1/upload/chunked/init", &headers, &body)?;
    let begun: Value = serde_json::from_slice(&answer.body)?;
    let urls = begun["data"]["upload_urls"].as_array().with_context(|| format!("no upload: {begun}"))?;
    let mut connection = Connection::open(port)?;
    let mut last = String::new();
    for url in urls {
        let path = url.as_str().and_then(|url| url.find("/api/").map(|at| &url[at..])).context("no link")?;
        let answer = connection.send("PUT", path, &[], piece)?;
        last = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != 200 {
            bail!("{}: {last}", answer.status);
        }
    }
    if last.contains("\"completed\"") { Ok(()) } else { bail!("the upload did not end: {last}") }
}
