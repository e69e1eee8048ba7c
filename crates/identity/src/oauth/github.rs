use ::http::StatusCode;
use async_trait::async_trait;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use reqwest::Url;
use reqwest::header::ACCEPT;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sharestack_users::error::ProviderError;
use sharestack_users::model::{ProviderProfile, Subject};
use sharestack_users::ports::{AuthorizeRequest, CallbackProof, IdentityProvider, ProviderInfo};

use super::{ProviderConfig, ProviderHttp};
use crate::error::ConfigError;

const WEB: &str = "https://github.com";
pub(super) const API: &str = "https://api.github.com";
const JSON: &str = "application/vnd.github+json";

/// GitHub, whose OAuth has no id token: who has come is asked of its API.
pub struct GitHub {
    config: ProviderConfig,
    http: ProviderHttp,
    web: String,
    api: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    address: String,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    verified: bool,
}

impl GitHub {
    pub fn try_new(config: ProviderConfig, http: ProviderHttp) -> Result<Self, ConfigError> {
        let web = config.base(config.web_url.as_ref(), WEB)?;
        let api = config.base(config.api_url.as_ref(), API)?;
        Ok(Self { config, http, web, api })
    }

    async fn token(&self, proof: &CallbackProof) -> Result<String, ProviderError> {
        let form = [
            ("client_id", self.config.client_id.as_str()),
            ("client_secret", self.config.client_secret.expose_secret()),
            ("code", proof.code.expose_secret()),
            ("redirect_uri", &self.config.callback_url),
            ("code_verifier", &proof.verifier),
        ];
        let url = format!("{}/login/oauth/access_token", self.web);
        let request = self.http.client().post(url).header(ACCEPT, "application/json").form(&form);
        let (status, answer) = self.http.json::<TokenAnswer>(request).await?;
        match (answer.error.as_deref(), answer.access_token) {
            (None, Some(token)) if status.is_success() => Ok(token),
            (Some("bad_verification_code"), _) => Err(ProviderError::CodeRefused("bad_verification_code".into())),
            (error, _) => {
                // Wrong credentials of ours, say: nothing that the user can mend.
                let error = error.unwrap_or_default().chars().take(100).collect::<String>();
                Err(ProviderError::Unavailable(format!("token endpoint answered {status} {error}").into()))
            }
        }
    }

    fn get(&self, path: &str, token: &str) -> reqwest::RequestBuilder {
        let request = self.http.client().get(format!("{}{path}", self.api)).bearer_auth(token);
        request.header(ACCEPT, JSON).header("X-GitHub-Api-Version", "2022-11-28")
    }

    async fn profile(&self, token: &str) -> Result<ProviderProfile, ProviderError> {
        let (status, user) = self.http.json::<serde_json::Value>(self.get("/user", token)).await?;
        if !status.is_success() {
            return Err(ProviderError::Unavailable(format!("user endpoint answered {status}").into()));
        }
        let user: User = serde_json::from_value(user).map_err(|_| malformed("user"))?;
        let subject = Subject::parse(&user.id.to_string()).ok_or_else(|| malformed("user"))?;
        // The address of the public profile is what its owner wrote there; the list says
        // which are proven.
        let email = self.email(token).await?;
        let email = email.as_ref().map(|email| (email.address.as_str(), email.verified));
        Ok(ProviderProfile::of(subject)
            .email(email.map(|(text, _)| text), email.is_some_and(|(_, verified)| verified))
            .name(user.name.as_deref())
            .avatar(user.avatar_url.as_deref())
            .username(Some(&user.login)))
    }

    /// The primary address if it is verified, else another that is, else the primary one.
    async fn email(&self, token: &str) -> Result<Option<Email>, ProviderError> {
        let (status, list) = self.http.json::<serde_json::Value>(self.get("/user/emails", token)).await?;
        // The user may grant a login without the addresses.
        if matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(ProviderError::Unavailable(format!("e-mail endpoint answered {status}").into()));
        }
        let list: Vec<Email> = serde_json::from_value(list).map_err(|_| malformed("e-mail"))?;
        Ok(list.into_iter().max_by_key(|email| (email.verified, email.primary)))
    }
}

fn malformed(what: &str) -> ProviderError {
    ProviderError::Untrusted(format!("{what} endpoint answered something else").into())
}

#[async_trait]
impl IdentityProvider for GitHub {
    fn info(&self) -> &ProviderInfo {
        &self.config.info
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ProviderError> {
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(request.verifier.clone()));
        let scope = self.config.scopes(&["read:user", "user:email"]).join(" ");
        let url = Url::parse_with_params(
            &format!("{}/login/oauth/authorize", self.web),
            [
                ("client_id", self.config.client_id.as_str()),
                ("redirect_uri", &self.config.callback_url),
                ("response_type", "code"),
                ("scope", &scope),
                ("state", &request.state),
                ("code_challenge", challenge.as_str()),
                ("code_challenge_method", "S256"),
            ],
        );
        Ok(url.map_err(|error| ProviderError::Unavailable(Box::new(error)))?.into())
    }

    async fn exchange(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError> {
        let exchange = async {
            let token = self.token(proof).await?;
            self.profile(&token).await
        };
        self.http.in_time(exchange).await
    }
}
