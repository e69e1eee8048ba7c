//! People's own data: copies of it, and its end.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use sharestack_content::service::{RemoveArticles, RemoveFiles, RemovePhotos};
use sharestack_kernel::blob::Blob;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::JobHandler;
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::seal::Sealer;
use sharestack_store_seaorm::Store;
use sharestack_users::model::{HeldFile, PrivacyPolicy};
use sharestack_users::ports::{AccountObligations, Extracts, PersonalRecords};
use sharestack_users::service::{
    AccountPorts, Administration, BuildExport, Departures, Exports, Leave, PrivacyPorts, PurgeAccount,
};

use super::archive::ZipArchive;
use crate::config::Config;

/// What handlers and workers ask.
pub struct Privacy {
    pub exports: Exports,
    pub departures: Departures,
    pub handlers: Vec<Arc<dyn JobHandler>>,
}

/// What the rest of the product gives to it.
pub struct PrivacyParts {
    pub accounts: AccountPorts,
    pub administration: Administration,
    pub obligations: Arc<dyn AccountObligations>,
    pub articles: Arc<RemoveArticles>,
    pub photos: Arc<RemovePhotos>,
    pub uploads: Arc<RemoveFiles>,
    pub mailroom: Arc<dyn Mailroom>,
    pub sealer: Arc<dyn Sealer>,
    pub blobs: Arc<dyn Blob>,
}

impl Privacy {
    /// The services over `store`.
    pub fn new(config: &Config, store: &Store, parts: PrivacyParts) -> Self {
        let PrivacyParts { accounts, administration, obligations, articles, photos, uploads, mailroom, sealer, blobs } =
            parts;
        let policy = PrivacyPolicy {
            export_ttl: Duration::days(i64::from(config.privacy.export_ttl_days)),
            cooling_off: Duration::days(i64::from(config.privacy.cooling_off_days)),
            ..PrivacyPolicy::default()
        };
        let records = Arc::new(Records { store: store.clone(), articles, photos, uploads });
        let asked = PrivacyPorts {
            store: accounts.store.clone(),
            queries: Arc::new(store.clone()),
            records: records.clone(),
            archive: Arc::new(ZipArchive(blobs)),
            mailroom,
            sealer,
            ids: accounts.ids.clone(),
            clock: accounts.clock.clone(),
        };
        Self {
            exports: Exports::new(asked.clone(), policy),
            departures: Departures::new(asked.clone(), obligations.clone(), policy),
            handlers: vec![
                Arc::new(BuildExport::new(asked.clone(), policy)),
                Arc::new(Leave::new(asked, administration)),
                Arc::new(PurgeAccount::new(accounts, obligations, records)),
            ],
        }
    }
}

/// The tables, and before them the domains whose other keepers must hear of an end.
struct Records {
    store: Store,
    articles: Arc<RemoveArticles>,
    photos: Arc<RemovePhotos>,
    uploads: Arc<RemoveFiles>,
}

#[async_trait]
impl PersonalRecords for Records {
    fn collect(&self, user: UserId) -> Extracts {
        self.store.collect(user)
    }

    async fn list_files(&self, user: UserId) -> Result<Vec<HeldFile>, StoreError> {
        self.store.list_files(user).await
    }

    async fn erase(&self, user: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
        // The relay may not have come to the end of the account yet: the index and the
        // counts follow events, and these need the rows.
        self.articles.remove_all(user).await?;
        self.photos.remove_all(user).await?;
        self.uploads.remove_all(user).await?;
        self.store.erase(user, at).await
    }
}
