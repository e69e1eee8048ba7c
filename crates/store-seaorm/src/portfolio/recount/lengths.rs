//! The lengths of lists that are no category's and no tag's.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Cond, Expr, Func, OnConflict, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{AccessLevel, CountKey, PhotoCount, Status};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use crate::connect::Store;
use crate::error::store_error;
use crate::rows::{Fields, Stored, all, known};
use crate::tx::SeaTx;

/// Lengths by the keys under which they are kept.
type Lengths = BTreeMap<String, i64>;

struct Kept(String, i64);

impl Stored for Kept {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(fields.get("count_key")?, fields.get("n")?))
    }
}

/// Listed photos of a month; of none, when nobody knows when they were taken.
struct Listed {
    year: Option<i32>,
    month: Option<i32>,
    n: i64,
}

impl Stored for Listed {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self { year: fields.get("taken_year")?, month: fields.get("taken_month")?, n: fields.get("n")? })
    }
}

/// Published articles of an author on one level.
struct Written {
    level: AccessLevel,
    author: UserId,
    n: i64,
}

impl Stored for Written {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let level: String = fields.get("access_level")?;
        Ok(Self {
            level: known("access level", &level, AccessLevel::parse(&level).ok())?,
            author: UserId::new(fields.get("author_id")?),
            n: fields.get("n")?,
        })
    }
}

/// Lists whose lengths stand in one table.
#[derive(Clone, Copy)]
enum Lists {
    Photos,
    Articles,
}

impl Lists {
    const fn table(self) -> &'static str {
        match self {
            Self::Photos => "photo_counts",
            Self::Articles => "article_counts",
        }
    }

    /// All that are in any of them.
    fn all(self) -> SelectStatement {
        let mut select = Query::select();
        select.expr_as(Func::count(Expr::col("id")), "n");
        match self {
            Self::Photos => select.from("photos").and_where(Expr::col("listed").eq(true)),
            Self::Articles => select.from("articles").and_where(Expr::col("status").eq(Status::Published.as_str())),
        };
        select
    }

    /// Which of them are in the list of a key; `None` for a key that is none.
    fn of(self, key: &str) -> Option<Cond> {
        let is = |column: &'static str, number: i64| Cond::all().add(Expr::col(column).eq(number));
        Some(match self {
            Self::Photos => match PhotoCount::from_key(key)? {
                PhotoCount::Listed => Cond::all(),
                PhotoCount::Year(year) => is("taken_year", year.into()),
                PhotoCount::Month(year, month) => is("taken_year", year.into()).add(is("taken_month", month.into())),
            },
            Self::Articles => match CountKey::from_key(key)? {
                CountKey::Access(level) => Cond::all().add(Expr::col("access_level").eq(level.as_str())),
                CountKey::Author(author) => is("author_id", author.get()),
                CountKey::Published => Cond::all(),
                CountKey::Tag(_) | CountKey::Category(_) => return None,
            },
        })
    }

    /// The lengths that are found now.
    async fn found(self, store: &Store) -> Result<Lengths, StoreError> {
        let mut lengths = Lengths::new();
        let mut add = |key: String, n: i64| *lengths.entry(key).or_default() += n;
        let columns = match self {
            Self::Photos => ["taken_year", "taken_month"],
            Self::Articles => ["access_level", "author_id"],
        };
        let select = self.all().columns(columns).group_by_columns(columns).to_owned();
        match self {
            Self::Photos => {
                for Listed { year, month, n } in all::<Listed>(store.read(), &select).await? {
                    add(PhotoCount::Listed.to_key(), n);
                    let Some((year, month)) = year.zip(month) else { continue };
                    add(PhotoCount::Year(year).to_key(), n);
                    add(PhotoCount::Month(year, month.unsigned_abs()).to_key(), n);
                }
            }
            Self::Articles => {
                for Written { level, author, n } in all::<Written>(store.read(), &select).await? {
                    add(CountKey::Published.to_key(), n);
                    add(CountKey::Access(level).to_key(), n);
                    add(CountKey::Author(author).to_key(), n);
                }
            }
        }
        Ok(lengths)
    }

    async fn kept(self, store: &Store) -> Result<Lengths, StoreError> {
        let select = Query::select().columns(["count_key", "n"]).from(self.table()).to_owned();
        Ok(all::<Kept>(store.read(), &select).await?.into_iter().map(|Kept(key, n)| (key, n)).collect())
    }

    /// The keys of lengths that are not what is found now.
    async fn wrong(self, store: &Store) -> Result<Vec<String>, StoreError> {
        let (found, kept) = (self.found(store).await?, self.kept(store).await?);
        let keys: BTreeSet<&String> = found.keys().chain(kept.keys()).collect();
        let of = |lengths: &Lengths, key: &String| lengths.get(key).copied().unwrap_or_default();
        Ok(keys.into_iter().filter(|key| of(&found, key) != of(&kept, key)).cloned().collect())
    }
}

pub(super) async fn recount(store: &Store) -> Result<u64, StoreError> {
    let mut mended = 0;
    for lists in [Lists::Photos, Lists::Articles] {
        for key in lists.wrong(store).await? {
            let Some(condition) = lists.of(&key) else { continue };
            let count = lists.all().cond_where(condition).to_owned();
            let was_wrong: bool =
                transact!(store.own(), |tx| { tx.recount_length(lists.table(), &key, &count).await })?;
            mended += u64::from(was_wrong);
        }
    }
    Ok(mended)
}

impl SeaTx {
    /// Counts what is in a list. Returns whether its length was wrong.
    async fn recount_length(
        &self,
        table: &'static str,
        key: &str,
        count: &SelectStatement,
    ) -> Result<bool, StoreError> {
        // Who changes the length holds its row, which need not be there yet.
        let same = Expr::col((table, "n")).add(0_i64);
        let hold = Query::insert()
            .into_table(table)
            .columns(["count_key", "n"])
            .values_panic([key.into(), 0_i64.into()])
            .on_conflict(OnConflict::column("count_key").value("n", same).to_owned())
            .to_owned();
        self.conn().execute(&hold).await.map_err(store_error)?;
        let here = || Expr::col("count_key").eq(key);
        let kept = Query::select().column("n").from(table).and_where(here()).to_owned();
        let (kept, found) = (self.count(&kept).await?, self.count(count).await?);
        if kept == found {
            return Ok(false);
        }
        let update = Query::update().table(table).value("n", found).and_where(here()).to_owned();
        self.conn().execute(&update).await.map(|_| true).map_err(store_error)
    }
}
