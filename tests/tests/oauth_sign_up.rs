//! Who comes in by another service for the first time registers like everybody.

use serde_json::json;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Answer, Database, Harness, Says};

use crate::oauth::{authorize, count, options};
use crate::oauth_recorded::octocat;
use crate::oauth_tokens::{and_back, out_with, with_fake_on};

async fn invite(app: &Harness, email: Option<&str>) -> String {
    use secrecy::ExposeSecret as _;
    let email = email.map(|text| sharestack_users::model::EmailAddress::parse(text).unwrap());
    let made = app.app().registrations.invite(None, email, chrono::Duration::days(1)).await.unwrap();
    made.token.expose_secret().to_owned()
}

async fn come_in(app: &Harness, code: &str) -> Answer {
    let (mut browser, _, back) = out_with(app, "github", &[("invite_code", code)]).await;
    browser.visit(&back).await.answer
}

fn field(answer: Answer) -> (String, String) {
    answer.refused(400, "VALIDATION_ERROR").fields().remove(0)
}

#[tokio::test]
async fn where_one_must_be_invited_another_service_is_no_way_around() {
    for database in Database::all() {
        let options = options(database).with("SHARESTACK__AUTH__REGISTRATION", "invitation");
        let (fake, app) = with_fake_on(options).await;
        octocat(&fake, true);
        let needed = || ("invite_code".to_owned(), "REQUIRED".to_owned());
        let refused = || ("invite_code".to_owned(), "NOT_ALLOWED".to_owned());
        assert_eq!(field(and_back(&app, "github").await), needed());
        assert_eq!(field(come_in(&app, &invite(&app, Some("wei@example.com")).await).await), refused());
        assert_eq!(field(come_in(&app, &format!("ssi_{}", "A".repeat(43))).await), refused());
        let nonsense = app.get(authorize(&app, "github", &[("invite_code", "x")]).as_str()).await;
        assert_eq!(field(nonsense), refused());
        assert_eq!((count(&app, "users").await, count(&app, "external_identities").await), (0, 0));
        assert_eq!(app.count("SELECT COUNT(*) FROM invitations WHERE used_at IS NOT NULL").await, 0);
        let good = invite(&app, Some("Octocat@example.com")).await;
        let user = come_in(&app, &good).await.expect(200).data()["user"].clone();
        assert_eq!(user["email"], "octocat@example.com");
        assert_eq!(and_back(&app, "github").await.expect(200).data()["user"]["id"], user["id"]);
        let redeemed = format!("SELECT COUNT(*) FROM invitations WHERE used_by = {}", user["id"]);
        assert_eq!(app.count(&redeemed).await, 1);
        let body = json!({ "username": "wei", "email": "octo@example.com", "password": PASSWORD, "invite_code": good });
        assert_eq!(field(app.post("/api/v1/auth/register", &body).await), refused());
        app.stop().await;
    }
}

#[tokio::test]
async fn a_client_is_told_that_an_invitation_is_needed() {
    let options = options(Database::usual()).with("SHARESTACK__AUTH__REGISTRATION", "invitation");
    let (fake, app) = with_fake_on(options).await;
    octocat(&fake, true);
    let (mut browser, _, back) = out_with(&app, "github", &[("redirect_uri", crate::oauth::APP)]).await;
    let page = browser.watched().visit(&back).await;
    assert_eq!(page.parameter("error").as_deref(), Some("invitation_required"), "{:?}", page.location());
    assert_eq!(count(&app, "users").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn where_codes_are_asked_for_the_service_must_vouch_for_the_address() {
    let options = options(Database::usual()).with("SHARESTACK__AUTH__REGISTRATION", "code");
    let (fake, app) = with_fake_on(options).await;
    octocat(&fake, false);
    and_back(&app, "github").await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(count(&app, "users").await, 0);
    octocat(&fake, true);
    and_back(&app, "github").await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE is_verified").await, 1);
    app.stop().await;
}

/// Who has proven a mailbox that is written like another's has not proven that one.
#[tokio::test]
async fn an_address_that_is_another_here_is_not_proven_by_the_service() {
    let (fake, app) = with_fake_on(options(Database::usual())).await;
    octocat(&fake, true);
    let emails = json!([{ "email": "octoſcat@example.com", "verified": true, "primary": true }]);
    fake.says("/user/emails", Says::Json(200, emails));
    and_back(&app, "github").await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!((count(&app, "users").await, count(&app, "external_identities").await), (0, 0));
    app.stop().await;
}
