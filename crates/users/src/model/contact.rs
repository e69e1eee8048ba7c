use std::fmt;

use sharestack_kernel::field::Issue;
use sharestack_kernel::message::Recipient;

use super::EmailAddress;

/// A telephone number in the form of E.164: `+` and 8 to 15 digits.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as people write it: with blanks, dots, dashes and brackets, and with
    /// `+` or `00` before its country. One without a country is of `country`, for example `86`.
    ///
    /// # Errors
    /// When it is no number.
    pub fn parse(text: &str, country: &str) -> Result<Self, Issue> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Issue::Required);
        }
        if text.len() > 40
            || !text.strip_prefix('+').unwrap_or(text).chars().all(|c| c.is_ascii_digit() || " -.()".contains(c))
        {
            return Err(Issue::InvalidFormat);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let international = if text.starts_with('+') {
            digits
        } else if let Some(rest) = digits.strip_prefix("00") {
            rest.to_owned()
        } else {
            // The trunk prefix is dialled at home only.
            format!("{country}{}", digits.strip_prefix('0').unwrap_or(&digits))
        };
        if (8..=15).contains(&international.len()) && !international.starts_with('0') {
            return Ok(Self(format!("+{international}")));
        }
        Err(Issue::InvalidFormat)
    }

    /// `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    /// A number is personal: it stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

/// Where somebody can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// By mail.
    Email(EmailAddress),
    /// By text message.
    Phone(PhoneNumber),
}

impl Contact {
    /// As it is compared; no address is a number's.
    pub fn key(&self) -> &str {
        match self {
            Self::Email(email) => email.key(),
            Self::Phone(phone) => phone.as_str(),
        }
    }

    /// `mail` or `sms`.
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Email(_) => "mail",
            Self::Phone(_) => "sms",
        }
    }

    /// Who gets a message there.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::Email(email) => Recipient::Mail(email.as_str().to_owned()),
            Self::Phone(phone) => Recipient::Sms(phone.as_str().to_owned()),
        }
    }

    /// The name of the field that it comes in.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_in_form_only_are_one() {
        for text in ["13800138000", "+86 138 0013 8000", "0086-138-0013-8000", " (138) 0013.8000 ", "013800138000"] {
            assert_eq!(PhoneNumber::parse(text, "86").unwrap().as_str(), "+8613800138000", "{text}");
        }
        assert_eq!(PhoneNumber::parse("+44 20 7946 0958", "86").unwrap().as_str(), "+442079460958");
        assert_eq!(PhoneNumber::parse("020 7946 0958", "44").unwrap().as_str(), "+442079460958");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "1234",
            "+0123456789",
            "+1234567890123456",
            "call me",
            "+86+13800138000",
            "1380013800o",
            "１３８００１３８０００",
        ] {
            assert_eq!(PhoneNumber::parse(text, "86"), Err(Issue::InvalidFormat), "{text}");
        }
        assert_eq!(PhoneNumber::parse("  ", "86"), Err(Issue::Required));
        assert_eq!(PhoneNumber::parse(&" ".repeat(1 << 20), "86"), Err(Issue::Required));
        assert_eq!(PhoneNumber::parse(&"1".repeat(1 << 20), "86"), Err(Issue::InvalidFormat));
        assert!(!format!("{:?}", PhoneNumber::parse("13800138000", "86").unwrap()).contains("138"));
    }
}
