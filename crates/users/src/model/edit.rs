use serde::{Deserialize, Serialize};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::version::Versions;

use super::{AvatarUrl, Bio, DisplayName, EmailAddress, Phone, ProfileInput, Username};

/// An account as an edit finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// The name it signs in with.
    pub username: String,
    /// Its address.
    pub email: String,
    /// The address it shall have once that is proven.
    pub pending_email: Option<String>,
    /// Where its picture is.
    pub avatar_url: Option<String>,
    /// The picture, when it is kept here.
    pub avatar_file: Option<String>,
    /// Whether it may be used.
    pub is_active: bool,
    /// Counts edits.
    pub version: i64,
}

impl AccountRecord {
    /// Whether a change for these versions may find it; any will do when none is said.
    pub fn is_among(&self, versions: Option<&Versions>) -> bool {
        versions.is_none_or(|versions| versions.admit(self.version))
    }
}

/// A picture of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avatar {
    /// Where it is.
    pub url: AvatarUrl,
    /// What it is called here; `None` when it is kept elsewhere.
    pub file: Option<String>,
}

/// What becomes of an account. What is kept stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// The name to sign in with.
    pub username: Option<Username>,
    /// The address.
    pub email: Option<EmailAddress>,
    /// The address to be proven.
    pub pending_email: Patch<EmailAddress>,
    /// Whether the address is known to be theirs.
    pub is_verified: Option<bool>,
    /// Whether it may be used.
    pub is_active: Option<bool>,
    /// The name that others see.
    pub display_name: Patch<DisplayName>,
    /// The telephone number.
    pub phone: Patch<Phone>,
    /// The few words.
    pub bio: Patch<Bio>,
    /// The picture.
    pub avatar: Patch<Avatar>,
}

impl AccountChange {
    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A profile's fields as they shall be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileChange {
    /// The name that others see.
    pub display_name: Patch<DisplayName>,
    /// The telephone number.
    pub phone: Patch<Phone>,
    /// The few words.
    pub bio: Patch<Bio>,
    /// Where the picture is.
    pub avatar_url: Patch<AvatarUrl>,
}

impl ProfileInput {
    /// Reads a change, noting what is wrong in `check`; an empty text clears.
    pub fn change(self, check: &mut FieldErrors) -> ProfileChange {
        let (name, avatar) = self.names(check);
        ProfileChange {
            display_name: patch(check, name, DisplayName::parse),
            phone: patch(check, ("phone", self.phone), Phone::parse),
            bio: patch(check, ("bio", self.bio), Bio::parse),
            avatar_url: patch(check, avatar, AvatarUrl::parse),
        }
    }
}

fn patch<T>(
    check: &mut FieldErrors,
    (name, value): (&'static str, Patch<String>),
    parse: fn(&str) -> Result<T, Issue>,
) -> Patch<T> {
    match value {
        Patch::Keep => Patch::Keep,
        Patch::Set(text) if !text.trim().is_empty() => check.check(name, parse(&text)).map_or(Patch::Keep, Patch::Set),
        Patch::Clear | Patch::Set(_) => Patch::Clear,
    }
}

/// What a user wants changed of their own account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SelfChange {
    /// The name to sign in with.
    pub username: Option<Username>,
    /// The address; it is theirs only once it is proven.
    pub email: Option<EmailAddress>,
    /// The rest.
    pub profile: ProfileChange,
    /// Only when these admit the version of the account.
    pub if_version: Option<Versions>,
}

/// The same as it comes in a body.
#[derive(Debug, Clone, Default)]
pub struct SelfChangeInput {
    /// The name to sign in with.
    pub username: Patch<String>,
    /// The address.
    pub email: Patch<String>,
    /// The rest.
    pub profile: ProfileInput,
}

impl SelfChangeInput {
    /// Reads all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule. Name and address cannot be cleared.
    pub fn parse(self) -> Result<SelfChange, FieldErrors> {
        let mut check = FieldErrors::new();
        let change = SelfChange {
            username: given(&mut check, "username", self.username, Username::parse),
            email: given(&mut check, "email", self.email, EmailAddress::parse),
            profile: self.profile.change(&mut check),
            if_version: None,
        };
        check.finish().map(|()| change)
    }
}

fn given<T>(
    check: &mut FieldErrors,
    name: &'static str,
    value: Patch<String>,
    parse: fn(&str) -> Result<T, Issue>,
) -> Option<T> {
    match value {
        Patch::Keep => None,
        Patch::Clear => {
            check.push(name, Issue::Required);
            None
        }
        Patch::Set(text) => check.check(name, parse(&text)),
    }
}

/// What stands between an account and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// What it is, for example `balance`.
    pub kind: String,
    /// How much of it, in minor units, when it is money.
    pub amount: Option<i64>,
    /// Its currency, when it is money.
    pub currency: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Patch<String> {
        Patch::Set(text.to_owned())
    }

    #[test]
    fn a_change_keeps_clears_and_sets() {
        let input = SelfChangeInput {
            email: set("New@Example.com"),
            profile: ProfileInput {
                full_name: set("林"),
                phone: Patch::Clear,
                bio: set("  "),
                ..ProfileInput::default()
            },
            ..SelfChangeInput::default()
        };
        let change = input.parse().unwrap();
        assert_eq!(change.username, None);
        assert_eq!(change.email.unwrap().key(), "new@example.com");
        assert_eq!(change.profile.display_name, Patch::Set(DisplayName::parse("林").unwrap()));
        assert_eq!((change.profile.phone, change.profile.bio), (Patch::Clear, Patch::Clear));
        assert_eq!(change.profile.avatar_url, Patch::Keep);
        assert!(AccountChange::default().is_empty());
    }

    #[test]
    fn every_broken_field_is_named_at_once() {
        let input = SelfChangeInput {
            username: set("a"),
            email: Patch::Clear,
            profile: ProfileInput {
                full_name: set("林"),
                display_name: set("王"),
                phone: set("call me"),
                avatar_url: set("javascript:alert(1)"),
                ..ProfileInput::default()
            },
        };
        let errors = input.parse().unwrap_err();
        let found: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.issue.code())).collect();
        assert_eq!(
            found,
            [
                ("username", "TOO_SHORT"),
                ("email", "REQUIRED"),
                ("display_name", "MISMATCH"),
                ("phone", "INVALID_FORMAT"),
                ("avatar_url", "INVALID_FORMAT")
            ]
        );
    }
}
