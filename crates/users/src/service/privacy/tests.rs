use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use futures::{StreamExt as _, stream};
use serde_json::json;
use sharestack_kernel::blob::BlobError;
use sharestack_kernel::clock::{Clock as _, FakeClock};
use sharestack_kernel::error::{Category, Classified, StoreError};
use sharestack_kernel::id::{SequentialIds, UserId};
use sharestack_kernel::job::{ClaimedJob, JobHandler, NewJob};
use sharestack_kernel::message::{Message, PlainMailroom, Recipient};
use sharestack_kernel::origin::{Origin, within};
use sharestack_kernel::seal::OpenSeal;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::*;
use crate::error::{AdministerError, DepartureError, ExportError, InsertAccountError};
use crate::events;
use crate::memory::MemoryStore;
use crate::model::{
    BuiltInRole, EmailAddress, Export, ExportState, Extract, HeldFile, Language, NewAccount, Obligation, PasswordHash,
    PrivacyPolicy, Profile, UserSettings, Username,
};
use crate::ports::{
    Archive, Extracts, MockAccountObligations, MockPasswordHasher, MockSessionCache, PersonalRecords, PrivacyQueries,
};
use crate::service::{AccountPorts, Administration, AdministrationPorts};

async fn person(store: &MemoryStore, number: i64, name: &str, roles: &[BuiltInRole]) -> UserId {
    let id = UserId::new(number);
    let account = NewAccount {
        id,
        username: Username::parse(name).unwrap(),
        email: EmailAddress::parse(&format!("{name}@example.com")).unwrap(),
        password_hash: PasswordHash::new("hash".to_owned()),
        profile: Profile::default(),
        is_verified: true,
        created_at: DateTime::UNIX_EPOCH,
    };
    let roles: Vec<_> = roles.iter().map(|role| role.id()).collect();
    let done: Result<(), InsertAccountError> = transact!(store, |tx| {
        tx.accounts().insert(&account).await?;
        Ok(tx.roles().replace(id, &roles, None, DateTime::UNIX_EPOCH).await?)
    });
    done.unwrap();
    id
}

struct OneRecord;

#[async_trait]
impl PersonalRecords for OneRecord {
    fn collect(&self, user: UserId) -> Extracts {
        stream::iter([Ok(Extract { name: "account", records: vec![json!({ "id": user })] })]).boxed()
    }

    async fn list_files(&self, _user: UserId) -> Result<Vec<HeldFile>, StoreError> {
        Ok(Vec::new())
    }

    async fn erase(&self, _user: UserId, _at: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Files by name; refuses to write while it is full, and to remove what sticks.
#[derive(Default)]
struct Shelf {
    files: Mutex<Vec<String>>,
    full: Mutex<bool>,
    stuck: Mutex<Vec<String>>,
}

#[async_trait]
impl Archive for Shelf {
    async fn write(&self, key: &str, extracts: Extracts, _files: &[HeldFile]) -> Result<u64, BlobError> {
        if *self.full.lock().unwrap() {
            return Err(BlobError::Unavailable("full".into()));
        }
        self.files.lock().unwrap().push(key.to_owned());
        Ok(extracts.count().await as u64)
    }

    async fn remove(&self, key: &str) -> Result<(), BlobError> {
        if self.stuck.lock().unwrap().iter().any(|stuck| stuck == key) {
            return Err(BlobError::Unavailable("stuck".into()));
        }
        self.files.lock().unwrap().retain(|file| file != key);
        Ok(())
    }
}

struct World {
    store: MemoryStore,
    clock: FakeClock,
    shelf: Arc<Shelf>,
    ports: PrivacyPorts,
    policy: PrivacyPolicy,
    user: UserId,
}

impl World {
    async fn new() -> Self {
        let (store, clock, shelf) = (MemoryStore::new(), FakeClock::default(), Arc::new(Shelf::default()));
        let ports = PrivacyPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            records: Arc::new(OneRecord),
            archive: shelf.clone(),
            mailroom: Arc::new(PlainMailroom),
            sealer: Arc::new(OpenSeal::default()),
            ids: Arc::new(SequentialIds::default()),
            clock: Arc::new(clock.clone()),
        };
        let user = person(&store, 1, "lin", &[BuiltInRole::User]).await;
        Self { store, clock, shelf, ports, policy: PrivacyPolicy::default(), user }
    }

    fn exports(&self) -> Exports {
        Exports::new(self.ports.clone(), self.policy)
    }

    async fn made(&self) -> Export {
        let asked = self.exports().request(self.user).await.unwrap();
        BuildExport::new(self.ports.clone(), self.policy).build(asked.id, 1).await.unwrap();
        self.store.find_export(asked.id).await.unwrap().unwrap()
    }

    fn departures(&self, obligations: Vec<Obligation>) -> Departures {
        let mut port = MockAccountObligations::new();
        port.expect_find().returning(move |_| Ok(obligations.clone()));
        Departures::new(self.ports.clone(), Arc::new(port), self.policy)
    }

    fn kinds(&self) -> Vec<String> {
        self.store.events().into_iter().map(|event| event.kind).collect()
    }
}

#[tokio::test]
async fn a_copy_is_made_once_a_day_and_opened_by_its_link() {
    let world = World::new().await;
    let export = world.made().await;
    assert_eq!(export.file(world.clock.now()).unwrap().1, 1);
    let refused = world.exports().request(world.user).await.unwrap_err();
    assert_eq!(refused.category(), Category::RateLimited);
    let (_, link) = world.exports().find(world.user, export.id).await.unwrap();
    let link = link.unwrap();
    assert_eq!(link.expires_at, world.clock.now() + Duration::minutes(10));
    assert_eq!(world.exports().open(export.id, &link.ticket).await.unwrap(), export);
    assert_eq!(world.kinds().last().unwrap(), events::EXPORT_DOWNLOADED);
    let stranger = world.exports().find(UserId::new(99), export.id).await;
    assert!(matches!(stranger, Err(ExportError::NotFound(_))));
    let made_up = world.exports().open(export.id, "0=export-link=00").await;
    assert!(matches!(made_up, Err(ExportError::NotFound(_))));
    world.clock.advance(Duration::minutes(10));
    assert!(matches!(world.exports().open(export.id, &link.ticket).await, Err(ExportError::Gone)));
    world.clock.advance(Duration::days(1));
    world.made().await;
}

#[tokio::test]
async fn a_link_opens_no_other_copy() {
    let world = World::new().await;
    let first = world.made().await;
    world.clock.advance(Duration::days(2));
    let second = world.made().await;
    let (_, link) = world.exports().find(world.user, first.id).await.unwrap();
    let refused = world.exports().open(second.id, &link.unwrap().ticket).await;
    assert!(matches!(refused, Err(ExportError::NotFound(_))));
}

#[tokio::test]
async fn an_old_copy_goes_with_its_file() {
    let world = World::new().await;
    let export = world.made().await;
    assert_eq!(world.exports().prune().await.unwrap(), 0);
    world.clock.advance(Duration::days(7));
    assert_eq!(world.exports().prune().await.unwrap(), 1);
    assert!(world.shelf.files.lock().unwrap().is_empty());
    let (gone, link) = world.exports().find(world.user, export.id).await.unwrap();
    assert_eq!((gone.state, link), (ExportState::Expired, None));
    assert_eq!(world.exports().prune().await.unwrap(), 0);
}

/// One file that cannot go does not keep the others.
#[tokio::test]
async fn old_copies_go_beside_one_that_cannot() {
    let world = World::new().await;
    let mut files = Vec::new();
    for _ in 0..3 {
        let export = world.made().await;
        files.push(export.file(world.clock.now()).unwrap().0.to_owned());
        world.clock.advance(Duration::days(1));
    }
    world.shelf.stuck.lock().unwrap().push(files[0].clone());
    world.clock.advance(Duration::days(7));
    assert_eq!(world.exports().prune().await.unwrap(), 2);
    assert_eq!(*world.shelf.files.lock().unwrap(), files[..1]);
    world.shelf.stuck.lock().unwrap().clear();
    assert_eq!(world.exports().prune().await.unwrap(), 1);
    assert!(world.shelf.files.lock().unwrap().is_empty());
}

/// An attempt that was thought lost comes late: it takes nothing away, and leaves nothing.
#[tokio::test]
async fn a_late_attempt_neither_takes_a_copy_away_nor_leaves_one() {
    let world = World::new().await;
    let asked = world.exports().request(world.user).await.unwrap();
    let handler = BuildExport::new(world.ports.clone(), world.policy);
    let pending = world.store.find_export(asked.id).await.unwrap().unwrap();
    handler.build(asked.id, 2).await.unwrap();
    let ready = world.store.find_export(asked.id).await.unwrap().unwrap();
    // The first one saw it pending, and writes its file and its end now.
    world.shelf.write(&format!("exports/{}-1.zip", asked.id), stream::empty().boxed(), &[]).await.unwrap();
    for state in [
        ExportState::Failed { at: world.clock.now() },
        ExportState::Ready {
            at: world.clock.now(),
            file: format!("exports/{}-1.zip", asked.id),
            size: 1,
            expires_at: world.clock.now(),
        },
    ] {
        let late = Export { state, ..pending.clone() };
        let store = &world.store;
        let moved: Result<bool, StoreError> = transact!(store, |tx| { tx.privacy().update_export(&late).await });
        assert!(!moved.unwrap());
    }
    handler.remove_files(asked.id, 1..=1).await;
    assert_eq!(world.store.find_export(asked.id).await.unwrap().unwrap(), ready);
    assert_eq!(*world.shelf.files.lock().unwrap(), [format!("exports/{}-2.zip", asked.id)]);
    let events = world.kinds().into_iter().filter(|kind| kind == events::EXPORT_FINISHED).count();
    assert_eq!(events, 1);
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_is_told_and_does_not_count() {
    let world = World::new().await;
    let asked = world.exports().request(world.user).await.unwrap();
    *world.shelf.full.lock().unwrap() = true;
    let handler = BuildExport::new(world.ports.clone(), world.policy);
    let attempt = |attempt| ClaimedJob {
        id: uuid::Uuid::nil(),
        kind: handler.kind().to_owned(),
        payload: json!({ "export_id": asked.id }),
        attempt,
        max_attempts: 2,
        lost: 0,
    };
    assert!(handler.run(&attempt(1)).await.is_err());
    assert_eq!(world.store.find_export(asked.id).await.unwrap().unwrap().state, ExportState::Pending);
    assert!(handler.run(&attempt(2)).await.is_err());
    let failed = world.store.find_export(asked.id).await.unwrap().unwrap();
    assert_eq!(failed.state, ExportState::Failed { at: world.clock.now() });
    *world.shelf.full.lock().unwrap() = false;
    world.made().await;
    // The job of the failed one comes too late.
    assert!(handler.run(&attempt(1)).await.is_ok());
    assert_eq!(world.shelf.files.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wish_to_go_counts_from_the_first_time_and_can_be_taken_back() {
    let world = World::new().await;
    let departures = world.departures(Vec::new());
    let wish = departures.schedule(world.user, Some("moved on".into()), "zh-CN", None).await.unwrap();
    assert_eq!(wish.due_at, world.clock.now() + Duration::days(7));
    world.clock.advance(Duration::days(1));
    assert_eq!(departures.schedule(world.user, None, "en", None).await.unwrap(), wish);
    assert_eq!(departures.find(world.user).await.unwrap(), Some(wish));
    departures.cancel(world.user).await.unwrap();
    assert!(matches!(departures.cancel(world.user).await, Err(DepartureError::NotScheduled)));
    assert_eq!(departures.find(world.user).await.unwrap(), None);
    assert_eq!(world.kinds(), [events::DEPARTURE_SCHEDULED, events::DEPARTURE_CANCELLED]);
    // Its owner is told once, whoever sat there: they could not take back what they do not know.
    let told: Vec<_> = world.store.jobs().into_iter().filter(|job| job.kind == "message.send").collect();
    let [told] = &told[..] else { panic!("{told:?}") };
    let told: Message = serde_json::from_value(told.payload.clone()).unwrap();
    assert_eq!((told.template.as_str(), told.language.as_str()), ("deletion_scheduled", "zh-CN"));
    assert_eq!(told.to, Recipient::Mail("lin@example.com".to_owned()));
    assert_eq!(told.data, json!({ "username": "lin", "due": "2026-01-22 10:30 UTC" }));
}

/// Whoever asks for it may be somebody else, with a language of their own.
#[tokio::test]
async fn who_has_set_a_language_is_told_in_it_that_their_account_ends() {
    let world = World::new().await;
    let settings = UserSettings { language: Some(Language::ZhCn), ..UserSettings::default() };
    let store = &world.store;
    let saved: Result<(), StoreError> =
        transact!(store, |tx| { tx.settings().save(world.user, &settings, DateTime::UNIX_EPOCH).await });
    saved.unwrap();
    world.departures(Vec::new()).schedule(world.user, None, "en", None).await.unwrap();
    let told = world.store.jobs().into_iter().find(|job| job.kind == "message.send").unwrap();
    let told: Message = serde_json::from_value(told.payload).unwrap();
    assert_eq!((told.template.as_str(), told.language.as_str()), ("deletion_scheduled", "zh-CN"));
}

#[tokio::test]
async fn who_has_money_here_or_rules_alone_does_not_go() {
    let world = World::new().await;
    let balance = Obligation { kind: "balance".into(), amount: Some(1990), currency: Some("CNY".into()) };
    let refused = world.departures(vec![balance]).schedule(world.user, None, "en", None).await.unwrap_err();
    assert!(matches!(refused, DepartureError::Account(AdministerError::Owes(_))));
    let root = person(&world.store, 2, "root", &[BuiltInRole::SuperAdmin]).await;
    let refused = world.departures(Vec::new()).schedule(root, None, "en", None).await.unwrap_err();
    assert!(matches!(refused, DepartureError::Account(AdministerError::LastSuperAdmin)));
    assert_eq!(refused.category(), Category::Conflict);
    assert!(world.kinds().is_empty());
}

#[tokio::test]
async fn who_asks_to_go_for_another_version_is_told_so_before_what_they_owe() {
    let world = World::new().await;
    let balance = Obligation { kind: "balance".into(), amount: Some(1990), currency: Some("CNY".into()) };
    let departures = world.departures(vec![balance]);
    let schedule =
        async |versions: Versions| departures.schedule(world.user, None, "en", Some(&versions)).await.unwrap_err();
    let refused = schedule(Versions::These(Vec::new())).await;
    assert!(matches!(refused, DepartureError::Account(AdministerError::Stale)), "{refused}");
    let refused = schedule(Versions::NotThese(Vec::new())).await;
    assert!(matches!(refused, DepartureError::Account(AdministerError::Owes(_))), "{refused}");
    assert_eq!(departures.find(world.user).await.unwrap(), None);
    assert!(world.kinds().is_empty() && world.store.jobs().is_empty());
}

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
