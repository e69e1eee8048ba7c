//! Short texts and the price of an article.

use sharestack_kernel::field::{FieldErrors, Issue, length};
use sharestack_kernel::money::{Currency, Money};

/// The highest price in minor units.
const MAX_PRICE: i64 = 100_000_000;

macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $min:literal, $max:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Trims the text and checks its length.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn parse(text: String) -> Result<Self, Issue> {
                let trimmed = text.trim();
                let text = if trimmed.len() == text.len() { text } else { trimmed.to_owned() };
                length(text, $min, $max).map(Self)
            }

            /// A text that a store kept: it was checked when it was written.
            pub const fn stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(
    /// An article's title: 1 to 200 characters.
    Title, 1, 200
);
text!(
    /// What the author says an article is about: up to 500 characters.
    Summary, 0, 500
);
text!(
    /// A title for search engines: up to 200 characters.
    SeoTitle, 0, 200
);
text!(
    /// A description for search engines: up to 500 characters.
    SeoDescription, 0, 500
);

/// Where a cover picture is: an `http` or `https` URL of up to 2048 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverUrl(String);

impl CoverUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is too long, not a URL, of another scheme, or names a user.
    pub fn parse(text: String) -> Result<Self, Issue> {
        let text = length(text, 1, 2048)?;
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\')) {
            return Err(Issue::InvalidFormat);
        }
        let url = ammonia::Url::parse(&text).map_err(|_| Issue::InvalidFormat)?;
        let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !plain || !url.username().is_empty() || url.password().is_some() {
            return Err(Issue::InvalidFormat);
        }
        Ok(Self(text))
    }

    /// A URL that a store kept: it was checked when it was written.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one article costs alone, as somebody asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    amount: i64,
    currency: Option<Currency>,
}

impl Price {
    /// Reads minor units and an ISO 4217 code.
    ///
    /// # Errors
    /// A price that is not positive or too high, a currency that is not taken.
    pub fn parse(amount: i64, currency: Option<&str>) -> Result<Self, FieldErrors> {
        let mut check = FieldErrors::new();
        check.range("price", amount, 1, MAX_PRICE);
        let currency = currency.and_then(|code| check.check("currency", self::currency(code)));
        check.finish().map(|()| Self { amount, currency })
    }

    /// The amount in its currency: the one that was named, or the one of the price before
    /// it, or renminbi.
    pub fn money(self, before: Option<Money>) -> Money {
        let currency = self.currency.or(before.map(Money::currency)).unwrap_or(Currency::Cny);
        Money::new(self.amount, currency)
    }
}

/// Reads a currency's code, in either case.
fn currency(code: &str) -> Result<Currency, Issue> {
    Currency::parse(&code.to_ascii_uppercase())
        .ok_or_else(|| Issue::not_allowed(Currency::ALL.iter().map(|currency| currency.code())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_trimmed_and_counted_in_characters() {
        assert_eq!(Title::parse("  标题 ".to_owned()).unwrap().as_str(), "标题");
        assert!(Title::parse("题".repeat(200)).is_ok());
        assert_eq!(Title::parse("题".repeat(201)), Err(Issue::TooLong { max: 200 }));
        assert_eq!(Title::parse(" \n ".to_owned()), Err(Issue::Required));
        assert_eq!(Title::parse("a\0b".to_owned()), Err(Issue::InvalidFormat));
    }

    #[test]
    fn covers_are_web_addresses() {
        for good in ["https://cdn.example.com/封面.jpg?x=1", "http://127.0.0.1:9000/a.png"] {
            assert!(CoverUrl::parse(good.to_owned()).is_ok(), "{good}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2048));
        let hidden = "https://me:secret@example.com/";
        for bad in [
            "",
            "x",
            "/a.png",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "ftp://a/b",
            "https://",
            hidden,
            &long,
            "https://a/\"><script>",
        ] {
            assert!(CoverUrl::parse(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_price_is_positive_money() {
        let dollars = Money::new(1, Currency::Usd);
        assert_eq!(Price::parse(990, None).unwrap().money(None), Money::new(990, Currency::Cny));
        assert_eq!(Price::parse(990, None).unwrap().money(Some(dollars)).currency(), Currency::Usd);
        assert_eq!(Price::parse(990, Some("eur")).unwrap().money(Some(dollars)).currency(), Currency::Eur);
        let errors = Price::parse(0, Some("XXX")).unwrap_err();
        let found: Vec<_> = errors.iter().map(|e| (e.field.as_str(), e.issue.code())).collect();
        assert_eq!(found, [("price", "OUT_OF_RANGE"), ("currency", "NOT_ALLOWED")]);
    }
}
