//! A person's data as one ZIP in the store of files.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;
use sharestack_kernel::blob::{Blob, BlobError, BlobKey};
use sharestack_users::model::{Extract, HeldFile};
use sharestack_users::ports::Archive;
use tokio::runtime::Handle;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How much of the file is in memory at once.
const PIECE: usize = 64 * 1024;

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

/// Everything but the files of the person.
fn write_records(zip: &mut ZipWriter<File>, extracts: &[Extract]) -> io::Result<()> {
    let options = SimpleFileOptions::default();
    zip.start_file("README.txt", options)?;
    zip.write_all(README.as_bytes())?;
    let contents: Vec<_> = extracts
        .iter()
        .map(|extract| json!({ "file": format!("data/{}.json", extract.name), "records": extract.records.len() }))
        .collect();
    zip.start_file("manifest.json", options)?;
    serde_json::to_writer_pretty(&mut *zip, &json!({ "contents": contents }))?;
    for extract in extracts {
        zip.start_file(format!("data/{}.json", extract.name), options)?;
        serde_json::to_writer_pretty(&mut *zip, &extract.records)?;
    }
    Ok(())
}

/// Runs on a thread that may block.
fn write_zip(blobs: &dyn Blob, extracts: &[Extract], files: &[HeldFile]) -> Result<File, BlobError> {
    let runtime = Handle::current();
    let file = tempfile::tempfile().map_err(broken)?;
    let mut zip = ZipWriter::new(file);
    write_records(&mut zip, extracts).map_err(broken)?;
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
    async fn write(&self, key: &str, extracts: &[Extract], files: &[HeldFile]) -> Result<u64, BlobError> {
        let key = BlobKey::parse(key).map_err(broken)?;
        let (blobs, extracts, files) = (self.0.clone(), extracts.to_vec(), files.to_vec());
        let made = tokio::task::spawn_blocking(move || write_zip(blobs.as_ref(), &extracts, &files));
        let file = made.await.map_err(broken)??;
        self.0.put(&key, read_pieces(file).boxed()).await
    }

    async fn remove(&self, key: &str) -> Result<(), BlobError> {
        self.0.delete(&BlobKey::parse(key).map_err(broken)?).await
    }
}
