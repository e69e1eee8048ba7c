//! An upload in pieces and one by tus share handles, and nothing else.

use reqwest::Method;
use serde_json::json;
use sharestack_tests::uploading::{TUS, begin, chunked, creator, noise, put};
use sharestack_tests::{Database, Harness, Options};

const PIECE: usize = 65_536;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_only_as_it_began() {
    for database in Database::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(database) }).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(3 * PIECE);
        let tus = |method: Method, path: &str| {
            app.request(method, path).bearer_auth(&lin.token).header("Tus-Resumable", "1.0.0")
        };
        let patch = async |path: &str, offset: usize, bytes: &[u8]| {
            let request = tus(Method::PATCH, path).header("Upload-Offset", offset);
            let request = request.header("content-type", "application/offset+octet-stream");
            app.send(request.body(bytes.to_vec())).await
        };
        let begun = begin(&app, &lin.token, whole.len(), PIECE).await;
        let pieces = begun["upload_id"].as_str().unwrap();
        put(&app, begun["upload_urls"][1].as_str().unwrap(), &whole[PIECE..2 * PIECE]).await.expect(200);
        let sent = app.send(tus(Method::POST, TUS).header("Upload-Length", whole.len())).await.expect(201);
        let place = sent.header("location").to_owned();
        let stream = place.rsplit('/').next().unwrap();
        patch(&place, 0, &whole[..PIECE]).await.expect(204);

        // By the way of the other, there is no such upload.
        let other = format!("{TUS}/{pieces}");
        patch(&other, PIECE, &whole[PIECE..]).await.refused(404, "RESOURCE_NOT_FOUND");
        app.send(tus(Method::HEAD, &other)).await.expect(404);
        app.send(tus(Method::DELETE, &other)).await.refused(404, "RESOURCE_NOT_FOUND");
        for (index, bytes) in [(0, &b""[..]), (0, &whole), (1, &whole)] {
            let to = chunked(stream, &format!("/chunk_{index}"));
            let request = app.request(Method::PUT, &to).bearer_auth(&lin.token).body(bytes.to_vec());
            app.send(request).await.refused(404, "RESOURCE_NOT_FOUND");
        }
        app.get_as(&lin.token, &chunked(stream, "")).await.refused(404, "RESOURCE_NOT_FOUND");
        app.post_as(&lin.token, &chunked(stream, "/complete"), &json!({})).await.refused(404, "RESOURCE_NOT_FOUND");
        app.delete_as(&lin.token, &chunked(stream, "")).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(app.count("SELECT COUNT(*) FROM upload_parts").await, 2, "{database:?}");

        // Both are whole in the end.
        for index in [0, 2] {
            let piece = &whole[index * PIECE..(index + 1) * PIECE];
            put(&app, begun["upload_urls"][index].as_str().unwrap(), piece).await.expect(200);
        }
        patch(&place, PIECE, &whole[PIECE..]).await.expect(204);
        for handle in [pieces, stream] {
            assert_eq!(app.kept(handle).await, whole, "{database:?}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 2);
        app.stop().await;
    }
}
