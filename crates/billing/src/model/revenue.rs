//! What a creator earned, read from the ledger.

use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use sharestack_kernel::money::Currency;

/// The time that a summary covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevenuePeriod {
    /// From the first sale until now.
    All,
    /// One calendar month in UTC, by its first day.
    Month(NaiveDate),
}

impl RevenuePeriod {
    /// Reads `all` or `YYYY-MM`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "all" {
            return Some(Self::All);
        }
        let (year, month) = text.split_once('-')?;
        let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let first = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)?;
        Some(Self::Month(first))
    }

    /// The text that reads back as this.
    pub fn label(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Month(first) => first.format("%Y-%m").to_string(),
        }
    }

    /// The first moment in it and the first behind it; `None` when it has no bounds.
    pub fn bounds(self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let Self::Month(first) = self else { return None };
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        Some((midnight(first), midnight(first.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX))))
    }
}

/// What a creator earned, in minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevenueSummary {
    /// The currency.
    pub currency: Currency,
    /// The time that the flows below cover.
    pub period: RevenuePeriod,
    /// What readers paid in that time.
    pub gross: i64,
    /// What the platform took of it.
    pub fees: i64,
    /// What went back to readers.
    pub refunds: i64,
    /// What remained: gross less fees and refunds.
    pub net: i64,
    /// What was paid out to the creator in that time.
    pub withdrawn: i64,
    /// What is owed now and too young to be paid out.
    pub pending: i64,
    /// What is owed now and can be paid out.
    pub available: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_reads_back_and_has_bounds() {
        let period = RevenuePeriod::parse("2026-12").unwrap();
        assert_eq!(period.label(), "2026-12");
        let (from, until) = period.bounds().unwrap();
        assert_eq!(
            (from.to_rfc3339(), until.to_rfc3339()),
            ("2026-12-01T00:00:00+00:00".into(), "2027-01-01T00:00:00+00:00".into())
        );
        assert_eq!(RevenuePeriod::parse("all").unwrap().bounds(), None);
    }

    #[test]
    fn other_texts_are_no_period() {
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "+026-01", "12026-01", "2026-01-01", "ALL"] {
            assert_eq!(RevenuePeriod::parse(text), None, "{text}");
        }
    }
}
