//! Validation that reports every broken field at once.
//!
//! ```
//! use sharestack_kernel::field::{FieldErrors, Issue};
//!
//! fn parse(title: Option<String>) -> Result<String, FieldErrors> {
//!     let mut check = FieldErrors::new();
//!     let title = check.required("title", title).and_then(|text| check.length("title", text, 1, 200));
//!     check.finish()?;
//!     Ok(title.expect("checked"))
//! }
//!
//! assert_eq!(parse(None).unwrap_err().iter().next().unwrap().issue, Issue::Required);
//! ```

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issue {
    /// It is missing.
    Required,
    /// It has not the form it should.
    InvalidFormat,
    /// It has fewer characters or items than `min`.
    TooShort {
        /// The least.
        min: usize,
    },
    /// It has more characters or items than `max`.
    TooLong {
        /// The most.
        max: usize,
    },
    /// It is below `min` or above `max`.
    OutOfRange {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// It is a time before `earliest` or after `latest`, both as people read them.
    OutOfTime {
        /// The first.
        earliest: String,
        /// The last; `None` when there is none.
        latest: Option<String>,
    },
    /// It is none of the values that may stand there.
    NotAllowed {
        /// Those that may; empty when they are not a short list.
        allowed: Vec<String>,
    },
    /// There is more than one of it.
    Several {
        /// Where several are taken.
        instead: &'static str,
    },
    /// It differs from another field that it must equal.
    Mismatch {
        /// The other field.
        other: &'static str,
    },
    /// It is a code, and not the right one.
    WrongCode {
        /// How many more may be tried now.
        attempts_left: u32,
    },
    /// It is easily guessed; the reason is for people.
    WeakPassword {
        /// Why, in English.
        reason: String,
    },
}

impl Issue {
    /// The contract's code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::InvalidFormat => "INVALID_FORMAT",
            Self::TooShort { .. } => "TOO_SHORT",
            Self::TooLong { .. } => "TOO_LONG",
            Self::OutOfRange { .. } | Self::OutOfTime { .. } => "OUT_OF_RANGE",
            Self::NotAllowed { .. } | Self::Several { .. } => "NOT_ALLOWED",
            Self::Mismatch { .. } | Self::WrongCode { .. } => "MISMATCH",
            Self::WeakPassword { .. } => "WEAK_PASSWORD",
        }
    }

    /// [`Issue::OutOfTime`] of a time that must come after `now`, and not after `last`.
    pub fn not_between(now: DateTime<Utc>, last: DateTime<Utc>) -> Self {
        let said = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self::OutOfTime { earliest: said(now + TimeDelta::seconds(1)), latest: Some(said(last)) }
    }

    /// [`Issue::NotAllowed`] with the values that may stand there.
    pub fn not_allowed<S: ToString>(allowed: impl IntoIterator<Item = S>) -> Self {
        Self::NotAllowed { allowed: allowed.into_iter().map(|value| value.to_string()).collect() }
    }
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path in the body, for example `tags[2]`.
    pub field: String,
    /// What is wrong.
    pub issue: Issue,
}

/// Every field that breaks a rule, in the order they were checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// No errors yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One error.
    pub fn of(field: impl Into<String>, issue: Issue) -> Self {
        Self(vec![FieldError { field: field.into(), issue }])
    }

    /// Adds an error.
    pub fn push(&mut self, field: impl Into<String>, issue: Issue) {
        self.0.push(FieldError { field: field.into(), issue });
    }

    /// Adds all that another check has found.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Takes a value that must be there.
    pub fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.push(field, Issue::Required);
        }
        value
    }

    /// Keeps the value of a check, or notes what it found wrong.
    pub fn check<T>(&mut self, field: &str, value: Result<T, Issue>) -> Option<T> {
        value.map_err(|issue| self.push(field, issue)).ok()
    }

    /// Takes a text of `min` to `max` characters.
    pub fn length(&mut self, field: &str, text: String, min: usize, max: usize) -> Option<String> {
        self.check(field, length(text, min, max))
    }

    /// Takes a number from `min` to `max`.
    pub fn range(&mut self, field: &str, value: i64, min: i64, max: i64) -> Option<i64> {
        let value = if (min..=max).contains(&value) { Ok(value) } else { Err(Issue::OutOfRange { min, max }) };
        self.check(field, value)
    }

    /// Refuses when anything was noted.
    ///
    /// # Errors
    /// The errors themselves.
    pub fn finish(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors, in the order they were noted.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid fields:")?;
        self.0.iter().try_for_each(|error| write!(f, " {} {}", error.field, error.issue.code()))
    }
}

impl std::error::Error for FieldErrors {}

/// A text of `min` to `max` characters (Unicode scalar values) without NUL.
///
/// # Errors
/// [`Issue::Required`] for an empty text that may not be, else what is wrong with it.
pub fn length(text: String, min: usize, max: usize) -> Result<String, Issue> {
    let characters = text.chars().count();
    if characters == 0 && min > 0 {
        return Err(Issue::Required);
    }
    if characters < min {
        return Err(Issue::TooShort { min });
    }
    if characters > max {
        return Err(Issue::TooLong { max });
    }
    if text.contains('\0') {
        return Err(Issue::InvalidFormat);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_are_reported_at_once() {
        let mut check = FieldErrors::new();
        check.required::<String>("title", None);
        check.range("price", -1, 0, 100);
        check.length("name", "名".repeat(51), 1, 50);
        let codes: Vec<_> = check.iter().map(|error| error.issue.code()).collect();
        assert_eq!(codes, ["REQUIRED", "OUT_OF_RANGE", "TOO_LONG"]);
        assert!(check.finish().is_err());
    }

    #[test]
    fn length_counts_characters_and_refuses_nul() {
        assert!(length("名字".to_owned(), 2, 2).is_ok());
        assert_eq!(length("a\0".to_owned(), 1, 5), Err(Issue::InvalidFormat));
        assert_eq!(length(String::new(), 1, 5), Err(Issue::Required));
    }
}
