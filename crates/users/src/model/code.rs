use std::fmt;
use std::time::Duration as StdDuration;

use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::error::Throttle;
use sharestack_kernel::field::Issue;
use sharestack_kernel::random::Randomness;
use subtle::ConstantTimeEq;

/// What a code is for. One for one thing is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To show that an address is one's own, before or after there is an account.
    Register,
    /// To sign in.
    Login,
    /// To set another password.
    Reset,
    /// To take another address.
    ChangeEmail,
    /// To prove again, within a session, who one is.
    Reauthenticate,
    /// To give the second of two proofs.
    SecondFactor,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] =
        [Self::Register, Self::Login, Self::Reset, Self::ChangeEmail, Self::Reauthenticate, Self::SecondFactor];
    /// Those whose codes can be exchanged for a token: all that are not bound to a user.
    pub const EXCHANGED: [Self; 4] = [Self::Register, Self::Login, Self::Reset, Self::ChangeEmail];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Reset => "reset",
            Self::ChangeEmail => "change_email",
            Self::Reauthenticate => "reauthenticate",
            Self::SecondFactor => "second_factor",
        }
    }

    /// Whether a code for it is of one user, and reaches them alone.
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Reauthenticate | Self::SecondFactor)
    }

    /// Reads a name.
    ///
    /// # Errors
    /// When there is no such purpose.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.as_str() == text);
        found.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// How codes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePolicy {
    /// How many digits one has: 4 to 10.
    pub length: u32,
    /// How long one is good.
    pub ttl: Duration,
    /// How many wrong ones may be tried in [`Self::attempt_window`].
    pub max_attempts: u32,
    /// In what time wrong ones are counted.
    pub attempt_window: Duration,
    /// How long to wait before another is sent.
    pub cooldown: Duration,
    /// How many are sent in 24 hours.
    pub max_daily_sends: u32,
    /// How long what a right one was exchanged for is good.
    pub token_ttl: Duration,
}

impl Default for CodePolicy {
    /// As S2 says: 6 digits, 10 minutes, 3 attempts (in an hour), 60 seconds, 10 a day.
    fn default() -> Self {
        Self {
            length: 6,
            ttl: Duration::minutes(10),
            max_attempts: 3,
            attempt_window: Duration::hours(1),
            cooldown: Duration::seconds(60),
            max_daily_sends: 10,
            token_ttl: Duration::minutes(10),
        }
    }
}

/// A day, in which sends are counted.
pub(crate) const DAY: Duration = Duration::days(1);

/// The digits that somebody was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Draws one: each is as likely as any other.
    pub fn draw(length: u32, randomness: &dyn Randomness) -> Self {
        let length = length.clamp(4, 10);
        let count = 10_u64.pow(length);
        let fair = u64::MAX - u64::MAX % count;
        loop {
            let mut bytes = [0; 8];
            randomness.fill(&mut bytes);
            let number = u64::from_be_bytes(bytes);
            if number < fair {
                return Self(format!("{:0width$}", number % count, width = length as usize));
            }
        }
    }

    /// Reads what somebody typed; blanks and dashes between the digits are dropped.
    ///
    /// # Errors
    /// When no code looks so.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        if text.len() > 64 {
            return Err(Issue::InvalidFormat);
        }
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if digits.is_empty() {
            return Err(Issue::Required);
        }
        if (4..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(digits));
        }
        Err(Issue::InvalidFormat)
    }

    /// The digits, for a message or a hasher.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// What a store keeps of a code: it cannot be tried out without the server's key.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// Wraps what a keyed hash made of a code.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 64 hexadecimal digits, for a store.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads those; `None` when they are none.
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl PartialEq for CodeHash {
    /// In the same time wherever they differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeHash {}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(…)")
    }
}

/// An address and a purpose, as a store knows them: 64 hexadecimal digits that tell nobody
/// without the server's key which address it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeSubject(String);

impl CodeSubject {
    /// Wraps what a keyed hash made of both.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A code that may still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCode {
    /// What is kept of it.
    pub hash: CodeHash,
    /// From now on it is worth nothing.
    pub expires_at: DateTime<Utc>,
}

/// All that is remembered of one address and purpose. Sending another code forgets the one
/// before, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeState {
    /// The code that was sent last, until it is used.
    pub code: Option<LiveCode>,
    /// When codes were sent, the oldest first.
    pub sent: Vec<DateTime<Utc>>,
    /// When wrong ones were tried, the oldest first.
    pub failed: Vec<DateTime<Utc>>,
}

/// What a code is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one, and is used up.
    Right,
    /// It is not, or it is too old.
    Wrong {
        /// How many more wrong ones may be tried now.
        attempts_left: u32,
    },
    /// Too many wrong ones were tried: not even the right one is good now.
    Exhausted(Throttle),
}

impl CodeState {
    /// Notes that a code is sent now, in place of the one before.
    ///
    /// # Errors
    /// When one was sent a moment ago, or too many today.
    pub fn send(&mut self, hash: CodeHash, now: DateTime<Utc>, policy: &CodePolicy) -> Result<(), Throttle> {
        self.sent.retain(|sent| now - *sent < DAY);
        let daily = policy.max_daily_sends as usize;
        if daily == 0 || self.sent.len() >= daily {
            let oldest = self.sent.len().checked_sub(daily).and_then(|place| self.sent.get(place));
            let reset_at = oldest.map_or(now, |oldest| *oldest) + DAY;
            return Err(Throttle::new(policy.max_daily_sends.into(), std(DAY), reset_at, now));
        }
        if let Some(last) = self.sent.last()
            && now - *last < policy.cooldown
        {
            return Err(Throttle::new(1, std(policy.cooldown), *last + policy.cooldown, now));
        }
        self.sent.push(now);
        self.code = Some(LiveCode { hash, expires_at: now + policy.ttl });
        Ok(())
    }

    /// Tries a code. A right one is used up and forgives the wrong ones before it; the last
    /// wrong one that may be tried takes the right one with it.
    pub fn verify(&mut self, claimed: CodeHash, now: DateTime<Utc>, policy: &CodePolicy) -> Verdict {
        self.failed.retain(|failed| now - *failed < policy.attempt_window);
        let most = policy.max_attempts.max(1) as usize;
        if self.failed.len() >= most {
            let reset_at = self.failed[self.failed.len() - most] + policy.attempt_window;
            return Verdict::Exhausted(Throttle::new(most as u64, std(policy.attempt_window), reset_at, now));
        }
        let left = |failed: &[DateTime<Utc>]| u32::try_from(most - failed.len()).unwrap_or(u32::MAX);
        // Without a code there is nothing to guess, and so nothing to count.
        let Some(live) = self.code.as_ref().filter(|code| now < code.expires_at) else {
            self.code = None;
            return Verdict::Wrong { attempts_left: left(&self.failed) };
        };
        if live.hash == claimed {
            *self = Self { sent: std::mem::take(&mut self.sent), ..Self::default() };
            return Verdict::Right;
        }
        self.failed.push(now);
        if self.failed.len() >= most {
            self.code = None;
        }
        Verdict::Wrong { attempts_left: left(&self.failed) }
    }
}

fn std(duration: Duration) -> StdDuration {
    duration.to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests;
