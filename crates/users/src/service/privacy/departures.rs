use std::sync::Arc;

use async_trait::async_trait;
use chrono::Duration;
use serde_json::json;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::origin;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::PrivacyPorts;
use crate::error::{AdministerError, DepartureError};
use crate::events;
use crate::model::{BuiltInRole, Departure, PrivacyPolicy};
use crate::ports::AccountObligations;
use crate::service::Administration;
use crate::service::notice::{language_of, of_departure};

/// The kind of the job that ends an account whose owner wanted to go.
pub const LEAVE: &str = "user.leave";
/// How long an account that cannot end yet is left alone.
const AGAIN_AFTER: Duration = Duration::days(1);

/// People go, after a while in which they may think better of it.
#[derive(Clone)]
pub struct Departures {
    ports: PrivacyPorts,
    obligations: Arc<dyn AccountObligations>,
    policy: PrivacyPolicy,
}

impl Departures {
    /// The service over its ports.
    pub const fn new(ports: PrivacyPorts, obligations: Arc<dyn AccountObligations>, policy: PrivacyPolicy) -> Self {
        Self { ports, obligations, policy }
    }

    /// Notes that a user wants to go; whose wish it is the caller has made sure of, and a mail
    /// tells its owner all the same, in the language of their settings, or else in `language`.
    /// Said again, the first time counts.
    ///
    /// # Errors
    /// When `if_version` does not admit the version of the account, something must be settled
    /// first, or no super admin would be left.
    pub async fn schedule(
        &self,
        user: UserId,
        reason: Option<String>,
        language: &str,
        if_version: Option<&Versions>,
    ) -> Result<Departure, DepartureError> {
        let PrivacyPorts { ids, clock, mailroom, .. } = &self.ports;
        let obligations = self.obligations.find(user).await?;
        let now = clock.now();
        let wish = Departure { user_id: user, reason, requested_at: now, due_at: now + self.policy.cooling_off };
        let (event_id, job_id, notice_id) = (ids.uuid(), ids.uuid(), ids.uuid());
        transact!(self.ports.store, |tx| {
            tx.roles().hold().await?;
            let record = tx.edits().hold_record(user).await?.ok_or(AdministerError::NoSuchUser(user))?;
            if !record.is_among(if_version) {
                return Err(AdministerError::Stale.into());
            }
            if !obligations.is_empty() {
                return Err(AdministerError::Owes(obligations.clone()).into());
            }
            let roles = tx.roles().find_by_user(user).await?;
            let may_everything = roles.iter().any(|role| role.id == BuiltInRole::SuperAdmin.id());
            if may_everything && tx.roles().count_active_holders(BuiltInRole::SuperAdmin.id()).await? <= 1 {
                return Err(AdministerError::LastSuperAdmin.into());
            }
            if !tx.privacy().insert_departure(&wish).await? {
                return tx
                    .privacy()
                    .find_departure(user)
                    .await?
                    .ok_or_else(|| AdministerError::NoSuchUser(user).into());
            }
            let payload = json!({ "user_id": user, "request_id": origin::request_id() });
            let job = NewJob::new(job_id, LEAVE, payload, wish.due_at);
            tx.jobs().enqueue(&job).await?;
            let language = language_of(tx, user, language).await?;
            let told = (record.username.as_str(), record.email.as_str(), language);
            if let Some(notice) = of_departure(&**mailroom, notice_id, told, wish.due_at, now)? {
                tx.jobs().enqueue(&notice).await?;
            }
            tx.outbox().append(&events::departure_scheduled(event_id, &wish)).await?;
            Ok(wish.clone())
        })
    }

    /// Takes the wish back.
    ///
    /// # Errors
    /// When there is none.
    pub async fn cancel(&self, user: UserId) -> Result<(), DepartureError> {
        let PrivacyPorts { ids, clock, .. } = &self.ports;
        let (event_id, now) = (ids.uuid(), clock.now());
        transact!(self.ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(AdministerError::NoSuchUser(user))?;
            if !tx.privacy().delete_departure(user).await? {
                return Err(DepartureError::NotScheduled);
            }
            tx.outbox().append(&events::departure_cancelled(event_id, user, now)).await?;
            Ok(())
        })
    }

    /// The wish of a user to go.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, user: UserId) -> Result<Option<Departure>, DepartureError> {
        Ok(self.ports.queries.find_departure(user).await?)
    }
}

/// Ends accounts whose owners wanted to go, when the time for second thoughts is over.
pub struct Leave {
    ports: PrivacyPorts,
    administration: Administration,
}

impl Leave {
    /// The handler over its ports.
    pub const fn new(ports: PrivacyPorts, administration: Administration) -> Self {
        Self { ports, administration }
    }
}

#[async_trait]
impl JobHandler for Leave {
    fn kind(&self) -> &'static str {
        LEAVE
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let user = job.payload["user_id"].as_i64().map(UserId::new).ok_or("the job names no user")?;
        let asked_by = job.payload["request_id"].as_str().map(str::to_owned);
        let PrivacyPorts { ids, clock, .. } = &self.ports;
        match origin::on_behalf_of(asked_by, self.administration.end_own(user)).await {
            // Taken back, or taken back and said again: that has a job of its own.
            Ok(_) | Err(AdministerError::NoSuchUser(_)) => Ok(()),
            // Money came meanwhile, or everybody else who ruled has gone.
            Err(AdministerError::Owes(_) | AdministerError::LastSuperAdmin) => {
                let again = NewJob {
                    // One, however often this job runs.
                    dedupe_key: Some(format!("{LEAVE}:{}", job.id)),
                    ..NewJob::new(ids.uuid(), LEAVE, job.payload.clone(), clock.now() + AGAIN_AFTER)
                };
                transact!(self.ports.store, |tx| { Ok::<_, DepartureError>(tx.jobs().enqueue(&again).await?) })?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
