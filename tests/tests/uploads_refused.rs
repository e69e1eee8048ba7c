//! Bad files get the contract's answers, and nothing of them stays.

use futures::channel::mpsc;
use futures::{StreamExt, stream};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use sharestack_media::sample::Sample;
use sharestack_tests::uploading::{
    FORM, MULTIPLE, Part, SINGLE, TUS, begin, chunked, creator, form, noise, send_file, send_form,
};
use sharestack_tests::{Account, Database, Harness, Options, Place, until};

use crate::intake::Line;

fn quiet(place: impl Into<Place>) -> Options {
    Options { workers: false, ..Options::on(place) }
}

#[tokio::test]
async fn what_is_no_picture_is_not_taken() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let lin = creator(&app, "lin").await;
        let zip = [&b"PK\x03\x04\x14\0\0\0\x08\0"[..], &[7; 500]].concat();
        let exe = [&b"MZ\x90\0"[..], &[7; 500]].concat();
        let avif = [&b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"[..], &[7; 500]].concat();
        let mp4 = [&b"\0\0\0\x18ftypisom\0\0\0\0isommp42"[..], &[7; 500]].concat();
        let cases: [(&str, &[u8], &str); 9] = [
            ("a.jpg", b"<!DOCTYPE html><html><script>alert(1)</script></html>", "text"),
            ("a.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>", "svg"),
            ("a.png", b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", "svg"),
            ("a.jpg", &zip, "zip"),
            ("a.jpg.exe", &exe, "program"),
            ("a.avif", &avif, "avif"),
            ("a.jpg", &mp4, "film"),
            ("a.jpg", b"\xFF\xD8", "two bytes of a picture"),
            ("a.gif", b"GIF", "three bytes of one"),
        ];
        for (name, bytes, what) in cases {
            let refused = send_file(&app, &lin.token, name, bytes).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
            let details = &refused.body["error"]["details"];
            assert!(details["expected"].as_str().unwrap().contains("image/jpeg"), "{what}");
            assert_eq!(details["detected"] == "image/avif", what == "avif", "{what}");
        }
        let empty = send_file(&app, &lin.token, "a.jpg", b"").await.refused(422, "UNPROCESSABLE_ENTITY");
        assert_eq!(empty.body["error"]["details"], json!({ "reason": "empty" }));
        app.nothing_is_left().await;
        app.stop().await;
    }
}

/// It is not read as if it were the file itself.
#[tokio::test]
async fn what_is_sent_compressed_is_not_taken() {
    let app = Harness::start(quiet(Database::Sqlite)).await;
    let lin = creator(&app, "lin").await;
    let begun = begin(&app, &lin.token, 100, 65_536).await;
    let chunk = format!("{}/chunk_0", chunked(begun["upload_id"].as_str().unwrap(), ""));
    let tus = app.request(Method::POST, TUS).bearer_auth(&lin.token).header("Tus-Resumable", "1.0.0");
    let tus = app.send(tus.header("Upload-Length", "1000")).await.expect(201);
    let tus = tus.header("location").strip_prefix(&app.base).unwrap().to_owned();
    let bytes = "application/offset+octet-stream";
    for (method, path, kind) in [
        (Method::POST, SINGLE, FORM),
        (Method::POST, MULTIPLE, FORM),
        (Method::PUT, &chunk, "application/octet-stream"),
        (Method::POST, TUS, bytes),
        (Method::PATCH, &tus, bytes),
    ] {
        let request = app.request(method, path).bearer_auth(&lin.token).header("Content-Type", kind);
        let request =
            request.header("Tus-Resumable", "1.0.0").header("Upload-Offset", "0").header("Upload-Length", "9");
        let sent = app.send(request.header("Content-Encoding", "gzip").body(noise(9))).await;
        let refused = sent.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(refused.body["error"]["details"]["expected"], "identity", "{path}");
    }
    assert_eq!(app.count("SELECT SUM(received) FROM uploads").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_file_is_what_it_holds_whatever_it_is_called() {
    let app = Harness::start(quiet(Database::Sqlite)).await;
    let lin = creator(&app, "lin").await;
    let sample = Sample::plain(8, 6, [200, 30, 30]);
    for (name, bytes, kind) in [
        ("page.html", sample.jpeg(), "image/jpeg"),
        ("a.jpg", sample.png(), "image/png"),
        ("program.exe", sample.raw(sharestack_content::model::MediaType::Dng), "image/x-adobe-dng"),
    ] {
        let sent = send_file(&app, &lin.token, name, &bytes).await.expect(201);
        assert_eq!((&sent.data()["mime_type"], &sent.data()["original_filename"]), (&json!(kind), &json!(name)));
        let url = sent.data()["upload_url"].as_str().unwrap();
        let response = app.request(Method::GET, url).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("x-content-type-options")), (kind.into(), "nosniff".into()));
        assert!(header("content-security-policy").contains("sandbox"));
    }
    app.stop().await;
}

#[tokio::test]
async fn names_lead_nowhere_and_hide_nothing() {
    let app = Harness::start(quiet(Database::Sqlite)).await;
    let lin = creator(&app, "lin").await;
    let bytes = noise(400);
    for (sent, shown) in [
        ("../../../etc/passwd", "passwd"),
        ("..\\\\..\\\\windows\\\\system32\\\\a.jpg", "a.jpg"),
        ("城市 夜景 🏙.jpg", "城市 夜景 🏙.jpg"),
        ("invoice\u{202E}gpj.exe", "invoicegpj.exe"),
        ("..", "file"),
        ("", "file"),
    ] {
        let answer = send_file(&app, &lin.token, sent, &bytes).await.expect(201);
        assert_eq!(answer.data()["original_filename"], shown, "{sent}");
    }
    let long = format!("{}.jpeg", "长".repeat(2000));
    let answer = send_file(&app, &lin.token, &long, &bytes).await.expect(201);
    assert_eq!(answer.data()["original_filename"].as_str().unwrap().chars().count(), 200);
    // As RFC 5987 writes it, with a NUL among it.
    let body = [
        b"--xxboundaryxx\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%E5%9F%8E%00%2F..%2F%E5%B8%82.jpg\r\n\r\n"
            .to_vec(),
        bytes.clone(),
        b"\r\n--xxboundaryxx--\r\n".to_vec(),
    ]
    .concat();
    let answer = send_form(&app, &lin.token, SINGLE, body).await.expect(201);
    assert_eq!(answer.data()["original_filename"], "市.jpg");
    assert!(app.blobs().await.iter().all(|key| key.starts_with("files/") && key.matches('/').count() == 2));
    app.stop().await;
}

#[tokio::test]
async fn broken_forms_get_an_answer() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        let whole = form(&[("file", "a.jpg", &noise(100_000))]);
        let cut = whole[..50_000].to_vec();
        send_form(&app, &lin.token, SINGLE, cut.clone()).await.refused(422, "UNPROCESSABLE_ENTITY");
        let many = form(&[("files[]", "a.jpg", &noise(1000)), ("files[]", "b.jpg", &noise(100_000))]);
        // The form as a whole is broken: what was whole of it does not stay.
        let refused = send_form(&app, &lin.token, MULTIPLE, many[..50_000].to_vec()).await;
        assert!([400, 422].contains(&refused.status), "{}", refused.text);
        app.nothing_is_left().await;
        for body in
            [&b""[..], b"--xxboundaryxx--\r\n", b"no form at all", b"--xxboundaryxx\r\n\r\n\r\n--xxboundaryxx--"]
        {
            for path in [SINGLE, MULTIPLE] {
                let refused = send_form(&app, &lin.token, path, body.to_vec()).await;
                assert!([400, 422].contains(&refused.status), "{path}: {}", refused.text);
            }
        }
        let other = send_form(&app, &lin.token, SINGLE, form(&[("other", "a.jpg", &noise(100))])).await;
        let refused = other.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("file".to_owned(), "REQUIRED".to_owned())]);
        for kind in ["application/json", "image/jpeg", "multipart/mixed; boundary=x"] {
            let request = app.request(Method::POST, SINGLE).bearer_auth(&lin.token).header("content-type", kind);
            app.send(request.body(noise(100))).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        }
        let unbounded = app.request(Method::POST, SINGLE).bearer_auth(&lin.token);
        let refused = app.send(unbounded.header("content-type", "multipart/form-data").body(whole)).await;
        assert!([400, 415, 422].contains(&refused.status), "{}", refused.text);
        app.nothing_is_left().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn of_several_files_where_one_is_taken_nothing_stays() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        let (first, second, note) = (noise(100_000), noise(1000), noise(50_000));
        let cases: [&[Part<'_>]; 2] = [
            &[("file", "a.jpg", &first), ("file", "b.jpg", &second)],
            &[("file", "a.jpg", &first), ("note", "n.txt", &note), ("file", "b.jpg", b""), ("file", "c.jpg", &second)],
        ];
        for parts in cases {
            let refused = send_form(&app, &lin.token, SINGLE, form(parts)).await.refused(400, "VALIDATION_ERROR");
            assert_eq!(refused.fields(), [("file".to_owned(), "NOT_ALLOWED".to_owned())]);
            let message = &refused.body["error"]["details"][0]["message"];
            assert_eq!(*message, format!("File must be one: {MULTIPLE} takes several"));
            app.nothing_is_left().await;
        }
        // So it is when the form breaks off behind the file.
        let with_note = form(&[("file", "a.jpg", &first), ("note", "n.txt", &note)]);
        let cut = with_note[..120_000].to_vec();
        send_form(&app, &lin.token, SINGLE, cut).await.refused(422, "UNPROCESSABLE_ENTITY");
        app.nothing_is_left().await;
        let sent = send_form(&app, &lin.token, SINGLE, with_note).await.expect(201);
        assert_eq!(app.kept(sent.data()["file_id"].as_str().unwrap()).await, first, "{place:?}");
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 1);
        app.stop().await;
    }
}

/// A body whose length nobody says.
async fn stream_of(app: &Harness, lin: &Account, body: Vec<u8>) -> Option<u16> {
    let pieces: Vec<_> = body.chunks(64 * 1024).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let request = app.request(Method::POST, SINGLE).bearer_auth(&lin.token).header("content-type", FORM);
    // Who goes on sending may see the connection end before the answer.
    let response = request.body(Body::wrap_stream(stream::iter(pieces))).send().await.ok()?;
    Some(response.status().as_u16())
}

#[tokio::test]
async fn what_is_too_large_is_refused_while_it_comes() {
    for place in Place::all() {
        let app = Harness::start(quiet(place).with("SHARESTACK__UPLOAD__MAX_FILE_SIZE", "300000")).await;
        let lin = creator(&app, "lin").await;
        let refused = send_file(&app, &lin.token, "a.jpg", &noise(300_001)).await.refused(413, "PAYLOAD_TOO_LARGE");
        assert_eq!(refused.body["error"]["details"]["max_size"], 300_000);
        let large = form(&[("file", "a.jpg", &noise(5 << 20))]);
        let said = stream_of(&app, &lin, large.clone()).await;
        assert!(said.is_none_or(|status| status == 413), "{said:?}");
        let declared = app.request(Method::POST, SINGLE).bearer_auth(&lin.token).header("content-type", FORM);
        let said = declared.body(large).send().await.ok().map(|response| response.status().as_u16());
        assert!(said.is_none_or(|status| status == 413), "{said:?}");
        app.nothing_is_left().await;
        // One of many: the others stay.
        let parts = [("files[]", "a.jpg", &noise(1000)[..]), ("files[]", "b.jpg", &noise(300_001))];
        let sent = send_form(&app, &lin.token, MULTIPLE, form(&parts)).await.expect(201);
        assert_eq!(sent.data()["failed"], json!([{ "filename": "b.jpg", "error": "File is too large" }]));
        send_file(&app, &lin.token, "a.jpg", &noise(300_000)).await.expect(201);
        app.stop().await;
    }
}

#[tokio::test]
async fn who_may_not_upload_is_told_before_the_file_is_read() {
    let app = Harness::start(quiet(Database::Sqlite)).await;
    let reader = app.account("reader").await;
    let bytes = noise(1000);
    for path in [SINGLE, MULTIPLE] {
        let request = app.request(Method::POST, path).header("content-type", FORM);
        app.send(request.body(form(&[("file", "a.jpg", &bytes)]))).await.refused(401, "AUTHENTICATION_REQUIRED");
        let refused = send_form(&app, &reader.token, path, form(&[("file", "a.jpg", &bytes)])).await;
        let details = refused.refused(403, "PERMISSION_DENIED").body["error"]["details"].clone();
        assert_eq!(details["required_permission"], "photo.create");
    }
    let path = "/api/v1/upload/upload_999999";
    app.delete_as(&reader.token, path).await.refused(404, "RESOURCE_NOT_FOUND");
    for handle in ["upload_0", "chunked_1", "nonsense", "upload_99999999999999999999", "%00"] {
        app.delete_as(&reader.token, &format!("/api/v1/upload/{handle}")).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    app.nothing_is_left().await;
    app.stop().await;
}

#[tokio::test]
async fn a_file_is_its_owners_and_is_kept_while_a_photo_uses_it() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let admin = app.admin().await;
        let lin = app.with_role(&admin, "lin", "creator").await;
        let wei = app.with_role(&admin, "wei", "creator").await;
        let sent = send_file(&app, &lin.token, "a.jpg", &noise(1000)).await.expect(201);
        let path = format!("/api/v1/upload/{}", sent.data()["file_id"].as_str().unwrap());
        app.delete_as(&wei.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
        app.app().store.execute_raw("UPDATE files SET expires_at = NULL").await.unwrap();
        let refused = app.delete_as(&lin.token, &path).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(refused.body["error"]["details"], json!({ "reason": "in_use" }));
        assert_eq!(app.blobs().await.len(), 1, "{place:?}");
        // Its link is for who has it, as it is.
        let url = sent.data()["upload_url"].as_str().unwrap();
        app.get(url.split_once('?').unwrap().0).await.refused(404, "RESOURCE_NOT_FOUND");
        app.get(&format!("{url}0")).await.refused(404, "RESOURCE_NOT_FOUND");
        app.get(&url.replace("expires=1", "expires=2")).await.refused(404, "RESOURCE_NOT_FOUND");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_come_while_the_sender_goes_on() {
    for place in Place::all() {
        let app = Harness::start(quiet(place).with("SHARESTACK__UPLOAD__MAX_FILE_SIZE", "300000")).await;
        let lin = creator(&app, "lin").await;
        let reader = app.account("reader").await;
        // A body whose end never comes.
        let said = async |what: &str, token: &str, headers: &str, begun: &[u8]| {
            let head =
                format!("{what} HTTP/1.1\r\ntransfer-encoding: chunked\r\nauthorization: Bearer {token}{headers}");
            let size = format!("{:x}\r\n", begun.len());
            let piece = [size.as_bytes(), begun, b"\r\n"].concat();
            Line::open(&app, &head, if begun.is_empty() { b"" } else { &piece }).await.answer().await
        };
        let form_type = format!("\r\ncontent-type: {FORM}");
        let large = form(&[("file", "a.jpg", &noise(400_000))]);
        let (status, _, body) = said(&format!("POST {SINGLE}"), &lin.token, &form_type, &large[..350_000]).await;
        assert_eq!((status, &body["error"]["details"]["max_size"]), (413, &json!(300_000)), "{place:?}");

        let begun = begin(&app, &lin.token, 100_000, 65_536).await;
        let pieces = chunked(begun["upload_id"].as_str().unwrap(), "");
        let (status, _, body) = said(&format!("PUT {pieces}/chunk_0"), &lin.token, "", &noise(70_000)).await;
        assert_eq!((status, &body["error"]["details"]["reason"]), (409, &json!("wrong_size")), "{place:?}");

        let tus = app.request(Method::POST, TUS).bearer_auth(&lin.token).header("Tus-Resumable", "1.0.0");
        let tus = app.send(tus.header("Upload-Length", "1000")).await.expect(201);
        let place_of = tus.header("location").strip_prefix(&app.base).unwrap().to_owned();
        let headers = "\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream";
        let (status, head, _) = said(&format!("PATCH {place_of}"), &lin.token, headers, &noise(2000)).await;
        assert_eq!((status, head.contains("tus-resumable: 1.0.0")), (413, true), "{place:?}");

        // Of who may not, nothing needs to come.
        for path in [SINGLE, MULTIPLE, TUS] {
            let headers = if path == TUS { headers } else { &form_type };
            assert_eq!(said(&format!("POST {path}"), &reader.token, headers, b"").await.0, 403, "{path}");
            assert_eq!(said(&format!("POST {path}"), "nobody", headers, b"").await.0, 401, "{path}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0);
        app.delete_as(&lin.token, &pieces).await.expect(204);
        let end = app.request(Method::DELETE, &place_of).bearer_auth(&lin.token).header("Tus-Resumable", "1.0.0");
        app.send(end).await.expect(204);
        app.nothing_is_left().await;
        app.stop().await;
    }
}

/// A photo may use it before the form is at its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_refused_form_all_goes_that_can() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        let (used, unused) = (noise(1000), noise(2000));
        let whole = form(&[("files[]", "a.jpg", &used), ("files[]", "b.jpg", &unused), ("note", "n.txt", b"x")]);
        // The files and the head of the note; what breaks it off comes later.
        let begun = whole[..whole.len() - 30].to_vec();
        let (send, receive) = mpsc::unbounded();
        send.unbounded_send(begun).unwrap();
        let body = Body::wrap_stream(receive.map(Ok::<_, std::io::Error>));
        let refused = send_form(&app, &lin.token, MULTIPLE, body);
        let meanwhile = async {
            until("both are kept", async || app.count("SELECT COUNT(*) FROM files").await == 2).await;
            let attach = "UPDATE files SET expires_at = NULL WHERE size = 1000";
            assert_eq!(app.app().store.execute_raw(attach).await.unwrap(), 1);
            drop(send);
        };
        let (refused, ()) = tokio::join!(refused, meanwhile);
        refused.refused(422, "UNPROCESSABLE_ENTITY");
        app.until_blobs(1).await;
        let left = [app.count("SELECT COUNT(*) FROM files").await, app.count("SELECT size FROM files").await];
        assert_eq!(left, [1, 1000], "{place:?}");
        app.stop().await;
    }
}

/// So much of a form there may be beside each file.
const AROUND: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_goes_on_behind_its_files_is_ended() {
    for place in Place::all() {
        let options = Options::on(place)
            .with("SHARESTACK__UPLOAD__MAX_FILE_SIZE", "300000")
            .with("SHARESTACK__UPLOAD__MAX_FILES", "2");
        let app = Harness::start(options).await;
        let lin = creator(&app, "lin").await;
        let file = noise(200_000);
        let with_note = |size: usize| form(&[("file", "a.jpg", &file), ("note", "n.txt", &vec![b'x'; size])]);
        for (path, files) in [(SINGLE, 1), (MULTIPLE, 2)] {
            let longest = files * (300_000 + AROUND);
            let room = longest - with_note(0).len();
            let told = async |what: &str, body: &[u8]| {
                let who = format!("authorization: Bearer {}\r\ncontent-type: {FORM}", lin.token);
                let head = format!("POST {path} HTTP/1.1\r\n{who}\r\n{what}");
                let (status, _, body) = Line::open(&app, &head, body).await.answer().await;
                assert_eq!((status, &body["error"]["type"]), (413, &json!("PAYLOAD_TOO_LARGE")), "{place:?} {path}");
                assert_eq!(body["error"]["details"]["max_size"], files * 300_000, "{path}");
                app.nothing_is_left().await;
            };
            // One byte more than there may be, of a body whose end never comes, and one whose length is said.
            let over = &with_note(longest)[..=longest];
            let piece = [format!("{:x}\r\n", over.len()).as_bytes(), over, b"\r\n"].concat();
            told("transfer-encoding: chunked", &piece).await;
            told(&format!("content-length: {}", longest + 1), b"").await;
            // All that there may be is taken.
            let all = with_note(room);
            let pieces: Vec<_> = all.chunks(10_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
            let sent = send_form(&app, &lin.token, path, Body::wrap_stream(stream::iter(pieces))).await.expect(201);
            let kept = [&sent.data()["file_id"], &sent.data()["uploaded"][0]["file_id"]];
            let id = kept.into_iter().find_map(Value::as_str).unwrap();
            assert_eq!(app.kept(id).await, file, "{place:?} {path}");
            app.delete_as(&lin.token, &format!("/api/v1/upload/{id}")).await.expect(204);
            app.nothing_is_left().await;
        }
        app.stop().await;
    }
}
