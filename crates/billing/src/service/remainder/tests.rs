use super::*;
use crate::model::interval::Interval;
use crate::testing::{CREATOR, READER, World};

#[tokio::test]
async fn what_a_creator_is_owed_is_set_aside_once_and_the_books_balance() {
    let world = World::new();
    world.subscribed(Interval::Month).await;
    assert_eq!(world.remainders.find(CREATOR).await.unwrap(), [Money::new(1791, Currency::Cny)]);
    assert_eq!(world.remainders.find(READER).await.unwrap(), []);
    for _ in 0..2 {
        world.remainders.set_aside(CREATOR).await.unwrap();
        assert_eq!(world.remainders.find(CREATOR).await.unwrap(), []);
        assert_eq!((world.balance("creator_payable"), world.balance("unclaimed")), (0, -1791));
        assert_eq!(world.store.books().ledger.len(), 2);
    }
    assert!(world.store.trial_balance().await.unwrap().is_zero());
    world.remainders.set_aside(READER).await.unwrap();
    assert_eq!(world.store.books().ledger.len(), 2);
}
