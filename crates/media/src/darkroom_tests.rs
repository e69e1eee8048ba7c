use std::collections::BTreeMap;
use std::io::Write as _;

use chrono::{NaiveDate, TimeDelta};
use futures::{StreamExt as _, stream};
use image::{DynamicImage, GenericImageView, ImageFormat};
use sharestack_content::model::{CameraNotes, Exif};

use super::*;
use crate::sample::{Block, Sample, Value, display_p3};

fn darkroom() -> Darkroom {
    Darkroom::new(DarkroomConfig { max_pixels: 50_000_000, ..DarkroomConfig::default() })
}

/// A file in pieces.
pub(crate) fn content(bytes: &[u8]) -> BlobStream {
    let pieces: Vec<_> = bytes.chunks(4096).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

pub(crate) async fn open(bytes: &[u8]) -> Result<Box<dyn OpenPicture>, ImagingError> {
    darkroom().open(content(bytes)).await
}

pub(crate) async fn facts(bytes: &[u8]) -> Facts {
    open(bytes).await.unwrap().facts()
}

/// Everything that comes out of a file, and its placeholder.
async fn developed(darkroom: &Darkroom, bytes: &[u8], wanted: &[FormatName]) -> (BTreeMap<FormatName, Bytes>, String) {
    let mut picture = darkroom.open(content(bytes)).await.unwrap();
    picture.start(wanted.iter().copied().collect()).await.unwrap();
    let (mut made, mut placeholder) = (BTreeMap::new(), String::new());
    while let Some(one) = picture.next().await.unwrap() {
        match one {
            Made::Placeholder(text) => placeholder = text,
            Made::Derivative { kind, width, height, bytes } => {
                assert_eq!(read(&bytes).dimensions(), (width, height), "{kind:?}");
                made.insert(kind, bytes);
            }
        }
    }
    (made, placeholder)
}

pub(crate) async fn all(bytes: &[u8]) -> BTreeMap<FormatName, Bytes> {
    developed(&darkroom(), bytes, &FormatName::ALL).await.0
}

pub(crate) fn read(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

pub(crate) fn near(pixel: image::Rgba<u8>, color: [u8; 3], by: u8) -> bool {
    (0..3).all(|channel| pixel[channel].abs_diff(color[channel]) <= by)
}

/// The colours near the corners: upper left, upper right, lower left, lower right.
pub(crate) fn corners(picture: &DynamicImage) -> String {
    let (w, h) = picture.dimensions();
    let name = |(x, y)| {
        let pixel = picture.get_pixel(x, y);
        let known = [("R", [255, 0, 0]), ("G", [0, 255, 0]), ("B", [0, 0, 255]), ("W", [255, 255, 255])];
        known.into_iter().find(|(_, color)| near(pixel, *color, 40)).map_or("?", |(name, _)| name)
    };
    [(w / 8, h / 8), (w - w / 8, h / 8), (w / 8, h - h / 8), (w - w / 8, h - h / 8)].map(name).concat()
}

pub(crate) fn camera() -> Sample {
    Sample::corners(600, 400)
        .camera("Canon", "Canon EOS R5")
        .lens("RF 24-70mm f/2.8L IS USM")
        .exposure(800, 2.8, (1, 125), 50.0)
        .taken("2024:01:15 18:30:00", Some("+08:00"))
        .gps(31.23037, 121.47370)
        .serial("SN-4711-0815")
}

fn seed_exif() -> Exif {
    let text = |text: &str| Some(text.to_owned());
    Exif {
        camera: text("Canon EOS R5"),
        lens: text("RF 24-70mm f/2.8L IS USM"),
        iso: Some(800),
        aperture: text("f/2.8"),
        shutter_speed: text("1/125"),
        focal_length: text("50mm"),
    }
}

#[track_caller]
fn is_the_seeds(notes: &CameraNotes) {
    assert_eq!(notes.exif, seed_exif());
    let taken = notes.taken.unwrap();
    let local = NaiveDate::from_ymd_opt(2024, 1, 15).unwrap().and_hms_opt(18, 30, 0).unwrap();
    assert_eq!((taken.local(), taken.offset_minutes), (local, Some(480)));
    assert_eq!(taken.at.naive_utc(), local - TimeDelta::hours(8));
    let position = notes.position.unwrap();
    assert_eq!((position.latitude.degrees(), position.longitude.degrees()), (31.23037, 121.4737));
}

#[tokio::test]
async fn what_a_camera_wrote_is_read_as_it_is_printed() {
    for bytes in [camera().jpeg(), camera().png()] {
        is_the_seeds(&facts(&bytes).await.notes);
    }
}

#[tokio::test]
async fn a_time_without_a_zone_is_local_and_the_south_west_is_negative() {
    let notes =
        facts(&Sample::plain(8, 8, [0; 3]).taken("2024:02:29 23:59:59", None).gps(-33.9, -70.55).jpeg()).await.notes;
    let taken = notes.taken.unwrap();
    assert_eq!((taken.offset_minutes, taken.local().to_string().as_str()), (None, "2024-02-29 23:59:59"));
    let position = notes.position.unwrap();
    assert_eq!((position.latitude.degrees(), position.longitude.degrees()), (-33.9, -70.55));
}

#[tokio::test]
async fn nonsense_of_a_camera_is_absent() {
    let sample = Sample::plain(8, 8, [0; 3]).taken("0000:00:00 00:00:00", Some("+99:99")).gps(0.0, 0.0).orientation(9);
    let sample = sample.exposure(0, 0.0, (1, 0), 0.0);
    assert_eq!(facts(&sample.jpeg()).await.notes, CameraNotes::default());
    let sample = Sample::plain(8, 8, [0; 3]).camera(" \u{1}\u{2} ", "").taken("2024:13:41 25:61:61", None);
    assert_eq!(facts(&sample.jpeg()).await.notes, CameraNotes::default());
}

#[tokio::test]
async fn a_glance_at_the_beginning_tells_the_same() {
    let darkroom = darkroom();
    for (kind, bytes) in
        [(MediaType::Jpeg, camera().orientation(6).jpeg()), (MediaType::Png, camera().orientation(6).png())]
    {
        let head = &bytes[..bytes.len().min(1500)];
        let glance = darkroom.glance(kind, Bytes::copy_from_slice(head)).await;
        is_the_seeds(&glance.notes);
        assert_eq!(glance.size, Some((400, 600)), "{kind:?}");
    }
    for kind in [MediaType::Nef, MediaType::Dng, MediaType::Cr2] {
        is_the_seeds(&CameraNotes {
            exif: seed_exif(),
            ..darkroom.glance(kind, camera().raw(kind).into()).await.notes
        });
    }
    for kind in MediaType::ALL {
        assert_eq!(darkroom.glance(kind, Bytes::from_static(b"nonsense")).await, Glance::default(), "{kind:?}");
    }
}

#[tokio::test]
async fn every_orientation_stands_upright() {
    // As EXIF numbers them: what of the scene is at the file's first row and first column.
    let upright =
        [(1, "RGBW"), (2, "GRWB"), (3, "WBGR"), (4, "BWRG"), (5, "RBGW"), (6, "BRWG"), (7, "WGBR"), (8, "GWRB")];
    for (orientation, expected) in upright {
        let bytes = Sample::corners(320, 200).orientation(orientation).jpeg();
        let found = facts(&bytes).await;
        let size = if orientation >= 5 { (200, 320) } else { (320, 200) };
        assert_eq!((found.width, found.height), size, "{orientation}");
        for (kind, made) in all(&bytes).await {
            let made = read(&made);
            assert_eq!(corners(&made), expected, "{orientation} {kind:?}");
            assert_eq!(made.width() < made.height(), orientation >= 5, "{orientation} {kind:?}");
        }
    }
}

#[tokio::test]
async fn derivatives_have_their_sizes_and_never_grow() {
    let sizes = async |width, height| -> Vec<(FormatName, (u32, u32))> {
        let made = all(&Sample::scene(width, height, 1).jpeg()).await;
        made.iter().map(|(kind, bytes)| (*kind, read(bytes).dimensions())).collect()
    };
    let large: BTreeMap<_, _> = sizes(2400, 1600).await.into_iter().collect();
    assert_eq!(large[&FormatName::ThumbSmall], (300, 200));
    assert_eq!(large[&FormatName::ThumbMedium], (600, 400));
    assert_eq!(large[&FormatName::ThumbLarge], (1200, 800));
    assert_eq!(large[&FormatName::Display], (1620, 1080));
    assert_eq!(large[&FormatName::Webp], (1620, 1080));
    for (kind, size) in sizes(100, 50).await {
        assert_eq!(size, (100, 50), "{kind:?}");
    }
    for (kind, (width, height)) in sizes(3000, 2).await {
        assert!(width <= 1920 && height >= 1, "{kind:?}");
    }
}

#[tokio::test]
async fn only_what_is_wanted_is_made() {
    let bytes = Sample::corners(800, 600).jpeg();
    let (made, placeholder) = developed(&darkroom(), &bytes, &[FormatName::ThumbSmall]).await;
    assert_eq!(made.keys().copied().collect::<Vec<_>>(), [FormatName::ThumbSmall]);
    assert_eq!(corners(&read(&made[&FormatName::ThumbSmall])), "RGBW");
    assert!(!placeholder.is_empty());
}

#[tokio::test]
async fn nothing_that_a_camera_wrote_is_left() {
    let secrets =
        [&b"Exif"[..], b"EXIF", b"GPS", b"SN-4711", b"Canon", b"ICC", b"http://ns.adobe.com", b"eXIf", b"iCCP"];
    for bytes in [camera().profile(display_p3()).jpeg(), camera().png()] {
        assert!(bytes.windows(7).any(|window| window == b"SN-4711"), "the sample has it");
        for (kind, made) in all(&bytes).await {
            for secret in secrets {
                assert!(!made.windows(secret.len()).any(|window| window == secret), "{kind:?} {secret:?}");
            }
            // Read again as any reader would.
            assert_eq!(facts(&made).await.notes, CameraNotes::default(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn wide_colours_become_those_of_screens() {
    // Display P3's (200, 60, 60) is (217, 42, 52) in sRGB: redder.
    for bytes in [
        Sample::plain(64, 64, [200, 60, 60]).quality(100).profile(display_p3()).jpeg(),
        Sample::plain(64, 64, [200, 60, 60]).profile(display_p3()).png(),
    ] {
        assert_eq!(facts(&bytes).await.notes.color_profile.as_deref(), Some("Display P3"));
        for (kind, made) in all(&bytes).await {
            let pixel = read(&made).get_pixel(32, 32);
            assert!(near(pixel, [217, 42, 52], 8), "{kind:?} {pixel:?}");
        }
    }
    let plain = all(&Sample::plain(64, 64, [200, 60, 60]).quality(100).jpeg()).await;
    assert!(near(read(&plain[&FormatName::Display]).get_pixel(32, 32), [200, 60, 60], 6));
    // A profile that is none changes nothing.
    let odd = all(&Sample::plain(64, 64, [200, 60, 60]).quality(100).profile(b"no profile".to_vec()).jpeg()).await;
    assert!(near(read(&odd[&FormatName::Display]).get_pixel(32, 32), [200, 60, 60], 6));
}

#[tokio::test]
async fn raw_files_are_shown_by_their_preview() {
    for kind in MediaType::ALL.into_iter().filter(|kind| kind.is_raw()) {
        let mut sample = camera().orientation(6);
        if matches!(kind, MediaType::Nef | MediaType::Arw) {
            let (make, model) =
                if kind == MediaType::Nef { ("NIKON CORPORATION", "NIKON D850") } else { ("SONY", "ILCE-7M3") };
            sample = sample.camera(make, model);
        }
        let bytes = sample.raw(kind);
        let found = facts(&bytes).await;
        assert_eq!(found.media_type, kind);
        assert_eq!((found.width, found.height), (400, 600), "{kind:?}");
        let expected = match kind {
            MediaType::Nef => "NIKON D850",
            MediaType::Arw => "SONY ILCE-7M3",
            _ => "Canon EOS R5",
        };
        assert_eq!(found.notes.exif.camera.as_deref(), Some(expected), "{kind:?}");
        is_the_seeds(&CameraNotes { exif: seed_exif(), ..found.notes.clone() });
        assert_eq!(found.notes.exif.lens, seed_exif().lens, "{kind:?}");
        for (format, made) in all(&bytes).await {
            assert_eq!(corners(&read(&made)), "BRWG", "{kind:?} {format:?}");
        }
    }
}

#[tokio::test]
async fn of_several_previews_the_largest_is_taken_and_raw_pixels_are_none() {
    let (small, large) = (Sample::corners(160, 120).jpeg(), Sample::corners(640, 480).jpeg());
    // What the sensor saw, in a lossless frame that is larger than all.
    let mut raw = Sample::corners(1280, 960).jpeg();
    let frame = raw.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    raw[frame + 1] = 0xc3;
    let preview = |bytes: &[u8]| {
        let length = Value::Longs(vec![u32::try_from(bytes.len()).unwrap()]);
        Block::default().with(0x0201, Value::Place(bytes.to_vec())).with(0x0202, length)
    };
    for above in [small, raw] {
        let file = preview(&above).with(0xc612, Value::Bytes(vec![1, 4, 0, 0]));
        let found = facts(&file.with(0x014a, Value::Directory(preview(&large))).bytes()).await;
        assert_eq!((found.media_type, found.width, found.height), (MediaType::Dng, 640, 480));
    }
    let empty = Block::default().with(0xc612, Value::Bytes(vec![1, 4, 0, 0])).bytes();
    assert!(matches!(open(&empty).await.err(), Some(ImagingError::NoPreview)));
}

#[tokio::test]
async fn every_kind_that_is_read_becomes_derivatives() {
    for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        let made = all(&Sample::corners(120, 90).encoded(format)).await;
        assert_eq!(made.len(), 5, "{format:?}");
        for bytes in made.values() {
            assert_eq!(corners(&read(bytes)), "RGBW", "{format:?}");
        }
    }
}

#[tokio::test]
async fn grey_and_clear_pictures_are_read() {
    let grey = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(90, 60, image::Luma([77])));
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        grey.write_to(&mut bytes, format).unwrap();
        for made in all(bytes.get_ref()).await.values() {
            assert!(near(read(made).get_pixel(40, 30), [77; 3], 4), "{format:?}");
        }
    }
    let clear = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(90, 60, image::Rgba([255, 0, 0, 0])));
    let mut bytes = std::io::Cursor::new(Vec::new());
    clear.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let made = all(bytes.get_ref()).await;
    assert!(near(read(&made[&FormatName::Display]).get_pixel(40, 30), [255; 3], 2), "it stands on white");
    assert_eq!(read(&made[&FormatName::Webp]).get_pixel(40, 30)[3], 0, "WebP stays clear");
}

#[tokio::test]
async fn a_watermark_lies_on_what_screens_show() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mark.png");
    let mark = Sample::plain(40, 20, [0, 0, 255]).png();
    std::fs::File::create(&file).unwrap().write_all(&mark).unwrap();
    let watermark = Some(Watermark::read(&file, 100, 25).unwrap());
    let darkroom = Darkroom::new(DarkroomConfig { watermark, ..DarkroomConfig::default() });
    let (made, _) = developed(&darkroom, &Sample::plain(400, 300, [255, 255, 0]).jpeg(), &FormatName::ALL).await;
    for (kind, bytes) in made {
        let picture = read(&bytes);
        let (width, height) = picture.dimensions();
        let marked = matches!(kind, FormatName::Display | FormatName::Webp);
        let expected = if marked { [0, 0, 255] } else { [255, 255, 0] };
        assert!(near(picture.get_pixel(width - width / 8, height - height / 12), expected, 30), "{kind:?}");
        assert!(near(picture.get_pixel(width / 8, height / 8), [255, 255, 0], 30), "{kind:?}");
    }
    assert!(Watermark::read(&directory.path().join("none.png"), 50, 20).is_err());
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_fault_of_the_picture() {
    use sharestack_kernel::blob::BlobError;
    let broken = stream::iter([Ok(Bytes::from_static(b"\xff\xd8\xff")), Err(BlobError::Unavailable("gone".into()))]);
    let refused = darkroom().open(broken.boxed()).await.err().unwrap();
    assert!(!refused.is_final(), "{refused:?}");
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
