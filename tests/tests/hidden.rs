//! Categories and tags that visitors do not see, and tags that nothing public has.

use serde_json::{Value, json};
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::{Account, Answer, Database, Studio};

const TAGS: &str = "/api/v1/tags";
const ARTICLES: &str = "/api/v1/articles";

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

fn titles(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect()
}

async fn get(studio: &Studio, who: Option<&Account>, path: &str) -> Answer {
    let answer = match who {
        Some(account) => studio.app.get_as(&account.token, path).await,
        None => studio.app.get(path).await,
    };
    answer.expect(200)
}

/// What somebody reads of tags of these names, wherever tags are shown.
async fn tags_shown(studio: &Studio, who: Option<&Account>) -> Vec<String> {
    let mut shown = Vec::new();
    for list in
        ["?sort_by=name&limit=100", "/suggestions?q=annas&limit=100", "/suggestions?q=akyj", "/cloud?min_usage=1"]
    {
        let answer = get(studio, who, &format!("{TAGS}{list}")).await;
        shown.extend(names(answer.data()).into_iter().map(|name| format!("{list} {name}")));
    }
    let trending = get(studio, who, &format!("{TAGS}/trending?period=7d&limit=50")).await;
    shown.extend(names(trending.data()).into_iter().map(|name| format!("trending {name}")));
    shown
}

async fn what_only_hidden_photos_have_is_no_tag_of_visitors(database: Database) {
    let studio = Studio::open(database).await;
    let (app, curator) = (&studio.app, &studio.admin);
    studio.photo("open", json!({ "tags": ["城市"] })).await;
    let mut secret = Vec::new();
    for (title, mut extra) in [
        ("private", json!({ "visibility": "private" })),
        ("unlisted", json!({ "visibility": "unlisted" })),
        ("draft", json!({ "status": "draft" })),
        ("trash", json!({})),
    ] {
        extra["tags"] = json!([format!("Annas Kündigung {title}"), "城市"]);
        secret.push(studio.photo(title, extra).await);
    }
    let group = json!({ "tag_group": "subject" });
    let all = get(&studio, Some(curator), &format!("{TAGS}?sort_by=name&limit=100")).await;
    assert_eq!(names(all.data()).len(), 5, "who changes tags sees all of them");
    for tag in all.data().as_array().unwrap() {
        app.put_as(&curator.token, &format!("{TAGS}/{}", tag["id"]), &group).await.expect(200);
    }
    app.delete_as(&studio.lin.token, &path(secret[3])).await.expect(204);

    for who in [None, Some(&studio.wei), Some(&studio.zhao)] {
        let shown = tags_shown(&studio, who).await;
        assert!(shown.iter().all(|one| one.ends_with("城市")), "{shown:?}");
        let list = get(&studio, who, TAGS).await;
        assert_eq!((list.body["pagination"]["total"].as_u64(), &list.data()[0]["usage_count"]), (Some(1), &json!(1)));
        assert_eq!(list.body["groups"]["subject"]["count"], 1);
    }
    let list = get(&studio, Some(curator), TAGS).await;
    assert_eq!(
        (list.body["pagination"]["total"].as_u64(), &list.body["groups"]["subject"]["count"]),
        (Some(5), &json!(5))
    );
    let suggested = get(&studio, Some(curator), &format!("{TAGS}/suggestions?q=annas")).await;
    assert_eq!(names(suggested.data()).len(), 4);
    assert_eq!(app.count("SELECT COUNT(*) FROM tags WHERE kind = 'photo'").await, 5);

    // What becomes public brings its tags along, and takes them with it again.
    studio.edit(secret[0], &json!({ "visibility": "public" })).await.expect(200);
    let suggested = get(&studio, None, &format!("{TAGS}/suggestions?q=annas")).await;
    assert_eq!(names(suggested.data()), ["Annas Kündigung private"]);
    studio.edit(secret[0], &json!({ "visibility": "private" })).await.expect(200);
    assert!(tags_shown(&studio, None).await.iter().all(|one| one.ends_with("城市")));
    studio.app.stop().await;
}

#[tokio::test]
async fn what_only_hidden_photos_have_is_no_tag_of_visitors_on_each_database() {
    for database in Database::all() {
        Box::pin(what_only_hidden_photos_have_is_no_tag_of_visitors(database)).await;
    }
}

#[tokio::test]
async fn tags_of_drafts_are_no_tags_of_articles() {
    for database in Database::all() {
        let studio = Studio::open(database).await;
        let (app, lin) = (&studio.app, &studio.lin);
        let draft = async |tag: &str| {
            let body = json!({ "title": "投资入门", "content": "正文", "tags": [tag, "投资"] });
            app.post_as(&lin.token, ARTICLES, &body).await.expect(201).data()["id"].as_i64().unwrap()
        };
        let publish = async |id: i64| {
            app.post_as(&lin.token, &format!("{ARTICLES}/{id}/publish"), &json!({})).await.expect(200);
        };
        let secret = draft("投资内幕").await;
        publish(draft("投资组合").await).await;
        let tags = async |who: Option<&Account>, query: &str| {
            let answer = get(&studio, who, &format!("{ARTICLES}/tags{query}")).await;
            let mut names: Vec<String> = names(answer.data()).into_iter().map(str::to_owned).collect();
            names.sort();
            names
        };
        for who in [None, Some(lin), Some(&studio.admin)] {
            assert_eq!(tags(who, "").await, ["投资", "投资组合"]);
            assert_eq!(tags(who, "?q=投资").await, ["投资", "投资组合"]);
            assert_eq!(tags(who, "?q=投资内幕").await, Vec::<String>::new());
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM tags WHERE name = '投资内幕' AND usage_count = 0").await, 1);
        publish(secret).await;
        assert_eq!(tags(None, "?q=投资内幕").await, ["投资内幕"]);
        studio.app.stop().await;
    }
}

/// The categories and tags that an answer shows of its photo.
fn shelves(photo: &Value) -> (Vec<&str>, Vec<&str>) {
    (names(&photo["categories"]), names(&photo["tags"]))
}

async fn what_is_hidden_is_shown_of_no_photo(database: Database) {
    let studio = Studio::open(database).await;
    let app = &studio.app;
    studio.categories(&[("1", "城市风光", "cityscape"), ("2", "草稿箱", "drafts"), ("2/3", "未定", "undecided")]).await;
    let night = studio.photo("夜", json!({ "categories": [3, 2, 1], "tags": ["夜景", "禁语"] })).await;
    let hidden = json!({ "is_active": false });
    app.put_as(&studio.admin.token, "/api/v1/categories/2", &hidden).await.expect(200);
    let tags = get(&studio, Some(&studio.admin), &format!("{TAGS}?sort_by=name")).await;
    let tag = tags.data().as_array().unwrap().iter().find(|tag| tag["name"] == "禁语").unwrap();
    let (tag, slug) = (tag["id"].clone(), tag["slug"].as_str().unwrap());
    app.put_as(&studio.admin.token, &format!("{TAGS}/{tag}"), &hidden).await.expect(200);
    let link = app.post_as(&studio.lin.token, "/api/v1/photos/share-links", &json!({ "photo_ids": [night] })).await;
    let link = link.expect(201).data()["url"].as_str().unwrap().to_owned();

    let (seen, all) = ((vec!["城市风光"], vec!["夜景"]), (vec!["未定", "城市风光", "草稿箱"], vec!["夜景", "禁语"]));
    for (who, shown) in
        [(None, &seen), (Some(&studio.zhao), &seen), (Some(&studio.admin), &all), (Some(&studio.lin), &all)]
    {
        assert_eq!(shelves(get(&studio, who, &path(night)).await.data()), *shown, "{who:?}");
        assert_eq!(shelves(&get(&studio, who, PHOTOS).await.data()[0]), *shown, "{who:?}");
        let category = get(&studio, who, "/api/v1/categories/1/photos").await;
        assert_eq!(shelves(&category.data()[0]), *shown, "{who:?}");
    }
    for who in [None, Some(&studio.admin)] {
        assert_eq!(shelves(&get(&studio, who, &link).await.data()["photos"][0]), seen, "a link is for anybody");
    }
    for query in ["category=2", "category=3", "tag=禁语", &format!("tag={slug}"), "category=1&tag=禁语"] {
        for (who, total) in [(None, 0), (Some(&studio.zhao), 0), (Some(&studio.lin), 0), (Some(&studio.admin), 1)] {
            let found = get(&studio, who, &format!("{PHOTOS}?{query}")).await;
            assert_eq!(
                (found.body["pagination"]["total"].as_u64(), titles(found.data()).len() as u64),
                (Some(total), total),
                "{query}"
            );
        }
    }
    // Nor is it found out by sharing it.
    let share = json!({ "category": 3 });
    let refused = app.post_as(&studio.lin.token, "/api/v1/photos/share-links", &share).await;
    let absent = app.post_as(&studio.lin.token, "/api/v1/photos/share-links", &json!({ "category": 99 })).await;
    assert_eq!(refused.refused(400, "VALIDATION_ERROR").fields(), absent.refused(400, "VALIDATION_ERROR").fields());
    app.post_as(&studio.admin.token, "/api/v1/photos/share-links", &share).await.expect(201);

    // Its owner, who sees all of them, loses none by saying them again.
    let own = get(&studio, Some(&studio.lin), &path(night)).await;
    let ids: Vec<_> = own.data()["categories"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    studio.edit(night, &json!({ "categories": ids })).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM photo_categories").await, 3);
    studio.app.stop().await;
}

#[tokio::test]
async fn what_is_hidden_is_shown_of_no_photo_on_each_database() {
    for database in Database::all() {
        Box::pin(what_is_hidden_is_shown_of_no_photo(database)).await;
    }
}

#[tokio::test]
async fn what_is_hidden_is_neither_marked_nor_filtered_by() {
    let studio = Studio::open(Database::Sqlite).await;
    let app = &studio.app;
    studio.categories(&[("1", "城市风光", "cityscape"), ("2", "草稿箱", "drafts"), ("2/3", "未定", "undecided")]).await;
    studio.photo("城市", json!({ "categories": [3], "tags": ["城市漫步", "城市禁语"] })).await;
    let found =
        async |who: Option<&Account>, query: &str| get(&studio, who, &format!("{PHOTOS}/search?q=城市{query}")).await;
    let total = |answer: &Answer| answer.body["pagination"]["total"].as_u64().unwrap();
    sharestack_tests::until("the photo is found", async || total(&found(None, "").await) == 1).await;
    let tags = get(&studio, Some(&studio.admin), TAGS).await;
    let tag = tags.data().as_array().unwrap().iter().find(|tag| tag["name"] == "城市禁语").unwrap()["id"].clone();
    app.put_as(&studio.admin.token, &format!("{TAGS}/{tag}"), &json!({ "is_active": false })).await.expect(200);
    app.put_as(&studio.admin.token, "/api/v1/categories/2", &json!({ "is_active": false })).await.expect(200);
    let marked = |answer: &Answer| {
        let tags = answer.data()["photos"][0]["highlight"]["tags"].as_array().unwrap().clone();
        tags.iter().map(|tag| tag.as_str().unwrap().replace("<mark>", "").replace("</mark>", "")).collect::<Vec<_>>()
    };
    assert_eq!(marked(&found(None, "").await), ["城市漫步"]);
    assert_eq!(marked(&found(Some(&studio.admin), "").await), ["城市漫步", "城市禁语"]);
    for query in ["&category=2", "&category=3"] {
        assert_eq!(total(&found(None, query).await), 0, "{query}");
    }
    assert_eq!(total(&found(Some(&studio.admin), "&category=2").await), 1);
    studio.app.stop().await;
}
