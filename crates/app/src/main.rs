//! The `sharestack` binary.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Many threads free what others allocated: the system's allocator keeps more and waits more. This
/// one gives back what was freed while nothing happens, too, by a thread of its own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return sharestack_app::cli::refuse(&error),
    };
    let ended = runtime.block_on(sharestack_app::cli::main());
    runtime.shutdown_timeout(sharestack_app::server::GRACE);
    ended
}
