//! Files on disk, read at any place: neither their size nor where their parts lie costs memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt as _;
use sharestack_content::ports::ImagingError;
use sharestack_kernel::blob::BlobStream;
use tokio::io::AsyncWriteExt as _;

/// Bytes that can be read at any place.
pub(crate) trait ReadAt {
    /// Fills `buffer` from `at`; `false` when the bytes end before.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> bool;

    /// How many bytes there are.
    fn length(&self) -> u64;

    /// The bytes from `at`, as many as there are of `length`.
    fn take(&self, at: u64, length: usize) -> Vec<u8> {
        let left = usize::try_from(self.length().saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(left)];
        if self.read_at(at, &mut bytes) { bytes } else { Vec::new() }
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> bool {
        let found = usize::try_from(at).ok().and_then(|at| self.get(at..at.checked_add(buffer.len())?));
        found.inspect(|found| buffer.copy_from_slice(found)).is_some()
    }

    fn length(&self) -> u64 {
        self.len() as u64
    }
}

/// A part of a file, as a file of its own.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    file: Arc<File>,
    start: u64,
    length: u64,
    position: u64,
}

impl Window {
    /// The whole file.
    pub fn of(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), start: 0, length, position: 0 })
    }

    /// A part of it; what lies behind its end is not there.
    pub fn part(&self, start: u64, length: u64) -> Self {
        let start = start.min(self.length);
        let length = length.min(self.length - start);
        Self { file: self.file.clone(), start: self.start + start, length, position: 0 }
    }
}

impl ReadAt for Window {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> bool {
        let inside = at.checked_add(buffer.len() as u64).is_some_and(|end| end <= self.length);
        inside && self.file.read_exact_at(buffer, self.start + at).is_ok()
    }

    fn length(&self) -> u64 {
        self.length
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.start + self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Writes a stream to a file without a name, which goes with its last reader even when the
/// process is killed.
pub(crate) async fn spool(mut content: BlobStream, directory: &Path) -> Result<Window, ImagingError> {
    let failed = |error: io::Error| ImagingError::Failed(Box::new(error));
    let directory = directory.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&directory)?;
        tempfile::tempfile_in(&directory)
    });
    let file = opened.await.map_err(|error| ImagingError::Failed(Box::new(error)))?.map_err(failed)?;
    let mut file = tokio::fs::File::from_std(file);
    while let Some(piece) = content.try_next().await? {
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Window::of(file.into_std().await).map_err(failed)
}
