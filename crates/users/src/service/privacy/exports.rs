use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::Throttle;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::origin;
use sharestack_kernel::seal::Sealer;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::error::ExportError;
use crate::events;
use crate::model::{Export, ExportId, ExportState, PrivacyPolicy};
use crate::ports::{Archive, PersonalRecords, PrivacyQueries, UsersTx};

/// The kind of the job that makes a copy.
pub const EXPORT: &str = "user.export";
/// What a link to a copy is sealed for.
const LINK: &str = "export-link";
/// How many copies are looked at at once when old ones go.
const PRUNED: u64 = 100;

/// What people's own data is served with.
#[derive(Clone)]
pub struct PrivacyPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Copies and departures, to read.
    pub queries: Arc<dyn PrivacyQueries>,
    /// What is held of people.
    pub records: Arc<dyn PersonalRecords>,
    /// Puts it into one file.
    pub archive: Arc<dyn Archive>,
    /// Makes jobs of messages.
    pub mailroom: Arc<dyn Mailroom>,
    /// Makes links that nobody can make up.
    pub sealer: Arc<dyn Sealer>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Where a copy can be fetched for a short while, without a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportLink {
    /// What opens it.
    pub ticket: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Copies of what the product holds of a person.
#[derive(Clone)]
pub struct Exports {
    ports: PrivacyPorts,
    policy: PrivacyPolicy,
}

impl Exports {
    /// The service over its ports.
    pub const fn new(ports: PrivacyPorts, policy: PrivacyPolicy) -> Self {
        Self { ports, policy }
    }

    /// Asks for a copy; a job makes it.
    ///
    /// # Errors
    /// When the last copy was asked for a short while ago.
    pub async fn request(&self, user: UserId) -> Result<Export, ExportError> {
        let PrivacyPorts { ids, clock, .. } = &self.ports;
        let now = clock.now();
        let export =
            Export { id: ExportId::new(ids.uuid()), user_id: user, requested_at: now, state: ExportState::Pending };
        let (event_id, job_id) = (ids.uuid(), ids.uuid());
        transact!(self.ports.store, |tx| {
            // Holding the account lets two requests at once make one copy.
            tx.accounts().hold(user).await?.ok_or(ExportError::Gone)?;
            let last = tx.privacy().find_latest_export(user).await?;
            if let Some(next) = last.and_then(|last| last.next_at(&self.policy)).filter(|next| *next > now) {
                let window = self.policy.export_gap.to_std().unwrap_or_default();
                return Err(ExportError::TooSoon(Throttle::new(1, window, next, now)));
            }
            tx.privacy().insert_export(&export).await?;
            let payload = json!({ "export_id": export.id, "request_id": origin::request_id() });
            tx.jobs().enqueue(&NewJob::new(job_id, EXPORT, payload, now)).await?;
            tx.outbox().append(&events::export_requested(event_id, &export)).await?;
            Ok(export.clone())
        })
    }

    /// A user's own copy, with a link as long as it can be fetched.
    ///
    /// # Errors
    /// When there is none, or it is another's.
    pub async fn find(&self, user: UserId, id: ExportId) -> Result<(Export, Option<ExportLink>), ExportError> {
        let found = self.ports.queries.find_export(id).await?;
        let export = found.filter(|export| export.user_id == user).ok_or(ExportError::NotFound(id))?;
        let now = self.ports.clock.now();
        let link = match (&export.state, export.file(now)) {
            (ExportState::Ready { expires_at: end, .. }, Some(_)) => {
                let expires_at = (*end).min(now + self.policy.link_ttl);
                let plain = format!("{id}/{}", expires_at.timestamp_millis());
                let ticket = self.ports.sealer.seal(LINK, plain.as_bytes());
                Some(ExportLink { ticket: ticket.map_err(|_| ExportError::Link)?, expires_at })
            }
            _ => None,
        };
        Ok((export, link))
    }

    /// The file that a link opens; that it is fetched is an event.
    ///
    /// # Errors
    /// When the link was made up, its time is over, or the copy is gone.
    pub async fn open(&self, id: ExportId, ticket: &str) -> Result<Export, ExportError> {
        let PrivacyPorts { queries, sealer, ids, clock, .. } = &self.ports;
        let now = clock.now();
        let plain = sealer.open(LINK, ticket).ok().and_then(|plain| String::from_utf8(plain).ok());
        let claim = plain.as_deref().and_then(|plain| plain.split_once('/'));
        let Some((for_id, end)) = claim else { return Err(ExportError::NotFound(id)) };
        if for_id != id.to_string() {
            return Err(ExportError::NotFound(id));
        }
        let end = end.parse().ok().and_then(DateTime::from_timestamp_millis);
        if end.is_none_or(|end| end <= now) {
            return Err(ExportError::Gone);
        }
        let export = queries.find_export(id).await?.ok_or(ExportError::NotFound(id))?;
        if export.file(now).is_none() {
            return Err(ExportError::Gone);
        }
        let event_id = ids.uuid();
        transact!(self.ports.store, |tx| {
            tx.accounts().hold(export.user_id).await?.ok_or(ExportError::Gone)?;
            tx.outbox().append(&events::export_downloaded(event_id, &export, now)).await?;
            Ok(export.clone())
        })
    }

    /// Removes copies whose time is over; returns how many. Called now and then. A file
    /// that cannot be removed stays for the next time, and the others go.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune(&self) -> Result<u64, ExportError> {
        let PrivacyPorts { queries, clock, .. } = &self.ports;
        let (mut removed, mut after) = (0, None);
        loop {
            let overdue = queries.list_overdue_exports(clock.now(), after, PRUNED).await?;
            after = overdue.last().map(|export| export.id);
            let is_last = (overdue.len() as u64) < PRUNED;
            for export in overdue {
                removed += u64::from(self.expire(export).await?);
            }
            if is_last {
                return Ok(removed);
            }
        }
    }

    /// Removes a copy's file, then notes that it is gone.
    async fn expire(&self, export: Export) -> Result<bool, ExportError> {
        if let ExportState::Ready { file, .. } = &export.state
            && let Err(error) = self.ports.archive.remove(file).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "an old copy of personal data was not removed");
            return Ok(false);
        }
        let gone = Export { state: ExportState::Expired, ..export };
        transact!(self.ports.store, |tx| { Ok::<_, ExportError>(tx.privacy().update_export(&gone).await?) })
    }
}

/// Makes copies.
pub struct BuildExport {
    ports: PrivacyPorts,
    policy: PrivacyPolicy,
}

#[derive(Deserialize)]
struct Payload {
    export_id: ExportId,
    request_id: Option<String>,
}

impl BuildExport {
    /// The handler over its ports.
    pub const fn new(ports: PrivacyPorts, policy: PrivacyPolicy) -> Self {
        Self { ports, policy }
    }

    /// Makes one copy, unless that was done or given up. Each attempt writes a file of its
    /// own: one that was thought lost and comes late takes nothing from another.
    ///
    /// # Errors
    /// The store's, or that of the files.
    pub async fn build(&self, id: ExportId, attempt: u32) -> Result<(), ExportError> {
        let PrivacyPorts { queries, records, archive, clock, .. } = &self.ports;
        let Some(export) = queries.find_export(id).await? else { return Ok(()) };
        if export.state != ExportState::Pending {
            return Ok(());
        }
        let files = records.list_files(export.user_id).await?;
        let extracts = records.collect(export.user_id);
        let file = file_of(id, attempt);
        let size = archive.write(&file, extracts, &files).await?;
        let at = clock.now();
        let state = ExportState::Ready { at, file, size, expires_at: at + self.policy.export_ttl };
        let kept = self.finish(Export { state, ..export }).await?;
        // Of those before nobody hears any more; what was not kept goes, too.
        self.remove_files(id, (1..=attempt).filter(|one| !(kept && *one == attempt))).await;
        Ok(())
    }

    /// Notes how it ended, unless another attempt did, or who asked has gone: they leave no
    /// copy behind.
    async fn finish(&self, export: Export) -> Result<bool, ExportError> {
        let PrivacyPorts { ids, clock, .. } = &self.ports;
        let (event_id, at) = (ids.uuid(), clock.now());
        transact!(self.ports.store, |tx| {
            if tx.accounts().hold(export.user_id).await?.is_none() {
                return Ok::<_, ExportError>(false);
            }
            let kept = tx.privacy().update_export(&export).await?;
            if kept {
                tx.outbox().append(&events::export_finished(event_id, &export, at)).await?;
            }
            Ok(kept)
        })
    }

    async fn give_up(&self, id: ExportId, attempt: u32) -> Result<(), ExportError> {
        let Some(export) = self.ports.queries.find_export(id).await? else { return Ok(()) };
        let state = ExportState::Failed { at: self.ports.clock.now() };
        if export.state == ExportState::Pending && self.finish(Export { state, ..export }).await? {
            self.remove_files(id, 1..=attempt).await;
        }
        Ok(())
    }

    /// Removes what attempts have left, unless one of the files is the copy.
    pub(super) async fn remove_files(&self, id: ExportId, attempts: impl Iterator<Item = u32> + Send) {
        let kept = match self.ports.queries.find_export(id).await {
            Ok(export) => export.map(|export| export.state),
            Err(_) => return,
        };
        for file in attempts.map(|attempt| file_of(id, attempt)) {
            if matches!(&kept, Some(ExportState::Ready { file: ready, .. }) if *ready == file) {
                continue;
            }
            if let Err(error) = self.ports.archive.remove(&file).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a copy that nobody gets was not removed");
            }
        }
    }
}

/// Where an attempt puts its copy.
fn file_of(id: ExportId, attempt: u32) -> String {
    format!("exports/{id}-{attempt}.zip")
}

#[async_trait]
impl JobHandler for BuildExport {
    fn kind(&self) -> &'static str {
        EXPORT
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let Payload { export_id, request_id } = serde_json::from_value(job.payload.clone())?;
        let work = async {
            let Err(error) = self.build(export_id, job.attempt).await else { return Ok(()) };
            // The last attempt tells the person that there will be none.
            if job.attempt >= job.max_attempts {
                self.give_up(export_id, job.attempt).await?;
            }
            Err::<(), ExportError>(error)
        };
        Ok(origin::on_behalf_of(request_id, work).await?)
    }
}
