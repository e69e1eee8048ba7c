//! No extractor, no access: identity, permission, validated bodies and queries.

mod api_key;
mod auth;
mod body;
mod by_name;
mod fields;
mod header;
mod known;
mod page;
mod path;
mod query;

pub use api_key::{KeyHolder, api_key};
pub use auth::{Auth, MaybeAuth, RecentAuth, SessionAuth, SignedToken, actor, bearer};
pub use body::{Body, FormOrBody, OptionalBody, read as read_body, read_at_most, refuse_coded};
pub use fields::{option, set};
pub use header::{ClientInfo, IdempotencyKey, IfMatch, idempotency_key};
pub use page::{PageQuery, parse_limit, parse_page};
pub use path::{NumericId, Ref, UuidId};
pub use query::Params;

use percent_encoding::percent_decode;
use sharestack_kernel::field::FieldErrors;

use crate::wiring::App;

/// Whether what may be percent-encoded is UTF-8.
pub fn is_text(encoded: &[u8]) -> bool {
    percent_decode(encoded).decode_utf8().is_ok()
}

/// A request type that becomes what a service takes, or all that is wrong with it.
pub trait Parse {
    /// What the service takes.
    type Output;

    /// Whether a query may name parameters that the type does not know: where somebody
    /// else makes the address.
    const TAKES_OTHERS: bool = false;

    /// Checks every field.
    ///
    /// # Errors
    /// Every field that is missing or breaks a rule.
    fn parse(self) -> Result<Self::Output, FieldErrors>;
}

/// A body whose rules depend on what this server has switched on.
pub trait ParseAt {
    /// What the service takes.
    type Output;

    /// Checks every field.
    ///
    /// # Errors
    /// Every field that is missing or breaks a rule.
    fn parse_at(self, app: &App) -> Result<Self::Output, FieldErrors>;
}

impl<T: Parse> ParseAt for T {
    type Output = <T as Parse>::Output;

    fn parse_at(self, _app: &App) -> Result<Self::Output, FieldErrors> {
        self.parse()
    }
}
