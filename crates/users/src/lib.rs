//! Who people are to the product: accounts, roles, and signed-in sessions.
//!
//! * [`model`] holds what cannot hold a wrong value: [`model::Username`],
//!   [`model::EmailAddress`], [`model::NewPassword`], the built-in roles, the rule of
//!   refresh tokens;
//! * [`ports`] says what an adapter owes;
//! * [`service`] is what a caller uses: [`service::Accounts`], [`service::Sessions`],
//!   [`service::SessionChecks`].
//!
//! Text is parsed at the edge, with every broken field reported at once:
//!
//! ```
//! use sharestack_kernel::patch::Patch;
//! use sharestack_users::model::{ProfileInput, RegistrationInput};
//!
//! let command = RegistrationInput {
//!     username: Some("lin".to_owned()),
//!     email: Some("Lin@Example.com".to_owned()),
//!     password: Some("correct horse 电池".to_owned()),
//!     profile: ProfileInput { full_name: Patch::Set("林".to_owned()), ..ProfileInput::default() },
//! }
//! .parse()
//! .unwrap();
//! assert_eq!(command.email.key(), "lin@example.com");
//! assert_eq!(command.profile.display_name.unwrap().as_str(), "林");
//! ```
//!
//! To add a capability: put its rule on a type in `model`, what it needs of the outside
//! into `ports` (each MUST becomes a case of the conformance crate), and the verb into
//! `service`. The feature `mocks` exports a mock of every port and `memory`, a whole
//! store that forgets.
#![warn(missing_docs)]

pub mod error;
pub mod events;
#[cfg(any(test, feature = "mocks"))]
pub mod memory;
pub mod model;
pub mod ports;
pub mod service;
