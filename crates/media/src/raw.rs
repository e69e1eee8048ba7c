//! Raw files: the largest preview that a camera laid into them.

use sharestack_content::model::{CameraNotes, MediaType};

use crate::jpeg;
use crate::notes::{self, tag};
use crate::source::{ReadAt, Window};
use crate::tiff::{Directory, Tiff};

/// The most boxes of a level that are looked at.
const MAX_BOXES: usize = 64;

/// A preview in a raw file.
pub(crate) struct Preview {
    /// The JPEG.
    pub picture: Window,
    /// What stands beside it.
    pub notes: CameraNotes,
}

/// The largest preview of a raw file; `None` when it has none.
pub(crate) fn preview(file: &Window, kind: MediaType) -> Option<Preview> {
    let (notes, found) = match kind {
        MediaType::Raf => (CameraNotes::default(), fuji(file)),
        MediaType::Cr3 => canon(file),
        _ => (notes::read(file), in_directories(file)),
    };
    let size = |window: &Window| {
        let frame = jpeg::header(window)?.frame.filter(jpeg::Frame::is_lossy)?;
        Some(u64::from(frame.width) * u64::from(frame.height))
    };
    let largest =
        found.into_iter().filter_map(|window| Some((size(&window)?, window))).max_by_key(|(size, _)| *size)?;
    let picture = largest.1;
    let inside = jpeg::header(&picture).and_then(|header| header.exif);
    let notes = match inside.map(|exif| notes::read(&exif[..])) {
        Some(inside) if notes.is_empty() => inside,
        _ => notes,
    };
    Some(Preview { picture, notes })
}

/// What a raw file on TIFF, or its beginning, tells.
pub(crate) fn glance(head: &[u8], kind: MediaType) -> CameraNotes {
    match kind {
        MediaType::Raf | MediaType::Cr3 => CameraNotes::default(),
        _ => notes::read(head),
    }
}

/// Every JPEG that the directories of a file name.
fn in_directories(file: &Window) -> Vec<Window> {
    let mut found = Vec::new();
    let Some(mut tiff) = Tiff::open(file) else { return found };
    let mut next = Some(tiff.first());
    while let Some(directory) = next {
        found.extend(named(file, &tiff, &directory));
        let below = directory.get(tag::SUB_DIRECTORIES).map(|entry| tiff.numbers(entry)).unwrap_or_default();
        for at in below {
            let directory = tiff.directory(at.into());
            found.extend(named(file, &tiff, &directory));
        }
        next = directory.next.map(|at| tiff.directory(at));
    }
    found
}

fn named(file: &Window, tiff: &Tiff<'_, Window>, directory: &Directory) -> Option<Window> {
    let number = |tag| directory.get(tag).and_then(|entry| tiff.number(entry)).map(u64::from);
    let strip = || {
        let entry = directory.get(tag::STRIP_OFFSETS)?;
        let whole = matches!(number(tag::COMPRESSION), Some(6 | 7)) && tiff.numbers(entry).len() == 1;
        whole.then_some((number(tag::STRIP_OFFSETS)?, number(tag::STRIP_BYTE_COUNTS)?))
    };
    let (at, length) = number(tag::JPEG_OFFSET).zip(number(tag::JPEG_LENGTH)).or_else(strip)?;
    Some(file.part(at, length))
}

/// Twice four bytes; `None` when there are not as many.
fn two_numbers(bytes: &[u8]) -> Option<([u8; 4], [u8; 4])> {
    Some((bytes.get(..4)?.try_into().ok()?, bytes.get(4..8)?.try_into().ok()?))
}

/// Fujifilm names the place in a header of its own.
fn fuji(file: &Window) -> Vec<Window> {
    let bytes = file.take(84, 8);
    let Some((at, length)) = two_numbers(&bytes) else { return Vec::new() };
    let (at, length) = (u32::from_be_bytes(at), u32::from_be_bytes(length));
    vec![file.part(at.into(), length.into())]
}

pub(crate) const CANON_NOTES: [u8; 16] =
    [0x85, 0xc0, 0xb6, 0x87, 0x82, 0x0f, 0x11, 0xe0, 0x81, 0x11, 0xf4, 0xce, 0x46, 0x2b, 0x6a, 0x48];
pub(crate) const CANON_PREVIEW: [u8; 16] =
    [0xea, 0xf4, 0x2b, 0x5e, 0x1c, 0x98, 0x4b, 0x88, 0xb9, 0xfb, 0xb7, 0xdc, 0x40, 0x6e, 0x4d, 0x16];

/// Canon's boxes: three directories of notes, and a preview in a box of its own.
fn canon(file: &Window) -> (CameraNotes, Vec<Window>) {
    let (mut notes, mut found) = (CameraNotes::default(), Vec::new());
    for (kind, content) in boxes(file) {
        match &kind {
            b"moov" => {
                let uuids = boxes(&content).into_iter().filter(|(kind, _)| kind == b"uuid");
                for (_, content) in uuids.filter(|(_, content)| content.take(0, 16) == CANON_NOTES) {
                    canon_notes(&content.part(16, u64::MAX), &mut notes);
                }
            }
            b"uuid" if content.take(0, 16) == CANON_PREVIEW => {
                let previews = boxes(&content.part(24, u64::MAX)).into_iter().filter(|(kind, _)| kind == b"PRVW");
                found.extend(previews.filter_map(|(_, content)| {
                    let at = content.take(0, 64).windows(3).position(|start| start == [0xff, 0xd8, 0xff])?;
                    Some(content.part(at as u64, u64::MAX))
                }));
            }
            _ => {}
        }
    }
    (notes, found)
}

fn canon_notes(content: &Window, notes: &mut CameraNotes) {
    for (kind, content) in boxes(content) {
        let Some(mut tiff) = Tiff::open(&content) else { continue };
        let directory = tiff.first();
        match &kind {
            b"CMT1" => notes::read_main(&tiff, &directory, notes),
            b"CMT2" => notes::read_exif(&tiff, &directory, notes),
            b"CMT4" => notes::read_gps(&tiff, &directory, notes),
            _ => {}
        }
    }
}

/// The boxes of one level, with what is in them.
fn boxes(file: &Window) -> Vec<([u8; 4], Window)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while found.len() < MAX_BOXES && at < file.length() {
        let Some((size, kind)) = two_numbers(&file.take(at, 8)) else { break };
        let (head, length) = match u32::from_be_bytes(size) {
            0 => (8, file.length() - at),
            1 => match <[u8; 8]>::try_from(&file.take(at + 8, 8)[..]) {
                Ok(large) => (16, u64::from_be_bytes(large)),
                Err(_) => break,
            },
            length => (8, length.into()),
        };
        if length < head {
            break;
        }
        found.push((kind, file.part(at + head, length - head)));
        at = at.saturating_add(length);
    }
    found
}
