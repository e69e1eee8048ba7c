use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

const PRICE: PriceId = PriceId::new(1);

fn at(month: u32, day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, month, day, 0, 0, 0).unwrap()
}

fn incomplete() -> Subscription {
    Subscription::open(SubscriptionId::new(1), UserId::new(2), UserId::new(3), PlanId::new(4), PRICE, at(1, 31))
}

fn active() -> Subscription {
    let mut subscription = incomplete();
    subscription.pay_period(PRICE, Interval::Month, at(1, 31), at(1, 31)).unwrap();
    subscription
}

#[test]
fn a_payment_opens_it_and_the_next_runs_behind_it_on_the_original_day() {
    let mut subscription = active();
    assert_eq!(subscription.current_period_end, Some(at(2, 28)));
    assert_eq!(subscription.pay_period(PRICE, Interval::Month, at(2, 1), at(2, 1)), Ok(Extension::Renewed));
    assert_eq!(
        (subscription.current_period_start, subscription.current_period_end),
        (Some(at(1, 31)), Some(at(3, 31)))
    );
}

#[test]
fn another_price_counts_from_where_the_old_one_ends() {
    let mut subscription = active();
    subscription.pay_period(PriceId::new(2), Interval::Year, at(2, 1), at(2, 1)).unwrap();
    assert_eq!(subscription.current_period_end, Interval::Year.end_after(at(2, 28), 1));
}

#[test]
fn a_lifetime_is_paid_once() {
    let mut subscription = incomplete();
    subscription.pay_period(PRICE, Interval::Lifetime, at(2, 1), at(2, 1)).unwrap();
    assert_eq!(subscription.current_period_end, None);
    assert_eq!(subscription.pay_period(PRICE, Interval::Lifetime, at(3, 1), at(3, 1)), Err(TransitionError::Lifetime));
    assert_eq!(subscription.cancel_at_end(None, at(3, 1)), Err(TransitionError::Lifetime));
    assert_eq!(subscription.state_at(at(12, 31)), SubscriptionState::Active);
    assert_eq!(subscription.cancel_now(None, at(3, 1)), Ok(()));
}

#[test]
fn canceled_at_period_end_it_runs_until_then_and_can_be_resumed() {
    let mut subscription = active();
    subscription.cancel_at_end(CancelReason::parse("too dear").unwrap(), at(2, 1)).unwrap();
    assert_eq!(subscription.cancel_at_end(None, at(2, 1)), Err(TransitionError::AlreadyCanceled));
    assert_eq!(subscription.state_at(at(2, 27)), SubscriptionState::Active);
    assert_eq!(subscription.state_at(at(2, 28)), SubscriptionState::Canceled);
    assert_eq!(subscription.clone().resume(at(2, 28)), Err(TransitionError::Ended));
    subscription.resume(at(2, 27)).unwrap();
    assert_eq!(subscription.cancel_reason, None);
    assert_eq!(subscription.resume(at(2, 27)), Err(TransitionError::NotCanceled));
    assert_eq!(subscription.state_at(at(2, 28)), SubscriptionState::Expired);
}

#[test]
fn nothing_can_be_canceled_before_it_is_paid_or_after_it_ended() {
    assert_eq!(incomplete().cancel_now(None, at(2, 1)), Err(TransitionError::NotPaid));
    assert_eq!(active().cancel_now(None, at(3, 1)), Err(TransitionError::Ended));
}

#[test]
fn a_trial_ends_and_a_payment_during_it_counts_from_its_end() {
    let mut subscription = incomplete();
    subscription.start_trial(TrialDays::parse(7).unwrap(), at(2, 1)).unwrap();
    assert_eq!(subscription.state_at(at(2, 7)), SubscriptionState::Trialing);
    assert_eq!(subscription.state_at(at(2, 8)), SubscriptionState::Expired);
    subscription.pay_period(PRICE, Interval::Month, at(2, 3), at(2, 3)).unwrap();
    assert_eq!((subscription.state, subscription.current_period_end), (SubscriptionState::Active, Some(at(3, 8))));
}

#[test]
fn late_money_opens_it_again() {
    let mut subscription = incomplete();
    assert!(subscription.abandon(at(2, 1)));
    assert_eq!(subscription.live_key(), None);
    assert_eq!(subscription.pay_period(PRICE, Interval::Month, at(2, 2), at(2, 2)), Ok(Extension::Activated));
    assert_eq!(subscription.live_key().as_deref(), Some("2:4"));
    assert_eq!(subscription.ended_at, None);
}

#[derive(Debug, Clone)]
enum Step {
    Pay,
    Trial,
    CancelAtEnd,
    CancelNow,
    Resume,
    Expire,
    Abandon,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Pay),
        Just(Step::Trial),
        Just(Step::CancelAtEnd),
        Just(Step::CancelNow),
        Just(Step::Resume),
        Just(Step::Expire),
        Just(Step::Abandon),
        (1_i64..50).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn no_sequence_reaches_a_state_that_contradicts_itself(steps in prop::collection::vec(step(), 1..60)) {
        let mut subscription = incomplete();
        let mut now = at(1, 31);
        let mut paid = 0;
        for step in steps {
            let end_before = subscription.current_period_end;
            match step {
                Step::Pay => {
                    subscription.pay_period(PRICE, Interval::Month, now, now).unwrap();
                    paid += 1;
                    prop_assert!(subscription.current_period_end.unwrap() > now.max(at(1, 31)));
                    prop_assert!(end_before.is_none_or(|end| subscription.current_period_end.unwrap() > end || subscription.anchor_at == Some(now)));
                }
                Step::Trial => drop(subscription.start_trial(TrialDays::parse(7).unwrap(), now)),
                Step::CancelAtEnd => drop(subscription.cancel_at_end(None, now)),
                Step::CancelNow => drop(subscription.cancel_now(None, now)),
                Step::Resume => drop(subscription.resume(now)),
                Step::Expire => drop(subscription.expire(now)),
                Step::Abandon => drop(subscription.abandon(now)),
                Step::Wait(days) => now += Duration::days(days),
            }
            let state = subscription.state_at(now);
            prop_assert!(!state.is_running() || subscription.current_period_end.is_some_and(|end| end > now));
            prop_assert_eq!(subscription.state.has_ended(), subscription.ended_at.is_some());
            prop_assert_eq!(subscription.live_key().is_none(), subscription.state.has_ended());
            prop_assert!(state != SubscriptionState::Active || paid > 0);
            prop_assert!(!subscription.cancel_at_period_end || subscription.canceled_at.is_some());
        }
    }
}

#[test]
fn late_money_of_an_older_order_does_not_undo_a_cancellation() {
    let mut subscription = active();
    subscription.cancel_at_end(None, at(2, 5)).unwrap();
    assert_eq!(subscription.pay_period(PRICE, Interval::Month, at(2, 1), at(2, 6)), Ok(Extension::Renewed));
    assert!(subscription.cancel_at_period_end);
    assert_eq!(subscription.pay_period(PRICE, Interval::Month, at(2, 7), at(2, 8)), Ok(Extension::Renewed));
    assert!(!subscription.cancel_at_period_end);
}
