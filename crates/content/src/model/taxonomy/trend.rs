//! How much a tag has been used of late.
//!
//! A use counts 2^(−age / h), where h is the half-life: `Σ 2^(−(now − dᵢ) / h)` over the
//! days dᵢ on which listed photos got the tag. To move all scores on with time would mean
//! to write all rows each day, so that what is kept is the sum relative to a fixed day L,
//! `Σ 2^((dᵢ − L) / h)`: it changes when a tag is used and at no other time, and gives the
//! same order. That is *forward decay* (G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu,
//! "Forward Decay: A Practical Time Decay Model for Streaming Systems", ICDE 2009), with
//! an exponential g.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sharestack_kernel::field::Issue;

/// A day of UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i32);

/// 2036-01-01: far from both ends of what a double can say.
const LANDMARK: Day = Day(24106);

/// How many half-lives from that day uses still differ by their age: a double has room for
/// 2^63 uses of 2^960 each, and all its digits for 2^−960. With a half-life of a week that is
/// from August 2017 to May 2054: what is used later counts as if it were used then, so that
/// a week's trend becomes a count and nothing overflows. The longer ones reach beyond 2110.
const REACH: f64 = 960.0;

impl Day {
    /// The day of a time.
    pub fn of(time: DateTime<Utc>) -> Self {
        Self(i32::try_from(time.timestamp().div_euclid(86_400)).unwrap_or(i32::MAX))
    }

    /// The date.
    pub fn date(self) -> NaiveDate {
        NaiveDate::default() + TimeDelta::days(self.0.into())
    }
}

/// Over which time a trend looks back: its half-life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Period {
    /// A week.
    Week,
    /// 30 days.
    #[default]
    Month,
    /// 90 days.
    Quarter,
    /// A year.
    Year,
}

impl Period {
    /// All of them, in the order of [`Trend`].
    pub const ALL: [Self; 4] = [Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The name in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "1y",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let known = Self::ALL.into_iter().find(|period| period.as_str() == text);
        known.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }

    const fn half_life(self) -> f64 {
        match self {
            Self::Week => 7.0,
            Self::Month => 30.0,
            Self::Quarter => 90.0,
            Self::Year => 365.0,
        }
    }

    /// What a use on a day weighs, relative to the fixed day.
    fn weight(self, day: Day) -> f64 {
        (f64::from(day.0.saturating_sub(LANDMARK.0)) / self.half_life()).clamp(-REACH, REACH).exp2()
    }
}

/// The sums of a tag, one for each [`Period`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Trend(pub [f64; 4]);

impl Trend {
    /// What some uses on a day add.
    pub fn of(day: Day, uses: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "there are fewer photos than 2^53")]
        Self(Period::ALL.map(|period| period.weight(day) * uses as f64))
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] + other.0[index]))
    }

    /// The score on a day, rounded to hundredths: a use on that very day counts 1.
    pub fn score(self, period: Period, today: Day) -> f64 {
        let score = self.0[period as usize] / period.weight(today);
        // What is left of sums and differences of the same numbers may be below zero.
        (score * 100.0).round().max(0.0) / 100.0
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "scores are rounded, and sums of powers of two exact")]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::of(DateTime::parse_from_rfc3339(&format!("{text}T23:59:59Z")).unwrap().to_utc())
    }

    #[test]
    fn days_are_days_of_utc() {
        assert_eq!(day("2036-01-01"), LANDMARK);
        assert_eq!(day("2024-01-15").date().to_string(), "2024-01-15");
    }

    #[test]
    fn a_use_counts_half_after_its_half_life() {
        let today = day("2026-01-31");
        let trend = Trend::of(day("2026-01-01"), 4).plus(Trend::of(today, 3));
        assert_eq!(trend.score(Period::Month, today), 5.0);
        assert_eq!(trend.score(Period::Month, day("2026-03-02")), 2.5);
        assert!(trend.score(Period::Week, today) < trend.score(Period::Year, today));
        assert_eq!(Trend::default().score(Period::Week, today), 0.0);
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let today = day("2026-01-31");
        let trend = Trend::of(day("2020-02-29"), 7).plus(Trend::of(today, 3));
        let back = trend.plus(Trend::of(today, -3)).plus(Trend::of(day("2020-02-29"), -7));
        for period in Period::ALL {
            assert_eq!(back.score(period, today), 0.0);
        }
    }

    #[test]
    fn sums_hold_for_any_day() {
        for year in [1826, 1970, 2000, 2016, 2026, 2054, 2056, 2100, 9999] {
            let today = day(&format!("{year}-12-31"));
            let trend = Trend::of(today, 1_000_000);
            assert!(trend.0.iter().all(|sum| sum.is_normal() && *sum > 0.0), "{year}");
            let more = trend.plus(Trend::of(today, i64::MAX / 2));
            assert!(more.0.iter().all(|sum| sum.is_finite()), "{year}");
            for period in Period::ALL {
                assert_eq!(trend.score(period, today), 1_000_000.0, "{year} {period:?}");
                assert_eq!(trend.plus(Trend::of(today, -1_000_000)).score(period, today), 0.0, "{year} {period:?}");
            }
        }
        for limit in [Day(i32::MIN), Day(i32::MAX)] {
            assert!(Trend::of(limit, 1).0.iter().all(|sum| sum.is_normal()));
        }
    }

    #[test]
    fn longer_trends_tell_age_apart_in_2100() {
        let (today, before) = (day("2100-01-31"), day("2100-01-01"));
        assert_eq!(Trend::of(before, 4).score(Period::Month, today), 2.0);
        assert_eq!(Trend::of(before, 4).score(Period::Week, today), 4.0);
    }
}
