//! What is watched while bytes pass on their way to the store of files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use sha2::digest::Digest;
use sharestack_kernel::blob::{BlobError, BlobStream};

use super::checksum::{Check, Checksum};
use super::error::UploadError;
use crate::model::{MediaType, SNIFFED, Sha256};

/// So many bytes tell whether a file may be of any known kind at all.
const TELLING: usize = 32;

/// Watches one stream; clones watch the same.
#[derive(Clone)]
pub(super) struct Meter(Arc<Mutex<State>>);

struct State {
    size: u64,
    limit: Limit,
    types: Option<Types>,
    hash: Option<sha2::Sha256>,
    expected: Option<Sha256>,
    checks: Vec<Check>,
    head: Vec<u8>,
    refusal: Option<UploadError>,
    full: bool,
}

enum Limit {
    None,
    /// A file of up to so many bytes, of which the person has room for so many.
    File {
        max: u64,
        room: u64,
    },
    /// So many bytes, no more and no fewer.
    Exactly(u64),
}

struct Types {
    allowed: Vec<MediaType>,
    /// Whether this is the whole file, so that its end tells, too.
    whole: bool,
}

/// What a watched stream was, when it came to its end.
pub(super) struct Measured {
    pub size: u64,
    pub head: Vec<u8>,
    pub sha256: Sha256,
}

impl Meter {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            size: 0,
            limit: Limit::None,
            types: None,
            hash: None,
            expected: None,
            checks: Vec::new(),
            head: Vec::new(),
            refusal: None,
            full: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state());
        self
    }

    pub fn file(self, max: u64, room: u64) -> Self {
        self.with(|state| state.limit = Limit::File { max, room })
    }

    pub fn exactly(self, size: u64) -> Self {
        self.with(|state| state.limit = Limit::Exactly(size))
    }

    /// Refuses other kinds, as soon as the first bytes tell.
    pub fn types(self, allowed: &[MediaType], whole: bool) -> Self {
        self.with(|state| state.types = Some(Types { allowed: allowed.to_vec(), whole }))
    }

    pub fn hashed(self, expected: Option<Sha256>) -> Self {
        self.with(|state| {
            state.hash = Some(sha2::Sha256::new());
            state.expected = expected;
        })
    }

    pub fn checked(self, checksums: Vec<Checksum>) -> Self {
        self.with(|state| state.checks = checksums.into_iter().map(Check::of).collect())
    }

    /// The stream, which ends in an error where it is refused.
    pub fn watch(&self, content: BlobStream) -> BlobStream {
        let meter = self.clone();
        let watched = stream::unfold(Some(content), move |content| {
            let meter = meter.clone();
            async move {
                let mut content = content?;
                match content.next().await {
                    Some(Ok(piece)) => {
                        let fed = meter.state().feed(&piece);
                        match fed {
                            Ok(()) => Some((Ok(piece), Some(content))),
                            Err(refusal) => Some((Err(meter.refuse(refusal)), None)),
                        }
                    }
                    Some(Err(error)) => Some((Err(error), None)),
                    None => {
                        let ended = meter.state().end();
                        ended.err().map(|refusal| (Err(meter.refuse(refusal)), None))
                    }
                }
            }
        });
        watched.boxed()
    }

    fn refuse(&self, refusal: UploadError) -> BlobError {
        let text = refusal.to_string();
        self.state().refusal = Some(refusal);
        BlobError::Content(text.into())
    }

    /// Why a stream was not kept: what was found here, or what the store of files says.
    pub fn reason(&self, error: BlobError) -> UploadError {
        match (self.state().refusal.take(), error) {
            (Some(refusal), _) => refusal,
            (None, BlobError::Content(_)) => UploadError::Broken,
            (None, error) => UploadError::Blob(error),
        }
    }

    /// Whether there was more than the person has room for.
    pub fn is_full(&self) -> bool {
        self.state().full
    }

    /// What passed.
    pub fn measured(self) -> Measured {
        let mut state = self.state();
        let hash = state.hash.take().unwrap_or_default();
        Measured {
            size: state.size,
            head: std::mem::take(&mut state.head),
            sha256: Sha256::new(hash.finalize().into()),
        }
    }
}

impl State {
    fn feed(&mut self, piece: &Bytes) -> Result<(), UploadError> {
        self.size += piece.len() as u64;
        match self.limit {
            Limit::File { max, .. } if self.size > max => return Err(UploadError::TooLarge { max }),
            Limit::File { room, .. } if self.size > room => {
                self.full = true;
                return Err(UploadError::TooLarge { max: room });
            }
            Limit::Exactly(expected) if self.size > expected => return Err(UploadError::WrongSize { expected }),
            _ => {}
        }
        if self.types.is_some() && self.head.len() < SNIFFED {
            let more = piece.len().min(SNIFFED - self.head.len());
            self.head.extend_from_slice(&piece[..more]);
            if self.head.len() >= TELLING {
                self.judge(false)?;
            }
        }
        if let Some(hash) = &mut self.hash {
            hash.update(piece);
        }
        self.checks.iter_mut().for_each(|check| check.feed(piece));
        Ok(())
    }

    /// Refuses what is of no kind that is taken; before the end, only what no more bytes can make one.
    fn judge(&self, ended: bool) -> Result<(), UploadError> {
        let Some(types) = &self.types else { return Ok(()) };
        let found = MediaType::detect(&self.head);
        let taken = found.is_some_and(|kind| types.allowed.contains(&kind));
        if taken || (!ended && MediaType::is_undecided(&self.head)) {
            return Ok(());
        }
        Err(UploadError::Type { found, allowed: types.allowed.clone() })
    }

    fn end(&mut self) -> Result<(), UploadError> {
        if let Limit::Exactly(expected) = self.limit
            && self.size < expected
        {
            return Err(UploadError::WrongSize { expected });
        }
        if self.types.as_ref().is_some_and(|types| types.whole) {
            if self.size == 0 {
                return Err(UploadError::Empty);
            }
            self.judge(true)?;
        }
        if !self.checks.drain(..).all(Check::holds) {
            return Err(UploadError::Checksum);
        }
        let found = self.hash.as_ref().map(|hash| Sha256::new(hash.clone().finalize().into()));
        if self.expected.is_some() && self.expected != found {
            return Err(UploadError::Checksum);
        }
        Ok(())
    }
}
