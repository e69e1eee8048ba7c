use std::fmt;

use sharestack_kernel::field::{self, Issue};
use unicode_normalization::UnicodeNormalization;

const MAX_LENGTH: usize = 254;
/// No address of so many characters takes more, blanks around it included.
const MAX_BYTES: usize = 1024;
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;
/// Where the addresses of who told none are.
const PLACEHOLDER: &str = "placeholder.invalid";

/// An e-mail address, as it was written and as it is compared.
///
/// Letters that differ in form only (`ſ` and `s`, `ｌ` and `l`) are one letter here before anything
/// is sent: mail goes to the mailbox that the address is compared as, and never to another that is
/// written alike.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

impl EmailAddress {
    /// Reads an address of up to 254 characters; blanks around it are dropped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        // What can be no address is not worth normalising.
        if text.len() > MAX_BYTES {
            return Err(Issue::TooLong { max: MAX_LENGTH });
        }
        let text = field::length(text.trim().nfkc().collect(), 1, MAX_LENGTH)?;
        let (local, domain) = text.rsplit_once('@').ok_or(Issue::InvalidFormat)?;
        if !is_local(local) || !is_domain(domain) {
            return Err(Issue::InvalidFormat);
        }
        // Small letters can be other characters, so the key is checked too.
        let key: String = text.to_lowercase().nfkc().collect();
        let (key_local, key_domain) = key.rsplit_once('@').ok_or(Issue::InvalidFormat)?;
        if !is_local(key_local) || !is_domain(key_domain) {
            return Err(Issue::InvalidFormat);
        }
        let key = field::length(key, 1, MAX_LENGTH)?;
        Ok(Self { text, key })
    }

    /// An address in place of one that is not known: nothing is ever delivered there
    /// (RFC 2606). `mark` tells it from others.
    pub fn placeholder(mark: &str) -> Self {
        let text = format!("{mark}@{PLACEHOLDER}");
        Self { key: text.to_lowercase(), text }
    }

    /// Whether it stands in place of an address that is not known.
    pub fn is_placeholder(&self) -> bool {
        self.key.rsplit_once('@').is_some_and(|(_, domain)| domain == PLACEHOLDER)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As it is compared.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl fmt::Debug for EmailAddress {
    /// An address is personal: it stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

fn is_local(local: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_foreign(c);
    (1..=MAX_LOCAL).contains(&local.chars().count())
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(allowed))
}

fn is_domain(domain: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || is_foreign(c);
    domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=MAX_LABEL).contains(&label.chars().count())
                && label.chars().all(allowed)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_foreign(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_form_only_have_one_key() {
        let key = |text| EmailAddress::parse(text).unwrap().key().to_owned();
        assert_eq!(key("Lin.Wei+tag@Example.COM"), "lin.wei+tag@example.com");
        assert_eq!(key(" ｌｉｎ@example.com "), "lin@example.com");
        assert_eq!(key("用户@例子.公司"), "用户@例子.公司");
    }

    #[test]
    fn mail_goes_where_the_key_says() {
        for text in
            ["liſa@example.com", "ｌｉｓａ@example.com", "lisa＠example．com", "LISA@example.com", "lisa@ⓔxample.com"]
        {
            let email = EmailAddress::parse(text).unwrap();
            assert_eq!(email.key(), "lisa@example.com", "{text}");
            assert!(email.as_str().eq_ignore_ascii_case("lisa@example.com"), "{text} is sent to {}", email.as_str());
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "lin",
            "@example.com",
            "lin@",
            "lin@localhost",
            "lin@@example.com",
            "a b@example.com",
            "lin@exa mple.com",
            ".lin@example.com",
            "lin..wei@example.com",
            "lin@-example.com",
            "lin@example..com",
            "lin@example.com\r\nbcc:x@y.z",
            "<script>@example.com",
            "li\0n@example.com",
            "lin@example．com＠evil.com",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(Issue::InvalidFormat), "{text:?}");
        }
        assert_eq!(EmailAddress::parse("  "), Err(Issue::Required));
        assert_eq!(EmailAddress::parse(&format!("a@{}.com", "b".repeat(260))), Err(Issue::TooLong { max: 254 }));
        // Normalised it would be short enough; it is refused before that.
        let padded = format!("lin@example.com{}", " ".repeat(4096));
        assert_eq!(EmailAddress::parse(&padded), Err(Issue::TooLong { max: 254 }));
    }

    #[test]
    fn a_placeholder_is_an_address_that_says_so() {
        let placeholder = EmailAddress::placeholder("wechat-0011aabb");
        assert_eq!(EmailAddress::parse(placeholder.as_str()).as_ref(), Ok(&placeholder));
        assert!(placeholder.is_placeholder());
        assert!(!EmailAddress::parse("lin@example.com").unwrap().is_placeholder());
    }

    #[test]
    fn an_address_is_not_printed() {
        assert!(!format!("{:?}", EmailAddress::parse("lin@example.com").unwrap()).contains("lin"));
    }
}
