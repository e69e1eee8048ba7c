//! What the product is asked for beside requests: by the command line, and by its workers.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_content::service::Recounting;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::JobStore;
use sharestack_kernel::prune::{BATCH, until_short};
use sharestack_users::error::FactorError;
use sharestack_users::model::{LoginName, ProfileInput, RegistrationInput};
use sharestack_users::ports::AccountQueries as _;
use sharestack_users::service::FactorReset;

use super::App;
use crate::http::error::ApiError;

/// How many photos a recount looks at at once: their links and entries are in memory.
const RECOUNTED_AT_ONCE: u64 = 2_000;

impl App {
    /// Who carries this access token now.
    ///
    /// # Errors
    /// When the token is worth nothing or its session has ended.
    pub async fn authenticate(&self, token: &str) -> Result<Actor, ApiError> {
        Ok(self.checks.authenticate(token).await?)
    }

    /// A proof of who one is that is not older than this is a recent login.
    pub fn recent_since(&self) -> DateTime<Utc> {
        self.clock.now() - self.recent_for()
    }

    /// How long a proof of who one is counts as recent.
    pub fn recent_for(&self) -> chrono::Duration {
        chrono::Duration::minutes(i64::from(self.config.auth.recent_login_minutes))
    }

    /// Whose signature a token bears, whether or not its session still lives.
    pub fn signed_user(&self, token: &str) -> Option<i64> {
        self.checks.claims(token).ok().map(|claims| claims.user_id.get())
    }

    /// Makes a super admin; returns their name.
    ///
    /// # Errors
    /// One sentence about what was wrong.
    pub async fn create_admin(&self, username: &str, email: &str, password: &str) -> Result<String, String> {
        let input = RegistrationInput {
            username: Some(username.to_owned()),
            email: Some(email.to_owned()),
            password: Some(password.to_owned()),
            profile: ProfileInput::default(),
        };
        let registration = input.parse().map_err(|error| error.to_string())?;
        let user = self.accounts.create_super_admin(registration).await.map_err(|error| error.to_string())?;
        Ok(user.username)
    }

    /// Takes the second factor away from who has lost it; returns their name.
    ///
    /// # Errors
    /// One sentence about why it is not done.
    pub async fn reset_mfa(&self, name: &str) -> Result<String, String> {
        let login = LoginName::parse(name).ok_or_else(|| format!("{name} is no username"))?;
        let found = self.store.find_credentials(&login).await.map_err(|error| error.to_string())?;
        let user = found.ok_or_else(|| format!("there is no user {name}"))?.user_id;
        let store = Arc::new(self.store.clone());
        let reset = FactorReset::new(store, self.mailroom.clone(), self.ids.clone(), self.clock.clone());
        match reset.reset(user, &self.config.localization.default_language).await {
            Ok(()) => Ok(name.to_owned()),
            Err(FactorError::NotEnrolled) => Err(format!("{name} has no second factor")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes what readers have looked at since the last time.
    ///
    /// # Errors
    /// When the store does not take it; it is kept for the next time.
    pub async fn flush_views(&self) -> Result<(), StoreError> {
        self.photos.views.flush().await?;
        self.content.views.flush().await.map(drop)
    }

    /// Writes who was seen since the last time.
    ///
    /// # Errors
    /// When the store does not take it; it is kept for the next time.
    pub async fn flush_seen(&self) -> Result<(), StoreError> {
        self.access.seen.flush().await.map(drop)
    }

    /// Removes what has expired, and ends what would wait for ever.
    pub async fn prune(&self) {
        if let Err(error) = self.sessions.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old sessions were not removed");
        }
        if let Err(error) = self.factors.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old second proofs were not removed");
        }
        if let Err(error) = self.third_party.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old logins at other services were not removed");
        }
        if let Err(error) = self.verification.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old codes were not removed");
        }
        if let Err(error) = self.idempotency.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old idempotency keys were not removed");
        }
        if let Err(error) = self.processing.forsaken.end().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "files without their jobs were not ended");
        }
        if let Err(error) = self.prune_jobs().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old jobs were not removed");
        }
        if let Err(error) = self.photos.purging.purge_overdue().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old photos were not removed from the trash");
        }
        if let Err(error) = self.privacy.exports.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old copies of personal data were not removed");
        }
    }

    /// Removes jobs that were done or given up long ago.
    async fn prune_jobs(&self) -> Result<u64, StoreError> {
        let before = |days: u32| self.clock.now() - chrono::Duration::days(i64::from(days));
        let (done, dead) = (before(self.config.jobs.keep_done_days), before(self.config.jobs.keep_dead_days));
        until_short(|| JobStore::prune(&self.store, done, dead, BATCH)).await
    }

    /// Whether people reach the server over TLS.
    pub fn is_behind_tls(&self) -> bool {
        self.config.server.public_url.starts_with("https://")
    }

    /// What mends lists and counts.
    pub fn recounting(&self) -> Recounting {
        let store = Arc::new(self.store.clone());
        Recounting::new(store.clone(), store, self.clock.clone(), RECOUNTED_AT_ONCE)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// The directory of the product's own files.
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }
}
