use sharestack_kernel::field::{self, FieldErrors, Issue};
use sharestack_kernel::patch::Patch;

macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $parse:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Reads it; blanks around it are dropped.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn parse(text: &str) -> Result<Self, Issue> {
                let parse: fn(String) -> Result<String, Issue> = $parse;
                parse(text.trim().to_owned()).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text!(
    /// The name that others see: 1 to 100 characters on one line.
    DisplayName,
    |text| {
        let text = field::length(text, 1, 100)?;
        if text.chars().any(char::is_control) { Err(Issue::InvalidFormat) } else { Ok(text) }
    }
);
text!(
    /// A telephone number: 5 to 15 digits, with an optional `+`, blanks, dots, dashes
    /// and brackets between them.
    Phone,
    |text| {
        let text = field::length(text, 1, 32)?;
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let rest = text.strip_prefix('+').unwrap_or(&text);
        let allowed = rest.chars().all(|c| c.is_ascii_digit() || " -.()".contains(c));
        if allowed && (5..=15).contains(&digits) { Ok(text) } else { Err(Issue::InvalidFormat) }
    }
);
text!(
    /// What somebody says of themselves: up to 500 characters.
    Bio,
    |text| field::length(text, 1, 500)
);
text!(
    /// Where a picture is: an `http` or `https` address of up to 2048 characters.
    AvatarUrl,
    |text| {
        let text = field::length(text, 1, 2048)?;
        let host = ["https://", "http://"].iter().find_map(|scheme| {
            text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &text[scheme.len()..])
        });
        let valid = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':', '@']))
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c));
        if valid { Ok(text) } else { Err(Issue::InvalidFormat) }
    }
);

/// What a user may say of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The name that others see.
    pub display_name: Option<DisplayName>,
    /// A telephone number.
    pub phone: Option<Phone>,
    /// A few words.
    pub bio: Option<Bio>,
    /// A picture.
    pub avatar_url: Option<AvatarUrl>,
}

/// A profile as it comes in a body, with both names of each pair.
#[derive(Debug, Clone, Default)]
pub struct ProfileInput {
    /// The name, as S1 calls it.
    pub full_name: Patch<String>,
    /// The name, as S3 calls it.
    pub display_name: Patch<String>,
    /// The telephone number.
    pub phone: Patch<String>,
    /// The few words.
    pub bio: Patch<String>,
    /// The picture, as S1 calls it.
    pub avatar: Patch<String>,
    /// The picture, as S3 calls it.
    pub avatar_url: Patch<String>,
}

impl ProfileInput {
    /// Reads a new profile, noting what is wrong in `check`; an empty text is no value.
    pub fn parse(self, check: &mut FieldErrors) -> Profile {
        let (name, avatar) = self.names(check);
        Profile {
            display_name: value(check, name, DisplayName::parse),
            phone: value(check, ("phone", self.phone), Phone::parse),
            bio: value(check, ("bio", self.bio), Bio::parse),
            avatar_url: value(check, avatar, AvatarUrl::parse),
        }
    }
}

impl ProfileInput {
    /// The two fields that come under either of two names.
    pub(super) fn names(&self, check: &mut FieldErrors) -> (Named, Named) {
        let name = either(check, ("full_name", &self.full_name), ("display_name", &self.display_name));
        (name, either(check, ("avatar", &self.avatar), ("avatar_url", &self.avatar_url)))
    }
}

pub(super) type Named = (&'static str, Patch<String>);

/// One value of the two names it may come under; two different ones are an error.
fn either(
    check: &mut FieldErrors,
    first: (&'static str, &Patch<String>),
    second: (&'static str, &Patch<String>),
) -> Named {
    if second.1.is_keep() {
        return (first.0, first.1.clone());
    }
    if !first.1.is_keep() && first.1 != second.1 {
        check.push(second.0, Issue::Mismatch { other: first.0 });
    }
    (second.0, second.1.clone())
}

fn value<T>(check: &mut FieldErrors, (name, patch): Named, parse: fn(&str) -> Result<T, Issue>) -> Option<T> {
    match patch {
        Patch::Set(text) if !text.trim().is_empty() => check.check(name, parse(&text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Patch<String> {
        Patch::Set(text.to_owned())
    }

    #[test]
    fn either_name_of_a_pair_is_read() {
        let mut check = FieldErrors::new();
        let input = ProfileInput {
            full_name: set("林"),
            avatar_url: set("https://example.com/a.jpg"),
            avatar: set("https://example.com/a.jpg"),
            bio: set(" "),
            phone: Patch::Clear,
            ..ProfileInput::default()
        };
        let profile = input.parse(&mut check);
        assert!(check.is_empty());
        assert_eq!(profile.display_name.as_ref().map(DisplayName::as_str), Some("林"));
        assert_eq!(profile.avatar_url.as_ref().map(AvatarUrl::as_str), Some("https://example.com/a.jpg"));
        assert_eq!((profile.bio, profile.phone), (None, None));
    }

    #[test]
    fn two_different_values_of_a_pair_are_an_error() {
        let mut check = FieldErrors::new();
        let input = ProfileInput { full_name: set("林"), display_name: set("王"), ..ProfileInput::default() };
        input.parse(&mut check);
        let error = check.iter().next().unwrap();
        assert_eq!((error.field.as_str(), error.issue.code()), ("display_name", "MISMATCH"));
    }

    #[test]
    fn pictures_are_web_addresses() {
        for text in ["javascript:alert(1)", "/a.jpg", "https://", "https:///a", "data:image/png;base64,x", "http://a b"]
        {
            assert_eq!(AvatarUrl::parse(text), Err(Issue::InvalidFormat), "{text}");
        }
        assert_eq!(AvatarUrl::parse(&format!("http://{}", "a".repeat(2048))), Err(Issue::TooLong { max: 2048 }));
        assert!(AvatarUrl::parse("HTTPS://例子.公司/头像.png?s=1#x").is_ok());
    }

    #[test]
    fn telephone_numbers_have_digits() {
        for text in ["+86 138 0013 8000", "(021) 5555-1234", "13800138000"] {
            assert!(Phone::parse(text).is_ok(), "{text}");
        }
        for text in ["1234", "call me maybe", "1380013800013800", "+86+138000000"] {
            assert_eq!(Phone::parse(text), Err(Issue::InvalidFormat), "{text}");
        }
    }
}
