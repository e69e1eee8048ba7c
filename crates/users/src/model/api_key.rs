use chrono::{DateTime, Duration, Utc};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};
use sharestack_kernel::actor::{Actor, Credential, OWN_READ, OWN_WRITE};
use sharestack_kernel::field::{self, FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::{Permission, PermissionSet};
use sharestack_kernel::time;
use sharestack_kernel::uuid_id;

use super::TokenHash;
use super::token::{decode, encode};

uuid_id!(
    /// An API key.
    ApiKeyId
);

const PREFIX: &str = "ssk_";
/// What of a key's text is shown again: its kind, and 8 of its 43 letters. 208 random bits
/// stay hidden.
const SHOWN: usize = 12;
const MAX_NAME: usize = 100;
const MAX_SCOPES: usize = 50;
/// An end further away is as good as none: 100 years.
const MAX_DAYS: i64 = 36_525;

/// An API key as its owner holds it: 32 unguessable bytes.
#[derive(Debug)]
pub struct ApiKeySecret(SecretBox<[u8; 32]>);

impl ApiKeySecret {
    /// Wraps bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads a key; `None` when no key looks so.
    pub fn parse(text: &str) -> Option<Self> {
        decode(PREFIX, text).map(Self::new)
    }

    /// The text that its owner gets, once.
    pub fn text(&self) -> SecretString {
        encode(PREFIX, self.0.expose_secret())
    }

    /// The start of the text, by which people tell their keys apart.
    pub fn prefix(&self) -> String {
        self.text().expose_secret()[..SHOWN].to_owned()
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose_secret())
    }
}

/// What people call a key: 1 to 100 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// Reads a name; blanks around it are no part of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = field::length(text.trim().to_owned(), 1, MAX_NAME)?;
        if text.chars().any(char::is_control) {
            return Err(Issue::InvalidFormat);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key shall be like, as it was sent.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyInput {
    /// What people call it.
    pub name: Option<String>,
    /// What it may do: permissions or patterns.
    pub scopes: Option<Vec<String>>,
    /// When it ends; never when it is not said.
    pub expires_at: Option<String>,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRequest {
    /// What people call it.
    pub name: ApiKeyName,
    /// What it may do, in the order that was sent.
    pub scopes: Vec<Permission>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

impl ApiKeyInput {
    /// Checks every field.
    ///
    /// # Errors
    /// Every field that is missing or breaks a rule.
    pub fn parse(self) -> Result<ApiKeyRequest, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = check.required("name", self.name);
        let name = name.and_then(|text| check.check("name", ApiKeyName::parse(&text)));
        let scopes = check.required("scopes", self.scopes).and_then(|texts| parse_scopes(&mut check, &texts));
        let expires_at =
            self.expires_at.and_then(|text| check.check("expires_at", time::parse(&text).map(|time| time.to_utc())));
        match (name, scopes) {
            (Some(name), Some(scopes)) => check.finish().map(|()| ApiKeyRequest { name, scopes, expires_at }),
            _ => Err(check),
        }
    }
}

fn parse_scopes(check: &mut FieldErrors, texts: &[String]) -> Option<Vec<Permission>> {
    let issue = match texts.len() {
        0 => Some(Issue::TooShort { min: 1 }),
        n if n > MAX_SCOPES => Some(Issue::TooLong { max: MAX_SCOPES }),
        _ => None,
    };
    if let Some(issue) = issue {
        check.push("scopes", issue);
        return None;
    }
    let read = |(place, text): (usize, &String)| {
        check.check(&format!("scopes[{place}]"), Permission::parse(text).map_err(|_| Issue::InvalidFormat))
    };
    texts.iter().enumerate().map(read).collect::<Vec<_>>().into_iter().collect()
}

impl ApiKeyRequest {
    /// Refuses what `actor` cannot give away, and an end that no key can have. Everybody may
    /// give away what is their own (`own.read`, `own.write`).
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(&self, actor: &Actor, now: DateTime<Utc>) -> Result<(), FieldErrors> {
        let mut check = FieldErrors::new();
        for (place, scope) in self.scopes.iter().enumerate() {
            let own = [OWN_READ, OWN_WRITE, "own.*"].contains(&scope.as_str());
            if !own && !actor.may(scope.as_str()) {
                check.push(format!("scopes[{place}]"), Issue::NotAllowed { allowed: Vec::new() });
            }
        }
        let longest = now + Duration::days(MAX_DAYS);
        if self.expires_at.is_some_and(|at| at <= now || at > longest) {
            check.push("expires_at", Issue::NotAllowed { allowed: Vec::new() });
        }
        check.finish()
    }
}

/// A key to be inserted.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What people call it.
    pub name: ApiKeyName,
    /// The start of its text.
    pub prefix: String,
    /// What is kept of it.
    pub hash: TokenHash,
    /// What it may do.
    pub scopes: PermissionSet,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyView {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// The start of its text.
    pub prefix: String,
    /// What it may do, within what its owner may.
    pub scopes: PermissionSet,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A living key, with what its owner may do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHolder {
    /// The key.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// The names of the owner's roles, the highest first.
    pub roles: Vec<String>,
    /// What the roles together grant.
    pub permissions: PermissionSet,
    /// What the key is limited to.
    pub scopes: PermissionSet,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

impl KeyHolder {
    /// What the key's owner may and the key is for. What is their own everybody may.
    fn within_scopes(&self) -> PermissionSet {
        let own = [OWN_READ, OWN_WRITE].map(|text| Permission::parse(text).expect("a well-formed permission"));
        let held = self.permissions.iter().cloned().chain(own).collect::<PermissionSet>();
        held.intersection(&self.scopes)
    }
}

impl From<KeyHolder> for Actor {
    fn from(holder: KeyHolder) -> Self {
        let permissions = holder.within_scopes();
        Self {
            user_id: holder.user_id,
            credential: Credential::ApiKey(holder.id.get()),
            role: holder.roles.into_iter().next().unwrap_or_default(),
            permissions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_shows_its_start_only() {
        let key = ApiKeySecret::new([7; 32]);
        let text = key.text();
        assert_eq!(ApiKeySecret::parse(text.expose_secret()).unwrap().hash(), key.hash());
        assert!(text.expose_secret().starts_with(&key.prefix()));
        assert_eq!((key.prefix().len(), text.expose_secret().len()), (12, 47));
        assert!(!format!("{key:?}").contains('7'));
        for text in ["", "ssk_", "ssr_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", &"ssk_".repeat(1 << 18)] {
            assert!(ApiKeySecret::parse(text).is_none());
        }
    }

    #[test]
    fn every_broken_field_is_named() {
        let fields = |input: ApiKeyInput| -> Vec<String> {
            let errors = input.parse().unwrap_err();
            errors.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect()
        };
        assert_eq!(fields(ApiKeyInput::default()), ["name REQUIRED", "scopes REQUIRED"]);
        let scopes = ["photo.read", "Photo.read", "photo", "*"].map(str::to_owned).to_vec();
        let input = ApiKeyInput {
            name: Some("a\nb".to_owned()),
            scopes: Some(scopes),
            expires_at: Some("tomorrow".to_owned()),
        };
        assert_eq!(
            fields(input),
            [
                "name INVALID_FORMAT",
                "scopes[1] INVALID_FORMAT",
                "scopes[2] INVALID_FORMAT",
                "expires_at INVALID_FORMAT"
            ]
        );
        let many = ApiKeyInput {
            name: Some("名".repeat(101)),
            scopes: Some(vec!["photo.read".to_owned(); 51]),
            expires_at: None,
        };
        assert_eq!(fields(many), ["name TOO_LONG", "scopes TOO_LONG"]);
        let none = ApiKeyInput { name: Some("  ".to_owned()), scopes: Some(Vec::new()), expires_at: None };
        assert_eq!(fields(none), ["name REQUIRED", "scopes TOO_SHORT"]);
    }

    #[test]
    fn a_key_may_do_what_its_owner_may_and_it_is_for() {
        let set = |all: &[&str]| -> PermissionSet { all.iter().map(|text| Permission::parse(text).unwrap()).collect() };
        let actor = |permissions: &[&str], scopes: &[&str]| {
            let holder = KeyHolder {
                id: ApiKeyId::new(uuid::Uuid::from_u128(7)),
                user_id: UserId::new(1),
                roles: vec!["editor".to_owned(), "user".to_owned()],
                permissions: set(permissions),
                scopes: set(scopes),
                expires_at: None,
            };
            Actor::from(holder)
        };
        let editor = actor(&["photo.*", "tag.read"], &["photo.read", "tag.*", "own.read"]);
        assert_eq!((editor.role.as_str(), editor.session_id()), ("editor", None));
        assert_eq!(editor.permissions, set(&["photo.read", "tag.read", "own.read"]));
        assert_eq!(
            actor(&["photo.read"], &["photo.*", "own.*"]).permissions,
            set(&["photo.read", "own.read", "own.write"])
        );
        assert!(actor(&[], &["user.delete"]).permissions.is_empty());
    }
}
