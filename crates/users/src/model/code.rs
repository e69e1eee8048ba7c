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
mod tests {
    use proptest::prelude::*;
    use sharestack_kernel::clock::{Clock, FakeClock};
    use sharestack_kernel::random::{CountingRandomness, SystemRandomness};

    use super::*;

    fn hash(number: u8) -> CodeHash {
        CodeHash::new([number; 32])
    }

    #[test]
    fn codes_have_their_length_and_every_digit() {
        let mut seen = [false; 10];
        for _ in 0..200 {
            let code = Code::draw(6, &SystemRandomness);
            assert!(code.expose().len() == 6 && Code::parse(code.expose()).as_ref() == Ok(&code));
            code.expose().bytes().for_each(|b| seen[usize::from(b - b'0')] = true);
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(Code::draw(6, &CountingRandomness::default()).expose(), "000000");
        assert_eq!(Code::draw(4, &SystemRandomness).expose().len(), 4);
        assert!(!format!("{:?}", Code::draw(6, &SystemRandomness)).contains(char::is_numeric));
    }

    #[test]
    fn what_people_type_is_read() {
        for text in ["012345", " 012 345 ", "012-345"] {
            assert_eq!(Code::parse(text).unwrap().expose(), "012345");
        }
        let long = "1".repeat(1 << 20);
        for text in ["123", "12345678901", "12345a", "１２３４５６", "' OR 1=1", "\0\0\0\0\0\0", &long] {
            assert_eq!(Code::parse(text), Err(Issue::InvalidFormat), "{text:?}");
        }
        assert_eq!(Code::parse("  "), Err(Issue::Required));
    }

    #[test]
    fn a_re_send_gives_no_further_attempts() {
        let (clock, policy, mut state) = (FakeClock::default(), CodePolicy::default(), CodeState::default());
        state.send(hash(1), clock.now(), &policy).unwrap();
        for left in [2, 1, 0] {
            assert_eq!(state.verify(hash(9), clock.now(), &policy), Verdict::Wrong { attempts_left: left });
        }
        clock.advance(policy.cooldown);
        state.send(hash(2), clock.now(), &policy).unwrap();
        let Verdict::Exhausted(throttle) = state.verify(hash(2), clock.now(), &policy) else { panic!() };
        assert_eq!((throttle.limit, throttle.window.as_secs(), throttle.wait.as_secs()), (3, 3600, 3540));
        clock.advance(policy.attempt_window - policy.cooldown);
        assert_eq!(state.verify(hash(2), clock.now(), &policy), Verdict::Wrong { attempts_left: 3 }, "it is too old");
        state.send(hash(3), clock.now(), &policy).unwrap();
        assert_eq!(state.verify(hash(3), clock.now(), &policy), Verdict::Right);
        assert_eq!(state.verify(hash(3), clock.now(), &policy), Verdict::Wrong { attempts_left: 3 });
    }

    #[test]
    fn the_last_wrong_one_takes_the_right_one_with_it() {
        let (clock, mut state) = (FakeClock::default(), CodeState::default());
        let policy = CodePolicy { attempt_window: Duration::minutes(1), ..CodePolicy::default() };
        state.send(hash(1), clock.now(), &policy).unwrap();
        for _ in 0..3 {
            state.verify(hash(9), clock.now(), &policy);
        }
        clock.advance(Duration::minutes(2));
        assert_eq!(state.verify(hash(1), clock.now(), &policy), Verdict::Wrong { attempts_left: 3 });
    }

    /// Ten in any 24 hours, one in any 60 seconds.
    #[test]
    fn sends_are_counted_over_a_day_that_slides() {
        let (clock, policy, mut state) = (FakeClock::default(), CodePolicy::default(), CodeState::default());
        let start = clock.now();
        for _ in 0..10 {
            state.send(hash(1), clock.now(), &policy).unwrap();
            let soon = state.send(hash(2), clock.now(), &policy).unwrap_err();
            assert_eq!(soon.window.as_secs(), if state.sent.len() < 10 { 60 } else { 86_400 });
            clock.advance(Duration::hours(2));
        }
        let refused = state.send(hash(1), clock.now(), &policy).unwrap_err();
        assert_eq!((refused.limit, refused.reset_at), (10, start + DAY));
        clock.advance(Duration::hours(4));
        state.send(hash(1), clock.now(), &policy).unwrap();
        assert!(state.send(hash(1), clock.now() + Duration::minutes(2), &policy).is_err());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Send,
        /// The code that was sent so many sends ago.
        TryOlder(usize),
        TryWrong,
        Wait(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Send),
            3 => (0..3_usize).prop_map(Step::TryOlder),
            4 => Just(Step::TryWrong),
            // Around every edge: cooldown, life, window, day.
            4 => prop_oneof![Just(1), Just(59), Just(60), Just(599), Just(600), Just(3599), Just(3600), Just(7200), Just(86_399), Just(86_400), 0..90_000_i64]
                .prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 0..60)
    }

    /// Everything that ever happened, and nothing forgotten: slow, and plainly right.
    #[derive(Default)]
    struct Log {
        sent: Vec<i64>,
        wrong: Vec<i64>,
        forgiven: usize,
        used: bool,
    }

    impl Log {
        fn may_send(&self, now: i64) -> bool {
            self.sent.iter().filter(|sent| now - **sent < 86_400).count() < 10
                && self.sent.iter().all(|sent| now - *sent >= 60)
        }

        fn wrong_lately(&self, now: i64) -> usize {
            self.wrong[self.forgiven..].iter().filter(|wrong| now - **wrong < 3600).count()
        }

        fn is_live(&self, now: i64) -> bool {
            !self.used && self.sent.last().is_some_and(|sent| now - sent < 600)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_sequence_of_sends_tries_and_waits_agrees_with_the_model(steps in steps()) {
            let (clock, policy) = (FakeClock::default(), CodePolicy::default());
            let (start, mut state, mut log) = (clock.now(), CodeState::default(), Log::default());
            let mut sent: Vec<u8> = Vec::new();
            for step in steps {
                let now = (clock.now() - start).num_seconds();
                match step {
                    Step::Wait(seconds) => clock.advance(Duration::seconds(seconds)),
                    Step::Send => {
                        let next = u8::try_from(sent.len() % 250).unwrap();
                        let done = state.send(hash(next), clock.now(), &policy);
                        prop_assert_eq!(done.is_ok(), log.may_send(now));
                        match done {
                            Ok(()) => {
                                sent.push(next);
                                log.sent.push(now);
                                log.used = false;
                            }
                            Err(throttle) => {
                                // Who waits as long as was said is let through.
                                let later = now + i64::try_from(throttle.wait.as_secs()).unwrap();
                                prop_assert!(log.may_send(later) || throttle.window.as_secs() == 60);
                                prop_assert!(throttle.reset_at > clock.now());
                            }
                        }
                    }
                    Step::TryOlder(_) | Step::TryWrong => {
                        let (claimed, is_latest) = match step {
                            Step::TryOlder(ago) => match sent.len().checked_sub(ago + 1) {
                                Some(place) => (sent[place], ago == 0),
                                None => (251, false),
                            },
                            _ => (251, false),
                        };
                        let (before, live) = (log.wrong_lately(now), log.is_live(now));
                        let verdict = state.verify(hash(claimed), clock.now(), &policy);
                        match verdict {
                            Verdict::Exhausted(throttle) => {
                                prop_assert_eq!(before, 3);
                                prop_assert!(throttle.reset_at > clock.now());
                            }
                            Verdict::Right => {
                                prop_assert!(before < 3 && live && is_latest);
                                log.used = true;
                                log.forgiven = log.wrong.len();
                            }
                            Verdict::Wrong { attempts_left } => {
                                prop_assert!(before < 3 && !(live && is_latest));
                                if live {
                                    log.wrong.push(now);
                                    log.used |= before == 2;
                                }
                                prop_assert_eq!(attempts_left as usize, 3 - before - usize::from(live));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_hash_reads_back_and_does_not_show_itself() {
        let hash = hash(7);
        assert_eq!(CodeHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(CodeHash::from_hex("07"), None);
        assert_eq!(CodeHash::from_hex("no digits"), None);
        assert_eq!(format!("{hash:?}"), "CodeHash(…)");
    }

    #[test]
    fn a_purpose_is_one_of_a_list() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Ok(purpose));
        }
        assert!(matches!(Purpose::parse("anything"), Err(Issue::NotAllowed { .. })));
    }
}
