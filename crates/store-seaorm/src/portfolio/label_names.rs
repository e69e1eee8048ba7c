//! What is kept beside the names of tags, worked out anew.

use sea_orm::sea_query::{Expr, LockType, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{TagId, TagName};
use sharestack_content::ports::RenewedNames;
use sharestack_kernel::error::StoreError;

use crate::error::store_error;
use crate::rows::{Fields, Stored, all};
use crate::tags::Beside;
use crate::tx::SeaTx;

/// A tag of either kind with what is kept beside its name.
struct NameRow {
    id: i64,
    kind: String,
    name: String,
    beside: Beside,
}

impl Stored for NameRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let text = |name| fields.get::<String>(name);
        let beside = Beside { key: text("name_key")?, pinyin: text("pinyin")?, initials: text("initials")? };
        Ok(Self { id: fields.get("id")?, kind: text("kind")?, name: text("name")?, beside })
    }
}

impl SeaTx {
    pub(super) async fn renew_tag_names(&self, after: TagId, limit: u64) -> Result<RenewedNames, StoreError> {
        let select = Query::select()
            .columns(["id", "kind", "name", "name_key", "pinyin", "initials"])
            .from("tags")
            .and_where(Expr::col("id").gt(after.get()))
            .order_by("id", Order::Asc)
            .limit(limit)
            .lock(LockType::Update)
            .to_owned();
        let mut renewed = RenewedNames::default();
        for row in all::<NameRow>(self.conn(), &select).await? {
            renewed.last = Some(TagId::new(row.id));
            let mut beside = Beside::of(&TagName::stored(row.name));
            if beside.key != row.beside.key && self.has_tag(&row.kind, &beside.key).await? {
                beside.key.clone_from(&row.beside.key);
            }
            if beside == row.beside {
                continue;
            }
            renewed.changed += 1;
            let update =
                Query::update().table("tags").values(beside.columns()).and_where(Expr::col("id").eq(row.id)).to_owned();
            self.conn().execute(&update).await.map_err(store_error)?;
        }
        Ok(renewed)
    }

    async fn has_tag(&self, kind: &str, key: &str) -> Result<bool, StoreError> {
        let select = Query::select()
            .column("id")
            .from("tags")
            .and_where(Expr::col("kind").eq(kind))
            .and_where(Expr::col("name_key").eq(key))
            .to_owned();
        Ok(self.conn().query_one(&select).await.map_err(store_error)?.is_some())
    }
}
