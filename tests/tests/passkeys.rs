//! Passkeys, with a device in software.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::client::Answer;
use sharestack_tests::passkey::Device;
use sharestack_tests::{Account, Database, Harness, Options};

const REGISTER_OPTIONS: &str = "/api/v1/auth/passkeys/register/options";
const REGISTER: &str = "/api/v1/auth/passkeys/register";
const LOGIN_OPTIONS: &str = "/api/v1/auth/passkeys/login/options";
const LOGIN: &str = "/api/v1/auth/passkeys/login";
const MFA: &str = "/api/v1/auth/mfa";
const ME: &str = "/api/v1/users/me";

fn origin(app: &Harness) -> String {
    app.base.replace("127.0.0.1", "localhost")
}

async fn registration(app: &Harness, account: &Account) -> Value {
    let answer = app.send(app.request(Method::POST, REGISTER_OPTIONS).bearer_auth(&account.token)).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.data().clone()
}

async fn register(app: &Harness, account: &Account, name: &str, credential: Value) -> Answer {
    app.post_as(&account.token, REGISTER, &json!({ "name": name, "credential": credential })).await
}

/// A device that holds a passkey of the account.
async fn device(app: &Harness, account: &Account, name: &str) -> Device {
    let mut device = Device::on(&origin(app));
    let options = registration(app, account).await;
    register(app, account, name, device.create(&options)).await.expect(201);
    device
}

async fn challenge(app: &Harness) -> Value {
    app.send(app.request(Method::POST, LOGIN_OPTIONS)).await.expect(200).data().clone()
}

async fn sign_in(app: &Harness, credential: Value) -> Answer {
    app.post(LOGIN, &json!({ "credential": credential })).await
}

async fn sql(app: &Harness, text: &str) {
    let store = app.store().await;
    store.execute_raw(text).await.unwrap();
    store.close().await;
}

async fn a_passkey_from_its_making_to_its_removal(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let mut laptop = Device::on(&origin(&app));
    let options = registration(&app, &lin).await;
    assert_eq!(options["publicKey"]["rp"], json!({ "id": "localhost", "name": "ShareStack" }));
    assert_eq!(options["publicKey"]["user"]["name"], "lin");
    assert_eq!(options["publicKey"]["excludeCredentials"], json!([]));
    let made = register(&app, &lin, "我的电脑", laptop.create(&options)).await.expect(201);
    assert_eq!((&made.data()["name"], &made.data()["last_used_at"]), (&json!("我的电脑"), &Value::Null));
    let mut phone = device(&app, &lin, "phone").await;
    let again = registration(&app, &lin).await;
    assert_eq!(again["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 2);
    assert_eq!(again["publicKey"]["user"]["id"], options["publicKey"]["user"]["id"], "devices know one user");

    let before = app.count("SELECT COUNT(*) FROM sessions WHERE method = 'passkey'").await;
    let done = sign_in(&app, laptop.get(&challenge(&app).await)).await.expect(200);
    assert_eq!(done.data()["user"]["id"], lin.id);
    app.get_as(done.data()["access_token"].as_str().unwrap(), ME).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE method = 'passkey'").await, before + 1);
    sign_in(&app, phone.get(&challenge(&app).await)).await.expect(200);

    let listed = app.get_as(&lin.token, MFA).await.expect(200);
    let factors = listed.data()["factors"].as_array().unwrap().clone();
    assert_eq!((factors.len(), &listed.data()["enabled"]), (2, &json!(false)));
    assert_eq!((&factors[0]["type"], &factors[0]["name"]), (&json!("passkey"), &json!("我的电脑")));
    assert!(factors[0]["last_used_at"].as_str().unwrap().ends_with('Z'));

    let path = format!("/api/v1/auth/passkeys/{}", factors[0]["id"].as_str().unwrap());
    let wei = app.account("wei").await;
    app.delete_as(&wei.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    app.delete_as(&lin.token, &path).await.expect(204);
    app.delete_as(&lin.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    sign_in(&app, laptop.get(&challenge(&app).await)).await.refused(401, "INVALID_CREDENTIALS");
    sign_in(&app, phone.get(&challenge(&app).await)).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 1);
    for (kind, count) in [("user.passkey_added", 2), ("user.passkey_removed", 1)] {
        assert_eq!(app.count(&format!("SELECT COUNT(*) FROM events WHERE kind = '{kind}'")).await, count, "{kind}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_passkey_from_its_making_to_its_removal_on_every_database() {
    for database in Database::all() {
        a_passkey_from_its_making_to_its_removal(database).await;
    }
}

#[tokio::test]
async fn a_challenge_is_good_once_and_for_its_purpose() {
    let app = Harness::usual().await;
    let (lin, wei) = (app.account("lin").await, app.account("wei").await);
    let mut laptop = device(&app, &lin, "laptop").await;
    let answer = laptop.get(&challenge(&app).await);
    let rivals = (0..8).map(|_| {
        let (client, body) = ((*app).clone(), json!({ "credential": answer }));
        tokio::spawn(async move { client.post(LOGIN, &body).await.status })
    });
    let statuses: Vec<_> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    sign_in(&app, answer).await.refused(401, "INVALID_CREDENTIALS");

    let mut other = Device::on(&origin(&app));
    let made = other.create(&registration(&app, &lin).await);
    register(&app, &wei, "stolen", made.clone()).await.refused(400, "VALIDATION_ERROR");
    register(&app, &lin, "late", made).await.refused(400, "VALIDATION_ERROR");
    let options = registration(&app, &lin).await;
    sign_in(&app, laptop.get(&options)).await.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE method = 'passkey'").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn an_answer_from_elsewhere_or_without_its_user_is_refused() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let spoil: [fn(&mut Device); 3] = [
        |device| "https://evil.example".clone_into(&mut device.origin),
        |device| "evil.example".clone_into(&mut device.rp_id),
        |device| device.verifies = false,
    ];
    for spoil in spoil {
        let mut device = Device::on(&origin(&app));
        spoil(&mut device);
        let made = device.create(&registration(&app, &lin).await);
        let answer = register(&app, &lin, "x", made).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [("credential".to_owned(), "NOT_ALLOWED".to_owned())]);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 0);
    let mut good = device(&app, &lin, "good").await;
    for spoil in spoil {
        let mut bad = good.copy();
        spoil(&mut bad);
        bad.counter = 100;
        sign_in(&app, bad.get(&challenge(&app).await)).await.refused(401, "INVALID_CREDENTIALS");
    }
    let mut forged = good.get(&challenge(&app).await);
    let signature = Device::on(&origin(&app)).get(&challenge(&app).await)["response"]["signature"].clone();
    forged["response"]["signature"] = signature;
    sign_in(&app, forged).await.refused(401, "INVALID_CREDENTIALS");
    let mut another = good.get(&challenge(&app).await);
    another["response"]["userHandle"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    sign_in(&app, another).await.refused(401, "INVALID_CREDENTIALS");
    sign_in(&app, good.get(&challenge(&app).await)).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE method = 'passkey'").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_copied_key_is_found_out_by_its_counter() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let mut laptop = device(&app, &lin, "laptop").await;
    sign_in(&app, laptop.get(&challenge(&app).await)).await.expect(200);
    let mut copy = laptop.copy();
    sign_in(&app, laptop.get(&challenge(&app).await)).await.expect(200);
    sign_in(&app, copy.get(&challenge(&app).await)).await.refused(401, "INVALID_CREDENTIALS");
    sign_in(&app, laptop.get(&challenge(&app).await)).await.expect(200);
    // Two at once with one counter: the key is held while it is checked.
    let (mut one, mut two) = (laptop.copy(), laptop.copy());
    let answers = [one.get(&challenge(&app).await), two.get(&challenge(&app).await)];
    let tries = answers.map(|credential| {
        let client = (*app).clone();
        tokio::spawn(async move { client.post(LOGIN, &json!({ "credential": credential })).await.status })
    });
    let mut statuses: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    app.stop().await;
}

#[tokio::test]
async fn a_key_belongs_to_one_account() {
    let app = Harness::usual().await;
    let (lin, wei) = (app.account("lin").await, app.account("wei").await);
    let mut laptop = device(&app, &lin, "laptop").await;
    let twice = laptop.create(&registration(&app, &lin).await);
    register(&app, &lin, "again", twice).await.refused(400, "VALIDATION_ERROR");
    let stolen = laptop.copy().create(&registration(&app, &wei).await);
    register(&app, &wei, "stolen", stolen).await.refused(409, "RESOURCE_CONFLICT");
    let done = sign_in(&app, laptop.get(&challenge(&app).await)).await;
    // The device now takes itself for the other's: whose key it is, the server knows.
    assert!(done.status == 401 || done.data()["user"]["id"] == lin.id, "{}", done.text);
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let mut laptop = device(&app, &lin, "laptop").await;
    sql(&app, "UPDATE users SET password_hash = '!'").await;
    let listed = app.get_as(&lin.token, MFA).await.expect(200);
    let path = format!("/api/v1/auth/passkeys/{}", listed.data()["factors"][0]["id"].as_str().unwrap());
    let refused = app.delete_as(&lin.token, &path).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(refused.body["error"]["details"]["reason"], "last_login_method");
    sign_in(&app, laptop.get(&challenge(&app).await)).await.expect(200);
    device(&app, &lin, "phone").await;
    app.delete_as(&lin.token, &path).await.expect(204);
    app.stop().await;
}

#[tokio::test]
async fn an_account_has_twenty_passkeys_at_the_most() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let last = registration(&app, &lin).await;
    for n in 0..20 {
        device(&app, &lin, &format!("device {n}")).await;
    }
    let refused = app.send(app.request(Method::POST, REGISTER_OPTIONS).bearer_auth(&lin.token)).await;
    refused.refused(409, "RESOURCE_CONFLICT");
    let made = Device::on(&origin(&app)).create(&last);
    register(&app, &lin, "one too many", made).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 20);
    app.stop().await;
}

#[tokio::test]
async fn a_passkey_is_both_proofs_and_a_disabled_account_stays_out() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let mut laptop = device(&app, &lin, "laptop").await;
    let made = app.send(app.request(Method::POST, "/api/v1/auth/mfa/totp").bearer_auth(&lin.token)).await.expect(201);
    let code = CodeApp::new(made.data()["secret"].as_str().unwrap()).code();
    app.post_as(&lin.token, "/api/v1/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);
    let done = sign_in(&app, laptop.get(&challenge(&app).await)).await.expect(200);
    assert!(done.data()["access_token"].is_string(), "{}", done.text);
    sql(&app, "UPDATE users SET is_active = false").await;
    sign_in(&app, laptop.get(&challenge(&app).await)).await.refused(401, "ACCOUNT_DISABLED");
    app.stop().await;
}

/// The names and types of everything in a value, without its texts.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(all) => all.iter().map(shape).collect(),
        Value::String(text) => json!(text.len()),
        other => other.clone(),
    }
}

#[tokio::test]
async fn login_options_tell_nothing_of_any_account() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    device(&app, &lin, "laptop").await;
    let ask = async |body: Value| {
        let answer = app.post(LOGIN_OPTIONS, &body).await.expect(200);
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        (shape(answer.data()), names)
    };
    let known = ask(json!({ "username": "lin" })).await;
    for body in [json!({ "username": "nobody" }), json!({ "username": "lin@example.com" }), json!({})] {
        assert_eq!(ask(body).await, known);
    }
    let options = challenge(&app).await;
    assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
    assert_eq!(options["publicKey"]["userVerification"], "required");
    assert_ne!(options["publicKey"]["challenge"], challenge(&app).await["publicKey"]["challenge"]);
    app.stop().await;
}

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let post = async |body: &Value| app.post_as(&lin.token, REGISTER, body).await;
    for (body, field, code) in [
        (json!({}), "credential", "REQUIRED"),
        (json!({ "credential": {} }), "credential", "INVALID_FORMAT"),
        (
            json!({ "credential": { "rawId": "AQID", "response": { "clientDataJSON": "e30" } } }),
            "credential",
            "INVALID_FORMAT",
        ),
        (json!({ "credential": {}, "name": "x".repeat(101) }), "name", "TOO_LONG"),
        (json!({ "credential": {}, "name": " " }), "name", "REQUIRED"),
        (json!({ "credential": {}, "name": "a\u{7}b" }), "name", "INVALID_FORMAT"),
    ] {
        let answer = post(&body).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [(field.to_owned(), code.to_owned())], "{body}");
    }
    for body in
        [json!({ "credential": [] }), json!({ "credential": "x" }), json!({ "credential": {}, "name": 1 }), json!([])]
    {
        post(&body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    app.post(LOGIN, &json!({})).await.refused(400, "VALIDATION_ERROR");
    app.post(LOGIN, &json!({ "credential": 1 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    let mut stranger = Device::on(&origin(&app));
    let unknown = stranger.get(&challenge(&app).await);
    for credential in
        [json!({}), json!({ "rawId": "AQID", "response": {} }), unknown, json!({ "rawId": "x".repeat(100_000) })]
    {
        sign_in(&app, credential).await.refused(401, "INVALID_CREDENTIALS");
    }
    for path in ["nonsense", "01977f2e-7b1c-7a40-9d2e-3c5b6a7f8e90", "' OR 1=1 --"] {
        let path = format!("/api/v1/auth/passkeys/{path}");
        app.delete_as(&lin.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    for (method, path) in [
        (Method::POST, REGISTER_OPTIONS),
        (Method::POST, REGISTER),
        (Method::DELETE, "/api/v1/auth/passkeys/01977f2e-7b1c-7a40-9d2e-3c5b6a7f8e90"),
    ] {
        let request = app.request(method, path).json(&json!({ "credential": {} }));
        app.send(request).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM passkeys").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_site_that_cannot_have_passkeys_is_a_setting_that_is_named() {
    let data = tempfile::tempdir().unwrap();
    let mut variables = sharestack_tests::harness::settings(data.path());
    variables.insert("PASSKEY_RP_ID".to_owned(), "example.com".to_owned());
    variables.insert("PASSKEY_ORIGINS".to_owned(), "[\"https://example.org\"]".to_owned());
    let config = sharestack_app::config::Config::load(std::path::Path::new("no-such-directory"), &variables).unwrap();
    sharestack_app::wiring::install_crypto();
    let error = sharestack_app::wiring::build(config).await.err().unwrap().to_string();
    assert!(error.contains("auth.passkeys") && error.contains("example.org"), "{error}");
}
