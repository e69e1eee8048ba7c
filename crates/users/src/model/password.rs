use secrecy::{ExposeSecret, SecretString};
use sharestack_kernel::field::{self, Issue};
use unicode_normalization::UnicodeNormalization;
use zxcvbn::feedback::Feedback;
use zxcvbn::{Score, zxcvbn};

const MIN_LENGTH: usize = 8;
const MAX_LENGTH: usize = 128;
/// How hard to guess a password is at the least, on the scale from 0 to 4 of zxcvbn: ten to
/// the eighth guesses.
const LEAST_SCORE: Score = Score::Three;
/// What stands in place of a hash when there is no password; no hasher writes it.
const UNSET: &str = "!";

/// A password that somebody claims to know. It is shown nowhere.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// Takes a password; `None` when it is longer than any that could be set, so that
    /// nobody makes the server hash a megabyte.
    ///
    /// It is normalised (NFKC): the same keys give the same password on every keyboard.
    pub fn claimed(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH * 4 {
            return None;
        }
        let normal: String = text.nfkc().collect();
        (normal.chars().count() <= MAX_LENGTH).then(|| Self(normal.into()))
    }

    /// The bytes, for a hasher.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// A password that may be set: 8 to 128 characters, and not easily guessed.
#[derive(Debug, Clone)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Reads a password; `known` are texts that an attacker would try first, such as the
    /// username.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, Issue> {
        let password = Self::handed_over(text)?;
        password.withstands(known)?;
        Ok(password)
    }

    /// Refuses a password that is easily guessed by who knows these texts.
    ///
    /// # Errors
    /// Why it is.
    pub fn withstands(&self, known: &[&str]) -> Result<(), Issue> {
        let estimate = zxcvbn(self.0.0.expose_secret(), known);
        if estimate.score() < LEAST_SCORE {
            return Err(Issue::WeakPassword { reason: reason(estimate.feedback()) });
        }
        Ok(())
    }

    /// Reads a password that somebody sets for another and hands over: only its length counts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn handed_over(text: &str) -> Result<Self, Issue> {
        if text.len() > MAX_LENGTH * 4 {
            return Err(Issue::TooLong { max: MAX_LENGTH });
        }
        let text = field::length(text.nfkc().collect(), MIN_LENGTH, MAX_LENGTH)?;
        Ok(Self(Password(text.into())))
    }

    /// The password, for a hasher.
    pub const fn password(&self) -> &Password {
        &self.0
    }
}

fn reason(feedback: Option<&Feedback>) -> String {
    let said = feedback.and_then(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.or_else(|| feedback.suggestions().first().map(ToString::to_string))
    });
    said.unwrap_or_else(|| "This password is easily guessed.".to_owned())
}

/// What a hasher made of a password, in its own text form.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what a hasher made.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The hash of an account that has no password: no password fits it.
    pub fn unset() -> Self {
        Self(UNSET.to_owned())
    }

    /// Whether there is a password.
    pub fn is_set(&self) -> bool {
        self.0 != UNSET
    }

    /// The text, for a hasher or a store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        for text in ["password", "12345678", "aaaaaaaa", "qwertyui"] {
            let Err(Issue::WeakPassword { reason }) = NewPassword::parse(text, &[]) else {
                panic!("{text} was accepted");
            };
            assert!(!reason.is_empty());
        }
    }

    #[test]
    fn a_password_is_strong_from_score_three_on() {
        for (score, text) in
            [(0, "password123"), (1, "hunter2hunter2"), (2, "Hangzhou88"), (3, "xkqzpwrtn"), (4, "river stone lantern")]
        {
            assert_eq!(u8::from(zxcvbn(text, &[]).score()), score, "{text}");
            match NewPassword::parse(text, &[]) {
                Ok(_) => assert!(score >= 3, "{text} was accepted"),
                Err(Issue::WeakPassword { reason }) => assert!(score < 3 && !reason.is_empty(), "{text}: {reason}"),
                Err(other) => panic!("{text}: {other:?}"),
            }
        }
        for text in ["correct1horse", "xkqzpwrt"] {
            assert!(matches!(NewPassword::parse(text, &[]), Err(Issue::WeakPassword { .. })), "{text} was accepted");
            assert!(NewPassword::handed_over(text).is_ok(), "{text}: who hands it over answers for it");
        }
    }

    #[test]
    fn what_is_known_of_the_user_makes_a_password_weak() {
        assert!(NewPassword::parse("linxiaohong", &[]).is_ok());
        assert!(matches!(NewPassword::parse("linxiaohong", &["linxiaohong"]), Err(Issue::WeakPassword { .. })));
    }

    #[test]
    fn length_is_checked_before_strength() {
        assert_eq!(NewPassword::parse("", &[]).unwrap_err(), Issue::Required);
        assert_eq!(NewPassword::parse("x7$kQ", &[]).unwrap_err(), Issue::TooShort { min: 8 });
        assert_eq!(NewPassword::parse(&"长".repeat(129), &[]).unwrap_err(), Issue::TooLong { max: 128 });
        assert_eq!(NewPassword::parse(&"x".repeat(1 << 20), &[]).unwrap_err(), Issue::TooLong { max: 128 });
        assert!(NewPassword::parse(&"长城故宫天坛颐和园".repeat(14), &[]).is_ok());
    }

    #[test]
    fn claims_are_normalised_and_bounded() {
        let expose = |text: &str| Password::claimed(text).map(|password| password.expose().to_vec());
        assert_eq!(expose("ｐａｓｓ"), Some(b"pass".to_vec()));
        assert_eq!(expose(&"x".repeat(129)), None);
        assert_eq!(expose(&"x".repeat(1 << 20)), None);
        assert!(!format!("{:?}", Password::claimed("hunter2hunter2")).contains("hunter2"));
    }
}
