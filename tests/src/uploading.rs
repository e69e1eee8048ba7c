//! Files on their way to the server, and what is kept of them there.

use futures::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sharestack_kernel::blob::BlobKey;

use crate::{Account, Answer, Client, Harness, until};

/// Where one file is sent to.
pub const SINGLE: &str = "/api/v1/upload/single";
/// Where many are.
pub const MULTIPLE: &str = "/api/v1/upload/multiple";
/// Where an upload in pieces begins.
pub const INIT: &str = "/api/v1/upload/chunked/init";
/// Where one by tus does.
pub const TUS: &str = "/api/v1/upload/tus";

/// A file in a form: its field, its name, its bytes.
pub type Part<'a> = (&'a str, &'a str, &'a [u8]);

/// The type of the forms that are made here.
pub const FORM: &str = "multipart/form-data; boundary=xxboundaryxx";

/// A form of files.
pub fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, bytes) in parts {
        let head = format!(
            "--xxboundaryxx\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        );
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(b"--xxboundaryxx--\r\n");
    body
}

/// Sends a form to a path.
pub async fn send_form(client: &Client, token: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = client.request(Method::POST, path).bearer_auth(token).header("content-type", FORM);
    client.send(request.body(body)).await
}

/// Sends one file.
pub async fn send_file(client: &Client, token: &str, name: &str, bytes: &[u8]) -> Answer {
    send_form(client, token, SINGLE, form(&[("file", name, bytes)])).await
}

/// Begins an upload in pieces; returns what the server says of it.
pub async fn begin(client: &Client, token: &str, size: usize, chunk_size: usize) -> Value {
    let body =
        json!({ "filename": "DSC_0001.jpg", "file_size": size, "mime_type": "image/jpeg", "chunk_size": chunk_size });
    client.post_as(token, INIT, &body).await.expect(201).data().clone()
}

/// The path of an upload in pieces, and below it.
pub fn chunked(id: &str, rest: &str) -> String {
    format!("/api/v1/upload/chunked/{id}{rest}")
}

/// Puts a piece by the link that was given.
pub async fn put(client: &Client, url: &str, bytes: &[u8]) -> Answer {
    client.send(client.request(Method::PUT, url).body(bytes.to_vec())).await
}

/// Bytes that begin as a picture does, of which nothing can be made, and whose rest tells
/// whether they were put together right.
pub fn noise(size: usize) -> Vec<u8> {
    let mut bytes = b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01".to_vec();
    let mut state = 0x9E37_79B9_u32;
    bytes.truncate(size);
    bytes.resize_with(size, || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    bytes
}

/// A hash as answers print it.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Somebody who may upload.
pub async fn creator(app: &Harness, name: &str) -> Account {
    let admin = app.admin().await;
    app.with_role(&admin, name, "creator").await
}

impl Harness {
    /// What lies in the store of files, below `files/` and `uploads/`.
    pub async fn blobs(&self) -> Vec<String> {
        let mut found = Vec::new();
        for area in ["files/", "uploads/"] {
            let keys = self.app().files.0.list(area).await.unwrap();
            found.extend(keys.map_ok(|key| key.to_string()).try_collect::<Vec<_>>().await.unwrap());
        }
        found.sort_unstable();
        found
    }

    /// Whether nothing of any upload is left: no bytes, no row, and nothing that counts.
    pub async fn nothing_is_left(&self) {
        self.until_blobs(0).await;
        for table in ["files", "uploads", "upload_parts", "upload_usage WHERE bytes <> 0"] {
            assert_eq!(self.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        if let Some(s3) = self.s3() {
            assert_eq!(s3.kept(), Vec::<String>::new());
        }
    }

    /// The bytes of a file as it is kept.
    pub async fn kept(&self, handle: &str) -> Vec<u8> {
        let number = handle.rsplit('_').next().unwrap();
        let prefix = format!("files/{number}/original");
        let key = self.blobs().await.into_iter().find(|key| key.starts_with(&prefix)).unwrap();
        let stream = self.app().files.0.get(&BlobKey::parse(&key).unwrap()).await.unwrap().unwrap();
        stream.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    /// Waits until so many blobs are there.
    pub async fn until_blobs(&self, count: usize) {
        until("the blobs are as they must be", async || self.blobs().await.len() == count).await;
    }
}
