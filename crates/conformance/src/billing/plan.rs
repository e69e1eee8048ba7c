//! [`sharestack_billing::ports::plan`].

use chrono::Duration;
use sharestack_billing::model::id::PriceId;
use sharestack_billing::model::plan::{Plan, PlanStatus, Terms};
use sharestack_billing::ports::plan::PlanFilter;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{CREATOR, PortError, READER, Subject, fen, plan, step};

async fn stored(subject: &Subject, wanted: &Plan) -> Plan {
    step!(subject, StoreError, |tx| tx.plans().find_by_id(wanted.id).await).unwrap().unwrap()
}

async fn update(subject: &Subject, plan: &Plan) -> Result<(), PortError> {
    step!(subject, PortError, |tx| Ok(tx.plans().update(plan).await?))
}

/// Every field, in any script, survives.
pub async fn an_inserted_plan_is_found_as_it_was(subject: Subject) {
    let new = plan(&subject, CREATOR, 1990).await;
    assert_eq!(stored(&subject, &new).await, new);
    assert_eq!(subject.plans.find(new.id).await.unwrap().unwrap().plan, new);
    let price = step!(subject, StoreError, |tx| tx.plans().find_price(new.price.id).await).unwrap();
    assert_eq!(price, Some(new.price));
}

/// MUST still have the version it was read with.
pub async fn an_update_of_an_old_version_is_stale(subject: Subject) {
    let mut plan = plan(&subject, CREATOR, 1990).await;
    plan.archive(subject.now());
    update(&subject, &plan).await.unwrap();
    assert!(matches!(update(&subject, &plan).await, Err(PortError::Stale)));
    assert_eq!(stored(&subject, &plan).await.version, 2);
}

/// The old ones MUST stay as they are, and be found.
pub async fn a_new_price_leaves_the_old_one_as_it_is(subject: Subject) {
    let old = plan(&subject, CREATOR, 1990).await;
    let mut new = old.clone();
    let mut content = new.content();
    content.terms = Terms::try_new(fen(2990), content.terms.interval()).unwrap();
    let id = PriceId::new(subject.ids.number(PriceId::SEQUENCE).await.unwrap());
    assert!(new.edit(content, id, subject.now()));
    update(&subject, &new).await.unwrap();
    assert_eq!(stored(&subject, &new).await.price, new.price);
    let first = step!(subject, StoreError, |tx| tx.plans().find_price(old.price.id).await).unwrap();
    assert_eq!(first, Some(old.price));
}

/// MUST leave out archived plans that are not the viewer's, from the items and the total.
pub async fn archived_plans_are_listed_for_their_owner_only(subject: Subject) {
    let mut archived = plan(&subject, CREATOR, 1990).await;
    archived.archive(subject.now());
    update(&subject, &archived).await.unwrap();
    plan(&subject, CREATOR, 2990).await;
    let list = |filter| {
        let plans = subject.plans.clone();
        async move { plans.list(filter, PageRequest::default()).await.unwrap() }
    };
    let of_creator = PlanFilter { creator_id: Some(CREATOR), ..PlanFilter::default() };
    for (viewer, total) in [(None, 1), (Some(READER), 1), (Some(CREATOR), 2)] {
        let page = list(PlanFilter { viewer, ..of_creator }).await;
        assert_eq!((page.total, page.items.len()), (total, usize::try_from(total).unwrap()));
    }
    let status = Some(PlanStatus::Archived);
    assert_eq!(list(PlanFilter { viewer: Some(CREATOR), status, ..of_creator }).await.total, 1);
    assert_eq!(list(PlanFilter { viewer: Some(READER), status, ..of_creator }).await.total, 0);
    assert_eq!(list(PlanFilter { creator_id: Some(READER), ..PlanFilter::default() }).await.total, 0);
}

/// A page of plans, the newest first.
pub async fn a_page_has_the_newest_first_and_counts_them_all(subject: Subject) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(plan(&subject, CREATOR, 1990).await.id);
        subject.clock.advance(Duration::seconds(1));
    }
    ids.reverse();
    let mut seen = Vec::new();
    for number in 1..=4 {
        let page = subject.plans.list(PlanFilter::default(), PageRequest::try_new(number, 2).unwrap()).await.unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.items.into_iter().map(|view| view.plan.id));
    }
    assert_eq!(seen, ids);
}

/// The plans that can be bought and open a creator's paid article; the cheapest first.
pub async fn offers_are_on_sale_and_the_cheapest_comes_first(subject: Subject) {
    let (dear, cheap) = (plan(&subject, CREATOR, 9900).await, plan(&subject, CREATOR, 100).await);
    let mut archived = plan(&subject, CREATOR, 50).await;
    archived.archive(subject.now());
    update(&subject, &archived).await.unwrap();
    plan(&subject, READER, 10).await;
    let offers = subject.plans.offers(CREATOR, &[]).await.unwrap();
    assert_eq!(offers, [cheap, dear.clone()]);
    assert_eq!(subject.plans.offers(CREATOR, &[dear.id, archived.id]).await.unwrap(), [dear]);
}
