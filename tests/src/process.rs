//! The real program in a process of its own, to be stopped or killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::client::Client;
use crate::harness::{PASSWORD, settings};

/// The program, which `cargo build --workspace --bins` puts two levels above a test.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("sharestack");
    assert!(program.exists(), "{} is not built: cargo build --workspace --bins", program.display());
    program
}

/// A command with the settings of the tests, and nothing of this environment's.
pub fn command(data: &Path, arguments: &[&str], variables: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(data).env_clear().envs(settings(data)).envs(variables);
    command
}

/// Makes a super admin by the command line, and signs in.
pub async fn admin(data: &Path, variables: &BTreeMap<String, String>, client: &Client) -> String {
    let arguments = ["admin", "create", "--username", "boss", "--email", "boss@example.com", "--password-stdin"];
    let mut child = command(data, &arguments, variables).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let body = json!({ "username": "boss", "password": PASSWORD });
    let answer = client.post("/api/v1/auth/login", &body).await.expect(200);
    answer.data()["access_token"].as_str().unwrap().to_owned()
}

/// A figure of a process, in KiB.
pub fn memory(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

/// Lets `VmHWM` of a process count from here on: what starting it took is forgotten.
pub fn forget_peak(process: u32) {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

/// The running program.
pub struct Process {
    child: Child,
    pub client: Client,
}

impl Process {
    /// Starts it, and waits until it says where it listens.
    pub fn start(data: &Path, arguments: &[&str], variables: &BTreeMap<String, String>) -> Self {
        Self::launch(command(data, arguments, variables), "listening on ")
    }

    /// Starts a command, and waits until it says a line that begins so; what follows is its address.
    pub fn launch(mut command: Command, sign: &str) -> Self {
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut started = Self { child, client: Client::new("") };
        let lines = BufReader::new(started.child.stdout.take().unwrap());
        let (send, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                drop(send.send(line));
            }
        });
        loop {
            let line = said.recv_timeout(Duration::from_mins(1)).expect("it says that it has started");
            if let Some(address) = line.strip_prefix(sign) {
                address.clone_into(&mut started.client.base);
                return started;
            }
        }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `SIGTERM`, and how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
