//! Randomness and UUIDs come in through ports.

use uuid::Uuid;

/// A source of bytes that nobody can guess.
pub trait Randomness: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// 32 unguessable bytes: the size of every token.
    fn token(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes
    }
}

/// The operating system's random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    /// # Panics
    /// When the operating system has no random generator: nothing can be safe then.
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

/// A new `UUIDv7` by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that provides UUIDs")]
pub fn uuid_v7() -> Uuid {
    Uuid::now_v7()
}

/// A counter in place of randomness, so that tests see the same tokens each time.
#[cfg(feature = "mocks")]
#[derive(Debug, Default)]
pub struct CountingRandomness(std::sync::atomic::AtomicU8);

#[cfg(feature = "mocks")]
impl Randomness for CountingRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}
