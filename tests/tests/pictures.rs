//! Pictures of accounts.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::{Account, Answer, Harness, Options, until};

use crate::people::{AVATAR, ME};

/// A PNG of 3 × 2 red pixels.
pub fn png() -> Vec<u8> {
    hex::decode(
        "89504e470d0a1a0a0000000d49484452000000030000000208020000001216f14d00000010494441\
         5478da63f8cfc000410c70160041d205fb6ff116c70000000049454e44ae426082",
    )
    .unwrap()
}

/// The same, saying that it has 65,535 × 65,535.
fn bomb() -> Vec<u8> {
    let mut png = png();
    let head = hex::decode("0000000d494844520000ffff0000ffff080200000039674e07").unwrap();
    png[8..8 + head.len()].copy_from_slice(&head);
    png
}

fn form(field: &str, bytes: &[u8], name: &str) -> Vec<u8> {
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

pub async fn upload(app: &Harness, who: &Account, bytes: Vec<u8>, name: &str) -> Answer {
    let request = app.request(Method::POST, AVATAR).bearer_auth(&who.token);
    app.send(request.header("content-type", "multipart/form-data; boundary=b").body(form("file", &bytes, name))).await
}

#[tokio::test]
async fn a_picture_is_set_served_replaced_and_removed() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let set = upload(&app, &lin, png(), "../../etc/passwd").await.expect(200);
    let url = set.data()["avatar"].as_str().unwrap().to_owned();
    assert_eq!(set.data(), &json!({ "avatar": url, "avatar_url": url }));
    assert_eq!(app.get_as(&lin.token, ME).await.data()["avatar"], url.as_str());
    let path = url.strip_prefix(&app.base).unwrap().to_owned();
    for (path, size) in [(path.clone(), 512), (path.replace("-512.webp", "-128.webp"), 128)] {
        let response = app.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("x-content-type-options")), ("image/webp".into(), "nosniff".into()));
        assert!(header("cache-control").contains("immutable"));
        let tag = header("etag");
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(b"RIFF") && bytes[8..12] == *b"WEBP", "{size}");
        let again = app.send(app.request(Method::GET, &path).header("if-none-match", tag)).await;
        assert_eq!((again.status, again.text.len()), (304, 0));
    }
    // What was sent back unchanged is no other picture.
    app.put_as(&lin.token, ME, &json!({ "avatar": url, "avatar_url": url })).await.expect(200);
    app.get(&path).await.expect(200);
    let second = upload(&app, &lin, png(), "b.png").await.expect(200).data()["avatar"].as_str().unwrap().to_owned();
    assert_ne!(second, url);
    until("the old picture is gone", async || app.get(&path).await.status == 404).await;
    let second = second.strip_prefix(&app.base).unwrap().to_owned();
    app.get(&second).await.expect(200);
    for _ in 0..2 {
        app.delete_as(&lin.token, AVATAR).await.expect(204);
    }
    assert_eq!(app.get_as(&lin.token, ME).await.data()["avatar_url"], Value::Null);
    until("the picture is gone", async || app.get(&second).await.status == 404).await;
    for name in ["nothing.webp", "..%2f..%2fsharestack.db", "x", "%2e%2e"] {
        app.get(&format!("/api/v1/media/avatars/{name}")).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    app.delete_as("nonsense", AVATAR).await.refused(401, "INVALID_TOKEN");
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_changes_nothing() {
    let app = Harness::start(Options::usual().with("SHARESTACK__UPLOAD__MAX_AVATAR_SIZE", "100000")).await;
    let lin = app.account("lin").await;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    for (bytes, name) in [(svg, "a.png"), (html, "a.jpg"), (b"MZ\x90\0".to_vec(), "a.webp")] {
        upload(&app, &lin, bytes, name).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for (bytes, what) in [(bomb(), "bomb"), (png()[..40].to_vec(), "truncated"), (Vec::new(), "empty")] {
        let answer = upload(&app, &lin, bytes, "a.png").await.refused(422, "UNPROCESSABLE_ENTITY");
        assert_eq!(answer.body["error"]["details"]["path"], "file", "{what}: {}", answer.text);
    }
    let refused = upload(&app, &lin, vec![0; 100_001], "a.png").await.refused(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(refused.body["error"]["details"], json!({ "max_size": 100_000 }));
    upload(&app, &lin, vec![0; 1_000_000], "a.png").await.refused(413, "PAYLOAD_TOO_LARGE");
    let other = app.request(Method::POST, AVATAR).bearer_auth(&lin.token);
    let other = other.header("content-type", "multipart/form-data; boundary=b").body(form("name", b"x", "x"));
    let fields = app.send(other).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields, [("file".to_owned(), "REQUIRED".to_owned())]);
    app.post_as(&lin.token, AVATAR, &json!({})).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let broken = app.request(Method::POST, AVATAR).bearer_auth(&lin.token);
    let broken = broken.header("content-type", "multipart/form-data; boundary=x").body("nonsense");
    app.send(broken).await.refused(422, "UNPROCESSABLE_ENTITY");
    let nobody = app.request(Method::POST, AVATAR).header("content-type", "multipart/form-data; boundary=b");
    let nobody = nobody.body(form("file", &png(), "a.png"));
    app.send(nobody).await.refused(401, "AUTHENTICATION_REQUIRED");
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE avatar_url IS NOT NULL").await, 0);
    app.stop().await;
}
