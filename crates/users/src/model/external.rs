use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sharestack_kernel::id::UserId;
use sharestack_kernel::uuid_id;

use super::{AvatarUrl, DisplayName, EmailAddress, Profile};

uuid_id!(
    /// A linked identity.
    IdentityId
);

/// The name that a provider has in the configuration and in paths, for example `google`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderName(String);

impl ProviderName {
    /// Reads a name of 1 to 32 small letters, digits, `-` and `_`, a letter first.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        let valid = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(letters);
        valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose account at the provider it is: the provider's own id, never an address or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

impl Subject {
    /// Reads an id of 1 to 255 printable ASCII characters, as `OpenID` Connect bounds it.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a provider vouches for, after everything in its answer was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderProfile {
    /// Whose account it is.
    pub subject: Subject,
    /// The address that the provider knows.
    pub email: Option<EmailAddress>,
    /// Whether the provider has made sure that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<DisplayName>,
    /// Their picture.
    pub avatar_url: Option<AvatarUrl>,
    /// What they are called there, if it can be a username here.
    pub username: Option<String>,
}

impl ProviderProfile {
    /// A profile of which only the subject is known.
    pub const fn of(subject: Subject) -> Self {
        Self { subject, email: None, email_verified: false, name: None, avatar_url: None, username: None }
    }

    /// With an address; what is no address is none. One that is another here than there was
    /// proven there, and not here.
    pub fn email(mut self, text: Option<&str>, verified: bool) -> Self {
        self.email = text.and_then(|text| EmailAddress::parse(text).ok());
        self.email_verified = verified && self.email.as_ref().map(EmailAddress::as_str) == text && text.is_some();
        self
    }

    /// With a name, cut to what fits.
    pub fn name(mut self, text: Option<&str>) -> Self {
        let clean = |text: &str| text.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
        self.name = text.and_then(|text| DisplayName::parse(&clean(text)).ok());
        self
    }

    /// With a picture; what is no web address is none.
    pub fn avatar(mut self, text: Option<&str>) -> Self {
        self.avatar_url = text.and_then(|text| AvatarUrl::parse(text).ok());
        self
    }

    /// With the name of the account there.
    pub fn username(mut self, text: Option<&str>) -> Self {
        self.username = text.map(|text| text.chars().take(64).collect());
        self
    }

    /// What a new account starts with.
    pub fn profile(&self) -> Profile {
        Profile { display_name: self.name.clone(), avatar_url: self.avatar_url.clone(), ..Profile::default() }
    }

    /// What a username is made of: the name of the account there, else the name of the
    /// person. Never the address: usernames are public.
    pub fn username_base(&self) -> String {
        let texts = [self.username.as_deref(), self.name.as_ref().map(DisplayName::as_str)];
        let fit = |text: &str| {
            let text: String = text
                .trim()
                .chars()
                .map(|c| if c.is_whitespace() { '_' } else { c })
                .filter(|c| c.is_alphanumeric() || "._-".contains(*c))
                .take(36)
                .collect();
            let text = text.trim_matches(['.', '_', '-']).to_owned();
            (!text.is_empty()).then_some(text)
        };
        texts.into_iter().flatten().find_map(fit).unwrap_or_else(|| "user".to_owned())
    }
}

/// An account at a provider that opens an account here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// Its id.
    pub id: IdentityId,
    /// Whose it is here.
    pub user_id: UserId,
    /// Where it is.
    pub provider: ProviderName,
    /// Whose it is there.
    pub subject: Subject,
    /// The address that the provider told last.
    pub email: Option<String>,
    /// Whether the provider vouched for the address.
    pub email_verified: bool,
    /// The name that the provider told last.
    pub name: Option<String>,
    /// The picture that the provider told last.
    pub avatar_url: Option<String>,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// When it last opened the account.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ExternalIdentity {
    /// Links what the provider vouched for to a user.
    pub fn link(
        id: IdentityId,
        user_id: UserId,
        provider: ProviderName,
        profile: &ProviderProfile,
        now: DateTime<Utc>,
    ) -> Self {
        let identity = Self {
            id,
            user_id,
            provider,
            subject: profile.subject.clone(),
            email: None,
            email_verified: false,
            name: None,
            avatar_url: None,
            linked_at: now,
            last_used_at: None,
        };
        identity.told(profile)
    }

    /// With what the provider tells now.
    pub fn told(mut self, profile: &ProviderProfile) -> Self {
        self.email = profile.email.as_ref().map(|email| email.as_str().to_owned());
        self.email_verified = profile.email_verified;
        self.name = profile.name.clone().map(Into::into);
        self.avatar_url = profile.avatar_url.clone().map(Into::into);
        self
    }
}

/// By what somebody can get into their account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WaysIn {
    /// Whether there is a password.
    pub password: bool,
    /// How many identities are linked.
    pub identities: u64,
    /// How many passkeys there are.
    pub passkeys: u64,
}

impl WaysIn {
    /// Whether one of them may go and another is left.
    pub const fn can_lose_one(self) -> bool {
        self.password as u64 + self.identities + self.passkeys > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> ProviderProfile {
        ProviderProfile::of(Subject::parse("sub").unwrap())
    }

    #[test]
    fn a_provider_has_a_plain_name() {
        for text in ["google", "git-hub_2", "a"] {
            assert_eq!(ProviderName::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "Google", "1st", "-x", "a b", "../x", "名", &"a".repeat(33)] {
            assert_eq!(ProviderName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_subject_is_short_and_printable() {
        assert!(Subject::parse(&"x".repeat(255)).is_some());
        for text in ["", "a\0", "a\n", "名", &"x".repeat(256)] {
            assert_eq!(Subject::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_a_provider_tells_is_cut_to_what_fits() {
        let told = profile()
            .email(Some("Lin@Example.com"), true)
            .name(Some(&format!("林\n{}", "长".repeat(200))))
            .avatar(Some("javascript:alert(1)"));
        assert_eq!(told.email.as_ref().map(EmailAddress::key), Some("lin@example.com"));
        assert!(told.email_verified);
        assert_eq!(told.name.unwrap().as_str().chars().count(), 100);
        assert_eq!(told.avatar_url, None);
        let nobody = profile().email(Some("no address"), true);
        assert_eq!((nobody.email, nobody.email_verified), (None, false));
    }

    #[test]
    fn a_username_is_made_of_names_and_never_of_the_address() {
        let base = |profile: ProviderProfile| profile.username_base();
        assert_eq!(base(profile().username(Some("octo-cat")).name(Some("The Cat"))), "octo-cat");
        assert_eq!(base(profile().name(Some("林 小红"))), "林_小红");
        assert_eq!(base(profile().username(Some("<>@!"))), "user");
        assert_eq!(base(profile().username(Some("--x--")).email(Some("secret@example.com"), true)), "x");
        assert_eq!(base(profile().username(Some(&"x".repeat(500)))).len(), 36);
    }

    #[test]
    fn the_last_way_in_stays() {
        let ways = |password, identities, passkeys| WaysIn { password, identities, passkeys }.can_lose_one();
        assert!(!ways(false, 1, 0) && !ways(true, 0, 0) && !ways(false, 0, 1));
        assert!(ways(true, 1, 0) && ways(false, 2, 0) && ways(false, 1, 1));
    }
}
