//! Categories as screens show them.

use async_trait::async_trait;
use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Query};
use sharestack_content::model::{Category, Key, Kind};
use sharestack_content::ports::{CategoryKey, CategoryQueries};
use sharestack_kernel::error::StoreError;

use super::category_rows::{CategoryRow, category_columns};
use crate::connect::Store;
use crate::rows::{all, one};

#[async_trait]
impl CategoryQueries for Store {
    async fn all(&self, kind: Kind) -> Result<Vec<Category>, StoreError> {
        let mut select = Query::select();
        category_columns(&mut select).from_as("categories", "c").and_where(Expr::col(("c", "kind")).eq(kind.as_str()));
        let rows: Vec<CategoryRow> = all(self.read(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn find(&self, kind: Kind, key: &CategoryKey) -> Result<Option<Category>, StoreError> {
        let mut select = Query::select();
        category_columns(&mut select).from_as("categories", "c").and_where(Expr::col(("c", "kind")).eq(kind.as_str()));
        match key {
            Key::Id(id) => select.and_where(Expr::col(("c", "id")).eq(id.get())),
            Key::Slug(slug) => select.and_where(Expr::col(("c", "slug")).eq(slug.as_str())),
            Key::Neither(_) => return Ok(None),
        };
        Ok(one::<CategoryRow>(self.read(), &select).await?.map(|row| row.0))
    }
}
