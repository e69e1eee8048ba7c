use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::origin::Origin;
use sharestack_kernel::page::Slice;

use crate::error::AuditError;
use crate::events::OPERATED;
use crate::model::{AuditEntry, AuditFilter, AuditId, AuditResult};
use crate::ports::AuditStore;

/// What reading the log asks for, and the act of which its entry tells.
pub const READ: &str = "audit.read";

/// Makes an entry of every event of some kinds, and of every act of who runs the product.
pub struct AuditTrail {
    store: Arc<dyn AuditStore>,
    kinds: &'static [&'static str],
}

impl AuditTrail {
    /// Entries of the events of these kinds.
    pub const fn new(store: Arc<dyn AuditStore>, kinds: &'static [&'static str]) -> Self {
        Self { store, kinds }
    }
}

#[async_trait]
impl Subscriber for AuditTrail {
    fn name(&self) -> &'static str {
        "platform.audit"
    }

    fn wants(&self, kind: &str) -> bool {
        self.kinds.contains(&kind) || OPERATED.contains(&kind)
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        self.store.append(&AuditEntry::from(event)).await
    }
}

/// Shows the log to who may see it. That they looked is an entry too, written before they
/// see anything.
#[derive(Clone)]
pub struct AuditLog {
    store: Arc<dyn AuditStore>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
}

impl AuditLog {
    /// A service over these ports.
    pub const fn new(store: Arc<dyn AuditStore>, ids: Arc<dyn IdGenerator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, ids, clock }
    }

    /// Up to `limit` entries after `after`, the newest first.
    ///
    /// # Errors
    /// When the actor may not read the log.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        after: Option<AuditId>,
        limit: u32,
    ) -> Result<Slice<AuditEntry>, AuditError> {
        actor.require(READ)?;
        self.note(actor, None, asked(filter)).await?;
        let mut items = self.store.list(filter, after, u64::from(limit) + 1).await?;
        let has_next = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items.last().filter(|_| has_next).map(|entry| entry.id.to_string());
        Ok(Slice { items, limit, next_cursor })
    }

    /// One entry.
    ///
    /// # Errors
    /// When the actor may not read the log, or there is no such entry.
    pub async fn find(&self, actor: &Actor, id: AuditId) -> Result<AuditEntry, AuditError> {
        actor.require(READ)?;
        self.note(actor, Some(id), json!({})).await?;
        self.store.find(id).await?.ok_or(AuditError::NotFound(id))
    }

    /// Notes what who runs the product did beside all requests, and to what.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_operated(&self, act: &'static str, target: Option<&str>) -> Result<(), StoreError> {
        self.append(None, act, target.map(str::to_owned), json!({ "by": "operator" })).await
    }

    /// Whether that was ever noted: entries are not removed.
    ///
    /// # Errors
    /// The store's.
    pub async fn was_noted(&self, act: &'static str, target: Option<&str>) -> Result<bool, StoreError> {
        let filter = AuditFilter {
            action: Some(act.to_owned()),
            target_id: target.map(str::to_owned),
            ..AuditFilter::default()
        };
        Ok(!self.store.list(&filter, None, 1).await?.is_empty())
    }

    async fn note(&self, actor: &Actor, target: Option<AuditId>, details: Value) -> Result<(), StoreError> {
        self.append(Some(actor.user_id), READ, target.map(|id| id.to_string()), details).await
    }

    async fn append(
        &self,
        actor: Option<UserId>,
        act: &'static str,
        target_id: Option<String>,
        details: Value,
    ) -> Result<(), StoreError> {
        let origin = Origin::current().unwrap_or(Origin { ip: None, user_agent: None, request_id: None });
        let entry = AuditEntry {
            id: AuditId::new(self.ids.uuid()),
            occurred_at: self.clock.now(),
            actor,
            action: act.to_owned(),
            target_type: act.split('.').next().unwrap_or_default().to_owned(),
            target_id,
            result: AuditResult::Success,
            ip: origin.ip,
            user_agent: origin.user_agent,
            request_id: origin.request_id,
            details,
        };
        self.store.append(&entry).await
    }
}

/// What somebody looked for.
fn asked(filter: &AuditFilter) -> Value {
    let parts = [
        ("actor", filter.actor.map(|id| json!(id))),
        ("action", filter.action.as_ref().map(|text| json!(text))),
        ("target_type", filter.target_type.as_ref().map(|text| json!(text))),
        ("target_id", filter.target_id.as_ref().map(|text| json!(text))),
        ("from", filter.from.map(|time| json!(time))),
        ("to", filter.to.map(|time| json!(time))),
        ("ip", filter.ip.as_ref().map(|text| json!(text))),
        ("result", filter.result.map(|result| json!(result.as_str()))),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sharestack_kernel::actor::Credential;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::id::{SequentialIds, SessionId};
    use sharestack_kernel::permission::Permission;
    use uuid::Uuid;

    use super::*;
    use crate::ports::MockAuditStore;

    fn actor(permissions: &[&str]) -> Actor {
        Actor {
            user_id: UserId::new(7),
            credential: Credential::Session { id: SessionId::new(Uuid::nil()), proved_at: FakeClock::default().now() },
            role: "admin".to_owned(),
            permissions: permissions.iter().map(|text| Permission::parse(text).unwrap()).collect(),
        }
    }

    fn entry(number: u128) -> AuditEntry {
        AuditEntry {
            id: AuditId::new(Uuid::from_u128(number)),
            occurred_at: FakeClock::default().now(),
            actor: None,
            action: "user.login".to_owned(),
            target_type: "user".to_owned(),
            target_id: None,
            result: AuditResult::Success,
            ip: None,
            user_agent: None,
            request_id: None,
            details: Value::Null,
        }
    }

    fn log(store: MockAuditStore) -> AuditLog {
        AuditLog::new(Arc::new(store), Arc::new(SequentialIds::default()), Arc::new(FakeClock::default()))
    }

    #[tokio::test]
    async fn who_may_not_read_the_log_leaves_and_sees_nothing() {
        let log = log(MockAuditStore::new());
        let refused = log.list(&actor(&["user.*"]), &AuditFilter::default(), None, 20).await;
        assert!(matches!(refused, Err(AuditError::Denied(denied)) if denied.required == READ));
        let refused = log.find(&actor(&[]), entry(1).id).await;
        assert!(matches!(refused, Err(AuditError::Denied(_))));
    }

    #[tokio::test]
    async fn a_look_is_an_entry_before_anything_is_shown() {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let mut store = MockAuditStore::new();
        let (one, other) = (noted.clone(), noted.clone());
        store.expect_append().returning(move |entry| {
            one.lock().unwrap().push(entry.clone());
            Ok(())
        });
        store.expect_list().returning(move |_, _, limit| {
            assert_eq!((limit, other.lock().unwrap().len()), (3, 1));
            Ok(vec![entry(3), entry(2), entry(1)])
        });
        store.expect_find().returning(|_| Ok(None));
        let log = log(store);
        let filter = AuditFilter { ip: Some("192.0.2.1".to_owned()), ..AuditFilter::default() };
        let page = log.list(&actor(&["audit.read"]), &filter, None, 2).await.unwrap();
        assert_eq!((page.items.len(), page.next_cursor), (2, Some(entry(2).id.to_string())));
        let entry_of_look = noted.lock().unwrap()[0].clone();
        assert_eq!((entry_of_look.action.as_str(), entry_of_look.actor), (READ, Some(UserId::new(7))));
        assert_eq!(entry_of_look.details, json!({ "ip": "192.0.2.1" }));
        let missing = log.find(&actor(&["*"]), entry(9).id).await;
        assert!(matches!(missing, Err(AuditError::NotFound(_))));
        assert_eq!(noted.lock().unwrap()[1].target_id, Some(entry(9).id.to_string()));
    }

    #[tokio::test]
    async fn what_operators_did_is_noted_and_found_again() {
        let kept = Arc::new(Mutex::new(Vec::<AuditEntry>::new()));
        let mut store = MockAuditStore::new();
        let (one, other) = (kept.clone(), kept.clone());
        store.expect_append().returning(move |entry| {
            one.lock().unwrap().push(entry.clone());
            Ok(())
        });
        store.expect_list().returning(move |filter, _, _| {
            let fits = |entry: &AuditEntry| {
                filter.action.as_ref().is_none_or(|action| *action == entry.action)
                    && filter.target_id.as_ref().is_none_or(|target| entry.target_id.as_ref() == Some(target))
            };
            Ok(other.lock().unwrap().iter().filter(|entry| fits(entry)).cloned().collect())
        });
        let log = log(store);
        assert!(!log.was_noted("demo.filled", Some("tags")).await.unwrap());
        log.note_operated("demo.filled", Some("tags")).await.unwrap();
        assert!(log.was_noted("demo.filled", Some("tags")).await.unwrap());
        assert!(!log.was_noted("demo.filled", Some("photos")).await.unwrap());
        assert!(!log.was_noted("demo.begun", None).await.unwrap());
        let entry = kept.lock().unwrap()[0].clone();
        assert_eq!((entry.actor, entry.target_type.as_str(), entry.result), (None, "demo", AuditResult::Success));
        assert_eq!(entry.details, json!({ "by": "operator" }));
    }

    #[test]
    fn events_of_the_kinds_and_acts_of_operators_are_wanted_and_no_others() {
        let trail = AuditTrail::new(Arc::new(MockAuditStore::new()), &["user.login", "role.created"]);
        assert!(trail.wants("user.login") && trail.wants("role.created") && trail.wants("job.retried"));
        assert!(!trail.wants("user.followed") && !trail.wants("article.published") && !trail.wants("user"));
    }
}
