//! The job that ends an account when the time for second thoughts is over.

use chrono::Duration;
use sharestack_kernel::clock::Clock as _;
use sharestack_kernel::job::{ClaimedJob, JobHandler, NewJob};
use sharestack_kernel::origin::{Origin, within};

use super::*;
use crate::events;
use crate::ports::{MockPasswordHasher, MockSessionCache};
use crate::service::{AccountPorts, Administration, AdministrationPorts};

fn administration(world: &World, obligations: Vec<Obligation>) -> Administration {
    let mut port = MockAccountObligations::new();
    port.expect_find().returning(move |_| Ok(obligations.clone()));
    let accounts = AccountPorts {
        store: Arc::new(world.store.clone()),
        queries: Arc::new(world.store.clone()),
        hasher: Arc::new(MockPasswordHasher::new()),
        cache: Arc::new({
            let mut cache = MockSessionCache::new();
            cache.expect_forget().returning(|_| Ok(()));
            cache
        }),
        ids: world.ports.ids.clone(),
        clock: world.ports.clock.clone(),
    };
    Administration::new(AdministrationPorts {
        accounts,
        directory: Arc::new(world.store.clone()),
        roles: Arc::new(world.store.clone()),
        obligations: Arc::new(port),
        purge_after: Duration::days(30),
    })
}

fn leave(world: &World, obligations: Vec<Obligation>) -> Leave {
    Leave::new(world.ports.clone(), administration(world, obligations))
}

fn job_of(world: &World) -> ClaimedJob {
    ClaimedJob {
        id: uuid::Uuid::from_u128(7),
        kind: LEAVE.to_owned(),
        payload: json!({ "user_id": world.user }),
        attempt: 1,
        max_attempts: 10,
        lost: 0,
    }
}

#[tokio::test]
async fn who_wanted_to_go_is_forgotten_as_soon_as_the_time_for_second_thoughts_is_over() {
    let world = World::new().await;
    let wish = world.departures(Vec::new()).schedule(world.user, None, "en", None).await.unwrap();
    let leave = leave(&world, Vec::new());
    leave.run(&job_of(&world)).await.unwrap();
    assert!(!world.kinds().contains(&events::DELETED.to_owned()), "it is not due");
    world.clock.advance(world.policy.cooling_off);
    leave.run(&job_of(&world)).await.unwrap();
    assert_eq!(world.kinds().last().unwrap(), events::DELETED);
    let purge = world.store.jobs().pop().unwrap();
    assert_eq!((purge.kind.as_str(), purge.run_at), ("user.purge", wish.due_at));
}

#[tokio::test]
async fn a_wish_that_is_taken_back_while_its_job_runs_ends_nothing() {
    let world = World::new().await;
    let departures = world.departures(Vec::new());
    departures.schedule(world.user, None, "en", None).await.unwrap();
    world.clock.advance(world.policy.cooling_off);
    departures.cancel(world.user).await.unwrap();
    // Whatever the job has seen before: what counts is seen under the account's lock.
    assert!(!administration(&world, Vec::new()).end_own(world.user).await.unwrap());
    leave(&world, Vec::new()).run(&job_of(&world)).await.unwrap();
    assert_eq!(world.kinds(), [events::DEPARTURE_SCHEDULED, events::DEPARTURE_CANCELLED]);
}

#[tokio::test]
async fn who_cannot_go_yet_is_asked_again_once_however_often_the_job_runs() {
    let world = World::new().await;
    world.departures(Vec::new()).schedule(world.user, None, "en", None).await.unwrap();
    world.clock.advance(world.policy.cooling_off);
    let balance = Obligation { kind: "balance".into(), amount: Some(1990), currency: Some("CNY".into()) };
    let leave = leave(&world, vec![balance]);
    for _ in 0..3 {
        leave.run(&job_of(&world)).await.unwrap();
    }
    let again: Vec<_> = world.store.jobs().into_iter().filter(|job| job.run_at > world.clock.now()).collect();
    assert_eq!((again.len(), again[0].kind.as_str()), (1, LEAVE));
}

/// Whoever looks for all that a request did finds what jobs did for it.
#[tokio::test]
async fn what_a_job_does_is_found_by_the_request_that_asked_for_it() {
    let world = World::new().await;
    let asked = Origin {
        ip: Some("192.0.2.1".to_owned()),
        user_agent: Some("curl".to_owned()),
        request_id: Some("req_1".to_owned()),
    };
    within(asked, async {
        world.exports().request(world.user).await.unwrap();
        world.departures(Vec::new()).schedule(world.user, None, "en", None).await.unwrap();
    })
    .await;
    let job = |kind: &str| {
        let NewJob { id, kind, payload, .. } = world.store.jobs().into_iter().rfind(|job| job.kind == kind).unwrap();
        ClaimedJob { id, kind, payload, attempt: 1, max_attempts: 10, lost: 0 }
    };
    let noted = || {
        let event = world.store.events().pop().unwrap();
        let origin = event.origin.unwrap();
        assert_eq!((origin.ip, origin.user_agent), (None, None), "it acts itself");
        (event.kind, origin.request_id.unwrap())
    };
    BuildExport::new(world.ports.clone(), world.policy).run(&job("user.export")).await.unwrap();
    assert_eq!(noted(), (events::EXPORT_FINISHED.to_owned(), "req_1".to_owned()));
    world.clock.advance(world.policy.cooling_off);
    leave(&world, Vec::new()).run(&job(LEAVE)).await.unwrap();
    assert_eq!(noted(), (events::DELETED.to_owned(), "req_1".to_owned()));
    assert_eq!(job("user.purge").payload["request_id"], "req_1");
}
