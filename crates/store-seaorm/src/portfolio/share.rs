use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{CategoryId, PhotoId, ShareLink, ShareLinkId, ShareTarget};
use sharestack_content::ports::ShareLinkRepository;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{Fields, Stored, all, one};
use crate::tx::SeaTx;

const COLUMNS: [&str; 9] = [
    "id",
    "owner_id",
    "token_hash",
    "category_id",
    "password_hash",
    "allow_download",
    "hide_metadata",
    "expires_at",
    "created_at",
];

impl Stored for ShareLink {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let category: Option<i64> = fields.get("category_id")?;
        Ok(Self {
            id: ShareLinkId::new(fields.get("id")?),
            owner_id: UserId::new(fields.get("owner_id")?),
            token_hash: fields.get("token_hash")?,
            target: match category {
                Some(id) => ShareTarget::Category(CategoryId::new(id)),
                None => ShareTarget::Photos(Vec::new()),
            },
            password_hash: fields.get("password_hash")?,
            allow_download: fields.get("allow_download")?,
            hide_metadata: fields.get("hide_metadata")?,
            expires_at: fields.get("expires_at")?,
            created_at: fields.get("created_at")?,
        })
    }
}

struct Shown(PhotoId);

impl Stored for Shown {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(PhotoId::new(fields.get("photo_id")?)))
    }
}

/// A link with the photos that it names, in their order.
pub(super) async fn read_link(store: &Store, token_hash: &str) -> Result<Option<ShareLink>, StoreError> {
    let select = Query::select()
        .columns(COLUMNS)
        .from("share_links")
        .and_where(Expr::col("token_hash").eq(token_hash))
        .to_owned();
    let Some(mut link) = one::<ShareLink>(store.read(), &select).await? else { return Ok(None) };
    if let ShareTarget::Photos(ids) = &mut link.target {
        let shown = Query::select()
            .column("photo_id")
            .from("share_link_photos")
            .and_where(Expr::col("link_id").eq(link.id.get()))
            .order_by("position", Order::Asc)
            .to_owned();
        *ids = all::<Shown>(store.read(), &shown).await?.into_iter().map(|Shown(id)| id).collect();
    }
    Ok(Some(link))
}

impl SeaTx {
    async fn end_links(&self, condition: Expr) -> Result<bool, StoreError> {
        let which = Query::select().column("id").from("share_links").and_where(condition.clone()).to_owned();
        let shown = Query::delete()
            .from_table("share_link_photos")
            .and_where(Expr::col("link_id").in_subquery(which))
            .to_owned();
        self.conn().execute(&shown).await.map_err(store_error)?;
        let links = Query::delete().from_table("share_links").and_where(condition).to_owned();
        Ok(self.conn().execute(&links).await.map_err(store_error)?.rows_affected() > 0)
    }
}

#[async_trait]
impl ShareLinkRepository for SeaTx {
    async fn insert(&mut self, link: &ShareLink) -> Result<(), StoreError> {
        let category = match &link.target {
            ShareTarget::Category(id) => Some(id.get()),
            ShareTarget::Photos(_) => None,
        };
        let insert = Query::insert()
            .into_table("share_links")
            .columns(COLUMNS)
            .values_panic([
                link.id.get().into(),
                link.owner_id.get().into(),
                link.token_hash.as_str().into(),
                category.into(),
                link.password_hash.clone().into(),
                link.allow_download.into(),
                link.hide_metadata.into(),
                link.expires_at.into(),
                link.created_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map_err(store_error)?;
        let ShareTarget::Photos(ids) = &link.target else { return Ok(()) };
        if ids.is_empty() {
            return Ok(());
        }
        let mut shown =
            Query::insert().into_table("share_link_photos").columns(["link_id", "photo_id", "position"]).to_owned();
        for (position, id) in (0_i32..).zip(ids) {
            shown.values_panic([link.id.get().into(), id.get().into(), position.into()]);
        }
        self.conn().execute(&shown).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, id: ShareLinkId, owner: UserId) -> Result<bool, StoreError> {
        self.end_links(Expr::col("id").eq(id.get()).and(Expr::col("owner_id").eq(owner.get()))).await
    }

    async fn delete_by_owner(&mut self, owner: UserId) -> Result<(), StoreError> {
        self.end_links(Expr::col("owner_id").eq(owner.get())).await.map(drop)
    }
}
