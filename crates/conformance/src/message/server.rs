use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::{Inbox, Received};

/// Who may send through a [`MailServer`] that asks.
pub const SMTP_USER: &str = "mailer";
/// And by what password.
pub const SMTP_PASSWORD: &str = "a password, with spaces";

/// How a [`MailServer`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// In the clear, by anybody.
    None,
    /// Upgraded to TLS, with name and password.
    StartTls,
    /// By TLS, with name and password.
    Tls,
}

/// A mail server in a process of its own: aiosmtpd, which `make test` installs.
pub struct MailServer {
    child: Child,
    port: u16,
    taken: Arc<Taken>,
}

/// What a server was given.
struct Taken {
    /// A line to the server comes back after all that it told before.
    echo: Mutex<(ChildStdin, Receiver<()>)>,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Taken {
    fn mails(&self) -> Vec<Value> {
        let mut echo = self.echo.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(echo.0, "echo").unwrap();
        echo.1.recv_timeout(Duration::from_mins(1)).expect("the mail server runs");
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn fixture(name: &str) -> PathBuf {
    crate::workspace().join("crates/conformance/fixtures/smtp").join(name)
}

/// The authority that the server's certificate comes from.
pub fn ca_file() -> PathBuf {
    fixture("ca.pem")
}

/// A Python with aiosmtpd: the system's before any other.
fn python() -> &'static str {
    let has = |python: &&str| {
        let probe = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(has)
        .expect("Python with aiosmtpd is there: run `make test`, or install python3-aiosmtpd")
}

impl MailServer {
    /// Starts one on a free port.
    pub fn start(protection: Protection) -> Self {
        Self::start_at(protection, 0)
    }

    /// Starts one on this port.
    pub fn start_at(protection: Protection, port: u16) -> Self {
        let (tls, auth) = match protection {
            Protection::None => ("none", "open"),
            Protection::StartTls => ("starttls", "auth"),
            Protection::Tls => ("tls", "auth"),
        };
        let mut child = Command::new(python())
            .arg(fixture("server.py"))
            .args([tls, auth, &port.to_string()])
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the mail server says where it listens").unwrap();
        let port = first.strip_prefix("PORT ").unwrap().parse().unwrap();
        let mails: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (kept, (heard, echoes)) = (mails.clone(), channel());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line == "ECHO" {
                    heard.send(()).ok();
                } else {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(serde_json::from_str(&line).unwrap());
                }
            }
        });
        let echo = Mutex::new((child.stdin.take().unwrap(), echoes));
        Self { child, port, taken: Arc::new(Taken { echo, mails }) }
    }

    /// Where it listens, on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it was given so far, as it says it: at least all whose taking it has confirmed.
    pub fn mails(&self) -> Vec<Value> {
        self.taken.mails()
    }

    /// The same, for the cases.
    pub fn inbox(&self) -> Inbox {
        let taken = self.taken.clone();
        Arc::new(move || {
            let mails = taken.mails().iter().map(received).collect();
            Box::pin(std::future::ready(mails))
        })
    }
}

fn received(mail: &Value) -> Received {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Received {
        to: text(&mail["to"][0]),
        subject: text(&mail["subject"]),
        text: text(&mail["text"]),
        html: mail["html"].as_str().map(str::to_owned),
        message_id: text(&mail["message_id"]),
        headers: mail["headers"].as_array().into_iter().flatten().map(text).collect(),
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
