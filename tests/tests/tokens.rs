//! What attackers do with tokens. What a single node makes of a forged HS256 token is in
//! `identity`; here is the rest.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Database, Harness, Options};

const ME: &str = "/api/v1/users/me";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";

/// A private key of Ed25519 (RFC 8410, §10.3) and its public half.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

fn payload(token: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn the_public_key_opens_nothing_and_no_other_algorithm_does() {
    let app = Harness::start(Options::usual().with("JWT_ALGORITHM", "EdDSA").with("JWT_SECRET_KEY", PRIVATE)).await;
    let lin = app.account("lin").await;
    app.get_as(&lin.token, ME).await.expect(200);
    let claims = payload(&lin.token);
    let der = STANDARD.decode(PUBLIC).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{PUBLIC}\n-----END PUBLIC KEY-----\n");
    for key in [&der[..], &der[12..], pem.as_bytes(), pem.trim().as_bytes(), PUBLIC.as_bytes()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let forged = encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(key)).unwrap();
            app.get_as(&forged, ME).await.refused(401, "INVALID_TOKEN");
        }
    }
    // The right key under a header that names another key, and with one of its own.
    let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    let good = encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap();
    app.get_as(&good, ME).await.expect(200);
    let parts: Vec<&str> = lin.token.split('.').collect();
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "AAAA" } }),
        json!({ "alg": "EdDSA", "kid": "../../../../dev/null" }),
        json!({ "alg": "ES256" }),
        json!({}),
    ] {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        for signature in [parts[2], ""] {
            app.get_as(&format!("{header}.{}.{signature}", parts[1]), ME).await.refused(401, "INVALID_TOKEN");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn stripped_changed_and_oversized_tokens_open_nothing() {
    let secret = "a secret of the test, of some length";
    let app = Harness::start(Options::usual().with("JWT_SECRET_KEY", secret)).await;
    let lin = app.account("lin").await;
    let wei = app.account("wei").await;
    let parts: Vec<&str> = lin.token.split('.').collect();
    let others: Vec<&str> = wei.token.split('.').collect();
    let fat = |size: usize| {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "typ": "x".repeat(size) }).to_string());
        format!("{header}.{}.{}", parts[1], parts[2])
    };
    for token in [
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], others[2]),
        format!("{}.{}.{}", parts[0], others[1], parts[2]),
        format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].to_lowercase()),
        lin.refresh_token.clone(),
        fat(4_000),
        fat(20_000),
        "..".to_owned(),
    ] {
        app.get_as(&token, ME).await.refused(401, "INVALID_TOKEN");
    }
    // Of another's session, and of one that never was: a well-signed token names both.
    let sign = |claims: &Value| {
        encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    let mut mixed = payload(&lin.token);
    mixed["sid"] = payload(&wei.token)["sid"].clone();
    app.get_as(&sign(&mixed), ME).await.refused(401, "INVALID_TOKEN");
    mixed["sid"] = json!("019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10");
    app.get_as(&sign(&mixed), ME).await.refused(401, "INVALID_TOKEN");
    // A megabyte does not get past the head of the request, and the server goes on.
    let huge = app.http.get(format!("{}{ME}", app.base)).bearer_auth("x".repeat(1 << 20)).send().await;
    assert!(huge.is_err() || huge.is_ok_and(|answer| (400..=499).contains(&answer.status().as_u16())));
    let huge = app.http.get(format!("{}{ME}", app.base)).header("X-API-Key", "x".repeat(1 << 20)).send().await;
    assert!(huge.is_err() || huge.is_ok_and(|answer| (400..=499).contains(&answer.status().as_u16())));
    app.get_as(&lin.token, ME).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_session_id_of_the_clients_choice_is_never_adopted() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let victim = payload(&lin.token)["sid"].as_str().unwrap().to_owned();
    let chosen = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10";
    for id in [chosen, victim.as_str()] {
        let body = json!({
            "username": "lin", "password": PASSWORD, "session_id": id, "sid": id, "id": id,
            "refresh_token": lin.refresh_token, "access_token": lin.token,
        });
        let request = app.request(Method::POST, &format!("{LOGIN}?session_id={id}&sid={id}"));
        let request = request.header("cookie", format!("session={id}; sid={id}; session_id={id}"));
        let answer = app.send(request.header("x-session-id", id).bearer_auth(&lin.token).json(&body)).await.expect(200);
        let opened = payload(answer.data()["access_token"].as_str().unwrap())["sid"].clone();
        assert_ne!(opened, id);
        assert!(answer.headers.get("set-cookie").is_none());
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 3);
    app.stop().await;
}

async fn a_stolen_refresh_token(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let elsewhere = app.login("lin").await;
    let refresh = async |token: &str| app.post(REFRESH, &json!({ "refresh_token": token })).await;
    let text = |answer: &sharestack_tests::Answer, name: &str| answer.data()[name].as_str().unwrap().to_owned();
    // The thief refreshes first, the victim long after.
    let stolen = refresh(&lin.refresh_token).await.expect(200);
    let store = app.store().await;
    let aged = "UPDATE refresh_tokens SET used_at = '2020-01-01 00:00:00' WHERE used_at IS NOT NULL";
    assert_eq!(store.execute_raw(aged).await.unwrap(), 1);
    store.close().await;
    app.get_as(&text(&stolen, "access_token"), ME).await.expect(200);
    refresh(&lin.refresh_token).await.refused(401, "INVALID_TOKEN");
    // The whole family is dead, on the next request; the user's other session is not.
    refresh(&text(&stolen, "refresh_token")).await.refused(401, "INVALID_TOKEN");
    app.get_as(&text(&stolen, "access_token"), ME).await.refused(401, "INVALID_TOKEN");
    app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
    refresh(&elsewhere.refresh_token).await.expect(200);
    let ended = "SELECT COUNT(*) FROM sessions WHERE revoked_reason = 'token_reuse'";
    assert_eq!(app.count(ended).await, 1);
    let told = "SELECT COUNT(*) FROM events WHERE kind = 'user.session_revoked'";
    assert_eq!(app.count(told).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_its_family_on_every_database() {
    for database in Database::all() {
        a_stolen_refresh_token(database).await;
    }
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_set_to() {
    let options = Options::on(Database::Sqlite)
        .with("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "7")
        .with("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "2");
    let app = Harness::start(options).await;
    let lin = app.account("lin").await;
    let login = app.post(LOGIN, &json!({ "username": "lin", "password": PASSWORD })).await.expect(200);
    let refreshed = app.post(REFRESH, &json!({ "refresh_token": lin.refresh_token })).await.expect(200);
    for data in [login.data(), refreshed.data()] {
        assert_eq!(data["expires_in"], 7 * 60);
        let claims = payload(data["access_token"].as_str().unwrap());
        let said = ["exp", "iat"].map(|claim| claims[claim].as_i64().unwrap());
        assert_eq!(said[0] - said[1], 7 * 60);
    }
    let days = "CAST(ROUND((julianday(expires_at) - julianday(issued_at)) * 86400) AS INTEGER)";
    let others = format!("SELECT COUNT(*) FROM refresh_tokens WHERE {days} <> 2 * 86400");
    assert_eq!((app.count("SELECT COUNT(*) FROM refresh_tokens").await, app.count(&others).await), (3, 0));
    // Who comes later signs in anew.
    let store = app.store().await;
    store.execute_raw("UPDATE refresh_tokens SET expires_at = '2020-01-01 00:00:00'").await.unwrap();
    store.close().await;
    let late = json!({ "refresh_token": refreshed.data()["refresh_token"] });
    app.post(REFRESH, &late).await.refused(401, "TOKEN_EXPIRED");
    app.stop().await;
}
