//! The timeline and its events.

use reqwest::Method;
use reqwest::header::{ACCEPT_LANGUAGE, ETAG, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use sharestack_content::model::{Photo, PhotoStatus, Visibility};
use sharestack_tests::{Account, Answer, Database, Gallery, Harness, Options, assert_shows};

const TIMELINE: &str = "/api/v1/timeline";
const EVENTS: &str = "/api/v1/timeline/events";

struct Room {
    app: Harness,
    curator: Account,
    gallery: Gallery,
}

impl Room {
    async fn open(database: Database) -> Self {
        let options = Options::on(database).with("SHARESTACK__PHOTOS__MEDIA_URL", "https://cdn.example.com");
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let curator = app.with_role(&admin, "curator", "admin").await;
        let gallery = Gallery::of(&app, curator.id);
        Self { app, curator, gallery }
    }

    async fn tell(&self, body: &Value) -> Answer {
        self.app.post_as(&self.curator.token, EVENTS, body).await
    }

    async fn edit(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.curator.token, &format!("{EVENTS}/{id}"), body).await
    }

    async fn in_chinese(&self, path: &str) -> Answer {
        let request = self.app.request(Method::GET, path).header(ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9");
        self.app.send(request).await.expect(200)
    }
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

/// 456 photos in three years: 25 in January and 45 in March of 2024.
async fn furnish(room: &Room) {
    let year = |year: i32, months: [usize; 12]| (1..).zip(months).map(move |(month, count)| (year, month, count));
    let months = year(2024, [25, 10, 45, 10, 10, 10, 10, 10, 10, 10, 3, 3])
        .chain(year(2023, [16, 16, 16, 16, 16, 16, 16, 16, 16, 15, 15, 15]))
        .chain(year(2022, [10, 10, 10, 9, 9, 9, 9, 9, 9, 9, 9, 9]));
    let mut photos = vec![room.gallery.taken(1, "城市夜景", "2024-01-15T18:30:00Z")];
    let mut next = 2..;
    for (year, month, count) in months {
        let kept = usize::from((year, month) == (2024, 1));
        for id in next.by_ref().take(count - kept) {
            let when = format!("{year}-{month:02}-05T{:02}:00:00Z", id % 24);
            photos.push(room.gallery.taken(id, &format!("照片 {id}"), &when));
        }
    }
    room.gallery.hang(&photos).await;
    let first = json!({
        "title": "首次夜景拍摄", "description": "第一次尝试城市夜景摄影", "date": "2024-01-15", "type": "milestone"
    });
    assert_eq!(room.tell(&first).await.expect(201).data()["id"], 1);
    room.tell(&json!({ "title": "第一台相机", "date": "2020-06-01" })).await.expect(201);
}

#[tokio::test]
async fn the_printed_timeline_is_answered() {
    for database in Database::all() {
        let room = Room::open(database).await;
        furnish(&room).await;
        let path = format!("{TIMELINE}?year=2024&include_photos=true&photos_limit=5");
        let answer = room.in_chinese(&path).await;
        let month = &answer.data()["years"][0]["months"][0];
        assert_shows(
            &answer.body,
            &json!({ "success": true, "code": 200, "data": {
                "years": [{ "year": 2024, "photo_count": 156, "months": [{
                    "month": 1, "month_name": "一月", "photo_count": 25,
                    "photos": [{
                        "id": 1, "title": "城市夜景",
                        "thumb_url": "https://cdn.example.com/photos/1/thumb_medium.jpg",
                        "taken_at": "2024-01-15T18:30:00Z"
                    }],
                    "events": [{
                        "id": 1, "title": "首次夜景拍摄", "description": "第一次尝试城市夜景摄影", "date": "2024-01-15",
                        "type": "milestone"
                    }]
                }] }],
                "stats": {
                    "total_photos": 456, "year_range": [2020, 2024],
                    "most_active_month": { "year": 2024, "month": 3, "count": 45 },
                    "photos_by_year": [
                        { "year": 2024, "count": 156 }, { "year": 2023, "count": 189 }, { "year": 2022, "count": 111 }
                    ]
                }
            } }),
        );
        assert_eq!(answer.data()["years"].as_array().unwrap().len(), 1);
        assert_eq!(month["photos"].as_array().unwrap().len(), 5);
        assert_eq!(answer.data()["years"][0]["months"].as_array().unwrap().len(), 12);
        let again = room.app.request(Method::GET, &path).header(ACCEPT_LANGUAGE, "zh-CN");
        room.app.send(again.header(IF_NONE_MATCH, answer.header(ETAG.as_str()))).await.expect(304);

        let all = room.app.get(TIMELINE).await.expect(200);
        let years: Vec<_> = all.data()["years"].as_array().unwrap().iter().map(|one| one["year"].clone()).collect();
        assert_eq!(years, [json!(2024), json!(2023), json!(2022), json!(2020)]);
        let old = &all.data()["years"][3];
        assert_shows(old, &json!({ "photo_count": 0, "months": [{ "month": 6, "photos": [], "photo_count": 0 }] }));
        assert_eq!(all.data()["years"][0]["months"][0]["month_name"], "January");
        assert!(all.data()["years"][0]["months"][0]["photos"].as_array().unwrap().is_empty());
        let nothing = room.app.get(&format!("{TIMELINE}?year=1999")).await.expect(200);
        assert_eq!((&nothing.data()["years"], &nothing.data()["stats"]), (&json!([]), &all.data()["stats"]));
        room.app.stop().await;
    }
}

/// 33 years of 4 photos a month, and events with 100 of them: of months the latest 1200 are
/// shown.
#[tokio::test]
async fn a_long_archive_shows_the_latest_photos_and_counts_all() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let months: Vec<(i64, i64)> = (1992..=2024).flat_map(|year| (1..=12).map(move |month| (year, month))).collect();
        let mut photos = Vec::new();
        for (index, (year, month)) in (0_i64..).zip(&months) {
            photos.extend((1..=4).map(|day| {
                let when = format!("{year}-{month:02}-{day:02}T12:00:00Z");
                room.gallery.taken(index * 4 + day, &format!("照片 {when}"), &when)
            }));
        }
        room.gallery.hang(&photos).await;
        for (index, (year, month)) in (0_i64..).zip(&months).filter(|(index, _)| *index % 36 == 0) {
            let related: Vec<i64> = (0..100).map(|one| (index * 4 + one) % 1584 + 1).collect();
            let event = json!({ "title": "展览", "date": format!("{year}-{month:02}-28"), "related_photos": related });
            room.tell(&event).await.expect(201);
        }
        for (query, each) in
            [("?include_photos=true&photos_limit=100", 4), ("?include_photos=true&photos_limit=2", 2), ("", 0)]
        {
            let answer = room.app.get(&format!("{TIMELINE}{query}")).await.expect(200);
            let shown: Vec<&Value> = answer.data()["years"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|year| year["months"].as_array().unwrap().iter().rev())
                .collect();
            assert_eq!(shown.len(), months.len());
            assert!(shown.iter().all(|month| month["photo_count"] == 4));
            let photos: Vec<usize> = shown.iter().map(|month| month["photos"].as_array().unwrap().len()).collect();
            let full = photos.iter().take_while(|count| **count > 0).count();
            assert_eq!(
                photos.iter().sum::<usize>(),
                usize::min(1200, each * months.len()) / each.max(1) * each,
                "{query}"
            );
            assert!(
                photos[..full].iter().all(|count| *count == each) && photos[full..].iter().all(|count| *count == 0)
            );
            let events = shown.iter().flat_map(|month| month["events"].as_array().unwrap());
            let related: Vec<usize> = events.map(|event| event["related_photos"].as_array().unwrap().len()).collect();
            assert_eq!((related.len(), related.iter().sum::<usize>()), (11, 1100));
        }
        let year =
            room.app.get(&format!("{TIMELINE}?year=1992&include_photos=true&photos_limit=100")).await.expect(200);
        let january = &year.data()["years"][0]["months"][0];
        assert_eq!((ids(&january["photos"]), &january["photo_count"]), (vec![4, 3, 2, 1], &json!(4)));
        assert_eq!(year.data()["stats"]["total_photos"], 1584);
        room.app.stop().await;
    }
}

#[tokio::test]
async fn a_month_shows_the_photos_that_were_taken_in_it_where_they_were_taken() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let hidden = |photo: Photo, status, visibility| Photo { status, visibility, ..photo };
        let photos = [
            room.gallery.taken(1, "上海", "2024-02-01T00:30:00+08:00"),
            room.gallery.taken(2, "纽约", "2024-01-31T23:30:00-05:00"),
            room.gallery.photo(3, "无日期"),
            hidden(room.gallery.taken(4, "草稿", "2024-01-02T00:00:00Z"), PhotoStatus::Draft, Visibility::Public),
            hidden(room.gallery.taken(5, "私人", "2024-01-02T00:00:00Z"), PhotoStatus::Published, Visibility::Private),
            room.gallery.taken(6, "一月", "2024-01-02T00:00:00Z"),
        ];
        room.gallery.hang(&photos).await;
        let january = room.app.get(&format!("{TIMELINE}/2024/1?include_photos=true")).await.expect(200);
        assert_shows(january.data(), &json!({ "year": 2024, "month": 1, "month_name": "January", "photo_count": 2 }));
        assert_eq!(ids(&january.data()["photos"]), [2, 6], "the latest first");
        let one = room.app.get(&format!("{TIMELINE}/2024/01?include_photos=true&photos_limit=1")).await.expect(200);
        assert_eq!(ids(&one.data()["photos"]), [2]);
        let february = room.in_chinese(&format!("{TIMELINE}/2024/2?include_photos=true")).await;
        assert_eq!((february.data()["month_name"].as_str(), ids(&february.data()["photos"])), (Some("二月"), vec![1]));
        assert!(ids(&room.app.get(&format!("{TIMELINE}/2024/1")).await.data()["photos"]).is_empty());
        let empty = room.app.get(&format!("{TIMELINE}/1999/12?include_photos=true")).await.expect(200);
        let nothing = json!({ "year": 1999, "month": 12, "month_name": "December", "photo_count": 0, "photos": [],
            "events": [] });
        assert_eq!(empty.data(), &nothing);
        room.app.stop().await;
    }
}

#[tokio::test]
async fn an_event_is_not_read_at_its_path() {
    let room = Room::open(Database::Sqlite).await;
    let told = room.tell(&json!({ "title": "首次夜景拍摄", "date": "2024-01-15" })).await.expect(201);
    let id = told.data()["id"].to_string();
    for id in [format!("{id}?include_photos=x"), format!("{id}?no_such=1"), id, "99".to_owned(), "x".to_owned()] {
        let refused = room.app.get(&format!("{EVENTS}/{id}")).await.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(refused.header("allow"), "DELETE, OPTIONS, PATCH, PUT", "{id}");
        let methods = room.app.send(room.app.request(Method::OPTIONS, &format!("{EVENTS}/{id}"))).await.expect(204);
        assert_eq!(methods.header("allow"), refused.header("allow"), "{id}");
    }
    let years = room.app.get(&format!("{TIMELINE}/x/1")).await;
    assert_eq!(years.broken_fields(), ["year INVALID_FORMAT"]);
    room.app.stop().await;
}

#[tokio::test]
async fn an_event_is_told_changed_and_removed() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let draft = Photo { status: PhotoStatus::Draft, ..room.gallery.photo(31, "草稿") };
        room.gallery.hang(&[room.gallery.photo(15, "甲"), room.gallery.photo(23, "乙"), draft]).await;
        let body = json!({
            "title": "获得摄影比赛奖项", "description": "在城市摄影大赛中获得金奖", "date": "2024-03-15",
            "type": "achievement", "related_photos": [23, 15, 31, 15]
        });
        let told = room.tell(&body).await.expect(201);
        let id = told.data()["id"].as_i64().unwrap();
        assert_shows(
            told.data(),
            &json!({ "title": "获得摄影比赛奖项", "description": "在城市摄影大赛中获得金奖", "date": "2024-03-15",
                "type": "achievement", "version": 1 }),
        );
        assert_eq!(ids(&told.data()["related_photos"]), [23, 15], "those that visitors may see, in their order");
        let kept = format!("SELECT COUNT(*) FROM timeline_event_photos WHERE event_id = {id}");
        assert_eq!(room.app.count(&kept).await, 3);
        let month = room.app.get(&format!("{TIMELINE}/2024/3")).await.expect(200);
        assert_eq!(month.data()["events"], json!([told.data()]));

        let change = json!({ "title": "更新后的标题", "description": "更新后的描述" });
        let changed = room.edit(id, &change).await.expect(200);
        assert_shows(changed.data(), &change);
        assert_shows(changed.data(), &json!({ "type": "achievement", "date": "2024-03-15", "version": 2 }));
        let stale = room.app.request(Method::PUT, &format!("{EVENTS}/{id}")).bearer_auth(&room.curator.token);
        let stale = stale.header(IF_MATCH, told.header(ETAG.as_str())).json(&json!({ "title": "旧" }));
        room.app.send(stale).await.refused(412, "PRECONDITION_FAILED");
        let moved = json!({ "date": "2023-12-31", "type": "other", "description": null, "related_photos": [15] });
        let moved = room.edit(id, &moved).await.expect(200);
        assert_shows(moved.data(), &json!({ "date": "2023-12-31", "type": "other", "description": null }));
        assert_eq!(room.app.count(&kept).await, 1);
        let missing = room.edit(id, &json!({ "related_photos": [99] })).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(missing.body["error"]["details"], json!({ "resource_type": "photo", "resource_id": 99 }));
        room.tell(&json!({ "title": "x", "date": "2024-01-01", "related_photos": [15, 99] }))
            .await
            .refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(room.app.count("SELECT COUNT(*) FROM timeline_events").await, 1);

        let path = format!("{EVENTS}/{id}");
        room.app.delete_as(&room.curator.token, &path).await.expect(204);
        room.app.delete_as(&room.curator.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
        room.edit(id, &change).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(room.app.count(&kept).await, 0);
        for (kind, count) in [("created", 1), ("updated", 2), ("deleted", 1)] {
            let told = format!("SELECT COUNT(*) FROM events WHERE kind = 'timeline_event.{kind}'");
            assert_eq!(room.app.count(&told).await, count, "{kind}");
        }
        room.app.stop().await;
    }
}

#[tokio::test]
async fn bad_input_is_refused() {
    let room = Room::open(Database::Sqlite).await;
    for path in [
        "/2024/0",
        "/2024/13",
        "/2024/x",
        "/2024/-1",
        "/0/1",
        "/10000/1",
        "/x/1",
        "/2024/1?photos_limit=0",
        "/2024/1?photos_limit=101",
        "/2024/1?include_photos=maybe",
        "?year=0",
        "?year=x",
        "?year=10000",
        "?photos_limit=0",
        "?photos_limit=101",
        "?include_photos=2",
    ] {
        room.app.get(&format!("{TIMELINE}{path}")).await.refused(400, "VALIDATION_ERROR");
    }
    let wrong = room
        .tell(&json!({
            "title": "长".repeat(201), "description": "长".repeat(501), "date": "2024-02-30", "type": "party",
            "related_photos": [0]
        }))
        .await;
    assert_eq!(
        wrong.broken_fields(),
        [
            "title TOO_LONG",
            "description TOO_LONG",
            "date INVALID_FORMAT",
            "type NOT_ALLOWED",
            "related_photos[0] OUT_OF_RANGE"
        ]
    );
    assert_eq!(room.tell(&json!({})).await.broken_fields(), ["title REQUIRED", "date REQUIRED"]);
    for date in ["0001-01-01", "9999-01-01"] {
        let refused = room.tell(&json!({ "title": "x", "date": date })).await;
        assert_eq!(refused.broken_fields(), ["date OUT_OF_RANGE"]);
    }
    let many: Vec<_> = (1..=101).collect();
    let refused = room.tell(&json!({ "title": "x", "date": "2024-01-01", "related_photos": many })).await;
    assert_eq!(refused.broken_fields(), ["related_photos TOO_LONG"]);
    room.tell(&json!({ "title": 1, "date": "2024-01-01" })).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(room.app.count("SELECT COUNT(*) FROM timeline_events").await, 0);
    room.app.stop().await;
}
