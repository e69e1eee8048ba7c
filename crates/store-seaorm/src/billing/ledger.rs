use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{CaseStatement, Cond, Expr, Func, OnConflict, Order, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_billing::model::ledger::{Account, LedgerEntry, Line};
use sharestack_billing::model::revenue::{RevenuePeriod, RevenueSummary};
use sharestack_billing::ports::InsertError;
use sharestack_billing::ports::ledger::{Ledger, LedgerQueries, TrialBalance};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Currency;

use super::rows::{self, Fields, Stored};
use crate::connect::Store;
use crate::error::{Constraint, store_error};
use crate::tx::SeaTx;

impl SeaTx {
    /// Opens the accounts that are not there yet. Looking first keeps busy accounts free
    /// of locks; of two that open one at once, the second waits and changes nothing.
    async fn open_accounts(&self, accounts: BTreeMap<String, &Account>, entry: &LedgerEntry) -> Result<(), StoreError> {
        let there = Query::select()
            .column("code")
            .from("ledger_accounts")
            .and_where(Expr::col("code").is_in(accounts.keys().cloned()))
            .to_owned();
        let there = self.conn().query_all(&there).await.map_err(store_error)?;
        let there = there.iter().map(|row| row.try_get::<String>("", "code"));
        let there = there.collect::<Result<BTreeSet<_>, _>>().map_err(store_error)?;
        for (code, account) in accounts.into_iter().filter(|(code, _)| !there.contains(code)) {
            let insert = Query::insert()
                .into_table("ledger_accounts")
                .columns(["code", "kind", "creator_id", "currency", "created_at"])
                .values_panic([
                    code.into(),
                    account.kind().into(),
                    account.creator().map(UserId::get).into(),
                    entry.entry.currency().code().into(),
                    entry.occurred_at.into(),
                ])
                .on_conflict(OnConflict::column("code").update_column("code").to_owned())
                .to_owned();
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Ledger for SeaTx {
    async fn post(&mut self, entry: &LedgerEntry) -> Result<(), InsertError> {
        let insert = Query::insert()
            .into_table("ledger_entries")
            .columns(["id", "kind", "reference", "occurred_at"])
            .values_panic([
                entry.id.get().into(),
                entry.kind.into(),
                entry.reference.as_str().into(),
                entry.occurred_at.into(),
            ])
            .to_owned();
        let done = self.conn().execute(&insert).await;
        done.map_err(|error| rows::taken(error, Constraint::LedgerReference))?;
        let postings = entry.entry.postings();
        let code = |account: &Account| account.code(entry.entry.currency());
        let accounts = postings.iter().map(|posting| (code(&posting.account), &posting.account)).collect();
        self.open_accounts(accounts, entry).await?;
        let mut insert = Query::insert();
        insert.into_table("ledger_postings").columns([
            "entry_id",
            "position",
            "account_code",
            "line",
            "amount",
            "currency",
            "occurred_at",
        ]);
        for (position, posting) in (0_i32..).zip(postings) {
            insert.values_panic([
                entry.id.get().into(),
                position.into(),
                code(&posting.account).into(),
                posting.line.as_str().into(),
                posting.amount.amount().into(),
                posting.amount.currency().code().into(),
                entry.occurred_at.into(),
            ]);
        }
        self.conn().execute(&insert).await.map_err(store_error)?;
        Ok(())
    }
}

struct LineRow {
    line: String,
    inside: i64,
    settled: i64,
    total: i64,
}

impl Stored for LineRow {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            line: row.get("line")?,
            inside: row.get("inside")?,
            settled: row.get("settled")?,
            total: row.get("total")?,
        })
    }
}

struct CurrencyRow(Currency);

impl Stored for CurrencyRow {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(rows::named(row, "currency", Currency::parse)?))
    }
}

struct SumRow(Currency, i64);

impl Stored for SumRow {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(rows::named(row, "currency", Currency::parse)?, row.get("total")?))
    }
}

#[async_trait]
impl LedgerQueries for Store {
    async fn revenue(
        &self,
        creator: UserId,
        currency: Currency,
        period: RevenuePeriod,
        settled_before: DateTime<Utc>,
    ) -> Result<RevenueSummary, StoreError> {
        let sum = |value: SimpleExpr| rows::whole(Func::sum(value).into(), self.dialect());
        let only = |condition: Cond| -> SimpleExpr {
            CaseStatement::new().case(condition, Expr::col("amount")).finally(0_i64).into()
        };
        let at = || Expr::col("occurred_at");
        let inside = match period.bounds() {
            Some((from, until)) => only(Cond::all().add(at().gte(from)).add(at().lt(until))),
            None => Expr::col("amount"),
        };
        let select = Query::select()
            .column("line")
            .expr_as(sum(inside), "inside")
            .expr_as(sum(only(Cond::all().add(at().lt(settled_before)))), "settled")
            .expr_as(sum(Expr::col("amount")), "total")
            .from("ledger_postings")
            .and_where(Expr::col("account_code").eq(Account::CreatorPayable(creator).code(currency)))
            .group_by_col("line")
            .to_owned();
        let rows = rows::all::<LineRow>(self.read(), &select).await?;
        let line = |line: Line| rows.iter().find(|row| row.line == line.as_str());
        let inside = |wanted| line(wanted).map_or(0, |row| row.inside);
        let (gross, fees, refunds) = (-inside(Line::Sale), inside(Line::Fee), inside(Line::Refund));
        // What was paid out is gone at once, whatever its age.
        let settled = |row: &LineRow| if row.line == Line::Withdrawal.as_str() { row.total } else { row.settled };
        let available = -rows.iter().map(settled).sum::<i64>();
        let owed = -rows.iter().map(|row| row.total).sum::<i64>();
        Ok(RevenueSummary {
            currency,
            period,
            gross,
            fees,
            refunds,
            net: gross - fees - refunds,
            withdrawn: inside(Line::Withdrawal),
            pending: owed - available,
            available,
        })
    }

    async fn earned_currencies(&self, creator: UserId) -> Result<Vec<Currency>, StoreError> {
        let select = Query::select()
            .column("currency")
            .from("ledger_accounts")
            .and_where(Expr::col("creator_id").eq(creator.get()))
            .and_where(Expr::col("kind").eq(Account::CreatorPayable(creator).kind()))
            .order_by("currency", Order::Asc)
            .to_owned();
        let rows = rows::all::<CurrencyRow>(self.read(), &select).await?;
        Ok(rows.into_iter().map(|CurrencyRow(currency)| currency).collect())
    }

    async fn trial_balance(&self) -> Result<TrialBalance, StoreError> {
        let total = rows::whole(Func::sum(Expr::col("amount")).into(), self.dialect());
        let select = Query::select()
            .column("currency")
            .expr_as(total, "total")
            .from("ledger_postings")
            .group_by_col("currency")
            .to_owned();
        let sums = rows::all::<SumRow>(self.read(), &select).await?;
        let mut sums: Vec<_> = sums.into_iter().map(|SumRow(currency, total)| (currency, total)).collect();
        sums.sort_unstable();
        let entries = rows::count(self, Query::select().from("ledger_entries").to_owned()).await?;
        Ok(TrialBalance { sums, entries })
    }
}
