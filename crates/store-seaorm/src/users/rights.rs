//! What the owner of a session or a key may do, read with it by one statement.

use sea_orm::sea_query::{Expr, Order, SelectStatement};
use sea_orm::{ExprTrait, FromQueryResult, QueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::{Permission, PermissionSet};

use crate::error::store_error;

/// Joins a table that has a `user_id` with the user, when they may come in, and with their
/// roles and permissions: one row for each permission of each role, so that one statement
/// sees one moment. Read by [`Rights::read`].
pub(super) fn with_rights(select: &mut SelectStatement, table: &'static str) {
    let on = |left: (&'static str, &'static str), right: (&'static str, &'static str)| Expr::col(left).equals(right);
    select
        .column((table, "user_id"))
        .column(("roles", "name"))
        .column(("role_permissions", "permission"))
        .inner_join("users", on(("users", "id"), (table, "user_id")))
        .left_join("user_roles", on(("user_roles", "user_id"), ("users", "id")))
        .left_join("roles", on(("roles", "id"), ("user_roles", "role_id")))
        .left_join("role_permissions", on(("role_permissions", "role_id"), ("roles", "id")))
        .and_where(Expr::col(("users", "is_active")).eq(true))
        .and_where(Expr::col(("users", "deleted_at")).is_null())
        .order_by(("roles", "role_rank"), Order::Desc)
        .order_by(("roles", "id"), Order::Asc);
}

/// Whose it is, and what they may do.
pub(super) struct Rights {
    pub(super) user_id: UserId,
    /// The highest first.
    pub(super) roles: Vec<String>,
    pub(super) permissions: PermissionSet,
}

impl Rights {
    /// What the rows say; `None` when there are none.
    pub(super) fn read(rows: &[QueryResult]) -> Result<Option<Self>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            user_id: i64,
            name: Option<String>,
            permission: Option<String>,
        }
        let rows = rows.iter().map(|row| Row::from_query_result(row, ""));
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        let Some(first) = rows.first() else { return Ok(None) };
        let user_id = UserId::new(first.user_id);
        let permissions = rows.iter().filter_map(|row| row.permission.as_deref()).map(Permission::parse);
        let permissions = permissions.collect::<Result<_, _>>().map_err(StoreError::corrupt)?;
        let mut roles: Vec<String> = rows.into_iter().filter_map(|row| row.name).collect();
        roles.dedup();
        Ok(Some(Self { user_id, roles, permissions }))
    }
}
