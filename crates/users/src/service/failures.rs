use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::events;
use crate::ports::UsersTx;

/// Notes what was refused, as events of their own: what failed has no other transaction
/// to leave them in. A refusal that cannot be noted is still a refusal.
#[derive(Clone)]
pub struct Failures {
    store: Arc<dyn Begin<dyn UsersTx>>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
}

impl Failures {
    /// Notes in `store`.
    pub fn new(store: Arc<dyn Begin<dyn UsersTx>>, ids: Arc<dyn IdGenerator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, ids, clock }
    }

    /// Somebody did not get in by `method`; `name` is what they said who they are. It is
    /// the same work for a user that there is and for one that there is not.
    pub async fn login_failed(&self, user: Option<UserId>, name: &str, method: &str, reason: &str) {
        let event = events::login_failed(self.ids.uuid(), user, name, method, reason, self.clock.now());
        self.note(user, event).await;
    }

    /// Somebody who is signed in did not prove who they are.
    pub async fn proof_failed(&self, user: UserId, what: &str) {
        let event = events::proof_failed(self.ids.uuid(), user, what, self.clock.now());
        self.note(Some(user), event).await;
    }

    /// Leaves `event` of this user in a transaction of its own.
    pub async fn note(&self, user: Option<UserId>, event: DomainEvent) {
        let noted = transact!(self.store, |tx| {
            // Events of one user stand in the order of their commits.
            tx.accounts().hold(user.unwrap_or(UserId::new(0))).await?;
            tx.outbox().append(&event).await
        });
        if let Err(error) = noted {
            let error: StoreError = error;
            tracing::warn!(error = &error as &dyn std::error::Error, event.kind, "a refusal was not noted");
        }
    }
}
