//! Teasers that are stored are by a rule, and rules change.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};
use sharestack_kernel::transact;

use super::Ports;
use crate::model::{ArticleId, Draft, Text, teaser_anew};
use crate::ports::{Beginning, ContentTx};

/// The kind of the job that a migration leaves behind.
pub const TEASERS_JOB: &str = "article.renew_teasers";

/// How many articles are looked at in one transaction.
const BATCH: u64 = 100;

/// Gives every article and draft the teaser that it would have if it was saved today.
#[derive(Clone)]
pub struct RenewTeasers {
    ports: Ports,
}

impl RenewTeasers {
    /// The handler over these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Goes through all of them; how many articles were given another.
    ///
    /// # Errors
    /// The store's; what was renewed by then stays so.
    pub async fn renew(&self) -> Result<usize, StoreError> {
        let renewed = self.renew_each().await;
        if !matches!(renewed, Ok(0)) {
            self.ports.articles.forget_all().await;
        }
        renewed
    }

    async fn renew_each(&self) -> Result<usize, StoreError> {
        let (mut after, mut renewed) = (ArticleId::new(0), 0);
        loop {
            let seen: Vec<(ArticleId, bool)> = transact!(self.ports.store, |tx| {
                let mut seen = Vec::new();
                for beginning in tx.articles().beginnings_after(after, BATCH).await? {
                    seen.push((beginning.id, renew_article(tx, &beginning).await?));
                    renew_draft(tx, beginning.id).await?;
                }
                Ok::<_, StoreError>(seen)
            })?;
            let Some((last, _)) = seen.last() else { break };
            after = *last;
            renewed += seen.iter().filter(|(_, changed)| *changed).count();
        }
        Ok(renewed)
    }
}

async fn renew_article(tx: &mut dyn ContentTx, beginning: &Beginning) -> Result<bool, StoreError> {
    let Some(teaser) = teaser_anew(&beginning.preview, &beginning.teaser) else { return Ok(false) };
    tx.articles().write_teaser(beginning.id, &teaser).await?;
    Ok(true)
}

/// A draft is published as it was rendered when it was saved.
async fn renew_draft(tx: &mut dyn ContentTx, id: ArticleId) -> Result<(), StoreError> {
    let Some(draft) = tx.drafts().find(id).await? else { return Ok(()) };
    let Some(text) = &draft.text else { return Ok(()) };
    let Some(rendered) = text.rendered.with_teaser_anew() else { return Ok(()) };
    let text = Some(Text { rendered, ..text.clone() });
    tx.drafts().put(&Draft { text, ..draft }).await
}

#[async_trait]
impl JobHandler for RenewTeasers {
    fn kind(&self) -> &'static str {
        TEASERS_JOB
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn run(&self, _job: &ClaimedJob) -> Result<(), JobError> {
        let renewed = self.renew().await?;
        tracing::info!(renewed, "teasers are by the rule of today");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use sharestack_kernel::clock::{Clock, FakeClock};

    use super::*;
    use crate::memory::{MemoryContent, article};
    use crate::model::{Article, ArticleKey, Body, Format, Rendered, Slug};
    use crate::ports::{ArticleQueries, MockEntitlements};

    const SOURCE: &str =
        "第一段说的是开头，谁都可以读。\n\n第二段很长，要付钱才读得到，这里多写几句，让它够长，长到一眼看不完。";

    /// A text whose teaser goes beyond its preview, as an older rule had it.
    fn old() -> Text {
        let body = Body::parse(Format::Markdown, SOURCE.to_owned()).unwrap();
        let Text { body, rendered } = Text::of(body).unwrap();
        let part = |text: &str| text.to_owned();
        let (html, preview, excerpt) = (part(rendered.html()), part(rendered.preview()), part(rendered.excerpt()));
        Text { body, rendered: Rendered::stored(html, preview, excerpt, "要付钱才读得到".to_owned()) }
    }

    #[tokio::test]
    async fn every_article_and_draft_gets_the_teaser_of_today_and_nothing_else_changes() {
        let (content, clock) = (MemoryContent::default(), FakeClock::default());
        let ports = content.ports(&clock, MockEntitlements::new());
        let old = old();
        let right = Text::of(old.body.clone()).unwrap();
        let draft = Draft { text: Some(old.clone()), ..Draft::empty(ArticleId::new(3), clock.now()) };
        let untouched = Draft { text: None, ..Draft::empty(ArticleId::new(2), clock.now()) };
        // More than one transaction looks at.
        for id in 1..=250 {
            let slug = Slug::parse(&format!("article-{id}")).unwrap();
            content.put_text(&Article { slug, ..article(id) }, SOURCE);
        }
        let done: Result<(), StoreError> = transact!(ports.store, |tx| {
            for id in (1..=250).step_by(2) {
                tx.articles().write_teaser(ArticleId::new(id), old.rendered.teaser()).await?;
            }
            tx.drafts().put(&draft).await?;
            tx.drafts().put(&untouched).await?;
            tx.articles().delete(ArticleId::new(249), 1, clock.now()).await.map_err(StoreError::corrupt)
        });
        done.unwrap();
        clock.advance(Duration::days(1));

        let job = RenewTeasers::new(ports.clone());
        assert_eq!(job.renew().await.unwrap(), 124, "the odd ones but one, which is deleted");
        let found = async |id: i64| content.find(&ArticleKey::Id(ArticleId::new(id))).await.unwrap().unwrap();
        for id in [1, 2, 3, 100, 101, 247, 250] {
            let found = found(id).await;
            assert_eq!(found.card.teaser, right.rendered.teaser(), "{id}");
            assert_eq!((found.card.version, found.card.updated_at), (article(id).version, article(id).updated_at));
            assert_eq!((&*found.html, &*found.preview), (right.rendered.html(), right.rendered.preview()));
        }
        let drafts: Result<_, StoreError> = transact!(ports.store, |tx| {
            Ok((tx.drafts().find(draft.article_id).await?, tx.drafts().find(untouched.article_id).await?))
        });
        let renewed = Draft { text: Some(right.clone()), ..draft.clone() };
        assert_eq!(drafts.unwrap(), (Some(renewed), Some(untouched.clone())));
        assert_eq!(job.renew().await.unwrap(), 0, "a second run finds nothing to do");
    }
}
