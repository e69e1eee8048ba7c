//! Plans, subscriptions, payments: from the first price to the creator's earnings.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_store_seaorm::Dialect;
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

const PLANS: &str = "/api/v1/subscriptions/plans";
const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";
const NOTIFY: &str = "/api/v1/subscriptions/payments/sandbox/notify";

/// Entries of the ledger whose two sides differ.
const UNBALANCED: &str = "SELECT COUNT(*) FROM \
    (SELECT entry_id FROM ledger_postings GROUP BY entry_id HAVING SUM(amount) <> 0) AS unbalanced";

struct Market {
    app: Harness,
    creator: Account,
    reader: Account,
    stranger: Account,
}

impl Market {
    async fn open() -> Self {
        Self::with(Options::usual()).await
    }

    async fn with(options: Options) -> Self {
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let creator = app.with_role(&admin, "linxiaohong", "creator").await;
        let reader = app.account("wangxiaoming").await;
        let stranger = app.account("zhangsan").await;
        Self { app, creator, reader, stranger }
    }

    async fn plan(&self, extra: Value) -> i64 {
        let mut body = json!({ "name": "月度会员", "price": 1990, "interval": "month" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.app.post_as(&self.creator.token, PLANS, &body).await.expect(201).data()["id"].as_i64().unwrap()
    }

    async fn subscribe(&self, plan: i64, key: &str) -> Answer {
        let body = json!({ "plan_id": plan, "channel": "sandbox", "scene": "web" });
        self.app.post_once(&self.reader.token, SUBSCRIPTIONS, key, &body).await
    }

    async fn click(&self, pay_url: &str, result: &str) -> Answer {
        let request = self.app.request(Method::POST, pay_url).form(&[("result", result)]);
        self.app.send(request).await
    }

    async fn order(&self, id: i64) -> Value {
        let path = format!("{SUBSCRIPTIONS}/orders/{id}");
        self.app.get_as(&self.reader.token, &path).await.expect(200).data().clone()
    }

    async fn wait_for_order(&self, id: i64, status: &str) {
        until("the order is settled", async || self.order(id).await["status"] == status).await;
    }

    /// Subscribes and pays; returns the subscription and its order.
    async fn buy(&self, plan: i64) -> (i64, i64) {
        let bought = self.subscribe(plan, &format!("buy-{plan}")).await.expect(201);
        let order = number(&bought.data()["order"]["id"]);
        self.click(text(&bought.data()["pay_data"]["pay_url"]), "success").await.expect(200);
        self.wait_for_order(order, "paid").await;
        (number(&bought.data()["subscription"]["id"]), order)
    }

    async fn subscription(&self, id: i64) -> Value {
        let path = format!("{SUBSCRIPTIONS}/{id}");
        self.app.get_as(&self.reader.token, &path).await.expect(200).data().clone()
    }

    async fn act(&self, account: &Account, id: i64, action: &str, body: &Value) -> Answer {
        self.app.post_as(&account.token, &format!("{SUBSCRIPTIONS}/{id}/{action}"), body).await
    }

    async fn article(&self, level: &str) -> i64 {
        let body = json!({ "title": "文章", "content": "第一段。\n\n第二段。", "access_level": level });
        let written = self.app.post_as(&self.creator.token, "/api/v1/articles", &body).await.expect(201);
        let id = number(&written.data()["id"]);
        let path = format!("/api/v1/articles/{id}/publish");
        self.app.post_as(&self.creator.token, &path, &json!({})).await.expect(200);
        id
    }

    async fn access(&self, account: &Account, article: i64) -> Value {
        let path = format!("{SUBSCRIPTIONS}/access?article_id={article}");
        self.app.get_as(&account.token, &path).await.expect(200).data().clone()
    }

    async fn revenue(&self) -> Value {
        let path = format!("{SUBSCRIPTIONS}/revenue/summary");
        self.app.get_as(&self.creator.token, &path).await.expect(200).data().clone()
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_pays_reads_leaves_and_the_creator_earns() {
    let market = Market::open().await;
    let (plan, article) = (market.plan(json!({})).await, market.article("paid").await);
    let closed = market.access(&market.reader, article).await;
    assert_eq!((&closed["allowed"], &closed["reason"]), (&json!(false), &json!("not_subscribed")));
    assert_eq!(closed["plans"][0]["id"], plan);
    assert_eq!(market.access(&market.creator, article).await["reason"], "author");

    let bought = market.subscribe(plan, "key-1").await.expect(201);
    let data = bought.data();
    assert_eq!((&data["subscription"]["status"], &data["order"]["status"]), (&json!("incomplete"), &json!("paying")));
    assert_eq!((&data["order"]["amount"], &data["order"]["currency"]), (&json!(1990), &json!("CNY")));
    assert_eq!(data["order"]["pay_data"], data["pay_data"]);
    let (id, order, url) =
        (number(&data["subscription"]["id"]), number(&data["order"]["id"]), text(&data["pay_data"]["pay_url"]));
    assert_eq!(bought.header("location"), format!("{SUBSCRIPTIONS}/{id}"));

    let page = market.app.get(url).await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
    assert!(page.text.contains("19.90 CNY") && page.text.contains("value=\"success\""));
    market.click(url, "success").await.expect(200);
    market.wait_for_order(order, "paid").await;
    // The button again: the same notification comes again.
    market.click(url, "success").await.expect(200);
    market.click(url, "fail").await.expect(200);

    let subscription = market.subscription(id).await;
    assert_eq!(subscription["status"], "active");
    assert!(subscription["current_period_end"].is_string());
    assert_eq!(market.access(&market.reader, article).await["reason"], "subscribed");
    market.subscribe(plan, "key-2").await.refused(409, "RESOURCE_CONFLICT");

    until("the jobs are done", async || {
        market.app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'sandbox.notify' AND state <> 'done'").await == 0
    })
    .await;
    let revenue = market.revenue().await;
    assert_eq!((&revenue["gross"], &revenue["fees"], &revenue["net"]), (&json!(1990), &json!(0), &json!(1990)));
    assert_eq!((&revenue["pending"], &revenue["available"]), (&json!(1990), &json!(0)));
    assert_eq!(market.app.count(UNBALANCED).await, 0);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM ledger_entries").await, 1);
    assert_eq!(market.order(order).await["pay_data"], Value::Null);

    let canceled = market.act(&market.reader, id, "cancel", &json!({ "reason": "读不完" })).await.expect(200);
    assert_eq!(
        (&canceled.data()["status"], &canceled.data()["cancel_at_period_end"]),
        (&json!("active"), &json!(true))
    );
    assert_eq!(market.access(&market.reader, article).await["reason"], "canceled_active_until_end");
    market.act(&market.reader, id, "cancel", &json!({})).await.refused(409, "RESOURCE_CONFLICT");
    let resumed = market.act(&market.reader, id, "resume", &json!({})).await.expect(200);
    assert_eq!(resumed.data()["cancel_at_period_end"], false);
    market.act(&market.reader, id, "resume", &json!({})).await.refused(409, "RESOURCE_CONFLICT");
    let ended = market.act(&market.reader, id, "cancel", &json!({ "at_period_end": false })).await.expect(200);
    assert_eq!(ended.data()["status"], "canceled");
    assert_eq!(market.access(&market.reader, article).await["reason"], "expired");
    let mine = format!("{SUBSCRIPTIONS}/me?status=canceled");
    let mine = market.app.get_as(&market.reader.token, &mine).await.expect(200);
    assert_eq!(mine.body["pagination"]["total"], 1);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_takes_what_is_set_of_each_sale() {
    for (basis_points, fees) in [("0", 0), ("1000", 199), ("10000", 1990)] {
        let options =
            Options::on(Database::Sqlite).with("SHARESTACK__PAYMENTS__PLATFORM_FEE_BASIS_POINTS", basis_points);
        let market = Market::with(options).await;
        let plan = market.plan(json!({})).await;
        market.buy(plan).await;
        let (revenue, net) = (market.revenue().await, 1990 - fees);
        assert_eq!((&revenue["gross"], &revenue["fees"], &revenue["net"]), (&json!(1990), &json!(fees), &json!(net)));
        assert_eq!(revenue["pending"], net);
        let kept =
            "SELECT COALESCE(-SUM(amount), 0) FROM ledger_postings WHERE account_code = 'platform_fee_revenue:CNY'";
        assert_eq!(market.app.count(kept).await, fees);
        assert_eq!(market.app.count("SELECT SUM(amount) FROM ledger_postings").await, 0);
        market.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_can_be_tried_again() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let bought = market.subscribe(plan, "k").await.expect(201);
    let (order, url) = (number(&bought.data()["order"]["id"]), text(&bought.data()["pay_data"]["pay_url"]));
    market.click(url, "fail").await.expect(200);
    market.wait_for_order(order, "failed").await;
    assert_eq!(market.order(order).await["pay_data"]["pay_url"], url);
    market.click(url, "success").await.expect(200);
    market.wait_for_order(order, "paid").await;
    assert_eq!(market.subscription(number(&bought.data()["subscription"]["id"])).await["status"], "active");
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_order() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let first = market.subscribe(plan, "k").await.expect(201);
    let again = market.subscribe(plan, "k").await.expect(201);
    assert_eq!((first.data(), again.header("idempotency-replayed")), (again.data(), "true"));
    let other = json!({ "plan_id": plan, "channel": "sandbox", "scene": "h5" });
    let other = market.app.post_once(&market.reader.token, SUBSCRIPTIONS, "k", &other).await;
    other.refused(422, "UNPROCESSABLE_ENTITY");
    let none = json!({ "plan_id": plan, "channel": "sandbox" });
    let none = market.app.post_as(&market.reader.token, SUBSCRIPTIONS, &none).await;
    assert_eq!(none.broken_fields(), ["Idempotency-Key REQUIRED"]);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM orders").await, 1);
    // Another key takes the place of the order that nobody paid.
    let second = market.subscribe(plan, "k2").await.expect(201);
    assert_eq!(first.data()["subscription"]["id"], second.data()["subscription"]["id"]);
    assert_eq!(market.order(number(&first.data()["order"]["id"])).await["status"], "closed");
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_another_order_after_a_day() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let first = market.subscribe(plan, "k").await.expect(201);
    let store = market.app.store().await;
    let zone = if store.dialect() == Dialect::MySql { "" } else { "+00:00" };
    for table in ["orders", "idempotency_keys"] {
        let aged = format!("UPDATE {table} SET created_at = '2026-01-15T10:30:00{zone}'");
        store.execute_raw(&aged).await.unwrap();
    }
    store.close().await;
    let second = market.subscribe(plan, "k").await.expect(201);
    assert_eq!(second.header("idempotency-replayed"), "");
    assert_ne!(first.data()["order"]["id"], second.data()["order"]["id"]);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM orders WHERE idempotency_key = 'k'").await, 2);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_given_up_cannot_be_paid_but_its_late_money_counts() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let first = market.subscribe(plan, "a").await.expect(201);
    let second = market.subscribe(plan, "b").await.expect(201);
    let url = |answer: &Answer| text(&answer.data()["pay_data"]["pay_url"]).to_owned();
    until("the channel knows", async || {
        market.app.count("SELECT COUNT(*) FROM sandbox_payments WHERE closed_at IS NOT NULL").await == 1
    })
    .await;
    let page = market.app.get(&url(&first)).await.expect(200);
    assert!(page.text.contains("can no longer be paid") && !page.text.contains("<button"), "{}", page.text);
    for result in ["success", "fail"] {
        let refused = market.click(&url(&first), result).await.expect(409);
        assert!(refused.header("content-type").starts_with("text/html"));
        assert!(refused.text.contains("can no longer be paid"));
    }
    let order = number(&first.data()["order"]["id"]);
    assert_eq!(market.order(order).await["status"], "closed");
    assert_eq!(market.order(order).await["pay_data"], Value::Null);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'sandbox.notify'").await, 0);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM ledger_entries").await, 0);

    // The order that took its place is paid as ever; and money that was on its way counts.
    market.click(&url(&second), "success").await.expect(200);
    market.wait_for_order(number(&second.data()["order"]["id"]), "paid").await;
    let late = sharestack_tests::money::success(&first.data()["order"], "late");
    sharestack_tests::money::notify(&market.app, &late).await.expect(200);
    assert_eq!(market.order(order).await["status"], "paid");
    assert_eq!(market.app.count("SELECT COUNT(*) FROM ledger_entries").await, 2);
    assert_eq!(market.app.count(UNBALANCED).await, 0);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_runs_behind_the_paid_period_and_keeps_the_price() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let (id, _) = market.buy(plan).await;
    let end = market.subscription(id).await["current_period_end"].clone();
    let dearer = json!({ "price": 2990 });
    let edited = market.app.put_as(&market.creator.token, &format!("{PLANS}/{plan}"), &dearer).await.expect(200);
    assert_eq!((&edited.data()["price"], &edited.data()["price_version"]), (&json!(2990), &json!(2)));
    let body = json!({ "channel": "sandbox" });
    let path = format!("{SUBSCRIPTIONS}/{id}/renew");
    market.app.post_as(&market.reader.token, &path, &body).await.refused(400, "VALIDATION_ERROR");
    let renewal = market.app.post_once(&market.reader.token, &path, "renew", &body).await.expect(201);
    let order = renewal.data();
    assert_eq!((&order["type"], &order["amount"]), (&json!("renewal"), &json!(1990)));
    market.click(text(&order["pay_data"]["pay_url"]), "success").await.expect(200);
    market.wait_for_order(number(&order["id"]), "paid").await;
    let renewed = market.subscription(id).await;
    assert!(text(&renewed["current_period_end"]) > text(&end));
    assert_eq!(renewed["plan"]["price"], 1990);
    assert_eq!(market.revenue().await["gross"], 3980);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_opens_articles_without_a_payment() {
    let market = Market::open().await;
    let (plan, article) = (market.plan(json!({ "trial_days": 7 })).await, market.article("paid").await);
    let bought = market.subscribe(plan, "k").await.expect(201);
    assert_eq!(bought.data()["subscription"]["status"], "trialing");
    assert_eq!((&bought.data()["pay_data"], &bought.data()["order"]["amount"]), (&Value::Null, &json!(0)));
    assert_eq!(market.access(&market.reader, article).await["reason"], "trialing");
    assert_eq!(market.revenue().await["gross"], 0);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_their_creator_s() {
    let market = Market::open().await;
    let body = json!({ "name": "x", "price": 1, "interval": "year" });
    let denied = market.app.post_as(&market.reader.token, PLANS, &body).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(denied.body["error"]["details"]["required_permission"], "plan.create");
    market.app.post(PLANS, &body).await.refused(401, "AUTHENTICATION_REQUIRED");
    let plan = market
        .plan(json!({ "description": "<script>alert(1)</script>", "benefits": ["a'; DROP TABLE plans;--"] }))
        .await;
    let path = format!("{PLANS}/{plan}");
    let shown = market.app.get(&path).await.expect(200);
    assert_eq!(shown.data()["benefits"][0], "a'; DROP TABLE plans;--");
    assert_eq!(shown.data()["creator"]["username"], "linxiaohong");
    let etag = shown.header("etag").to_owned();
    let known = market.app.request(Method::GET, &path).header("If-None-Match", &etag);
    assert_eq!(market.app.send(known).await.status, 304);
    market.app.put_as(&market.reader.token, &path, &json!({ "name": "mine" })).await.refused(403, "PERMISSION_DENIED");
    market.app.delete_as(&market.reader.token, &path).await.refused(403, "PERMISSION_DENIED");
    let edited = json!({ "description": null, "name": "年度会员" });
    let edited = market.app.put_as(&market.creator.token, &path, &edited).await.expect(200);
    assert_eq!((&edited.data()["description"], &edited.data()["price_version"]), (&Value::Null, &json!(1)));
    let stale = market.app.request(Method::PATCH, &path).bearer_auth(&market.creator.token).header("If-Match", &etag);
    market.app.send(stale.json(&json!({ "name": "z" }))).await.refused(412, "PRECONDITION_FAILED");
    market.app.delete_as(&market.creator.token, &path).await.expect(204);
    market.app.delete_as(&market.creator.token, &path).await.expect(204);
    market.app.put_as(&market.creator.token, &path, &json!({ "name": "z" })).await.refused(409, "RESOURCE_CONFLICT");
    market.subscribe(plan, "k").await.refused(409, "RESOURCE_CONFLICT");
    let list = format!("{PLANS}?status=archived&creator_id={}", market.creator.id);
    assert_eq!(market.app.get(&list).await.expect(200).body["pagination"]["total"], 0);
    assert_eq!(market.app.get_as(&market.creator.token, &list).await.expect(200).body["pagination"]["total"], 1);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_one_s_own_is_not_there() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let (id, order) = market.buy(plan).await;
    let (subscription, order) = (format!("{SUBSCRIPTIONS}/{id}"), format!("{SUBSCRIPTIONS}/orders/{order}"));
    for path in [&subscription, &order] {
        market.app.get_as(&market.stranger.token, path).await.refused(404, "RESOURCE_NOT_FOUND");
        market.app.get_as(&market.creator.token, path).await.expect(200);
        market.app.get(path).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    for action in ["cancel", "resume"] {
        for other in [&market.stranger, &market.creator] {
            market.act(other, id, action, &json!({})).await.refused(404, "RESOURCE_NOT_FOUND");
        }
    }
    let body = json!({ "channel": "sandbox" });
    let renew = format!("{subscription}/renew");
    let renew = market.app.post_once(&market.stranger.token, &renew, "k", &body).await;
    renew.refused(404, "RESOURCE_NOT_FOUND");
    let revenue = format!("{SUBSCRIPTIONS}/revenue/summary");
    market.app.get_as(&market.reader.token, &revenue).await.refused(403, "PERMISSION_DENIED");
    let synced = format!("{order}?sync=true");
    assert_eq!(market.app.get_as(&market.reader.token, &synced).await.expect(200).data()["status"], "paid");
    let own = json!({ "plan_id": plan, "channel": "sandbox" });
    let own = market.app.post_once(&market.creator.token, SUBSCRIPTIONS, "k", &own).await;
    own.refused(422, "UNPROCESSABLE_ENTITY");
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_the_contract_s_answer_and_leaves_nothing() {
    let market = Market::open().await;
    let plan = market.plan(json!({})).await;
    let (creator, reader) = (&market.creator.token, &market.reader.token);
    let bad = json!({
        "name": "", "description": "x".repeat(2001), "benefits": ["", "ok"], "price": 0, "currency": "XXX",
        "interval": "week", "trial_days": 91
    });
    let bad = market.app.post_as(creator, PLANS, &bad).await;
    let expected = [
        "name REQUIRED",
        "description TOO_LONG",
        "benefits[0] REQUIRED",
        "price OUT_OF_RANGE",
        "currency NOT_ALLOWED",
        "interval NOT_ALLOWED",
        "trial_days OUT_OF_RANGE",
    ];
    assert_eq!(bad.broken_fields(), expected);
    let empty = market.app.post_as(creator, PLANS, &json!({})).await;
    assert_eq!(empty.broken_fields(), ["name REQUIRED", "price REQUIRED", "interval REQUIRED"]);
    for body in [json!({ "price": "19.90" }), json!({ "price": 19.9 }), json!({ "benefits": "x" }), json!([])] {
        market.app.post_as(creator, PLANS, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    let path = format!("{PLANS}/{plan}");
    for body in [json!({ "price": null }), json!({ "price": -1 }), json!({ "name": null }), json!({ "interval": "x" })]
    {
        market.app.put_as(creator, &path, &body).await.refused(400, "VALIDATION_ERROR");
    }
    let wishes = [
        (json!({}), 400),
        (json!({ "plan_id": plan, "channel": "cash" }), 400),
        (json!({ "plan_id": plan, "channel": "sandbox", "scene": "moon" }), 400),
        (json!({ "plan_id": 0, "channel": "sandbox" }), 400),
        (json!({ "plan_id": 9_007_199_254_740_992_i64, "channel": "sandbox" }), 400),
        (json!({ "plan_id": 999_999, "channel": "sandbox" }), 404),
        (json!({ "plan_id": "5", "channel": "sandbox" }), 422),
        (json!({ "plan_id": plan, "channel": "sandbox", "coupon": "SAVE10" }), 422),
    ];
    for (index, (body, status)) in wishes.iter().enumerate() {
        let answer = market.app.post_once(reader, SUBSCRIPTIONS, &format!("bad-{index}"), body).await;
        assert_eq!(answer.status, *status, "{body} {}", answer.text);
    }
    for (path, status) in [
        (format!("{PLANS}?status=sold"), 400),
        (format!("{PLANS}?page=-1"), 400),
        (format!("{PLANS}?limit=101"), 400),
        (format!("{PLANS}?creator_id=x"), 400),
        (format!("{PLANS}/999999"), 404),
        (format!("{PLANS}/x%27;--"), 404),
        (format!("{SUBSCRIPTIONS}/me?status=x"), 400),
        (format!("{SUBSCRIPTIONS}/999999"), 404),
        (format!("{SUBSCRIPTIONS}/access"), 400),
        (format!("{SUBSCRIPTIONS}/access?article_id=x"), 400),
        (format!("{SUBSCRIPTIONS}/access?article_id=999999"), 404),
        (format!("{SUBSCRIPTIONS}/orders/0"), 404),
        (format!("{SUBSCRIPTIONS}/orders/999999?sync=maybe"), 400),
    ] {
        let answer = market.app.get_as(reader, &path).await;
        assert_eq!(answer.status, status, "{path} {}", answer.text);
    }
    for query in ["period=2026", "period=2026-13", "currency=cny"] {
        let path = format!("{SUBSCRIPTIONS}/revenue/summary?{query}");
        market.app.get_as(creator, &path).await.refused(400, "VALIDATION_ERROR");
    }
    assert_eq!(market.app.count("SELECT COUNT(*) FROM orders").await, 0);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM subscriptions").await, 0);
    assert_eq!(market.app.count("SELECT COUNT(*) FROM plans").await, 1);
    market.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_channel_tells_what_was_paid() {
    let market = Market::open().await;
    let plan = market.plan(json!({ "name": "<b>会员</b>" })).await;
    let bought = market.subscribe(plan, "k").await.expect(201);
    let (order, url) = (&bought.data()["order"], text(&bought.data()["pay_data"]["pay_url"]));
    assert!(market.app.get(url).await.expect(200).text.contains("&lt;b&gt;会员&lt;/b&gt;"));
    let forged = json!({
        "transaction_id": "x", "order_number": order["order_no"], "amount": 1990, "currency": "CNY",
        "result": "success", "at": "2026-01-15T10:31:00Z"
    });
    market.app.post(NOTIFY, &forged).await.refused(401, "AUTHENTICATION_REQUIRED");
    for signature in ["", "t=0,n=x,v1=00", "t=9999999999,n=x,v1=zz", "nonsense"] {
        let request = market.app.request(Method::POST, NOTIFY).header("X-Sandbox-Signature", signature);
        market.app.send(request.json(&forged)).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(market.order(number(&order["id"])).await["status"], "paying");
    let pay = "/api/v1/subscriptions/payments/sandbox/pay";
    market.app.get(&format!("{pay}/nothing")).await.refused(404, "RESOURCE_NOT_FOUND");
    market.click(&format!("{pay}/nothing"), "success").await.refused(404, "RESOURCE_NOT_FOUND");
    market.click(url, "maybe").await.refused(400, "VALIDATION_ERROR");
    let empty = market.app.request(Method::POST, url).form(&[("other", "x")]);
    market.app.send(empty).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(market.app.count("SELECT COUNT(*) FROM ledger_entries").await, 0);
    market.app.stop().await;
}
