//! Proof of who somebody is: JWT access tokens, argon2id password hashes, and refresh
//! tokens derived with a key.
//!
//! - [`Jwt`] implements `AccessTokens` with HS256 or Ed25519;
//! - [`Argon2Hasher`] implements `PasswordHasher` on a few threads, so that a storm of
//!   logins makes logins wait and nothing else;
//! - [`HmacDeriver`] implements `TokenDeriver`;
//! - [`RfcTotp`] implements `TotpCodes`;
//! - [`AesSealer`] implements the kernel's `Sealer`;
//! - `WebauthnCeremonies` implements `PasskeyCeremonies`, with the feature `passkeys`;
//! - [`connect`] makes an `IdentityProvider`: `OpenID` Connect by any issuer, GitHub, `WeChat`.
//!
//! ```
//! use std::sync::Arc;
//! use sharestack_identity::{Jwt, JwtAlgorithm, JwtConfig};
//! use sharestack_kernel::clock::SystemClock;
//!
//! let config = JwtConfig::new(JwtAlgorithm::Hs256, "a secret of at least thirty-two bytes".into());
//! let jwt = Jwt::try_new(&config, Arc::new(SystemClock)).unwrap();
//! # drop(jwt);
//! ```
//!
//! To add a kind of proof: declare its port in the users crate, and implement it in a
//! file of its own here.

mod argon2;
mod config;
mod deriver;
mod error;
mod jwt;
mod keyed;
mod oauth;
#[cfg(feature = "passkeys")]
mod passkeys;
mod sealer;
mod totp;

pub use argon2::Argon2Hasher;
pub use config::{Argon2Config, JwtAlgorithm, JwtConfig};
pub use deriver::HmacDeriver;
pub use error::ConfigError;
pub use jwt::Jwt;
pub use keyed::HmacKeyedHash;
pub use oauth::{ProviderConfig, ProviderHttp, connect};
#[cfg(feature = "passkeys")]
pub use passkeys::{PasskeyConfig, WebauthnCeremonies};
pub use sealer::AesSealer;
pub use totp::RfcTotp;
