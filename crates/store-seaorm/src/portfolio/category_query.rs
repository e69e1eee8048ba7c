//! Categories as screens show them.

use async_trait::async_trait;
use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Query};
use sharestack_content::model::{Category, CategoryId, CategoryOutline, Key, Kind};
use sharestack_content::ports::{CategoryKey, CategoryQueries};
use sharestack_kernel::error::StoreError;

use super::category_rows::{CategoryRow, OutlineRow, category_columns};
use crate::connect::Store;
use crate::rows::{Fields, Stored, all, one};

struct Hidden(CategoryId);

impl Stored for Hidden {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(CategoryId::new(fields.get("id")?)))
    }
}

impl Store {
    /// The categories of a kind that are hidden themselves; they hide what is below them.
    pub(super) async fn hidden_categories(&self, kind: Kind) -> Result<Vec<CategoryId>, StoreError> {
        let select = Query::select()
            .column("id")
            .from("categories")
            .and_where(Expr::col("kind").eq(kind.as_str()))
            .and_where(Expr::col("is_active").eq(false))
            .to_owned();
        Ok(all::<Hidden>(self.read(), &select).await?.into_iter().map(|Hidden(id)| id).collect())
    }

    /// Whether visitors do not see a category; one that is not there is not hidden.
    pub(crate) async fn is_hidden(&self, kind: Kind, id: CategoryId) -> Result<bool, StoreError> {
        let Some(category) = CategoryQueries::find(self, kind, &id.into()).await? else { return Ok(false) };
        let above = category.path.ids().len() > 1;
        let hidden = if category.is_active && above { self.hidden_categories(kind).await? } else { Vec::new() };
        Ok(!category.is_active || hidden.iter().any(|id| category.path.contains(*id)))
    }
}

#[async_trait]
impl CategoryQueries for Store {
    async fn all(&self, kind: Kind) -> Result<Vec<Category>, StoreError> {
        let mut select = Query::select();
        category_columns(&mut select).from_as("categories", "c").and_where(Expr::col(("c", "kind")).eq(kind.as_str()));
        let rows: Vec<CategoryRow> = all(self.read(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn outlines(&self, kind: Kind) -> Result<Vec<CategoryOutline>, StoreError> {
        let select = Query::select()
            .columns(["id", "name", "path", "is_active"])
            .from("categories")
            .and_where(Expr::col("kind").eq(kind.as_str()))
            .to_owned();
        let rows: Vec<OutlineRow> = all(self.read(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn find_each(&self, kind: Kind, ids: &[CategoryId]) -> Result<Vec<Category>, StoreError> {
        let mut select = Query::select();
        category_columns(&mut select)
            .from_as("categories", "c")
            .and_where(Expr::col(("c", "kind")).eq(kind.as_str()))
            .and_where(Expr::col(("c", "id")).is_in(ids.iter().map(|id| id.get())));
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
