//! An upload goes on as it began, and by no other way.

use super::*;

#[tokio::test]
async fn pieces_and_tus_do_not_meet() {
    let world = world();
    let (owner, whole) = (UserId::new(7), picture(25));
    let chunked = world.begin(25).await.id;
    world.put(chunked, 1, &whole[10..20]).await.unwrap();
    // Where a piece is missing, what is there ends just before.
    let refused = world.uploads.append(owner, chunked, 10, None, body(&whole[10..])).await;
    assert!(matches!(refused, Err(UploadError::NoUpload(_))), "{refused:?}");
    let sent = world.uploads.begin_tus(&somebody(), tus(25)).await.unwrap().id;
    world.uploads.append(owner, sent, 0, None, body(&whole[..8])).await.unwrap();
    let kept = world.blobs.keys();
    for (index, bytes) in [(0, &b""[..]), (0, &whole), (1, &whole)] {
        for by in [Some(owner), None] {
            let refused = world.uploads.put_chunk(by, sent, index, Vec::new(), body(bytes)).await;
            assert!(matches!(refused, Err(UploadError::NoUpload(_))), "{refused:?}");
        }
    }
    for (id, other) in [(chunked, UploadKind::Tus), (sent, UploadKind::Chunked)] {
        for kind in [other, UploadKind::Whole] {
            let told = world.uploads.progress(&somebody(), id, kind).await;
            assert!(matches!(told, Err(UploadError::NoUpload(_))), "{told:?}");
            let made = world.uploads.complete(Some(owner), id, Some(kind), None).await;
            assert!(matches!(made, Err(UploadError::NoUpload(_))), "{made:?}");
            let ended = world.uploads.abort(&somebody(), id, kind).await;
            assert!(matches!(ended, Err(UploadError::NoUpload(_))), "{ended:?}");
        }
    }
    assert_eq!(world.blobs.keys(), kept);
    // Both go on, each by its way.
    for (index, range) in [(0, 0..10), (2, 20..25)] {
        world.put(chunked, index, &whole[range]).await.unwrap();
    }
    assert_eq!(world.uploads.append(owner, sent, 8, None, body(&whole[8..])).await.unwrap(), 25);
    for id in [chunked, sent] {
        let file = world.uploads.find_own(&somebody(), id).await.unwrap();
        let mut stored = world.blobs.get(&BlobKey::parse(&file.blob_key).unwrap()).await.unwrap().unwrap();
        assert_eq!(stored.next().await.unwrap().unwrap(), whole);
    }
    assert_eq!(world.used().await, 50);
}

#[tokio::test]
async fn of_very_many_pieces_the_list_is_for_who_asks() {
    let world = world();
    let limits = UploadLimits { min_chunk_size: 1, max_file_size: 3000, quota: 9000, ..limits() };
    let uploads = Uploads::new(world.uploads.ports.clone(), limits);
    for (size, listed) in [(2000, true), (2001, false)] {
        let command = BeginChunked { filename: FileName::clean("a"), size, declared_type: None, chunk_size: Some(1) };
        let id = uploads.begin_chunked(&somebody(), command).await.unwrap().id;
        for index in [7, 1999] {
            uploads.put_chunk(None, id, index, Vec::new(), body(b"x")).await.unwrap();
        }
        let put = uploads.put_chunk(None, id, 7, Vec::new(), body(b"x")).await.unwrap();
        let asked = uploads.progress(&somebody(), id, UploadKind::Chunked).await.unwrap();
        for (progress, expected) in [(put, listed.then(|| vec![7, 1999])), (asked, Some(vec![7, 1999]))] {
            let Progress::Open { upload, received } = progress else { panic!("{progress:?}") };
            assert_eq!((upload.received_chunks(), received), (2, expected));
        }
    }
}

/// A raw file whose directory stands behind its first strips.
fn late_raw() -> Vec<u8> {
    let mut bytes = b"II*\0".to_vec();
    bytes.extend(200_u32.to_le_bytes());
    bytes.resize(200, 7);
    bytes.extend([1, 0, 0x12, 0xC6]);
    bytes.resize(250, 0);
    bytes
}

#[tokio::test]
async fn what_more_bytes_may_tell_is_not_refused_before_they_are_there() {
    let world = world();
    let limits = UploadLimits { allowed: vec![MediaType::Jpeg, MediaType::Dng, MediaType::Heic], ..limits() };
    let uploads = Uploads::new(world.uploads.ports.clone(), limits);
    let raw = late_raw();
    let heic = [&[0, 0, 0, 44][..], b"ftypmif1", &[0; 4], b"mif1miafMiHBtmapMiHEMiPrheic", &[7; 100]].concat();
    for (whole, kind) in [(&raw, MediaType::Dng), (&heic, MediaType::Heic)] {
        let file = uploads.receive(&somebody(), "a", body(whole)).await.unwrap();
        assert_eq!(file.media_type, kind);
        let id = uploads.begin_tus(&somebody(), tus(whole.len() as u64)).await.unwrap().id;
        for piece in [0..33, 33..40, 40..whole.len()] {
            uploads.append(UserId::new(7), id, piece.start as u64, None, body(&whole[piece])).await.unwrap();
        }
        assert_eq!(uploads.find_own(&somebody(), id).await.unwrap().media_type, kind);
    }
    // The end tells of what never said more.
    for whole in [&raw[..150], &heic[..40]] {
        let refused = uploads.receive(&somebody(), "a", body(whole)).await.unwrap_err();
        assert!(matches!(refused, UploadError::Type { .. }), "{refused:?}");
        let id = uploads.begin_tus(&somebody(), tus(whole.len() as u64)).await.unwrap().id;
        let refused = uploads.append(UserId::new(7), id, 0, None, body(whole)).await.unwrap_err();
        assert!(matches!(refused, UploadError::Type { .. }), "{refused:?}");
    }
    world.work().await;
    assert_eq!(world.blobs.keys().len(), 4, "the files alone");
}
