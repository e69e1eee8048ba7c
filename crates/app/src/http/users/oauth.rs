//! The password form of OAuth 2.0 (RFC 6749), so that the "Authorize" button of the
//! documentation works. Answers are as that standard says, without the envelope.

use actix_web::http::StatusCode;
use actix_web::http::header::PRAGMA;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, post};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sharestack_users::error::{LoginError, RefreshError};
use sharestack_users::service::{SignIn, Tokens};
use utoipa::ToSchema;

use super::auth::{Credentials, login_command};
use crate::http::error::ApiError;
use crate::http::extract::{ClientInfo, is_text, read_body};
use crate::http::middleware::rate_limit::count_proof;
use crate::http::reply::NO_STORE;
use crate::wiring::App;

/// A form of RFC 6749, §4.3.2 or §6.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "grant_type": "password", "username": "linxiaohong", "password": "correct horse 电池" }))]
pub struct TokenForm {
    /// `password` or `refresh_token`.
    #[schema(required = true, nullable = false)]
    grant_type: Option<String>,
    /// A username or an e-mail address; with `grant_type=password`.
    username: Option<String>,
    /// With `grant_type=password`.
    #[schema(format = Password)]
    password: Option<String>,
    /// With `grant_type=refresh_token`.
    refresh_token: Option<String>,
}

/// An answer of RFC 6749, §5.1.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "token_type": "bearer", "expires_in": 1800, "refresh_token": "ssr_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
}))]
pub struct BareTokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: String,
}

/// A refusal of RFC 6749, §5.2.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "error": "invalid_grant", "error_description": "name or password is wrong" }))]
pub struct Refusal {
    /// `invalid_request`, `invalid_grant` or `unsupported_grant_type`.
    error: &'static str,
    error_description: &'static str,
}

/// What a form asks for.
enum Grant {
    Password(Credentials),
    Refresh(String),
}

impl TokenForm {
    fn grant(self) -> Result<Grant, Refusal> {
        let missing = |error_description| Refusal { error: "invalid_request", error_description };
        let given = |field: Option<String>| field.filter(|text| !text.is_empty());
        match given(self.grant_type).as_deref() {
            None => Err(missing("grant_type is missing")),
            Some("password") => {
                let name = given(self.username).ok_or(missing("username is missing"))?;
                let password = given(self.password).ok_or(missing("password is missing"))?;
                Ok(Grant::Password(Credentials { name, password: password.into() }))
            }
            Some("refresh_token") => {
                given(self.refresh_token).map(Grant::Refresh).ok_or(missing("refresh_token is missing"))
            }
            Some(_) => Err(Refusal {
                error: "unsupported_grant_type",
                error_description: "grant_type must be password or refresh_token",
            }),
        }
    }
}

/// The OAuth 2.0 form login.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A pair of tokens, without the envelope", body = BareTokens),
        (status = 400, description = "What RFC 6749 says, without the envelope", body = Refusal),
    ),
)]
#[post("/api/v1/auth/token")]
pub async fn token(
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
    client: ClientInfo,
) -> Result<HttpResponse, ApiError> {
    let grant = match read_form(&request, payload).await?.and_then(TokenForm::grant) {
        Ok(grant) => grant,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    match grant {
        Grant::Password(credentials) => {
            // A refresh is no try to sign in: only the form tells the two apart.
            count_proof(&request, &app).await?;
            let command = login_command(&request, &app, client, credentials).await?;
            answer(app.sessions.login(command).await.map(SignIn::tokens), login_refusal)
        }
        Grant::Refresh(token) => answer(app.sessions.refresh(&token).await.map(Some), refresh_refusal),
    }
}

async fn read_form(request: &HttpRequest, payload: Payload) -> Result<Result<TokenForm, Refusal>, ApiError> {
    let bytes = read_body(request, &mut payload.into_inner()).await?;
    let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let form = serde_urlencoded::from_bytes(&bytes).ok().filter(|_| is_form && is_text(&bytes));
    Ok(form.ok_or(Refusal { error: "invalid_request", error_description: "the body is not a form" }))
}

/// What was refused is answered as the standard says; what failed, as everywhere.
fn answer<E: Into<ApiError>>(
    result: Result<Option<Tokens>, E>,
    refusal: fn(&E) -> Option<&'static str>,
) -> Result<HttpResponse, ApiError> {
    match result {
        Ok(Some(tokens)) => Ok(grant_tokens(&tokens)),
        // This form has no way to ask for a second proof.
        Ok(None) => Ok(refuse(&SECOND_FACTOR)),
        Err(error) => match refusal(&error) {
            Some(error_description) => Ok(refuse(&Refusal { error: "invalid_grant", error_description })),
            None => Err(error.into()),
        },
    }
}

const SECOND_FACTOR: Refusal = Refusal {
    error: "invalid_grant",
    error_description: "mfa_required: the account asks for a second factor, sign in at /api/v1/auth/login",
};

const fn login_refusal(error: &LoginError) -> Option<&'static str> {
    match error {
        LoginError::InvalidCredentials => Some("name or password is wrong"),
        LoginError::AccountDisabled => Some("account is disabled"),
        _ => None,
    }
}

const fn refresh_refusal(error: &RefreshError) -> Option<&'static str> {
    match error {
        RefreshError::Invalid => Some("refresh token is invalid"),
        RefreshError::Expired => Some("refresh token has expired"),
        _ => None,
    }
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    bare(StatusCode::BAD_REQUEST, refusal)
}

fn grant_tokens(tokens: &Tokens) -> HttpResponse {
    let answer = BareTokens {
        access_token: tokens.access_token.expose_secret().to_owned(),
        token_type: "bearer",
        expires_in: tokens.expires_in,
        refresh_token: tokens.refresh_token.expose_secret().to_owned(),
    };
    bare(StatusCode::OK, &answer)
}

fn bare(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header(NO_STORE).insert_header((PRAGMA, "no-cache")).json(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(form: &str) -> Option<&'static str> {
        let form: TokenForm = serde_urlencoded::from_str(form).unwrap();
        form.grant().err().map(|refusal| refusal.error)
    }

    #[test]
    fn forms_are_read_as_the_standard_says() {
        assert_eq!(refusal("grant_type=password&username=lin&password=x&scope=&client_id="), None);
        assert_eq!(refusal("grant_type=refresh_token&refresh_token=x"), None);
        assert_eq!(refusal("username=lin&password=x"), Some("invalid_request"));
        assert_eq!(refusal("grant_type=password&username=lin"), Some("invalid_request"));
        assert_eq!(refusal("grant_type=password&username=&password=x"), Some("invalid_request"));
        assert_eq!(refusal("grant_type=client_credentials"), Some("unsupported_grant_type"));
        assert!(serde_urlencoded::from_str::<TokenForm>("grant_type=password&grant_type=password").is_err());
    }
}
