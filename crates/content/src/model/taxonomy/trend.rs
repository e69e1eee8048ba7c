//! How much a tag has been used of late: each use on one of the days of a [`Period`] counts
//! 2^(−age / 7), where the age is in days, and what comes to more than ten is ten.
//!
//! What is kept is how often a tag was used on each day ([`Uses`]), so that days leave the
//! period by themselves, and a use that is taken back leaves nothing behind.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sharestack_kernel::field::Issue;

/// After how many days a use counts half.
pub const HALF_LIFE: f64 = 7.0;

/// The score that none is above.
pub const HIGHEST: f64 = 10.0;

/// A day of UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i32);

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

/// How often a tag was used, by days.
pub type Uses = Vec<(Day, i64)>;

/// Over which days a trend looks back, today among them.
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
    /// All of them, from the shortest.
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

    const fn days(self) -> i32 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
        }
    }

    /// The first day that counts.
    pub const fn first(self, today: Day) -> Day {
        Day(today.0.saturating_sub(self.days() - 1))
    }

    /// The days that count with what a use on each weighs. The last is that of a node whose
    /// clock is ahead.
    pub fn weights(self, today: Day) -> impl Iterator<Item = (Day, f64)> {
        (self.first(today).0..=today.0.saturating_add(1)).map(move |day| (Day(day), weight(Day(day), today)))
    }

    /// The score that a tag has by these uses, rounded to hundredths.
    pub fn score(self, uses: &[(Day, i64)], today: Day) -> f64 {
        let first = self.first(today);
        #[expect(clippy::cast_precision_loss, reason = "there are fewer photos than 2^53")]
        let counted = |(day, uses): &(Day, i64)| *uses as f64 * weight(*day, today);
        let sum: f64 = uses.iter().filter(|(day, _)| *day >= first).map(counted).sum();
        (sum.clamp(0.0, HIGHEST) * 100.0).round() / 100.0
    }
}

/// What a use on a day weighs.
fn weight(day: Day, today: Day) -> f64 {
    (-f64::from(today.0.saturating_sub(day.0).max(0)) / HALF_LIFE).exp2()
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
        assert_eq!(day("2036-01-01"), Day(24_106));
        assert_eq!(day("2024-01-15").date().to_string(), "2024-01-15");
    }

    #[test]
    fn a_use_counts_half_after_a_week_whatever_the_period() {
        let today = day("2026-01-31");
        let uses = [(day("2026-01-24"), 4), (today, 3)];
        for period in [Period::Month, Period::Quarter, Period::Year] {
            assert_eq!(period.score(&uses, today), 5.0, "{period:?}");
            assert_eq!(period.score(&uses, day("2026-02-07")), 2.5, "{period:?}");
        }
        assert_eq!(Period::Month.score(&[], today), 0.0);
    }

    #[test]
    fn days_before_the_period_do_not_count() {
        let today = day("2026-01-31");
        for (period, days) in Period::ALL.into_iter().zip([7, 30, 90, 365]) {
            let (last, before) = (Day(today.0 - days + 1), Day(today.0 - days));
            assert_eq!(period.first(today), last);
            // As many as are seen, whatever a use weighs.
            let seen = (f64::from(days) / HALF_LIFE).exp2().ceil();
            #[expect(clippy::cast_possible_truncation, reason = "2^53 at the most")]
            let many = seen as i64;
            assert!(period.score(&[(last, many)], today) >= 1.0, "{period:?}");
            assert_eq!(period.score(&[(before, many)], today), 0.0, "{period:?}");
        }
    }

    #[test]
    fn a_score_is_from_zero_to_ten() {
        let today = day("2026-01-31");
        for (uses, score) in [(-1, 0.0), (0, 0.0), (9, 9.0), (10, 10.0), (20, 10.0), (i64::MAX, 10.0)] {
            assert_eq!(Period::Week.score(&[(today, uses)], today), score, "{uses}");
        }
        // 100 uses of 90 days ago are next to nothing.
        assert_eq!(Period::Year.score(&[(Day(today.0 - 90), 100)], today), 0.01);
    }

    #[test]
    fn a_clock_that_is_ahead_counts_as_today() {
        let today = day("2026-01-31");
        assert_eq!(Period::Week.score(&[(Day(today.0 + 1), 2)], today), 2.0);
        for limit in [Day(i32::MIN), Day(i32::MAX)] {
            assert_eq!(Period::Week.score(&[(limit, 2)], limit), 2.0);
        }
    }

    #[test]
    fn weights_are_those_of_the_score() {
        let today = day("2026-01-31");
        for period in Period::ALL {
            let weights: Vec<_> = period.weights(today).collect();
            assert_eq!((weights[0].0, weights.last().unwrap().0), (period.first(today), Day(today.0 + 1)));
            for (day, weight) in weights {
                let score = period.score(&[(day, 1)], today);
                assert!((score - weight).abs() <= 0.005 + f64::EPSILON, "{period:?} {day:?}: {weight} beside {score}");
            }
        }
    }
}
