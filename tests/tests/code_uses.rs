//! What codes are good for: registering, confirming and changing addresses and numbers.

use futures::future::join_all;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Database, Harness, Options, outbox};

use crate::verification::{
    CODE_LOGIN, EMAIL_CHANGE, EMAIL_VERIFY, LOGIN, PHONE_VERIFY, REGISTER, SEND, VERIFY, eager, left, me, other_than,
    sent,
};

fn newcomer(name: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_codes_are_asked_for_only_who_has_the_mailbox_registers() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database).with("SHARESTACK__AUTH__REGISTRATION", "code")).await;
        let mut body = newcomer("lin");
        let refused = app.post(REGISTER, &body).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("verification_code".to_owned(), "REQUIRED".to_owned())]);
        let code = sent(&app, "lin@example.com", "register").await;
        body["verification_code"] = json!(other_than(&code));
        let refused = app.post(REGISTER, &body).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("verification_code".to_owned(), "MISMATCH".to_owned())]);
        assert_eq!((left(&refused), app.count("SELECT COUNT(*) FROM users").await), (json!(2), 0));
        body["verification_code"] = json!(code);
        let user = app.post(REGISTER, &body).await.expect(201);
        assert_eq!(user.data()["is_verified"], true);
        let mut other = newcomer("wei");
        other["verification_code"] = json!(code);
        app.post(REGISTER, &other).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_invitations_are_asked_for_each_lets_one_in() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database).with("SHARESTACK__AUTH__REGISTRATION", "invitation")).await;
        let invite = async || {
            use secrecy::ExposeSecret as _;
            let ttl = chrono::Duration::days(1);
            app.app().registrations.invite(None, None, ttl).await.unwrap().token.expose_secret().to_owned()
        };
        let refused = app.post(REGISTER, &newcomer("lin")).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("invite_code".to_owned(), "REQUIRED".to_owned())]);
        let code = invite().await;
        let tries = (0..8).map(|n| {
            let (client, mut body) = ((*app).clone(), newcomer(&format!("user{n}")));
            body["invite_code"] = json!(code);
            tokio::spawn(async move { client.post(REGISTER, &body).await })
        });
        let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for refused in answers.into_iter().filter(|answer| answer.status != 201) {
            let refused = refused.refused(400, "VALIDATION_ERROR");
            assert_eq!(refused.fields(), [("invite_code".to_owned(), "NOT_ALLOWED".to_owned())]);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM invitations WHERE used_by IS NOT NULL").await, 1);
        let store = app.store().await;
        assert!(!store.texts_raw("SELECT hash FROM invitations").await.unwrap().contains(&code));
        store.close().await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_confirmed_by_code_or_token() {
    for database in Database::all() {
        let app =
            Harness::start(Options::on(database).with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
        let (lin, wei) = (app.account("lin").await, app.account("wei").await);
        assert_eq!(me(&app, &lin).await["is_verified"], false);
        let code = sent(&app, "lin@example.com", "register").await;
        // Another's code does not confirm one's own address.
        app.post_as(&wei.token, EMAIL_VERIFY, &json!({ "code": code })).await.refused(400, "VALIDATION_ERROR");
        let answer = app.post_as(&lin.token, EMAIL_VERIFY, &json!({ "code": code })).await.expect(200);
        assert_eq!(answer.data(), &json!({ "is_verified": true }));
        assert_eq!(me(&app, &lin).await["is_verified"], true);
        let claim = json!({
            "email": "wei@example.com", "purpose": "register", "code": sent(&app, "wei@example.com", "register").await
        });
        let token = app.post(VERIFY, &claim).await.expect(200).data()["verification_token"].clone();
        app.post(EMAIL_VERIFY, &json!({ "token": token })).await.expect(200);
        app.post(EMAIL_VERIFY, &json!({ "token": token })).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.email_verified'").await, 2);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_address_is_taken_by_who_has_the_mailbox_and_the_old_one_is_told() {
    for database in Database::all() {
        let app =
            Harness::start(Options::on(database).with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
        let lin = app.account("lin").await;
        app.account("wei").await;
        let begin = async |email: &str| {
            let body = json!({ "email": email, "purpose": "change_email" });
            app.post_as(&lin.token, SEND, &body).await.expect(200);
        };
        begin("New@example.com").await;
        let code = outbox::code(&app, "New@example.com").await;
        let change = async |email: &str, code: &str| {
            app.post_as(&lin.token, EMAIL_CHANGE, &json!({ "new_email": email, "code": code })).await
        };
        change("new@example.com", &other_than(&code)).await.refused(400, "VALIDATION_ERROR");
        change("other@example.com", &code).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(me(&app, &lin).await["email"], "lin@example.com");
        let user = change("New@example.com", &code).await.expect(200);
        assert_eq!((&user.data()["email"], &user.data()["is_verified"]), (&json!("New@example.com"), &json!(true)));
        let told = outbox::to(&app, "lin@example.com").await.pop().unwrap();
        assert!(told["text"].as_str().unwrap().contains("New@example.com"), "{told}");
        app.post(LOGIN, &json!({ "username": "new@example.com", "password": PASSWORD })).await.expect(200);
        // What another account has is not taken, and its holder is told.
        begin("wei@example.com").await;
        let told = outbox::to(&app, "wei@example.com").await.pop().unwrap();
        assert_eq!(told["subject"], "You already have a ShareStack account");
        // Nor what another account took meanwhile.
        begin("soon@example.com").await;
        let code = outbox::code(&app, "soon@example.com").await;
        let body = json!({ "username": "soon", "email": "soon@example.com", "password": PASSWORD });
        app.post(REGISTER, &body).await.expect(201);
        change("soon@example.com", &code).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(me(&app, &lin).await["email"], "New@example.com");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_number_is_a_way_in() {
    for database in Database::all() {
        let app =
            Harness::start(Options::on(database).with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
        let lin = app.account("lin").await;
        let ask = async |purpose: &str| {
            let body = json!({ "phone": "138 0013 8000", "purpose": purpose });
            app.post_as(&lin.token, SEND, &body).await.expect(200);
        };
        ask("login").await;
        assert!(outbox::to(&app, "+8613800138000").await.is_empty(), "nobody has confirmed it");
        ask("register").await;
        let code = outbox::code(&app, "+8613800138000").await;
        let body = |code: &str| json!({ "phone": "+86 13800138000", "code": code });
        app.post_as(&lin.token, PHONE_VERIFY, &body(&other_than(&code))).await.refused(400, "VALIDATION_ERROR");
        let user = app.post_as(&lin.token, PHONE_VERIFY, &body(&code)).await.expect(200);
        assert_eq!(user.data()["phone"], "+8613800138000");
        ask("login").await;
        let code = outbox::code(&app, "+8613800138000").await;
        let answer = app.post(CODE_LOGIN, &body(&code)).await.expect(200);
        assert_eq!(answer.data()["user"]["id"], lin.id);
        assert_eq!(app.count("SELECT COUNT(*) FROM user_phones").await, 1);
        app.stop().await;
    }
}

#[tokio::test]
async fn flags_in_a_body_change_nothing() {
    let app = Harness::start(eager()).await;
    let mut body = newcomer("lin");
    for (name, value) in [("role", json!("super_admin")), ("is_superuser", json!(true)), ("is_verified", json!(true))] {
        body[name] = value;
    }
    body["id"] = json!(1);
    let user = app.post(REGISTER, &body).await.expect(201).data().clone();
    assert_eq!(
        (&user["role"], &user["is_superuser"], &user["is_verified"]),
        (&json!("user"), &json!(false), &json!(false))
    );
    app.stop().await;
}
