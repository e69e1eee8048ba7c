//! Money is a whole number of minor units and a currency, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An ISO 4217 code that the product takes money in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Renminbi, in fen.
    Cny,
    /// United States dollar, in cents.
    Usd,
    /// Euro, in cents.
    Eur,
    /// Pound sterling, in pence.
    Gbp,
    /// Hong Kong dollar, in cents.
    Hkd,
    /// Japanese yen, which has no minor unit.
    Jpy,
}

impl Currency {
    /// Every currency, in the order of its code.
    pub const ALL: [Self; 6] = [Self::Cny, Self::Eur, Self::Gbp, Self::Hkd, Self::Jpy, Self::Usd];

    /// Reads a code in upper case; `None` for one that the product does not take.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code() == code)
    }

    /// The ISO 4217 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cny => "CNY",
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Hkd => "HKD",
            Self::Jpy => "JPY",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of one currency. It may be negative: a ledger posting has a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

/// Why two amounts could not be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// They are of two currencies.
    #[error("amounts of {0} and {1} do not add up")]
    Currencies(Currency, Currency),
    /// The sum does not fit into 64 bits.
    #[error("amount out of range")]
    Overflow,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Minor units.
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// The same amount with the other sign.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// `points` hundredths of a percent of this amount, rounded half up, away from zero.
    ///
    /// # Errors
    /// When the share does not fit.
    pub fn basis_points(self, points: u32) -> Result<Self, MoneyError> {
        let product = i128::from(self.amount) * i128::from(points);
        let half = 5_000 * product.signum();
        let amount = i64::try_from((product + half) / 10_000).map_err(|_| MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FEN: fn(i64) -> Money = |amount| Money::new(amount, Currency::Cny);

    #[test]
    fn currencies_do_not_mix() {
        let sum = FEN(1).checked_add(Money::new(1, Currency::Usd));
        assert_eq!(sum, Err(MoneyError::Currencies(Currency::Cny, Currency::Usd)));
    }

    #[test]
    fn overflow_is_refused() {
        assert_eq!(FEN(i64::MAX).checked_add(FEN(1)), Err(MoneyError::Overflow));
        assert_eq!(FEN(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_share_rounds_half_up() {
        assert_eq!(FEN(1990).basis_points(500), Ok(FEN(100)));
        assert_eq!(FEN(1989).basis_points(500), Ok(FEN(99)));
        assert_eq!(FEN(-1990).basis_points(500), Ok(FEN(-100)));
    }

    proptest! {
        #[test]
        fn a_share_and_its_rest_are_the_whole(amount in 0..i64::MAX / 2, points in 0_u32..=10_000) {
            let share = FEN(amount).basis_points(points).unwrap();
            let rest = FEN(amount).checked_add(share.checked_neg().unwrap()).unwrap();
            prop_assert!(share.amount() >= 0 && rest.amount() >= 0);
            prop_assert_eq!(share.checked_add(rest).unwrap(), FEN(amount));
        }

        #[test]
        fn a_code_reads_back(index in 0..Currency::ALL.len()) {
            let currency = Currency::ALL[index];
            prop_assert_eq!(Currency::parse(currency.code()), Some(currency));
        }
    }
}
