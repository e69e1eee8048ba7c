//! The bytes of photos.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sharestack_content::model::FileId;
use sharestack_kernel::blob::BlobKey;
use sharestack_tests::photos::{PHOTOS, original, path, picture};
use sharestack_tests::{Account, Database, Options, Studio};

/// An answer with its bytes.
struct Fetched {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Fetched {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// Asks for bytes, with headers.
async fn ask(studio: &Studio, who: Option<&Account>, path: &str, headers: &[(&str, &str)]) -> Fetched {
    send(studio, Method::GET, who, path, headers).await
}

async fn send(studio: &Studio, method: Method, who: Option<&Account>, path: &str, headers: &[(&str, &str)]) -> Fetched {
    let mut request = studio.app.request(method, path);
    if let Some(who) = who {
        request = request.bearer_auth(&who.token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Fetched { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}

async fn formats(studio: &Studio, who: &Account, id: i64) -> serde_json::Value {
    studio.app.get_as(&who.token, &path(id)).await.expect(200).data()["formats"].clone()
}

async fn downloads(studio: &Studio, id: i64) -> i64 {
    studio.app.count(&format!("SELECT download_count FROM photos WHERE id = {id}")).await
}

#[tokio::test]
async fn a_picture_is_served_whole_and_in_parts() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("夜", json!({})).await;
    let formats = formats(&studio, &studio.wei, id).await;
    let file = studio.app.count(&format!("SELECT file_id FROM photos WHERE id = {id}")).await;
    for (name, file_name, mime_type) in [
        ("thumb_small", "thumb_small.jpg", "image/jpeg"),
        ("jpg", "display.jpg", "image/jpeg"),
        ("webp", "display.webp", "image/webp"),
    ] {
        let url = formats[name].as_str().unwrap();
        assert_eq!(url, format!("{}/api/v1/media/photos/{id}/{file_name}", studio.app.base));
        let whole = ask(&studio, None, url, &[]).await;
        assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, mime_type));
        assert_eq!(whole.bytes, picture(&format!("files/{file}/1/{file_name}")));
        assert_eq!(whole.header("cache-control"), "public, max-age=86400, immutable");
        assert_eq!((whole.header("accept-ranges"), whole.header("x-content-type-options")), ("bytes", "nosniff"));
        assert_eq!(whole.header("content-disposition"), "");
    }
    let url = formats["jpg"].as_str().unwrap();
    let whole = ask(&studio, None, url, &[]).await;
    let (size, tag) = (whole.bytes.len(), whole.header("etag").to_owned());
    for (range, part) in [("bytes=0-3", 0..4), ("bytes=4-", 4..size), ("bytes=-3", size - 3..size)] {
        let answer = ask(&studio, None, url, &[("range", range)]).await;
        assert_eq!((answer.status.as_u16(), &answer.bytes[..]), (206, &whole.bytes[part.clone()]), "{range}");
        let expected = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(answer.header("content-range"), expected);
    }
    let beyond = ask(&studio, None, url, &[("range", "bytes=9999-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, format!("bytes */{size}").as_str()));
    for range in ["bytes=9-1", "items=0-1", "bytes=0-1,3-4", "bytes=a-", "nonsense"] {
        let answer = ask(&studio, None, url, &[("range", range)]).await;
        assert_eq!((answer.status.as_u16(), answer.bytes.len()), (200, size), "{range}");
    }
    for (known, status) in [(tag.as_str(), 206), ("\"other\"", 200), ("Wed, 21 Oct 2026 07:28:00 GMT", 200)] {
        let answer = ask(&studio, None, url, &[("range", "bytes=0-3"), ("if-range", known)]).await;
        assert_eq!(answer.status, status, "{known}");
    }
    let known = ask(&studio, None, url, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    let head = send(&studio, Method::HEAD, None, url, &[]).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), size.to_string());
    for missing in ["original.gif", "thumb_huge.jpg", "..%2F..%2Fetc%2Fpasswd"] {
        let path = format!("/api/v1/media/photos/{id}/{missing}");
        let status = ask(&studio, None, &path, &[]).await.status.as_u16();
        assert!(matches!(status, 403 | 404), "{missing}: {status}");
    }
    studio.app.stop().await;
}

#[tokio::test]
async fn what_is_not_open_is_shown_at_signed_addresses_alone() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("夜", json!({ "visibility": "private" })).await;
    let formats = formats(&studio, &studio.lin, id).await;
    for name in ["jpg", "original"] {
        let url = formats[name].as_str().unwrap();
        let (plain, query) = url.split_once('?').unwrap();
        let answer = ask(&studio, None, url, &[]).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("cache-control"), "private, max-age=3600");
        let other = query.replace("expires=", "expires=1");
        let file = plain.rsplit('/').next().unwrap();
        for forged in [
            plain.to_owned(),
            format!("{plain}?{other}"),
            format!("{plain}?{query}&download=1"),
            url.replace(&format!("/{id}/"), &format!("/{}/", id + 1)),
            url.replace(file, "display.webp"),
        ] {
            assert_eq!(ask(&studio, None, &forged, &[]).await.status, 404, "{forged}");
        }
        assert_eq!(ask(&studio, Some(&studio.zhao), plain, &[]).await.status, 404, "{name}");
        assert_eq!(ask(&studio, Some(&studio.lin), plain, &[]).await.status, 200, "{name}");
    }
    assert_eq!(ask(&studio, None, formats["original"].as_str().unwrap(), &[]).await.bytes, original());
    studio.app.delete_as(&studio.lin.token, &path(id)).await.expect(204);
    assert_eq!(ask(&studio, None, formats["jpg"].as_str().unwrap(), &[]).await.status, 404);
    assert_eq!(downloads(&studio, id).await, 0, "to look is not to save");
    studio.app.stop().await;
}

async fn a_photo_is_saved_and_counted(database: Database) {
    let studio = Studio::open(database).await;
    let name = "../夜景 \"a\"\r\n\u{202e}gpj.jpg";
    let file = studio.file(&studio.lin, name).await;
    let body = json!({ "title": "夜", "file_id": file, "status": "published" });
    let made = studio.app.post_as(&studio.lin.token, PHOTOS, &body).await.expect(201);
    let id = made.data()["id"].as_i64().unwrap();
    let url = format!("{}/download", path(id));
    for (query, ending) in
        [("", "-display.jpg"), ("?format=display", "-display.jpg"), ("?format=webp", "-display.webp")]
    {
        let answer = ask(&studio, None, &format!("{url}{query}"), &[]).await;
        assert_eq!(answer.status, 200);
        let disposition = answer.header("content-disposition").to_owned();
        assert!(disposition.starts_with("attachment; filename=\"") && disposition.ends_with(ending), "{disposition}");
        assert!(answer.bytes.starts_with(b"picture "));
    }
    assert_eq!(downloads(&studio, id).await, 3);
    let originals = format!("{url}?format=original");
    for who in [None, Some(&studio.wei), Some(&studio.zhao)] {
        assert_eq!(ask(&studio, who, &originals, &[]).await.status, 403);
    }
    for who in [&studio.lin, &studio.admin] {
        let answer = ask(&studio, Some(who), &originals, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.bytes), (200, original()));
        let disposition = answer.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; ") && disposition.contains("%E5%A4%9C"), "{disposition}");
        assert!(!disposition.contains("..") && !disposition.contains("%E2%80%AE"), "{disposition}");
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
    }
    assert_eq!(downloads(&studio, id).await, 5);
    // The parts of one download, a look at its headers and what is known already count no more.
    let first = ask(&studio, Some(&studio.lin), &originals, &[("range", "bytes=0-1999")]).await;
    let rest = [("range", "bytes=2000-"), ("if-range", first.header("etag"))];
    let rest = ask(&studio, Some(&studio.lin), &originals, &rest).await;
    assert_eq!((first.status.as_u16(), rest.status.as_u16()), (206, 206));
    assert_eq!([first.bytes.clone(), rest.bytes].concat(), original());
    send(&studio, Method::HEAD, Some(&studio.lin), &originals, &[]).await;
    let known = ask(&studio, Some(&studio.lin), &originals, &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(known.status, 304);
    assert_eq!(downloads(&studio, id).await, 6);
    let unknown = studio.app.get(&format!("{url}?format=raw")).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(unknown.fields(), [("format".to_owned(), "NOT_ALLOWED".to_owned())]);
    studio.app.get(&format!("{PHOTOS}/999999/download")).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(studio.app.count(&format!("SELECT version FROM photos WHERE id = {id}")).await, 1);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_photo_is_saved_and_counted_on_each_database() {
    for database in Database::all() {
        Box::pin(a_photo_is_saved_and_counted(database)).await;
    }
}

async fn a_download_is_counted_by_what_is_answered(database: Database) {
    let studio = Studio::open(database).await;
    let id = studio.photo("夜", json!({})).await;
    let link = json!({ "photo_ids": [id], "allow_download": true });
    let link = studio.app.post_as(&studio.lin.token, "/api/v1/photos/share-links", &link).await.expect(201);
    let shown = studio.app.get(link.data()["url"].as_str().unwrap()).await.expect(200);
    let saving = shown.data()["photos"][0]["download_url"].as_str().unwrap().to_owned();
    let direct = format!("{}/download?format=original", path(id));
    let size = original().len();
    let (all, more) = (format!("bytes=-{size}"), format!("bytes=-{}", size * 2));
    let mut counted = 0;
    for url in [direct, saving] {
        let tag = ask(&studio, Some(&studio.lin), &url, &[]).await.header("etag").to_owned();
        counted += 1;
        for (headers, status, counts) in [
            (vec![("if-none-match", "\"other\"")], 200, true),
            (vec![("if-none-match", tag.as_str())], 304, false),
            (vec![("if-none-match", "*")], 304, false),
            (vec![("range", "items=0-1")], 200, true),
            (vec![("range", "bytes=9-1")], 200, true),
            (vec![("range", "bytes=0-1,5-6")], 200, true),
            (vec![("range", all.as_str())], 206, true),
            (vec![("range", more.as_str())], 206, true),
            (vec![("range", "bytes=-1")], 206, false),
            (vec![("range", "bytes=0-0")], 206, true),
            (vec![("range", "bytes=00-9")], 206, true),
            (vec![("range", "bytes=1-")], 206, false),
            (vec![("range", "bytes=99999-")], 416, false),
            (vec![("range", "bytes=1-"), ("if-range", "\"other\"")], 200, true),
        ] {
            let answer = ask(&studio, Some(&studio.lin), &url, &headers).await;
            assert_eq!(answer.status, status, "{headers:?}");
            counted += i64::from(counts);
            assert_eq!(downloads(&studio, id).await, counted, "{headers:?} of {url}");
            send(&studio, Method::HEAD, Some(&studio.lin), &url, &headers).await;
            assert_eq!(downloads(&studio, id).await, counted, "the headers alone: {headers:?} of {url}");
        }
    }
    // What is answered nothing of is not counted, though the store of files lost it.
    let file = FileId::new(studio.app.count(&format!("SELECT file_id FROM photos WHERE id = {id}")).await);
    let key = BlobKey::parse(&format!("files/{file}/original")).unwrap();
    studio.app.app().files.0.delete(&key).await.unwrap();
    let gone = ask(&studio, Some(&studio.lin), &format!("{}/download?format=original", path(id)), &[]).await;
    assert_eq!(gone.status, 404);
    assert_eq!(downloads(&studio, id).await, counted);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_download_is_counted_by_what_is_answered_on_each_database() {
    for database in Database::all() {
        Box::pin(a_download_is_counted_by_what_is_answered(database)).await;
    }
}

#[tokio::test]
async fn the_trash_shows_its_pictures_and_no_original() {
    let studio = Studio::open(Database::Sqlite).await;
    let open = studio.photo("open", json!({})).await;
    let private = studio.photo("private", json!({ "visibility": "private" })).await;
    for id in [open, private] {
        let before = formats(&studio, &studio.lin, id).await["jpg"].as_str().unwrap().to_owned();
        assert_eq!(ask(&studio, None, &before, &[]).await.status, 200);
        studio.app.delete_as(&studio.lin.token, &path(id)).await.expect(204);
        let trash = studio.app.get_as(&studio.lin.token, &format!("{PHOTOS}/trash")).await.expect(200);
        assert_eq!(trash.data()[0]["id"], id);
        let shown = trash.data()[0]["formats"].as_object().unwrap();
        assert_eq!(shown.len(), 5);
        for (name, url) in shown {
            let answer = ask(&studio, None, url.as_str().unwrap(), &[]).await;
            assert_eq!(answer.status, 200, "{name}");
            assert!(answer.bytes.starts_with(b"picture "), "{name}");
            assert_eq!(answer.header("cache-control"), "private, max-age=3600", "{name}");
            assert_eq!(answer.header("content-disposition"), "", "{name}");
        }
        let url = shown["display"].as_str().unwrap();
        let (plain, query) = url.split_once('?').unwrap();
        for other in [
            before,
            plain.to_owned(),
            url.replace("trash=1&", ""),
            url.replace("trash=1", "download=1"),
            format!("{url}&download=1"),
            format!("{}?{query}", plain.replace("display.jpg", "original.jpg")),
        ] {
            for who in [None, Some(&studio.lin), Some(&studio.admin)] {
                assert_eq!(ask(&studio, who, &other, &[]).await.status, 404, "{other}");
            }
        }
        assert_eq!(downloads(&studio, id).await, 0);
        studio.app.post_as(&studio.lin.token, &format!("{}/restore", path(id)), &json!({})).await.expect(200);
        let restored = ask(&studio, None, url, &[]).await.status;
        assert_eq!(restored, if id == open { 200 } else { 404 }, "what is not for everybody is not shown by it");
    }
    // What was purged is shown by nothing.
    studio.app.delete_as(&studio.lin.token, &path(private)).await.expect(204);
    let trash = studio.app.get_as(&studio.lin.token, &format!("{PHOTOS}/trash")).await.expect(200);
    let url = trash.data()[0]["formats"]["display"].as_str().unwrap().to_owned();
    assert_eq!(ask(&studio, None, &url, &[]).await.status, 200);
    let store = studio.app.store().await;
    store
        .execute_raw("UPDATE photos SET trashed_at = '2020-01-01 00:00:00.000000' WHERE trashed_at IS NOT NULL")
        .await
        .unwrap();
    store.close().await;
    studio.app.app().prune().await;
    assert_eq!(studio.app.count(&format!("SELECT COUNT(*) FROM photos WHERE id = {private}")).await, 0);
    assert_eq!(ask(&studio, None, &url, &[]).await.status, 404);
    studio.app.stop().await;
}

#[tokio::test]
async fn downloads_can_be_closed_to_visitors() {
    let options = Options::on(Database::Sqlite).with("SHARESTACK__PHOTOS__DOWNLOADS", "false");
    let studio = Studio::start(options).await;
    let id = studio.photo("夜", json!({})).await;
    let url = format!("{}/download", path(id));
    studio.app.get(&url).await.refused(403, "PERMISSION_DENIED");
    studio.app.get_as(&studio.wei.token, &url).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(ask(&studio, Some(&studio.lin), &url, &[]).await.status, 200);
    assert_eq!(downloads(&studio, id).await, 1);
    studio.app.stop().await;
}
