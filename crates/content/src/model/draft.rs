//! What an author has autosaved and readers do not see yet.

use chrono::{DateTime, Utc};
use sharestack_kernel::patch::Patch;

use super::article::Article;
use super::id::ArticleId;
use super::rendered::Text;
use super::text::{Summary, Title};

/// Unpublished changes to an article's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The article.
    pub article_id: ArticleId,
    /// A new title.
    pub title: Option<Title>,
    /// A new text, rendered already.
    pub text: Option<Text>,
    /// What becomes of the summary.
    pub summary: Patch<Summary>,
    /// When it was last saved.
    pub updated_at: DateTime<Utc>,
}

impl Draft {
    /// No changes yet.
    pub const fn empty(article_id: ArticleId, now: DateTime<Utc>) -> Self {
        Self { article_id, title: None, text: None, summary: Patch::Keep, updated_at: now }
    }

    /// Writes the short fields onto the article; the text is written by the store.
    pub fn apply(&self, article: &mut Article) {
        if let Some(title) = &self.title {
            article.title = title.clone();
        }
        self.summary.clone().apply(&mut article.summary);
    }
}
