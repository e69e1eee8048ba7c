use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Order, Query};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::PermissionSet;
use sharestack_users::error::WriteRoleError;
use sharestack_users::model::{NewRole, Role, RoleChange, RoleId, RoleView};
use sharestack_users::ports::{RoleCatalog, RoleQueries};

use super::role;
use crate::connect::Store;
use crate::error::{Constraint, store_error, violated};
use crate::tx::SeaTx;

fn write_error(error: DbErr) -> WriteRoleError {
    match violated(&error) {
        Some(Constraint::RoleName) => WriteRoleError::NameTaken,
        _ => store_error(error).into(),
    }
}

/// The roles with their names for people, in the same order.
async fn views(conn: &impl ConnectionTrait, id: Option<RoleId>) -> Result<Vec<RoleView>, StoreError> {
    let mut select = role::select();
    let mut names = Query::select();
    names
        .columns(["id", "display", "built_in"])
        .from("roles")
        .order_by("role_rank", Order::Desc)
        .order_by("id", Order::Asc);
    if let Some(id) = id {
        select.and_where(Expr::col(("roles", "id")).eq(id.get()));
        names.and_where(Expr::col("id").eq(id.get()));
    }
    let roles = role::find(conn, &select).await?;
    let names = conn.query_all(&names).await.map_err(store_error)?;
    let view = |role: Role| {
        let mut rows = names.iter();
        let row = rows.find(|row| row.try_get::<i64>("", "id").is_ok_and(|id| id == role.id.get()))?;
        let (display, built_in) = (row.try_get("", "display"), row.try_get("", "built_in"));
        Some(display.and_then(|display_name| Ok(RoleView { role, display_name, built_in: built_in? })))
    };
    roles.into_iter().filter_map(view).collect::<Result<_, _>>().map_err(store_error)
}

impl SeaTx {
    async fn grant_permissions(&self, id: RoleId, permissions: &PermissionSet) -> Result<(), WriteRoleError> {
        let mut insert = Query::insert();
        insert.into_table("role_permissions").columns(["role_id", "permission"]);
        let mut any = false;
        for permission in permissions.iter() {
            insert.values_panic([id.get().into(), permission.as_str().into()]);
            any = true;
        }
        if any {
            self.conn().execute(&insert).await.map_err(write_error)?;
        }
        Ok(())
    }

    async fn withdraw_permissions(&self, id: RoleId) -> Result<(), WriteRoleError> {
        let delete =
            Query::delete().from_table("role_permissions").and_where(Expr::col("role_id").eq(id.get())).to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(write_error)
    }
}

#[async_trait]
impl RoleCatalog for SeaTx {
    async fn find(&mut self, id: RoleId) -> Result<Option<RoleView>, StoreError> {
        Ok(views(self.conn(), Some(id)).await?.pop())
    }

    async fn insert(&mut self, id: RoleId, role: &NewRole) -> Result<(), WriteRoleError> {
        let insert = Query::insert()
            .into_table("roles")
            .columns(["id", "name", "display", "built_in", "role_rank"])
            .values_panic([
                id.get().into(),
                role.name.as_str().into(),
                role.display_name.as_str().into(),
                false.into(),
                role.rank.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map_err(write_error)?;
        self.grant_permissions(id, &role.permissions).await
    }

    async fn update(&mut self, id: RoleId, change: &RoleChange) -> Result<(), WriteRoleError> {
        let mut update = Query::update();
        update.table("roles").and_where(Expr::col("id").eq(id.get()));
        let mut any = false;
        if let Some(name) = &change.name {
            update.value("name", name.as_str());
            any = true;
        }
        if let Some(name) = &change.display_name {
            update.value("display", name.as_str());
            any = true;
        }
        if let Some(rank) = change.rank {
            update.value("role_rank", rank);
            any = true;
        }
        if any {
            self.conn().execute(&update).await.map_err(write_error)?;
        }
        if let Some(permissions) = &change.permissions {
            self.withdraw_permissions(id).await?;
            self.grant_permissions(id, permissions).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, id: RoleId) -> Result<(), WriteRoleError> {
        let held = Query::select()
            .column("user_id")
            .from("user_roles")
            .and_where(Expr::col("role_id").eq(id.get()))
            .limit(1)
            .to_owned();
        if self.conn().query_one(&held).await.map_err(write_error)?.is_some() {
            return Err(WriteRoleError::InUse);
        }
        self.withdraw_permissions(id).await?;
        let delete = Query::delete().from_table("roles").and_where(Expr::col("id").eq(id.get())).to_owned();
        self.conn().execute(&delete).await.map(drop).map_err(write_error)
    }
}

#[async_trait]
impl RoleQueries for Store {
    async fn list_roles(&self) -> Result<Vec<RoleView>, StoreError> {
        views(self.read(), None).await
    }

    async fn list_held(&self, user: UserId) -> Result<Vec<Role>, StoreError> {
        role::roles_of(self.read(), user).await
    }
}
