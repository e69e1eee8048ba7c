use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::ProviderError;
use crate::model::{ProviderName, ProviderProfile};

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// `OpenID` Connect, found by its issuer.
    Oidc,
    /// GitHub's REST API.
    GitHub,
    /// `WeChat`'s own form of OAuth.
    WeChat,
}

impl ProviderKind {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::GitHub => "github",
            Self::WeChat => "wechat",
        }
    }
}

/// A provider, as people choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// Its name in the configuration.
    pub name: ProviderName,
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// What it is called.
    pub display_name: String,
}

/// What a login goes out with.
#[derive(Clone)]
pub struct AuthorizeRequest {
    /// What the provider gives back with the code.
    pub state: String,
    /// What the id token must repeat.
    pub nonce: String,
    /// What the challenge is made of.
    pub verifier: String,
}

/// What a login comes back with, and what it went out with.
#[derive(Clone)]
pub struct CallbackProof {
    /// The provider's code.
    pub code: SecretString,
    /// Who says that it is the issuer (RFC 9207), when anybody does.
    pub issuer: Option<String>,
    /// What the id token must repeat.
    pub nonce: String,
    /// What the challenge was made of.
    pub verifier: String,
}

/// A service that vouches for people.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// What people see of it.
    fn info(&self) -> &ProviderInfo;

    /// Where the browser goes. Answers within seconds, or says that the provider does not.
    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ProviderError>;

    /// Who the provider says has come.
    ///
    /// MUST answer within seconds; MUST return `CodeRefused` for a code that the provider
    /// does not take; MUST believe only what the provider signed for this client and this
    /// nonce, or said itself over its own connection.
    async fn exchange(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError>;
}
