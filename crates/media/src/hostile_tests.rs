//! What is sent to harm: bombs, loops, broken and made-up files. Nothing makes a reader fall,
//! read or hold more than its bounds, or believe what cannot be.

use std::cell::Cell;
use std::sync::LazyLock;

use image::ImageFormat;
use proptest::prelude::*;
use sharestack_content::model::{CameraNotes, FormatName, MediaType};
use sharestack_content::ports::{Imaging as _, ImagingError};

use crate::darkroom::tests::{all, camera, content, open};
use crate::sample::{Block, Sample, Value, bomb, jpeg_with, passes};
use crate::source::{ReadAt, Window};
use crate::{Darkroom, DarkroomConfig, notes, sample};

#[tokio::test]
async fn what_is_too_large_is_refused_by_its_header() {
    let refused = open(&bomb(50_000, 50_000)).await.err().unwrap();
    let words = "the picture has 50000 x 50000 pixels, more than the 50000000 that are decoded";
    assert!(matches!(refused, ImagingError::TooManyPixels { width: 50_000, height: 50_000, .. }) && refused.is_final());
    assert_eq!(refused.to_string(), words);
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
    // Samples of two bytes wait for the thread that makes pixels of them, or for the last pass.
    let mut jpeg = Sample::plain(400, 400, [9; 3]).jpeg();
    for (kind, bytes) in [(0xc0, 400 * 400 * 3 * 2), (0xc2, 400 * 400 * 4 * 2)] {
        let frame = jpeg.windows(2).position(|pair| matches!(pair, [0xff, 0xc0 | 0xc2])).unwrap();
        jpeg[frame + 1] = kind;
        let refused = darkroom.open(content(&jpeg)).await.err();
        assert!(matches!(refused, Some(ImagingError::TooMuchMemory)), "{kind:x}: {refused:?}");
        for (max_memory, taken) in [(bytes, true), (bytes - 1, false)] {
            let darkroom = Darkroom::new(DarkroomConfig { max_memory, ..DarkroomConfig::default() });
            assert_eq!(darkroom.open(content(&jpeg)).await.is_ok(), taken, "{kind:x}");
        }
    }
}

#[tokio::test]
async fn what_is_gone_over_too_often_is_refused_before_it_is_decoded() {
    let scene = Sample::scene(400, 300, 1);
    let mut progressive = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut progressive, 90);
    encoder.set_progressive(true);
    let pixels = image::load_from_memory(&scene.png()).unwrap().into_rgb8().into_raw();
    encoder.encode(&pixels, 400, 300, jpeg_encoder::ColorType::Rgb).unwrap();
    let baseline = scene.jpeg();
    let preview = |jpeg: &[u8]| {
        let length = Value::Longs(vec![u32::try_from(jpeg.len()).unwrap()]);
        let file = Block::default().with(0x0201, Value::Place(jpeg.to_vec())).with(0x0202, length);
        file.with(0xc612, Value::Bytes(vec![1, 4, 0, 0])).bytes()
    };
    assert_eq!(all(&progressive).await.len(), 5);
    let scans = progressive.windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
    assert!(open(&passes(&baseline, 2)).await.is_ok(), "a pass for each component is taken");
    assert!(open(&passes(&progressive, 100 - scans)).await.is_ok(), "a hundred passes are taken");
    assert_eq!(all(&sample::progressive(64, 100)).await.len(), 5, "and made pictures of");
    assert!(open(&sample::progressive(64, 101)).await.is_err());
    let many = passes(&baseline, 2000);
    for file in [passes(&baseline, 3), passes(&progressive, 101 - scans), preview(&many), many] {
        let refused = open(&file).await.err().unwrap();
        let ImagingError::Broken(reason) = &refused else { panic!("{refused:?}") };
        assert_eq!(reason.to_string(), "more passes than a picture has");
        assert!(refused.is_final());
    }
    // What a camera wrote is no pass, whatever its bytes.
    assert_eq!(all(&jpeg_with(&[0xff, 0xda].repeat(10_000))).await.len(), 5);
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
    let avif = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif";
    assert_eq!(outcome(avif).await.unwrap_err().to_string(), "image/avif is not read");
    let scene = Sample::scene(300, 200, 3);
    let mut files = vec![scene.jpeg(), scene.png(), scene.heic()];
    files.extend([ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp].map(|format| scene.encoded(format)));
    for file in files {
        for length in [40, file.len() / 3, file.len() - file.len() / 8] {
            let refused = outcome(&file[..length]).await.unwrap_err();
            assert!(refused.is_final(), "{length}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn what_is_coded_in_a_way_that_is_not_read_is_not_called_broken() {
    // A TIFF of numbers into a palette.
    let palette = Block::default()
        .with(0x0100, Value::Longs(vec![2]))
        .with(0x0101, Value::Longs(vec![2]))
        .with(0x0102, Value::Short(8))
        .with(0x0103, Value::Short(1))
        .with(0x0106, Value::Short(3))
        .with(0x0111, Value::Place(vec![0; 4]))
        .with(0x0115, Value::Short(1))
        .with(0x0116, Value::Longs(vec![2]))
        .with(0x0117, Value::Longs(vec![4]));
    let mut lossless = Sample::plain(8, 8, [0; 3]).jpeg();
    let frame = lossless.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    lossless[frame + 1] = 0xc3;
    for file in [palette.bytes(), lossless] {
        let refused = outcome(&file).await.unwrap_err();
        assert!(matches!(refused, ImagingError::Coding(_)) && refused.is_final(), "{refused:?}");
        assert_eq!(refused.to_string(), "the picture is coded in a way that is not read");
    }
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

/// A camera's picture in each kind of file.
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let sample = camera();
    let raw = [MediaType::Dng, MediaType::Cr3, MediaType::Raf, MediaType::Nef, MediaType::Cr2];
    let mut files = vec![sample.jpeg(), sample.png(), sample.heic()];
    files.extend([ImageFormat::WebP, ImageFormat::Tiff].map(|format| sample.encoded(format)));
    files.extend(raw.map(|kind| sample.raw(kind)));
    files
});

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
        notes::read(&exif[..]);
        crate::open::glance(MediaType::Jpeg, &jpeg_with(&exif));
        crate::open::glance(MediaType::Tiff, &exif);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_a_darkroom_fall(
        kind in 0_usize..10,
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = SAMPLES[kind].clone();
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

/// Bytes that count how many of them are read.
struct Counted<'a>(&'a [u8], Cell<usize>);

impl ReadAt for Counted<'_> {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> bool {
        self.1.set(self.1.get() + buffer.len());
        self.0.read_at(at, buffer)
    }

    fn length(&self) -> u64 {
        self.0.len() as u64
    }
}

/// The most that is read of any EXIF block: 32 directories of 1024 entries, and as much again
/// for what two dozen entries point at.
const MOST_READ: usize = 32 * (1024 * 12 + 8) * 2;

/// A directory as no camera writes one: how many entries it says it has, those that it has,
/// and where it says the next one is.
#[derive(Debug, Clone)]
struct Odd {
    said: u16,
    entries: Vec<(u16, u16, u32, u32)>,
    next: u32,
}

/// A place in or behind a block: often the beginning of one of its directories.
fn place() -> impl Strategy<Value = u32> {
    prop_oneof![4 => (0_u32..6).prop_map(|number| 8 + number * 200), 2 => 0_u32..1400, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

/// What readers look for.
const KNOWN: [u16; 27] = [
    0x010f, 0x0110, 0x0112, 0x0100, 0x0101, 0x0111, 0x0117, 0x0132, 0x014a, 0x0201, 0x0202, 0x829a, 0x829d, 0x8769,
    0x8825, 0x8827, 0x9003, 0x9011, 0x9201, 0x9202, 0x920a, 0xa434, 0xc612, 1, 2, 3, 4,
];

fn odd() -> impl Strategy<Value = Odd> {
    let tag = prop_oneof![9 => prop::sample::select(&KNOWN[..]), 1 => any::<u16>()];
    let count = prop_oneof![
        3 => 0_u32..5, 1 => Just(64_u32), 1 => Just(65_535_u32), 1 => Just(0x8000_0000_u32), 1 => Just(u32::MAX), 1 => any::<u32>()
    ];
    let entry = (tag, 0_u16..15, count, place());
    let entries = prop::collection::vec(entry, 0..16);
    (prop_oneof![3 => Just(None), 1 => prop_oneof![Just(u16::MAX), any::<u16>()].prop_map(Some)], entries, place())
        .prop_map(|(said, entries, next)| Odd {
            said: said.unwrap_or(u16::try_from(entries.len()).unwrap()),
            entries,
            next,
        })
}

/// Directories, each in 200 bytes, in either order of bytes.
fn block(little: bool, directories: &[Odd], first: u32) -> Vec<u8> {
    let short = |number: u16| if little { number.to_le_bytes() } else { number.to_be_bytes() };
    let long = |number: u32| if little { number.to_le_bytes() } else { number.to_be_bytes() };
    let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    bytes.extend(long(first));
    for (number, directory) in directories.iter().enumerate() {
        bytes.extend(short(directory.said));
        for (tag, kind, count, value) in &directory.entries {
            bytes.extend([&short(*tag)[..], &short(*kind), &long(*count), &long(*value)].concat());
        }
        bytes.extend(long(directory.next));
        bytes.resize(8 + (number + 1) * 200, b'7');
    }
    bytes
}

/// What a camera may have written at all.
fn is_believable(notes: &CameraNotes) -> bool {
    let short = |text: &Option<String>| {
        text.as_ref()
            .is_none_or(|text| !text.is_empty() && text.chars().count() <= 255 && !text.chars().any(char::is_control))
    };
    let exif = &notes.exif;
    let position = notes.position.is_none_or(|position| {
        position.latitude.degrees().abs() <= 90.0 && position.longitude.degrees().abs() <= 180.0
    });
    [&exif.camera, &exif.lens, &exif.aperture, &exif.shutter_speed, &exif.focal_length].into_iter().all(short)
        && exif.iso.is_none_or(|iso| (1..100_000_000).contains(&iso))
        && notes.orientation.is_none_or(|orientation| (1..=8).contains(&orientation))
        && notes.taken.is_none_or(|taken| taken.offset_minutes.is_none_or(|minutes| minutes.abs() < 24 * 60))
        && position
}

/// A file of these bytes.
pub(crate) fn on_disk(bytes: &[u8]) -> Window {
    let file = tempfile::tempfile().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
    Window::of(file).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn made_up_directories_are_left_within_bounds(
        little: bool, directories in prop::collection::vec(odd(), 0..6), first in place(), cut in prop::option::of(0_usize..1400)
    ) {
        let mut bytes = block(little, &directories, first);
        bytes.truncate(cut.unwrap_or(bytes.len()));
        let source = Counted(&bytes, Cell::new(0));
        let found = notes::read(&source);
        prop_assert!(is_believable(&found), "{found:?}");
        prop_assert!(source.1.get() <= MOST_READ, "{} bytes were read", source.1.get());
        for kind in [MediaType::Tiff, MediaType::Dng, MediaType::Nef, MediaType::Cr2] {
            prop_assert!(is_believable(&crate::open::glance(kind, &bytes).notes));
        }
    }

    #[test]
    fn made_up_directories_name_no_preview_that_is_none(
        little: bool, directories in prop::collection::vec(odd(), 1..6), first in place(), jpeg in 0_usize..1400
    ) {
        let mut bytes = block(little, &directories, first);
        // What they may point at, cut off in its midst.
        let preview = &SAMPLES[0][..400];
        let at = jpeg.min(bytes.len());
        bytes.splice(at.., preview.iter().copied());
        let window = on_disk(&bytes);
        for kind in [MediaType::Dng, MediaType::Nef, MediaType::Arw, MediaType::Cr2] {
            if let Some(found) = crate::raw::preview(&window, kind) {
                prop_assert!(found.picture.length() <= window.length());
                prop_assert!(is_believable(&found.notes));
            }
        }
        if let Err(error) = runtime().block_on(outcome(&bytes)) {
            prop_assert!(error.is_final(), "{error:?}");
        }
    }
}

/// Each directory leads to two others, and each of them back: bounds end it, not luck.
#[test]
fn directories_that_lead_everywhere_are_read_once_each() {
    let entry = |tag: u16, to: u32| (tag, 4, 1, to);
    let directory = |number: u32| Odd {
        said: u16::MAX,
        entries: vec![entry(0x8769, 8 + (number + 1) % 60 * 200), entry(0x014a, 8), entry(0x8825, 8 + number * 200)],
        next: 8 + (number + 7) % 60 * 200,
    };
    let bytes = block(true, &(0..60).map(directory).collect::<Vec<_>>(), 8);
    let source = Counted(&bytes, Cell::new(0));
    assert_eq!(notes::read(&source), CameraNotes::default());
    assert!(source.1.get() <= MOST_READ, "{}", source.1.get());
    let begun = std::time::Instant::now();
    assert!(crate::raw::preview(&on_disk(&bytes), MediaType::Dng).is_none());
    assert!(begun.elapsed().as_secs() < 5);
}

/// A gigabyte that is not there costs neither memory nor time: its header is read, and its end.
#[test]
fn a_gigabyte_of_nothing_is_refused_by_its_header() {
    let head = Block::default()
        .with(0x0100, Value::Longs(vec![18_000]))
        .with(0x0101, Value::Longs(vec![20_000]))
        .with(0x0102, Value::Short(8))
        .with(0x0103, Value::Short(1))
        .with(0x0106, Value::Short(2))
        .with(0x0111, Value::Longs(vec![4096]))
        .with(0x0115, Value::Short(3))
        .with(0x0116, Value::Longs(vec![20_000]))
        .with(0x0117, Value::Longs(vec![1_080_000_000]));
    let file = tempfile::tempfile().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &head.bytes(), 0).unwrap();
    file.set_len(1 << 30).unwrap();
    let begun = std::time::Instant::now();
    let bounds = crate::open::Bounds { pixels: 120_000_000, memory: 512 << 20 };
    let refused = crate::open::open(Window::of(file).unwrap(), bounds).err().unwrap();
    let told = matches!(refused, ImagingError::TooManyPixels { width: 18_000, height: 20_000, .. });
    assert!(told || matches!(refused, ImagingError::TooMuchMemory), "{refused:?}");
    assert!(begun.elapsed().as_secs() < 5);
}
