//! The `sharestack` binary.

use std::hint::black_box;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use mimalloc::MiMalloc;

/// Many threads free what others allocated: the system's allocator keeps more and waits more.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How often freed memory is given back.
const TIDY: Duration = Duration::from_secs(5);

/// Gives freed memory back to the system. The allocator does so a second after it was freed at
/// the earliest, and only when it is asked for more or when a thread ends: a server that is
/// done with its requests, or has not got any, would keep it.
fn keep_tidy() {
    let tidy = || {
        loop {
            thread::sleep(TIDY);
            let _ = thread::spawn(|| drop(black_box(Box::new(0_u8)))).join();
        }
    };
    // Without it more memory is kept, and nothing else happens.
    let _ = thread::Builder::new().name("tidy".to_owned()).spawn(tidy);
}

#[tokio::main]
async fn main() -> ExitCode {
    keep_tidy();
    sharestack_app::cli::main().await
}
