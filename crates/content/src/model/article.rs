//! An article and what may become of it.

use chrono::{DateTime, TimeDelta, Utc};
use sharestack_kernel::field::Issue;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;
use thiserror::Error;

use super::id::{ArticleId, CategoryId, PlanId};
use super::slug::Slug;
use super::tag::Tag;
use super::text::{CoverUrl, SeoDescription, SeoTitle, Summary, Title};

/// Who may read the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum AccessLevel {
    /// Everybody.
    #[default]
    Free,
    /// Members of the author's circle, as billing defines it.
    Members,
    /// Who has paid.
    Paid,
}

impl AccessLevel {
    /// All levels.
    pub const ALL: [Self; 3] = [Self::Free, Self::Members, Self::Paid];

    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Members => "members",
            Self::Paid => "paid",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// Where an article is on its way to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// Only the author sees it.
    #[default]
    Draft,
    /// It will be published by itself.
    Scheduled,
    /// Readers see it.
    Published,
}

impl Status {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Scheduled, Self::Published];

    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// The article's state does not allow the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("article is {}", .status.as_str())]
pub struct WrongState {
    /// The state it is in.
    pub status: Status,
}

/// An article without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Its address.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// What it is about.
    pub summary: Option<Summary>,
    /// Its picture.
    pub cover: Option<CoverUrl>,
    /// Who may read it.
    pub access_level: AccessLevel,
    /// The plans that open it; empty for every plan of the author.
    pub plan_ids: Vec<PlanId>,
    /// What it costs alone.
    pub price: Option<Money>,
    /// Its title for search engines.
    pub seo_title: Option<SeoTitle>,
    /// Its description for search engines.
    pub seo_description: Option<SeoDescription>,
    /// Its category.
    pub category: Option<CategoryId>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Where it is on its way.
    pub status: Status,
    /// When it will be published by itself.
    pub publish_at: Option<DateTime<Utc>>,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When what readers see last changed.
    pub updated_at: DateTime<Utc>,
    /// Grows by one with each change, an autosave included.
    pub version: i64,
}

impl Article {
    /// Notes a change. The time always moves on, so that it can guard against stale edits.
    pub fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now.max(self.updated_at + TimeDelta::microseconds(1));
        self.version += 1;
    }

    /// Makes it public. The first time of it stays.
    ///
    /// # Errors
    /// When it is public already.
    pub fn publish(&mut self, now: DateTime<Utc>) -> Result<(), WrongState> {
        if self.status == Status::Published {
            return Err(WrongState { status: self.status });
        }
        self.status = Status::Published;
        self.publish_at = None;
        self.published_at.get_or_insert(now);
        self.touch(now);
        Ok(())
    }

    /// Lets it become public at `at`, also in place of an earlier schedule.
    ///
    /// # Errors
    /// When it is public already.
    pub fn schedule(&mut self, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), WrongState> {
        if self.status == Status::Published {
            return Err(WrongState { status: self.status });
        }
        self.status = Status::Scheduled;
        self.publish_at = Some(at);
        self.touch(now);
        Ok(())
    }

    /// Makes it a draft again, or cancels its schedule.
    ///
    /// # Errors
    /// When it is a draft.
    pub fn unpublish(&mut self, now: DateTime<Utc>) -> Result<(), WrongState> {
        if self.status == Status::Draft {
            return Err(WrongState { status: self.status });
        }
        self.status = Status::Draft;
        self.publish_at = None;
        self.touch(now);
        Ok(())
    }

    /// Whether it waits for exactly this time: what a job checks that may run late or twice.
    pub fn is_scheduled_for(&self, at: DateTime<Utc>) -> bool {
        self.status == Status::Scheduled && self.publish_at == Some(at)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn article(now: DateTime<Utc>) -> Article {
        Article {
            id: ArticleId::new(1),
            author_id: UserId::new(7),
            slug: Slug::parse("a-b").unwrap(),
            title: Title::parse("A b".to_owned()).unwrap(),
            summary: None,
            cover: None,
            access_level: AccessLevel::Free,
            plan_ids: Vec::new(),
            price: None,
            seo_title: None,
            seo_description: None,
            category: None,
            tags: Vec::new(),
            status: Status::Draft,
            publish_at: None,
            published_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_768_473_000, 0).unwrap();

    #[test]
    fn the_first_publication_stays() {
        let mut article = article(NOW);
        let later = NOW + TimeDelta::days(1);
        article.publish(NOW).unwrap();
        assert_eq!(article.publish(later), Err(WrongState { status: Status::Published }));
        assert!(article.schedule(later, NOW).is_err());
        article.unpublish(later).unwrap();
        assert!(article.unpublish(later).is_err());
        article.publish(later).unwrap();
        assert_eq!(article.published_at, Some(NOW));
    }

    #[test]
    fn unpublish_cancels_a_schedule() {
        let mut article = article(NOW);
        let later = NOW + TimeDelta::days(1);
        article.schedule(later, NOW).unwrap();
        assert!(article.is_scheduled_for(later) && !article.is_scheduled_for(NOW));
        article.unpublish(NOW).unwrap();
        assert_eq!((article.status, article.publish_at), (Status::Draft, None));
    }

    proptest! {
        #[test]
        fn any_steps_keep_the_state_whole(steps in proptest::collection::vec(0..3_u8, 0..30)) {
            let mut article = article(NOW);
            for step in steps {
                let before = article.clone();
                let done = match step {
                    0 => article.publish(NOW),
                    1 => article.schedule(NOW + TimeDelta::days(1), NOW),
                    _ => article.unpublish(NOW),
                };
                prop_assert_eq!(article.version, before.version + i64::from(done.is_ok()));
                prop_assert_eq!(article.updated_at > before.updated_at, done.is_ok());
                prop_assert_eq!(article.publish_at.is_some(), article.status == Status::Scheduled);
                prop_assert!(article.status != Status::Published || article.published_at.is_some());
            }
        }
    }
}
