use async_trait::async_trait;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, QueryResult};
use sharestack_content::model::{Kind, Tag, TagId, TagName};
use sharestack_content::ports::TagRepository;
use sharestack_kernel::error::StoreError;

use crate::error::store_error;
use crate::tags::{Wanted, by_name, held, make};
use crate::tx::SeaTx;

fn by_key<'a>(keys: impl IntoIterator<Item = &'a str>) -> SelectStatement {
    by_name(Kind::Article, &["id", "name", "slug", "name_key"], keys)
}

/// A tag and its folded name, which is its slug unless another has that.
fn read(row: &QueryResult) -> Result<(String, Tag), StoreError> {
    let tag = Tag {
        id: TagId::new(row.try_get("", "id").map_err(store_error)?),
        name: row.try_get("", "name").map_err(store_error)?,
        slug: row.try_get("", "slug").map_err(store_error)?,
    };
    Ok((row.try_get("", "name_key").map_err(store_error)?, tag))
}

async fn read_keyed(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<(String, Tag)>, StoreError> {
    db.query_all(select).await.map_err(store_error)?.iter().map(read).collect()
}

/// Reads the tags that exist.
pub(super) async fn read_tags<'a>(
    db: &impl ConnectionTrait,
    keys: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Tag>, StoreError> {
    Ok(read_keyed(db, &by_key(keys)).await?.into_iter().map(|(_, tag)| tag).collect())
}

/// The tag that a name means among these.
fn meant<'a>(known: &'a [(String, Tag)], name: &TagName) -> Option<&'a Tag> {
    let of = |key: &str| known.iter().find(|(one, _)| one == key).map(|(_, tag)| tag);
    name.keys().into_iter().find_map(of)
}

/// The tag that is called so.
pub(super) async fn find_tag(db: &impl ConnectionTrait, name: &TagName) -> Result<Option<Tag>, StoreError> {
    Ok(meant(&read_keyed(db, &by_key(name.keys())).await?, name).cloned())
}

#[async_trait]
impl TagRepository for SeaTx {
    async fn ensure(&mut self, tags: &[(TagId, TagName)]) -> Result<Vec<Tag>, StoreError> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = read_keyed(self.conn(), &by_key(tags.iter().flat_map(|(_, name)| name.keys()))).await?;
        let new: Vec<Wanted<'_>> = tags
            .iter()
            .filter(|(_, name)| meant(&known, name).is_none())
            .map(|(id, name)| Wanted { id: *id, name, slugs: [name.key().to_owned(), format!("{}-{id}", name.key())] })
            .collect();
        if !new.is_empty() {
            make(self.conn(), Kind::Article, &new.iter().collect::<Vec<_>>(), self.now()).await?;
            // Held, because MySQL would otherwise read what was there when the transaction began.
            known.extend(read_keyed(self.conn(), &held(by_key(new.iter().map(|tag| tag.name.key())))).await?);
        }
        let find = |name: &TagName| meant(&known, name).cloned().ok_or_else(|| StoreError::corrupt("tag vanished"));
        tags.iter().map(|(_, name)| find(name)).collect()
    }
}
