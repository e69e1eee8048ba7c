//! What comes in very small pieces, or very slowly, is kept in few, and held.

use futures::FutureExt as _;
use futures::channel::oneshot;
use sha2::Digest as _;

use super::*;
use crate::model::Part;

const OWNER: UserId = UserId::new(7);

impl World {
    async fn parts(&self, id: FileId) -> Vec<Part> {
        self.portfolio.list_parts(id, 0, 1000).await.unwrap()
    }

    /// Nothing is left of an upload but its file, which has these bytes.
    async fn assert_became(&self, id: FileId, content: &[u8]) {
        let file = self.portfolio.find_file(id).await.unwrap().expect("the file is kept");
        self.work().await;
        assert_eq!(self.blobs.keys(), std::slice::from_ref(&file.blob_key));
        let key = BlobKey::parse(&file.blob_key).unwrap();
        assert_eq!(self.blobs.kept.lock().unwrap().get(&key).map(Bytes::as_ref), Some(content));
    }
}

#[tokio::test]
async fn byte_by_byte_makes_no_more_pieces_than_may_be() {
    let whole = picture(100);
    // Pieces of 10 bytes at the least, or of 25: not more than four.
    for (max_chunks, least) in [(10_000, 10), (4, 25)] {
        for steps in [&[1][..], &[1, 3, 12, 1, 40]] {
            for checked in [false, true] {
                let world = world();
                let uploads = Uploads::new(world.uploads.ports.clone(), UploadLimits { max_chunks, ..limits() });
                let id = uploads.begin_tus(&somebody(), tus(100)).await.unwrap().id;
                let (mut at, mut steps) = (0, steps.iter().cycle());
                while at < whole.len() {
                    let end = (at + steps.next().unwrap()).min(whole.len());
                    let bytes = &whole[at..end];
                    let sum = Checksum::new(Algorithm::Sha256, sha2::Sha256::digest(bytes).to_vec());
                    let sum = sum.filter(|_| checked);
                    let next = uploads.append(OWNER, id, at as u64, sum, body(bytes)).await.unwrap();
                    assert_eq!(next, end as u64);
                    at = end;
                    if at == whole.len() {
                        break;
                    }
                    let parts = world.parts(id).await;
                    let (_, before) = parts.split_last().unwrap();
                    assert!(before.iter().all(|part| part.size >= least), "{parts:?}");
                    assert_eq!(parts.iter().map(|part| part.size).sum::<u64>(), next);
                    assert_eq!(world.blobs.keys().len(), parts.len(), "what grew is there once");
                }
                world.assert_became(id, &whole).await;
            }
        }
    }
}

/// The piece that grows is written anew beside what it was: that is what counts until then.
#[tokio::test]
async fn who_dies_while_a_piece_grows_takes_nothing_along() {
    let (world, whole) = (world(), picture(25));
    let id = world.uploads.begin_tus(&somebody(), tus(25)).await.unwrap().id;
    world.uploads.append(OWNER, id, 0, None, body(&whole[..4])).await.unwrap();
    let before = world.parts(id).await;
    world.blobs.silent.store(true, Ordering::SeqCst);
    let mut append = Box::pin(world.uploads.append(OWNER, id, 4, None, body(&whole[4..9])));
    while world.blobs.keys().len() < 2 {
        assert!(futures::poll!(&mut append).is_pending());
        tokio::task::yield_now().await;
    }
    drop(append);
    world.blobs.silent.store(false, Ordering::SeqCst);
    assert_eq!(world.parts(id).await, before);
    let open = world.uploads.progress(&somebody(), id, UploadKind::Tus).await.unwrap();
    assert!(matches!(open, Progress::Open { upload, .. } if upload.received == 4));
    assert!(world.blobs.keys().contains(&before[0].blob_key));
    for range in [4..6, 6..25] {
        world.uploads.append(OWNER, id, range.start as u64, None, body(&whole[range])).await.unwrap();
    }
    world.assert_became(id, &whole).await;
}

#[tokio::test]
async fn of_two_who_let_a_piece_grow_one_does() {
    let (world, whole) = (world(), picture(25));
    for begun in [false, true] {
        let id = world.uploads.begin_tus(&somebody(), tus(25)).await.unwrap().id;
        world.uploads.append(OWNER, id, 0, None, body(&whole[..4])).await.unwrap();
        let (go, wait) = oneshot::channel::<()>();
        let (first, rest) = (Bytes::copy_from_slice(&whole[4..5]), Bytes::copy_from_slice(&whole[5..9]));
        // The slow one has begun to write what grows, or has not.
        let early = stream::iter(begun.then_some(Ok(first.clone())));
        let late = stream::once(async move {
            wait.await.unwrap();
            Ok(if begun { rest } else { [first, rest].concat().into() })
        });
        let slow = world.uploads.append(OWNER, id, 4, None, early.chain(late).boxed());
        let fast = async {
            assert_eq!(world.uploads.append(OWNER, id, 4, None, body(&whole[4..7])).await.unwrap(), 7);
            go.send(()).unwrap();
        };
        let (slow, ()) = futures::join!(slow, fast);
        assert!(matches!(slow, Err(UploadError::WrongOffset(7))), "{begun} {slow:?}");
        assert_eq!(world.parts(id).await.len(), 1);
        assert_eq!(world.uploads.append(OWNER, id, 7, None, body(&whole[7..])).await.unwrap(), 25);
        let file = world.uploads.find_own(&somebody(), id).await.unwrap();
        assert_eq!(file.sha256, Sha256::new(sha2::Sha256::digest(&whole).into()));
        world.work().await;
        world.uploads.remove(&somebody(), id).await.unwrap();
        world.work().await;
        assert!(world.blobs.keys().is_empty());
    }
}

#[tokio::test]
async fn a_piece_that_was_kept_and_is_not_whole_grows_no_further() {
    let (world, whole) = (world(), picture(25));
    let id = world.uploads.begin_tus(&somebody(), tus(25)).await.unwrap().id;
    world.uploads.append(OWNER, id, 0, None, body(&whole[..4])).await.unwrap();
    let before = world.parts(id).await;
    let key = BlobKey::parse(&before[0].blob_key).unwrap();
    for lost in [Some(&whole[..3]), Some(&whole[..5]), None] {
        world.blobs.delete(&key).await.unwrap();
        if let Some(bytes) = lost {
            world.blobs.put_bytes(&key, Bytes::copy_from_slice(bytes)).await.unwrap();
        }
        let refused = world.uploads.append(OWNER, id, 4, None, body(&whole[4..])).await;
        assert!(matches!(refused, Err(UploadError::Blob(BlobError::Internal(_)))), "{refused:?}");
        assert_eq!(world.parts(id).await, before);
    }
}

#[tokio::test]
async fn pieces_of_many_pages_become_one_file() {
    let world = world();
    let limits = UploadLimits { min_chunk_size: 1, max_file_size: 3000, quota: 9000, ..limits() };
    let uploads = Uploads::new(world.uploads.ports.clone(), limits);
    let whole = picture(2003);
    let command = BeginChunked { filename: FileName::clean("a"), size: 2003, declared_type: None, chunk_size: Some(2) };
    let id = uploads.begin_chunked(&somebody(), command).await.unwrap().id;
    for (index, bytes) in (0..).zip(whole.chunks(2)) {
        uploads.put_chunk(None, id, index, Vec::new(), body(bytes)).await.unwrap();
    }
    world.assert_became(id, &whole).await;
}

/// However long a piece takes to be read, who makes the file of it is known to live.
#[tokio::test]
async fn who_reads_a_piece_slowly_still_holds_the_upload() {
    let (world, whole) = (world(), picture(400));
    let command =
        BeginChunked { filename: FileName::clean("a"), size: 400, declared_type: None, chunk_size: Some(300) };
    let id = world.uploads.begin_chunked(&somebody(), command).await.unwrap().id;
    let (clock, portfolio) = (world.clock.clone(), world.portfolio.clone());
    *world.blobs.reading.lock().unwrap() = Some(Box::new(move || {
        clock.advance(TimeDelta::seconds(10));
        let upload = portfolio.find_upload(id).now_or_never().unwrap().unwrap().unwrap();
        assert!(upload.is_held(clock.now()), "{upload:?}");
    }));
    world.put(id, 1, &whole[300..]).await.unwrap();
    let begun = world.clock.now();
    assert!(matches!(world.put(id, 0, &whole[..300]).await.unwrap(), Progress::Completed { .. }));
    assert_eq!(world.clock.now() - begun, TimeDelta::seconds(400));
    *world.blobs.reading.lock().unwrap() = None;
    world.assert_became(id, &whole).await;
}
