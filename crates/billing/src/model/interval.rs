//! How long one paid period is.

use chrono::{DateTime, Months, Utc};

/// The length of a paid period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// One calendar month.
    Month,
    /// Three calendar months.
    Quarter,
    /// Twelve calendar months.
    Year,
    /// For ever, paid once.
    Lifetime,
}

impl Interval {
    /// Every interval, from the shortest.
    pub const ALL: [Self; 4] = [Self::Month, Self::Quarter, Self::Year, Self::Lifetime];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == name)
    }

    /// The name in bodies and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::Lifetime => "lifetime",
        }
    }

    /// Calendar months of one period; `None` when it has no end.
    pub const fn months(self) -> Option<u32> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
            Self::Lifetime => None,
        }
    }

    /// When the `periods`-th period since `anchor` ends; `None` when it never does.
    ///
    /// Each end is counted from the anchor, not from the end before it, so that a short
    /// month does not shorten the months behind it: from 31 January the periods end on
    /// 28 February, 31 March, 30 April.
    pub fn end_after(self, anchor: DateTime<Utc>, periods: u32) -> Option<DateTime<Utc>> {
        let months = self.months()?.saturating_mul(periods);
        Some(anchor.checked_add_months(Months::new(months)).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, TimeZone};
    use proptest::prelude::*;

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(year, month, day, 8, 30, 0).unwrap()
    }

    #[test]
    fn a_short_month_clamps_only_itself() {
        let ends = |n| Interval::Month.end_after(day(2026, 1, 31), n).unwrap();
        assert_eq!([1, 2, 3].map(ends), [day(2026, 2, 28), day(2026, 3, 31), day(2026, 4, 30)]);
    }

    #[test]
    fn a_leap_day_returns_every_fourth_year() {
        let ends = |n| Interval::Year.end_after(day(2024, 2, 29), n).unwrap();
        assert_eq!([1, 4].map(ends), [day(2025, 2, 28), day(2028, 2, 29)]);
    }

    #[test]
    fn a_quarter_crosses_the_year_and_a_lifetime_never_ends() {
        assert_eq!(Interval::Quarter.end_after(day(2026, 11, 30), 1), Some(day(2027, 2, 28)));
        assert_eq!(Interval::Lifetime.end_after(day(2026, 1, 1), 1), None);
    }

    proptest! {
        #[test]
        fn ends_move_on_and_keep_the_day_where_the_month_has_it(
            seconds in 0_i64..4_000_000_000, periods in 1_u32..200, index in 0_usize..3
        ) {
            let anchor = DateTime::from_timestamp(seconds, 0).unwrap();
            let interval = Interval::ALL[index];
            let (end, next) = (interval.end_after(anchor, periods).unwrap(), interval.end_after(anchor, periods + 1).unwrap());
            prop_assert!(anchor < end && end < next);
            prop_assert_eq!(end.time(), anchor.time());
            prop_assert!(end.day() == anchor.day() || (end.day() < anchor.day() && end.day() >= 28));
            let months = |time: DateTime<Utc>| i64::from(time.year()) * 12 + i64::from(time.month());
            prop_assert_eq!(months(end) - months(anchor), i64::from(periods * interval.months().unwrap()));
        }
    }
}
