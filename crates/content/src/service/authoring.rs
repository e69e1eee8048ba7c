//! Articles are written.

use chrono::{DateTime, Utc};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::{CREATE, DELETE, Ports, UPDATE, lock, save};
use crate::error::{AutosaveError, Changed, CreateError, DeleteError, EditError};
use crate::events;
use crate::model::{
    AccessLevel, Article, ArticleId, ArticleKey, Body, CategoryId, CoverUrl, Draft, Format, PlanId, Price,
    SeoDescription, SeoTitle, Slug, Status, Summary, TagId, TagName, Title, deltas,
};
use crate::ports::ArticleHead;

/// A new article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateArticle {
    /// Its title.
    pub title: Title,
    /// Its text.
    pub body: Body,
    /// What it is about.
    pub summary: Option<Summary>,
    /// Its picture.
    pub cover: Option<CoverUrl>,
    /// Its category.
    pub category: Option<CategoryId>,
    /// Its tags.
    pub tags: Vec<TagName>,
    /// Who may read it.
    pub access_level: AccessLevel,
    /// The plans that open it.
    pub plan_ids: Vec<PlanId>,
    /// What it costs alone.
    pub price: Option<Price>,
    /// Its address; `None` derives one from the title.
    pub slug: Option<Slug>,
    /// Its title for search engines.
    pub seo_title: Option<SeoTitle>,
    /// Its description for search engines.
    pub seo_description: Option<SeoDescription>,
}

/// Changes to an article. What is `None` or kept stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditArticle {
    /// A new title.
    pub title: Option<Title>,
    /// A new text.
    pub body: Option<Body>,
    /// Whether the new text is in the old one's format, whatever it says itself.
    pub keep_format: bool,
    /// A new summary.
    pub summary: Patch<Summary>,
    /// A new picture.
    pub cover: Patch<CoverUrl>,
    /// Another category.
    pub category: Patch<CategoryId>,
    /// All tags anew.
    pub tags: Option<Vec<TagName>>,
    /// Who may read it.
    pub access_level: Option<AccessLevel>,
    /// All plans anew.
    pub plan_ids: Option<Vec<PlanId>>,
    /// A new price.
    pub price: Patch<Price>,
    /// A new address.
    pub slug: Option<Slug>,
    /// A new title for search engines.
    pub seo_title: Patch<SeoTitle>,
    /// A new description for search engines.
    pub seo_description: Patch<SeoDescription>,
    /// The change is refused as a conflict unless the article was last changed then.
    pub if_updated_at: Option<DateTime<Utc>>,
    /// The change is refused as stale unless these admit the version of the article. A
    /// change of the title or the text is refused while there is a draft, unless they tell
    /// what was seen.
    pub if_version: Option<Versions>,
}

/// What an editor saves while its user types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autosave {
    /// The version that the text is based on.
    pub base_version: i64,
    /// A new title.
    pub title: Option<Title>,
    /// A new text, which may still be empty.
    pub body: Option<Body>,
    /// Whether the new text is in the old one's format, whatever it says itself.
    pub keep_format: bool,
    /// A new summary.
    pub summary: Patch<Summary>,
    /// The draft is refused as stale unless these admit the version of the article.
    pub if_version: Option<Versions>,
}

/// What became of an autosave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autosaved {
    /// The article.
    pub id: ArticleId,
    /// What the next autosave is based on.
    pub version: i64,
    /// When it was saved.
    pub saved_at: DateTime<Utc>,
}

/// Creates, edits, autosaves and deletes articles.
#[derive(Clone)]
pub struct Authoring {
    ports: Ports,
}

impl Authoring {
    /// The service over these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Creates a draft.
    ///
    /// # Errors
    /// Without the right `article.create`, for a text that nests too deep, for plans of
    /// others, and when the chosen slug is taken. A derived slug makes way.
    pub async fn create(&self, actor: &Actor, command: CreateArticle) -> Result<ArticleId, CreateError> {
        actor.require(CREATE)?;
        let text = self.ports.render::<CreateError>(command.body).await?;
        self.own_plans::<CreateError>(actor.user_id, &command.plan_ids, &[]).await?;
        let now = self.ports.clock.now();
        let id = ArticleId::new(self.ports.ids.number(ArticleId::SEQUENCE).await?);
        let tags = self.draw(command.tags).await?;
        let created = self.ports.occasion(Some(actor), now);
        let slugs = command.slug.map_or_else(
            || {
                let derived = Slug::derived_from(&command.title);
                vec![derived.clone(), derived.with_id(id)]
            },
            |slug| vec![slug],
        );
        let mut article = Article {
            id,
            author_id: actor.user_id,
            slug: slugs[0].clone(),
            title: command.title,
            summary: command.summary,
            cover: command.cover,
            access_level: command.access_level,
            plan_ids: command.plan_ids,
            price: command.price.map(|price| price.money(None)),
            seo_title: command.seo_title,
            seo_description: command.seo_description,
            category: command.category,
            tags: Vec::new(),
            status: Status::Draft,
            publish_at: None,
            published_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        for slug in slugs {
            article.slug = slug;
            let inserted: Result<(), CreateError> = transact!(self.ports.store, |tx| {
                let mut article = article.clone();
                article.tags = tx.tags().ensure(&tags).await?;
                tx.articles().insert(&article, &text).await?;
                tx.outbox().append(&created.of(events::CREATED, &article)).await?;
                Ok(())
            });
            if !matches!(inserted, Err(CreateError::SlugTaken)) {
                return inserted.map(|()| id);
            }
        }
        Err(CreateError::SlugTaken)
    }

    /// Changes an article, and forgets what was autosaved of a text that is set here.
    ///
    /// # Errors
    /// When it is not there for the actor, when it changed since the caller looked, when
    /// the title or the text is set beside a draft whose version the caller does not
    /// name, when the slug is taken, for plans of others, and for a text that nests too deep.
    pub async fn edit(&self, actor: &Actor, key: &ArticleKey, command: EditArticle) -> Result<ArticleId, EditError> {
        let head: ArticleHead = self.ports.open::<EditError>(actor, key, UPDATE).await?;
        let mut command = command;
        let text = match command.body.take() {
            Some(body) => {
                Some(self.ports.render::<EditError>(in_format(body, command.keep_format, head.format)).await?)
            }
            None => None,
        };
        let plans = command.plan_ids.as_deref().unwrap_or_default();
        self.own_plans::<EditError>(head.author_id, plans, &head.plan_ids).await?;
        let tags = match command.tags.take() {
            Some(tags) => Some(self.draw(tags).await?),
            None => None,
        };
        let now = self.ports.clock.now();
        let updated = self.ports.occasion(Some(actor), now);
        let edited = transact!(self.ports.store, |tx| {
            let before: Article = lock::<EditError>(tx, &head).await?;
            command.guard(&before)?;
            let rewrites = text.is_some() || command.title.is_some();
            // An autosave moves the version alone: only who names it knows of the draft
            // that is forgotten here.
            let knows = command.if_version.as_ref().is_some_and(Versions::tell_what_was_seen);
            let forgets = rewrites && tx.drafts().find(head.id).await?.is_some();
            if forgets && !knows {
                return Err(EditError::Changed(Changed::to(&before)));
            }
            let mut after = before.clone();
            command.apply(&mut after);
            if let Some(tags) = &tags {
                after.tags = tx.tags().ensure(tags).await?;
            }
            let stored = if text.is_some() { tx.articles().find_body(head.id).await? } else { None };
            let written = text.as_ref().filter(|text| stored.as_ref() != Some(&text.body));
            if after == before && written.is_none() && !forgets {
                return Ok(head.id);
            }
            after.touch(now);
            save(tx, &before, &after).await?;
            if let Some(text) = written {
                tx.articles().write_text(head.id, text).await?;
            }
            if forgets {
                tx.drafts().delete(head.id).await?;
            }
            tx.outbox().append(&updated.of(events::UPDATED, &after)).await?;
            Ok(head.id)
        });
        self.ports.changed(head.id, edited).await
    }

    /// Saves a draft beside the text that readers see.
    ///
    /// # Errors
    /// When it is not there for the actor, when the article has another version than
    /// the draft is based on, and for a text that nests too deep.
    pub async fn autosave(
        &self,
        actor: &Actor,
        key: &ArticleKey,
        command: Autosave,
    ) -> Result<Autosaved, AutosaveError> {
        let head: ArticleHead = self.ports.open::<AutosaveError>(actor, key, UPDATE).await?;
        let mut command = command;
        let keep_format = command.keep_format;
        let text = match command.body.take() {
            None => None,
            Some(body) => {
                // The draft may be in another format than the text that readers see.
                let known = self.ports.queries.find_draft(head.id).await?.and_then(|draft| draft.text);
                let format = known.map_or(head.format, |text| text.body.format());
                Some(self.ports.render::<AutosaveError>(in_format(body, keep_format, format)).await?)
            }
        };
        let now = self.ports.clock.now();
        let saved = transact!(self.ports.store, |tx| {
            let before: Article = lock::<AutosaveError>(tx, &head).await?;
            if command.if_version.as_ref().is_some_and(|versions| !versions.admit(before.version)) {
                return Err(AutosaveError::Stale);
            }
            if before.version != command.base_version {
                return Err(AutosaveError::Changed(Changed::to(&before)));
            }
            let mut draft = tx.drafts().find(head.id).await?.unwrap_or_else(|| Draft::empty(head.id, now));
            draft.updated_at = now;
            draft.title = command.title.clone().or(draft.title);
            draft.text = text.clone().or(draft.text);
            if !command.summary.is_keep() {
                draft.summary = command.summary.clone();
            }
            tx.drafts().put(&draft).await?;
            let mut after = before.clone();
            after.version += 1;
            tx.articles().update(&after, before.version).await?;
            Ok(Autosaved { id: head.id, version: after.version, saved_at: now })
        });
        self.ports.changed(head.id, saved).await
    }

    /// Deletes an article for everybody, and frees its slug.
    ///
    /// # Errors
    /// When it is not there for the actor, when somebody bought it, and when it has none of the
    /// versions `if_version`.
    pub async fn delete(
        &self,
        actor: &Actor,
        key: &ArticleKey,
        if_version: Option<&Versions>,
    ) -> Result<(), DeleteError> {
        let head: ArticleHead = self.ports.open::<DeleteError>(actor, key, DELETE).await?;
        if self.ports.entitlements.is_sold_one_off(head.id).await? {
            return Err(DeleteError::Sold);
        }
        let now = self.ports.clock.now();
        let occasion = self.ports.occasion(Some(actor), now);
        let deleted = transact!(self.ports.store, |tx| {
            let before: Article = lock::<DeleteError>(tx, &head).await?;
            if if_version.is_some_and(|versions| !versions.admit(before.version)) {
                return Err(DeleteError::Stale);
            }
            tx.articles().delete(head.id, before.version, now).await?;
            tx.drafts().delete(head.id).await?;
            tx.counts().add(&deltas(Some(&before), None)).await?;
            tx.outbox().append(&occasion.of(events::DELETED, &before)).await?;
            Ok(())
        });
        self.ports.changed(head.id, deleted).await
    }

    /// Refuses plans that are not the author's; those that the article has may stay.
    async fn own_plans<E>(&self, author: UserId, plans: &[PlanId], kept: &[PlanId]) -> Result<(), E>
    where
        E: From<FieldErrors> + From<StoreError>,
    {
        let added: Vec<PlanId> = plans.iter().copied().filter(|plan| !kept.contains(plan)).collect();
        if added.is_empty() {
            return Ok(());
        }
        let owned = self.ports.entitlements.owned_plans(author, &added).await?;
        if added.iter().any(|plan| !owned.contains(plan)) {
            let issue = Issue::NotAllowed { allowed: Vec::new() };
            return Err(FieldErrors::of("plan_ids", issue).into());
        }
        Ok(())
    }

    /// Puts an id beside each name, drawn for those that seem to be new.
    async fn draw(&self, names: Vec<TagName>) -> Result<Vec<(TagId, TagName)>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = names.iter().map(|name| name.key().to_owned()).collect();
        let known = self.ports.queries.find_tags(&keys).await?;
        let mut drawn = Vec::with_capacity(names.len());
        for name in names {
            let id = match known.iter().find(|tag| tag.slug == name.key()) {
                Some(tag) => tag.id,
                None => TagId::new(self.ports.ids.number(TagId::SEQUENCE).await?),
            };
            drawn.push((id, name));
        }
        Ok(drawn)
    }
}

impl EditArticle {
    fn guard(&self, article: &Article) -> Result<(), EditError> {
        if self.if_version.as_ref().is_some_and(|versions| !versions.admit(article.version)) {
            return Err(EditError::Stale);
        }
        if self.if_updated_at.is_some_and(|time| time != article.updated_at) {
            return Err(EditError::Changed(Changed::to(article)));
        }
        Ok(())
    }

    fn apply(&self, article: &mut Article) {
        if let Some(title) = &self.title {
            article.title = title.clone();
        }
        if let Some(slug) = &self.slug {
            article.slug = slug.clone();
        }
        if let Some(level) = self.access_level {
            article.access_level = level;
        }
        if let Some(plans) = &self.plan_ids {
            article.plan_ids.clone_from(plans);
        }
        self.category.apply(&mut article.category);
        self.summary.clone().apply(&mut article.summary);
        self.cover.clone().apply(&mut article.cover);
        self.seo_title.clone().apply(&mut article.seo_title);
        self.seo_description.clone().apply(&mut article.seo_description);
        match self.price {
            Patch::Keep => {}
            Patch::Clear => article.price = None,
            Patch::Set(price) => article.price = Some(price.money(article.price)),
        }
    }
}

fn in_format(body: Body, keep_format: bool, known: Format) -> Body {
    if keep_format { body.in_format(known) } else { body }
}

#[cfg(test)]
#[path = "authoring_tests.rs"]
mod tests;
