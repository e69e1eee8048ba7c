//! The `sharestack` binary.

use std::process::ExitCode;
use std::time::Duration;

use tikv_jemallocator::Jemalloc;

/// Many threads free what others allocated: the system's allocator keeps more and waits more. This
/// one gives back what was freed while nothing happens, too, by a thread of its own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How long what was cut off may go on. A decoder hears nothing until it is done, which takes it
/// minutes at times; the file that it reads has no name, and its job is taken up again.
const GRACE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return sharestack_app::cli::refuse(&error),
    };
    let ended = runtime.block_on(sharestack_app::cli::main());
    runtime.shutdown_timeout(GRACE);
    ended
}
