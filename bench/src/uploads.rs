//! A large file in pieces: how quickly it comes in, beside the same bytes written to a file
//! while they are hashed, and how much memory the server takes for it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sharestack_media::sample::Sample;

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
    /// MiB that were resident at the most, over those of the idle server.
    pub memory: f64,
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
    command.stderr(File::create(data.join("server.log"))?);
    let server = Server::start(command, port, "/health/ready")?;
    let token = admin(&url, data, port)?;
    // What every first upload takes is no part of it.
    upload(port, &token, &piece, 3)?;
    let idle = machine::resident(server.pid())?;
    let started = Instant::now();
    upload(port, &token, &piece, size)?;
    let rate = mib(size) / started.elapsed().as_secs_f64();
    let memory = machine::peak(&server.pid().to_string())? - idle;
    server.stop()?;
    Ok(Uploaded { size, rate, floor, memory })
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
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut status = String::new();
    for url in urls {
        let path = url.as_str().and_then(|url| url.find("/api/").map(|at| &url[at..])).context("no link")?;
        write!(stream, "PUT {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n\r\n", piece.len())?;
        stream.write_all(piece)?;
        status = read(&mut stream)?;
    }
    if status.contains("\"completed\"") { Ok(()) } else { bail!("the upload did not end: {status}") }
}

/// The body of an answer of known length, after which the connection goes on.
fn read(stream: &mut TcpStream) -> Result<String> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
            if bytes.len() >= end + 4 + length.trim().parse::<usize>()? {
                let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
                return if head.starts_with("http/1.1 200") { Ok(body) } else { bail!("{head}\n{body}") };
            }
        }
        match stream.read(&mut buffer)? {
            0 => bail!("the connection ended"),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
