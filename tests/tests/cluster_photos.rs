//! Two nodes over one S3: photos that one takes, the other finds.

use serde_json::{Value, json};
use sharestack_conformance::blob::S3Server;
use sharestack_media::sample::Sample;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::place::in_s3;
use sharestack_tests::process::admin;
use sharestack_tests::uploading::{begin, chunked, noise, sha256};
use sharestack_tests::{Client, embedded_only, until};

use crate::cluster::cluster;

async fn total(client: &Client) -> Value {
    let found = client.get(&format!("{PHOTOS}/search?q=外滩")).await.expect(200);
    found.body["pagination"]["total"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_comes_by_two_nodes_and_both_find_what_becomes_of_it() {
    if embedded_only() {
        return;
    }
    let s3 = S3Server::start().await;
    let settings: Vec<(String, String)> = in_s3(&s3).collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Some(cluster) = cluster(&settings).await else { return };
    let (one, other) = (&cluster.one.client, &cluster.other.client);
    let token = admin(cluster.data[0].path(), &cluster.variables, one).await;
    assert!(other.post("/api/v1/auth/login", &json!({ "username": "boss", "password": PASSWORD })).await.status == 200);

    // A piece by either node, and the whole by the second.
    let picture = [Sample::corners(600, 400).jpeg(), noise(100_000)].concat();
    let begun = begin(one, &token, picture.len(), 65_536).await;
    let upload = begun["upload_id"].as_str().unwrap();
    for (index, piece) in picture.chunks(65_536).enumerate() {
        let to = chunked(upload, &format!("/chunk_{index}"));
        let client = if index % 2 == 0 { one } else { other };
        let request = client.request(reqwest::Method::PUT, &to).bearer_auth(&token).body(piece.to_vec());
        client.send(request).await.expect(200);
    }
    let sum = json!({ "sha256": sha256(&picture) });
    let made = other.post_as(&token, &chunked(upload, "/complete"), &sum).await.expect(201);
    let body = json!({ "title": "外滩", "file_id": made.data()["file_id"], "status": "published" });
    let photo = one.post_as(&token, PHOTOS, &body).await.expect(201).data()["id"].as_i64().unwrap();
    let both_find = async |expected: i64| {
        for node in [one, other] {
            until(&format!("a node finds {expected}"), async || total(node).await == expected).await;
        }
    };
    // Whichever node processed it.
    both_find(1).await;
    let shown = other.get(&path(photo)).await.expect(200);
    let display = shown.data()["formats"]["jpg"].as_str().unwrap().to_owned();
    for node in [one, other] {
        let (_, there) = display.split_once("/api/").unwrap();
        let bytes = node.request(reqwest::Method::GET, &format!("/api/{there}")).send().await.unwrap();
        assert_eq!(bytes.status(), 200);
    }
    other.put_as(&token, &path(photo), &json!({ "visibility": "private" })).await.expect(200);
    both_find(0).await;
    one.put_as(&token, &path(photo), &json!({ "visibility": "public" })).await.expect(200);
    both_find(1).await;
    other.delete_as(&token, &path(photo)).await.expect(204);
    both_find(0).await;
    one.post_as(&token, &format!("{PHOTOS}/{photo}/restore"), &json!({})).await.expect(200);
    both_find(1).await;
}
