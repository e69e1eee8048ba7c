//! The `sharestack` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Many threads free what others allocated: the system's allocator keeps more and waits more.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    sharestack_app::cli::main().await
}
