//! Time comes in through a port.

use chrono::{DateTime, SubsecRound, Utc};

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now, truncated to microseconds: the finest step that every store keeps.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that provides the time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that stands still until it is moved.
#[cfg(feature = "mocks")]
#[derive(Debug, Clone)]
pub struct FakeClock(std::sync::Arc<std::sync::Mutex<DateTime<Utc>>>);

#[cfg(feature = "mocks")]
impl FakeClock {
    /// A clock that shows `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(std::sync::Arc::new(std::sync::Mutex::new(now.trunc_subsecs(6))))
    }

    /// Moves the clock on.
    ///
    /// # Panics
    /// When another holder of the clock panicked.
    pub fn advance(&self, by: chrono::Duration) {
        let mut now = self.0.lock().expect("clock is not poisoned");
        *now += by;
    }
}

#[cfg(feature = "mocks")]
impl Default for FakeClock {
    /// 2026-01-15 10:30 UTC.
    fn default() -> Self {
        Self::at(DateTime::from_timestamp(1_768_473_000, 0).expect("a valid time"))
    }
}

#[cfg(feature = "mocks")]
impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("clock is not poisoned")
    }
}
