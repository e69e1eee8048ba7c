//! A creator publishes, a reader pays and reads, on every database.

use serde_json::json;
use sharestack_tests::money::{SECRET_WORDS, TEXT, monthly_plan, notify, paid_article, subscribe, success};
use sharestack_tests::{Database, Harness, Options, until};

#[tokio::test]
async fn a_creator_publishes_and_a_reader_pays_and_reads() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let creator = app.with_role(&admin, "lin", "creator").await;
        let reader = app.account("wei").await;

        let draft = json!({ "title": "慢慢写一本书", "content": "## 开头", "cover": "https://example.org/c.jpg", "tags": ["写作"], "access_level": "paid" });
        let article = app.post_as(&creator.token, "/api/v1/articles", &draft).await.expect(201);
        assert_eq!(article.data()["status"], "draft");
        let (id, version) = (article.data()["id"].as_i64().unwrap(), article.data()["version"].as_i64().unwrap());
        let path = format!("/api/v1/articles/{id}");
        app.get(&path).await.refused(404, "RESOURCE_NOT_FOUND");
        let saved = json!({ "base_version": version, "content": TEXT });
        app.put_as(&creator.token, &format!("{path}/draft"), &saved).await.expect(200);
        app.put_as(&creator.token, &format!("{path}/draft"), &json!({ "base_version": version + 7, "content": "x" }))
            .await
            .refused(409, "RESOURCE_CONFLICT");
        let published = app.post_as(&creator.token, &format!("{path}/publish"), &json!({})).await.expect(200);
        assert_eq!(published.data()["status"], "published");
        let plan = monthly_plan(&app, &creator.token).await;

        for seen in [app.get(&path).await, app.get_as(&reader.token, &path).await] {
            let seen = seen.expect(200);
            assert!(!seen.text.contains(SECRET_WORDS), "{}", seen.text);
            assert!(seen.data()["preview"].as_str().unwrap().contains("每天写五百字"), "{}", seen.text);
            assert_eq!(seen.data()["paywall"]["plans"][0]["id"], plan, "{}", seen.text);
        }

        let ordered = subscribe(&app, &reader.token, plan, "first").await.expect(201);
        assert_eq!(ordered.data()["subscription"]["status"], "incomplete");
        let again = subscribe(&app, &reader.token, plan, "first").await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.data(), ordered.data());
        let page = ordered.data()["pay_data"]["pay_url"].as_str().unwrap().to_owned();
        assert!(app.get(&page).await.expect(200).text.contains("<form"));
        for _ in 0..2 {
            app.send(app.request(reqwest::Method::POST, &page).form(&[("result", "success")])).await.expect(200);
        }
        let subscription = format!("/api/v1/subscriptions/{}", ordered.data()["subscription"]["id"]);
        let (client, token) = (&*app, reader.token.as_str());
        until("the subscription is active", || async {
            client.get_as(token, &subscription).await.data()["status"] == "active"
        })
        .await;

        let read = app.get_as(&reader.token, &path).await.expect(200);
        assert!(read.text.contains(SECRET_WORDS), "{}", read.text);
        assert!(read.data()["paywall"].is_null());
        assert!(!app.get(&path).await.text.contains(SECRET_WORDS));

        // The channel tells of another transaction of the same order, late, and twice: money
        // that nobody owed lies in suspense, and the creator earned once.
        let order = ordered.data()["order"].clone();
        notify(&app, &success(&order, "late-1")).await.expect(200);
        notify(&app, &success(&order, "late-1")).await.expect(200);
        app.send(app.request(reqwest::Method::POST, &page).form(&[("result", "success")])).await.expect(200);
        let revenue = app.get_as(&creator.token, "/api/v1/subscriptions/revenue/summary").await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) FROM ledger_entries").await, 2, "{}", revenue.text);
        assert_eq!(app.count("SELECT COUNT(*) FROM (SELECT entry_id FROM ledger_postings GROUP BY entry_id HAVING SUM(amount) <> 0) AS unbalanced").await, 0);
        assert_eq!((revenue.data()["gross"].as_i64(), revenue.data()["currency"].as_str()), (Some(1990), Some("CNY")));

        let canceled = app
            .post_as(&reader.token, &format!("{subscription}/cancel"), &json!({ "at_period_end": true }))
            .await
            .expect(200);
        assert_eq!(canceled.data()["cancel_at_period_end"], true);
        assert_eq!(canceled.data()["status"], "active");
        let access = format!("/api/v1/subscriptions/access?article_id={id}");
        assert_eq!(app.get_as(&reader.token, &access).await.expect(200).data()["allowed"], true);
        assert!(app.get_as(&reader.token, &path).await.text.contains(SECRET_WORDS));
        let resumed = app.post_as(&reader.token, &format!("{subscription}/resume"), &json!({})).await.expect(200);
        assert_eq!(resumed.data()["cancel_at_period_end"], false);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_notification_without_the_right_signature_changes_nothing() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "lin", "creator").await;
    let reader = app.account("wei").await;
    let plan = monthly_plan(&app, &creator.token).await;
    let ordered = subscribe(&app, &reader.token, plan, "k").await.expect(201);
    let message = success(&ordered.data()["order"], "forged");
    for signature in ["", "t=1,n=x,v1=00", "nonsense"] {
        let request = app
            .request(reqwest::Method::POST, sharestack_tests::money::NOTIFY)
            .header("X-Sandbox-Signature", signature);
        assert_eq!(app.send(request.json(&message)).await.status, 401);
    }
    let subscription = format!("/api/v1/subscriptions/{}", ordered.data()["subscription"]["id"]);
    assert_eq!(app.get_as(&reader.token, &subscription).await.data()["status"], "incomplete");
    assert_eq!(app.count("SELECT COUNT(*) FROM ledger_postings").await, 0);

    // Rightly signed, but about another amount: it is written down, and nobody is let in for it.
    let mut short = message.clone();
    short["amount"] = json!(1);
    notify(&app, &short).await.expect(200);
    assert_eq!(app.get_as(&reader.token, &subscription).await.data()["status"], "incomplete");
    app.stop().await;
}

#[tokio::test]
async fn a_failed_payment_can_be_followed_by_another_order() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "lin", "creator").await;
    let reader = app.account("wei").await;
    let (plan, article) = (monthly_plan(&app, &creator.token).await, paid_article(&app, &creator.token).await);
    let first = subscribe(&app, &reader.token, plan, "one").await.expect(201);
    let mut failed = success(&first.data()["order"], "t1");
    failed["result"] = json!("fail");
    notify(&app, &failed).await.expect(200);
    let second = subscribe(&app, &reader.token, plan, "two").await.expect(201);
    notify(&app, &success(&second.data()["order"], "t2")).await.expect(200);
    let read = app.get_as(&reader.token, &format!("/api/v1/articles/{article}")).await.expect(200);
    assert!(read.text.contains(SECRET_WORDS));
    subscribe(&app, &reader.token, plan, "three").await.refused(409, "RESOURCE_CONFLICT");
    app.stop().await;
}

#[tokio::test]
async fn an_order_belongs_to_its_buyer_and_seller() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "lin", "creator").await;
    let (reader, stranger) = (app.account("wei").await, app.account("somebody").await);
    let plan = monthly_plan(&app, &creator.token).await;
    let ordered = subscribe(&app, &reader.token, plan, "k").await.expect(201);
    let order = format!("/api/v1/subscriptions/orders/{}", ordered.data()["order"]["id"]);
    let subscription = format!("/api/v1/subscriptions/{}", ordered.data()["subscription"]["id"]);
    for path in [&order, &subscription] {
        app.get_as(&reader.token, path).await.expect(200);
        app.get_as(&creator.token, path).await.expect(200);
        app.get_as(&stranger.token, path).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    for action in ["cancel", "resume"] {
        let path = format!("{subscription}/{action}");
        app.post_as(&stranger.token, &path, &json!({})).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    let path = format!("/api/v1/subscriptions/plans/{plan}");
    let denied = app.put_as(&reader.token, &path, &json!({ "price": 1 })).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(denied.body["error"]["details"]["user_role"], "user");
    app.stop().await;
}

#[tokio::test]
async fn a_request_with_a_key_runs_to_its_end_when_its_client_goes_away() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "lin", "creator").await;
    let article = json!({ "title": "标题", "content": "正文" });
    // The server cannot write while the test does.
    let store = app.store().await;
    store.execute_raw("BEGIN IMMEDIATE").await.unwrap();
    let request = app
        .request(reqwest::Method::POST, "/api/v1/articles")
        .bearer_auth(&creator.token)
        .header("Idempotency-Key", "k")
        .timeout(std::time::Duration::from_millis(300))
        .json(&article);
    assert!(request.send().await.unwrap_err().is_timeout());
    store.execute_raw("ROLLBACK").await.unwrap();
    store.close().await;
    until("the request is done", async || {
        app.count("SELECT COUNT(*) FROM idempotency_keys WHERE state = 'done'").await == 1
    })
    .await;
    let again = app.post_once(&creator.token, "/api/v1/articles", "k", &article).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(app.count("SELECT COUNT(*) FROM articles").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_request() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "lin", "creator").await;
    let reader = app.account("wei").await;
    let plan = monthly_plan(&app, &creator.token).await;
    let body = json!({ "plan_id": plan, "channel": "sandbox", "scene": "web" });
    let missing = app.post_as(&reader.token, "/api/v1/subscriptions", &body).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(missing.fields(), [("Idempotency-Key".to_owned(), "REQUIRED".to_owned())]);

    let calls = (0..12).map(|_| subscribe(&app, &reader.token, plan, "same"));
    let answers = futures::future::join_all(calls).await;
    for answer in &answers {
        assert!(
            answer.status == 201 || (answer.status == 409 && answer.error() == "IDEMPOTENCY_CONFLICT"),
            "{}",
            answer.text
        );
        if answer.status == 409 {
            assert!(!answer.header("retry-after").is_empty());
        }
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM orders").await, 1);
    let other = json!({ "plan_id": plan, "channel": "sandbox", "scene": "h5" });
    app.post_once(&reader.token, "/api/v1/subscriptions", "same", &other).await.refused(422, "UNPROCESSABLE_ENTITY");

    // Another user's key is another key.
    let article = json!({ "title": "标题", "content": "正文" });
    let one = app.post_once(&creator.token, "/api/v1/articles", "same", &article).await.expect(201);
    let two = app.post_once(&creator.token, "/api/v1/articles", "same", &article).await.expect(201);
    assert_eq!((one.data(), two.header("idempotency-replayed")), (two.data(), "true"));
    // What was refused for want of a field is remembered, too.
    app.post_once(&creator.token, "/api/v1/articles", "bad", &json!({})).await.refused(400, "VALIDATION_ERROR");
    let again = app.post_once(&creator.token, "/api/v1/articles", "bad", &json!({})).await.expect(400);
    assert_eq!(again.header("idempotency-replayed"), "true");
    app.stop().await;
}
