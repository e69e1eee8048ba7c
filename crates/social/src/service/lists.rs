use std::sync::Arc;

use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use crate::error::ListError;
use crate::model::{FollowCounts, ListPrivacy, Listed, Relation};
use crate::ports::{FollowPrivacy, RelationQueries};

/// The right to see what people keep to themselves.
pub const USER_READ: &str = "user.read";

/// Shows who is with whom, as far as they let others see it.
#[derive(Clone)]
pub struct Lists {
    queries: Arc<dyn RelationQueries>,
    privacy: Arc<dyn FollowPrivacy>,
}

impl Lists {
    /// Over these ports.
    pub fn new(queries: Arc<dyn RelationQueries>, privacy: Arc<dyn FollowPrivacy>) -> Self {
        Self { queries, privacy }
    }

    /// How `viewer` stands to `other`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn relation(&self, viewer: UserId, other: UserId) -> Result<Relation, StoreError> {
        self.queries.relation(viewer, other).await
    }

    /// How many follow a user, and how many they follow: told also where the lists are not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counts(&self, user: UserId) -> Result<FollowCounts, StoreError> {
        self.queries.counts(user).await
    }

    /// Who follows a user.
    ///
    /// # Errors
    /// When the user keeps it to themselves.
    pub async fn followers(
        &self,
        viewer: Option<&Actor>,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Listed>, ListError> {
        self.check(viewer, user, |privacy| privacy.show_followers).await?;
        Ok(self.queries.followers(user, viewer.map(|actor| actor.user_id), page).await?)
    }

    /// Whom a user follows.
    ///
    /// # Errors
    /// When the user keeps it to themselves.
    pub async fn following(
        &self,
        viewer: Option<&Actor>,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Listed>, ListError> {
        self.check(viewer, user, |privacy| privacy.show_following).await?;
        Ok(self.queries.following(user, viewer.map(|actor| actor.user_id), page).await?)
    }

    /// Whom the caller blocked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn blocks(&self, user: UserId, page: PageRequest) -> Result<Page<Listed>, StoreError> {
        self.queries.blocks(user, page).await
    }

    async fn check(
        &self,
        viewer: Option<&Actor>,
        user: UserId,
        shown: fn(&ListPrivacy) -> bool,
    ) -> Result<(), ListError> {
        if viewer.is_some_and(|actor| actor.user_id == user || actor.may(USER_READ)) {
            return Ok(());
        }
        if shown(&self.privacy.find(user).await?) {
            return Ok(());
        }
        Err(Denied { required: USER_READ, role: viewer.map(|actor| actor.role.clone()) }.into())
    }
}
