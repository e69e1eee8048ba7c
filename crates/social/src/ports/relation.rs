use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use crate::model::{Edge, FollowCounts, Listed, Person, Relation};

/// Follows and blocks, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RelationRepository: Send {
    /// Keeps what is between two people to this transaction until it ends.
    ///
    /// MUST make every other transaction that holds the pair, from either side, wait; what
    /// is read afterwards MUST be what the last holder left.
    async fn hold_pair(&mut self, edge: Edge) -> Result<(), StoreError>;

    /// Whether there is an account that may be used.
    async fn is_active(&mut self, user: UserId) -> Result<bool, StoreError>;

    /// Whether one of the two blocked the other.
    async fn has_block(&mut self, edge: Edge) -> Result<bool, StoreError>;

    /// Adds a follow to a held pair. Returns `false`, and MUST change nothing, when it is
    /// there already.
    async fn insert_follow(&mut self, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Removes a follow; `false` when there is none.
    async fn delete_follow(&mut self, edge: Edge) -> Result<bool, StoreError>;

    /// Adds a block to a held pair. Returns `false`, and MUST change nothing, when it is
    /// there already.
    async fn insert_block(&mut self, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Removes a block; `false` when there is none.
    async fn delete_block(&mut self, edge: Edge) -> Result<bool, StoreError>;
}

/// Follows and blocks, for reading. Who is inactive or deleted is neither listed nor counted.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RelationQueries: Send + Sync {
    /// The user with this id, else the one with this name.
    ///
    /// MUST compare names by [`fold`](sharestack_kernel::text::fold), and prefer the id when
    /// the text is one user's id and another's name.
    async fn find_person(&self, id_or_name: &str) -> Result<Option<Person>, StoreError>;

    /// How `viewer` stands to `other`, in one statement.
    async fn relation(&self, viewer: UserId, other: UserId) -> Result<Relation, StoreError>;

    /// How many follow a user, and how many they follow. MUST equal the totals of
    /// [`Self::followers`] and [`Self::following`].
    async fn counts(&self, user: UserId) -> Result<FollowCounts, StoreError>;

    /// One page of who follows a user, the latest first, in one statement beside its count.
    ///
    /// MUST show each exactly once over all pages while nothing changes, and say of each
    /// whether `viewer` follows them.
    async fn followers(
        &self,
        user: UserId,
        viewer: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Listed>, StoreError>;

    /// As [`Self::followers`], of whom a user follows.
    async fn following(
        &self,
        user: UserId,
        viewer: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Listed>, StoreError>;

    /// One page of whom a user blocked, the latest first.
    async fn blocks(&self, user: UserId, page: PageRequest) -> Result<Page<Listed>, StoreError>;
}
