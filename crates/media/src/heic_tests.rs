use heifer::heifer_isobmff::boxes::PropertyAssociation;
use image::GenericImageView as _;
use sharestack_content::model::FormatName;
use sharestack_content::ports::{Imaging as _, ImagingError};

use super::*;
use crate::darkroom::tests::{all, camera, content, corners, facts, near, open, read};
use crate::sample::{Sample, display_p3};
use crate::{Darkroom, DarkroomConfig};

#[tokio::test]
async fn what_a_phone_wrote_becomes_derivatives() {
    // In one piece, in tiles, and with tiles that are not filled.
    for (width, height) in [(320, 200), (1024, 512), (1300, 700), (17, 9)] {
        let bytes = Sample::corners(width, height).quality(100).heic();
        let found = facts(&bytes).await;
        assert_eq!((found.width, found.height), (width, height));
        for (kind, made) in all(&bytes).await {
            if width > 100 {
                assert_eq!(corners(&read(&made)), "RGBW", "{width} {kind:?}");
            }
        }
    }
    let found = facts(&camera().orientation(6).heic()).await;
    assert_eq!(found.notes.exif.camera.as_deref(), Some("Canon EOS R5"));
    assert_eq!(found.notes.exif.iso, Some(800));
    assert_eq!(found.notes.taken.unwrap().offset_minutes, Some(480));
    assert!((found.notes.position.unwrap().latitude.degrees() - 31.23037).abs() < 1e-7);
    assert_eq!(
        (found.width, found.height, found.notes.orientation),
        (600, 400, None),
        "the container says how it stands"
    );
}

#[tokio::test]
async fn its_wide_colours_become_those_of_screens() {
    let bytes = Sample::plain(64, 64, [200, 60, 60]).quality(100).profile(display_p3()).heic();
    assert_eq!(facts(&bytes).await.notes.color_profile.as_deref(), Some("Display P3"));
    for (kind, made) in all(&bytes).await {
        let pixel = read(&made).get_pixel(32, 32);
        assert!(near(pixel, [217, 42, 52], 10), "{kind:?} {pixel:?}");
    }
}

#[tokio::test]
async fn nothing_of_the_camera_is_left_of_it() {
    let bytes = camera().heic();
    assert!(bytes.windows(7).any(|window| window == b"SN-4711"), "the sample has it");
    for (kind, made) in all(&bytes).await {
        assert!(!made.windows(7).any(|window| window == b"SN-4711"), "{kind:?}");
        assert_eq!(facts(&made).await.notes, CameraNotes::default(), "{kind:?}");
    }
}

#[tokio::test]
async fn its_pixels_and_their_memory_are_bounded() {
    let bytes = Sample::plain(800, 600, [9; 3]).heic();
    let refuse = async |config: DarkroomConfig| Darkroom::new(config).open(content(&bytes)).await.err().unwrap();
    let refused = refuse(DarkroomConfig { max_pixels: 100_000, ..DarkroomConfig::default() }).await;
    assert!(matches!(refused, ImagingError::TooManyPixels { width: 800, height: 600, .. }), "{refused:?}");
    let refused = refuse(DarkroomConfig { max_memory: 1_000_000, ..DarkroomConfig::default() }).await;
    assert!(matches!(refused, ImagingError::TooMuchMemory), "{refused:?}");
}

/// The end of the first box of this kind, wherever it lies, and where it begins.
fn place(bytes: &[u8], kind: [u8; 4]) -> usize {
    bytes.windows(4).position(|window| window == kind).unwrap() - 4
}

#[tokio::test]
async fn an_index_that_is_no_pictures_is_not_gone_through() {
    let bytes = Sample::plain(1100, 600, [9; 3]).heic();
    assert!(open(&bytes).await.is_ok());
    // Millions of items.
    let mut long = bytes.clone();
    let meta = place(&long, *b"meta");
    let length = u32::from_be_bytes(long[meta..meta + 4].try_into().unwrap());
    let more = 1_u32 << 20;
    long[meta..meta + 4].copy_from_slice(&(length + more).to_be_bytes());
    let end = meta + length as usize;
    let free = [&more.to_be_bytes()[..], b"free", &vec![0; more as usize - 8]].concat();
    long.splice(end..end, free);
    let refused = open(&long).await.err().unwrap();
    assert!(matches!(refused, ImagingError::Broken(_)), "{refused:?}");
    // Every tile is the first.
    let mut same = bytes.clone();
    let tiles = place(&same, *b"dimg") + 4 + 4;
    let count = usize::from(u16::from_be_bytes(same[tiles + 2..tiles + 4].try_into().unwrap()));
    assert_eq!(count, 6);
    let first = same[tiles + 4..tiles + 6].to_vec();
    for tile in 1..count {
        same[tiles + 4 + 2 * tile..][..2].copy_from_slice(&first);
    }
    // It is as large as it says, and no more work than that.
    if let Ok(mut picture) = open(&same).await {
        picture.start([FormatName::ThumbSmall].into()).await.unwrap();
        while let Ok(Some(_)) = picture.next().await {}
    }
    // As much as the index says, and not a byte more.
    for cut in [30, meta + 20, end, bytes.len() - 40] {
        let mut picture = match open(&bytes[..cut]).await {
            Err(error) => {
                assert!(error.is_final(), "{cut}: {error:?}");
                continue;
            }
            Ok(picture) => picture,
        };
        picture.start([FormatName::ThumbSmall].into()).await.unwrap();
        let error = picture.next().await.err().unwrap();
        assert!(error.is_final(), "{cut}: {error:?}");
    }
}

#[test]
fn it_is_cut_turned_and_mirrored_as_the_container_says() {
    let bytes = Sample::plain(100, 60, [9; 3]).heic();
    let read = |properties: &[Property]| {
        let mut file = HeifFile::parse(&bytes).unwrap();
        let id = file.primary_id;
        for property in properties {
            file.properties.push(property.clone());
            let index = u16::try_from(file.properties.len()).unwrap();
            let item = file.items.iter_mut().find(|item| item.id == id).unwrap();
            item.properties.push(PropertyAssociation { index, essential: true });
        }
        transforms(&file, id, (100, 60)).ok()
    };
    let all = (0, 0, 100, 60);
    let turned = Property::Rotation;
    let (top_bottom, sides) = (Property::Mirror(true), Property::Mirror(false));
    for (properties, expected) in [
        (vec![], Orientation::NoTransforms),
        // Against the clock.
        (vec![turned(1)], Orientation::Rotate270),
        (vec![turned(2)], Orientation::Rotate180),
        (vec![turned(3)], Orientation::Rotate90),
        (vec![sides.clone()], Orientation::FlipHorizontal),
        (vec![top_bottom.clone()], Orientation::FlipVertical),
        (vec![turned(3), sides.clone()], Orientation::Rotate90FlipH),
        (vec![turned(1), sides.clone()], Orientation::Rotate270FlipH),
        (vec![turned(1), top_bottom.clone()], Orientation::Rotate90FlipH),
        (vec![sides.clone(), turned(1)], Orientation::Rotate90FlipH),
        (vec![sides.clone(), sides], Orientation::NoTransforms),
        (vec![top_bottom, turned(2)], Orientation::FlipHorizontal),
    ] {
        assert_eq!(read(&properties), Some((all, expected)), "{properties:?}");
    }
    let aperture =
        |width| Property::CleanAperture { width, height: (40, 1), horiz_offset: (0, 1), vert_offset: (-5, 1) };
    let (shown, _) = read(&[aperture((80, 1)), turned(1)]).unwrap();
    assert_eq!(shown, (10, 5, 80, 40));
    assert!(read(&[aperture((0, 1))]).is_none() && read(&[aperture((1, 0))]).is_none());
    assert!(read(&[turned(1), aperture((80, 1))]).is_none());
}

#[test]
fn a_part_of_a_side_lies_within_it() {
    assert_eq!(aperture(100, (60, 1), (0, 1)), Some((20, 60)));
    assert_eq!(aperture(100, (99, 1), (-1, 2)), Some((0, 99)));
    assert_eq!(aperture(100, (200, 2), (0, 1)), Some((0, 100)));
    assert_eq!(aperture(100, (u32::MAX, 1), (0, 1)), Some((0, 100)));
    for nothing in [((0, 1), (0, 1)), ((1, 0), (0, 1)), ((10, 1), (0, 0)), ((10, 1), (i32::MAX, 1))] {
        assert_eq!(aperture(100, nothing.0, nothing.1), None, "{nothing:?}");
    }
}
