//! The protocol tus: one piece after another, wherever the client stopped.

use futures::StreamExt;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::BlobStream;
use sharestack_kernel::id::UserId;

use super::error::UploadError;
use super::meter::Meter;
use super::source::Source;
use super::{Checksum, UPLOAD, Uploads};
use crate::model::{FileId, FileName, Part, Upload, UploadKind};

/// So much is kept at once, where pieces need not be larger: what a crash can take of a request that runs.
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
        let small = self.small_end(&upload).await?;
        let taken = self.take_pieces(&upload, &source, at_once, small.as_ref(), &mut staged).await;
        let noted = match taken {
            Ok(()) if at_once && !(source.is_complete().await && source.holds().await) => Err(UploadError::Checksum),
            Ok(()) if at_once && !staged.is_empty() => {
                self.note(id, Some(offset), &staged, small.as_ref()).await.map(|_| ())
            }
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

    /// The piece that an upload ends with so far, when it is too small to be followed by another: who sends
    /// byte by byte does not make a piece of each.
    async fn small_end(&self, upload: &Upload) -> Result<Option<Part>, UploadError> {
        if upload.received == 0 {
            return Ok(None);
        }
        let least = self.limits.least_chunk(upload.size);
        let end = self.ports.queries.find_last_part(upload.id).await?;
        Ok(end.filter(|part| part.start + part.size == upload.received && part.size < least))
    }

    /// Keeps the pieces of a request, the first with the bytes of `small` before its own; writes each down
    /// at once, or leaves that to the caller.
    async fn take_pieces(
        &self,
        upload: &Upload,
        source: &Source,
        at_once: bool,
        small: Option<&Part>,
        staged: &mut Vec<Part>,
    ) -> Result<(), UploadError> {
        let mut start = upload.received;
        while source.has_more().await {
            if start == upload.size {
                return Err(UploadError::TooLarge { max: upload.size });
            }
            let before = small.filter(|part| part.start + part.size == start);
            let part = self.take_piece(upload, source, start, before).await?;
            let end = part.start + part.size;
            if end == upload.size && source.has_more().await {
                self.drop_unnoted(upload.id, std::slice::from_ref(&part)).await;
                return Err(UploadError::TooLarge { max: upload.size });
            }
            if at_once {
                staged.push(part);
            } else if let Err(error) = self.note(upload.id, Some(start), std::slice::from_ref(&part), before).await {
                self.drop_unnoted(upload.id, std::slice::from_ref(&part)).await;
                return Err(error);
            }
            start = end;
        }
        Ok(())
    }

    /// Keeps the next piece, which goes on at `start`. The bytes of the one before it, where that grows, are
    /// written a second time: until the longer piece is written down, the shorter one is what counts.
    async fn take_piece(
        &self,
        upload: &Upload,
        source: &Source,
        start: u64,
        before: Option<&Part>,
    ) -> Result<Part, UploadError> {
        let from = before.map_or(start, |part| part.start);
        let most = PIECE.max(self.limits.least_chunk(upload.size)).min(upload.size - from);
        let mut content = source.piece(most - (start - from));
        if let Some(part) = before {
            content = match self.open_part(part).await {
                Ok(bytes) => bytes.chain(content).boxed(),
                Err(error) => return Err(self.overtaken(upload, UploadError::Blob(error)).await),
            };
        }
        let mut meter = Meter::new();
        if from == 0 {
            meter = meter.types(&self.limits.allowed, false);
        }
        let key = self.new_key(&Upload::prefix(upload.id), &from.to_string())?;
        match self.ports.blobs.put(&key, meter.watch(content)).await {
            Ok(size) => Ok(Part { start: from, size, blob_key: key.to_string() }),
            Err(error) if before.is_some() => Err(self.overtaken(upload, meter.reason(error)).await),
            Err(error) => Err(meter.reason(error)),
        }
    }

    /// Why a piece did not grow: another request may have made it grow first, or ended the upload, and
    /// removed it.
    async fn overtaken(&self, upload: &Upload, error: UploadError) -> UploadError {
        match self.open(None, upload.id, UploadKind::Tus).await {
            Ok(Some(now)) if now.received == upload.received => error,
            Ok(Some(now)) => UploadError::WrongOffset(now.received),
            Ok(None) => UploadError::NoUpload(upload.id),
            Err(UploadError::Expired) => UploadError::Expired,
            Err(_) => error,
        }
    }
}
