//! Users, read from outside: the ids of a page first, then their rows.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{
    Asterisk, CaseStatement, Cond, Expr, Func, JoinType, LikeExpr, Order, Query, SelectStatement, SimpleExpr,
};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_users::model::{PublicProfile, RoleId, SearchText, UserFilter, UserRef, UserView};
use sharestack_users::ports::Directory;

use super::account::find_users;
use crate::connect::{Dialect, Store};
use crate::error::store_error;

/// `text` as it stands in a pattern. `!` escapes: it means the same to all three databases.
fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn contains(column: (&'static str, &'static str), text: &str) -> SimpleExpr {
    Expr::col(column).like(LikeExpr::new(format!("%{}%", escaped(text))).escape('!'))
}

/// In the words that let each database use an index: `SQLite` does not for a pattern,
/// PostgreSQL does not for a range.
fn begins(dialect: Dialect, column: (&'static str, &'static str), text: &str) -> SimpleExpr {
    match dialect {
        Dialect::Sqlite => Expr::col(column).gte(text).and(Expr::col(column).lt(format!("{text}\u{10FFFF}"))),
        Dialect::Postgres | Dialect::MySql => {
            Expr::col(column).like(LikeExpr::new(format!("{}%", escaped(text))).escape('!'))
        }
    }
}

fn listed(filter: &UserFilter) -> SelectStatement {
    let mut select = Query::select();
    select.from_as("users", "u").and_where(Expr::col(("u", "deleted_at")).is_null());
    if let Some(active) = filter.active {
        select.and_where(Expr::col(("u", "is_active")).eq(active));
    }
    if let Some(role) = &filter.role {
        let holds = Expr::col(("h", "user_id")).equals(("u", "id"));
        let is = Expr::col(("r", "id")).equals(("h", "role_id"));
        select
            .join_as(JoinType::InnerJoin, "user_roles", "h", holds)
            .join_as(JoinType::InnerJoin, "roles", "r", is)
            .and_where(Expr::col(("r", "name")).eq(role.as_str()));
    }
    if let Some(text) = &filter.search {
        let anywhere = ["username_key", "email_key", "display_key"];
        select.cond_where(
            anywhere.into_iter().fold(Cond::any(), |any, column| any.add(contains(("u", column), text.as_str()))),
        );
    }
    select
}

/// Who may be found, with what they show of themselves beside them.
fn visible() -> SelectStatement {
    let settings = Expr::col(("s", "user_id")).equals(("u", "id"));
    Query::select()
        .from_as("users", "u")
        .join_as(JoinType::LeftJoin, "user_settings", "s", settings)
        .and_where(Expr::col(("u", "deleted_at")).is_null())
        .and_where(Expr::col(("u", "is_active")).eq(true))
        .to_owned()
}

fn profile_columns(select: &mut SelectStatement) -> &mut SelectStatement {
    let own = ["id", "username", "display_name", "bio", "avatar_url", "email", "is_verified", "created_at"];
    select
        .columns(own.map(|column| ("u", column)))
        .columns(["show_email", "show_followers", "show_following"].map(|column| ("s", column)))
}

#[derive(FromQueryResult)]
struct ProfileRow {
    id: i64,
    username: String,
    display_name: Option<String>,
    bio: Option<String>,
    avatar_url: Option<String>,
    email: String,
    is_verified: bool,
    created_at: DateTime<Utc>,
    show_email: Option<bool>,
    show_followers: Option<bool>,
    show_following: Option<bool>,
}

impl From<ProfileRow> for PublicProfile {
    fn from(row: ProfileRow) -> Self {
        Self {
            id: UserId::new(row.id),
            username: row.username,
            display_name: row.display_name,
            bio: row.bio,
            avatar_url: row.avatar_url,
            email: Some(row.email).filter(|_| row.show_email == Some(true)),
            is_verified: row.is_verified,
            show_followers: row.show_followers.unwrap_or(true),
            show_following: row.show_following.unwrap_or(true),
            created_at: row.created_at,
        }
    }
}

impl Store {
    async fn count_users(&self, mut select: SelectStatement) -> Result<u64, StoreError> {
        select.expr_as(Func::count(Expr::col(Asterisk)), "n");
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        let n: i64 = row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(store_error)?;
        u64::try_from(n).map_err(StoreError::corrupt)
    }

    async fn profiles(&self, select: &SelectStatement) -> Result<Vec<PublicProfile>, StoreError> {
        let rows = self.read().query_all(select).await.map_err(store_error)?;
        let read = |row| ProfileRow::from_query_result(row, "").map(Into::into).map_err(store_error);
        rows.iter().map(read).collect()
    }
}

#[async_trait]
impl Directory for Store {
    async fn list(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<UserView>, StoreError> {
        let total = self.count_users(listed(filter)).await?;
        if page.offset() >= total {
            return Ok(Page { items: Vec::new(), total, request: page });
        }
        let select = listed(filter)
            .column(("u", "id"))
            .order_by(("u", "id"), Order::Desc)
            .limit(u64::from(page.limit()))
            .offset(page.offset())
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let ids = rows.iter().map(|row| row.try_get::<i64>("", "id").map(UserId::new));
        let ids = ids.collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        let mut items = find_users(self.read(), &ids).await?;
        items.sort_unstable_by_key(|user| std::cmp::Reverse(user.id));
        Ok(Page { items, total, request: page })
    }

    async fn search(&self, text: &SearchText, page: PageRequest) -> Result<Page<PublicProfile>, StoreError> {
        let (name, display) = (("u", "username_key"), ("u", "display_key"));
        let starts = |column| begins(self.dialect(), column, text.as_str());
        let mut found = Cond::any().add(starts(name)).add(starts(display));
        if text.is_long() {
            found = found.add(contains(name, text.as_str())).add(contains(display, text.as_str()));
        }
        let searchable = Expr::col(("s", "searchable"));
        let mut matching = visible();
        matching.cond_where(found).and_where(searchable.clone().is_null().or(searchable.eq(true)));
        let total = self.count_users(matching.clone()).await?;
        if page.offset() >= total {
            return Ok(Page { items: Vec::new(), total, request: page });
        }
        let rank = CaseStatement::new()
            .case(Expr::col(name).eq(text.as_str()), 0)
            .case(starts(name).or(starts(display)), 1)
            .finally(2);
        profile_columns(&mut matching)
            .order_by_expr(rank.into(), Order::Asc)
            .order_by(name, Order::Asc)
            .limit(u64::from(page.limit()))
            .offset(page.offset());
        Ok(Page { items: self.profiles(&matching).await?, total, request: page })
    }

    async fn find_public(&self, user: &UserRef) -> Result<Option<PublicProfile>, StoreError> {
        let named = |name: &sharestack_users::model::Username| Expr::col(("u", "username_key")).eq(name.key());
        let (id, wanted) = match user {
            UserRef::Id(id, None) => (Some(*id), Expr::col(("u", "id")).eq(id.get())),
            UserRef::Id(id, Some(name)) => (Some(*id), Expr::col(("u", "id")).eq(id.get()).or(named(name))),
            UserRef::Name(name) => (None, named(name)),
        };
        let mut select = visible();
        profile_columns(&mut select).and_where(wanted);
        let found = self.profiles(&select).await?;
        let preferred = found.iter().position(|profile| Some(profile.id) == id).unwrap_or(0);
        Ok(found.into_iter().nth(preferred))
    }

    async fn holders(&self, role: RoleId, after: Option<UserId>, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let select = Query::select()
            .column("user_id")
            .from("user_roles")
            .and_where(Expr::col("role_id").eq(role.get()))
            .and_where(Expr::col("user_id").gt(after.map_or(0, UserId::get)))
            .order_by("user_id", Order::Asc)
            .limit(limit)
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let ids = rows.iter().map(|row| row.try_get::<i64>("", "user_id").map(UserId::new));
        ids.collect::<Result<_, _>>().map_err(store_error)
    }

    async fn find_by_avatar(&self, file: &str) -> Result<Option<UserId>, StoreError> {
        let select = Query::select().column("id").from("users").and_where(Expr::col("avatar_file").eq(file)).to_owned();
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        row.map(|row| row.try_get::<i64>("", "id").map(UserId::new)).transpose().map_err(store_error)
    }
}
