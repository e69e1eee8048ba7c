//! Whom a path or a filter means.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::text::fold;

use crate::connect::Store;
use crate::error::store_error;

/// The user with this id, else the one with this name.
pub(crate) async fn find_user(store: &Store, id_or_name: &str) -> Result<Option<i64>, StoreError> {
    // No name has such characters, and PostgreSQL refuses to look for them.
    if id_or_name.chars().any(char::is_control) {
        return Ok(None);
    }
    let digits = id_or_name.bytes().all(|byte| byte.is_ascii_digit());
    let id: Option<i64> = id_or_name.parse().ok().filter(|_| digits);
    let named = Expr::col("username_key").eq(fold(id_or_name)).and(Expr::col("deleted_at").is_null());
    let select = Query::select()
        .column("id")
        .from("users")
        .and_where(match id {
            Some(id) => named.or(Expr::col("id").eq(id)),
            None => named,
        })
        .to_owned();
    let rows = store.read().query_all(&select).await.map_err(store_error)?;
    let found: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
    let found = found.map_err(store_error)?;
    Ok(found.iter().find(|found| Some(**found) == id).or(found.first()).copied())
}
