//! A house with one person in it, for what is tested of each subject.

mod departures;
mod exports;
mod leaving;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use serde_json::json;
use sharestack_kernel::blob::BlobError;
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SequentialIds, UserId};
use sharestack_kernel::message::PlainMailroom;
use sharestack_kernel::seal::OpenSeal;
use sharestack_kernel::transact;

use super::*;
use crate::error::InsertAccountError;
use crate::memory::MemoryStore;
use crate::model::{
    BuiltInRole, EmailAddress, Export, Extract, HeldFile, NewAccount, Obligation, PasswordHash, PrivacyPolicy, Profile,
    Username,
};
use crate::ports::{Archive, Extracts, MockAccountObligations, PersonalRecords, PrivacyQueries as _};

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
