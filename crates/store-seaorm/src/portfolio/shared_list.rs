//! What share links show. Of a category, the listed photos come from an index of what it
//! lists, and only what its owner shares beside them is counted.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Cond, Expr, JoinType, Order, Query, SelectStatement, UnionType};
use sharestack_content::model::{CategoryId, ShareLink, ShareLinkId, ShareTarget};
use sharestack_content::ports::PhotoView;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::category_rows::below;
use super::linked_list::{Span, listed_below, part};
use super::photo_list::listed;
use super::photo_rows::{PhotoRow, photo_columns};
use crate::connect::Store;
use crate::rows::{all, count};

/// The photos that their owner shares whatever their state and visibility.
fn own(owner: UserId) -> Cond {
    Cond::all()
        .add(Expr::col(("p", "owner_id")).eq(owner.get()))
        .add(Expr::col(("p", "trashed_at")).is_null())
        .add(Expr::col(("p", "formats")).ne("{}"))
}

/// The photos in a category or below it that are not listed and that their owner shares.
fn unlisted(category: CategoryId, owner: UserId) -> SelectStatement {
    let within = Query::select().column(("c", "id")).from_as("categories", "c").cond_where(below(category)).to_owned();
    Query::select()
        .distinct()
        .column(("p", "id"))
        .expr_as(Expr::col(("p", "shown_at")), "place")
        .from_as("photo_categories", "l")
        .join_as(JoinType::InnerJoin, "photos", "p", Expr::col(("p", "id")).equals(("l", "photo_id")))
        .and_where(Expr::col(("l", "category_id")).in_subquery(within))
        .and_where(Expr::col(("l", "listed")).eq(false))
        .cond_where(own(owner))
        .to_owned()
}

impl Store {
    pub(super) async fn list_link(&self, link: &ShareLink, page: PageRequest) -> Result<Page<PhotoView>, StoreError> {
        match link.target {
            ShareTarget::Category(category) => self.shared_category(category, link.owner_id, page).await,
            ShareTarget::Photos(_) => self.shared_photos(link.id, link.owner_id, page).await,
        }
    }

    async fn shared_category(
        &self,
        category: CategoryId,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        let Some(counted) = self.counted(category).await? else {
            return Ok(Page { items: Vec::new(), total: 0, request: page });
        };
        let span = Span { column: "shown_at", order: Order::Desc, offset: page.offset(), limit: page.limit().into() };
        let unlisted = unlisted(category, owner);
        let more = count(self, Query::select().from_subquery(unlisted.clone(), "o").to_owned()).await?;
        let ids = if more == 0 {
            listed_below(category, &span)
        } else {
            let first = span.to_start();
            let mut both = part(listed_below(category, &first));
            both.union(UnionType::All, part(first.cut(&mut part(unlisted))));
            span.cut(Query::select().columns(["id", "place"]).from_subquery(both, "b"))
        };
        let shown = Cond::any().add(listed()).add(own(owner));
        self.photos_of(ids, shown, counted.subtree + more, ("shown_at", Order::Desc), page).await
    }

    async fn shared_photos(
        &self,
        link: ShareLinkId,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        let shown = Cond::all()
            .add(Expr::col(("s", "photo_id")).equals(("p", "id")))
            .add(Expr::col(("s", "link_id")).eq(link.get()));
        let mut select = Query::select();
        select
            .from_as("photos", "p")
            .join_as(JoinType::InnerJoin, "share_link_photos", "s", shown)
            .cond_where(Cond::any().add(Expr::col(("p", "listed")).eq(true)).add(own(owner)));
        let total = count(self, select.clone()).await?;
        photo_columns(&mut select)
            .order_by(("s", "position"), Order::Asc)
            .order_by(("p", "id"), Order::Desc)
            .limit(u64::from(page.limit()))
            .offset(page.offset());
        let rows: Vec<PhotoRow> = all(self.read(), &select).await?;
        Ok(Page { items: self.views(rows).await?, total, request: page })
    }
}
