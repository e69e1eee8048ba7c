//! Passkeys: registering them, and signing in with them.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, Responder, delete, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sharestack_kernel::field::FieldErrors;
use sharestack_users::model::{PasskeyId, PasskeyName, PasskeyView};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::sign_in_reply;
use super::mfa::Factor;
use super::views::SignInAnswer;
use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Body, ClientInfo, Parse, RecentAuth, option};
use crate::http::reply::{Envelope, NO_STORE, Reply, no_content};
use crate::wiring::App;

/// What `navigator.credentials` is called with: `PublicKeyCredential.parse…OptionsFromJSON(publicKey)`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "publicKey": {
        "challenge": "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", "rpId": "example.com", "timeout": 300_000,
        "userVerification": "required", "allowCredentials": []
    }
}))]
pub struct PasskeyOptions {
    /// As the standard (`WebAuthn`) shapes them, binary values in base64url.
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    pub public_key: Value,
}

impl From<Value> for PasskeyOptions {
    fn from(mut options: Value) -> Self {
        Self { public_key: options["publicKey"].take() }
    }
}

fn options(made: Value) -> impl Responder {
    Reply::ok(PasskeyOptions::from(made)).customize().insert_header(NO_STORE)
}

/// A passkey, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "01977f2e-7b1c-7a40-9d2e-3c5b6a7f8e90", "name": "MacBook", "created_at": "2026-01-15T10:30:00Z",
    "last_used_at": null
}))]
pub struct Passkey {
    pub id: String,
    pub name: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
}

impl From<PasskeyView> for Passkey {
    fn from(view: PasskeyView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            created_at: timestamp(view.created_at),
            last_used_at: view.last_used_at.map(timestamp),
        }
    }
}

impl From<PasskeyView> for Factor {
    fn from(view: PasskeyView) -> Self {
        Self {
            kind: "passkey",
            id: Some(view.id.to_string()),
            name: Some(view.name),
            confirmed: true,
            confirmed_at: Some(timestamp(view.created_at)),
            created_at: timestamp(view.created_at),
            last_used_at: view.last_used_at.map(timestamp),
        }
    }
}

/// Begins the registration of a passkey.
///
/// Keys that one has already are named, so that an authenticator does not make a second;
/// the answer is good for five minutes.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    responses(
        (status = 200, description = "Options for `navigator.credentials.create`", body = Envelope<PasskeyOptions>),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 409, description = "There are as many passkeys as there may be"),
    ),
)]
#[post("/api/v1/auth/passkeys/register/options")]
pub async fn registration_options(app: Data<App>, auth: RecentAuth) -> Result<impl Responder, ApiError> {
    Ok(options(app.passkeys.start_registration(&auth.0).await?))
}

/// What an authenticator has made.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "MacBook",
    "credential": {
        "id": "AQIDBA", "rawId": "AQIDBA", "type": "public-key",
        "response": { "attestationObject": "o2NmbXRkbm9uZQ", "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0" }
    }
}))]
pub struct PasskeyAttestation {
    /// What its owner calls it; `Passkey` when nothing is said.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// The credential as its `toJSON()` gives it.
    #[schema(required = true, nullable = false, value_type = Object)]
    credential: Option<serde_json::Map<String, Value>>,
}

fn credential(check: &mut FieldErrors, credential: Option<serde_json::Map<String, Value>>) -> Option<Value> {
    check.required("credential", credential).map(Value::Object)
}

impl Parse for PasskeyAttestation {
    type Output = (PasskeyName, Value);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = option(&mut check, "name", self.name, |text| PasskeyName::parse(&text));
        match credential(&mut check, self.credential) {
            Some(credential) if check.is_empty() => Ok((name.unwrap_or_default(), credential)),
            _ => Err(check),
        }
    }
}

/// Registers the passkey that was made.
#[utoipa::path(
    tag = "Authentication",
    request_body = PasskeyAttestation,
    responses(
        (status = 201, description = "The passkey", body = Envelope<Passkey>),
        (status = 400, description = "`VALIDATION_ERROR`: the credential answers no challenge of ours, or wrongly"),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 409, description = "The key is registered already, or there are as many as there may be"),
    ),
)]
#[post("/api/v1/auth/passkeys/register")]
pub async fn register_passkey(
    app: Data<App>,
    auth: RecentAuth,
    body: Body<PasskeyAttestation>,
) -> Result<Reply<Passkey>, ApiError> {
    let (name, credential) = body.0;
    let passkey = app.passkeys.register(&auth.0, name, &credential).await?;
    Ok(Reply::created(passkey.into()).message("Passkey registered", "通行密钥已注册"))
}

/// Removes a passkey: its next use is refused.
#[utoipa::path(
    tag = "Authentication",
    params(("id" = String, Path, description = "As `/auth/mfa` lists it")),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 409, description = "It is the last way in (`last_login_method`)"),
    ),
)]
#[delete("/api/v1/auth/passkeys/{id}")]
pub async fn remove_passkey(app: Data<App>, auth: RecentAuth, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let parsed = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("passkey", id.as_str()))?;
    app.passkeys.remove(&auth.0, PasskeyId::new(parsed)).await?;
    Ok(no_content())
}

/// Begins a login with a passkey.
///
/// The same for everybody: the authenticator knows whose keys it has, so that nothing is
/// asked, and nothing told, of any account. The answer is good once, for five minutes.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    responses(
        (status = 200, description = "Options for `navigator.credentials.get`", body = Envelope<PasskeyOptions>),
    ),
)]
#[post("/api/v1/auth/passkeys/login/options")]
pub async fn login_options(app: Data<App>) -> Result<impl Responder, ApiError> {
    Ok(options(app.passkeys.start_login().await?))
}

/// What an authenticator has signed.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "credential": {
        "id": "AQIDBA", "rawId": "AQIDBA", "type": "public-key",
        "response": {
            "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4", "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
            "signature": "MEUCIQDd", "userHandle": "AAAAAAAAAAAAAAAAAAAABw"
        }
    }
}))]
pub struct PasskeyAssertion {
    /// The credential as its `toJSON()` gives it.
    #[schema(required = true, nullable = false, value_type = Object)]
    credential: Option<serde_json::Map<String, Value>>,
}

impl Parse for PasskeyAssertion {
    type Output = Value;

    fn parse(self) -> Result<Value, FieldErrors> {
        let mut check = FieldErrors::new();
        credential(&mut check, self.credential).ok_or(check)
    }
}

/// Opens a session with a passkey. It is two proofs in one: no second factor is asked for.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body = PasskeyAssertion,
    responses(
        (status = 200, description = "A pair of tokens, and whose they are", body = Envelope<SignInAnswer>),
        (status = 401, description = "`INVALID_CREDENTIALS`, whatever is wrong; `ACCOUNT_DISABLED`"),
    ),
)]
#[post("/api/v1/auth/passkeys/login")]
pub async fn login_with_passkey(
    app: Data<App>,
    client: ClientInfo,
    body: Body<PasskeyAssertion>,
) -> Result<impl Responder, ApiError> {
    Ok(sign_in_reply(app.passkeys.login(&body.0, client.0).await?))
}
