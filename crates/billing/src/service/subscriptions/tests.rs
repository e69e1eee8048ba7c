use chrono::Duration;

use super::*;
use crate::model::interval::Interval;
use crate::model::order::OrderState;
use crate::model::subscription::TransitionError;
use crate::testing::{CREATOR, READER, World, payer};

fn cancel(id: SubscriptionId, at_period_end: bool) -> Cancel {
    Cancel { id, subscriber_id: READER, at_period_end, reason: CancelReason::parse("no time").unwrap() }
}

#[tokio::test]
async fn canceled_at_period_end_it_runs_on_and_tells_so() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.subscription.id;
    let canceled = world.subscriptions.cancel(&cancel(id, true)).await.unwrap();
    assert_eq!((canceled.state, canceled.cancel_at_period_end), (SubscriptionState::Active, true));
    assert_eq!(world.store.books().event_kinds().last(), Some(&"subscription.canceled_scheduled"));
    let again = world.subscriptions.cancel(&cancel(id, true)).await;
    assert!(matches!(again, Err(SubscriptionError::Transition(TransitionError::AlreadyCanceled))));
    world.wait(Duration::days(31));
    assert!(world.expire_subscription.expire(id).await.unwrap());
    let books = world.store.books();
    assert_eq!(books.subscriptions[&id].state, SubscriptionState::Canceled);
    assert_eq!(books.event_kinds().last(), Some(&"subscription.canceled"));
}

#[tokio::test]
async fn resumed_before_the_end_it_is_as_before() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.subscription.id;
    let not_canceled = world.subscriptions.resume(READER, id).await;
    assert!(matches!(not_canceled, Err(SubscriptionError::Transition(TransitionError::NotCanceled))));
    world.subscriptions.cancel(&cancel(id, true)).await.unwrap();
    assert!(!world.subscriptions.resume(READER, id).await.unwrap().cancel_at_period_end);
    world.subscriptions.cancel(&cancel(id, true)).await.unwrap();
    world.wait(Duration::days(40));
    let too_late = world.subscriptions.resume(READER, id).await;
    assert!(matches!(too_late, Err(SubscriptionError::Transition(TransitionError::Ended))));
}

#[tokio::test]
async fn canceled_at_once_it_ends_and_its_unpaid_orders_close() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.subscription.id;
    let renewal = world.checkout.renew(id, &payer("renew")).await.unwrap();
    let canceled = world.subscriptions.cancel(&cancel(id, false)).await.unwrap();
    assert_eq!((canceled.state, canceled.ended_at), (SubscriptionState::Canceled, Some(world.now())));
    assert_eq!(world.store.books().orders[&renewal.order.id].state, OrderState::Closed);
}

#[tokio::test]
async fn only_its_reader_and_its_creator_see_it_and_only_its_reader_ends_it() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.subscription.id;
    assert!(world.subscriptions.find(READER, id).await.is_ok());
    assert!(world.subscriptions.find(CREATOR, id).await.is_ok());
    let stranger = UserId::new(9);
    assert!(matches!(world.subscriptions.find(stranger, id).await, Err(SubscriptionError::NotFound(_))));
    for user in [CREATOR, stranger] {
        let refused = world.subscriptions.cancel(&Cancel { subscriber_id: user, ..cancel(id, false) }).await;
        assert!(matches!(refused, Err(SubscriptionError::NotFound(_))));
        assert!(matches!(world.subscriptions.resume(user, id).await, Err(SubscriptionError::NotFound(_))));
    }
    let page = world.subscriptions.list(READER, Some(SubscriptionState::Active), PageRequest::default()).await.unwrap();
    assert_eq!(page.total, 1);
}
