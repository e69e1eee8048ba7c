//! What each refusal means to a caller: category, code and details.

use std::time::Duration;

use chrono::DateTime;
use sharestack_kernel::blob::BlobError;
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::field::Issue;
use uuid::Uuid;

use super::*;
use crate::model::{ExportId, IdentityId, InvitationId, InvitationStatus, PasskeyId, ProviderName};

const WEI: UserId = UserId::new(7);

#[expect(clippy::needless_pass_by_value, reason = "so that a table can be read")]
fn means(error: impl Classified, category: Category, code: Option<&str>, details: Details) {
    assert_eq!((error.category(), error.code()), (category, code), "{error:?}");
    assert_eq!(error.details(), details, "{error:?}");
    let text = error.to_string();
    assert!(!text.is_empty() && !text.ends_with('.'), "{error:?}");
}

/// That a failure of the store stays one in an error: its transaction may run again.
fn carries<E: Classified + From<StoreError>>() {
    means(E::from(StoreError::Unavailable("away".into())), Category::Unavailable, None, Details::None);
    let again = E::from(StoreError::Transient("again".into()));
    assert_eq!(again.category(), StoreError::Transient("again".into()).category());
}

fn source() -> Source {
    "broken".into()
}

fn denied() -> Denied {
    Denied { required: "session", role: Some("user".to_owned()) }
}

fn refusal() -> (Category, Details) {
    (Category::Denied, Details::Denied(denied()))
}

fn throttle() -> Throttle {
    Throttle::new(5, Duration::from_mins(1), DateTime::from_timestamp(60, 0).unwrap(), DateTime::UNIX_EPOCH)
}

fn fields() -> FieldErrors {
    FieldErrors::of("password", Issue::Required)
}

fn one(field: &str, issue: Issue) -> Details {
    Details::Fields(FieldErrors::of(field, issue))
}

fn not_allowed(field: &str) -> Details {
    one(field, Issue::not_allowed::<&str>([]))
}

fn object(value: serde_json::Value) -> Details {
    Details::Object(value)
}

fn missing(resource: &'static str, id: serde_json::Value) -> Details {
    Details::Missing { resource, id }
}

fn no_user() -> Details {
    missing("user", json!(7))
}

const SOME: Uuid = Uuid::from_u128(1);

#[test]
fn a_failure_of_the_store_is_one_whatever_was_asked() {
    carries::<RegisterError>();
    carries::<LoginError>();
    carries::<RefreshError>();
    carries::<CheckError>();
    carries::<GrantError>();
    carries::<EndSessionError>();
    carries::<ProofError>();
    carries::<ApiKeyError>();
    carries::<SendCodeError>();
    carries::<CodeError>();
    carries::<FactorError>();
    carries::<SecondFactorError>();
    carries::<ExportError>();
    carries::<DepartureError>();
    carries::<InvitationError>();
    carries::<PasskeyError>();
    carries::<PasskeyLoginError>();
    carries::<BeginOAuthError>();
    carries::<CompleteOAuthError>();
    carries::<ExchangeCodeError>();
    carries::<UnlinkError>();
    carries::<RoleError>();
    carries::<AvatarError>();
}

#[test]
fn passwords_and_tokens() {
    means(HashError::Busy, Category::Unavailable, None, Details::None);
    means(HashError::Failed(source()), Category::Internal, None, Details::None);
    means(IssueError(source()), Category::Internal, None, Details::None);
    means(TotpError(source()), Category::Internal, None, Details::None);

    let taken = |field| object(json!({ "field": field }));
    means(RegisterError::from(InsertAccountError::EmailTaken), Category::Conflict, None, taken("email"));
    means(RegisterError::from(InsertAccountError::UsernameTaken), Category::Conflict, None, taken("username"));
    let gone = InsertAccountError::Store(StoreError::Unavailable("away".into()));
    means(RegisterError::from(gone), Category::Unavailable, None, Details::None);
    means(RegisterError::Fields(fields()), Category::Invalid, None, Details::Fields(fields()));
    means(RegisterError::Hash(HashError::Busy), Category::Unavailable, None, Details::None);
    let refused = ProofRefused::Code { attempts_left: 2 };
    let field = "verification_code";
    let wrong = one(field, Issue::WrongCode { attempts_left: 2 });
    means(RegisterError::Proof { refused, field }, Category::Invalid, None, wrong);

    means(LoginError::InvalidCredentials, Category::Unauthenticated, Some("INVALID_CREDENTIALS"), Details::None);
    means(LoginError::AccountDisabled, Category::Unauthenticated, Some("ACCOUNT_DISABLED"), Details::None);
    means(LoginError::TooMany(throttle()), Category::RateLimited, None, Details::Throttled(throttle()));
    means(LoginError::from(HashError::Busy), Category::Unavailable, None, Details::None);
    means(LoginError::from(IssueError(source())), Category::Internal, None, Details::None);

    means(RefreshError::Invalid, Category::Unauthenticated, Some("INVALID_TOKEN"), Details::None);
    means(RefreshError::Expired, Category::Unauthenticated, Some("TOKEN_EXPIRED"), Details::None);
    means(RefreshError::from(IssueError(source())), Category::Internal, None, Details::None);
    means(CheckError::from(TokenError::Invalid), Category::Unauthenticated, Some("INVALID_TOKEN"), Details::None);
    means(CheckError::from(TokenError::Expired), Category::Unauthenticated, Some("TOKEN_EXPIRED"), Details::None);
}

#[test]
fn rights_sessions_and_keys() {
    let (forbidden, who) = refusal();
    means(GrantError::from(denied()), forbidden, None, who.clone());
    means(GrantError::from(fields()), Category::Invalid, None, Details::Fields(fields()));
    means(GrantError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    means(GrantError::LastSuperAdmin, Category::Conflict, None, Details::None);
    means(GrantError::Stale, Category::Stale, None, Details::None);

    let session = SessionId::new(SOME);
    means(EndSessionError::from(denied()), forbidden, None, who.clone());
    means(EndSessionError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    means(EndSessionError::NoSuchSession(session), Category::NotFound, None, missing("session", json!(session)));

    let key = ApiKeyId::new(SOME);
    means(ApiKeyError::from(denied()), forbidden, None, who.clone());
    means(ApiKeyError::from(fields()), Category::Invalid, None, Details::Fields(fields()));
    means(ApiKeyError::TooMany { max: 20 }, Category::Conflict, None, object(json!({ "max": 20 })));
    means(ApiKeyError::NoSuchKey(key), Category::NotFound, None, missing("api_key", json!(key)));

    let invitation = InvitationId::new(SOME);
    means(InvitationError::from(denied()), forbidden, None, who);
    let none = missing("invitation", json!(invitation));
    means(InvitationError::NoSuchInvitation(invitation), Category::NotFound, None, none);
    let used = object(json!({ "status": "used" }));
    means(InvitationError::NotPending(InvitationStatus::Used), Category::Conflict, None, used);
}

#[test]
fn proofs_and_codes() {
    let (forbidden, who) = refusal();
    let throttled = Details::Throttled(throttle());
    means(ProofError::from(denied()), forbidden, None, who.clone());
    means(ProofError::from(fields()), Category::Invalid, None, Details::Fields(fields()));
    means(ProofError::TooMany(throttle()), Category::RateLimited, None, throttled.clone());
    means(ProofError::from(FactorError::Wrong("code")), Category::Invalid, None, not_allowed("code"));
    let last = object(json!({ "reason": "last_login_method" }));
    means(ProofError::from(PasskeyError::LastWayIn), Category::Conflict, None, last.clone());
    means(ProofError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    means(ProofError::from(HashError::Busy), Category::Unavailable, None, Details::None);
    means(ProofError::from(SealFailed), Category::Internal, None, Details::None);

    means(SendCodeError::TooOften(throttle()), Category::RateLimited, None, throttled.clone());
    means(SendCodeError::from(SealFailed), Category::Internal, None, Details::None);
    let wrong = one("code", Issue::WrongCode { attempts_left: 1 });
    for (refused, category, details) in [
        (ProofRefused::Code { attempts_left: 1 }, Category::Invalid, wrong),
        (ProofRefused::Token, Category::Invalid, not_allowed("code")),
        (ProofRefused::Exhausted(throttle()), Category::RateLimited, throttled.clone()),
    ] {
        means(CodeError::Proof { refused, field: "code" }, category, None, details.clone());
        means(ProofError::Code { refused, field: "code" }, category, None, details);
    }
    means(CodeError::from(denied()), forbidden, None, who.clone());
    let taken = object(json!({ "field": "email" }));
    means(CodeError::from(InsertAccountError::EmailTaken), Category::Conflict, None, taken);
    means(CodeError::from(InsertAccountError::UsernameTaken), Category::Internal, None, Details::None);
    let gone = InsertAccountError::Store(StoreError::Unavailable("away".into()));
    means(CodeError::from(gone), Category::Unavailable, None, Details::None);
    means(CodeError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    means(CodeError::from(fields()), Category::Invalid, None, Details::Fields(fields()));
    means(CodeError::from(HashError::Busy), Category::Unavailable, None, Details::None);
    let disabled = LoginError::AccountDisabled;
    means(CodeError::from(disabled), Category::Unauthenticated, Some("ACCOUNT_DISABLED"), Details::None);
    means(CodeError::from(SealFailed), Category::Internal, None, Details::None);

    means(FactorError::from(denied()), forbidden, None, who);
    means(FactorError::AlreadyConfirmed, Category::Conflict, None, Details::None);
    means(FactorError::NotEnrolled, Category::NotFound, None, missing("mfa_factor", json!("totp")));
    means(FactorError::TooMany(throttle()), Category::RateLimited, None, throttled.clone());
    means(FactorError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    means(FactorError::from(TotpError(source())), Category::Internal, None, Details::None);
    means(FactorError::from(HashError::Busy), Category::Unavailable, None, Details::None);
    means(FactorError::from(SealFailed), Category::Internal, None, Details::None);

    let unauthenticated = Category::Unauthenticated;
    means(SecondFactorError::InvalidToken, unauthenticated, Some("INVALID_TOKEN"), Details::None);
    means(SecondFactorError::Expired, unauthenticated, Some("TOKEN_EXPIRED"), Details::None);
    let wrong = SecondFactorError::WrongCode { attempts_left: 3 };
    assert_eq!(wrong.reason(), Some("wrong_second_factor"));
    means(wrong, unauthenticated, Some("INVALID_CREDENTIALS"), object(json!({ "attempts_left": 3 })));
    means(SecondFactorError::TooMany(throttle()), Category::RateLimited, None, throttled);
    means(SecondFactorError::from(TotpError(source())), Category::Internal, None, Details::None);
    let disabled = SecondFactorError::from(LoginError::AccountDisabled);
    assert_eq!(disabled.reason(), None);
    means(disabled, unauthenticated, Some("ACCOUNT_DISABLED"), Details::None);
}

#[test]
fn passkeys() {
    let (forbidden, who) = refusal();
    let key = PasskeyId::new(SOME);
    means(PasskeyError::from(denied()), forbidden, None, who);
    means(PasskeyError::TooMany, Category::Conflict, None, Details::None);
    means(PasskeyError::from(InsertPasskeyError::Taken), Category::Conflict, None, Details::None);
    let gone = InsertPasskeyError::Store(StoreError::Unavailable("away".into()));
    means(PasskeyError::from(gone), Category::Unavailable, None, Details::None);
    means(PasskeyError::NoSuchPasskey(key), Category::NotFound, None, missing("passkey", json!(key)));
    means(PasskeyError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    let worthless = || {
        [
            CeremonyError::Unreadable,
            CeremonyError::NoChallenge,
            CeremonyError::NoSuchKey,
            CeremonyError::Copied,
            CeremonyError::Refused(source()),
        ]
    };
    for error in worthless() {
        let unreadable = matches!(error, CeremonyError::Unreadable);
        let details = if unreadable { one("credential", Issue::InvalidFormat) } else { not_allowed("credential") };
        means(PasskeyError::from(error), Category::Invalid, None, details);
    }
    for error in worthless() {
        let error = PasskeyLoginError::from(error);
        assert_eq!(error.reason(), Some("passkey_refused"));
        means(error, Category::Unauthenticated, Some("INVALID_CREDENTIALS"), Details::None);
    }
    let away = || CeremonyError::Unavailable(CacheError(source()));
    means(PasskeyError::from(away()), Category::Unavailable, None, Details::None);
    means(PasskeyLoginError::from(away()), Category::Unavailable, None, Details::None);
    means(PasskeyError::from(CeremonyError::Failed(source())), Category::Internal, None, Details::None);
    means(PasskeyLoginError::from(CeremonyError::Failed(source())), Category::Internal, None, Details::None);
    let disabled = PasskeyLoginError::from(LoginError::AccountDisabled);
    assert_eq!(disabled.reason(), None);
    means(disabled, Category::Unauthenticated, Some("ACCOUNT_DISABLED"), Details::None);
}

#[test]
fn other_services() {
    let (forbidden, who) = refusal();
    let upstream = Some("UPSTREAM_ERROR");
    let refused = || ProviderError::CodeRefused(source());
    let bad_code = one("code", Issue::InvalidFormat);
    let unknown = missing("oauth_provider", json!("nobody"));
    means(refused(), Category::Invalid, None, bad_code.clone());
    means(ProviderError::Unavailable(source()), Category::Unavailable, upstream, Details::None);
    means(ProviderError::Untrusted(source()), Category::Unavailable, upstream, Details::None);

    means(BeginOAuthError::NoSuchProvider("nobody".to_owned()), Category::NotFound, None, unknown.clone());
    means(BeginOAuthError::from(fields()), Category::Invalid, None, Details::Fields(fields()));
    let away = BeginOAuthError::from(ProviderError::Unavailable(source()));
    means(away, Category::Unavailable, upstream, Details::None);

    let google = ProviderName::parse("google").unwrap();
    let state = one("state", Issue::Mismatch { other: "authorization_request" });
    let unverified = object(json!({ "reason": "email_unverified", "provider": "google" }));
    let closed = object(json!({ "reason": "sign_up_closed" }));
    let untrusted = ProviderError::Untrusted(source());
    let unauthenticated = Category::Unauthenticated;
    for (error, category, code, details, told) in [
        (CompleteOAuthError::NoSuchProvider("nobody".to_owned()), Category::NotFound, None, unknown, "invalid_request"),
        (CompleteOAuthError::StateMismatch, Category::Invalid, None, state, "invalid_request"),
        (CompleteOAuthError::Denied("no".to_owned()), Category::Invalid, None, not_allowed("error"), "access_denied"),
        (CompleteOAuthError::from(refused()), Category::Invalid, None, bad_code.clone(), "invalid_request"),
        (
            CompleteOAuthError::from(untrusted),
            Category::Unavailable,
            upstream,
            Details::None,
            "temporarily_unavailable",
        ),
        (CompleteOAuthError::EmailTaken, Category::Conflict, None, object(json!({ "field": "email" })), "email_taken"),
        (CompleteOAuthError::EmailUnverified(google), Category::Unprocessable, None, unverified, "email_unverified"),
        (
            CompleteOAuthError::IdentityTaken,
            Category::Conflict,
            None,
            object(json!({ "field": "identity" })),
            "identity_taken",
        ),
        (CompleteOAuthError::SignUpClosed, Category::Unprocessable, None, closed, "sign_up_closed"),
        (
            CompleteOAuthError::Uninvited { brought: false },
            Category::Invalid,
            None,
            one("invite_code", Issue::Required),
            "invitation_required",
        ),
        (
            CompleteOAuthError::Uninvited { brought: true },
            Category::Invalid,
            None,
            not_allowed("invite_code"),
            "invitation_required",
        ),
        (CompleteOAuthError::SessionEnded, unauthenticated, Some("INVALID_TOKEN"), Details::None, "session_ended"),
        (
            CompleteOAuthError::from(LoginError::AccountDisabled),
            unauthenticated,
            Some("ACCOUNT_DISABLED"),
            Details::None,
            "account_disabled",
        ),
        (
            CompleteOAuthError::from(LoginError::TooMany(throttle())),
            Category::RateLimited,
            None,
            Details::Throttled(throttle()),
            "server_error",
        ),
    ] {
        assert_eq!(error.client_code(), told, "{error:?}");
        means(error, category, code, details);
    }

    means(ExchangeCodeError::Invalid, Category::Invalid, None, bad_code);
    means(ExchangeCodeError::from(IssueError(source())), Category::Internal, None, Details::None);
    let disabled = ExchangeCodeError::from(LoginError::AccountDisabled);
    means(disabled, unauthenticated, Some("ACCOUNT_DISABLED"), Details::None);

    let identity = IdentityId::new(SOME);
    means(UnlinkError::from(denied()), forbidden, None, who);
    means(UnlinkError::NoSuchIdentity(identity), Category::NotFound, None, missing("identity", json!(identity)));
    means(UnlinkError::LastWayIn, Category::Conflict, None, object(json!({ "reason": "last_login_method" })));
}

#[test]
fn copies_departures_and_roles() {
    let (forbidden, who) = refusal();
    let export = ExportId::new(SOME);
    means(ExportError::TooSoon(throttle()), Category::RateLimited, None, Details::Throttled(throttle()));
    means(ExportError::NotFound(export), Category::NotFound, None, missing("export", json!(export)));
    means(ExportError::Gone, Category::Gone, None, Details::None);
    means(ExportError::Link, Category::Internal, None, Details::None);
    means(ExportError::from(BlobError::Internal(source())), Category::Internal, None, Details::None);
    let last = object(json!({ "reason": "last_super_admin" }));
    means(DepartureError::from(AdministerError::LastSuperAdmin), Category::Conflict, None, last);
    means(DepartureError::NotScheduled, Category::Conflict, None, Details::None);
    means(DepartureError::from(SealFailed), Category::Internal, None, Details::None);

    means(AdministerError::from(denied()), forbidden, None, who.clone());
    means(AdministerError::from(fields()), Category::Invalid, None, Details::Fields(fields()));
    means(AdministerError::NoSuchUser(WEI), Category::NotFound, None, no_user());
    let owes = object(json!({ "reason": "obligations", "obligations": [] }));
    means(AdministerError::Owes(Vec::new()), Category::Conflict, None, owes);
    means(RoleError::from(denied()), forbidden, None, who);
    means(RoleError::BuiltIn, Category::Conflict, None, object(json!({ "reason": "built_in" })));
    means(RoleError::from(WriteRoleError::NameTaken), Category::Conflict, None, object(json!({ "field": "name" })));
    means(RoleError::from(WriteRoleError::InUse), Category::Conflict, None, object(json!({ "reason": "in_use" })));
}
