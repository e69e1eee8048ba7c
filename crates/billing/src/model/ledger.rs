//! The double-entry ledger: every movement of money is a set of postings that sum to zero.
//!
//! Debits are positive, credits negative: what the channel owes us is a positive balance,
//! what we owe a creator a negative one.

use chrono::{DateTime, Utc};
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money, MoneyError};
use thiserror::Error;

use super::id::{LedgerEntryId, PaymentId};

/// An account of the ledger, in each currency once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// What a channel took for us and has not handed over.
    ChannelClearing(String),
    /// What a channel kept for itself.
    ChannelFees(String),
    /// What we owe a creator.
    CreatorPayable(UserId),
    /// What the platform earned.
    PlatformFees,
    /// What came through a channel and belongs to nothing: to be given back.
    Suspense(String),
    /// What was owed to creators who have left.
    Unclaimed,
}

impl Account {
    /// What kind of account it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ChannelClearing(_) => "channel_clearing",
            Self::ChannelFees(_) => "channel_fee_expense",
            Self::CreatorPayable(_) => "creator_payable",
            Self::PlatformFees => "platform_fee_revenue",
            Self::Suspense(_) => "suspense",
            Self::Unclaimed => "unclaimed",
        }
    }

    /// The creator, of a creator's account.
    pub const fn creator(&self) -> Option<UserId> {
        match self {
            Self::CreatorPayable(creator) => Some(*creator),
            _ => None,
        }
    }

    /// What tells it from every other account in `currency`.
    pub fn code(&self, currency: Currency) -> String {
        match self {
            Self::ChannelClearing(name) | Self::ChannelFees(name) | Self::Suspense(name) => {
                format!("{}:{name}:{currency}", self.kind())
            }
            Self::CreatorPayable(creator) => format!("{}:{creator}:{currency}", self.kind()),
            Self::PlatformFees | Self::Unclaimed => format!("{}:{currency}", self.kind()),
        }
    }
}

/// Why a posting stands where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// What a reader paid.
    Sale,
    /// What the platform takes of it.
    Fee,
    /// What goes back to a reader.
    Refund,
    /// What is paid out to a creator.
    Withdrawal,
    /// Money that belongs to nothing, or to nobody who could take it.
    Suspense,
}

impl Line {
    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Fee => "fee",
            Self::Refund => "refund",
            Self::Withdrawal => "withdrawal",
            Self::Suspense => "suspense",
        }
    }
}

/// An amount on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub account: Account,
    /// Why.
    pub line: Line,
    /// Debit positive, credit negative; never zero.
    pub amount: Money,
}

/// Why postings are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Fewer than two postings move nothing.
    #[error("an entry has at least two postings")]
    TooFew,
    /// A posting of nothing.
    #[error("a posting is never zero")]
    Zero,
    /// They do not sum to zero.
    #[error("postings sum to {0}")]
    Unbalanced(Money),
    /// The amounts cannot be added.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Postings of one currency that sum to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalancedEntry(Vec<Posting>);

impl BalancedEntry {
    /// Takes postings that sum to zero.
    ///
    /// # Errors
    /// When they do not, when one of them is zero, or when they are fewer than two.
    pub fn try_new(postings: Vec<Posting>) -> Result<Self, EntryError> {
        let [first, rest @ ..] = postings.as_slice() else { return Err(EntryError::TooFew) };
        if rest.is_empty() {
            return Err(EntryError::TooFew);
        }
        if postings.iter().any(|posting| posting.amount.amount() == 0) {
            return Err(EntryError::Zero);
        }
        let sum = rest.iter().try_fold(first.amount, |sum, posting| sum.checked_add(posting.amount))?;
        if sum.amount() != 0 {
            return Err(EntryError::Unbalanced(sum));
        }
        Ok(Self(postings))
    }

    /// A sale: the channel holds `gross`, the creator is owed it, and pays the platform
    /// `fee_basis_points` of it, rounded half up.
    ///
    /// # Errors
    /// When `gross` is not positive or does not fit.
    pub fn sale(channel: &str, creator: UserId, gross: Money, fee_basis_points: u32) -> Result<Self, EntryError> {
        let fee = gross.basis_points(fee_basis_points)?;
        let mut postings = vec![
            Posting { account: Account::ChannelClearing(channel.to_owned()), line: Line::Sale, amount: gross },
            Posting { account: Account::CreatorPayable(creator), line: Line::Sale, amount: gross.checked_neg()? },
        ];
        if fee.amount() != 0 {
            postings.push(Posting { account: Account::CreatorPayable(creator), line: Line::Fee, amount: fee });
            postings.push(Posting { account: Account::PlatformFees, line: Line::Fee, amount: fee.checked_neg()? });
        }
        Self::try_new(postings)
    }

    /// Money that came through a channel and belongs to nothing.
    ///
    /// # Errors
    /// When `gross` is zero or does not fit.
    pub fn suspense(channel: &str, gross: Money) -> Result<Self, EntryError> {
        let account = Account::Suspense(channel.to_owned());
        Self::try_new(vec![
            Posting { account: Account::ChannelClearing(channel.to_owned()), line: Line::Suspense, amount: gross },
            Posting { account, line: Line::Suspense, amount: gross.checked_neg()? },
        ])
    }

    /// What is still owed to a creator who has left (`owed`, negative when they owe it), taken
    /// off their account.
    ///
    /// # Errors
    /// When `owed` is zero or does not fit.
    pub fn unclaimed(creator: UserId, owed: Money) -> Result<Self, EntryError> {
        let against = owed.checked_neg()?;
        Self::try_new(vec![
            Posting { account: Account::CreatorPayable(creator), line: Line::Suspense, amount: owed },
            Posting { account: Account::Unclaimed, line: Line::Suspense, amount: against },
        ])
    }

    /// The postings.
    pub fn postings(&self) -> &[Posting] {
        &self.0
    }

    /// The currency of all of them.
    pub fn currency(&self) -> Currency {
        self.0[0].amount.currency()
    }
}

/// One movement of money, as the ledger keeps it for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// What kind of movement, for example `payment`.
    pub kind: &'static str,
    /// What it is about; the ledger takes each reference once.
    pub reference: String,
    /// The postings.
    pub entry: BalancedEntry,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

impl LedgerEntry {
    /// The movement that a payment made.
    pub fn of_payment(id: LedgerEntryId, payment: PaymentId, entry: BalancedEntry, now: DateTime<Utc>) -> Self {
        Self { id, kind: "payment", reference: format!("payment:{payment}"), entry, occurred_at: now }
    }

    /// What is left of a creator who has left; in each currency once.
    pub fn of_departure(id: LedgerEntryId, creator: UserId, entry: BalancedEntry, now: DateTime<Utc>) -> Self {
        let reference = format!("departure:{creator}:{}", entry.currency());
        Self { id, kind: "departure", reference, entry, occurred_at: now }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FEN: fn(i64) -> Money = |amount| Money::new(amount, Currency::Cny);

    fn posting(amount: Money) -> Posting {
        Posting { account: Account::PlatformFees, line: Line::Fee, amount }
    }

    #[test]
    fn what_does_not_balance_is_no_entry() {
        assert_eq!(BalancedEntry::try_new(vec![]), Err(EntryError::TooFew));
        assert_eq!(BalancedEntry::try_new(vec![posting(FEN(1))]), Err(EntryError::TooFew));
        assert_eq!(BalancedEntry::try_new(vec![posting(FEN(0)), posting(FEN(0))]), Err(EntryError::Zero));
        let off = BalancedEntry::try_new(vec![posting(FEN(2)), posting(FEN(-1))]);
        assert_eq!(off, Err(EntryError::Unbalanced(FEN(1))));
        let mixed = BalancedEntry::try_new(vec![posting(FEN(1)), posting(Money::new(-1, Currency::Usd))]);
        assert!(matches!(mixed, Err(EntryError::Money(MoneyError::Currencies(..)))));
    }

    #[test]
    fn accounts_have_codes_of_their_own() {
        assert_eq!(Account::CreatorPayable(UserId::new(7)).code(Currency::Cny), "creator_payable:7:CNY");
        assert_eq!(Account::ChannelClearing("sandbox".into()).code(Currency::Usd), "channel_clearing:sandbox:USD");
        assert_eq!(Account::PlatformFees.code(Currency::Cny), "platform_fee_revenue:CNY");
        assert_eq!(Account::Unclaimed.code(Currency::Cny), "unclaimed:CNY");
    }

    #[test]
    fn what_nobody_claims_is_taken_off_whichever_way_it_was_owed() {
        for owed in [1791, -5] {
            let entry = BalancedEntry::unclaimed(UserId::new(7), FEN(owed)).unwrap();
            let off = LedgerEntry::of_departure(
                LedgerEntryId::new(uuid::Uuid::nil()),
                UserId::new(7),
                entry,
                DateTime::UNIX_EPOCH,
            );
            assert_eq!(off.reference, "departure:7:CNY");
            assert_eq!(off.entry.postings()[0].amount, FEN(owed));
        }
        assert_eq!(BalancedEntry::unclaimed(UserId::new(7), FEN(0)), Err(EntryError::Zero));
    }

    proptest! {
        #[test]
        fn every_sale_balances(gross in 1..=100_000_000_i64, points in 0_u32..=10_000) {
            let entry = BalancedEntry::sale("sandbox", UserId::new(1), FEN(gross), points).unwrap();
            prop_assert_eq!(entry.postings().iter().map(|posting| posting.amount.amount()).sum::<i64>(), 0);
            let owed: i64 = entry.postings().iter()
                .filter(|posting| posting.account.creator().is_some()).map(|posting| posting.amount.amount()).sum();
            prop_assert_eq!(-owed, gross - FEN(gross).basis_points(points).unwrap().amount());
        }
    }
}
