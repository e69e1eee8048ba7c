//! What every adapter of the ports of photos and of the links that show them must pass,
//! over an empty store.

pub mod count;
pub mod hidden;
pub mod list;
pub mod map;
pub mod photo;
pub mod share;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sharestack_content::error::ShelveError;
use sharestack_content::memory;
use sharestack_content::model::{
    Category, CategoryId, Photo, PhotoId, PhotoKey, ShareLink, ShareLinkId, ShareTarget, Shelves, TagId, TagName,
    Tagging, Taken, photo_deltas,
};
use sharestack_content::ports::{CategoryWriteError, PhotoQueries, PhotoView, PhotoWriteError, PortfolioTx};
use sharestack_content::service::{labels, shelving};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_users::ports::UsersTx;

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Photos, to read.
    pub queries: Arc<dyn PhotoQueries>,
    /// Accounts: photos have owners.
    pub users: Arc<dyn Begin<dyn UsersTx>>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! photos_cases {
    ($run:ident) => {
        $run! {
            photos::photo: [
                a_photo_reads_back_as_it_was_written,
                a_photo_without_extras_is_kept_so,
                a_taken_slug_or_file_is_refused,
                of_rivals_for_a_slug_one_gets_it,
                a_stale_update_writes_nothing,
                a_stale_delete_removes_nothing,
                a_deleted_photo_is_gone_and_its_slug_and_file_are_free,
                a_locked_photo_makes_others_wait,
                photos_are_found_by_file_and_by_owner
            ],
            photos::count: [
                views_and_downloads_added_at_the_same_time_all_count,
                likes_count_each_user_once,
                likes_at_the_same_time_all_count,
                likes_are_counted_by_owner,
                lengths_added_at_the_same_time_all_count,
                lengths_never_drift
            ],
            photos::list: [
                a_page_shows_categories_and_tags,
                pages_show_each_photo_once,
                what_is_ones_own_stands_among_what_everybody_sees,
                every_order_sorts,
                titles_stand_in_the_order_of_their_characters,
                totals_equal_what_matches,
                a_search_matches_literally,
                a_category_shows_what_is_below_it,
                a_tag_is_found_by_its_name_and_its_slug,
                the_trash_shows_the_latest_first,
                what_is_long_in_the_trash_is_found,
                some_are_found_by_ids,
                any_number_of_ids_is_taken
            ],
            photos::hidden: [
                what_is_hidden_is_told,
                what_is_hidden_is_found_by_who_sees_it
            ],
            photos::map: [
                each_photo_in_bounds_counts_once,
                bounds_cross_the_antimeridian,
                a_square_has_its_middle_and_its_latest,
                the_fullest_squares_come_first
            ],
            photos::share: [
                a_link_reads_back_as_it_was_written,
                a_link_is_ended_by_its_owner_alone,
                all_links_of_an_owner_end,
                a_link_shows_its_owners_photos_and_those_of_all,
                a_link_to_a_category_shows_what_is_in_it,
                pages_of_a_shared_category_show_each_photo_once
            ]
        }
    };
}

/// 2100-01-15 10:30 UTC and some microseconds, which every store must keep.
fn now() -> DateTime<Utc> {
    crate::far_ahead()
}

/// Whose photos these are, if nothing else is said.
const OWNER: UserId = UserId::new(7);

/// A listed photo by user 7.
pub(crate) fn photo(id: i64) -> Photo {
    let created_at = now() + TimeDelta::seconds(id);
    Photo { published_at: Some(now()), created_at, updated_at: now(), ..memory::photo(id) }
}

/// The same, changed.
fn but(id: i64, change: impl FnOnce(&mut Photo)) -> Photo {
    let mut photo = photo(id);
    change(&mut photo);
    photo
}

fn taken(time: &str) -> Taken {
    Taken::with_offset(DateTime::parse_from_rfc3339(time).unwrap())
}

fn link(number: u128, target: ShareTarget) -> ShareLink {
    ShareLink {
        id: ShareLinkId::new(uuid::Uuid::from_u128(number)),
        owner_id: OWNER,
        token_hash: format!("{number:064x}"),
        target,
        password_hash: None,
        allow_download: false,
        hide_metadata: false,
        expires_at: None,
        created_at: now(),
    }
}

fn ids(views: &[PhotoView]) -> Vec<i64> {
    views.iter().map(|view| view.photo.id.get()).collect()
}

impl Subject {
    /// The subject of an adapter that implements all ports in one type.
    pub fn over<S>(store: &S, ids: Arc<dyn IdGenerator>) -> Self
    where
        S: Begin<dyn PortfolioTx> + Begin<dyn UsersTx> + PhotoQueries + Clone + 'static,
    {
        let store = Arc::new(store.clone());
        Self { store: store.clone(), queries: store.clone(), users: store, ids }
    }

    async fn register(&self, users: &[i64]) {
        for id in users {
            crate::users::register(&*self.users, UserId::new(*id)).await;
        }
    }

    async fn insert(&self, photo: &Photo) -> Result<(), Failure> {
        transact!(self.store, |tx| {
            tx.photos().insert(photo).await?;
            tx.photos().add_counts(&photo_deltas(None, Some(photo))).await?;
            Ok(())
        })
    }

    /// Keeps photos of user 7 with the counters of their lists, as the services do.
    async fn keep(&self, photos: &[Photo]) {
        self.register(&[OWNER.get()]).await;
        for photo in photos {
            self.insert(photo).await.unwrap();
        }
    }

    async fn update(&self, photo: &Photo, expected: i64) -> Result<(), Failure> {
        transact!(self.store, |tx| { Ok(tx.photos().update(photo, expected).await?) })
    }

    async fn find(&self, id: i64) -> Option<PhotoView> {
        self.queries.find(&PhotoKey::Id(PhotoId::new(id))).await.unwrap()
    }

    /// Makes categories of these paths.
    async fn plant(&self, paths: &[&str]) {
        let done: Result<(), Failure> = transact!(self.store, |tx| {
            for path in paths {
                tx.categories().insert(&category(path)).await?;
            }
            Ok(())
        });
        done.unwrap();
    }

    async fn tag(&self, id: i64, name: &str) -> TagId {
        let names = [(TagId::new(id), TagName::parse(name).unwrap())];
        let found: Result<Vec<TagId>, Failure> =
            transact!(self.store, |tx| { Ok(labels::resolve(tx, &names, now()).await?) });
        found.unwrap()[0]
    }

    /// Puts a photo into categories and gives it tags; the first category is its primary one.
    async fn shelve(&self, photo: &Photo, categories: &[i64], tags: &[(TagId, Tagging)]) {
        let mut shelves = Shelves::empty(photo);
        for (index, id) in categories.iter().enumerate() {
            shelves.put(CategoryId::new(*id), index == 0);
        }
        shelves.tags = tags.iter().copied().collect();
        let done: Result<(), Failure> = transact!(self.store, |tx| {
            tx.photos().find_for_update(photo.id).await?;
            Ok(shelving::move_photo(tx, photo.id, &shelves, now()).await?)
        });
        done.unwrap();
    }
}

/// The category at the end of this path of ids.
pub(crate) fn category(path: &str) -> Category {
    Category { created_at: now(), updated_at: now(), ..memory::category(path) }
}

/// A refusal of a write, in a form that the runner can look into.
#[derive(Debug)]
enum Failure {
    SlugTaken,
    FileTaken,
    Stale,
    Category,
    Shelve,
    Store(StoreError),
}

sharestack_kernel::carries_store!(Failure);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PhotoWriteError> for Failure {
    fn from(error: PhotoWriteError) -> Self {
        match error {
            PhotoWriteError::SlugTaken => Self::SlugTaken,
            PhotoWriteError::FileTaken => Self::FileTaken,
            PhotoWriteError::Stale => Self::Stale,
            PhotoWriteError::Store(error) => Self::Store(error),
        }
    }
}

impl From<CategoryWriteError> for Failure {
    fn from(error: CategoryWriteError) -> Self {
        match error {
            CategoryWriteError::Store(error) => Self::Store(error),
            _ => Self::Category,
        }
    }
}

impl From<ShelveError> for Failure {
    fn from(error: ShelveError) -> Self {
        match error {
            ShelveError::Store(error) => Self::Store(error),
            _ => Self::Shelve,
        }
    }
}
