//! The protocol tus: one piece after another, wherever the client stopped.

use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::BlobStream;
use sharestack_kernel::id::UserId;

use super::error::UploadError;
use super::meter::Meter;
use super::source::Source;
use super::{Checksum, UPLOAD, Uploads};
use crate::model::{FileId, FileName, Part, Upload, UploadKind};

/// So much is kept at once: what a crash can take of a request that runs.
const PIECE: u64 = 4 << 20;

/// How to begin an upload by tus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginTus {
    /// The file's bytes.
    pub size: u64,
    /// What it is called.
    pub filename: FileName,
    /// What its sender says it is.
    pub declared_type: Option<String>,
    /// The client's words, to be told again.
    pub metadata: Option<String>,
}

impl Uploads {
    /// Begins an upload by tus, and counts its bytes to what the actor keeps.
    ///
    /// # Errors
    /// When the actor may not upload, the file is empty or too large, or the quota is used
    /// up; the store's.
    pub async fn begin_tus(&self, actor: &Actor, command: BeginTus) -> Result<Upload, UploadError> {
        actor.require(UPLOAD)?;
        let BeginTus { size, filename, declared_type, metadata } = command;
        self.check_size(size)?;
        self.begin(actor, UploadKind::Tus, filename, size, 0, declared_type, metadata).await
    }

    /// Adds bytes at `offset`; returns where the upload goes on, which is its end when the
    /// file is made. Of a content that breaks off, what came is kept, unless it has a
    /// checksum.
    ///
    /// # Errors
    /// When there is no such upload, it has expired, goes on elsewhere or gets more than it
    /// has room for; when the checksum does not match, and nothing is kept; the stores'.
    pub async fn append(
        &self,
        owner: UserId,
        id: FileId,
        offset: u64,
        checksum: Option<Checksum>,
        content: BlobStream,
    ) -> Result<u64, UploadError> {
        let Some(upload) = self.open(Some(owner), id, UploadKind::Tus).await? else {
            let file = self.outcome(Some(owner), id).await?;
            return if offset == file.size { Ok(offset) } else { Err(UploadError::WrongOffset(file.size)) };
        };
        if offset != upload.received {
            return Err(UploadError::WrongOffset(upload.received));
        }
        let at_once = checksum.is_some();
        let source = Source::of(content, checksum);
        let mut staged = Vec::new();
        let taken = self.take_pieces(&upload, &source, at_once, &mut staged).await;
        let noted = match taken {
            Ok(()) if at_once && !(source.is_complete().await && source.holds().await) => Err(UploadError::Checksum),
            Ok(()) if at_once && !staged.is_empty() => self.note(id, Some(offset), &staged).await.map(|_| ()),
            taken => taken,
        };
        if let Err(error) = noted {
            self.drop_unnoted(id, &staged).await;
            return Err(error);
        }
        match self.open(Some(owner), id, UploadKind::Tus).await? {
            Some(upload) if upload.is_whole() => {
                self.complete(Some(owner), id, Some(UploadKind::Tus), None).await.map(|file| file.size)
            }
            Some(upload) => Ok(upload.received),
            None => self.outcome(Some(owner), id).await.map(|file| file.size),
        }
    }

    /// Keeps the pieces of a request; writes each down at once, or leaves that to the caller.
    async fn take_pieces(
        &self,
        upload: &Upload,
        source: &Source,
        at_once: bool,
        staged: &mut Vec<Part>,
    ) -> Result<(), UploadError> {
        let mut start = upload.received;
        while source.has_more().await {
            if start == upload.size {
                return Err(UploadError::TooLarge { max: upload.size });
            }
            let key = self.new_key(&Upload::prefix(upload.id), &start.to_string())?;
            let mut meter = Meter::new();
            if start == 0 {
                meter = meter.types(&self.limits.allowed, false);
            }
            let piece = source.piece(PIECE.min(upload.size - start));
            let size = match self.ports.blobs.put(&key, meter.watch(piece)).await {
                Ok(size) => size,
                Err(error) => return Err(meter.reason(error)),
            };
            let part = Part { start, size, blob_key: key.to_string() };
            let overflows = start + size == upload.size && source.has_more().await;
            if overflows {
                self.discard(&key).await;
                return Err(UploadError::TooLarge { max: upload.size });
            }
            if at_once {
                staged.push(part);
            } else if let Err(error) = self.note(upload.id, Some(start), std::slice::from_ref(&part)).await {
                self.drop_unnoted(upload.id, std::slice::from_ref(&part)).await;
                return Err(error);
            }
            start += size;
        }
        Ok(())
    }
}
