//! Types that cannot hold a wrong value, and the rules as their methods.

mod account;
mod email;
mod login;
mod password;
mod profile;
mod registration;
mod role;
mod session;
mod token;
mod username;

pub use account::{AccountState, Credentials, NewAccount, UserView};
pub use email::EmailAddress;
pub use login::LoginName;
pub use password::{NewPassword, Password, PasswordHash};
pub use profile::{AvatarUrl, Bio, DisplayName, Phone, Profile, ProfileInput};
pub use registration::{Registration, RegistrationInput};
pub use role::{BuiltInRole, InvalidRoleName, Role, RoleId, RoleName};
pub use session::{Client, NewRefreshToken, NewSession, Presented, SessionPolicy, SessionView, StoredRefreshToken};
pub use token::{RefreshSecret, TokenHash};
pub use username::Username;

use unicode_normalization::UnicodeNormalization;

/// The form by which two texts are the same to people: compatibility forms, letter case
/// and composition do not tell them apart. Uniqueness is decided by it, so that no
/// database's collation does.
fn fold(text: &str) -> String {
    // Upper, then lower, letter by letter: full case folding but for a few scripts that
    // have no upper case, and without the final sigma's rule, which looks at its neighbours.
    let folded = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}
