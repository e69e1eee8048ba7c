use async_trait::async_trait;
use sea_orm::sea_query::{Expr, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, QueryResult};
use sharestack_content::model::{Tag, TagId, TagName};
use sharestack_content::ports::TagRepository;
use sharestack_kernel::error::StoreError;

use crate::error::store_error;
use crate::tx::SeaTx;

fn by_slug<'a>(slugs: impl IntoIterator<Item = &'a str>) -> SelectStatement {
    Query::select().columns(["id", "name", "slug"]).from("tags").and_where(Expr::col("slug").is_in(slugs)).to_owned()
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
        let mut new: Vec<_> = tags.iter().filter(|(_, name)| !known.iter().any(|tag| tag.slug == name.key())).collect();
        // One order for all writers: two of them never wait for each other.
        new.sort_by_key(|(_, name)| name.key());
        for (id, name) in &new {
            let insert = Query::insert()
                .into_table("tags")
                .columns(["id", "name", "slug"])
                .values_panic([id.get().into(), name.name().into(), name.key().into()])
                .on_conflict(OnConflict::column("slug").do_nothing_on(["id"]).to_owned())
                .to_owned();
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        if !new.is_empty() {
            // Locked, because MySQL would otherwise read what was there when the transaction began.
            let mut select = by_slug(new.iter().map(|(_, name)| name.key()));
            select.lock(LockType::Update);
            for row in self.conn().query_all(&select).await.map_err(store_error)? {
                known.push(read(&row)?);
            }
        }
        let find = |name: &TagName| known.iter().find(|tag| tag.slug == name.key()).cloned();
        tags.iter().map(|(_, name)| find(name).ok_or_else(|| StoreError::corrupt("tag vanished"))).collect()
    }
}
