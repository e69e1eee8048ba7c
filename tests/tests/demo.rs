//! What a newcomer finds after the first command.

use serde_json::{Value, json};
use sharestack_tests::{Process, until};

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demos_portfolio_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::start(data.path(), &["serve", "--demo"], &[].into());
    let client = &server.client;
    until("all photos are worked on", async || {
        client.get("/api/v1/photos").await.expect(200).body["pagination"]["total"] == 6
    })
    .await;
    let list = client.get("/api/v1/photos?sort_by=taken_at&sort_order=asc").await.expect(200);
    let photos = list.data().as_array().unwrap();
    for photo in photos {
        let title = &photo["title"];
        for field in ["camera", "lens", "iso", "aperture", "shutter_speed", "focal_length"] {
            assert!(!photo["exif"][field].is_null(), "{title} has no {field}");
        }
        for field in ["name", "city", "country", "latitude", "longitude"] {
            assert!(!photo["location"][field].is_null(), "{title} has no {field}");
        }
        assert!(photo["taken_at"].is_string() && photo["description"].is_string(), "{title}");
        assert_eq!(photo["categories"].as_array().unwrap().len(), 1, "{title}");
        assert!(!photo["tags"].as_array().unwrap().is_empty(), "{title}");
        let picture = client.http.get(photo["formats"]["thumb_small"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(picture.headers()["content-type"], "image/jpeg", "{title}");
    }
    let first = &photos[0];
    assert_eq!((&first["title"], &first["exif"]["camera"]), (&json!("Night over the dunes"), &json!("SONY ILCE-7M4")));
    assert_eq!(first["exif"]["shutter_speed"], "20");

    let categories = client.get("/api/v1/categories").await.expect(200).data()["categories"].clone();
    for (name, all, direct) in
        [("风景", 4, 0), ("山", 2, 2), ("水", 2, 2), ("城市", 2, 0), ("街头", 1, 1), ("天际线", 1, 1)]
    {
        let category = named(&categories, name);
        assert_eq!(
            (&category["photo_count"], &category["direct_photo_count"]),
            (&json!(all), &json!(direct)),
            "{name}"
        );
    }
    let tags = client.get("/api/v1/tags").await.expect(200);
    for (name, group, uses) in
        [("长曝光", "technique", 3), ("日落", "subject", 2), ("黑白", "style", 1), ("上海", "location", 1)]
    {
        let tag = named(tags.data(), name);
        assert_eq!((&tag["tag_group"], &tag["usage_count"]), (&json!(group), &json!(uses)), "{name}");
    }
    for (group, count) in [("style", 1), ("technique", 1), ("location", 2)] {
        assert_eq!(tags.body["groups"][group]["count"], count, "{group}");
    }
    let timeline = client.get("/api/v1/timeline").await.expect(200).data().clone();
    assert_eq!(
        (&timeline["stats"]["total_photos"], &timeline["stats"]["year_range"]),
        (&json!(6), &json!([2022, 2024]))
    );
    let months: Vec<&Value> = timeline["years"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|year| year["months"].as_array().unwrap())
        .filter(|month| !month["events"].as_array().unwrap().is_empty())
        .collect();
    let told: Vec<(&Value, usize)> = months
        .iter()
        .flat_map(|month| month["events"].as_array().unwrap())
        .map(|event| (&event["title"], event["related_photos"].as_array().unwrap().len()))
        .collect();
    assert_eq!(told, [(&json!("第一次影展：光与水"), 3), (&json!("挪威之行"), 1)]);
    server.kill();
}
