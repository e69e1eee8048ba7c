//! A person's data as one ZIP in the store of files.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;
use sharestack_kernel::blob::{Blob, BlobError, BlobKey};
use sharestack_kernel::error::{Category, Classified as _, StoreError};
use sharestack_users::model::{Extract, HeldFile};
use sharestack_users::ports::{Archive, Extracts};
use tokio::runtime::Handle;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How much of the file is in memory at once.
const PIECE: usize = 64 * 1024;

/// The end of a document.
const END: &[u8] = b"\n]\n";

const README: &str = "\
This archive holds everything that the platform keeps about your account.\n\
`data/` has one JSON document for each kind of record; `files/` has the files that you uploaded.\n\
Times are UTC (RFC 3339); amounts of money are in the smallest unit of their currency.\n\n\
本压缩包包含平台保存的与您的账号有关的全部数据。\n\
data/ 中每类记录一个 JSON 文件；files/ 中是您上传的文件。\n\
时间为 UTC（RFC 3339）；金额以货币的最小单位计。\n";

/// [`Archive`] over the store of files. The ZIP is made in a temporary file that has no name.
pub struct ZipArchive(pub Arc<dyn Blob>);

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BlobError {
    BlobError::Content(error.into())
}

/// Records that could not be read: asking again may help, or not.
fn unread(error: StoreError) -> BlobError {
    match error.category() {
        Category::Unavailable => BlobError::Unavailable(Box::new(error)),
        _ => broken(error),
    }
}

/// Everything but the files of the person, piece by piece as it comes.
fn write_records(zip: &mut ZipWriter<File>, mut extracts: Extracts, runtime: &Handle) -> Result<(), BlobError> {
    let options = SimpleFileOptions::default();
    zip.start_file("README.txt", options).map_err(broken)?;
    zip.write_all(README.as_bytes()).map_err(broken)?;
    // How many records each document has; the last is open.
    let mut written: Vec<(&str, usize)> = Vec::new();
    while let Some(piece) = runtime.block_on(extracts.next()) {
        let Extract { name, records } = piece.map_err(unread)?;
        let mut count = match written.pop() {
            Some((open, count)) if open == name => count,
            before => {
                if let Some(before) = before {
                    zip.write_all(END).map_err(broken)?;
                    written.push(before);
                }
                zip.start_file(format!("data/{name}.json"), options.large_file(true)).map_err(broken)?;
                zip.write_all(b"[").map_err(broken)?;
                0
            }
        };
        for record in records {
            zip.write_all(if count == 0 { "\n" } else { ",\n" }.as_bytes()).map_err(broken)?;
            serde_json::to_writer(&mut *zip, &record).map_err(broken)?;
            count += 1;
        }
        written.push((name, count));
    }
    if !written.is_empty() {
        zip.write_all(END).map_err(broken)?;
    }
    let contents: Vec<_> = written
        .into_iter()
        .map(|(name, records)| json!({ "file": format!("data/{name}.json"), "records": records }))
        .collect();
    zip.start_file("manifest.json", options).map_err(broken)?;
    serde_json::to_writer_pretty(zip, &json!({ "contents": contents })).map_err(broken)
}

/// Runs on a thread that may block.
fn write_zip(blobs: &dyn Blob, extracts: Extracts, files: &[HeldFile]) -> Result<File, BlobError> {
    let runtime = Handle::current();
    let file = tempfile::tempfile().map_err(broken)?;
    let mut zip = ZipWriter::new(file);
    write_records(&mut zip, extracts, &runtime)?;
    for held in files {
        let key = BlobKey::parse(&held.key).map_err(broken)?;
        let Some(mut content) = runtime.block_on(blobs.get(&key))? else { continue };
        // What people upload is compressed already.
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(format!("files/{}", held.name), options.large_file(true)).map_err(broken)?;
        while let Some(piece) = runtime.block_on(content.next()) {
            zip.write_all(&piece?).map_err(broken)?;
        }
    }
    let mut file = zip.finish().map_err(broken)?;
    file.rewind().map_err(broken)?;
    Ok(file)
}

/// The file's content, piece by piece.
fn read_pieces(file: File) -> impl futures::Stream<Item = Result<Bytes, BlobError>> + Send {
    stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(broken)?.map_err(broken)?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

#[async_trait]
impl Archive for ZipArchive {
    async fn write(&self, key: &str, extracts: Extracts, files: &[HeldFile]) -> Result<u64, BlobError> {
        let key = BlobKey::parse(key).map_err(broken)?;
        let (blobs, files) = (self.0.clone(), files.to_vec());
        let made = tokio::task::spawn_blocking(move || write_zip(blobs.as_ref(), extracts, &files));
        let file = made.await.map_err(broken)??;
        self.0.put(&key, read_pieces(file).boxed()).await
    }

    async fn remove(&self, key: &str) -> Result<(), BlobError> {
        self.0.delete(&BlobKey::parse(key).map_err(broken)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt as _;
    use serde_json::Value;
    use sharestack_blob::{BlobConfig, connect};

    fn piece(name: &'static str, records: &[i32]) -> Extract {
        Extract { name, records: records.iter().map(|n| json!({ "n": n })).collect() }
    }

    #[tokio::test]
    async fn records_are_written_as_they_come_and_what_fails_leaves_no_copy() {
        let blobs: Arc<dyn Blob> = Arc::new(connect(&BlobConfig::Memory).await.unwrap());
        let archive = ZipArchive(blobs.clone());
        let pieces =
            [piece("none", &[]), piece("many", &[1, 2]), piece("many", &[3]), piece("many", &[]), piece("one", &[4])];
        let size = archive.write("exports/a.zip", stream::iter(pieces.map(Ok)).boxed(), &[]).await.unwrap();
        let key = BlobKey::parse("exports/a.zip").unwrap();
        let content: Vec<Bytes> = blobs.get(&key).await.unwrap().unwrap().try_collect().await.unwrap();
        let content = content.concat();
        assert_eq!(content.len() as u64, size);
        let mut zip = zip::ZipArchive::new(io::Cursor::new(content)).unwrap();
        let mut read = |name: &str| serde_json::from_reader::<_, Value>(zip.by_name(name).unwrap()).unwrap();
        assert_eq!(read("data/none.json"), json!([]));
        assert_eq!(read("data/many.json"), json!([{ "n": 1 }, { "n": 2 }, { "n": 3 }]));
        assert_eq!(read("data/one.json"), json!([{ "n": 4 }]));
        let contents = json!([
            { "file": "data/none.json", "records": 0 },
            { "file": "data/many.json", "records": 3 },
            { "file": "data/one.json", "records": 1 },
        ]);
        assert_eq!(read("manifest.json"), json!({ "contents": contents }));

        let pieces = [Ok(piece("many", &[1])), Err(StoreError::Unavailable("gone".into())), Ok(piece("one", &[4]))];
        let failed = archive.write("exports/b.zip", stream::iter(pieces).boxed(), &[]).await;
        assert!(matches!(failed, Err(BlobError::Unavailable(_))));
        assert_eq!(blobs.size(&BlobKey::parse("exports/b.zip").unwrap()).await.unwrap(), None);
    }
}
