//! Photos found by their words, on every database.

use std::ops::Deref;

use chrono::TimeDelta;
use serde_json::{Value, json};
use sharestack_content::model::{Caption, Category, Exif, Photo, PhotoStatus, Place, TagId, Visibility};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;
use sharestack_tests::gallery::{category, label, lost, shelve_by_name, time};
use sharestack_tests::operators::{SIGNS, signed, worded};
use sharestack_tests::process::command;
use sharestack_tests::{Account, Answer, Database, Gallery, Harness, Options, assert_shows, until};

const SEARCH: &str = "/api/v1/photos/search";

/// A gallery whose photos are looked for.
struct Searched {
    app: Harness,
    owner: Account,
    gallery: Gallery,
}

impl Deref for Searched {
    type Target = Gallery;

    fn deref(&self) -> &Gallery {
        &self.gallery
    }
}

impl Searched {
    async fn open(database: Database) -> Self {
        let app = Harness::start(Options::on(database)).await;
        let owner = app.account("linxiaohong").await;
        let gallery = Gallery::of(&app, owner.id);
        Self { app, owner, gallery }
    }

    /// A listed photo, made a minute after the one before it.
    fn photo(&self, id: i64, title: &str) -> Photo {
        let photo = self.gallery.photo(id, title);
        Photo { created_at: photo.created_at + TimeDelta::minutes(id), ..photo }
    }

    /// The same, taken at a time in a zone.
    fn taken(&self, id: i64, title: &str, when: &str) -> Photo {
        Photo { created_at: self.photo(id, title).created_at, ..self.gallery.taken(id, title, when) }
    }

    async fn find(&self, query: &str) -> Answer {
        self.app.get(&format!("{SEARCH}?{query}")).await.expect(200)
    }

    async fn until_total(&self, query: &str, total: u64) -> Answer {
        until(&format!("{query} finds {total}"), async || self.find(query).await.body["pagination"]["total"] == total)
            .await;
        self.find(query).await
    }
}

fn ids(answer: &Answer) -> Vec<i64> {
    answer.data()["photos"].as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()).collect()
}

/// 43 photos of the night, 25 of them of 2024, sorted as the printed sample says: under the
/// category that it asks for, 15 in itself, 8 in one below it, and 2 in one that is hidden.
async fn sample(gallery: &Searched) -> Photo {
    let waiting = Category { is_active: false, ..category("1/3", "待整理", "waiting") };
    gallery.plant(&[category("1", "城市风光", "city"), category("1/2", "建筑摄影", "buildings"), waiting]).await;
    let place = Place { name: Some("上海外滩".to_owned()), city: Some("Shanghai".to_owned()), ..Place::default() };
    let first = Photo {
        description: Some(Caption::stored("繁华都市的夜晚景色".to_owned())),
        place: place.clone(),
        ..gallery.taken(1, "城市夜景", "2024-01-15T18:30:00Z")
    };
    gallery.keep(&first, &[1], &[(1, "夜景"), (2, "城市")]).await;
    for id in 2..=43 {
        let title = format!("很久以前在江边的大桥上拍到的一张长长的夜景照片，第{id}张");
        let year = if id <= 25 { 2024 } else { 2023 };
        let photo = gallery.taken(id, &title, &format!("{year}-07-01T12:00:00Z"));
        let photo = Photo { place: place.clone(), ..photo };
        let category = match id {
            16..=23 => 2,
            24..=25 => 3,
            _ => 1,
        };
        let tags: &[(i64, &str)] = match id {
            ..=12 => &[(1, "夜景"), (2, "城市")],
            13..=20 => &[(2, "城市")],
            _ => &[],
        };
        gallery.keep(&photo, &[category], tags).await;
    }
    first
}

#[tokio::test]
async fn the_printed_sample_is_what_is_answered() {
    for database in Database::all() {
        let gallery = Searched::open(database).await;
        let first = sample(&gallery).await;
        let dates = "date_from=2024-01-01&date_to=2024-12-31";
        let found = gallery.until_total(&format!("q=夜景&category=1&location=上海&{dates}"), 25).await;
        let printed = json!({
            "success": true,
            "code": 200,
            "data": {
                "facets": {
                    "categories": [{ "name": "城市风光", "count": 15 }, { "name": "建筑摄影", "count": 8 }],
                    "tags": [{ "name": "城市", "count": 20 }, { "name": "夜景", "count": 12 }],
                    "years": [{ "year": 2024, "count": 25 }],
                },
            },
            "pagination": { "page": 1, "limit": 20, "total": 25 },
        });
        assert_shows(&found.body, &printed);
        assert_eq!(found.data()["facets"]["years"].as_array().unwrap().len(), 1);
        assert!(found.data()["search_time"].as_f64().unwrap() >= 0.0);
        let best = &found.data()["photos"][0];
        // The sample prints the mark without the rest of the title; a title is shown whole.
        let shown = json!({ "id": 1, "title": "城市夜景", "highlight": { "title": "城市<mark>夜景</mark>" } });
        assert_shows(best, &shown);
        let score = best["score"].as_f64().unwrap();
        assert!(score > 0.0 && score <= 1.0, "{score}");
        // Beside that, all that a list shows of it.
        let listed = gallery.app.get("/api/v1/photos?search=城市夜景").await.expect(200);
        assert_shows(best, &listed.data()[0]);
        // Facets respect filters: the year that the sample prints beside is there without the days.
        let years = gallery.until_total("q=夜景&category=1&location=上海", 43).await;
        let printed = json!([{ "year": 2024, "count": 25 }, { "year": 2023, "count": 18 }]);
        assert_eq!(years.data()["facets"]["years"], printed);
        // The sample marks a word that its query has not; only what is looked for is marked.
        assert_eq!(best["highlight"]["description"], Value::Null);
        let words = gallery.find("q=夜景 夜晚").await;
        let highlight = &words.data()["photos"][0]["highlight"];
        assert_eq!(highlight["description"], "繁华都市的<mark>夜晚</mark>景色");

        gallery.change(&first, "photo.updated", &[1], &[(1, "夜景"), (2, "城市"), (3, "建筑")]).await;
        let printed = format!("q=夜景&category=1&tags=城市,建筑&location=上海&{dates}");
        let found = gallery.until_total(&printed, 1).await;
        assert_eq!((ids(&found), gallery.app.count("SELECT COUNT(*) FROM photos").await), (vec![1], 43));
        // The seed's own base answers too.
        let short = gallery.app.get(&format!("/v1/photos/search?{printed}")).await.expect(200);
        assert_eq!(short.data()["photos"], found.data()["photos"]);
        gallery.app.stop().await;
    }
}

#[tokio::test]
async fn everybody_finds_and_counts_what_they_may_see() {
    for database in Database::all() {
        let gallery = Searched::open(database).await;
        let admin = gallery.app.admin().await;
        let other = gallery.app.account("somebody").await;
        let of = |id| gallery.photo(id, "猫在窗台上");
        gallery.keep(&of(1), &[], &[(1, "公开")]).await;
        gallery.keep(&Photo { visibility: Visibility::Private, ..of(2) }, &[], &[(2, "私人")]).await;
        gallery.keep(&Photo { status: PhotoStatus::Draft, ..of(3) }, &[], &[(2, "私人")]).await;
        let mut waiting = of(4);
        waiting.picture.formats.clear();
        gallery.keep(&waiting, &[], &[]).await;
        let seen = async |token: &str| {
            let found = gallery.app.get_as(token, &format!("{SEARCH}?q=窗台&sort_by=created_at&sort_order=asc")).await;
            let found = found.expect(200);
            let tags = found.data()["facets"]["tags"].as_array().unwrap().len();
            (ids(&found), found.body["pagination"]["total"].as_u64().unwrap(), tags)
        };
        until("the owner finds all", async || seen(&gallery.owner.token).await.0.len() == 4).await;
        assert_eq!(seen(&gallery.owner.token).await, (vec![1, 2, 3, 4], 4, 2));
        assert_eq!(seen(&admin.token).await, (vec![1, 2, 3, 4], 4, 2));
        assert_eq!(seen(&other.token).await, (vec![1], 1, 1));
        let public = gallery.find("q=窗台").await;
        assert_eq!(ids(&public), [1]);
        assert_eq!(public.data()["facets"]["tags"], json!([{ "name": "公开", "count": 1 }]));
        assert!(!public.text.contains("私人"));

        // Put into the trash: gone at once, for the owner too.
        gallery
            .change(&Photo { trashed_at: Some(time("2026-01-15T10:30:00Z")), ..of(1) }, "photo.deleted", &[], &[])
            .await;
        assert_eq!(ids(&gallery.find("q=窗台").await), [0_i64; 0]);
        until("the owner no longer counts it", async || seen(&gallery.owner.token).await.1 == 3).await;
        assert_eq!(gallery.app.count("SELECT COUNT(*) FROM photos WHERE trashed_at IS NOT NULL").await, 1);
        gallery.app.stop().await;
    }
}

#[tokio::test]
async fn filters_orders_and_pages_agree() {
    let gallery = Searched::open(Database::Sqlite).await;
    for id in 1..=25 {
        let exif = Exif {
            camera: Some(if id % 2 == 0 { "Canon EOS R5" } else { "SONY ILCE-7M4" }.to_owned()),
            lens: Some("RF 24-70mm f/2.8L IS USM".to_owned()),
            ..Exif::default()
        };
        let place = Place { city: Some("Hangzhou".to_owned()), name: Some("西湖".to_owned()), ..Place::default() };
        let title = format!("Sunrise 西湖日出 number {id}");
        let photo = gallery.taken(id, &title, &format!("2024-03-{id:02}T00:30:00+08:00"));
        gallery.keep(&Photo { exif, place, ..photo }, &[], &[]).await;
    }
    gallery.until_total("q=日出", 25).await;
    for (query, total) in [
        ("q=日出&camera=canon", 12),
        ("q=日出&camera=Canon%20R5&lens=24-70mm", 12),
        ("q=日出&lens=24-70", 25),
        ("q=日出&lens=f/2.8", 25),
        ("q=日出&lens=70-200", 0),
        ("q=24-70", 25),
        ("q=日出&camera=nikon", 0),
        ("q=日出&location=杭州", 0),
        ("q=日出&location=hangzhou", 25),
        ("q=日出&location=西湖%20hangzhou", 25),
        ("q=日出&location=*", 0),
        // By the clocks of the place: in UTC the first was taken in February.
        ("q=日出&date_to=2024-03-01", 1),
        ("q=日出&date_from=2024-03-24&date_to=2024-03-31", 2),
        ("q=日出&category=99", 0),
        ("q=日出&tags=没有", 0),
        ("q=sunrize", 25),
        ("q=sunrise%20西湖", 25),
        ("q=湖日", 25),
        ("q=日落", 0),
        ("q=canon", 12),
        ("q=linxiaohong", 25),
        ("q=日出&page=9&limit=10", 25),
    ] {
        assert_eq!(gallery.find(query).await.body["pagination"]["total"], total, "{query}");
    }
    let mut all = Vec::new();
    for page in 1..=3 {
        all.extend(ids(&gallery.find(&format!("q=日出&limit=10&page={page}&sort_by=taken_at&sort_order=asc")).await));
    }
    assert_eq!(all, (1..=25).collect::<Vec<_>>());
    let latest = gallery.find("q=日出&limit=3&sort_by=created_at").await;
    assert_eq!(ids(&latest), [25, 24, 23]);
    assert_eq!(
        gallery.find("q=日出&facets=years").await.data()["facets"],
        json!({ "years": [{ "year": 2024, "count": 25 }] })
    );
    gallery.app.stop().await;
}

#[tokio::test]
async fn a_tag_is_looked_for_by_a_slug_that_is_longer_than_a_name() {
    let gallery = Searched::open(Database::Sqlite).await;
    let slug = "night-".repeat(16) + "view";
    gallery.coin(&[label(1, "夜景", &slug)]).await;
    gallery.keep(&gallery.photo(1, "日出"), &[], &[(1, "夜景")]).await;
    gallery.keep(&gallery.photo(2, "日出"), &[], &[]).await;
    gallery.until_total("q=日出", 2).await;
    assert_eq!(ids(&gallery.find(&format!("q=日出&tags={slug}")).await), [1]);
    assert_eq!(ids(&gallery.find(&format!("q=日出&tags=夜景,{slug}")).await), [1]);
    gallery.app.stop().await;
}

#[tokio::test]
async fn bad_input_gets_the_contracts_answer() {
    let gallery = Searched::open(Database::Sqlite).await;
    gallery.keep(&gallery.photo(1, "<b>Night</b> 夜景"), &[], &[]).await;
    gallery.until_total("q=night", 1).await;
    let long = "x".repeat(201);
    let codes = async |query: &str| gallery.app.get(&format!("{SEARCH}?{query}")).await.broken_fields();
    for (query, expected) in [
        ("", vec!["q REQUIRED"]),
        ("q=%20%20", vec!["q REQUIRED"]),
        ("q=%00", vec!["q INVALID_FORMAT"]),
        (&format!("q={}", "a%20%2B".repeat(1500)), vec!["q TOO_LONG"]),
        ("q=a&page=501", vec!["page OUT_OF_RANGE"]),
        ("q=a&page=0&limit=101", vec!["page OUT_OF_RANGE", "limit OUT_OF_RANGE"]),
        ("q=a&date_from=2024-02-02&date_to=2024-02-01", vec!["date_to OUT_OF_RANGE"]),
        ("q=a&date_from=2024-02-30&date_to=24-1-1", vec!["date_from INVALID_FORMAT", "date_to INVALID_FORMAT"]),
        ("q=a&category=x", vec!["category INVALID_FORMAT"]),
        ("q=a&category=0", vec!["category OUT_OF_RANGE"]),
        ("q=a&category=9223372036854775808", vec!["category INVALID_FORMAT"]),
        (&format!("q=a&tags={long}"), vec!["tags TOO_LONG"]),
        (&format!("q=a&tags={}", "x".repeat(10_000)), vec!["tags TOO_LONG"]),
        (&format!("q={}", "%E5%A4%9C".repeat(3500)), vec!["q TOO_LONG"]),
        ("q=a&tags=%3Cscript%3E", vec!["tags INVALID_FORMAT"]),
        (
            &format!("q=a&location={long}&camera={long}&lens={long}"),
            vec!["location TOO_LONG", "camera TOO_LONG", "lens TOO_LONG"],
        ),
        ("q=a&facets=tags,cameras", vec!["facets NOT_ALLOWED"]),
        ("q=a&sort_by=id", vec!["sort_by NOT_ALLOWED"]),
        ("q=a&sort_order=asc", vec!["sort_order NOT_ALLOWED"]),
        ("q=a&sort_by=taken_at&sort_order=up", vec!["sort_order NOT_ALLOWED"]),
    ] {
        assert_eq!(codes(query).await, expected, "{query}");
    }
    for nothing in SIGNS {
        let answer = gallery.find(&format!("q={nothing}")).await;
        assert_eq!((ids(&answer), &answer.body["pagination"]["total"]), (vec![], &json!(0)), "{nothing}");
    }
    for signs in signed("night") {
        assert_eq!(ids(&gallery.find(&format!("q={signs}")).await), [1], "{signs}");
    }
    for words in worded("night") {
        gallery.find(&format!("q={words}")).await;
    }
    assert!(gallery.app.get(&format!("{SEARCH}?q=%FF%FE")).await.status < 500);
    let found = gallery.find("q=(night*").await;
    assert_eq!(found.data()["photos"][0]["highlight"]["title"], "&lt;b&gt;<mark>Night</mark>&lt;/b&gt; 夜景");
    gallery.app.stop().await;
}

#[tokio::test]
async fn names_and_categories_reach_the_index() {
    let gallery = Searched::open(Database::Sqlite).await;
    gallery.plant(&[category("1", "自然", "nature")]).await;
    gallery.keep(&gallery.photo(1, "清晨的湖"), &[1], &[(1, "雾")]).await;
    gallery.keep(&gallery.photo(2, "傍晚的湖"), &[], &[]).await;
    gallery.until_total("q=湖", 2).await;
    assert_eq!(ids(&gallery.find("q=湖&category=1").await), [1]);
    let name = json!({ "username": "blue-heron" });
    gallery.app.put_as(&gallery.owner.token, "/api/v1/users/me", &name).await.expect(200);
    gallery.until_total("q=heron", 2).await;
    assert_eq!(gallery.find("q=linxiaohong").await.body["pagination"]["total"], 0);

    // What is put into a category is told of the category alone.
    let told = gallery.event("category.updated", "category", 1);
    let done: Result<(), StoreError> = transact!(gallery.store, |tx| {
        shelve_by_name(tx, &gallery.photo(1, "清晨的湖"), &[], &[(1, "雾")]).await?;
        shelve_by_name(tx, &gallery.photo(2, "傍晚的湖"), &[1], &[]).await?;
        tx.outbox().append(&told).await
    });
    done.unwrap();
    until("the other is in it", async || ids(&gallery.find("q=湖&category=1").await) == [2]).await;

    // A tag that is no more is on no photo in the store; the index knows where it was.
    let told = gallery.event("tag.deleted", "tag", 1);
    let done: Result<(), StoreError> = transact!(gallery.store, |tx| {
        tx.labels().delete(TagId::new(1), 1).await.map_err(lost)?;
        tx.outbox().append(&told).await
    });
    done.unwrap();
    gallery.until_total("q=雾", 0).await;
    let health = gallery.app.get("/health").await.expect(200);
    assert_eq!(health.data()["search"]["photos"]["documents"], 2);
    gallery.app.stop().await;
}

#[tokio::test]
async fn searches_of_photos_are_counted_sixty_a_minute() {
    let options = Options::on(Database::Sqlite).with("RATE_LIMIT_ENABLED", "true");
    let app = Harness::start(options).await;
    for _ in 0..60 {
        let answer = app.get(&format!("{SEARCH}?q=x")).await.expect(200);
        assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-window")), ("60", "60"));
    }
    let refused = app.get(&format!("{SEARCH}?q=x")).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("x-ratelimit-limit"), "60");
    // One class with the other searches, and not with lists.
    app.get("/api/v1/articles/search?q=x").await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.get("/api/v1/photos").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn the_command_builds_an_index_of_each_kind() {
    let data = tempfile::tempdir().unwrap();
    let mut output = command(data.path(), &["search", "rebuild"], &[].into());
    let output = output.stdout(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "search index rebuilt: 0 articles\nsearch index rebuilt: 0 photos\n");
    for kind in ["articles", "photos"] {
        assert!(data.path().join("search").join(kind).join("CURRENT").exists(), "{kind}");
    }
}
