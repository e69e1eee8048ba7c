//! Who looks after others, and the trace that it leaves.

use sharestack_kernel::page::PageRequest;

use super::house::*;
use super::*;
use crate::events;
use crate::model::{SearchText, UserFilter};

/// Who may see others' data may be asked later what they looked at.
#[tokio::test]
async fn who_looks_at_others_leaves_a_trace_and_who_may_not_sees_nothing() {
    let house = House::new().await;
    let (lin, _) = house.with_role("lin", "editor").await;
    let count = || house.world.store.events().len();
    let before = count();
    house.administration.find(&house.root, house.root.user_id).await.unwrap();
    assert_eq!(count(), before, "oneself");
    let view = house.administration.find(&house.root, lin.user_id).await.unwrap();
    let look = house.last_event();
    assert_eq!((view.username.as_str(), look.kind.as_str()), ("lin", events::VIEWED));
    assert_eq!((look.actor, look.aggregate_id.as_str()), (Some(house.root.user_id), &*lin.user_id.to_string()));
    assert_eq!(look.payload["what"], "account");
    house.world.control.list(&house.root, lin.user_id, PageRequest::default()).await.unwrap();
    assert_eq!((count(), &house.last_event().payload["what"]), (before + 2, &serde_json::json!("sessions")));
    let filter = UserFilter { search: Some(SearchText::parse("lin@example.com").unwrap()), ..UserFilter::default() };
    let page = house.administration.list(&house.root, &filter, PageRequest::default()).await.unwrap();
    let look = house.last_event();
    assert_eq!((page.total, look.kind.as_str(), look.actor), (1, events::LISTED, Some(house.root.user_id)));
    assert_eq!(
        (&look.payload["users"], &look.payload["searched"]),
        (&serde_json::json!([lin.user_id]), &serde_json::json!(true))
    );
    assert!(!look.payload.to_string().contains("example.com"), "{}", look.payload);
    let after = count();
    assert!(house.administration.find(&lin, house.root.user_id).await.is_err());
    assert!(house.administration.list(&lin, &filter, PageRequest::default()).await.is_err());
    assert!(house.administration.find(&house.root, UserId::new(999)).await.is_err());
    assert_eq!(count(), after);
}
