use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_content::model::{ArticleId, Body, Draft, Format, Rendered, Summary, Text, Title};
use sharestack_content::ports::DraftRepository;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::patch::Patch;

use super::rows::known;
use crate::error::store_error;
use crate::tx::SeaTx;

const COLUMNS: [&str; 10] =
    ["title", "summary", "keeps_summary", "format", "excerpt", "teaser", "source", "html", "preview", "updated_at"];

#[derive(FromQueryResult)]
struct DraftRow {
    title: Option<String>,
    summary: Option<String>,
    keeps_summary: bool,
    format: Option<String>,
    excerpt: Option<String>,
    teaser: Option<String>,
    source: Option<String>,
    html: Option<String>,
    preview: Option<String>,
    updated_at: DateTime<Utc>,
}

impl DraftRow {
    fn into_draft(self, article_id: ArticleId) -> Result<Draft, StoreError> {
        let text = match (self.format, self.source) {
            (Some(format), Some(source)) => {
                let body = Body::stored(known(Format::parse(&format))?, source);
                let part = Option::unwrap_or_default;
                let rendered =
                    Rendered::stored(part(self.html), part(self.preview), part(self.excerpt), part(self.teaser));
                Some(Text { body, rendered })
            }
            _ => None,
        };
        let summary = match self.summary {
            _ if self.keeps_summary => Patch::Keep,
            None => Patch::Clear,
            Some(summary) => Patch::Set(Summary::stored(summary)),
        };
        Ok(Draft { article_id, title: self.title.map(Title::stored), text, summary, updated_at: self.updated_at })
    }
}

/// Reads a draft inside or outside a transaction.
pub(super) async fn read_draft(db: &impl ConnectionTrait, id: ArticleId) -> Result<Option<Draft>, StoreError> {
    let select = Query::select()
        .columns(COLUMNS)
        .from("article_drafts")
        .and_where(Expr::col("article_id").eq(id.get()))
        .to_owned();
    let Some(row) = db.query_one(&select).await.map_err(store_error)? else { return Ok(None) };
    DraftRow::from_query_result(&row, "").map_err(store_error)?.into_draft(id).map(Some)
}

#[async_trait]
impl DraftRepository for SeaTx {
    async fn find(&mut self, article: ArticleId) -> Result<Option<Draft>, StoreError> {
        read_draft(self.conn(), article).await
    }

    async fn put(&mut self, draft: &Draft) -> Result<(), StoreError> {
        let text = draft.text.as_ref();
        let part = |read: fn(&Text) -> &str| text.map(|text| read(text).to_owned());
        let summary = match &draft.summary {
            Patch::Set(summary) => Some(summary.as_str().to_owned()),
            Patch::Keep | Patch::Clear => None,
        };
        let put = Query::insert()
            .into_table("article_drafts")
            .columns(std::iter::once("article_id").chain(COLUMNS))
            .values_panic([
                draft.article_id.get().into(),
                draft.title.as_ref().map(|title| title.as_str().to_owned()).into(),
                summary.into(),
                draft.summary.is_keep().into(),
                part(|text| text.body.format().as_str()).into(),
                part(|text| text.rendered.excerpt()).into(),
                part(|text| text.rendered.teaser()).into(),
                part(|text| text.body.source()).into(),
                part(|text| text.rendered.html()).into(),
                part(|text| text.rendered.preview()).into(),
                draft.updated_at.into(),
            ])
            .on_conflict(OnConflict::column("article_id").update_columns(COLUMNS).to_owned())
            .to_owned();
        self.conn().execute(&put).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, article: ArticleId) -> Result<bool, StoreError> {
        let delete = Query::delete()
            .from_table("article_drafts")
            .and_where(Expr::col("article_id").eq(article.get()))
            .to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() > 0)
    }
}
