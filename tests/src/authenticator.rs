//! What people have beside their password: an app that shows codes.

use sharestack_kernel::clock::{Clock, SystemClock};
use totp_rs::{Algorithm, Builder, Secret};

/// An app that shows codes.
#[derive(Debug, Clone)]
pub struct CodeApp(String);

impl CodeApp {
    /// An app that was fed with this secret.
    pub fn new(base32: &str) -> Self {
        Self(base32.to_owned())
    }

    /// The code of the moment.
    pub fn code(&self) -> String {
        self.code_after(0)
    }

    /// The code that is shown so many seconds from now.
    pub fn code_after(&self, seconds: i64) -> String {
        let secret = Secret::try_from_base32(&self.0).unwrap();
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap();
        let at = SystemClock.now().timestamp() + seconds;
        totp.generate(u64::try_from(at).unwrap()).to_string()
    }

    /// A code of six digits that is none of those around now.
    pub fn wrong_code(&self) -> String {
        let near = [-60, -30, 0, 30, 60].map(|seconds| self.code_after(seconds));
        let wrong = (0..10).map(|n| format!("{n}{n}{n}{n}{n}{n}")).find(|code| !near.contains(code));
        wrong.unwrap()
    }
}
