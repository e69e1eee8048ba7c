//! How clients get their users back, and what they are told when a provider refuses.

use super::*;

#[tokio::test]
async fn a_client_exchanges_a_code_once_within_a_minute_and_with_its_verifier() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let code = async |challenge: Option<&str>| {
        let command = BeginOAuth {
            redirect_uri: Some(APP.to_owned()),
            state: Some("mine".to_owned()),
            challenge: challenge.and_then(CodeChallenge::parse),
            ..begin("google", OAuthPurpose::Login)
        };
        let begun = party.login.begin(command).await.unwrap();
        let done = party.login.complete(callback("google", &begun, "c1")).await.unwrap();
        let target = done.target.unwrap();
        assert_eq!((target.redirect_uri.as_str(), target.state.as_deref()), (APP, Some("mine")));
        match done.outcome.unwrap() {
            Outcome::Code(code) => code.expose_secret().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let exchange =
        async |code: &str, verifier: Option<&str>| party.login.exchange(code, verifier, Client::default()).await;
    let refused = |result: Result<SignIn, ExchangeCodeError>| {
        assert!(matches!(result, Err(ExchangeCodeError::Invalid)), "{result:?}");
    };
    let plain = code(None).await;
    assert_eq!(tokens(exchange(&plain, None).await.unwrap()).user.username, "lin");
    refused(exchange(&plain, None).await);
    let bound = code(Some(CHALLENGE)).await;
    assert!(exchange(&bound, Some(VERIFIER)).await.is_ok());
    for verifier in [None, Some("x".repeat(43))] {
        let bound = code(Some(CHALLENGE)).await;
        refused(exchange(&bound, verifier.as_deref()).await);
        refused(exchange(&bound, Some(VERIFIER)).await);
    }
    let late = code(None).await;
    party.world.clock.advance(chrono::Duration::seconds(60));
    refused(exchange(&late, None).await);
    for text in ["", "x", &"ab".repeat(32)] {
        refused(exchange(text, None).await);
    }
    let disabled = code(None).await;
    let user = party.come_in("google", "c1").await.unwrap();
    party.world.store.set_active(user.id, false);
    let error = exchange(&disabled, None).await.unwrap_err();
    assert_eq!(error.code(), Some("ACCOUNT_DISABLED"));
}

/// Anybody can make up as many codes as they like: the log must not be filled by them.
#[tokio::test]
async fn a_code_with_a_wrong_verifier_or_too_late_is_noted_with_its_user_and_a_made_up_or_used_one_is_not() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let user = party.come_in("google", "c1").await.unwrap();
    let code = async || {
        let command = BeginOAuth {
            redirect_uri: Some(APP.to_owned()),
            challenge: CodeChallenge::parse(CHALLENGE),
            ..begin("google", OAuthPurpose::Login)
        };
        let begun = party.login.begin(command).await.unwrap();
        match party.back("google", &begun, "c1").await.unwrap() {
            Outcome::Code(code) => code.expose_secret().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let refused = async |code: &str, verifier: &str| {
        let result = party.login.exchange(code, Some(verifier), Client::default()).await;
        assert!(matches!(result, Err(ExchangeCodeError::Invalid)), "{result:?}");
    };
    let noted = || {
        let events = party.world.store.events().into_iter().filter(|event| event.kind == events::LOGIN_FAILED);
        events.map(|event| (event.aggregate_id, event.payload["reason"].clone())).collect::<Vec<_>>()
    };
    let of_lin = (user.id.to_string(), serde_json::json!("invalid_code"));
    for made_up in ["", "x", &"ab".repeat(32)] {
        refused(made_up, VERIFIER).await;
    }
    assert!(noted().is_empty());
    let stolen = code().await;
    refused(&stolen, &"x".repeat(43)).await;
    assert_eq!(noted(), std::slice::from_ref(&of_lin));
    refused(&stolen, VERIFIER).await;
    let spent = code().await;
    party.login.exchange(&spent, Some(VERIFIER), Client::default()).await.unwrap();
    refused(&spent, VERIFIER).await;
    assert_eq!(noted(), std::slice::from_ref(&of_lin), "used up");
    let late = code().await;
    party.world.clock.advance(chrono::Duration::seconds(60));
    refused(&late, VERIFIER).await;
    assert_eq!(noted(), [of_lin.clone(), of_lin]);
}

#[tokio::test]
async fn a_client_is_sent_back_only_to_an_allowed_address() {
    let party = Party::new();
    for uri in ["https://app.example.evil/cb", "https://app.example/cb/", "https://app.example/", ""] {
        let command = BeginOAuth { redirect_uri: Some(uri.to_owned()), ..begin("google", OAuthPurpose::Login) };
        let error = party.login.begin(command).await.unwrap_err();
        assert_eq!((error.category(), error.code()), (Category::Invalid, None), "{uri}");
    }
    let command = BeginOAuth { challenge: CodeChallenge::parse(CHALLENGE), ..begin("google", OAuthPurpose::Login) };
    assert!(matches!(party.login.begin(command).await, Err(BeginOAuthError::Fields(_))));
    for provider in ["", "wechat", "../google", "GOOGLE"] {
        let error = party.login.begin(begin(provider, OAuthPurpose::Login)).await.unwrap_err();
        assert_eq!(error.category(), Category::NotFound);
    }
}

#[tokio::test]
async fn what_the_provider_refuses_is_told_and_leaves_nothing() {
    let party = Party::new();
    party.google.away.store(true, Ordering::Relaxed);
    let error = party.login.begin(begin("google", OAuthPurpose::Login)).await.unwrap_err();
    assert_eq!(error.code(), Some("UPSTREAM_ERROR"));
    party.google.away.store(false, Ordering::Relaxed);
    let begun = party.begin("google", OAuthPurpose::Login).await;
    party.google.away.store(true, Ordering::Relaxed);
    let error = party.back("google", &begun, "c1").await.unwrap_err();
    assert_eq!((error.code(), error.client_code()), (Some("UPSTREAM_ERROR"), "temporarily_unavailable"));
    party.google.away.store(false, Ordering::Relaxed);
    let error = party.come_in("google", "no such code").await.unwrap_err();
    assert_eq!((error.category(), error.client_code()), (Category::Invalid, "invalid_request"));
    for (said, category, told) in [
        ("access_denied", Category::Invalid, "access_denied"),
        ("server_error", Category::Unavailable, "temporarily_unavailable"),
    ] {
        let begun = party.begin("google", OAuthPurpose::Login).await;
        let denied = Callback { answer: Err(said.to_owned()), ..callback("google", &begun, "") };
        let error = party.login.complete(denied).await.unwrap().outcome.unwrap_err();
        assert_eq!((error.category(), error.client_code()), (category, told));
    }
    let noted: Vec<_> = party.world.store.events().iter().map(|event| event.payload["reason"].clone()).collect();
    assert_eq!(noted, ["temporarily_unavailable", "invalid_request", "access_denied", "temporarily_unavailable"]);
    assert!(party.kinds().iter().all(|kind| kind == events::LOGIN_FAILED), "{:?}", party.kinds());
}
