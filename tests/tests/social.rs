//! Follows and blocks, and what a user is in figures.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::money::{monthly_plan, notify, subscribe, success};
use sharestack_tests::{Account, Answer, Database, Harness, Options};

struct Town {
    app: Harness,
    wei: Account,
    lin: Account,
    san: Account,
}

impl Town {
    async fn on(database: Database) -> Self {
        let app = Harness::start(Options::on(database)).await;
        let (wei, lin, san) = (app.account("wei").await, app.account("lin").await, app.account("san").await);
        Self { app, wei, lin, san }
    }

    async fn embedded() -> Self {
        Self::on(Database::usual()).await
    }

    async fn act(&self, method: Method, who: &Account, user: &str, what: &str) -> Answer {
        let request = self.app.request(method, &format!("/api/v1/users/{user}/{what}"));
        self.app.send(request.bearer_auth(&who.token)).await
    }

    async fn follow(&self, who: &Account, whom: &Account) -> Answer {
        self.act(Method::POST, who, &whom.username, "follow").await
    }

    async fn list(&self, who: Option<&Account>, path: &str) -> Answer {
        let path = format!("/api/v1/users/{path}");
        match who {
            Some(who) => self.app.get_as(&who.token, &path).await,
            None => self.app.get(&path).await,
        }
    }

    async fn rows(&self, table: &str) -> i64 {
        self.app.count(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    async fn told(&self, kind: &str) -> i64 {
        self.app.count(&format!("SELECT COUNT(*) FROM events WHERE kind = '{kind}'")).await
    }
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.data().as_array().unwrap().iter().map(|one| one["username"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_follow_and_leave_on_every_database() {
    for database in Database::all() {
        let town = Town::on(database).await;
        for _ in 0..2 {
            let followed = town.follow(&town.wei, &town.lin).await.expect(200);
            let data = followed.data();
            assert_eq!((&data["id"], &data["username"]), (&json!(town.lin.id), &json!("lin")), "{database:?}");
            assert_eq!((&data["following"], &data["followed_by"]), (&json!(true), &json!(false)));
            assert_eq!((&data["blocked"], &data["followers"]), (&json!(false), &json!(1)));
            assert_eq!((&data["full_name"], &data["avatar"]), (&data["display_name"], &data["avatar_url"]));
        }
        // By id as well as by name.
        town.act(Method::POST, &town.san, &town.lin.id.to_string(), "follow").await.expect(200);
        assert_eq!((town.rows("follows").await, town.told("user.followed").await), (2, 2), "{database:?}");

        let followers = town.list(None, "lin/followers").await.expect(200);
        assert_eq!((names(&followers), &followers.data()[0]["following"]), (vec!["san", "wei"], &Value::Null));
        assert!(followers.data()[0]["followed_at"].as_str().unwrap().ends_with('Z'));
        town.follow(&town.wei, &town.san).await.expect(200);
        let page = town.list(Some(&town.wei), "lin/followers?page=2&limit=1").await.expect(200);
        assert_eq!((names(&page), &page.data()[0]["following"]), (vec!["wei"], &json!(false)));
        let pagination = &page.body["pagination"];
        assert_eq!((&pagination["total"], &pagination["total_pages"]), (&json!(2), &json!(2)));
        assert_eq!((&pagination["has_next"], &pagination["has_prev"]), (&json!(false), &json!(true)));
        let following = town.list(None, &format!("{}/following", town.wei.id)).await.expect(200);
        assert_eq!(names(&following), ["san", "lin"]);

        for _ in 0..2 {
            let left = town.act(Method::DELETE, &town.wei, "lin", "follow").await.expect(200);
            assert_eq!((&left.data()["following"], &left.data()["followers"]), (&json!(false), &json!(1)));
        }
        assert_eq!((town.rows("follows").await, town.told("user.unfollowed").await), (2, 1), "{database:?}");
        town.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_follows_both_ways_on_every_database() {
    for database in Database::all() {
        let town = Town::on(database).await;
        town.follow(&town.wei, &town.lin).await.expect(200);
        town.follow(&town.lin, &town.wei).await.expect(200);
        for _ in 0..2 {
            let blocked = town.act(Method::POST, &town.lin, "wei", "block").await.expect(204);
            assert_eq!(blocked.text, "");
        }
        assert_eq!((town.rows("follows").await, town.rows("user_blocks").await), (0, 1), "{database:?}");
        assert_eq!((town.told("user.blocked").await, town.told("user.unfollowed").await), (1, 2), "{database:?}");
        town.follow(&town.wei, &town.lin).await.refused(409, "RESOURCE_CONFLICT");
        town.follow(&town.lin, &town.wei).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(town.rows("follows").await, 0);

        let blocks = town.list(Some(&town.lin), "me/blocks").await.expect(200);
        assert_eq!((names(&blocks), &blocks.body["pagination"]["total"]), (vec!["wei"], &json!(1)));
        assert!(blocks.data()[0]["blocked_at"].is_string());
        // Who was blocked is told nothing.
        assert_eq!(town.list(Some(&town.wei), "me/blocks").await.expect(200).data(), &json!([]));
        let seen = town.act(Method::DELETE, &town.lin, "wei", "follow").await.expect(200);
        assert_eq!(seen.data()["blocked"], true);
        let seen = town.act(Method::DELETE, &town.wei, "lin", "follow").await.expect(200);
        assert_eq!(seen.data()["blocked"], false);

        for _ in 0..2 {
            town.act(Method::DELETE, &town.lin, "wei", "block").await.expect(204);
        }
        assert_eq!((town.rows("user_blocks").await, town.told("user.unblocked").await), (0, 1), "{database:?}");
        assert_eq!(town.rows("follows").await, 0, "what a block ended stays ended");
        town.follow(&town.wei, &town.lin).await.expect(200);
        town.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_and_strangers_change_nothing() {
    let town = Town::embedded().await;
    for (method, what) in
        [(Method::POST, "follow"), (Method::DELETE, "follow"), (Method::POST, "block"), (Method::DELETE, "block")]
    {
        let request = town.app.request(method.clone(), &format!("/api/v1/users/lin/{what}"));
        town.app.send(request).await.refused(401, "AUTHENTICATION_REQUIRED");
        town.act(method.clone(), &town.wei, "wei", what).await.refused(422, "UNPROCESSABLE_ENTITY");
        for nobody in ["nobody", "999999", "0", "-1", "%00", "99999999999999999999999", "'%20OR%201=1"] {
            let missing = town.act(method.clone(), &town.wei, nobody, what).await.refused(404, "RESOURCE_NOT_FOUND");
            assert_eq!(missing.body["error"]["details"]["resource_type"], "user", "{nobody}");
        }
    }
    town.app.get("/api/v1/users/me/blocks").await.refused(401, "AUTHENTICATION_REQUIRED");
    for list in ["lin/followers", "lin/following", "lin/articles"] {
        for bad in ["page=0", "page=x", "limit=0", "limit=101", "limit=-1"] {
            town.list(None, &format!("{list}?{bad}")).await.refused(400, "VALIDATION_ERROR");
        }
    }
    for unknown in ["nobody/followers", "nobody/following", "nobody/stats", "nobody/articles"] {
        town.list(None, unknown).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    for (query, field) in [("sort_by=price", "sort_by"), ("sort_order=up", "sort_order"), ("status=lost", "status")] {
        let refused = town.list(None, &format!("lin/articles?{query}")).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields()[0].0, field);
    }
    assert_eq!((town.rows("follows").await, town.rows("user_blocks").await), (0, 0));
    assert_eq!(town.app.count("SELECT COUNT(*) FROM events WHERE aggregate = 'relation'").await, 0);
    town.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_lists_to_themselves_shows_them_to_who_may_read_users_alone() {
    let town = Town::embedded().await;
    let admin = town.app.admin().await;
    town.follow(&town.wei, &town.lin).await.expect(200);
    town.follow(&town.lin, &town.san).await.expect(200);
    let hidden = json!({ "privacy": { "show_followers": false, "show_following": false } });
    town.app.put_as(&town.lin.token, "/api/v1/users/me/settings", &hidden).await.expect(200);
    for list in ["lin/followers", "lin/following"] {
        let refused = town.list(Some(&town.wei), list).await.refused(403, "PERMISSION_DENIED");
        let details = &refused.body["error"]["details"];
        assert_eq!((&details["required_permission"], &details["user_role"]), (&json!("user.read"), &json!("user")));
        town.list(None, list).await.refused(403, "PERMISSION_DENIED");
        for viewer in [&town.lin, &admin] {
            assert_eq!(town.list(Some(viewer), list).await.expect(200).body["pagination"]["total"], 1);
        }
    }
    // How many there are is no secret; and the others' lists are their own matter.
    assert_eq!(town.list(None, "lin/stats").await.expect(200).data()["followers"], 1);
    assert_eq!(names(&town.list(None, "san/followers").await.expect(200)), ["lin"]);
    town.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_says_how_who_looks_stands_to_them() {
    let town = Town::embedded().await;
    let profile = async |who: Option<&Account>| town.list(who, "lin/profile").await.expect(200).data().clone();
    let anonymous = profile(None).await;
    assert!(anonymous.get("following").is_none() && anonymous.get("blocked").is_none());
    town.follow(&town.wei, &town.lin).await.expect(200);
    let seen = profile(Some(&town.wei)).await;
    assert_eq!((&seen["following"], &seen["blocked"]), (&json!(true), &json!(false)));
    town.act(Method::POST, &town.wei, "lin", "block").await.expect(204);
    let seen = profile(Some(&town.wei)).await;
    assert_eq!((&seen["following"], &seen["blocked"]), (&json!(false), &json!(true)));
    assert_eq!(profile(Some(&town.san)).await["blocked"], false);
    town.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deactivated_is_no_longer_there() {
    let town = Town::embedded().await;
    town.follow(&town.wei, &town.lin).await.expect(200);
    town.follow(&town.san, &town.lin).await.expect(200);
    let store = town.app.store().await;
    store.execute_raw(&format!("UPDATE users SET is_active = false WHERE id = {}", town.wei.id)).await.unwrap();
    store.close().await;
    let followers = town.list(None, "lin/followers").await.expect(200);
    assert_eq!((names(&followers), &followers.body["pagination"]["total"]), (vec!["san"], &json!(1)));
    assert_eq!(town.list(None, "lin/stats").await.expect(200).data()["followers"], 1);
    town.follow(&town.lin, &town.wei).await.refused(404, "RESOURCE_NOT_FOUND");
    town.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_follow_and_leave_and_the_figures_are_right() {
    for database in Database::all() {
        let town = Town::on(database).await;
        let fans = [&town.wei, &town.san];
        let rush = (0..50_usize).map(|n| {
            let method = if n % 3 == 0 { Method::DELETE } else { Method::POST };
            town.act(method, fans[n % 2], "lin", "follow")
        });
        for answer in futures::future::join_all(rush).await {
            answer.expect(200);
        }
        let stats = town.list(None, "lin/stats").await.expect(200);
        assert_eq!(stats.data()["followers"], town.rows("follows").await, "{database:?}");
        let (came, left) = (town.told("user.followed").await, town.told("user.unfollowed").await);
        assert_eq!(came - left, town.rows("follows").await, "{database:?}");
        town.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_in_figures_and_their_articles() {
    let town = Town::embedded().await;
    let admin = town.app.admin().await;
    let author = town.app.with_role(&admin, "qian", "creator").await;
    town.follow(&town.wei, &author).await.expect(200);
    town.follow(&author, &town.san).await.expect(200);
    for (title, publish) in [("甲", true), ("乙", true), ("草稿", false)] {
        let body = json!({ "title": title, "content": "正文" });
        let article = town.app.post_as(&author.token, "/api/v1/articles", &body).await.expect(201);
        if publish {
            let path = format!("/api/v1/articles/{}/publish", article.data()["id"]);
            town.app.post_as(&author.token, &path, &json!({})).await.expect(200);
        }
    }
    let plan = monthly_plan(&town.app, &author.token).await;
    let ordered = subscribe(&town.app, &town.wei.token, plan, "k").await.expect(201);
    subscribe(&town.app, &town.san.token, plan, "k").await.expect(201);
    notify(&town.app, &success(&ordered.data()["order"], "t")).await.expect(200);

    let expected = json!({
        "user_id": author.id, "articles": 2, "followers": 1, "following": 1, "likes": 0, "subscribers": 1,
        "revenue": null,
    });
    for viewer in [None, Some(&town.wei), Some(&admin)] {
        assert_eq!(town.list(viewer, "qian/stats").await.expect(200).data(), &expected);
    }
    let own = town.list(Some(&author), &format!("{}/stats", author.id)).await.expect(200);
    let revenue = own.data()["revenue"].as_array().unwrap();
    assert_eq!(revenue.len(), 1, "a currency in which nothing was earned is not listed");
    let revenue = &revenue[0];
    assert_eq!((&revenue["currency"], &revenue["gross"], &revenue["net"]), (&json!("CNY"), &json!(1990), &json!(1990)));

    let titles = |answer: &Answer| -> Vec<String> {
        let items = answer.data().as_array().unwrap().iter();
        items.map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    };
    let listed = town.list(None, "qian/articles?sort_by=published_at&sort_order=asc").await.expect(200);
    assert_eq!(
        (titles(&listed), &listed.body["pagination"]["total"]),
        (vec!["甲".to_owned(), "乙".to_owned()], &json!(2))
    );
    assert!(listed.data()[0].get("content").is_none_or(Value::is_null));
    let page = town.list(None, "qian/articles?page=2&limit=1").await.expect(200);
    assert_eq!(titles(&page), ["甲"]);
    assert_eq!(town.list(None, "wei/articles").await.expect(200).data(), &json!([]));
    // Drafts are their author's.
    assert_eq!(titles(&town.list(Some(&author), "qian/articles?status=draft").await.expect(200)), ["草稿"]);
    assert_eq!(titles(&town.list(Some(&admin), "qian/articles?status=draft").await.expect(200)), ["草稿"]);
    town.list(Some(&town.wei), "qian/articles?status=draft").await.refused(403, "PERMISSION_DENIED");
    for path in ["qian/articles?status=draft", "qian/articles?status=scheduled"] {
        let asked = town.list(None, path).await.refused(401, "AUTHENTICATION_REQUIRED");
        assert_eq!(asked.header("www-authenticate"), "Bearer");
    }
    town.app.stop().await;
}
