use sharestack_kernel::id::UserId;

use super::*;
use crate::model::interval::Interval;
use crate::model::order::OrderState;
use crate::ports::channel::Outcome;
use crate::testing::{CREATOR, READER, World, actor};

#[tokio::test]
async fn an_order_is_shown_to_those_it_concerns() {
    let world = World::new();
    let (_, ticket) = world.subscribed(Interval::Month).await;
    let id = ticket.order.id;
    for allowed in [actor(READER, &[]), actor(CREATOR, &[]), actor(UserId::new(9), &["order.read"])] {
        let view = world.orders.find(&allowed, id, false).await.unwrap();
        assert_eq!((view.plan_name.as_str(), view.channel_txn_id.as_deref()), ("会员", Some("txn-1")));
    }
    let stranger = world.orders.find(&actor(UserId::new(9), &[]), id, false).await;
    assert!(matches!(stranger, Err(OrderError::NotFound(_))));
}

#[tokio::test]
async fn the_channel_is_asked_now_and_then_and_its_answer_counts() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    let reader = actor(READER, &[]);
    let state = |sync| {
        let (orders, reader, id) = (world.orders.clone(), reader.clone(), ticket.order.id);
        async move { orders.find(&reader, id, sync).await.unwrap().order.state }
    };
    assert_eq!(state(true).await, OrderState::Paying);
    *world.channel.answer.lock().unwrap() = Some(world.told(&ticket.order, "txn", Outcome::Paid));
    assert_eq!(state(true).await, OrderState::Paying);
    world.wait(SYNC_GAP);
    assert_eq!(state(false).await, OrderState::Paying);
    assert_eq!(state(true).await, OrderState::Paid);
}

#[tokio::test]
async fn a_channel_that_does_not_answer_leaves_the_order_as_it_is_known() {
    let world = World::new();
    let plan = world.plan(Interval::Month, 0).await;
    let ticket = world.subscribe(&plan, "k").await;
    *world.channel.down.lock().unwrap() = true;
    let view = world.orders.find(&actor(READER, &[]), ticket.order.id, true).await.unwrap();
    assert_eq!(view.order.state, OrderState::Paying);
}
