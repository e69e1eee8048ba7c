//! Categories and tags of articles: the code of those of photos, on a tree of their own.

use std::ops::Deref;

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH};
use serde_json::{Value, json};
use sharestack_tests::{Account, Answer, Database, Options, Shelves, assert_shows, until};

const ARTICLES: &str = "/api/v1/articles";
const CATEGORIES: &str = "/api/v1/articles/categories";

struct Room {
    shelves: Shelves,
    author: Account,
}

impl Deref for Room {
    type Target = Shelves;

    fn deref(&self) -> &Shelves {
        &self.shelves
    }
}

impl Room {
    async fn open(database: Database) -> Self {
        let (shelves, admin) = Shelves::open(Options::on(database), CATEGORIES).await;
        let author = shelves.app.with_role(&admin, "linxiaohong", "creator").await;
        Self { shelves, author }
    }

    async fn write(&self, title: &str, category: Option<i64>, tags: &[&str]) -> Answer {
        let body = json!({ "title": title, "content": "正文", "category_id": category, "tags": tags });
        self.app.post_as(&self.author.token, ARTICLES, &body).await
    }

    async fn published(&self, title: &str, category: Option<i64>, tags: &[&str]) -> i64 {
        let id = self.write(title, category, tags).await.expect(201).data()["id"].as_i64().unwrap();
        let path = format!("{ARTICLES}/{id}/publish");
        self.app.post_as(&self.author.token, &path, &json!({})).await.expect(200);
        id
    }

    /// What categories say that they have: in them and below, and in them.
    async fn counts(&self) -> Vec<(i64, i64, i64)> {
        let list = self.app.get(CATEGORIES).await.expect(200);
        let number = |value: &Value| value.as_i64().unwrap();
        let of =
            |one: &Value| (number(&one["id"]), number(&one["article_count"]), number(&one["direct_article_count"]));
        list.data()["categories"].as_array().unwrap().iter().map(of).collect()
    }

    async fn titles(&self, category: i64) -> Vec<String> {
        let path = format!("{ARTICLES}?category={category}&sort_by=created_at&sort_order=asc");
        let list = self.app.get(&path).await.expect(200);
        let titles: Vec<String> =
            list.data().as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect();
        assert_eq!(list.body["pagination"]["total"], titles.len());
        titles
    }
}

#[tokio::test]
async fn what_search_engines_are_told_of_a_category_is_shown() {
    let room = Room::open(Database::Sqlite).await;
    let said = json!({ "name": "投资理财", "seo_title": "投资理财入门", "seo_description": "从基金开始" });
    let made = room.create(&said).await.expect(201);
    assert_shows(made.data(), &said);
    let id = made.data()["id"].as_i64().unwrap();
    let change = json!({ "seo_title": "理财", "seo_description": null });
    assert_shows(room.edit(id, &change).await.expect(200).data(), &change);
    let list = room.app.get(CATEGORIES).await.expect(200);
    assert_shows(&list.data()["categories"][0], &change);
    room.shelves.app.stop().await;
}

#[tokio::test]
async fn articles_are_sorted_into_a_tree_that_counts_them() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let money = room.create(&json!({ "name": "投资理财", "slug": "money" })).await.expect(201);
        assert_shows(money.data(), &json!({ "slug": "money", "level": 0, "parent_id": null, "article_count": 0 }));
        let money = money.data()["id"].as_i64().unwrap();
        let funds = room.made("基金", Some(money)).await;
        let life = room.made("生活", None).await;
        room.create(&json!({ "name": "钱", "slug": "money" })).await.refused(409, "RESOURCE_CONFLICT");

        let first = room.published("甲", Some(money), &[]).await;
        room.published("乙", Some(funds), &[]).await;
        room.write("草稿", Some(funds), &[]).await.expect(201);
        room.published("丙", None, &[]).await;
        assert_eq!(room.counts().await, [(money, 2, 1), (funds, 1, 1), (life, 0, 0)]);
        assert_eq!(
            (room.titles(money).await, room.titles(funds).await),
            (vec!["甲".into(), "乙".into()], vec!["乙".into()])
        );
        let read = room.app.get(&format!("{ARTICLES}/{first}")).await.expect(200);
        assert_eq!(read.data()["category_id"], money);
        let tree = room.app.get(CATEGORIES).await.expect(200).data()["tree"].clone();
        assert_shows(
            &tree,
            &json!([
                { "id": money, "name": "投资理财", "article_count": 2, "children": [
                    { "id": funds, "name": "基金", "article_count": 1, "children": [] }
                ] },
                { "id": life, "children": [] }
            ]),
        );

        let index = room.made("指数基金", Some(funds)).await;
        for below in [money, funds, index] {
            let refused = room.edit(money, &json!({ "parent_id": below })).await.refused(409, "RESOURCE_CONFLICT");
            assert_eq!(refused.body["error"]["details"]["reason"], "cycle");
        }
        room.delete(index).await.expect(204);
        room.edit(funds, &json!({ "parent_id": life })).await.expect(200);
        assert_eq!(room.counts().await, [(money, 1, 1), (life, 1, 0), (funds, 1, 1)]);
        until("lists know of the move", || async { room.titles(money).await == ["甲"] }).await;
        let change = json!({ "category_id": life });
        let path = format!("{ARTICLES}/{first}");
        let changed = room.app.put_as(&room.author.token, &path, &change).await.expect(200);
        assert_eq!(changed.data()["category_id"], life);
        assert_eq!(room.counts().await, [(money, 0, 0), (life, 2, 1), (funds, 1, 1)]);

        room.delete(life).await.refused(409, "RESOURCE_CONFLICT");
        let full = room.delete(funds).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(full.body["error"]["details"], json!({ "reason": "not_empty", "count": 2 }));
        room.delete(format!("{funds}?move_to={life}")).await.expect(204);
        assert_eq!(room.counts().await, [(money, 0, 0), (life, 2, 2)]);
        let sorted = format!("SELECT COUNT(*) FROM articles WHERE category_id = {life}");
        assert_eq!(room.app.count(&sorted).await, 3, "the draft came along");
        let kept =
            || async { room.app.get(&format!("{ARTICLES}?category={life}")).await.body["pagination"]["total"] == 2 };
        until("lists know of the new place", kept).await;
        room.delete("money").await.expect(204);
        let cleared = room.app.put_as(&room.author.token, &path, &json!({ "category_id": null })).await.expect(200);
        assert_eq!(cleared.data()["category_id"], Value::Null);
        assert_eq!(room.counts().await, [(life, 1, 1)]);
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn articles_are_searched_within_a_category_and_counted_by_them() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let money = room.made("投资理财", None).await;
        let funds = room.made("基金", Some(money)).await;
        let life = room.made("生活", None).await;
        let first = room.published("定投 甲", Some(money), &[]).await;
        let second = room.published("定投 乙", Some(funds), &[]).await;
        room.published("定投 丙", Some(funds), &[]).await;
        room.published("定投 丁", None, &[]).await;
        room.write("定投 草稿", Some(money), &[]).await.expect(201);
        let find = async |token: Option<&str>, query: &str| {
            let path = format!("{ARTICLES}/search?q=定投{query}");
            let answer = match token {
                Some(token) => room.app.get_as(token, &path).await,
                None => room.app.get(&path).await,
            };
            answer.expect(200)
        };
        let total = async |query: &str| find(None, query).await.body["pagination"]["total"].as_u64().unwrap();
        let facet =
            async |token: Option<&str>, query: &str| find(token, query).await.data()["facets"]["categories"].clone();
        until("all are found", async || total("").await == 4).await;

        let counted = json!([
            { "id": funds, "name": "基金", "count": 2 }, { "id": money, "name": "投资理财", "count": 1 }
        ]);
        for query in ["", &format!("&category={money}"), &format!("&category={money}&facets=categories&limit=1")] {
            assert_eq!(facet(None, query).await, counted, "{query}");
        }
        let within = find(None, &format!("&category={money}&sort_by=published_at&sort_order=asc")).await;
        let ids: Vec<_> = within.data()["articles"].as_array().unwrap().iter().map(|hit| hit["id"].clone()).collect();
        assert_eq!((ids.len(), &ids[0], &ids[1]), (3, &json!(first), &json!(second)));
        assert_eq!(within.data()["articles"][0]["category_id"], money);
        for (category, expected) in [(funds, 2), (life, 0), (999, 0)] {
            assert_eq!(total(&format!("&category={category}")).await, expected, "{category}");
        }

        // What is hidden has no name for visitors, and all its articles.
        room.edit(money, &json!({ "is_active": false })).await.expect(200);
        assert_eq!(facet(None, "").await, json!([]));
        assert_eq!(facet(Some(&room.keeper.token), "").await, counted);
        room.edit(money, &json!({ "is_active": true })).await.expect(200);

        // The index follows articles, and categories that go; what is below one is asked anew.
        let path = format!("{ARTICLES}/{first}");
        room.app.put_as(&room.author.token, &path, &json!({ "category_id": life })).await.expect(200);
        until("it is found there", async || total(&format!("&category={life}")).await == 1).await;
        room.edit(funds, &json!({ "parent_id": life })).await.expect(200);
        assert_eq!(total(&format!("&category={life}")).await, 3);
        room.delete(format!("{funds}?move_to={money}")).await.expect(204);
        until("all came along", async || total(&format!("&category={money}")).await == 2).await;
        assert_eq!(total(&format!("&category={life}")).await, 1);
        let stored = format!("SELECT COUNT(*) FROM articles WHERE category_id = {money} AND status = 'published'");
        assert_eq!(room.app.count(&stored).await, 2);
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn categories_of_photos_and_articles_are_apart() {
    let room = Room::open(Database::Sqlite).await;
    let of_articles = room.create(&json!({ "name": "城市", "slug": "city" })).await.expect(201);
    let of_photos = json!({ "name": "城市", "slug": "city" });
    let of_photos = room.app.post_as(&room.keeper.token, "/api/v1/categories", &of_photos).await.expect(201);
    let (article, photo) = (of_articles.data()["id"].as_i64().unwrap(), of_photos.data()["id"].as_i64().unwrap());
    room.edit(photo, &json!({ "name": "x" })).await.refused(404, "RESOURCE_NOT_FOUND");
    room.delete(photo).await.refused(404, "RESOURCE_NOT_FOUND");
    room.app.get(&format!("/api/v1/categories/{article}")).await.refused(404, "RESOURCE_NOT_FOUND");
    let refused = room.edit(article, &json!({ "parent_id": photo })).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("parent_id".to_owned(), "NOT_ALLOWED".to_owned())]);
    let refused = room.write("甲", Some(photo), &[]).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("category_id".to_owned(), "NOT_ALLOWED".to_owned())]);
    for (query, status) in [("category=0", 400), ("category=x", 400), ("category=999", 200)] {
        assert_eq!(room.app.get(&format!("{ARTICLES}?{query}")).await.status, status, "{query}");
    }
    assert_eq!(room.app.count("SELECT COUNT(*) FROM articles").await, 0);
    room.shelves.app.stop().await;
}

#[tokio::test]
async fn tags_of_articles_are_listed_by_use_and_by_what_is_typed() {
    for database in Database::all() {
        let room = Room::open(database).await;
        room.published("甲", None, &["投资", "基金"]).await;
        room.published("乙", None, &["投资"]).await;
        room.write("草稿", None, &["写作"]).await.expect(201);
        let photo_tag = json!({ "name": "投影" });
        room.app.post_as(&room.keeper.token, "/api/v1/tags", &photo_tag).await.expect(201);
        let tags = async |query: &str| -> Vec<(String, i64)> {
            let list = room.app.get(&format!("{ARTICLES}/tags{query}")).await.expect(200);
            let of = |tag: &Value| (tag["name"].as_str().unwrap().to_owned(), tag["article_count"].as_i64().unwrap());
            list.data().as_array().unwrap().iter().map(of).collect()
        };
        assert_eq!(tags("").await, [("投资".to_owned(), 2), ("基金".to_owned(), 1)]);
        assert_eq!(tags("?limit=1").await, [("投资".to_owned(), 2)]);
        for typed in ["投", "touzi", "tz"] {
            assert_eq!(tags(&format!("?q={typed}")).await, [("投资".to_owned(), 2)], "{typed}");
        }
        for query in ["?limit=0", "?limit=101", &format!("?q={}", "长".repeat(51))] {
            room.app.get(&format!("{ARTICLES}/tags{query}")).await.refused(400, "VALIDATION_ERROR");
        }
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn what_is_in_a_hidden_category_is_found_by_who_sees_it() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let money = room.made("投资理财", None).await;
        let funds = room.made("基金", Some(money)).await;
        room.published("甲", Some(money), &[]).await;
        room.published("乙", Some(funds), &[]).await;
        assert_eq!((room.titles(money).await.len(), room.titles(funds).await.len()), (2, 1));
        room.edit(money, &json!({ "is_active": false })).await.expect(200);
        // It hides what is below it, in lists as in the search.
        for category in [money, funds] {
            until("it is hidden", || async { room.titles(category).await.is_empty() }).await;
            let path = format!("{ARTICLES}?category={category}");
            for token in [&room.author.token, &room.keeper.token] {
                let total = room.app.get_as(token, &path).await.expect(200).body["pagination"]["total"].clone();
                let expected = match (token == &room.keeper.token, category == money) {
                    (false, _) => 0,
                    (true, true) => 2,
                    (true, false) => 1,
                };
                assert_eq!(total, expected, "{database:?} {category}");
            }
        }
        assert_eq!(room.app.get(ARTICLES).await.expect(200).body["pagination"]["total"], 2, "they are not hidden");
        room.edit(money, &json!({ "is_active": true })).await.expect(200);
        until("it is shown again", || async { room.titles(funds).await == ["乙"] }).await;
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let made = room.create(&json!({ "name": "投资理财", "slug": "money" })).await.expect(201);
        let money = made.data()["id"].as_i64().unwrap();
        room.published("甲", Some(money), &[]).await;
        // By its slug, as by its id.
        let by_slug = format!("{CATEGORIES}/money");
        let changed = room.app.put_as(&room.keeper.token, &by_slug, &json!({ "description": "钱" })).await.expect(200);
        assert_shows(changed.data(), &json!({ "id": money, "slug": "money", "description": "钱", "article_count": 1 }));

        // What was changed meanwhile is neither changed nor removed.
        let stale = |method| {
            let request = room.app.request(method, &by_slug).bearer_auth(&room.keeper.token);
            let request = request.header(IF_MATCH, made.header(ETAG.as_str()));
            room.app.send(request.json(&json!({ "name": "旧" })))
        };
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            stale(method).await.refused(412, "PRECONDITION_FAILED");
        }
        room.refuse_what_is_wrong(money).await;
        // What is in it comes to another of articles, and to nothing else.
        let of_photos = json!({ "name": "城市", "slug": "city" });
        let of_photos = room.app.post_as(&room.keeper.token, "/api/v1/categories", &of_photos).await.expect(201);
        for (place, code) in [
            (of_photos.data()["id"].to_string(), "NOT_ALLOWED"),
            (money.to_string(), "NOT_ALLOWED"),
            ("999".to_owned(), "NOT_ALLOWED"),
            ("0".to_owned(), "OUT_OF_RANGE"),
            ("x".to_owned(), "INVALID_FORMAT"),
        ] {
            let refused = room.delete(format!("{money}?move_to={place}")).await;
            assert_eq!(refused.broken_fields(), [format!("move_to {code}")], "{place}");
        }
        for missing in ["0", "999", "no-such"] {
            room.delete(missing).await.refused(404, "RESOURCE_NOT_FOUND");
        }

        assert_eq!(room.app.count("SELECT COUNT(*) FROM categories").await, 2);
        let stays = format!("SELECT COUNT(*) FROM articles WHERE category_id = {money}");
        assert_eq!(room.app.count(&stays).await, 1);
        let stays =
            format!("SELECT COUNT(*) FROM categories WHERE id = {money} AND name = '投资理财' AND slug = 'money'");
        assert_eq!(room.app.count(&stays).await, 1);
        room.shelves.app.stop().await;
    }
}
