//! The `sharestack` binary.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    sharestack_app::cli::main().await
}
