//! What every adapter of the ports of categories, tags and the timeline must pass, over an
//! empty store.

pub mod category;
pub mod counts;
pub mod depth;
pub mod document;
pub mod label;
pub mod listing;
pub mod lists;
pub mod recount;
pub mod timeline;
pub mod typed;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_content::error::ShelveError;
use sharestack_content::model::{
    Category, CategoryId, Kind, Label, Photo, PhotoId, Shelves, TagId, TagName, Tagging, Taken, photo_deltas,
};
use sharestack_content::ports::{
    CategoryQueries, CategoryWriteError, KeptCounts, LabelQueries, PhotoQueries, PhotoWriteError, Photos, Placement,
    PortfolioTx, Source, TagLink, TimelineQueries,
};
use sharestack_content::service::{Categories, Tags, TaxonomyPorts, Timeline, labels, shelving};
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, SessionId, UserId};
use sharestack_kernel::permission::Permission;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_users::ports::UsersTx;

use crate::photos::{category, photo};

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Categories, to read.
    pub categories: Arc<dyn CategoryQueries>,
    /// Tags, to read.
    pub labels: Arc<dyn LabelQueries>,
    /// What lists and counts keep.
    pub kept: Arc<dyn KeptCounts>,
    /// The timeline, to read.
    pub timeline: Arc<dyn TimelineQueries>,
    /// Photos, to read.
    pub photos: Arc<dyn PhotoQueries>,
    /// What an index of photos is fed from.
    pub documents: Arc<dyn Source<Photos>>,
    /// Accounts: photos have owners.
    pub users: Arc<dyn Begin<dyn UsersTx>>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
    /// What time it is.
    pub clock: FakeClock,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! taxonomy_cases {
    ($run:ident) => {
        $run! {
            taxonomy::category: [
                a_category_reads_back_as_it_was_written,
                a_taken_slug_is_refused,
                of_rivals_for_a_slug_one_gets_it,
                a_stale_change_writes_nothing,
                a_change_leaves_the_counts_alone,
                a_subtree_comes_with_its_root_first,
                counts_added_at_the_same_time_all_count,
                a_thing_in_both_is_moved_once,
                what_was_primary_is_primary_elsewhere,
                what_loses_its_primary_category_has_the_first_that_is_left,
                covers_go_with_their_photos,
                two_moves_at_once_make_no_cycle,
                a_move_takes_everything_below_along
            ],
            taxonomy::counts: [
                a_photo_in_two_children_counts_once_above,
                only_listed_photos_count,
                a_removed_photo_leaves_nothing_behind,
                counts_never_drift,
                counts_never_drift_among_rivals
            ],
            taxonomy::depth: [
                a_chain_of_two_hundred_levels_is_made_moved_counted_and_removed,
                nothing_stands_below_the_deepest_level,
                what_stands_elsewhere_too_counts_there_still,
                what_is_elsewhere_stays_where_it_is
            ],
            taxonomy::document: [
                a_document_has_all_that_is_searched,
                what_is_in_the_trash_is_no_document,
                a_walk_meets_each_photo_once,
                what_visitors_do_not_see_finds_nothing
            ],
            taxonomy::label: [
                tags_come_in_the_order_asked_for,
                a_known_tag_keeps_its_name_and_id,
                rivals_for_a_tag_get_the_same,
                a_slug_that_is_taken_makes_way,
                a_taken_name_or_slug_is_refused,
                a_stale_change_writes_nothing,
                tags_of_articles_are_others,
                a_deleted_tag_is_on_no_photo,
                merged_tags_count_each_photo_once,
                a_merge_prefers_what_people_said,
                usage_added_at_the_same_time_all_counts,
                trends_are_of_the_days_of_the_period,
                a_tag_is_found_by_either_of_its_keys,
                suggestions_stand_in_the_order_of_the_match,
                lists_are_sorted_and_filtered
            ],
            taxonomy::listing: [
                a_category_lists_its_own_photos_and_those_below,
                a_tag_lists_its_photos,
                what_is_sorted_by_the_same_stands_by_its_id,
                other_conditions_hold_within_a_category
            ],
            taxonomy::lists: [
                a_photo_in_two_children_is_listed_once_above,
                what_is_hidden_from_lists_leaves_them_and_comes_back,
                what_is_sorted_anew_stands_elsewhere,
                photos_sorted_anew_at_once_stand_elsewhere,
                a_moved_category_takes_what_it_lists_along,
                what_another_place_keeps_stays,
                a_deleted_category_lists_nothing,
                a_list_is_what_links_and_tree_say,
                a_list_is_what_links_and_tree_say_among_rivals
            ],
            taxonomy::recount: [
                what_is_right_is_left_alone,
                spans_follow_one_another_to_the_last_photo,
                what_is_wrong_is_mended_and_told,
                what_is_mended_among_rivals_is_right
            ],
            taxonomy::timeline: [
                an_event_reads_back_as_it_was_written,
                a_stale_event_is_left_alone,
                events_are_found_by_their_months,
                months_have_their_latest_photos,
                a_long_archive_has_all_its_months
            ],
            taxonomy::typed: [
                suggestions_match_literally,
                a_name_is_found_by_each_of_its_readings,
                names_are_gone_through_to_the_last_and_what_is_right_stays
            ]
        }
    };
}

/// When the cases take place.
fn now() -> DateTime<Utc> {
    crate::far_ahead()
}

/// A listed photo by user 7, taken at a time in a zone.
fn taken(id: i64, time: &str) -> Photo {
    let time = DateTime::parse_from_rfc3339(time).unwrap();
    Photo { taken: Some(Taken::with_offset(time)), ..photo(id) }
}

fn shelves(photo: &Photo, categories: &[i64], tags: &[i64]) -> Shelves {
    Shelves {
        categories: categories.iter().copied().map(CategoryId::new).collect(),
        tags: tags.iter().map(|id| (TagId::new(*id), Tagging::default())).collect(),
        ..Shelves::empty(photo)
    }
}

fn label(id: i64, name: &str) -> Label {
    Label::named(TagId::new(id), TagName::parse(name).unwrap(), now())
}

impl Subject {
    /// The subject of an adapter that implements all ports in one type.
    pub fn over<S>(store: &S, ids: Arc<dyn IdGenerator>, clock: FakeClock) -> Self
    where
        S: Begin<dyn PortfolioTx>
            + Begin<dyn UsersTx>
            + CategoryQueries
            + LabelQueries
            + KeptCounts
            + TimelineQueries
            + PhotoQueries
            + Source<Photos>
            + Clone
            + 'static,
    {
        let store = Arc::new(store.clone());
        Self {
            store: store.clone(),
            categories: store.clone(),
            labels: store.clone(),
            kept: store.clone(),
            timeline: store.clone(),
            photos: store.clone(),
            documents: store.clone(),
            users: store,
            ids,
            clock,
        }
    }

    fn ports(&self) -> TaxonomyPorts {
        TaxonomyPorts {
            store: self.store.clone(),
            categories: self.categories.clone(),
            labels: self.labels.clone(),
            timeline: self.timeline.clone(),
            photos: self.photos.clone(),
            clock: Arc::new(self.clock.clone()),
            ids: self.ids.clone(),
        }
    }

    pub(crate) fn curator(&self) -> Actor {
        Actor {
            user_id: UserId::new(7),
            credential: Credential::Session { id: SessionId::new(self.ids.uuid()), proved_at: DateTime::UNIX_EPOCH },
            role: "admin".to_owned(),
            permissions: ["category.*", "article_category.*", "tag.*", "timeline.*"]
                .into_iter()
                .map(|text| Permission::parse(text).unwrap())
                .collect(),
        }
    }

    pub(crate) fn services(&self) -> (Categories, Tags, Timeline) {
        let ports = self.ports();
        (Categories::new(ports.clone()), Tags::new(ports.clone()), Timeline::new(ports))
    }

    /// Keeps photos with the counters of their lists, as the services do.
    async fn keep(&self, photos: &[Photo]) {
        crate::users::register(&*self.users, UserId::new(7)).await;
        self.hang(photos).await;
    }

    /// Keeps photos of somebody who is there.
    async fn hang(&self, photos: &[Photo]) {
        let done: Result<(), Failure> = transact!(self.store, |tx| {
            for photo in photos {
                tx.photos().insert(photo).await?;
                tx.photos().add_counts(&photo_deltas(None, Some(photo))).await?;
            }
            Ok(())
        });
        done.unwrap();
    }

    async fn plant(&self, categories: &[Category]) {
        let done: Result<(), Failure> = transact!(self.store, |tx| {
            for category in categories {
                tx.categories().insert(category).await?;
            }
            Ok(())
        });
        done.unwrap();
    }

    async fn shelve(&self, photo: &Photo, shelves: &Shelves) -> Result<(), Failure> {
        transact!(self.store, |tx| {
            tx.photos().find_for_update(photo.id).await?;
            shelving::move_photo(tx, photo.id, shelves, now()).await?;
            Ok(())
        })
    }

    async fn counts(&self) -> BTreeMap<i64, (i64, i64)> {
        let all = self.categories.all(Kind::Photo).await.unwrap();
        all.into_iter().map(|one| (one.id.get(), (one.direct_count, one.subtree_count))).collect()
    }

    async fn resolve(&self, names: &[(i64, &str)]) -> Vec<i64> {
        let names: Vec<_> = names.iter().map(|(id, name)| (TagId::new(*id), TagName::parse(name).unwrap())).collect();
        let found: Result<Vec<TagId>, StoreError> =
            transact!(self.store, |tx| { labels::resolve(tx, &names, now()).await });
        found.unwrap().into_iter().map(TagId::get).collect()
    }

    async fn links(&self, photo: PhotoId) -> (Vec<Placement>, Vec<TagLink>) {
        let found: Result<_, StoreError> = transact!(self.store, |tx| {
            Ok((tx.shelves().placements(photo).await?, tx.shelves().tag_links(photo).await?))
        });
        found.unwrap()
    }
}

/// A refusal of a write, in a form that the runner can look into.
#[derive(Debug)]
enum Failure {
    Photo,
    Category(CategoryWriteError),
    Shelve(ShelveError),
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
            PhotoWriteError::Store(error) => Self::Store(error),
            _ => Self::Photo,
        }
    }
}

impl From<CategoryWriteError> for Failure {
    fn from(error: CategoryWriteError) -> Self {
        match error {
            CategoryWriteError::Store(error) => Self::Store(error),
            error => Self::Category(error),
        }
    }
}

impl From<ShelveError> for Failure {
    fn from(error: ShelveError) -> Self {
        match error {
            ShelveError::Store(error) => Self::Store(error),
            error => Self::Shelve(error),
        }
    }
}
