//! The `sharestack` binary.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Many threads free what others allocated: the system's allocator keeps more and waits more. This
/// one gives back what was freed while nothing happens, too, by a thread of its own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    sharestack_app::cli::main().await
}
