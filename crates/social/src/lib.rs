//! Who follows whom, and who wants to hear nothing of whom.
//!
//! - [`model`] holds the rules: nobody relates to themselves, what others see of a list.
//! - [`ports`] is what social asks for: a transaction ([`ports::SocialTx`]), queries
//!   ([`ports::RelationQueries`]), and what people show of themselves
//!   ([`ports::FollowPrivacy`]).
//! - [`service`] is what a caller uses.
//! - Feature `mocks` exports mocks of the ports and `memory`, a store without a database.
//!
//! ```
//! use std::sync::Arc;
//!
//! use sharestack_kernel::clock::SystemClock;
//! use sharestack_kernel::id::{IdGenerator, UserId};
//! use sharestack_kernel::tx::Begin;
//! use sharestack_social::error::RelateError;
//! use sharestack_social::ports::SocialTx;
//! use sharestack_social::service::{Blocks, Follows, Social};
//!
//! async fn change_of_heart(
//!     store: Arc<dyn Begin<dyn SocialTx>>,
//!     ids: Arc<dyn IdGenerator>,
//! ) -> Result<(), RelateError> {
//!     let social = Social::new(store, ids, Arc::new(SystemClock));
//!     let (wei, lin) = (UserId::new(7), UserId::new(8));
//!     Follows::new(social.clone()).follow(wei, lin).await?;
//!     // A block ends what there was between the two.
//!     Blocks::new(social).block(lin, wei).await
//! }
//! ```
#![warn(missing_docs)]

pub mod error;
pub mod events;
#[cfg(any(test, feature = "mocks"))]
pub mod memory;
pub mod model;
pub mod ports;
pub mod service;
