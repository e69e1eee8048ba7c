use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken, CoreIdTokenClaims,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, TokenResponse as _, UserInfoError,
};
use secrecy::ExposeSecret as _;
use sharestack_kernel::clock::Clock;
use sharestack_users::error::ProviderError;
use sharestack_users::model::{ProviderProfile, Subject};
use sharestack_users::ports::{AuthorizeRequest, CallbackProof, IdentityProvider, ProviderInfo};
use tokio::sync::Mutex;

use super::http::CallError;
use super::{ProviderConfig, ProviderHttp};
use crate::error::ConfigError;

/// How long a discovery document and its keys are believed.
const FRESH: Duration = Duration::hours(1);
/// How long they still do when the provider does not give new ones.
const STALE: Duration = Duration::hours(24);
/// How far the provider's clock may be from ours.
const SKEW: Duration = Duration::seconds(60);
/// What an id token may be signed with: what only the provider can do. A shared secret
/// could be anybody's who has it, and no signature is nobody's.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Any provider of `OpenID` Connect, found by its issuer.
pub struct Oidc {
    config: ProviderConfig,
    issuer: IssuerUrl,
    callback: RedirectUrl,
    http: ProviderHttp,
    clock: Arc<dyn Clock>,
    found: Mutex<Found>,
}

/// What discovery has found, and when it last found nothing.
#[derive(Default)]
struct Found {
    client: Option<(Arc<Client>, DateTime<Utc>)>,
    failed_at: Option<DateTime<Utc>>,
}

impl Oidc {
    pub fn try_new(config: ProviderConfig, http: ProviderHttp, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        config.base(Some(&config.issuer), "")?;
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|_| config.wrong("issuer cannot be read"))?;
        let callback = RedirectUrl::new(config.callback_url.clone());
        let callback = callback.map_err(|_| config.wrong("server.public_url cannot be read"))?;
        Ok(Self { config, issuer, callback, http, clock, found: Mutex::default() })
    }

    /// The provider as discovery found it; asked again when that is old, or older than
    /// `newer_than`. Of many that ask at once one asks the provider.
    async fn client(&self, newer_than: Option<DateTime<Utc>>) -> Result<(Arc<Client>, DateTime<Utc>), ProviderError> {
        let asked_at = self.clock.now();
        let mut found = self.found.lock().await;
        let now = self.clock.now();
        if let Some((client, found_at)) = &found.client
            && now - *found_at < FRESH
            && newer_than.is_none_or(|than| *found_at > than)
        {
            return Ok((client.clone(), *found_at));
        }
        // Who waited while another found nothing does not wait once more.
        if found.failed_at.is_some_and(|at| at >= asked_at) {
            return Err(ProviderError::Unavailable("discovery has just failed".into()));
        }
        match CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await {
            Ok(metadata) => {
                let client = Arc::new(self.of(metadata));
                let found_at = self.clock.now();
                *found = Found { client: Some((client.clone(), found_at)), failed_at: None };
                Ok((client, found_at))
            }
            Err(error) => {
                found.failed_at = Some(self.clock.now());
                match &found.client {
                    Some((client, found_at)) if newer_than.is_none() && now - *found_at < STALE => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "old discovery is used");
                        Ok((client.clone(), *found_at))
                    }
                    _ => Err(undiscovered(error)),
                }
            }
        }
    }

    fn of(&self, metadata: CoreProviderMetadata) -> Client {
        let secret = self.config.client_secret.expose_secret();
        let secret = (!secret.is_empty()).then(|| ClientSecret::new(secret.to_owned()));
        let methods = metadata.token_endpoint_auth_methods_supported();
        let posts = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        let client_id = ClientId::new(self.config.client_id.clone());
        CoreClient::from_provider_metadata(metadata, client_id, secret)
            .set_redirect_uri(self.callback.clone())
            .set_auth_type(if posts { AuthType::RequestBody } else { AuthType::BasicAuth })
    }

    async fn profile(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError> {
        // Another provider's code that was slipped in here (RFC 9207).
        if proof.issuer.as_ref().is_some_and(|issuer| *issuer != self.config.issuer) {
            return Err(ProviderError::CodeRefused("another issuer answered".into()));
        }
        let (client, found_at) = self.client(None).await?;
        let code = AuthorizationCode::new(proof.code.expose_secret().to_owned());
        let request = client.exchange_code(code).map_err(untrusted)?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(proof.verifier.clone()));
        let tokens: CoreTokenResponse = request.request_async(&self.http).await.map_err(refused)?;
        let id_token = tokens.id_token().ok_or_else(|| ProviderError::Untrusted("there is no id token".into()))?;
        let nonce = Nonce::new(proof.nonce.clone());
        let (client, claims) = match self.verify(&client, id_token, &nonce) {
            // The provider may have new keys.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
            )) => {
                let (client, _) = self.client(Some(found_at)).await?;
                let claims = self.verify(&client, id_token, &nonce).map_err(unbelieved)?;
                (client, claims)
            }
            result => (client, result.map_err(unbelieved)?),
        };
        let party = claims.authorized_party();
        if party.is_some_and(|party| party.as_str() != self.config.client_id) {
            return Err(ProviderError::Untrusted("the id token was made for another client".into()));
        }
        let profile = from_id_token(&claims)?;
        if profile.email.is_some() || client.user_info_url().is_none() {
            return Ok(profile);
        }
        self.ask(&client, tokens.access_token(), &claims, profile).await
    }

    fn verify(
        &self,
        client: &Client,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let now = self.clock.now();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now - SKEW)
            .set_issue_time_verifier_fn(move |issued| {
                if issued > now + SKEW { Err("issued in the future".to_owned()) } else { Ok(()) }
            });
        token.claims(&verifier, nonce).cloned()
    }

    /// What the id token does not say is asked of the user info endpoint.
    async fn ask(
        &self,
        client: &Client,
        token: &AccessToken,
        claims: &CoreIdTokenClaims,
        profile: ProviderProfile,
    ) -> Result<ProviderProfile, ProviderError> {
        // The library writes it into a header as it is.
        if !token.secret().bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ProviderError::Untrusted("the access token cannot be sent".into()));
        }
        // MUST be about the same subject, or anybody's answer would do.
        let request = client.user_info(token.clone(), Some(claims.subject().clone())).map_err(untrusted)?;
        let told: CoreUserInfoClaims = request.request_async(&self.http).await.map_err(unanswered)?;
        let name = told.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
        let picture = told.picture().and_then(|picture| picture.get(None)).map(|url| url.as_str().to_owned());
        let mut whole =
            profile.clone().email(told.email().map(|email| email.as_str()), told.email_verified().unwrap_or(false));
        if profile.name.is_none() {
            whole = whole.name(name.as_deref());
        }
        if profile.avatar_url.is_none() {
            whole = whole.avatar(picture.as_deref());
        }
        if profile.username.is_none() {
            whole = whole.username(told.preferred_username().map(|name| name.as_str()));
        }
        Ok(whole)
    }
}

fn from_id_token(claims: &CoreIdTokenClaims) -> Result<ProviderProfile, ProviderError> {
    let subject = Subject::parse(claims.subject().as_str());
    let subject = subject.ok_or_else(|| ProviderError::Untrusted("the subject cannot be one".into()))?;
    Ok(ProviderProfile::of(subject)
        .email(claims.email().map(|email| email.as_str()), claims.email_verified().unwrap_or(false))
        .name(claims.name().and_then(|name| name.get(None)).map(|name| name.as_str()))
        .avatar(claims.picture().and_then(|picture| picture.get(None)).map(|url| url.as_str()))
        .username(claims.preferred_username().map(|name| name.as_str())))
}

fn untrusted(error: impl std::error::Error + Send + Sync + 'static) -> ProviderError {
    ProviderError::Untrusted(Box::new(error))
}

fn undiscovered(error: DiscoveryError<CallError>) -> ProviderError {
    match error {
        DiscoveryError::Request(error @ CallError::Failed(_)) => ProviderError::Unavailable(Box::new(error)),
        DiscoveryError::Response(status, _, _) => {
            ProviderError::Unavailable(format!("discovery answered {status}").into())
        }
        other => untrusted(other),
    }
}

fn refused(error: RequestTokenError<CallError, StandardErrorResponse<CoreErrorResponseType>>) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(said) if *said.error() == CoreErrorResponseType::InvalidGrant => {
            ProviderError::CodeRefused("invalid_grant".into())
        }
        // Our own credentials, say: nothing that the user can mend.
        RequestTokenError::ServerResponse(said) => {
            ProviderError::Unavailable(format!("token endpoint answered {}", said.error().as_ref()).into())
        }
        RequestTokenError::Request(error @ CallError::Failed(_)) => ProviderError::Unavailable(Box::new(error)),
        RequestTokenError::Request(error) => untrusted(error),
        // Without the body: it may hold tokens.
        RequestTokenError::Parse(_, _) => ProviderError::Untrusted("token endpoint's answer cannot be read".into()),
        RequestTokenError::Other(what) => ProviderError::Untrusted(what.into()),
    }
}

fn unbelieved(error: ClaimsVerificationError) -> ProviderError {
    match error {
        // An id token of another login: somebody slipped a foreign code in.
        ClaimsVerificationError::InvalidNonce(_) => ProviderError::CodeRefused("nonce is another".into()),
        other => untrusted(other),
    }
}

fn unanswered(error: UserInfoError<CallError>) -> ProviderError {
    match error {
        UserInfoError::Request(error @ CallError::Failed(_)) => ProviderError::Unavailable(Box::new(error)),
        UserInfoError::Response(status, _, _) => {
            ProviderError::Unavailable(format!("user info answered {status}").into())
        }
        other => untrusted(other),
    }
}

#[async_trait]
impl IdentityProvider for Oidc {
    fn info(&self) -> &ProviderInfo {
        &self.config.info
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ProviderError> {
        let (client, _) = self.http.in_time(self.client(None)).await?;
        let verifier = PkceCodeVerifier::new(request.verifier.clone());
        let (state, nonce) = (request.state.clone(), request.nonce.clone());
        let mut out = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        // `openid` is always asked for.
        for scope in self.config.scopes(&["email", "profile"]).into_iter().filter(|scope| scope != "openid") {
            out = out.add_scope(Scope::new(scope));
        }
        Ok(out.url().0.into())
    }

    async fn exchange(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError> {
        self.http.in_time(self.profile(proof)).await
    }
}
