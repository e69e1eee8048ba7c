//! Files that are broken, lie, or are no pictures.

use proptest::prelude::*;

use super::*;

/// A PNG of a few bytes that says it is large.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = Sample::plain(2, 2, [0; 3]).png();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);
    png
}

#[tokio::test]
async fn what_is_too_large_is_refused_by_its_header() {
    let refused = open(&bomb(50_000, 50_000)).await.err().unwrap();
    let words = "the picture has 50000 x 50000 pixels, more than the 50000000 that are decoded";
    assert!(matches!(refused, ImagingError::TooManyPixels { width: 50_000, height: 50_000, .. }) && refused.is_final());
    assert_eq!(refused.to_string(), words);
    // A TIFF of a gigabyte that is not there: its header says so.
    let sparse = Block::default()
        .with(0x0100, Value::Longs(vec![20_000]))
        .with(0x0101, Value::Longs(vec![18_000]))
        .with(0x0102, Value::Short(8))
        .with(0x0103, Value::Short(1))
        .with(0x0106, Value::Short(2))
        .with(0x0111, Value::Longs(vec![8]))
        .with(0x0115, Value::Short(3))
        .with(0x0116, Value::Longs(vec![18_000]))
        .with(0x0117, Value::Longs(vec![1_080_000_000]));
    let refused = open(&sparse.bytes()).await.err().unwrap();
    assert!(refused.is_final() && !matches!(refused, ImagingError::Broken(_)), "{refused:?}");
    // A JPEG says it, too.
    let mut jpeg = Sample::plain(8, 8, [0; 3]).jpeg();
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert!(matches!(open(&jpeg).await.err(), Some(ImagingError::TooManyPixels { .. })));
}

#[tokio::test]
async fn memory_is_bounded_beside_pixels() {
    let darkroom = Darkroom::new(DarkroomConfig { max_memory: 100_000, ..DarkroomConfig::default() });
    let png = Sample::plain(400, 400, [9; 3]).png();
    assert!(matches!(darkroom.open(content(&png)).await.err(), Some(ImagingError::TooMuchMemory)));
    let mut jpeg = Sample::plain(400, 400, [9; 3]).jpeg();
    assert!(darkroom.open(content(&jpeg)).await.is_ok(), "made smaller while it is decoded");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 1] = 0xc2;
    assert!(matches!(darkroom.open(content(&jpeg)).await.err(), Some(ImagingError::TooMuchMemory)));
}

/// What is made of a file, or why nothing is.
async fn outcome(bytes: &[u8]) -> Result<usize, ImagingError> {
    let mut picture = open(bytes).await?;
    picture.start(FormatName::ALL.into_iter().collect()).await?;
    let mut made = 0;
    while picture.next().await?.is_some() {
        made += 1;
    }
    Ok(made)
}

#[tokio::test]
async fn what_is_broken_or_no_picture_ends_with_its_reason() {
    for bytes in
        [&b""[..], b"PK\x03\x04zip", b"<!doctype html><img>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", &[0; 500]]
    {
        assert!(matches!(outcome(bytes).await, Err(ImagingError::Unsupported(None))));
    }
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    assert_eq!(outcome(heic).await.unwrap_err().to_string(), "image/heic is not read");
    let mut files = vec![Sample::scene(300, 200, 3).jpeg(), Sample::scene(300, 200, 3).png()];
    files.extend(
        [ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp]
            .map(|format| Sample::scene(300, 200, 3).encoded(format)),
    );
    for file in files {
        for length in [40, file.len() / 3, file.len() - file.len() / 8] {
            let refused = outcome(&file[..length]).await.unwrap_err();
            assert!(refused.is_final(), "{length}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_fault_of_the_picture() {
    use sharestack_kernel::blob::BlobError;
    let broken = stream::iter([Ok(Bytes::from_static(b"\xff\xd8\xff")), Err(BlobError::Unavailable("gone".into()))]);
    let refused = darkroom().open(broken.boxed()).await.err().unwrap();
    assert!(!refused.is_final(), "{refused:?}");
}

/// An EXIF block in a small JPEG.
fn jpeg_with(exif: &[u8]) -> Vec<u8> {
    let jpeg = Sample::plain(16, 16, [1, 2, 3]).jpeg();
    let body = [b"Exif\0\0", exif].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

#[tokio::test]
async fn loops_and_endless_directories_are_left() {
    // A directory whose next is itself, and whose exposures are itself, too.
    let mut looped = b"II*\0\x08\0\0\0\x01\0".to_vec();
    looped.extend([0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0]);
    looped.extend([8, 0, 0, 0]);
    // One of 65,535 entries, each a text of four gigabytes.
    let mut endless = b"II*\0\x08\0\0\0\xff\xff".to_vec();
    for _ in 0..5000 {
        endless.extend([0x10, 1, 2, 0, 0xff, 0xff, 0xff, 0xff, 8, 0, 0, 0]);
    }
    for exif in [looped, endless] {
        let begun = std::time::Instant::now();
        let made = all(&jpeg_with(&exif)).await;
        assert_eq!(made.len(), 5);
        assert!(begun.elapsed().as_secs() < 5);
        // The same as files of their own.
        assert!(outcome(&exif).await.unwrap_err().is_final());
    }
    let mut dng = b"II*\0\x08\0\0\0\x02\0".to_vec();
    dng.extend([0x4a, 1, 4, 0, 0xff, 0xff, 0xff, 0x7f, 8, 0, 0, 0]);
    dng.extend([0x12, 0xc6, 1, 0, 4, 0, 0, 0, 1, 4, 0, 0]);
    dng.extend([8, 0, 0, 0]);
    assert!(matches!(outcome(&dng).await, Err(ImagingError::NoPreview)));
}

#[tokio::test]
async fn who_does_not_wait_for_the_rest_keeps_no_thread() {
    let darkroom = Darkroom::new(DarkroomConfig { concurrency: 1, ..DarkroomConfig::default() });
    for _ in 0..3 {
        let mut picture = darkroom.open(content(&Sample::scene(400, 300, 1).jpeg())).await.unwrap();
        picture.start(FormatName::ALL.into_iter().collect()).await.unwrap();
        assert!(matches!(picture.next().await.unwrap(), Some(Made::Placeholder(_))));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_exif_makes_a_reader_fall(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut exif = camera().orientation(6).exif_block();
        for (index, byte) in at {
            let index = index.index(exif.len());
            exif[index] = byte;
        }
        exif.truncate(cut.index(exif.len() * 4).max(8));
        crate::notes::read(&exif[..]);
        open::glance(MediaType::Jpeg, &jpeg_with(&exif));
        open::glance(MediaType::Tiff, &exif);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_a_darkroom_fall(
        kind in 0_usize..8,
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let sample = camera();
        let mut file = match kind {
            0 => sample.jpeg(),
            1 => sample.png(),
            2 => sample.encoded(ImageFormat::WebP),
            3 => sample.raw(MediaType::Dng),
            4 => sample.raw(MediaType::Cr3),
            5 => sample.raw(MediaType::Raf),
            6 => sample.raw(MediaType::Nef),
            _ => sample.raw(MediaType::Cr2),
        };
        for (index, byte) in at {
            let index = index.index(file.len());
            file[index] = byte;
        }
        file.truncate(cut.index(file.len() * 3).max(4));
        if let Err(error) = runtime().block_on(outcome(&file)) {
            prop_assert!(error.is_final(), "{error:?}");
        }
    }
}
