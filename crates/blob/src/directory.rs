use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use opendal::services::Fs;
use sharestack_kernel::blob::BlobKey;

/// What is written into a directory to see whether that can be done.
const PROBE: &str = ".probe";

/// Files lie in `objects`. They are written in `writing` beside it and renamed, so that
/// nobody sees half of one.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The directory at `root`, which is made when it is missing, and tried.
    pub async fn open(root: &Path) -> Result<Self> {
        let directory = Self { root: root.to_owned() };
        tokio::fs::create_dir_all(directory.objects()).await?;
        tokio::fs::create_dir_all(directory.writing()).await?;
        directory.probe().await?;
        sync(root).await?;
        Ok(directory)
    }

    /// What reads and writes there.
    pub fn service(&self) -> Fs {
        Fs::default().root(&self.objects().to_string_lossy()).atomic_write_dir(&self.writing().to_string_lossy())
    }

    fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    fn writing(&self) -> PathBuf {
        self.root.join("writing")
    }

    /// Whether it is there and can be written.
    pub async fn probe(&self) -> Result<()> {
        tokio::fs::metadata(self.objects()).await?;
        tokio::fs::write(self.writing().join(PROBE), b"").await
    }

    /// Makes the directories that a blob lies in.
    pub async fn make_room(&self, key: &BlobKey) -> Result<()> {
        match self.objects().join(key.as_str()).parent() {
            Some(parent) => tokio::fs::create_dir_all(parent).await,
            None => Ok(()),
        }
    }

    /// Has the names that lead to a blob on the disk, and not its bytes alone: without them it would be lost
    /// with the power, although rows name it already.
    pub async fn settle(&self, key: &BlobKey) -> Result<()> {
        let objects = self.objects();
        let blob = objects.join(key.as_str());
        for directory in blob.ancestors().skip(1).take_while(|one| one.starts_with(&objects)) {
            sync(directory).await?;
        }
        Ok(())
    }

    /// Removes the half-written files that nobody has written to since `before`, whose number is returned, and
    /// the directories that are empty since then.
    pub async fn tidy(&self, before: SystemTime) -> Result<u64> {
        let removed = remove_stale(&self.writing(), before).await?;
        let objects = self.objects();
        tokio::task::spawn_blocking(move || remove_empty(&objects, before)).await??;
        Ok(removed)
    }
}

/// Has the names in a directory written to the disk, where that is done by directories.
async fn sync(directory: &Path) -> Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match tokio::fs::File::open(directory).await?.sync_all().await {
        // Some file systems have nothing to do here, and say so.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Removes what nobody has written to since `before`.
async fn remove_stale(writing: &Path, before: SystemTime) -> Result<u64> {
    let (mut removed, mut entries) = (0, tokio::fs::read_dir(writing).await?);
    while let Some(entry) = entries.next_entry().await? {
        // One that its writer just finished is gone by now.
        let Ok(about) = entry.metadata().await else { continue };
        if about.is_file() && entry.file_name() != PROBE && about.modified()? < before {
            removed += u64::from(tokio::fs::remove_file(entry.path()).await.is_ok());
        }
    }
    Ok(removed)
}

/// Removes the directories below this one that have been empty since `before`, those that become so with them,
/// too; whether nothing else is left. One that is made or used meanwhile is not empty, or is made once more by
/// who writes there.
fn remove_empty(directory: &Path, before: SystemTime) -> Result<bool> {
    let mut empty = true;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // What went meanwhile is no longer in the way.
        let Ok(about) = entry.metadata() else { continue };
        // Its time changes with what goes below it, and was read before.
        let old = about.modified()? < before;
        let emptied = about.is_dir() && remove_empty(&entry.path(), before).unwrap_or(false);
        let gone = emptied && old && std::fs::remove_dir(entry.path()).is_ok();
        empty &= gone;
    }
    Ok(empty)
}
