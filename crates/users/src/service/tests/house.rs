//! A house with rooms: an installation with administrators, roles, files.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sharestack_kernel::blob::{Blob, BlobError, BlobKey, BlobStream, Presentation};
use sharestack_kernel::error::{Classified, Details, StoreError};
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::job::{ClaimedJob, JobHandler, NewJob};
use sharestack_kernel::patch::Patch;

use super::*;
use crate::error::PictureError;
use crate::model::{Obligation, RoleId, RoleInput, RoleName};
use crate::ports::{AccountObligations, AvatarImages, RenderedAvatar};

/// What somebody has, as the rest of the product would say.
#[derive(Default)]
pub(super) struct Owing(pub(super) Mutex<Vec<Obligation>>);

#[async_trait]
impl AccountObligations for Owing {
    async fn find(&self, _user: UserId) -> Result<Vec<Obligation>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn set_aside(&self, _user: UserId) -> Result<(), StoreError> {
        self.0.lock().unwrap().clear();
        Ok(())
    }
}

/// Takes all bytes for a picture but those that are none.
pub(super) struct Copying;

#[async_trait]
impl AvatarImages for Copying {
    async fn render(&self, bytes: Bytes, sizes: &[u32]) -> Result<Vec<RenderedAvatar>, PictureError> {
        if &bytes[..] == b"<svg>" {
            return Err(PictureError::Unsupported);
        }
        Ok(sizes.iter().map(|size| RenderedAvatar { size: *size, bytes: bytes.clone() }).collect())
    }
}

/// Files in a map.
#[derive(Default)]
pub(super) struct Files {
    pub(super) kept: Mutex<HashMap<String, Bytes>>,
    pub(super) away: AtomicBool,
}

impl Files {
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.kept.lock().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    pub(super) fn answer(&self) -> Result<std::sync::MutexGuard<'_, HashMap<String, Bytes>>, BlobError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(BlobError::Unavailable("away".into()));
        }
        Ok(self.kept.lock().unwrap())
    }
}

#[async_trait]
impl Blob for Files {
    async fn put(&self, key: &BlobKey, mut content: BlobStream) -> Result<u64, BlobError> {
        let mut all = Vec::new();
        while let Some(piece) = content.next().await {
            all.extend(piece?);
        }
        let length = all.len() as u64;
        self.answer()?.insert(key.to_string(), all.into());
        Ok(length)
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<BlobStream>, BlobError> {
        let found = self.answer()?.get(key.as_str()).cloned();
        Ok(found.map(|bytes| stream::iter([Ok(bytes)]).boxed()))
    }

    async fn get_range(&self, key: &BlobKey, _range: Range<u64>) -> Result<Option<BlobStream>, BlobError> {
        self.get(key).await
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(self.answer()?.get(key.as_str()).map(|bytes| bytes.len() as u64))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.answer()?.remove(key.as_str());
        Ok(())
    }

    async fn list(&self, _prefix: &str) -> Result<BoxStream<'static, Result<BlobKey, BlobError>>, BlobError> {
        Ok(stream::empty().boxed())
    }

    async fn presign_get(&self, _: &BlobKey, _: Duration, _: &Presentation) -> Result<Option<String>, BlobError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), BlobError> {
        self.answer().map(drop)
    }
}

pub(super) struct House {
    pub(super) world: World,
    pub(super) root: Actor,
    pub(super) owing: Arc<Owing>,
    pub(super) files: Arc<Files>,
    pub(super) administration: Administration,
    pub(super) profiles: Profiles,
    pub(super) roles: Roles,
    pub(super) settings: Settings,
    pub(super) avatars: Avatars,
}

impl House {
    pub(super) async fn new() -> Self {
        let world = World::new();
        let root = world.root().await;
        let (owing, files) = (Arc::new(Owing::default()), Arc::new(Files::default()));
        let (ports, store) = (world.ports.clone(), Arc::new(world.store.clone()));
        // Created roles are numbered behind the built-in ones.
        while ports.ids.number(RoleId::SEQUENCE).await.unwrap() < 100 {}
        Self {
            administration: Administration::new(AdministrationPorts {
                accounts: ports.clone(),
                directory: store.clone(),
                obligations: owing.clone(),
                roles: store.clone(),
                purge_after: chrono::Duration::days(30),
            }),
            profiles: Profiles::new(ports.clone(), store.clone()),
            roles: Roles::new(RolePorts { accounts: ports.clone(), roles: store.clone(), directory: store.clone() }),
            settings: Settings::new(ports.clone(), store.clone()),
            avatars: Avatars::new(ports.clone(), Arc::new(Copying), files.clone(), "https://example.com/media"),
            world,
            root,
            owing,
            files,
        }
    }

    /// Somebody with this role, signed in.
    pub(super) async fn with_role(&self, name: &str, role: &str) -> (Actor, Tokens) {
        let id = self.world.user(name).await.id;
        self.grant(id, &["user", role]).await;
        let tokens = self.world.login(name, PASSWORD).await.unwrap();
        (self.world.actor(&tokens).await, tokens)
    }

    pub(super) async fn grant(&self, id: UserId, roles: &[&str]) {
        let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
        self.world.accounts.grant_roles(&self.root, id, &roles, None).await.unwrap();
    }

    pub(super) async fn role(&self, name: &str, rank: i64, permissions: &[&str]) -> RoleId {
        let role = role_input(name, rank, permissions).create().unwrap();
        self.roles.create(&self.root, role).await.unwrap().role.id
    }

    pub(super) fn last_event(&self) -> DomainEvent {
        self.world.store.events().pop().unwrap()
    }

    pub(super) async fn run(&self, handler: &dyn JobHandler) {
        let job = self.world.store.jobs().into_iter().rfind(|job| job.kind == handler.kind()).unwrap();
        handler.run(&claimed(&job)).await.unwrap();
    }
}

pub(super) fn claimed(job: &NewJob) -> ClaimedJob {
    let NewJob { id, kind, payload, max_attempts, .. } = job.clone();
    ClaimedJob { id, kind, payload, attempt: 1, max_attempts, lost: 0 }
}

pub(super) fn role_input(name: &str, rank: i64, permissions: &[&str]) -> RoleInput {
    RoleInput {
        name: Patch::Set(name.to_owned()),
        rank: Patch::Set(rank),
        permissions: Patch::Set(permissions.iter().map(ToString::to_string).collect()),
        ..RoleInput::default()
    }
}

pub(super) fn role_name(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

pub(super) fn set(text: &str) -> Patch<String> {
    Patch::Set(text.to_owned())
}

pub(super) fn create(name: &str, role: &str, is_active: bool) -> CreateUser {
    CreateUser { registration: registration(name), role: role_name(role), is_active }
}

pub(super) fn denied<E: Classified>(result: Result<impl std::fmt::Debug, E>) -> &'static str {
    match result.unwrap_err().details() {
        Details::Denied(denied) => denied.required,
        other => panic!("{other:?}"),
    }
}
