//! What readers see of an article, and how they are counted.

use sharestack_tests::Database;

use super::*;

#[tokio::test]
async fn the_gate_shows_a_preview_and_never_the_text() {
    let room = Newsroom::open().await;
    let secret = "在四十二元买入。".repeat(50);
    for (level, content) in
        [("paid", format!("引言。\n\n{secret}\n\n秘密结尾")), ("members", "短：四十二元".to_owned())]
    {
        let id = room.published(level, json!({ "content": content, "access": level })).await;
        for answer in [room.app.get(&path(id)).await, room.app.get(&format!("{ARTICLES}/{level}")).await] {
            let data = answer.expect(200).data().clone();
            assert_eq!((&data["access"], &data["access_level"]), (&json!(false), &json!(level)));
            assert_eq!((&data["content"], &data["content_html"]), (&Value::Null, &Value::Null));
            assert_eq!(data["paywall"]["reason"], "anonymous");
            assert!(!data.to_string().contains("秘密结尾") && !data.to_string().contains("短：四十二元"), "{data}");
        }
        for writer in [&room.author, &room.admin] {
            let whole = room.app.get_as(&writer.token, &path(id)).await.expect(200);
            assert_eq!((whole.data()["access"].clone(), &whole.data()["content"]), (json!(true), &json!(content)));
        }
        let member = room.app.get_as(&room.reader.token, &path(id)).await.expect(200);
        assert_eq!(member.data()["access"], json!(level == "members"));
    }
    let list = room.app.get(&format!("{ARTICLES}?sort_by=title&sort_order=asc")).await.expect(200);
    for item in list.data().as_array().unwrap() {
        assert_eq!((&item["access"], item.get("content"), item.get("preview")), (&json!(false), None, None));
    }
    assert!(!list.text.contains("秘密结尾") && !list.text.contains("短：四十二元"));
    room.app.stop().await;
}

#[tokio::test]
async fn a_reader_counts_once_and_the_author_never() {
    let room = Newsroom::open().await;
    let id = room.published("x", json!({})).await;
    for _ in 0..3 {
        room.app.get(&path(id)).await.expect(200);
        room.app.get_as(&room.reader.token, &path(id)).await.expect(200);
        room.app.get_as(&room.author.token, &path(id)).await.expect(200);
    }
    room.app.app().flush_views().await.unwrap();
    until("both readers are counted", || async { room.app.get(&path(id)).await.expect(200).data()["view_count"] == 2 })
        .await;
    room.app.stop().await;
}

/// From other addresses than the reader's, which count once each.
#[tokio::test]
async fn bots_read_without_being_counted() {
    let app = Harness::start(Options::on(Database::Sqlite).with("TRUSTED_PROXIES", "127.0.0.1")).await;
    let admin = app.admin().await;
    let author = app.with_role(&admin, "linxiaohong", "creator").await;
    let made = app.post_as(&author.token, ARTICLES, &json!({ "title": "t", "content": "正文" })).await.expect(201);
    let id = made.data()["id"].as_i64().unwrap();
    app.post_as(&author.token, &format!("{}/publish", path(id)), &json!({})).await.expect(200);
    for (address, agent) in [
        ("203.0.113.1", Some("Googlebot/2.1 (+http://www.google.com/bot.html)")),
        ("203.0.113.2", Some("Mozilla/5.0 (compatible; Baiduspider/2.0)")),
        ("203.0.113.3", Some("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0")),
        ("203.0.113.4", None),
    ] {
        let mut request = app.request(Method::GET, &path(id)).header("x-forwarded-for", address);
        if let Some(agent) = agent {
            request = request.header("user-agent", agent);
        }
        app.send(request).await.expect(200);
    }
    let views = format!("SELECT view_count FROM articles WHERE id = {id}");
    until("readers are counted", async || app.count(&views).await >= 2).await;
    app.app().flush_views().await.unwrap();
    assert_eq!(app.count(&views).await, 2);
    app.stop().await;
}

/// The article is kept once for all; what each may see of it is decided each time.
#[tokio::test]
async fn readers_of_a_kept_article_never_get_each_others_text() {
    let app = Harness::start(Options::usual().with("SHARESTACK__CACHE__ARTICLE_SECONDS", "3600")).await;
    let admin = app.admin().await;
    let author = app.with_role(&admin, "linxiaohong", "creator").await;
    let reader = app.account("wangxiaoming").await;
    let body = json!({ "title": "t", "content": format!("开头。\n\n{}\n\n秘密。", "中间。".repeat(200)), "access_level": "members" });
    let id = app.post_as(&author.token, ARTICLES, &body).await.expect(201).data()["id"].as_i64().unwrap();
    app.post_as(&author.token, &format!("{}/publish", path(id)), &json!({})).await.expect(200);
    let (place, app_) = (path(id), &app);
    let reads = (0..60).map(|n| {
        let (place, token) = (&place, [None, Some(&reader.token), Some(&author.token)][n % 3]);
        async move {
            let answer = match token {
                None => app_.get(place).await,
                Some(token) => app_.get_as(token, place).await,
            };
            (n % 3, answer.expect(200))
        }
    });
    for (who, answer) in futures::future::join_all(reads).await {
        assert_eq!(answer.text.contains("秘密"), who > 0, "{}", answer.text);
        assert_eq!((answer.data()["access"] == true, answer.data()["paywall"].is_null()), (who > 0, who > 0));
        assert_eq!(answer.data()["draft"], Value::Null);
    }
    app.stop().await;
}
