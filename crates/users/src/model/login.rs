use super::{EmailAddress, Username};

/// What somebody signs in with: a username, or an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// A username: it never holds an `@`.
    Username(Username),
    /// An address.
    Email(EmailAddress),
}

impl LoginName {
    /// Reads either; `None` when no account can have it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(['@', '＠']) {
            return EmailAddress::parse(text).ok().map(Self::Email);
        }
        Username::known(text).ok().map(Self::Username)
    }

    /// As it is compared.
    pub fn key(&self) -> &str {
        match self {
            Self::Username(name) => name.key(),
            Self::Email(email) => email.key(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_at_sign_tells_them_apart() {
        assert!(matches!(LoginName::parse("Lin"), Some(LoginName::Username(name)) if name.key() == "lin"));
        assert!(matches!(LoginName::parse("L@x.cn"), Some(LoginName::Email(email)) if email.key() == "l@x.cn"));
        assert_eq!(LoginName::parse("' OR 1=1 --"), None);
        assert_eq!(LoginName::parse("@"), None);
    }
}
