use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::text::fold;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::suggestion::{Suggestion, scored};
use super::{TAG_CREATE, TAG_DELETE, TAG_UPDATE, TaxonomyPorts};
use crate::error::LabelError;
use crate::events;
use crate::model::{Colour, Day, Icon, Key, Kind, Label, Note, Period, Slug, TagGroup, TagId, TagName, without_unseen};
use crate::ports::{Candidate, LabelFilter, PortfolioTx, TagKey};
use crate::service::hidden::sees_tags;

/// How many tags may be merged at once.
pub const MAX_MERGE: usize = 100;

/// A new tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTag {
    /// Its name.
    pub name: TagName,
    /// Its address; `None` makes one from the name.
    pub slug: Option<Slug>,
    /// What it stands for.
    pub description: Option<Note>,
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its icon.
    pub icon: Option<Icon>,
    /// What it is about.
    pub group: Option<TagGroup>,
    /// Whether visitors see it.
    pub is_active: bool,
    /// Whether it is shown first.
    pub is_featured: bool,
}

/// Changes to a tag. What is `None` or kept stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditTag {
    /// A new name.
    pub name: Option<TagName>,
    /// A new address.
    pub slug: Option<Slug>,
    /// A new description.
    pub description: Patch<Note>,
    /// A new colour.
    pub colour: Patch<Colour>,
    /// A new icon.
    pub icon: Patch<Icon>,
    /// What it is about.
    pub group: Patch<TagGroup>,
    /// Whether visitors see it.
    pub is_active: Option<bool>,
    /// Whether it is shown first.
    pub is_featured: Option<bool>,
    /// The change is refused as stale unless these admit the version of the tag.
    pub if_version: Option<Versions>,
}

/// What became of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The tag that is left.
    pub label: Label,
    /// How many photos got it.
    pub moved: u64,
    /// How many tags are no more.
    pub merged: usize,
}

/// Makes, changes, merges and removes tags of photos, and finds tags of all kinds.
#[derive(Clone)]
pub struct Tags {
    ports: TaxonomyPorts,
}

impl Tags {
    /// The service over these ports.
    pub const fn new(ports: TaxonomyPorts) -> Self {
        Self { ports }
    }

    /// One page of the tags of photos. Those that visitors do not see are shown to who may
    /// change tags: those that were hidden, and those that no listed photo has, so that
    /// nobody reads in them what private photos and drafts are about.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        actor: Option<&Actor>,
        filter: LabelFilter,
        page: PageRequest,
    ) -> Result<Page<Label>, StoreError> {
        self.ports.labels.list(&LabelFilter { hidden: sees_tags(actor), ..filter }, self.today(), page).await
    }

    /// How many tags of photos each group has, as far as the list shows them.
    ///
    /// # Errors
    /// The store's.
    pub async fn groups(&self, actor: Option<&Actor>) -> Result<BTreeMap<TagGroup, u64>, StoreError> {
        self.ports.labels.groups(sees_tags(actor)).await
    }

    /// How much tags have been used of late ([`Period::score`]).
    ///
    /// # Errors
    /// The store's.
    pub async fn trends(&self, labels: &[Label], period: Period) -> Result<BTreeMap<TagId, f64>, StoreError> {
        let today = self.today();
        let ids: Vec<TagId> = labels.iter().map(|label| label.id).collect();
        let uses = self.ports.labels.uses(&ids, period.first(today)).await?;
        Ok(uses.into_iter().map(|(id, uses)| (id, period.score(&uses, today))).collect())
    }

    fn today(&self) -> Day {
        Day::of(self.ports.clock.now())
    }

    /// The tags of a kind that somebody may mean by `text`: a name that begins with it comes
    /// before one that begins with it in pinyin, in full or by first letters, that before one of
    /// which a later word begins with it, and that before one that has it inside. Nothing is
    /// meant by nothing. Tags of photos that nothing public has are for who may change tags; of
    /// articles they are for nobody.
    ///
    /// # Errors
    /// The store's.
    pub async fn suggest(
        &self,
        actor: Option<&Actor>,
        kind: Kind,
        text: &str,
        limit: u64,
    ) -> Result<Vec<Suggestion>, StoreError> {
        let key = fold(&without_unseen(text)).split_whitespace().collect::<Vec<_>>().join("-");
        if key.is_empty() || key.contains(char::is_control) {
            return Ok(Vec::new());
        }
        // Only what is typed in Latin letters is pinyin.
        let is_typed = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'\'');
        let typed: String =
            if is_typed { key.chars().filter(char::is_ascii_alphanumeric).collect() } else { String::new() };
        let unused = kind == Kind::Photo && sees_tags(actor);
        Ok(scored(self.ports.labels.suggest(kind, &key, &typed, unused, limit).await?))
    }

    /// The most used tags of a kind.
    ///
    /// # Errors
    /// The store's.
    pub async fn popular(&self, kind: Kind, limit: u64) -> Result<Vec<Candidate>, StoreError> {
        self.ports.labels.popular(kind, limit).await
    }

    /// The most used tags of photos, as far as so many photos have them.
    ///
    /// # Errors
    /// The store's.
    pub async fn cloud(&self, min_usage: u64, limit: u64) -> Result<Vec<Label>, StoreError> {
        self.ports.labels.most_used(min_usage, limit).await
    }

    /// The tags of photos that were used in a period, those that were used most of late first.
    ///
    /// # Errors
    /// The store's.
    pub async fn trending(&self, period: Period, limit: u64) -> Result<Vec<Label>, StoreError> {
        self.ports.labels.trending(period, self.today(), limit).await
    }

    /// Makes a tag of photos.
    ///
    /// # Errors
    /// Without the right, and when the name or the chosen slug is taken. A slug that is made
    /// from the name makes way.
    pub async fn create(&self, actor: &Actor, command: CreateTag) -> Result<Label, LabelError> {
        actor.require(TAG_CREATE)?;
        let now = self.ports.clock.now();
        let id = TagId::new(self.ports.ids.number(TagId::SEQUENCE).await?);
        let telling = self.ports.telling(actor, now);
        let made = Label::slug_of(&command.name);
        let slugs = command.slug.clone().map_or_else(|| vec![made.clone(), made.with_id(id)], |slug| vec![slug]);
        for slug in slugs {
            let label = Label {
                slug,
                description: command.description.clone(),
                colour: command.colour.clone(),
                icon: command.icon.clone(),
                group: command.group,
                is_active: command.is_active,
                is_featured: command.is_featured,
                ..Label::named(id, command.name.clone(), now)
            };
            let inserted: Result<Label, LabelError> = transact!(self.ports.store, |tx| {
                tx.labels().insert(&label).await?;
                let event = telling.of(events::TAG_CREATED, events::TAG, id.get(), payload(&label));
                tx.outbox().append(&event).await?;
                Ok(label.clone())
            });
            if !matches!(inserted, Err(LabelError::SlugTaken)) {
                return inserted;
            }
        }
        Err(LabelError::SlugTaken)
    }

    /// The tag that a key means; an id need not be looked for.
    async fn find(&self, key: &TagKey) -> Result<TagId, LabelError> {
        match key {
            Key::Id(id) => Ok(*id),
            Key::Slug(_) | Key::Neither(_) => {
                let found = self.ports.labels.find(key).await?;
                found.map(|label| label.id).ok_or_else(|| LabelError::Missing(key.clone()))
            }
        }
    }

    /// Changes a tag of photos.
    ///
    /// # Errors
    /// Without the right, when it is not there, and when the name or the slug is taken.
    pub async fn edit(&self, actor: &Actor, key: &TagKey, command: EditTag) -> Result<Label, LabelError> {
        actor.require(TAG_UPDATE)?;
        let id = self.find(key).await?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        transact!(self.ports.store, |tx| {
            let before = hold(tx, id).await?;
            if command.if_version.as_ref().is_some_and(|versions| !versions.admit(before.version)) {
                return Err(LabelError::Stale);
            }
            let mut after = before.clone();
            command.clone().apply(&mut after);
            if after == before {
                return Ok(before);
            }
            after.touch(now);
            tx.labels().update(&after, before.version).await?;
            let event = telling.of(events::TAG_UPDATED, events::TAG, id.get(), payload(&after));
            tx.outbox().append(&event).await?;
            Ok(after)
        })
    }

    /// Removes a tag, and takes it from all photos.
    ///
    /// # Errors
    /// Without the right, when it is not there, and when it has none of the versions
    /// `if_version`.
    pub async fn delete(&self, actor: &Actor, key: &TagKey, if_version: Option<&Versions>) -> Result<(), LabelError> {
        actor.require(TAG_DELETE)?;
        let id = self.find(key).await?;
        let telling = self.ports.telling(actor, self.ports.clock.now());
        transact!(self.ports.store, |tx| {
            let label = hold(tx, id).await?;
            if if_version.is_some_and(|versions| !versions.admit(label.version)) {
                return Err(LabelError::Stale);
            }
            tx.labels().delete(id, label.version).await?;
            let deleted = json!({ "tag_id": id, "name": label.name.name(), "slug": label.slug.as_str() });
            tx.outbox().append(&telling.of(events::TAG_DELETED, events::TAG, id.get(), deleted)).await?;
            Ok(())
        })
    }

    /// Gives the photos of some tags another one in their place; the tags are no more.
    ///
    /// # Errors
    /// Without the right, when one of them is not there, and when a tag would be merged with
    /// itself.
    pub async fn merge(&self, actor: &Actor, from: &BTreeSet<TagId>, into: TagId) -> Result<Merged, LabelError> {
        actor.require(TAG_UPDATE)?;
        if from.contains(&into) {
            return Err(FieldErrors::of("source_ids", Issue::NotAllowed { allowed: Vec::new() }).into());
        }
        let telling = self.ports.telling(actor, self.ports.clock.now());
        transact!(self.ports.store, |tx| {
            let mut all = from.clone();
            all.insert(into);
            let held = tx.labels().find_many_for_update(&all.iter().copied().collect::<Vec<_>>()).await?;
            if let Some(missing) = all.iter().find(|id| !held.iter().any(|label| label.id == **id)) {
                return Err(LabelError::Missing((*missing).into()));
            }
            let sources: Vec<TagId> = from.iter().copied().collect();
            let moved = tx.labels().merge(&sources, into).await?;
            let label = hold(tx, into).await?;
            let mut payload = payload(&label);
            payload["merged_ids"] = json!(sources);
            tx.outbox().append(&telling.of(events::TAG_MERGED, events::TAG, into.get(), payload)).await?;
            Ok(Merged { label, moved, merged: sources.len() })
        })
    }
}

async fn hold(tx: &mut dyn PortfolioTx, id: TagId) -> Result<Label, LabelError> {
    tx.labels().find_many_for_update(&[id]).await?.pop().ok_or(LabelError::Missing(id.into()))
}

impl EditTag {
    fn apply(self, label: &mut Label) {
        if let Some(name) = self.name {
            label.name = name;
        }
        if let Some(slug) = self.slug {
            label.slug = slug;
        }
        self.description.apply(&mut label.description);
        self.colour.apply(&mut label.colour);
        self.icon.apply(&mut label.icon);
        self.group.apply(&mut label.group);
        label.is_active = self.is_active.unwrap_or(label.is_active);
        label.is_featured = self.is_featured.unwrap_or(label.is_featured);
    }
}

/// All of a tag, as events tell it.
fn payload(label: &Label) -> Value {
    json!({
        "tag_id": label.id,
        "name": label.name.name(),
        "slug": label.slug.as_str(),
        "description": label.description.as_ref().map(Note::as_str),
        "color": label.colour.as_ref().map(Colour::as_str),
        "icon": label.icon.as_ref().map(Icon::as_str),
        "tag_group": label.group.map(TagGroup::as_str),
        "usage_count": label.usage_count,
        "is_active": label.is_active,
        "is_featured": label.is_featured,
        "version": label.version,
    })
}
