//! [`sharestack_billing::ports::access`].

use sharestack_billing::model::interval::Interval;
use sharestack_billing::model::subscription::SubscriptionState;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, plan, step, subscription};

/// What a reader holds or held, never-paid subscriptions and other creators left out.
pub async fn holdings_leave_out_what_was_never_paid(subject: Subject) {
    let (paid, unpaid) = (plan(&subject, CREATOR, 100).await, plan(&subject, CREATOR, 200).await);
    let elsewhere = plan(&subject, UserId::new(9), 300).await;
    let mut one = subscription(&subject, &paid, READER).await;
    one.pay_period(paid.price.id, Interval::Month, subject.now(), subject.now()).unwrap();
    one.cancel_at_end(None, subject.now()).unwrap();
    step!(subject, PortError, |tx| Ok(tx.subscriptions().update(&one).await?)).unwrap();
    subscription(&subject, &unpaid, READER).await;
    subscription(&subject, &elsewhere, READER).await;
    let held = subject.access.holdings(READER, &[CREATOR, UserId::new(8)]).await.unwrap();
    let [holding] = held.as_slice() else { panic!("{held:?}") };
    assert_eq!((holding.creator_id, holding.plan_id), (CREATOR, paid.id));
    assert_eq!((holding.state, holding.cancel_at_period_end), (SubscriptionState::Active, true));
    assert_eq!(holding.period_end, one.current_period_end);
    assert!(subject.access.holdings(UserId::new(3), &[CREATOR]).await.unwrap().is_empty());
}
