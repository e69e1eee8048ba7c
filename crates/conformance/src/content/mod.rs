//! What every adapter of the content ports must pass, over an empty store.

pub mod article;
pub mod article_search;
pub mod category;
pub mod count;
pub mod draft;
pub mod list;
pub mod photo_search;
pub mod search;
pub mod tag;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_content::model::{
    AccessLevel, Article, ArticleId, Body, CountKey, Format, Slug, Status, Tag, TagId, TagName, Text, Title, deltas,
};
use sharestack_content::ports::{
    ArticleDetail, ArticleQueries, CategoryQueries, ContentTx, KeptCounts, LabelQueries, PhotoQueries, Photos,
    PortfolioTx, Source, TimelineQueries, WriteError,
};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_users::error::InsertAccountError;
use sharestack_users::model::{EmailAddress, NewAccount, PasswordHash, Profile, Username};
use sharestack_users::ports::UsersTx;

use crate::taxonomy;

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn ContentTx>>,
    /// Articles, to read.
    pub queries: Arc<dyn ArticleQueries>,
    /// Accounts: articles have authors.
    pub users: Arc<dyn Begin<dyn UsersTx>>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The same store: articles have categories.
    pub taxonomy: taxonomy::Subject,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! content_cases {
    ($run:ident) => {
        $run! {
            content::article: [
                an_article_reads_back_as_it_was_written,
                an_article_without_extras_is_kept_so,
                articles_asked_for_at_once_are_each_their_own,
                a_taken_slug_is_refused,
                of_rivals_for_a_slug_one_gets_it,
                an_edit_to_a_taken_slug_is_refused,
                a_deleted_article_is_gone_and_its_slug_is_free,
                a_stale_update_writes_nothing,
                a_stale_delete_deletes_nothing,
                an_update_leaves_exactly_the_given_tags,
                a_locked_article_makes_others_wait,
                a_new_text_takes_the_old_ones_place,
                beginnings_are_of_articles_that_are_there,
                a_teaser_is_written_alone,
                views_added_at_the_same_time_all_count
            ],
            content::category: [
                an_article_of_an_unknown_category_is_refused,
                articles_are_found_in_a_category_and_below_it,
                nothing_is_in_a_hidden_category_for_visitors,
                a_category_counts_published_articles_in_it_and_below_it,
                rivals_for_a_category_leave_no_article_without_one
            ],
            content::draft: [a_draft_reads_back_and_is_replaced, a_draft_is_forgotten_once],
            content::tag: [
                tags_come_in_the_order_asked_for,
                a_known_tag_keeps_its_name_and_id,
                rivals_for_a_tag_get_the_same
            ],
            content::count: [
                lengths_added_at_the_same_time_all_count,
                lengths_never_drift,
                lengths_never_drift_among_rivals
            ],
            content::list: [
                a_page_shows_cards_with_their_authors,
                pages_show_each_article_once,
                every_order_sorts,
                totals_equal_what_matches,
                a_search_matches_literally,
                deleted_articles_are_in_no_list,
                published_articles_are_found_by_ids,
                every_published_article_is_walked_once,
                an_author_is_found_by_name,
                an_author_is_found_by_id_before_a_name_of_digits
            ]
        }
    };
}

/// When the cases take place.
fn now() -> DateTime<Utc> {
    crate::far_ahead()
}

fn text(source: &str) -> Text {
    Text::of(Body::unfinished(Format::Markdown, source.to_owned()).unwrap()).unwrap()
}

/// Hands the list of the cases of an index of articles to a macro.
#[macro_export]
macro_rules! article_search_cases {
    ($run:ident) => {
        $crate::search_cases! {
            $run,
            content::article_search: [
                a_word_is_found_in_every_part_of_an_article,
                filters_hold_all_at_once,
                facets_count_everything_found,
                an_article_is_known_in_its_category,
                a_list_is_sorted_by_publication
            ]
        }
    };
}

/// The same of an index of photos.
#[macro_export]
macro_rules! photo_search_cases {
    ($run:ident) => {
        $crate::search_cases! {
            $run,
            content::photo_search: [
                a_word_is_found_in_every_part_of_a_photo,
                everybody_finds_what_they_may_see,
                filters_hold_all_at_once,
                facets_count_everything_found,
                every_year_is_counted,
                every_category_is_counted,
                what_is_left_out_changes_nothing_that_is_found,
                owners_find_what_only_they_see,
                a_list_is_sorted_by_time,
                it_knows_what_stands_in_a_category
            ]
        }
    };
}

/// The cases of every index, and those of one kind.
#[macro_export]
macro_rules! search_cases {
    ($run:ident, $($own:tt)*) => {
        $run! {
            content::search: [
                there_is_no_index_before_the_first_is_built,
                title_ranks_before_tags_before_text,
                one_document_an_id,
                what_is_removed_is_not_found,
                the_mark_is_kept_with_the_changes,
                any_text_is_words,
                pages_show_each_once,
                equals_stand_in_the_order_of_their_ids,
                a_rebuild_is_seen_when_it_is_finished,
                an_unfinished_rebuild_changes_nothing,
                marks_stand_on_escaped_text,
                what_was_found_marks_nothing_that_is_like_it,
                what_it_knows_of_a_walk,
                what_it_shows_otherwise_than_it_is
            ],
            $($own)*
        }
    };
}

fn draft(id: i64, author: UserId) -> Article {
    Article {
        id: ArticleId::new(id),
        author_id: author,
        slug: Slug::parse(&format!("article-{id}")).unwrap(),
        title: Title::parse(format!("文章 {id}")).unwrap(),
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
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

fn published(id: i64, author: UserId) -> Article {
    Article { status: Status::Published, published_at: Some(now()), ..draft(id, author) }
}

impl Subject {
    /// The subject of an adapter that implements all ports in one type.
    pub fn over<S>(store: &S, ids: Arc<dyn IdGenerator>) -> Self
    where
        S: Begin<dyn ContentTx>
            + Begin<dyn PortfolioTx>
            + Begin<dyn UsersTx>
            + ArticleQueries
            + CategoryQueries
            + LabelQueries
            + KeptCounts
            + TimelineQueries
            + PhotoQueries
            + Source<Photos>
            + Clone
            + 'static,
    {
        let taxonomy = taxonomy::Subject::over(store, ids.clone(), FakeClock::default());
        let store = Arc::new(store.clone());
        Self { store: store.clone(), queries: store.clone(), users: store, ids, taxonomy }
    }

    async fn author(&self, id: i64) -> UserId {
        self.account(id, &format!("Author{id}")).await
    }

    async fn account(&self, id: i64, username: &str) -> UserId {
        let account = NewAccount {
            id: UserId::new(id),
            username: Username::parse(username).unwrap(),
            email: EmailAddress::parse(&format!("author{id}@example.com")).unwrap(),
            password_hash: PasswordHash::new("hash".to_owned()),
            profile: Profile::default(),
            is_verified: true,
            created_at: now(),
        };
        let done: Result<(), InsertAccountError> = transact!(self.users, |tx| { tx.accounts().insert(&account).await });
        done.unwrap();
        account.id
    }

    async fn tags(&self, names: &[(i64, &str)]) -> Vec<Tag> {
        let names: Vec<_> = names.iter().map(|(id, name)| (TagId::new(*id), TagName::parse(name).unwrap())).collect();
        let tags: Result<_, StoreError> = transact!(self.store, |tx| { tx.tags().ensure(&names).await });
        tags.unwrap()
    }

    /// Inserts an article and keeps the lengths right, as the services do.
    async fn insert(&self, article: &Article, text: &Text) -> Result<(), Failure> {
        transact!(self.store, |tx| {
            tx.articles().insert(article, text).await?;
            tx.counts().add(&deltas(None, Some(article))).await?;
            Ok(())
        })
    }

    async fn update(&self, article: &Article, expected: i64) -> Result<(), Failure> {
        transact!(self.store, |tx| { Ok(tx.articles().update(article, expected).await?) })
    }

    async fn delete(&self, article: &Article, expected: i64) -> Result<(), Failure> {
        transact!(self.store, |tx| {
            tx.articles().delete(article.id, expected, now()).await?;
            tx.counts().add(&deltas(Some(article), None)).await?;
            Ok(())
        })
    }

    async fn find(&self, id: ArticleId) -> Option<ArticleDetail> {
        self.queries.find(&id.into()).await.unwrap()
    }

    async fn count(&self, deltas: &[(CountKey, i64)]) {
        let done: Result<(), StoreError> = transact!(self.store, |tx| { tx.counts().add(deltas).await });
        done.unwrap();
    }
}

/// A refusal of a write, in a form that the runner can look into.
#[derive(Debug)]
enum Failure {
    SlugTaken,
    UnknownCategory,
    Stale,
    Store(StoreError),
}

sharestack_kernel::carries_store!(Failure);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::SlugTaken => Self::SlugTaken,
            WriteError::UnknownCategory => Self::UnknownCategory,
            WriteError::Stale => Self::Stale,
            WriteError::Store(error) => Self::Store(error),
        }
    }
}
