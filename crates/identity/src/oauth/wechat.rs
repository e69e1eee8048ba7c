use async_trait::async_trait;
use reqwest::Url;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sharestack_users::error::ProviderError;
use sharestack_users::model::{ProviderProfile, Subject};
use sharestack_users::ports::{AuthorizeRequest, CallbackProof, IdentityProvider, ProviderInfo};

use super::{ProviderConfig, ProviderHttp};
use crate::error::ConfigError;

const WEB: &str = "https://open.weixin.qq.com";
pub(super) const API: &str = "https://api.weixin.qq.com";
/// The code is none of theirs, is too old, or was used.
const REFUSED: [i64; 4] = [40029, 40163, 41008, 42003];

/// `WeChat`'s login for websites. It is OAuth 2.0 by another name: `appid` and `secret`, errors
/// with status 200, no PKCE, no id token, no address; `unionid` where the site's owner has
/// tied several applications together.
pub struct WeChat {
    config: ProviderConfig,
    http: ProviderHttp,
    web: String,
    api: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    access_token: Option<String>,
    openid: Option<String>,
    unionid: Option<String>,
    nickname: Option<String>,
    headimgurl: Option<String>,
}

impl WeChat {
    pub fn try_new(config: ProviderConfig, http: ProviderHttp) -> Result<Self, ConfigError> {
        let web = config.base(config.web_url.as_ref(), WEB)?;
        let api = config.base(config.api_url.as_ref(), API)?;
        Ok(Self { config, http, web, api })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, ProviderError> {
        let request = self.http.client().get(format!("{}{path}", self.api)).query(query);
        let (status, answer) = self.http.json::<Answer>(request).await?;
        match answer.errcode {
            0 if status.is_success() => Ok(answer),
            code if REFUSED.contains(&code) => Err(ProviderError::CodeRefused(format!("errcode {code}").into())),
            code => Err(ProviderError::Unavailable(format!("{path} answered {status}, errcode {code}").into())),
        }
    }

    async fn profile(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError> {
        let token = self
            .get(
                "/sns/oauth2/access_token",
                &[
                    ("appid", self.config.client_id.as_str()),
                    ("secret", self.config.client_secret.expose_secret()),
                    ("code", proof.code.expose_secret()),
                    ("grant_type", "authorization_code"),
                ],
            )
            .await?;
        let malformed = || ProviderError::Untrusted("an answer names nobody".into());
        let (access, openid) = token.access_token.zip(token.openid).ok_or_else(malformed)?;
        let query = [("access_token", access.as_str()), ("openid", &openid), ("lang", "zh_CN")];
        let user = self.get("/sns/userinfo", &query).await?;
        if user.openid.as_deref() != Some(&openid) {
            return Err(ProviderError::Untrusted("the answer is about somebody else".into()));
        }
        let union = user.unionid.or(token.unionid).filter(|id| !id.is_empty());
        let subject = Subject::parse(union.as_deref().unwrap_or(&openid)).ok_or_else(malformed)?;
        Ok(ProviderProfile::of(subject).name(user.nickname.as_deref()).avatar(user.headimgurl.as_deref()))
    }
}

#[async_trait]
impl IdentityProvider for WeChat {
    fn info(&self) -> &ProviderInfo {
        &self.config.info
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ProviderError> {
        let scope = self.config.scopes(&["snsapi_login"]).join(",");
        let url = Url::parse_with_params(
            &format!("{}/connect/qrconnect", self.web),
            [
                ("appid", self.config.client_id.as_str()),
                ("redirect_uri", &self.config.callback_url),
                ("response_type", "code"),
                ("scope", &scope),
                ("state", &request.state),
            ],
        );
        let mut url = url.map_err(|error| ProviderError::Unavailable(Box::new(error)))?;
        url.set_fragment(Some("wechat_redirect"));
        Ok(url.into())
    }

    async fn exchange(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError> {
        self.http.in_time(self.profile(proof)).await
    }
}
