//! Articles found by their words, on every database.

use serde_json::{Value, json};
use sharestack_tests::operators::{SIGNS, signed, worded};
use sharestack_tests::process::command;
use sharestack_tests::{Account, Answer, Database, Harness, Options, Process, until};

const ARTICLES: &str = "/api/v1/articles";
const SEARCH: &str = "/api/v1/articles/search";

struct Library {
    app: Harness,
    author: Account,
}

impl Library {
    async fn open(database: Database) -> Self {
        Self::with(Options::on(database)).await
    }

    async fn with(options: Options) -> Self {
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let author = app.with_role(&admin, "linxiaohong", "creator").await;
        Self { app, author }
    }

    async fn write(&self, title: &str, content: &str, extra: Value) -> i64 {
        let mut body = json!({ "title": title, "content": content });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let made = self.app.post_as(&self.author.token, ARTICLES, &body).await.expect(201);
        made.data()["id"].as_i64().unwrap()
    }

    async fn act(&self, id: i64, action: &str) -> Answer {
        self.app.post_as(&self.author.token, &format!("{ARTICLES}/{id}/{action}"), &json!({})).await.expect(200)
    }

    async fn publish(&self, title: &str, content: &str, extra: Value) -> i64 {
        let id = self.write(title, content, extra).await;
        self.act(id, "publish").await;
        id
    }

    async fn find(&self, query: &str) -> Answer {
        self.app.get(&format!("{SEARCH}?{query}")).await.expect(200)
    }

    /// Waits until exactly these articles are found, in this order.
    async fn until_found(&self, query: &str, expected: &[i64]) -> Answer {
        until(&format!("{query} finds {expected:?}"), async || ids(&self.find(query).await) == expected).await;
        self.find(query).await
    }
}

fn ids(answer: &Answer) -> Vec<i64> {
    answer.data()["articles"].as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()).collect()
}

fn hit(answer: &Answer) -> &Value {
    &answer.data()["articles"][0]
}

#[tokio::test]
async fn words_of_two_languages_are_found_and_marked() {
    for database in Database::all() {
        let library = Library::open(database).await;
        let text = "繁华都市的夜晚。从北京大学出发，沿路都是<霓虹>。\n\nLong exposures need a good tripod.";
        let night =
            library.publish("城市夜景拍摄指南", text, json!({ "tags": ["摄影", "City"], "summary": "五个地点" })).await;
        let index_funds = library
            .publish("Index funds & <b>investing</b>", "指数基金定投，从夜景聊起。", json!({ "tags": ["投资"] }))
            .await;
        let found = library.until_found("q=夜景", &[night, index_funds]).await;
        let first = hit(&found);
        assert_eq!(first["highlight"]["title"], "城市<mark>夜景</mark>拍摄指南");
        let second = &found.data()["articles"][1];
        assert_eq!(second["highlight"]["title"], Value::Null);
        assert_eq!(second["highlight"]["description"], "指数基金定投，从<mark>夜景</mark>聊起。");
        let (best, next) = (first["score"].as_f64().unwrap(), second["score"].as_f64().unwrap());
        assert!(best > next && next > 0.0 && best <= 1.0, "{best} {next}");
        assert_eq!(first["author"]["username"], "linxiaohong");
        assert_eq!((&first["access"], &first["status"]), (&json!(true), &json!("published")));
        assert!(found.data()["search_time"].as_f64().unwrap() >= 0.0);
        let pagination = &found.body["pagination"];
        assert_eq!(
            (&pagination["total"], &pagination["page"], &pagination["limit"]),
            (&json!(2), &json!(1), &json!(20))
        );

        for (query, expected) in [
            ("q=京大", vec![night]),
            ("q=INVEST", vec![index_funds]),
            ("q=exposure%20夜晚", vec![night]),
            ("q=tripdo", vec![night]),
            ("q=摄影", vec![night]),
            ("q=linxiaohong%20基金", vec![index_funds]),
            ("q=没有的词", vec![]),
        ] {
            assert_eq!(ids(&library.find(query).await), expected, "{query}");
        }
        let escaped = library.find("q=investing").await;
        assert_eq!(hit(&escaped)["highlight"]["title"], "Index funds &amp; &lt;b&gt;<mark>investing</mark>&lt;/b&gt;");
        let neon = library.find("q=霓虹").await;
        let description = hit(&neon)["highlight"]["description"].as_str().unwrap();
        assert!(description.contains("&lt;<mark>霓虹</mark>&gt;"), "{description}");
        library.app.stop().await;
    }
}

#[tokio::test]
async fn only_what_is_public_is_found() {
    for database in Database::all() {
        let library = Library::open(database).await;
        let draft = library.write("隐藏的标题", "正文", json!({})).await;
        let public = library.publish("公开的标题", "正文", json!({})).await;
        library.until_found("q=标题", &[public]).await;
        // The author sees no more than others.
        let own = library.app.get_as(&library.author.token, &format!("{SEARCH}?q=标题")).await.expect(200);
        assert_eq!(ids(&own), [public]);

        library.act(draft, "publish").await;
        until("both are found", async || ids(&library.find("q=标题").await).len() == 2).await;
        let edit = json!({ "title": "改过的名字", "tags": ["新标签"] });
        library.app.put_as(&library.author.token, &format!("{ARTICLES}/{public}"), &edit).await.expect(200);
        library.until_found("q=标题", &[draft]).await;
        library.until_found("q=新标签", &[public]).await;

        // Gone at once, whether or not the index knows it yet.
        library.act(draft, "unpublish").await;
        let answer = library.find("q=标题").await;
        assert_eq!((ids(&answer), &answer.body["pagination"]["total"]), (vec![], &json!(0)));
        library.app.delete_as(&library.author.token, &format!("{ARTICLES}/{public}")).await.expect(204);
        assert_eq!(ids(&library.find("q=名字").await), [0_i64; 0]);
        let stored = "SELECT COUNT(*) FROM articles WHERE status = 'published'";
        assert_eq!(library.app.count(stored).await, 0);
        library.app.stop().await;
    }
}

#[tokio::test]
async fn a_gated_text_is_neither_searched_nor_shown() {
    let library = Library::open(Database::Sqlite).await;
    let text = format!("公开的开头。\n\n{}\n\n秘密的配方在结尾。", "一段很长的文字。\n\n".repeat(60));
    let paid = library.publish("付费课程", &text, json!({ "access_level": "paid" })).await;
    let free = library.publish("免费课程", &text, json!({})).await;
    library.until_found("q=配方", &[free]).await;
    let found = library.find("q=课程&access=paid").await;
    assert_eq!((ids(&found), &hit(&found)["access"]), (vec![paid], &json!(false)));
    assert!(!found.text.contains("秘密"), "{}", found.text);

    // What becomes gated is no longer shown, from the change on.
    let gate = json!({ "access_level": "paid" });
    library.app.put_as(&library.author.token, &format!("{ARTICLES}/{free}"), &gate).await.expect(200);
    assert!(!library.find("q=秘密").await.text.contains("<mark>秘密"));
    library.until_found("q=秘密", &[]).await;
    library.app.stop().await;
}

#[tokio::test]
async fn facets_respect_filters_and_count_beyond_the_page() {
    for database in Database::all() {
        let library = Library::open(database).await;
        for number in 0..6 {
            let tags = if number < 2 { json!(["摄影", "City Walk"]) } else { json!(["摄影"]) };
            let level = if number % 2 == 0 { "free" } else { "members" };
            let extra = json!({ "tags": tags, "access_level": level });
            library.publish(&format!("旅行笔记 {number}"), "正文", extra).await;
        }
        library.write("旅行草稿", "正文", json!({ "tags": ["摄影"] })).await;
        until("all are found", async || library.find("q=旅行").await.body["pagination"]["total"] == 6).await;
        let year =
            library.find("q=旅行").await.body["meta"]["timestamp"].as_str().unwrap()[..4].parse::<i32>().unwrap();

        let all = library.find("q=旅行&limit=2").await;
        assert_eq!(ids(&all).len(), 2);
        assert_eq!(
            all.data()["facets"],
            json!({
                "categories": [],
                "tags": [{ "name": "摄影", "count": 6 }, { "name": "City Walk", "count": 2 }],
                "years": [{ "year": year, "count": 6 }],
            })
        );
        let narrowed = library.find("q=旅行&access=free&facets=tags").await;
        assert_eq!(
            narrowed.data()["facets"],
            json!({
                "tags": [{ "name": "摄影", "count": 3 }, { "name": "City Walk", "count": 1 }]
            })
        );
        for (query, total) in [
            ("q=旅行&tags=摄影,city-walk", 2),
            ("q=旅行&tags=City Walk", 2),
            ("q=旅行&tags=没有", 0),
            ("q=旅行&author=linxiaohong", 6),
            ("q=旅行&sort_by=published_at&sort_order=asc", 6),
            ("q=旅行&author=nobody", 0),
            ("q=旅行&date_to=2001-01-01", 0),
            ("q=旅行&date_from=2001-01-01&date_to=2999-12-31", 6),
            ("q=旅行&page=3&limit=2", 6),
            ("q=旅行&page=9&limit=2", 6),
        ] {
            assert_eq!(library.find(query).await.body["pagination"]["total"], total, "{query}");
        }
        let mut seen: Vec<i64> = Vec::new();
        for page in 1..=3 {
            seen.extend(ids(&library.find(&format!("q=旅行&limit=2&page={page}")).await));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6);
        library.app.stop().await;
    }
}

#[tokio::test]
async fn bad_input_gets_the_contracts_answer() {
    let library = Library::open(Database::Sqlite).await;
    let id = library.publish("Rust 入门", "fearless concurrency", json!({})).await;
    library.until_found("q=rust", &[id]).await;
    let codes = async |query: &str| library.app.get(&format!("{SEARCH}?{query}")).await.broken_fields();
    for (query, expected) in [
        ("", vec!["q REQUIRED"]),
        ("q=", vec!["q REQUIRED"]),
        ("q=%20%20", vec!["q REQUIRED"]),
        ("q=%00", vec!["q INVALID_FORMAT"]),
        (&format!("q={}", "a".repeat(201)), vec!["q TOO_LONG"]),
        (&format!("q={}", "a%20%2B".repeat(1500)), vec!["q TOO_LONG"]),
        ("q=a&page=0&limit=101", vec!["page OUT_OF_RANGE", "limit OUT_OF_RANGE"]),
        ("q=a&page=501", vec!["page OUT_OF_RANGE"]),
        ("q=a&page=4294967295&limit=100", vec!["page OUT_OF_RANGE"]),
        ("q=a&access=secret&facets=tags,cameras", vec!["access NOT_ALLOWED", "facets NOT_ALLOWED"]),
        ("q=a&category=x", vec!["category INVALID_FORMAT"]),
        ("q=a&category=0", vec!["category OUT_OF_RANGE"]),
        ("q=a&category=9223372036854775808", vec!["category INVALID_FORMAT"]),
        ("q=a&sort_by=views&sort_order=asc", vec!["sort_by NOT_ALLOWED", "sort_order NOT_ALLOWED"]),
        ("q=a&date_from=2026-02-30&date_to=26-1-1", vec!["date_from INVALID_FORMAT", "date_to INVALID_FORMAT"]),
        ("q=a&date_from=2026-02-02&date_to=2026-02-01", vec!["date_to OUT_OF_RANGE"]),
        (&format!("q=a&tags={}", "x".repeat(101)), vec!["tags TOO_LONG"]),
        (&format!("q=a&tags={}", "x".repeat(10_000)), vec!["tags TOO_LONG"]),
        (&format!("q=a&tags={}", "x,".repeat(21)), vec!["tags TOO_LONG"]),
        (&format!("q={}", "%E5%A4%9C".repeat(3500)), vec!["q TOO_LONG"]),
        ("date_from=x&tags=%3Cscript%3E", vec!["q REQUIRED", "date_from INVALID_FORMAT", "tags INVALID_FORMAT"]),
    ] {
        assert_eq!(codes(query).await, expected, "{query}");
    }
    assert_eq!(library.find("q=a&page=500").await.body["pagination"]["total"], 0);
    for nothing in SIGNS {
        let answer = library.find(&format!("q={nothing}")).await;
        assert_eq!((ids(&answer), &answer.body["pagination"]["total"]), (vec![], &json!(0)), "{nothing}");
    }
    for signs in signed("rust") {
        assert_eq!(ids(&library.find(&format!("q={signs}")).await), [id], "{signs}");
    }
    for words in worded("rust") {
        library.find(&format!("q={words}")).await;
    }
    library.app.get(&format!("{SEARCH}?q=%FF%FE")).await;
    library.app.stop().await;
}

#[tokio::test]
async fn searches_have_their_own_limit() {
    let options = Options::on(Database::Sqlite)
        .with("RATE_LIMIT_ENABLED", "true")
        .with("SHARESTACK__RATE_LIMIT__SEARCH_PER_MINUTE", "3")
        .with("SHARESTACK__RATE_LIMIT__AUTH_PER_MINUTE", "100");
    let library = Library::with(options).await;
    for _ in 0..3 {
        library.find("q=x").await;
    }
    let refused = library.app.get(&format!("{SEARCH}?q=x")).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("x-ratelimit-limit"), "3");
    library.app.get(ARTICLES).await.expect(200);
    library.app.stop().await;
}

#[tokio::test]
async fn demo_content_is_found_after_the_first_start_and_a_damaged_index_after_the_next() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Process::start(data.path(), &["serve", "--demo"], &[].into());
    let path = format!("{SEARCH}?q=胡同");
    let total = async |server: &Process| server.client.get(&path).await.expect(200).body["pagination"]["total"].clone();
    assert_eq!(total(&server).await, 1);
    let current = data.path().join("search/articles/CURRENT");
    let first = std::fs::read_to_string(&current).unwrap();
    server.terminate();

    for file in std::fs::read_dir(data.path().join("search/articles").join(&first)).unwrap() {
        std::fs::write(file.unwrap().path(), b"torn").unwrap();
    }
    let mut server = Process::start(data.path(), &["serve"], &[].into());
    assert_eq!(total(&server).await, 1);
    assert_ne!(std::fs::read_to_string(&current).unwrap(), first);
    server.terminate();

    std::fs::remove_dir_all(data.path().join("search")).unwrap();
    let server = Process::start(data.path(), &["serve"], &[].into());
    assert_eq!(total(&server).await, 1);
}

#[tokio::test]
async fn the_command_rebuilds_while_the_server_answers() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::start(data.path(), &["serve", "--demo"], &[].into());
    let path = format!("{SEARCH}?q=胡同");
    let found = async || ids(&server.client.get(&path).await.expect(200)).len();
    until("the demo is found", async || found().await == 1).await;
    let worked_on = async || server.client.get("/api/v1/photos").await.expect(200).body["pagination"]["total"].clone();
    until("the demo's photos are worked on", async || worked_on().await == 6).await;
    let shown = async || {
        let found = server.client.get("/api/v1/photos/search?q=日落&sort_by=taken_at").await.expect(200);
        let photos = found.data()["photos"].as_array().unwrap().iter().map(|photo| photo["title"].clone()).collect();
        (photos, found.data()["facets"]["years"].clone())
    };
    let sunsets: (Vec<Value>, Value) = (
        vec![json!("外滩的日落"), json!("西湖晚照")],
        json!([{ "year": 2024, "count": 1 }, { "year": 2023, "count": 1 }]),
    );
    until("the demo's photos are found", async || shown().await == sunsets).await;
    let current = data.path().join("search/articles/CURRENT");
    let before = std::fs::read_to_string(&current).unwrap();
    let photos = data.path().join("search/photos");
    let photos_before = std::fs::read_to_string(photos.join("CURRENT")).unwrap();

    let mut child =
        command(data.path(), &["search", "rebuild"], &[].into()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut answered = 0;
    while child.try_wait().unwrap().is_none() {
        assert_eq!((found().await, shown().await), (1, sunsets.clone()));
        answered += 1;
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && answered > 0);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "search index rebuilt: 4 articles\nsearch index rebuilt: 6 photos\n"
    );
    let after = std::fs::read_to_string(&current).unwrap();
    assert_ne!(before, after);
    // The server changes over, lets go of the old one, and follows in the new one.
    until("the old index is gone", async || {
        assert_eq!(found().await, 1);
        !data.path().join("search/articles").join(&before).exists()
    })
    .await;
    until("the old index of photos is gone", async || {
        assert_eq!(shown().await, sunsets);
        !photos.join(&photos_before).exists()
    })
    .await;
    assert_ne!(std::fs::read_to_string(photos.join("CURRENT")).unwrap(), photos_before);
}

#[tokio::test]
async fn an_authors_new_name_finds_their_articles_at_once() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let author = app.with_role(&admin, "qian", "creator").await;
    for title in ["甲", "乙"] {
        let made = app.post_as(&author.token, "/api/v1/articles", &json!({ "title": title, "content": "正文" })).await;
        let path = format!("/api/v1/articles/{}/publish", made.expect(201).data()["id"]);
        app.post_as(&author.token, &path, &json!({})).await.expect(200);
    }
    let total = async |name: &str| {
        let found = app.get(&format!("/api/v1/articles/search?q={name}")).await.expect(200);
        found.body["pagination"]["total"].as_u64().unwrap()
    };
    until("they are found", async || total("qian").await == 2).await;
    assert_eq!(total("heron").await, 0);
    app.put_as(&author.token, "/api/v1/users/me", &json!({ "username": "blue-heron" })).await.expect(200);
    until("they are found by the new name", async || total("heron").await == 2).await;
    assert_eq!(total("qian").await, 0);
    let health = app.get("/health").await.expect(200);
    assert_eq!(health.data()["search"]["articles"]["documents"], 2);
    app.stop().await;
}
