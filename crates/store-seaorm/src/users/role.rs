use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::{Permission, PermissionSet};
use sharestack_users::model::{Role, RoleId, RoleName};
use sharestack_users::ports::RoleRepository;

use crate::error::store_error;
use crate::events::lock_row;
use crate::tx::SeaTx;

/// The row whose lock makes changes of who holds which role wait for each other.
const ASSIGNMENT_LOCK: &str = "role_assignment";

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    name: String,
    role_rank: i32,
    permission: Option<String>,
}

/// One row for each permission of a role, the highest role first.
pub(super) fn select() -> SelectStatement {
    Query::select()
        .columns([("roles", "id"), ("roles", "name"), ("roles", "role_rank")])
        .column(("role_permissions", "permission"))
        .from("roles")
        .left_join("role_permissions", Expr::col(("role_permissions", "role_id")).equals(("roles", "id")))
        .order_by(("roles", "role_rank"), Order::Desc)
        .order_by(("roles", "id"), Order::Asc)
        .to_owned()
}

pub(super) async fn find(conn: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<Role>, StoreError> {
    let mut roles: Vec<(Row, Vec<Permission>)> = Vec::new();
    for row in conn.query_all(select).await.map_err(store_error)? {
        let row = Row::from_query_result(&row, "").map_err(store_error)?;
        let granted = row.permission.as_deref().map(Permission::parse).transpose().map_err(StoreError::corrupt)?;
        match roles.last_mut().filter(|(role, _)| role.id == row.id) {
            Some((_, permissions)) => permissions.extend(granted),
            None => roles.push((row, granted.into_iter().collect())),
        }
    }
    let role = |(row, permissions): (Row, Vec<Permission>)| {
        Ok(Role {
            id: RoleId::new(row.id),
            name: RoleName::parse(&row.name).map_err(StoreError::corrupt)?,
            rank: row.role_rank,
            permissions: permissions.into_iter().collect(),
        })
    };
    roles.into_iter().map(role).collect()
}

/// The roles that a user holds, the highest first.
pub(super) async fn roles_of(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<Role>, StoreError> {
    let select = select()
        .inner_join("user_roles", Expr::col(("user_roles", "role_id")).equals(("roles", "id")))
        .and_where(Expr::col(("user_roles", "user_id")).eq(user.get()))
        .to_owned();
    find(conn, &select).await
}

/// The roles that each of these users holds, the highest first.
pub(super) async fn roles_of_all(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<Role>>, StoreError> {
    if let [user] = users {
        return Ok(HashMap::from([(*user, roles_of(conn, *user).await?)]));
    }
    let held = Query::select()
        .columns(["user_id", "role_id"])
        .from("user_roles")
        .and_where(Expr::col("user_id").is_in(users.iter().map(|user| user.get())))
        .to_owned();
    let held = conn.query_all(&held).await.map_err(store_error)?;
    let held = held.iter().map(|row| Ok((UserId::new(row.try_get("", "user_id")?), row.try_get("", "role_id")?)));
    let held: HashSet<(UserId, i64)> = held.collect::<Result<_, _>>().map_err(store_error)?;
    let ids: HashSet<i64> = held.iter().map(|(_, role)| *role).collect();
    let roles = find(conn, &select().and_where(Expr::col(("roles", "id")).is_in(ids)).to_owned()).await?;
    let of = |user: &UserId| roles.iter().filter(|role| held.contains(&(*user, role.id.get()))).cloned().collect();
    Ok(users.iter().map(|user| (*user, of(user))).collect())
}

/// The names in the same order, and what all of them grant.
pub(super) fn names_and_permissions(roles: &[Role]) -> (Vec<String>, PermissionSet) {
    let permissions = roles.iter().flat_map(|role| role.permissions.iter().cloned()).collect();
    (roles.iter().map(|role| role.name.to_string()).collect(), permissions)
}

#[async_trait]
impl RoleRepository for SeaTx {
    async fn hold(&mut self) -> Result<(), StoreError> {
        lock_row(self, ASSIGNMENT_LOCK).await
    }

    async fn find_by_names(&mut self, names: &[RoleName]) -> Result<Vec<Role>, StoreError> {
        let names = names.iter().map(RoleName::as_str);
        let select = select().and_where(Expr::col(("roles", "name")).is_in(names)).to_owned();
        find(self.conn(), &select).await
    }

    async fn find_by_user(&mut self, user: UserId) -> Result<Vec<Role>, StoreError> {
        roles_of(self.conn(), user).await
    }

    async fn replace(
        &mut self,
        user: UserId,
        roles: &[RoleId],
        granted_by: Option<UserId>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let held: Vec<RoleId> = roles_of(self.conn(), user).await?.into_iter().map(|role| role.id).collect();
        let removed = held.iter().filter(|role| !roles.contains(role)).map(|role| role.get());
        let delete = Query::delete()
            .from_table("user_roles")
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("role_id").is_in(removed))
            .to_owned();
        self.conn().execute(&delete).await.map_err(store_error)?;
        let mut insert = Query::insert()
            .into_table("user_roles")
            .columns(["user_id", "role_id", "granted_by", "granted_at"])
            .to_owned();
        let added: Vec<_> = roles.iter().filter(|role| !held.contains(role)).collect();
        for role in &added {
            insert.values_panic([user.get().into(), role.get().into(), granted_by.map(UserId::get).into(), at.into()]);
        }
        if !added.is_empty() {
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        Ok(())
    }

    async fn count_active_holders(&mut self, role: RoleId) -> Result<u64, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col(("user_roles", "user_id")).count(), "holders")
            .from("user_roles")
            .inner_join("users", Expr::col(("users", "id")).equals(("user_roles", "user_id")))
            .and_where(Expr::col(("user_roles", "role_id")).eq(role.get()))
            .and_where(Expr::col(("users", "is_active")).eq(true))
            .and_where(Expr::col(("users", "deleted_at")).is_null())
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        let row = row.ok_or_else(|| StoreError::corrupt("a count has no row"))?;
        let count: i64 = row.try_get("", "holders").map_err(store_error)?;
        Ok(count.unsigned_abs())
    }
}
