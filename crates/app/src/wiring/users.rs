//! The users domain beside login and sessions: accounts, roles, settings, pictures.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Duration;
use sharestack_billing::service::remainder::Remainders;
use sharestack_kernel::blob::Blob;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::JobHandler;
use sharestack_media::{PictureLimits, Pictures};
use sharestack_store_seaorm::Store;
use sharestack_users::model::Obligation;
use sharestack_users::ports::{AccountObligations, Directory};
use sharestack_users::service::{
    AccountPorts, Administration, AdministrationPorts, Avatars, Profiles, RemoveAvatar, RolePorts, Roles, Settings,
};

use crate::config::Config;

/// What handlers and workers ask of the users domain, login and sessions aside.
pub struct People {
    pub profiles: Profiles,
    pub avatars: Avatars,
    pub administration: Administration,
    pub roles: Roles,
    pub settings: Settings,
    /// Where pictures are.
    pub blobs: Arc<dyn Blob>,
    /// What stands between an account and its end.
    pub obligations: Arc<dyn AccountObligations>,
    pub handlers: Vec<Arc<dyn JobHandler>>,
}

impl People {
    /// The services over `store`.
    pub fn new(config: &Config, store: &Store, accounts: &AccountPorts, blobs: Arc<dyn Blob>) -> Self {
        let directory: Arc<dyn Directory> = Arc::new(store.clone());
        let books = Arc::new(store.clone());
        let remainders = Remainders::new(books.clone(), books, accounts.ids.clone(), accounts.clock.clone());
        let obligations: Arc<dyn AccountObligations> = Arc::new(Balances(remainders));
        let limits = PictureLimits { max_pixels: config.upload.max_image_pixels, ..PictureLimits::default() };
        let base = format!("{}/api/v1/media/avatars", super::public_url(config));
        Self {
            profiles: Profiles::new(accounts.clone(), directory.clone()),
            avatars: Avatars::new(accounts.clone(), Arc::new(Pictures::new(limits)), blobs.clone(), base),
            administration: Administration::new(AdministrationPorts {
                accounts: accounts.clone(),
                directory: directory.clone(),
                roles: Arc::new(store.clone()),
                obligations: obligations.clone(),
                purge_after: Duration::days(i64::from(config.accounts.purge_after_days)),
            }),
            roles: Roles::new(RolePorts {
                accounts: accounts.clone(),
                roles: Arc::new(store.clone()),
                directory: directory.clone(),
            }),
            settings: Settings::new(accounts.clone(), Arc::new(store.clone())),
            handlers: vec![Arc::new(RemoveAvatar::new(directory, blobs.clone()))],
            obligations,
            blobs,
        }
    }
}

/// Billing tells what it owes somebody.
struct Balances(Remainders);

#[async_trait]
impl AccountObligations for Balances {
    async fn find(&self, user: UserId) -> Result<Vec<Obligation>, StoreError> {
        let owed = self.0.find(user).await?.into_iter().map(|owed| Obligation {
            kind: "balance".to_owned(),
            amount: Some(owed.amount()),
            currency: Some(owed.currency().code().to_owned()),
        });
        Ok(owed.collect())
    }

    async fn set_aside(&self, user: UserId) -> Result<(), StoreError> {
        self.0.set_aside(user).await
    }
}
