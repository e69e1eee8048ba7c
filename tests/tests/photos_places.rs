//! Where a photo was taken is its owner's to say: what they took out never comes back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sharestack_media::sample::Sample;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::process::admin;
use sharestack_tests::uploading::send_file;
use sharestack_tests::{Client, Database, Process, until};

/// A picture whose notes hold a place and a time, and nothing of a camera.
fn picture() -> Vec<u8> {
    Sample::corners(60, 40).gps(31.23, 121.47).taken("2024:01:15 18:30:00", Some("+08:00")).jpeg()
}

/// Registers a creator; their token.
async fn creator(client: &Client, admin: &str) -> String {
    let body = json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD });
    let id = client.post("/api/v1/auth/register", &body).await.expect(201).data()["id"].clone();
    let roles = json!({ "roles": ["user", "creator"] });
    client.put_as(admin, &format!("/api/v1/users/{id}/roles"), &roles).await.expect(200);
    let answer = client.post("/api/v1/auth/login", &json!({ "username": "lin", "password": PASSWORD })).await;
    answer.expect(200).data()["access_token"].as_str().unwrap().to_owned()
}

async fn what_was_taken_out_before_a_file_was_processed_stays_out(database: Database) {
    let data = tempfile::tempdir().unwrap();
    let fresh = database.fresh().await;
    let mut variables = BTreeMap::new();
    if !fresh.url.is_empty() {
        variables.insert("DATABASE_URL".to_owned(), fresh.url.clone());
    }
    let server = Process::start(data.path(), &["serve", "--no-worker"], &variables);
    let boss = admin(data.path(), &variables, &server.client).await;
    let token = creator(&server.client, &boss).await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let client = &server.client;
        let file = send_file(client, &token, "scan.jpg", &picture()).await.expect(201).data()["file_id"].clone();
        let body = json!({ "title": "在家", "file_id": file, "status": "published" });
        let photo = client.post_as(&token, PHOTOS, &body).await.expect(201).data().clone();
        assert_eq!((&photo["location"]["latitude"], photo["taken_at"].is_string()), (&json!(31.23), true));
        made.push(photo["id"].as_i64().unwrap());
    }
    let nothing = json!({ "location": null, "taken_at": null });
    let left = server.client.put_as(&token, &path(made[0]), &nothing).await.expect(200).data().clone();
    assert_eq!((&left["location"], &left["taken_at"]), (&Value::Null, &Value::Null));
    server.kill();

    let server = Process::start(data.path(), &["serve"], &variables);
    let client = &server.client;
    until("both are listed", async || client.get(PHOTOS).await.body["pagination"]["total"] == 2).await;
    for token in [None, Some(&token)] {
        let photo = match token {
            None => client.get(&path(made[0])).await,
            Some(token) => client.get_as(token, &path(made[0])).await,
        };
        let photo = photo.expect(200).data().clone();
        assert_eq!((&photo["location"], &photo["taken_at"]), (&Value::Null, &Value::Null), "{database:?}");
        assert!(photo["formats"]["jpg"].is_string());
    }
    let other = client.get(&path(made[1])).await.expect(200).data().clone();
    assert_eq!(other["location"]["latitude"], 31.23, "what nobody took out is told");
    let map = client.get(&format!("{PHOTOS}/map?bbox=-180,-90,180,90&zoom=1")).await.expect(200);
    let shown: i64 = map.data().as_array().unwrap().iter().map(|one| one["count"].as_i64().unwrap()).sum();
    assert_eq!(shown, 1);
    server.kill();
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_out_before_a_file_was_processed_stays_out_on_each_database() {
    for database in Database::all() {
        Box::pin(what_was_taken_out_before_a_file_was_processed_stays_out(database)).await;
    }
}
