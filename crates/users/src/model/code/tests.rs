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
