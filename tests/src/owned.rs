//! Somebody who owns what a path of the document is about.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_media::sample::Sample;
use sharestack_users::model::{ExternalIdentity, IdentityId, ProviderName, ProviderProfile, Subject};
use sharestack_users::ports::UsersTx;
use uuid::Uuid;

use crate::money::{NOTIFY, monthly_plan, notify, paid_article, subscribe, success};
use crate::operation::{Operation, Things};
use crate::passkey::Device;
use crate::photos::PHOTOS;
use crate::uploading::{TUS, begin, form, put, send_file, send_form};
use crate::{Account, Harness, outbox, photos, until};

/// A creator with a thing of every kind that an operation names.
pub struct Owner {
    pub account: Account,
    pub things: Things,
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Makes somebody and what an operation is about, as it must be for it to be done.
pub async fn owner(app: &Harness, admin: &Account, number: usize, operation: &Operation) -> Owner {
    let name = format!("owner{number}");
    let account = app.with_role(admin, &name, "creator").await;
    let mut made = Making { app, admin, number, operation, things: Things::new(), account };
    made.things.extend([("user_id", made.account.id.to_string()), ("username", name), ("fresh", number.to_string())]);
    made.things.extend([("year", "2024".to_owned()), ("month", "1".to_owned())]);
    made.things.insert("refresh_token", made.account.refresh_token.clone());
    // One that opens nothing, for who brings none of their own.
    made.things.insert("code", "000000".to_owned());
    made.of_account().await;
    made.of_mailbox().await;
    made.of_shown().await;
    made.of_site().await;
    made.of_content().await;
    made.of_money().await;
    made.of_files().await;
    Owner { account: made.account, things: made.things }
}

struct Making<'a> {
    app: &'a Harness,
    admin: &'a Account,
    number: usize,
    operation: &'a Operation,
    account: Account,
    things: Things,
}

impl Making<'_> {
    fn about(&self, part: &str) -> bool {
        self.operation.path.contains(part)
    }

    fn keep(&mut self, name: &'static str, thing: &Value) {
        self.things.insert(name, text(thing));
    }

    /// Makes something as its owner; what the server says of it.
    async fn own(&self, path: &str, body: Value, status: u16) -> Value {
        self.app.post_as(&self.account.token, path, &body).await.expect(status).data().clone()
    }

    /// The same, as the admin does.
    async fn site(&self, path: &str, body: Value) -> Value {
        self.app.post_as(&self.admin.token, path, &body).await.expect(201).data().clone()
    }

    async fn of_account(&mut self) {
        if self.about("session") {
            let sessions = self.app.get_as(&self.account.token, "/api/v1/auth/sessions").await.expect(200);
            self.keep("session_id", &sessions.data()[0]["id"]);
        }
        if self.about("/passkeys/{") || self.operation.path.ends_with("/passkeys/login") {
            let mut laptop = laptop(self.app);
            let options = self.own("/api/v1/auth/passkeys/register/options", json!({}), 200).await;
            let made = json!({ "credential": laptop.create(&options) });
            let made = self.own("/api/v1/auth/passkeys/register", made, 201).await;
            self.keep("id", &made["id"]);
            let asked = self.app.post("/api/v1/auth/passkeys/login/options", &json!({})).await.expect(200);
            self.keep("credential", &laptop.get(asked.data()));
        } else if self.about("/identities/{") {
            let id = link(self.app, &self.account, self.number).await;
            self.keep("id", &json!(id));
        } else if self.about("/export/{") {
            let begun = self.own("/api/v1/users/me/export", json!({}), 202).await;
            self.keep("id", &begun["id"]);
            if self.about("/download") {
                let path = format!("/api/v1/users/me/export/{}", text(&begun["id"]));
                let read = async || self.app.get_as(&self.account.token, &path).await.expect(200).data().clone();
                until("the copy is made", async || read().await["status"] == "ready").await;
                let url = read().await["download_url"].clone();
                self.keep_address(&url);
            }
        } else if self.about("/api-keys/{") {
            let key = json!({ "name": "one", "scopes": ["article.read"] });
            let key = self.own("/api/v1/auth/api-keys", key, 201).await;
            self.keep("id", &key["id"]);
        }
    }

    /// What was written to them, for what is proved by it.
    async fn of_mailbox(&mut self) {
        let email = format!("{}@example.com", self.account.username);
        let (path, body) = match self.operation.path.as_str() {
            "/api/v1/auth/login/code" => ("/api/v1/verification/send", json!({ "email": email, "purpose": "login" })),
            "/api/v1/verification/verify" => {
                ("/api/v1/verification/send", json!({ "email": email, "purpose": "register" }))
            }
            "/api/v1/auth/password/reset" => ("/api/v1/auth/password/forgot", json!({ "email": email })),
            _ => return,
        };
        let asked = self.app.post(path, &body).await;
        assert!([200, 202].contains(&asked.status), "{}", asked.text);
        self.keep("code", &json!(outbox::code(self.app, &email).await));
        self.keep("email", &json!(email));
    }

    /// What is shown at an address of its own.
    async fn of_shown(&mut self) {
        let token = self.account.token.clone();
        if self.about("/media/avatars/{") {
            let body = form(&[("file", "a.jpg", &picture())]);
            let sent = send_form(self.app, &token, "/api/v1/users/me/avatar", body).await.expect(200);
            self.keep_address(&sent.data()["avatar_url"]);
        } else if self.about("/upload/files/{") {
            let sent = send_file(self.app, &token, "a.jpg", &picture()).await.expect(201);
            self.keep_address(&sent.data()["upload_url"]);
        }
    }

    /// The end of an address and its query.
    fn keep_address(&mut self, address: &Value) {
        let address = address.as_str().unwrap();
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        self.things.insert("name", path.rsplit('/').next().unwrap().to_owned());
        self.things.insert("query", query.to_owned());
    }

    /// What belongs to nobody.
    async fn of_site(&mut self) {
        let number = self.number;
        let slug = format!("thing-{number}");
        let (path, field, body) = if self.about("/roles/{") {
            ("/api/v1/roles", "role_id", json!({ "name": format!("role_{number}"), "permissions": ["article.read"] }))
        } else if self.about("/invitations/{") {
            ("/api/v1/auth/invitations", "id", json!({}))
        } else if self.about("/articles/categories/{") {
            ("/api/v1/articles/categories", "id", json!({ "name": format!("栏目 {number}"), "slug": slug }))
        } else if self.about("/v1/categories/{") {
            ("/api/v1/categories", "id", json!({ "name": format!("分类 {number}"), "slug": slug }))
        } else if self.about("/v1/tags/{") || self.about("/tags/merge") {
            ("/api/v1/tags", "id", json!({ "name": format!("标签 {number}"), "slug": slug }))
        } else if self.about("/timeline/events/{") {
            ("/api/v1/timeline/events", "id", json!({ "title": "得奖", "date": "2024-03-15", "type": "achievement" }))
        } else {
            return self.of_operators().await;
        };
        let made = self.site(path, body).await;
        self.keep(field, &made["id"]);
        if self.about("/tags/merge") {
            let other = json!({ "name": format!("别名 {number}"), "slug": format!("other-{number}") });
            let other = self.site(path, other).await;
            self.keep("other", &other["id"]);
        }
    }

    async fn of_operators(&mut self) {
        if self.about("/audit-logs/{") {
            let logged = self.app.get_as(&self.admin.token, "/api/v1/audit-logs?limit=1").await.expect(200);
            self.keep("id", &logged.data()[0]["id"]);
        } else if self.about("/cache/{") {
            let key = format!("key-{}", self.number);
            let path = format!("/cache/{key}");
            self.app.post_as(&self.admin.token, &path, &json!({ "data": { "n": 1 }, "ttl": 600 })).await.expect(200);
            self.keep("key", &json!(key));
        }
    }

    async fn of_content(&mut self) {
        if self.about("/articles/{") {
            let draft = json!({ "title": "慢慢写", "content": "一" });
            let draft = self.own("/api/v1/articles", draft, 201).await;
            self.keep("id", &draft["id"]);
            let path = format!("/api/v1/articles/{}", draft["id"]);
            if self.operation.method == Method::GET || self.about("/unpublish") {
                self.own(&format!("{path}/publish"), json!({}), 200).await;
            }
        }
        let grouped = self.about("/v1/categories/{");
        let listed = self.operation.path == PHOTOS || self.operation.path.ends_with("/photos/search");
        if grouped || (self.about("/photos") && !listed) {
            let file = photos::file(self.app, &self.account, "a.jpg", |_| {}).await;
            // Drafts are their owners' alone.
            let shown = grouped || self.operation.method == Method::GET || self.about("/like");
            let status = if shown { "published" } else { "draft" };
            let photo = json!({ "title": "夜", "file_id": file, "status": status });
            let photo = self.own("/api/v1/photos", photo, 201).await["id"].clone();
            self.keep("photo", &photo);
            if !grouped {
                self.keep("id", &photo);
                self.keep("file", &json!("display.jpg"));
            }
            self.of_photo(&photo).await;
        }
        if self.about("/share-links/{") || self.about("/share/{") {
            let photo: Value = if let Some(id) = self.things.get("photo") {
                id.parse().unwrap()
            } else {
                let file = photos::file(self.app, &self.account, "a.jpg", |_| {}).await;
                self.own("/api/v1/photos", json!({ "title": "夜", "file_id": file }), 201).await["id"].clone()
            };
            let link = self.own("/api/v1/photos/share-links", json!({ "photo_ids": [photo] }), 201).await;
            self.keep("link_id", &link["id"]);
            self.keep("token", &link["token"]);
        }
    }

    async fn of_photo(&self, photo: &Value) {
        let path = format!("/api/v1/photos/{photo}");
        if self.about("/restore") {
            self.app.delete_as(&self.account.token, &path).await.expect(204);
        }
        let taken_out = self.about("/photos") && self.operation.method == Method::DELETE;
        if self.about("/v1/categories/{") && (taken_out || self.about("/cover")) {
            let path = format!("/api/v1/categories/{}/photos", self.things["id"]);
            self.app.post_as(&self.admin.token, &path, &json!({ "photo_ids": [photo] })).await.expect(200);
        }
    }

    async fn of_money(&mut self) {
        if self.about("/subscriptions/plans/{") {
            let plan = monthly_plan(self.app, &self.account.token).await;
            self.keep("id", &json!(plan));
            return;
        }
        let sold = ["/subscriptions/{", "/orders/{", "/pay/{", NOTIFY].into_iter().any(|part| self.about(part));
        if !sold && self.operation.path != "/api/v1/subscriptions" && !self.about("/subscriptions/access") {
            return;
        }
        let seller = self.app.with_role(self.admin, &format!("seller{}", self.number), "creator").await;
        let article = paid_article(self.app, &seller.token).await;
        let plan = monthly_plan(self.app, &seller.token).await;
        self.keep("plan", &json!(plan));
        self.keep("article", &json!(article));
        if !sold {
            return;
        }
        let sold = subscribe(self.app, &self.account.token, plan, "one").await.expect(201).data().clone();
        self.keep("order_id", &sold["order"]["id"]);
        self.keep("order_no", &sold["order"]["order_no"]);
        self.keep("now", &json!(SystemClock.now()));
        self.keep("id", &sold["subscription"]["id"]);
        if self.about("/subscriptions/{") {
            notify(self.app, &success(&sold["order"], &format!("txn-{}", self.number))).await.expect(200);
        }
        if self.about("/resume") {
            let path = format!("/api/v1/subscriptions/{}/cancel", sold["subscription"]["id"]);
            self.own(&path, json!({}), 200).await;
        }
    }

    async fn of_files(&mut self) {
        if self.about("/{file_id}") {
            let file = photos::file(self.app, &self.account, "DSC_0001.jpg", |_| {}).await;
            self.keep("file_id", &json!(file));
        }
        if self.about("/chunked/{upload_id}") {
            let begun = begin(self.app, &self.account.token, picture().len(), 65_536).await;
            if self.about("/complete") {
                put(self.app, begun["upload_urls"][0].as_str().unwrap(), &picture()).await.expect(200);
            }
            self.keep("upload_id", &begun["upload_id"]);
            self.keep("n", &json!(0));
        } else if self.about("/tus/{upload_id}") {
            let request = self.app.request(Method::POST, TUS).bearer_auth(&self.account.token);
            let request = request.header("upload-length", picture().len()).header("tus-resumable", "1.0.0");
            let begun = self.app.send(request).await.expect(201);
            self.keep("upload_id", &json!(begun.header("location").rsplit('/').next().unwrap()));
        }
    }
}

/// What is uploaded here.
pub fn picture() -> Vec<u8> {
    Sample::corners(60, 40).jpeg()
}

/// Something that keeps passkeys for a page of the server.
pub(crate) fn laptop(app: &Harness) -> Device {
    Device::on(&app.base.replace("127.0.0.1", "localhost"))
}

/// An account elsewhere that somebody signs in by; its id.
async fn link(app: &Harness, account: &Account, number: usize) -> String {
    let number = u128::try_from(number).unwrap();
    let profile = ProviderProfile::of(Subject::parse(&format!("subject-{number}")).unwrap());
    let (id, provider) = (Uuid::from_u128(number << 64 | 7), ProviderName::parse("google").unwrap());
    let linked =
        ExternalIdentity::link(IdentityId::new(id), UserId::new(account.id), provider, &profile, SystemClock.now());
    let store: Arc<dyn Begin<dyn UsersTx>> = Arc::new(app.app().store.clone());
    let done: Result<bool, StoreError> = transact!(store, |tx| { Ok(tx.identities().insert(&linked).await.is_ok()) });
    assert!(done.unwrap());
    id.to_string()
}
