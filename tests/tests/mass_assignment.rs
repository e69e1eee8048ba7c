//! Nobody gives themselves, by a body, what the product gives: every kind of thing is made and changed with
//! all the columns of its table beside what the body may hold.

use serde_json::{Value, json};
use sharestack_tests::money::{monthly_plan, subscribe};
use sharestack_tests::uploading::{FORM, form};
use sharestack_tests::{Account, Database, Harness, Studio, outbox, photos};

const OLD: &str = "2000-01-01T00:00:00Z";

/// A body with everything that somebody might wish for of `other`'s.
fn greedy(body: &Value, other: &Account) -> Value {
    let mut all = json!({
        "id": 999_999, "user_id": other.id, "author_id": other.id, "owner_id": other.id, "creator_id": other.id,
        "buyer_id": other.id, "seller_id": other.id, "subscriber_id": other.id, "created_by": other.id,
        "user": { "id": other.id, "roles": ["super_admin"] }, "roles": ["super_admin"], "is_superuser": true,
        "is_built_in": true, "built_in": true, "amount": 1, "state": "paid", "paid_at": OLD, "version": 99
    });
    let counted = json!({
        "hash": "x", "prefix": "sk_mine", "secret": "mine", "token": "mine", "token_hash": "x", "url": "https://e.org",
        "view_count": 777, "like_count": 777, "download_count": 777, "direct_count": 777, "usage_count": 777,
        "created_at": OLD, "updated_at": OLD, "published_at": OLD, "deleted_at": OLD, "trashed_at": OLD,
        "last_used_at": OLD, "used_at": OLD, "used_by": 1, "revoked_at": OLD, "trial_end": OLD,
        "current_period_end": "2999-01-01T00:00:00Z", "expires_in": 999_999, "blob_key": "x", "sha256": "x"
    });
    for more in [&counted, body] {
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    all
}

struct Wish<'a> {
    app: &'a Harness,
    other: &'a Account,
}

impl Wish<'_> {
    async fn make(&self, who: &Account, path: &str, body: Value) -> Value {
        let body = greedy(&body, self.other);
        self.app.post_as(&who.token, path, &body).await.expect(201).data().clone()
    }

    async fn change(&self, who: &Account, path: &str, body: Value) {
        let mut body = greedy(&body, self.other);
        // These may be named: as conditions.
        for condition in ["version", "updated_at"] {
            body.as_object_mut().unwrap().remove(condition);
        }
        self.app.put_as(&who.token, path, &body).await.expect(200);
    }

    /// Of one row, which is there once.
    async fn holds(&self, table: &str, condition: &str) {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
        assert_eq!(self.app.count(&sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn writers_and_sellers_get_no_more_than_they_may() {
    let studio = Studio::open(Database::Sqlite).await;
    let (app, lin, zhao, wei) = (&studio.app, &studio.lin, &studio.zhao, &studio.wei);
    let wish = Wish { app, other: zhao };
    let article = wish.make(lin, "/api/v1/articles", json!({ "title": "x", "content": "y" })).await;
    wish.change(lin, &format!("/api/v1/articles/{}", article["id"]), json!({ "title": "z" })).await;
    let mine = format!("id <> 999999 AND author_id = {} AND view_count = 0 AND status = 'draft'", lin.id);
    wish.holds("articles", &format!("{mine} AND title = 'z' AND deleted_at IS NULL AND created_at > '2020'")).await;

    let file = photos::file(app, lin, "a.jpg", |_| {}).await;
    let photo = wish.make(lin, "/api/v1/photos", json!({ "title": "x", "file_id": file })).await;
    let path = format!("/api/v1/photos/{}", photo["id"]);
    wish.change(lin, &path, json!({ "title": "z" })).await;
    let mine = format!("owner_id = {} AND view_count + like_count + download_count = 0", lin.id);
    wish.holds("photos", &format!("{mine} AND title = 'z' AND trashed_at IS NULL AND created_at > '2020'")).await;
    let link = wish.make(lin, "/api/v1/photos/share-links", json!({ "photo_ids": [photo["id"]] })).await;
    assert_ne!(link["token"], "mine");
    wish.holds("share_links", &format!("owner_id = {} AND token_hash <> 'x' AND created_at > '2020'", lin.id)).await;

    let offer = json!({ "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" });
    let plan = wish.make(lin, "/api/v1/subscriptions/plans", offer).await;
    let path = format!("/api/v1/subscriptions/plans/{}", plan["id"]);
    wish.change(lin, &path, json!({ "name": "x" })).await;
    wish.holds("plans", &format!("creator_id = {} AND status = 'active' AND created_at > '2020'", lin.id)).await;
    wish.holds("plan_prices", "amount = 1990").await;
    let other = monthly_plan(app, &zhao.token).await;
    let order = greedy(&json!({ "plan_id": other, "channel": "sandbox", "scene": "web" }), lin);
    let path = "/api/v1/subscriptions";
    app.post_once(&wei.token, path, "one", &order).await.expect(201);
    let mine = format!("buyer_id = {} AND seller_id = {} AND amount = 1990", wei.id, zhao.id);
    wish.holds("orders", &format!("{mine} AND state <> 'paid' AND paid_at IS NULL AND created_at > '2020'")).await;
    let mine = format!("subscriber_id = {} AND creator_id = {} AND state = 'incomplete'", wei.id, zhao.id);
    wish.holds("subscriptions", &format!("{mine} AND trial_end IS NULL AND created_at > '2020'")).await;
    // Bought by somebody else, it is another's.
    subscribe(app, &lin.token, other, "two").await.expect(201);
    wish.holds("orders", &format!("buyer_id = {}", lin.id)).await;
    studio.app.stop().await;
}

#[tokio::test]
async fn accounts_get_no_more_than_they_may() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let (lin, other) = (app.account("lin").await, app.account("other").await);
    let wish = Wish { app: &app, other: &other };
    let key = wish.make(&lin, "/api/v1/auth/api-keys", json!({ "name": "x", "scopes": ["own.read"] })).await;
    assert!(key["secret"] != "mine" && key["prefix"] != "sk_mine" && key["last_used_at"].is_null(), "{key}");
    let mine = format!("user_id = {} AND prefix <> 'sk_mine' AND hash <> 'x'", lin.id);
    wish.holds("api_keys", &format!("{mine} AND last_used_at IS NULL AND created_at > '2020'")).await;
    let role = wish.make(&admin, "/api/v1/roles", json!({ "name": "x_y", "permissions": ["tag.read"] })).await;
    wish.change(&admin, &format!("/api/v1/roles/{}", role["id"]), json!({ "rank": 7 })).await;
    wish.holds("roles", "id > 100 AND name = 'x_y' AND role_rank = 7 AND NOT built_in").await;
    wish.make(&admin, "/api/v1/auth/invitations", json!({})).await;
    let mine = format!("created_by = {} AND used_at IS NULL AND used_by IS NULL AND revoked_at IS NULL", admin.id);
    wish.holds("invitations", &format!("{mine} AND hash <> 'x' AND created_at > '2020'")).await;
    let category = json!({ "name": "风光", "slug": "scenery" });
    wish.make(&admin, "/api/v1/categories", category.clone()).await;
    wish.make(&admin, "/api/v1/articles/categories", category).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM categories WHERE direct_count = 0 AND created_at > '2020'").await, 2);
    let tag = json!({ "name": "极光", "slug": "aurora" });
    wish.make(&admin, "/api/v1/tags", tag).await;
    wish.holds("tags", "usage_count = 0 AND created_at > '2020'").await;

    let copy = greedy(&json!({ "format": "zip" }), &other);
    app.post_as(&lin.token, "/api/v1/users/me/export", &copy).await.expect(202);
    wish.holds("privacy_exports", &format!("user_id = {} AND requested_at > '2020'", lin.id)).await;
    // A code proves the address of whose session it is, whomever the body names.
    let send = json!({ "email": "new@example.com", "purpose": "change_email" });
    app.post_as(&lin.token, "/api/v1/verification/send", &greedy(&send, &other)).await.expect(200);
    let code = outbox::code(&app, "new@example.com").await;
    let mut body = greedy(&json!({ "new_email": "new@example.com", "code": code }), &other);
    // In place of a code, which is there.
    body.as_object_mut().unwrap().remove("token");
    app.post_as(&lin.token, "/api/v1/auth/email/change", &body).await.expect(200);
    wish.holds("users", &format!("id = {} AND email_key = 'new@example.com'", lin.id)).await;
    wish.holds("users", &format!("id = {} AND email_key = 'other@example.com' AND NOT is_verified", other.id)).await;
    // Beside a picture a form holds nothing that counts.
    let picture = sharestack_tests::owned::picture();
    let id = other.id.to_string();
    let parts = [("user_id", "id", id.as_bytes()), ("file", "a.jpg", &picture)];
    let path = "/api/v1/users/me/avatar";
    let request = app.request(reqwest::Method::POST, path).bearer_auth(&lin.token).header("content-type", FORM);
    let answer = app.send(request.body(form(&parts))).await;
    assert!([200, 400].contains(&answer.status), "{}", answer.text);
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM users WHERE id = {id} AND avatar_url IS NOT NULL")).await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM user_roles WHERE role_id = 1").await, 1);
    app.stop().await;
}
