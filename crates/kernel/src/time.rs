//! Times that come from outside, in requests and in files, as every store keeps them.

use chrono::{DateTime, FixedOffset, TimeZone, Timelike as _};

use crate::field::Issue;

/// A time in whole microseconds, in a minute of 60 seconds: the finest step, and the only
/// minute, that every store has. A leap second (`23:59:60`) is read as the one before it:
/// it stays in its minute and so in its day and its year, and no time becomes later than
/// it was written.
#[must_use]
pub fn kept<Z: TimeZone>(time: DateTime<Z>) -> DateTime<Z> {
    // Of a leap second the nanoseconds go on past those of a whole second.
    let within = time.nanosecond() % 1_000_000_000;
    time.with_nanosecond(within - within % 1000).unwrap_or(time)
}

/// Reads a time of RFC 3339, as it is [`kept`], with the offset that it was written with.
///
/// # Errors
/// [`Issue::InvalidFormat`] when it is none.
pub fn parse(text: &str) -> Result<DateTime<FixedOffset>, Issue> {
    DateTime::parse_from_rfc3339(text).map(kept).map_err(|_| Issue::InvalidFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_every_store_keeps_it() {
        for (text, read) in [
            ("2024-01-15T18:30:00Z", "2024-01-15T18:30:00+00:00"),
            ("2024-01-15T18:30:00.123456789+08:00", "2024-01-15T18:30:00.123456+08:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
            ("2016-12-31T23:59:60.999999999Z", "2016-12-31T23:59:59.999999+00:00"),
            ("2017-01-01T07:59:60+08:00", "2017-01-01T07:59:59+08:00"),
            ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59+00:00"),
            ("1969-12-31T23:59:60.5Z", "1969-12-31T23:59:59.500+00:00"),
        ] {
            let time = parse(text).unwrap();
            assert_eq!(time.to_rfc3339(), read, "{text}");
            assert!(time.timestamp_subsec_nanos() < 1_000_000_000, "{text}");
            assert_eq!(kept(time), time, "{text}");
        }
        for text in ["", "tomorrow", "2024-01-15", "2024-01-15T18:30:61Z", "2024-01-15T18:30:00"] {
            assert_eq!(parse(text), Err(Issue::InvalidFormat), "{text}");
        }
    }
}
