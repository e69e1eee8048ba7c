use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};
use sharestack_kernel::error::{StoreError, Throttle};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;

use super::{PhotoPorts, READ_PHOTO, UPDATE_PHOTO, refused};
use crate::error::{PhotoRefused, ShareError, ShareOpenError};
use crate::model::{
    CategoryId, Exif, Kind, Metadata, Photo, PhotoId, Place, ShareLink, ShareLinkId, ShareTarget, Slug,
};
use crate::ports::{PhotoHead, PhotoView, PortfolioTx, SharePasswords};
use crate::service::hidden::{seen, sees_categories};

/// How far ahead a link may end.
const FARTHEST: TimeDelta = TimeDelta::days(3653);
/// How many photos a link may name.
const MAX_SHARED: usize = 500;
/// How many wrong passwords may be tried for one link.
const TRIES: Limit = Limit { limit: 5, window: Duration::from_mins(1) };

/// A new share link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateShareLink {
    /// The photos that it shows, in this order.
    pub photos: Vec<PhotoId>,
    /// A category that it shows instead.
    pub category: Option<CategoryId>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// What opens it, beside its address.
    pub password: Option<String>,
    /// Whether what it shows may be downloaded.
    pub allow_download: bool,
    /// Whether places, times, camera data and notes are left out.
    pub hide_metadata: bool,
}

/// A link that was made, with the token that is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedBy {
    /// The link.
    pub link: ShareLink,
    /// What stands in its address.
    pub token: String,
}

/// What a link shows.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedPhotos {
    /// The link.
    pub link: ShareLink,
    /// A page of its photos, without what the link hides.
    pub page: Page<PhotoView>,
}

/// Shows photos to whom their owners like.
#[derive(Clone)]
pub struct SharePhotos {
    ports: PhotoPorts,
    passwords: Arc<dyn SharePasswords>,
    limiter: Arc<dyn RateLimiter>,
    turns: Turns,
}

/// Whose turn it is to try a password, for each link for which somebody does so now.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<HashMap<ShareLinkId, Weak<Turn>>>>);

type Turn = futures::lock::Mutex<()>;

impl Turns {
    fn of(&self, link: ShareLinkId) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&link).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(link, Arc::downgrade(&turn));
        turn
    }
}

impl SharePhotos {
    /// The service over these ports.
    pub fn new(ports: PhotoPorts, passwords: Arc<dyn SharePasswords>, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { ports, passwords, limiter, turns: Turns::default() }
    }

    /// Makes a link to photos of one's own, and to what everybody may see.
    ///
    /// # Errors
    /// Without the right `photo.read`, for photos that are not there for the actor or are not
    /// theirs to share, for an end that is past, and for no or too many photos.
    pub async fn create(&self, actor: &Actor, command: CreateShareLink) -> Result<SharedBy, ShareError> {
        actor.require(READ_PHOTO).map_err(PhotoRefused::from)?;
        let now = self.ports.clock.now();
        if let Some(end) = command.expires_at.filter(|end| *end <= now || *end > now + FARTHEST) {
            tracing::debug!(expires_at = %end, "end out of range");
            return Err(FieldErrors::of("expires_at", Issue::not_between(now, now + FARTHEST)).into());
        }
        if command.photos.len() > MAX_SHARED {
            return Err(FieldErrors::of("photo_ids", Issue::TooLong { max: MAX_SHARED }).into());
        }
        if command.category.is_some() {
            // Its owner's photos in it are shown too.
            acts_for(actor, actor.user_id)?;
        }
        let token = self.ports.randomness.token();
        let token: String = hex::encode(token);
        let password_hash = match &command.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let link = ShareLink {
            id: ShareLinkId::new(self.ports.ids.uuid()),
            owner_id: actor.user_id,
            token_hash: self.passwords.digest(&token),
            target: match command.category {
                Some(category) => ShareTarget::Category(category),
                None => ShareTarget::Photos(command.photos.clone()),
            },
            password_hash,
            allow_download: command.allow_download,
            hide_metadata: command.hide_metadata,
            expires_at: command.expires_at,
            created_at: now,
        };
        transact!(self.ports.store, |tx| {
            require_sharable(tx, actor, &command.photos).await?;
            if let ShareTarget::Category(id) = link.target
                && !is_seen(tx, id, sees_categories(Some(actor))).await?
            {
                return Err(FieldErrors::of("category", Issue::NotAllowed { allowed: Vec::new() }).into());
            }
            tx.share_links().insert(&link).await?;
            Ok::<_, ShareError>(())
        })?;
        Ok(SharedBy { link, token })
    }

    /// Ends a link of one's own at once.
    ///
    /// # Errors
    /// When there is none, and for a key that does not act for its owner.
    pub async fn revoke(&self, actor: &Actor, id: ShareLinkId) -> Result<(), ShareError> {
        acts_for(actor, actor.user_id)?;
        let ended: Result<bool, ShareError> =
            transact!(self.ports.store, |tx| { Ok(tx.share_links().delete(id, actor.user_id).await?) });
        if ended? { Ok(()) } else { Err(ShareError::Missing(id.to_string())) }
    }

    /// What a link shows to who has its token, and its password if it has one.
    ///
    /// # Errors
    /// When there is no such link, its time is over, its password is missing or another, and
    /// when too many were tried.
    pub async fn open(
        &self,
        token: &str,
        password: Option<&str>,
        page: PageRequest,
    ) -> Result<SharedPhotos, ShareOpenError> {
        let now = self.ports.clock.now();
        let found = self.ports.queries.find_share_link(&self.passwords.digest(token)).await?;
        let link = found.ok_or(ShareOpenError::Missing)?;
        if link.has_ended(now) {
            return Err(ShareOpenError::Ended);
        }
        if let Some(hash) = &link.password_hash {
            let password = password.ok_or(ShareOpenError::PasswordRequired)?;
            self.check_password(link.id, password, hash).await?;
        }
        let page = self.ports.queries.list_shared(&link, page).await?.map(|view| seen(None, view));
        let hide = link.hide_metadata;
        let shown = |view| guarded(if hide { hidden(view) } else { view });
        Ok(SharedPhotos { link, page: page.map(shown) })
    }

    /// Passwords are short: without a count they could be tried through. Wrong ones alone count,
    /// so that the right one opens a link for as many as come at once. A node tries one password
    /// of a link after the other: who waits is told of the wrong ones before. What a password is
    /// is told only after the count was asked again: however many nodes try, no more than
    /// [`TRIES`] are called wrong, and none is called right behind them.
    async fn check_password(&self, link: ShareLinkId, password: &str, hash: &str) -> Result<(), ShareOpenError> {
        let turn = self.turns.of(link);
        let _held = turn.lock().await;
        let key = format!("share:{link}");
        self.within_tries(self.limiter.peek(&key, TRIES).await)?;
        if self.passwords.verify(password, hash).await? {
            return self.within_tries(self.limiter.peek(&key, TRIES).await);
        }
        self.within_tries(self.limiter.hit(&key, TRIES).await)?;
        Err(ShareOpenError::WrongPassword)
    }

    fn within_tries(&self, decision: Result<Decision, CacheError>) -> Result<(), ShareOpenError> {
        let decision = decision.map_err(|error| StoreError::Unavailable(error.into()))?;
        if decision.allowed {
            return Ok(());
        }
        let now = self.ports.clock.now();
        Err(ShareOpenError::Throttled(Throttle::new(TRIES.limit.into(), TRIES.window, decision.reset_at, now)))
    }
}

/// Refuses who does not act for the owner of photos: a key of theirs that is for other things.
fn acts_for(actor: &Actor, owner: UserId) -> Result<(), PhotoRefused> {
    actor.require_owner_or(owner, UPDATE_PHOTO).map_err(PhotoRefused::from)
}

/// Refuses photos that are not there for the actor, or not theirs to share, and holds the others:
/// none of them goes before the link names it.
async fn require_sharable(tx: &mut dyn PortfolioTx, actor: &Actor, photos: &[PhotoId]) -> Result<(), ShareError> {
    let mut found = BTreeMap::new();
    // Who holds several rows takes them in one order.
    for id in photos.iter().collect::<BTreeSet<_>>() {
        found.insert(id, tx.photos().find_for_update(*id).await?);
    }
    for id in photos {
        require_shared(actor, *id, found.get(id).and_then(Option::as_ref))?;
    }
    Ok(())
}

/// Refuses a photo that is not there for the actor, or not theirs to share. A link to one's own
/// shows it also when it is open no longer, and may give its original: it takes an owner.
fn require_shared(actor: &Actor, id: PhotoId, photo: Option<&Photo>) -> Result<(), PhotoRefused> {
    let photo = photo.filter(|photo| photo.trashed_at.is_none());
    let photo = photo.ok_or_else(|| PhotoRefused::Missing(id.into()))?;
    let allowed = if photo.owner_id == actor.user_id {
        actor.require_owner_or(photo.owner_id, UPDATE_PHOTO)
    } else if photo.is_open() {
        Ok(())
    } else {
        // Who works on all photos does not give those of others away.
        let unsaid = Denied { required: READ_PHOTO, role: Some(actor.role.clone()) };
        actor.require_owner_or(photo.owner_id, UPDATE_PHOTO).and(Err(unsaid))
    };
    allowed.map_err(|denied| refused(denied, Some(actor), &PhotoHead::from(photo), &id.into()))
}

/// A photo without its secret: the slug of what is not open to everybody opens it to whoever
/// knows it, and would do so when the link has long ended.
fn guarded(mut view: PhotoView) -> PhotoView {
    let photo = &mut view.photo;
    if !photo.is_open() {
        photo.slug = Slug::suggested(photo.title.as_str(), "photo").with_id(photo.id);
    }
    view
}

/// Whether a category is there for somebody, who sees hidden ones or not.
async fn is_seen(tx: &mut dyn PortfolioTx, id: CategoryId, hidden: bool) -> Result<bool, StoreError> {
    let Some(category) = tx.categories().find_many(Kind::Photo, &[id]).await?.pop() else { return Ok(false) };
    let way = tx.categories().find_many(Kind::Photo, category.path.ids()).await?;
    Ok(hidden || way.iter().all(|one| one.is_active))
}

/// A photo without what says where, when and with what it was taken.
fn hidden(mut view: PhotoView) -> PhotoView {
    let photo = &mut view.photo;
    (photo.exif, photo.place, photo.metadata, photo.taken) =
        (Exif::default(), Place::default(), Metadata::default(), None);
    photo.picture.original_filename = String::new();
    view
}
