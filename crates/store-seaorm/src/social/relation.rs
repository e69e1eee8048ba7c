use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, JoinType, OnConflict, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_social::model::{Edge, FollowCounts, Listed, Person, Relation};
use sharestack_social::ports::{RelationQueries, RelationRepository};

use crate::connect::Store;
use crate::error::store_error;
use crate::people::find_user;
use crate::rows::{self, Fields, Stored, select_as};
use crate::tx::SeaTx;

const FOLLOWS: &str = "follows";
const BLOCKS: &str = "user_blocks";
const PERSON: [&str; 5] = ["id", "username", "display_name", "bio", "avatar_url"];

/// The row of an edge.
fn is(edge: Edge) -> Cond {
    Cond::all().add(Expr::col("from_id").eq(edge.from().get())).add(Expr::col("to_id").eq(edge.to().get()))
}

fn find(table: &'static str, condition: Cond) -> SelectStatement {
    Query::select().column("from_id").from(table).cond_where(condition).limit(1).to_owned()
}

impl SeaTx {
    async fn has_edge(&self, table: &'static str, condition: Cond) -> Result<bool, StoreError> {
        let row = self.conn().query_one(&find(table, condition)).await.map_err(store_error)?;
        Ok(row.is_some())
    }

    /// Looking first is safe: the pair is held. The primary key refuses what would be there
    /// twice all the same.
    async fn insert_edge(&self, table: &'static str, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError> {
        if self.has_edge(table, is(edge)).await? {
            return Ok(false);
        }
        let insert = Query::insert()
            .into_table(table)
            .columns(["from_id", "to_id", "created_at"])
            .values_panic([edge.from().get().into(), edge.to().get().into(), at.into()])
            .to_owned();
        self.conn().execute(&insert).await.map_err(store_error)?;
        Ok(true)
    }

    async fn delete_edge(&self, table: &'static str, edge: Edge) -> Result<bool, StoreError> {
        let delete = Query::delete().from_table(table).cond_where(is(edge)).to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() == 1)
    }
}

#[async_trait]
impl RelationRepository for SeaTx {
    async fn hold_pair(&mut self, edge: Edge) -> Result<(), StoreError> {
        let (low, high) = edge.pair();
        let hold = Query::insert()
            .into_table("relation_pairs")
            .columns(["low_id", "high_id"])
            .values_panic([low.get().into(), high.get().into()])
            // Writing the key onto itself locks the row and changes nothing, on all three.
            .on_conflict(OnConflict::columns(["low_id", "high_id"]).update_column("low_id").to_owned())
            .to_owned();
        self.conn().execute(&hold).await.map(drop).map_err(store_error)
    }

    async fn is_active(&mut self, user: UserId) -> Result<bool, StoreError> {
        let select = Query::select()
            .column("id")
            .from("users")
            .and_where(Expr::col("id").eq(user.get()))
            .and_where(Expr::col("is_active").eq(true))
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned();
        Ok(self.conn().query_one(&select).await.map_err(store_error)?.is_some())
    }

    async fn has_block(&mut self, edge: Edge) -> Result<bool, StoreError> {
        self.has_edge(BLOCKS, Cond::any().add(is(edge)).add(is(edge.reversed()))).await
    }

    async fn insert_follow(&mut self, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.insert_edge(FOLLOWS, edge, at).await
    }

    async fn delete_follow(&mut self, edge: Edge) -> Result<bool, StoreError> {
        self.delete_edge(FOLLOWS, edge).await
    }

    async fn insert_block(&mut self, edge: Edge, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.insert_edge(BLOCKS, edge, at).await
    }

    async fn delete_block(&mut self, edge: Edge) -> Result<bool, StoreError> {
        self.delete_edge(BLOCKS, edge).await
    }
}

/// Which end of an edge is fixed, and which is listed.
#[derive(Clone, Copy)]
enum Ends {
    /// Edges that lead to somebody: where they come from.
    Into,
    /// Edges that come from somebody: where they lead.
    OutOf,
}

impl Ends {
    const fn fixed(self) -> &'static str {
        match self {
            Self::Into => "to_id",
            Self::OutOf => "from_id",
        }
    }

    const fn listed(self) -> &'static str {
        match self {
            Self::Into => "from_id",
            Self::OutOf => "to_id",
        }
    }
}

/// The edges of a user whose other end is an account that may be used.
fn edges(table: &'static str, user: UserId, ends: Ends) -> SelectStatement {
    Query::select()
        .from_as(table, "e")
        .inner_join("users", Expr::col(("users", "id")).equals(("e", ends.listed())))
        .and_where(Expr::col(("e", ends.fixed())).eq(user.get()))
        .and_where(Expr::col(("users", "is_active")).eq(true))
        .and_where(Expr::col(("users", "deleted_at")).is_null())
        .to_owned()
}

/// The same with all that a list shows, the latest first.
fn listed(table: &'static str, user: UserId, ends: Ends, viewer: Option<UserId>) -> SelectStatement {
    let mut select = edges(table, user, ends);
    select_as(&mut select, "users", "", &PERSON);
    select_as(&mut select, "e", "", &["created_at"]);
    if let Some(viewer) = viewer {
        let on = Cond::all()
            .add(Expr::col(("v", "from_id")).eq(viewer.get()))
            .add(Expr::col(("v", "to_id")).equals(("users", "id")));
        select.join_as(JoinType::LeftJoin, FOLLOWS, "v", on);
        select.expr_as(Expr::col(("v", "from_id")), "followed_by");
    }
    select.order_by(("e", "created_at"), Order::Desc).order_by(("e", ends.listed()), Order::Desc);
    select
}

/// One of a list that nobody in particular looks at.
struct Plain(Listed);

/// One of a list that somebody looks at.
struct Seen(Listed);

impl Stored for Person {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::new(row.get("id")?),
            username: row.get("username")?,
            display_name: row.get("display_name")?,
            bio: row.get("bio")?,
            avatar_url: row.get("avatar_url")?,
        })
    }
}

impl Stored for Plain {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(Listed { person: Person::read(row)?, since: row.get("created_at")?, following: None }))
    }
}

impl Stored for Seen {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let following = row.get::<Option<i64>>("followed_by")?.is_some();
        Ok(Self(Listed { following: Some(following), ..Plain::read(row)?.0 }))
    }
}

impl Store {
    async fn list_edges(
        &self,
        table: &'static str,
        user: UserId,
        ends: Ends,
        viewer: Option<UserId>,
        request: PageRequest,
    ) -> Result<Page<Listed>, StoreError> {
        let total = rows::count(self, edges(table, user, ends)).await?;
        let mut select = listed(table, user, ends, viewer);
        select.limit(u64::from(request.limit())).offset(request.offset());
        let items = match viewer {
            Some(_) => rows::all::<Seen>(self.read(), &select).await?.into_iter().map(|one| one.0).collect(),
            None => rows::all::<Plain>(self.read(), &select).await?.into_iter().map(|one| one.0).collect(),
        };
        Ok(Page { items, total, request })
    }
}

struct RelationRow(Relation);

impl Stored for RelationRow {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let there = |name: &str| Ok::<_, StoreError>(row.get::<i64>(name)? > 0);
        Ok(Self(Relation {
            following: there("following")?,
            followed_by: there("followed_by")?,
            blocked: there("blocked")?,
        }))
    }
}

#[async_trait]
impl RelationQueries for Store {
    async fn find_person(&self, id_or_name: &str) -> Result<Option<Person>, StoreError> {
        let Some(id) = find_user(self, id_or_name).await? else { return Ok(None) };
        let select = Query::select()
            .columns(PERSON)
            .from("users")
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("is_active").eq(true))
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned();
        rows::one(self.read(), &select).await
    }

    async fn relation(&self, viewer: UserId, other: UserId) -> Result<Relation, StoreError> {
        let Ok(edge) = Edge::try_new(viewer, other) else { return Ok(Relation::default()) };
        let count = |table, edge| {
            let mut select = Query::select();
            select.expr(Expr::cust("COUNT(*)")).from(table).cond_where(is(edge));
            Expr::expr(SimpleExpr::SubQuery(None, Box::new(select.into())))
        };
        let select = Query::select()
            .expr_as(count(FOLLOWS, edge), "following")
            .expr_as(count(FOLLOWS, edge.reversed()), "followed_by")
            .expr_as(count(BLOCKS, edge), "blocked")
            .to_owned();
        Ok(rows::one::<RelationRow>(self.read(), &select).await?.map(|row| row.0).unwrap_or_default())
    }

    async fn counts(&self, user: UserId) -> Result<FollowCounts, StoreError> {
        Ok(FollowCounts {
            followers: rows::count(self, edges(FOLLOWS, user, Ends::Into)).await?,
            following: rows::count(self, edges(FOLLOWS, user, Ends::OutOf)).await?,
        })
    }

    async fn followers(
        &self,
        user: UserId,
        viewer: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Listed>, StoreError> {
        self.list_edges(FOLLOWS, user, Ends::Into, viewer, page).await
    }

    async fn following(
        &self,
        user: UserId,
        viewer: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Listed>, StoreError> {
        self.list_edges(FOLLOWS, user, Ends::OutOf, viewer, page).await
    }

    async fn blocks(&self, user: UserId, page: PageRequest) -> Result<Page<Listed>, StoreError> {
        self.list_edges(BLOCKS, user, Ends::OutOf, Some(user), page).await
    }
}
