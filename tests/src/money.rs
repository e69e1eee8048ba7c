//! A sale, step by step, and the books after it.

use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::{Answer, Client};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::random::uuid_v7;

/// What the sandbox of a test's server signs with.
pub const SANDBOX_SECRET: &str = "the sandbox secret of the acceptance tests";
/// Where the sandbox's notifications come.
pub const NOTIFY: &str = "/api/v1/subscriptions/payments/sandbox/notify";
/// The whole of the paid article, and its last words.
pub const TEXT: &str = "## 开头\n\n每天写五百字，一年就是一本书。难的不是写，是**每天**。\n\n## 方法\n\n把桌子清空，把手机放到另一个房间，倒一杯水，坐下。前十分钟什么也写不出来，这很正常，坐着就好。第十一分钟会来一句话，写下它，再写下一句。不要查资料，不要改错字，不要读昨天写的东西：那些是下午的事。\n\n## 结尾\n\n这一段只有订阅者读得到：写完之前，不要回头改。";
/// What nobody may see before paying.
pub const SECRET_WORDS: &str = "这一段只有订阅者读得到";

/// Writes and publishes a paid article; its id.
pub async fn paid_article(client: &Client, creator: &str) -> i64 {
    let body = json!({
        "title": "慢慢写一本书", "content": TEXT, "cover": "https://example.org/cover.jpg",
        "tags": ["写作", "生活"], "access_level": "paid",
    });
    let article = client.post_as(creator, "/api/v1/articles", &body).await.expect(201);
    let id = article.data()["id"].as_i64().unwrap();
    client.post_as(creator, &format!("/api/v1/articles/{id}/publish"), &json!({})).await.expect(200);
    id
}

/// Offers a month for ¥19.90; the plan's id.
pub async fn monthly_plan(client: &Client, creator: &str) -> i64 {
    let body = json!({ "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" });
    let plan = client.post_as(creator, "/api/v1/subscriptions/plans", &body).await.expect(201);
    plan.data()["id"].as_i64().unwrap()
}

/// Orders a subscription through the sandbox.
pub async fn subscribe(client: &Client, reader: &str, plan: i64, key: &str) -> Answer {
    let body = json!({ "plan_id": plan, "channel": "sandbox", "scene": "web" });
    client.post_once(reader, "/api/v1/subscriptions", key, &body).await
}

/// What the sandbox tells about a paid order.
pub fn success(order: &Value, transaction: &str) -> Value {
    json!({
        "transaction_id": transaction, "order_number": order["order_no"], "amount": order["amount"],
        "currency": order["currency"], "result": "success", "at": SystemClock.now().with_timezone(&Utc),
    })
}

/// The header that proves a notification.
pub fn signature(body: &[u8]) -> String {
    let (time, nonce) = (SystemClock.now().timestamp(), uuid_v7().simple().to_string());
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SANDBOX_SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.{nonce}.").as_bytes());
    mac.update(body);
    format!("t={time},n={nonce},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends a notification as the channel does.
pub async fn notify(client: &Client, message: &Value) -> Answer {
    let body = message.to_string().into_bytes();
    let request = client
        .request(reqwest::Method::POST, NOTIFY)
        .header("Content-Type", "application/json")
        .header("X-Sandbox-Signature", signature(&body));
    client.send(request.body(body)).await
}
