//! The languages that people have set, near the requests that ask for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sharestack_kernel::id::UserId;
use sharestack_users::ports::SettingsQueries;

use crate::http::language::Language;

/// How long another node's change is not seen.
const KEPT: Duration = Duration::from_secs(30);
/// Of how many people at most it is known.
const MOST: usize = 10_000;

/// What each person reads, as their settings say; asked for by requests that do not say it.
pub struct Languages {
    settings: Arc<dyn SettingsQueries>,
    known: Mutex<HashMap<UserId, (Option<Language>, Instant)>>,
}

impl Languages {
    /// Reads them from `settings`.
    pub fn new(settings: Arc<dyn SettingsQueries>) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// The language of a user; `None` when they set none. One that cannot be found out now
    /// is as one that is not set: no answer fails for it.
    pub async fn find(&self, user: UserId) -> Option<Language> {
        let known = self.lock().get(&user).copied().filter(|(_, since)| since.elapsed() < KEPT);
        if let Some((language, _)) = known {
            return language;
        }
        let settings = match self.settings.find_settings(user).await {
            Ok(settings) => settings,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the user's language is not known");
                return None;
            }
        };
        let language = settings.language.and_then(|language| Language::parse(language.as_str()));
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(user, (language, Instant::now()));
        language
    }

    /// Forgets what is known of a user, who has set something.
    pub fn forget(&self, user: UserId) {
        self.lock().remove(&user);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, (Option<Language>, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
