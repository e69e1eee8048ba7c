//! Reading from memory.

use std::cmp::Ordering;
use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::{MemoryContent, Row};
use crate::model::{ArticleId, ArticleKey, Body, Draft, Status, Tag, TagName, Text};
use crate::ports::{
    ArticleCache, ArticleCard, ArticleDetail, ArticleFilter, ArticleHead, ArticleQueries, Author, Order, RenderError,
    Renderer, Sort, Walk,
};

impl MemoryContent {
    fn row(&self, key: &ArticleKey) -> Option<Row> {
        let state = self.state();
        let mut live = state.rows.values().filter(|row| !row.deleted);
        live.find(|row| match key {
            ArticleKey::Id(id) => row.article.id == *id,
            ArticleKey::Slug(slug) => row.article.slug == *slug,
            ArticleKey::Neither(_) => false,
        })
        .cloned()
    }
}

fn card(row: &Row) -> ArticleCard {
    let article = &row.article;
    ArticleCard {
        id: article.id,
        slug: article.slug.as_str().to_owned(),
        title: article.title.as_str().to_owned(),
        summary: article.summary.as_ref().map(|text| text.as_str().to_owned()),
        excerpt: row.text.rendered.excerpt().to_owned(),
        teaser: row.text.rendered.teaser().to_owned(),
        cover: article.cover.as_ref().map(|url| url.as_str().to_owned()),
        access_level: article.access_level,
        plan_ids: article.plan_ids.clone(),
        price: article.price,
        seo_title: article.seo_title.as_ref().map(|text| text.as_str().to_owned()),
        seo_description: article.seo_description.as_ref().map(|text| text.as_str().to_owned()),
        category: article.category,
        tags: article.tags.clone(),
        author: Author { id: article.author_id, username: row.author.clone(), display_name: None, avatar_url: None },
        status: article.status,
        view_count: row.views,
        version: article.version,
        created_at: article.created_at,
        updated_at: article.updated_at,
        published_at: article.published_at,
        publish_at: article.publish_at,
    }
}

fn detail(row: &Row) -> ArticleDetail {
    ArticleDetail {
        card: card(row),
        format: row.text.body.format(),
        source: row.text.body.source().into(),
        html: row.text.rendered.html().into(),
        preview: row.text.rendered.preview().into(),
    }
}

fn matches(filter: &ArticleFilter, row: &Row) -> bool {
    let article = &row.article;
    let found = |text: &str, wanted: &str| text.to_lowercase().contains(&wanted.to_lowercase());
    !row.deleted
        && filter.statuses.contains(&article.status)
        && filter.author.is_none_or(|author| author == article.author_id)
        && filter.access.is_none_or(|level| level == article.access_level)
        && filter.category.is_none_or(|category| article.category == Some(category))
        && filter
            .tag
            .clone()
            .map(TagName::stored)
            .is_none_or(|name| article.tags.iter().any(|tag| tag.slug == name.key()))
        && filter.search.as_ref().is_none_or(|wanted| {
            found(article.title.as_str(), wanted)
                || article.summary.as_ref().is_some_and(|summary| found(summary.as_str(), wanted))
        })
}

fn compare(sort: Sort, a: &Row, b: &Row) -> Ordering {
    let by = match sort {
        Sort::PublishedAt => a.article.published_at.cmp(&b.article.published_at),
        Sort::CreatedAt => a.article.created_at.cmp(&b.article.created_at),
        Sort::UpdatedAt => a.article.updated_at.cmp(&b.article.updated_at),
        Sort::Title => a.article.title.as_str().cmp(b.article.title.as_str()),
        Sort::ViewCount => a.views.cmp(&b.views),
    };
    by.then(a.article.id.cmp(&b.article.id))
}

#[async_trait]
impl ArticleQueries for MemoryContent {
    async fn find(&self, key: &ArticleKey) -> Result<Option<ArticleDetail>, StoreError> {
        Ok(self.row(key).as_ref().map(detail))
    }

    async fn find_head(&self, key: &ArticleKey) -> Result<Option<ArticleHead>, StoreError> {
        Ok(self.row(key).map(|row| ArticleHead {
            id: row.article.id,
            author_id: row.article.author_id,
            status: row.article.status,
            format: row.text.body.format(),
            access_level: row.article.access_level,
            plan_ids: row.article.plan_ids.clone(),
        }))
    }

    async fn find_draft(&self, id: ArticleId) -> Result<Option<Draft>, StoreError> {
        Ok(self.state().drafts.get(&id).cloned())
    }

    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Page<ArticleCard>, StoreError> {
        let state = self.state();
        let mut rows: Vec<&Row> = state.rows.values().filter(|row| matches(filter, row)).collect();
        rows.sort_by(|a, b| match filter.order {
            Order::Ascending => compare(filter.sort, a, b),
            Order::Descending => compare(filter.sort, b, a),
        });
        let total = rows.len() as u64;
        let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let items = rows.into_iter().skip(offset).take(page.limit() as usize).map(card).collect();
        Ok(Page { items, total, request: page })
    }

    async fn find_published(&self, ids: &[ArticleId]) -> Result<Vec<ArticleCard>, StoreError> {
        let state = self.state();
        let public = |row: &&Row| !row.deleted && row.article.status == Status::Published;
        Ok(ids.iter().filter_map(|id| state.rows.get(id)).filter(public).map(card).collect())
    }

    async fn published_after(
        &self,
        walk: Walk,
        after: ArticleId,
        limit: u64,
    ) -> Result<Vec<ArticleDetail>, StoreError> {
        let state = self.state();
        let walked = |row: &Row| match walk {
            Walk::All => true,
            Walk::By(author) => row.article.author_id == author,
            Walk::Tagged(tag) => card(row).tags.iter().any(|one| one.id == tag),
            Walk::In(category) => row.article.category == Some(category),
        };
        let public = |row: &&Row| {
            !row.deleted && row.article.status == Status::Published && row.article.id > after && walked(row)
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(state.rows.values().filter(public).take(limit).map(detail).collect())
    }

    async fn published_ids_after(
        &self,
        walk: Walk,
        after: ArticleId,
        limit: u64,
    ) -> Result<Vec<ArticleId>, StoreError> {
        let articles = self.published_after(walk, after, limit).await?;
        Ok(articles.into_iter().map(|article| article.card.id).collect())
    }

    async fn find_tags(&self, keys: &[String]) -> Result<Vec<Tag>, StoreError> {
        Ok(self.state().tags.iter().filter(|tag| keys.contains(&tag.slug)).cloned().collect())
    }

    async fn find_author(&self, id_or_name: &str) -> Result<Option<UserId>, StoreError> {
        let number = id_or_name.strip_prefix("user").unwrap_or(id_or_name).parse().ok();
        Ok(number.map(UserId::new))
    }
}

/// Keeps nothing: memory is near.
#[async_trait]
impl ArticleCache for MemoryContent {
    async fn find(&self, key: &ArticleKey) -> Result<Option<Arc<ArticleDetail>>, StoreError> {
        Ok(ArticleQueries::find(self, key).await?.map(Arc::new))
    }

    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Arc<Page<ArticleCard>>, StoreError> {
        Ok(Arc::new(ArticleQueries::list(self, filter, page).await?))
    }

    async fn forget(&self, id: ArticleId) {
        self.state().forgotten.push(id);
    }

    async fn forget_all(&self) {
        let mut state = self.state();
        let all: Vec<_> = state.rows.keys().copied().collect();
        state.forgotten.extend(all);
    }
}

#[async_trait]
impl Renderer for MemoryContent {
    async fn render(&self, body: Body) -> Result<Text, RenderError> {
        Ok(Text::of(body)?)
    }
}
