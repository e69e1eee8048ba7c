use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_users::error::{IssueError, TokenError};
use sharestack_users::ports::{AccessTokens, Claims};
use uuid::Uuid;

use crate::config::{JwtAlgorithm, JwtConfig};
use crate::error::ConfigError;

/// Ours have some 350 bytes; what is much longer is not worth a look.
const MAX_LENGTH: usize = 8 * 1024;

/// How far the clock of another node may be behind: a token is good there at once. What says
/// itself that it is not good yet is refused to the second.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// Access tokens as signed JWT. Only the configured algorithm is accepted, whatever a
/// token's header says.
pub struct Jwt {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    sub: String,
    sid: Uuid,
    iss: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Jwt {
    /// Tokens by this configuration.
    ///
    /// # Errors
    /// When the key does not fit the algorithm.
    pub fn try_new(config: &JwtConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let secret = config.secret.expose_secret();
        if secret.is_empty() {
            return Err(ConfigError::EmptySecret);
        }
        let (algorithm, encoding, decoding) = match config.algorithm {
            JwtAlgorithm::Hs256 => {
                let bytes = secret.as_bytes();
                (Algorithm::HS256, EncodingKey::from_secret(bytes), DecodingKey::from_secret(bytes))
            }
            JwtAlgorithm::EdDsa => {
                let (encoding, decoding) = ed25519(secret)?;
                (Algorithm::EdDSA, encoding, decoding)
            }
        };
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.leeway = 0;
        // Times are compared below, by our clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            header: Header::new(algorithm),
            encoding,
            decoding,
            validation,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            clock,
        })
    }
}

/// The two halves of a private key.
fn ed25519(pem: &str) -> Result<(EncodingKey, DecodingKey), ConfigError> {
    let key = |error: jsonwebtoken::errors::Error| ConfigError::Key(Box::new(error));
    let encoding = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(key)?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(encoding.as_bytes());
    let pair = pair.map_err(|error| ConfigError::Key(Box::new(error)))?;
    let decoding = DecodingKey::from_ed_der(pair.public_key().as_ref());
    Ok((encoding, decoding))
}

impl AccessTokens for Jwt {
    fn issue(&self, claims: &Claims) -> Result<String, IssueError> {
        let payload = Payload {
            sub: claims.user_id.to_string(),
            sid: claims.session_id.get(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            iat: claims.issued_at.timestamp(),
            nbf: (claims.issued_at - SKEW).timestamp(),
            exp: claims.expires_at.timestamp(),
        };
        encode(&self.header, &payload, &self.encoding).map_err(|error| IssueError(Box::new(error)))
    }

    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::Invalid);
        }
        let data = decode::<Payload>(token, &self.decoding, &self.validation).map_err(|_| TokenError::Invalid)?;
        let payload = data.claims;
        let now = self.clock.now().timestamp();
        if payload.nbf > now {
            return Err(TokenError::Invalid);
        }
        let user = payload.sub.parse().map_err(|_| TokenError::Invalid)?;
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenError::Invalid);
        let claims = Claims {
            user_id: UserId::new(user),
            session_id: SessionId::new(payload.sid),
            issued_at: time(payload.iat)?,
            expires_at: time(payload.exp)?,
        };
        if payload.exp <= now {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests;
