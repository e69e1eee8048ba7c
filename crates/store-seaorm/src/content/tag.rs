use async_trait::async_trait;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, QueryResult};
use sharestack_content::model::{Kind, Tag, TagId, TagName};
use sharestack_content::ports::TagRepository;
use sharestack_kernel::error::StoreError;

use crate::error::store_error;
use crate::tags::{Wanted, by_name, held, make};
use crate::tx::SeaTx;

/// The folded name of an article's tag is its slug.
fn by_slug<'a>(slugs: impl IntoIterator<Item = &'a str>) -> SelectStatement {
    by_name(Kind::Article, &["id", "name", "slug"], slugs)
}

fn read(row: &QueryResult) -> Result<Tag, StoreError> {
    Ok(Tag {
        id: TagId::new(row.try_get("", "id").map_err(store_error)?),
        name: row.try_get("", "name").map_err(store_error)?,
        slug: row.try_get("", "slug").map_err(store_error)?,
    })
}

/// Reads the tags that exist.
pub(super) async fn read_tags<'a>(
    db: &impl ConnectionTrait,
    slugs: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Tag>, StoreError> {
    db.query_all(&by_slug(slugs)).await.map_err(store_error)?.iter().map(read).collect()
}

#[async_trait]
impl TagRepository for SeaTx {
    async fn ensure(&mut self, tags: &[(TagId, TagName)]) -> Result<Vec<Tag>, StoreError> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = read_tags(self.conn(), tags.iter().map(|(_, name)| name.key())).await?;
        let new: Vec<Wanted<'_>> = tags
            .iter()
            .filter(|(_, name)| !known.iter().any(|tag| tag.slug == name.key()))
            .map(|(id, name)| Wanted { id: *id, name, slugs: [name.key().to_owned(), format!("{}-{id}", name.key())] })
            .collect();
        if !new.is_empty() {
            make(self.conn(), Kind::Article, &new.iter().collect::<Vec<_>>(), self.now()).await?;
            // Held, because MySQL would otherwise read what was there when the transaction began.
            let select = held(by_slug(new.iter().map(|tag| tag.name.key())));
            for row in self.conn().query_all(&select).await.map_err(store_error)? {
                known.push(read(&row)?);
            }
        }
        let find = |name: &TagName| known.iter().find(|tag| tag.slug == name.key()).cloned();
        tags.iter().map(|(_, name)| find(name).ok_or_else(|| StoreError::corrupt("tag vanished"))).collect()
    }
}
