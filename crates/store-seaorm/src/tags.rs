//! Rows of tags, whatever they are of.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{Kind, Spelling, TagId, TagName};
use sharestack_kernel::error::StoreError;

use crate::error::store_error;

/// A tag to find or to make.
pub(crate) struct Wanted<'a> {
    pub id: TagId,
    pub name: &'a TagName,
    /// Its address, and the one it has when another tag has that.
    pub slugs: [String; 2],
}

/// What stands between the forms in which a name is typed: no form has it.
pub(crate) const FORM_END: &str = " ";

/// What is kept beside a name and worked out from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beside {
    pub key: String,
    pub pinyin: String,
    pub initials: String,
}

impl Beside {
    pub(crate) fn of(name: &TagName) -> Self {
        let spelling = Spelling::of(name.name());
        Self {
            key: name.key().to_owned(),
            pinyin: spelling.full.join(FORM_END),
            initials: spelling.initials.join(FORM_END),
        }
    }

    pub(crate) fn columns(self) -> [(&'static str, Expr); 3] {
        [("name_key", self.key), ("pinyin", self.pinyin), ("initials", self.initials)]
            .map(|(column, value)| (column, Expr::val(value)))
    }
}

/// The columns of a tag that its name decides.
pub(crate) fn named(name: &TagName) -> impl Iterator<Item = (&'static str, Expr)> {
    [("name", Expr::val(name.name()))].into_iter().chain(Beside::of(name).columns())
}

/// Selects the tags of a kind with one of these folded names.
pub(crate) fn by_name<'a>(
    kind: Kind,
    columns: &[&'static str],
    keys: impl IntoIterator<Item = &'a str>,
) -> SelectStatement {
    Query::select()
        .columns(columns.iter().copied())
        .from("tags")
        .and_where(Expr::col("kind").eq(kind.as_str()))
        .and_where(Expr::col("name_key").is_in(keys))
        .to_owned()
}

/// Makes those of these tags that are not there. Whoever makes one at the same time makes
/// the same: afterwards there is one of each name.
pub(crate) async fn make(
    db: &impl ConnectionTrait,
    kind: Kind,
    wanted: &[&Wanted<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // One order for all writers: two of them never wait for each other.
    let mut wanted = wanted.to_vec();
    wanted.sort_by_key(|tag| tag.name.key());
    for tag in &wanted {
        insert(db, kind, tag, 0, now).await?;
    }
    let names = wanted.iter().map(|tag| tag.name.key());
    let rows = db.query_all(&by_name(kind, &["name_key"], names)).await.map_err(store_error)?;
    let there = rows.iter().map(|row| row.try_get("", "name_key")).collect::<Result<Vec<String>, _>>();
    let there = there.map_err(store_error)?;
    for tag in wanted.iter().filter(|tag| !there.iter().any(|key| key == tag.name.key())) {
        insert(db, kind, tag, 1, now).await?;
    }
    Ok(())
}

async fn insert(
    db: &impl ConnectionTrait,
    kind: Kind,
    tag: &Wanted<'_>,
    slug: usize,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (columns, values): (Vec<_>, Vec<_>) = [
        ("id", Expr::val(tag.id.get())),
        ("kind", Expr::val(kind.as_str())),
        ("slug", Expr::val(tag.slugs[slug].as_str())),
        ("created_at", Expr::val(now)),
        ("updated_at", Expr::val(now)),
    ]
    .into_iter()
    .chain(named(tag.name))
    .unzip();
    let insert = Query::insert()
        .into_table("tags")
        .columns(columns)
        .values_panic(values)
        .on_conflict(OnConflict::new().do_nothing_on(["id"]).to_owned())
        .to_owned();
    db.execute(&insert).await.map(drop).map_err(store_error)
}

/// The same rows, held until the transaction ends. On MySQL an unlocked look may miss what
/// another transaction has just made.
pub(crate) fn held(mut select: SelectStatement) -> SelectStatement {
    select.lock(LockType::Update);
    select
}
