//! [`sharestack_billing::ports::subscription`].

use chrono::Duration;
use sharestack_billing::model::interval::Interval;
use sharestack_billing::model::plan::TrialDays;
use sharestack_billing::model::subscription::{CancelReason, Subscription, SubscriptionState};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, new_subscription, order, plan, step, subscription};

async fn update(subject: &Subject, one: &Subscription) -> Result<(), PortError> {
    step!(subject, PortError, |tx| Ok(tx.subscriptions().update(one).await?))
}

async fn insert(subject: &Subject, one: &Subscription) -> Result<(), PortError> {
    step!(subject, PortError, |tx| Ok(tx.subscriptions().insert(one).await?))
}

/// Every field survives, by every way to find it.
pub async fn an_inserted_subscription_is_found_as_it_was(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let mut one = subscription(&subject, &plan, READER).await;
    one.pay_period(plan.price.id, Interval::Month, subject.now(), subject.now()).unwrap();
    one.cancel_at_end(CancelReason::parse("太贵").unwrap(), subject.now()).unwrap();
    update(&subject, &one).await.unwrap();
    one.version += 1;
    let found = step!(subject, StoreError, |tx| {
        let found = tx.subscriptions().find_by_id(one.id).await?;
        let locked = tx.subscriptions().lock_by_id(one.id).await?;
        let live = tx.subscriptions().find_live(READER, plan.id).await?;
        Ok([found, locked, live])
    });
    assert_eq!(found.unwrap(), [(); 3].map(|()| Some(one.clone())));
    let view = subject.subscriptions.find(one.id).await.unwrap().unwrap();
    assert_eq!((view.subscription, view.terms), (one, plan.price.terms));
    assert_eq!((view.plan_name.as_str(), view.creator.id, view.subscriber.id), (plan.name.as_str(), CREATOR, READER));
}

/// MUST return `Taken` when another one with the same live key has not ended.
pub async fn a_second_live_one_is_refused_until_the_first_has_ended(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let mut first = subscription(&subject, &plan, READER).await;
    let second = new_subscription(&subject, &plan, READER).await;
    assert!(matches!(insert(&subject, &second).await, Err(PortError::Taken)));
    subscription(&subject, &plan, UserId::new(3)).await;
    assert!(first.abandon(subject.now()));
    update(&subject, &first).await.unwrap();
    insert(&subject, &second).await.unwrap();
    let live = step!(subject, StoreError, |tx| tx.subscriptions().find_live(READER, plan.id).await).unwrap();
    assert_eq!(live.map(|live| live.id), Some(second.id));
}

/// MUST also return `Stale` when it takes a live key that another one has.
pub async fn taking_a_live_key_that_another_has_is_stale(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let mut ended = subscription(&subject, &plan, READER).await;
    ended.abandon(subject.now());
    update(&subject, &ended).await.unwrap();
    ended.version += 1;
    subscription(&subject, &plan, READER).await;
    ended.pay_period(plan.price.id, Interval::Month, subject.now(), subject.now()).unwrap();
    assert!(matches!(update(&subject, &ended).await, Err(PortError::Stale)));
}

/// MUST still have the version it was read with.
pub async fn an_update_of_an_old_version_is_stale(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let mut one = subscription(&subject, &plan, READER).await;
    one.pay_period(plan.price.id, Interval::Month, subject.now(), subject.now()).unwrap();
    update(&subject, &one).await.unwrap();
    assert!(matches!(update(&subject, &one).await, Err(PortError::Stale)));
}

/// Whether a reader ever had a trial of a plan, ended or not.
pub async fn a_trial_is_remembered(subject: Subject) {
    let plan = plan(&subject, CREATOR, 1990).await;
    let had = || async { step!(subject, StoreError, |tx| tx.subscriptions().had_trial(READER, plan.id).await) };
    let mut one = subscription(&subject, &plan, READER).await;
    assert!(!had().await.unwrap());
    one.start_trial(TrialDays::parse(7).unwrap(), subject.now()).unwrap();
    one.cancel_now(None, subject.now()).unwrap();
    update(&subject, &one).await.unwrap();
    assert!(had().await.unwrap());
}

/// MUST count a subscription whose period has ended as ended, noted or not.
pub async fn a_period_that_ended_counts_as_ended_noted_or_not(subject: Subject) {
    let plans = [plan(&subject, CREATOR, 1).await, plan(&subject, CREATOR, 2).await, plan(&subject, CREATOR, 3).await];
    let intervals = [Interval::Month, Interval::Month, Interval::Lifetime];
    for (index, (plan, interval)) in plans.iter().zip(intervals).enumerate() {
        let mut one = subscription(&subject, plan, READER).await;
        one.pay_period(plan.price.id, interval, subject.now(), subject.now()).unwrap();
        if index == 1 {
            one.cancel_at_end(None, subject.now()).unwrap();
        }
        update(&subject, &one).await.unwrap();
    }
    let count = |state, days| {
        let (queries, now) = (subject.subscriptions.clone(), subject.now() + Duration::days(days));
        async move { queries.list(READER, state, now, PageRequest::default()).await.unwrap().total }
    };
    assert_eq!(count(None, 0).await, 3);
    assert_eq!(count(Some(SubscriptionState::Active), 0).await, 3);
    assert_eq!(count(Some(SubscriptionState::Active), 40).await, 1);
    assert_eq!(count(Some(SubscriptionState::Expired), 40).await, 1);
    assert_eq!(count(Some(SubscriptionState::Canceled), 40).await, 1);
    assert_eq!(count(Some(SubscriptionState::Incomplete), 0).await, 0);
}

/// MUST count a reader once, whatever they subscribed to, while a subscription runs.
pub async fn subscribers_are_counted_once_while_they_run(subject: Subject) {
    let [one, two, other] =
        [plan(&subject, CREATOR, 1).await, plan(&subject, CREATOR, 2).await, plan(&subject, READER, 3).await];
    for (plan, reader) in [(&one, READER), (&two, READER), (&one, UserId::new(3)), (&other, UserId::new(3))] {
        let mut paid = subscription(&subject, plan, reader).await;
        paid.pay_period(plan.price.id, Interval::Month, subject.now(), subject.now()).unwrap();
        update(&subject, &paid).await.unwrap();
    }
    subscription(&subject, &two, UserId::new(4)).await;
    let count = |creator, days| {
        let (queries, now) = (subject.subscriptions.clone(), subject.now() + Duration::days(days));
        async move { queries.count_subscribers(creator, now).await.unwrap() }
    };
    assert_eq!((count(CREATOR, 0).await, count(READER, 0).await, count(UserId::new(9), 0).await), (2, 1, 0));
    assert_eq!(count(CREATOR, 40).await, 0);
}

/// MUST have every one whose end is not noted, and every one with an unpaid order.
pub async fn what_is_not_done_with_is_listed_for_both_sides(subject: Subject) {
    let mut ids = Vec::new();
    for number in 0..5 {
        let plan = plan(&subject, CREATOR, 1 + number).await;
        let mut one = subscription(&subject, &plan, READER).await;
        match number {
            // Not paid, with an order.
            0 => {
                order(&subject, &plan, &one, "a").await;
            }
            // Over, and nobody noted it.
            1 => {
                one.pay_period(plan.price.id, Interval::Month, subject.now(), subject.now()).unwrap();
            }
            // Ended.
            2 => assert!(one.abandon(subject.now())),
            // Ended, and an order is still to be paid.
            3 => {
                order(&subject, &plan, &one, "b").await;
                assert!(one.abandon(subject.now()));
            }
            // Ended, and its order too.
            _ => {
                let mut closed = order(&subject, &plan, &one, "c").await;
                closed.close(subject.now()).unwrap();
                step!(subject, PortError, |tx| Ok(tx.orders().update(&closed).await?)).unwrap();
                assert!(one.abandon(subject.now()));
            }
        }
        update(&subject, &one).await.unwrap();
        ids.push(one.id);
    }
    subject.clock.advance(Duration::days(40));
    let open = [ids[0], ids[1], ids[3]];
    for party in [READER, CREATOR] {
        assert_eq!(subject.subscriptions.unfinished(party, None, 10).await.unwrap(), open);
        assert_eq!(subject.subscriptions.unfinished(party, None, 2).await.unwrap(), open[..2]);
        assert_eq!(subject.subscriptions.unfinished(party, Some(open[1]), 2).await.unwrap(), open[2..]);
    }
    assert_eq!(subject.subscriptions.unfinished(UserId::new(9), None, 10).await.unwrap(), []);
}
