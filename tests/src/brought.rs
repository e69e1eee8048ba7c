//! What who asks brings of their own, whoever owns what they ask about.

use reqwest::Method;
use serde_json::{Value, json};

use crate::authenticator::CodeApp;
use crate::harness::PASSWORD;
use crate::operation::{Operation, Things};
use crate::owned::laptop;
use crate::photos::{self, PHOTOS};
use crate::{Account, Harness, outbox};

const TOTP: &str = "/api/v1/auth/mfa/totp";
const CONFIRM: &str = "/api/v1/auth/mfa/totp/confirm";

/// What somebody must have themselves for an operation to be done by them.
pub async fn brought(app: &Harness, account: &Account, operation: &Operation) -> Things {
    let mut things = Things::new();
    match (operation.method.as_str(), operation.path.as_str()) {
        ("POST", PHOTOS) => {
            things.insert("file", photos::file(app, account, "a.jpg", |_| {}).await);
        }
        (_, "/api/v1/users/me/deletion") => {
            let leaving = app.request(Method::DELETE, "/api/v1/users/me").bearer_auth(&account.token);
            app.send(leaving.json(&json!({ "password": PASSWORD }))).await.expect(202);
        }
        ("POST", CONFIRM | "/api/v1/auth/mfa/recovery-codes") | ("DELETE", TOTP) => {
            let made = app.post_as(&account.token, TOTP, &json!({})).await.expect(201);
            let code = CodeApp::new(made.data()["secret"].as_str().unwrap()).code();
            if operation.path != CONFIRM {
                app.post_as(&account.token, CONFIRM, &json!({ "code": code })).await.expect(200);
            }
            things.insert("code", code);
        }
        ("POST", "/api/v1/auth/passkeys/register") => {
            let asked = app.post_as(&account.token, "/api/v1/auth/passkeys/register/options", &json!({})).await;
            things.insert("credential", laptop(app).create(asked.expect(200).data()).to_string());
        }
        ("POST", "/api/v1/auth/email/verify") => {
            let email = format!("{}@example.com", account.username);
            let ask = json!({ "email": email, "purpose": "register" });
            things.insert("code", code(app, account, &ask, &email).await);
        }
        ("POST", "/api/v1/auth/email/change") => {
            let email = format!("next-{}@example.com", account.username);
            let ask = json!({ "email": email, "purpose": "change_email" });
            things.insert("code", code(app, account, &ask, &email).await);
            things.insert("new_email", email);
        }
        ("POST", "/api/v1/auth/phone/verify") => {
            let phone = format!("+86138{:08}", account.id);
            let ask = json!({ "phone": phone, "purpose": "register" });
            things.insert("code", code(app, account, &ask, &phone).await);
            things.insert("phone", phone);
        }
        _ => {}
    }
    things
}

/// Asks for a code, and reads what was written.
async fn code(app: &Harness, account: &Account, ask: &Value, to: &str) -> String {
    app.post_as(&account.token, "/api/v1/verification/send", ask).await.expect(200);
    outbox::code(app, to).await
}
