//! What stands before the pixels of a PNG, and what its reader keeps of it.

use crate::source::ReadAt;

/// What the reader may hold of chunks and of a row, as it counts itself: a chunk as it comes, in
/// a buffer twice as large at the most, and what it keeps of it.
const BUDGET: u64 = 64 * 1024 * 1024;
/// The most chunks before the pixels: each that is kept costs its reader more than its bytes.
const MAX_CHUNKS: usize = 1000;
/// What the reader holds whatever the file is, a thousand small chunks among it.
const READER: u64 = 1024 * 1024;

/// More chunks stand before the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more chunks than a picture has")]
pub(crate) struct TooMany;

/// What the reader is told that it may hold of so much memory: what it does not count, as the
/// copies that are handed out, is no more than that twice again.
pub(crate) fn budget(memory: u64) -> u64 {
    BUDGET.min(memory / 4)
}

/// How many bytes before the pixels are texts, EXIF and a profile as it lies in the file.
pub(crate) fn kept(source: &(impl ReadAt + ?Sized)) -> Result<u64, TooMany> {
    let (mut at, mut kept) = (8_u64, 0_u64);
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        // What is cut off is told by who reads it.
        if !source.read_at(at, &mut head) {
            return Ok(kept);
        }
        let [a, b, c, d, kind @ ..] = head;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        match &kind {
            b"IDAT" | b"fdAT" | b"IEND" => return Ok(kept),
            b"tEXt" | b"zTXt" | b"iTXt" | b"eXIf" | b"iCCP" => kept += length,
            _ => {}
        }
        at += length + 12;
    }
    Err(TooMany)
}

/// What the reader holds beside pixels: what it keeps of chunks and the largest as it came, each
/// letter in two bytes at the most; the profile and the copy that it hands out; and a few rows.
pub(crate) const fn beside(kept: u64, profile: u64, row: u64) -> u64 {
    READER.saturating_add(kept.saturating_mul(3)).saturating_add(profile * 2).saturating_add(row.saturating_mul(4))
}

#[cfg(test)]
mod tests {
    use image::{ImageDecoder as _, ImageFormat, ImageReader};
    use sharestack_content::ports::{Imaging as _, ImagingError};

    use super::*;
    use crate::darkroom::tests::{all, content};
    use crate::hostile_tests::on_disk;
    use crate::sample::{Sample, swollen, wordy};
    use crate::{Darkroom, DarkroomConfig};

    fn file(chunks: &[(&[u8; 4], u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        for (kind, length) in chunks {
            bytes.extend([&length.to_be_bytes()[..], *kind].concat());
            bytes.resize(bytes.len() + usize::try_from(*length).unwrap() + 4, 0);
        }
        bytes
    }

    #[test]
    fn what_is_kept_of_chunks_before_the_pixels_is_counted() {
        let chunks: [(&[u8; 4], u32); 7] =
            [(b"IHDR", 13), (b"iTXt", 100), (b"eXIf", 20), (b"iCCP", 3), (b"prVt", 999), (b"IDAT", 50), (b"tEXt", 70)];
        assert_eq!(kept(&file(&chunks)[..]), Ok(123));
        assert_eq!(kept(&file(&chunks[..3])[..]), Ok(120));
        assert_eq!(kept(&b""[..]), Ok(0));
    }

    #[test]
    fn more_chunks_than_a_picture_has_are_refused() {
        let many =
            |count: usize| kept(&[file(&vec![(b"tEXt", 2); count]), file(&[(b"IDAT", 1)])[8..].to_vec()].concat()[..]);
        assert_eq!((many(999), many(1000)), (Ok(1998), Err(TooMany)));
    }

    #[tokio::test]
    async fn a_profile_that_swells_is_bounded_by_itself() {
        // The reader swells it to its own bound, and without a word goes on without it behind that.
        let read = |length: usize| {
            let mut reader = ImageReader::with_format(std::io::Cursor::new(swollen(length)), ImageFormat::Png);
            reader.limits(crate::open::limits(ImageFormat::Png, 1 << 30));
            reader.into_decoder().unwrap().icc_profile().unwrap().map(|profile| profile.len())
        };
        assert_eq!((read(70 << 20), read(5 << 20)), (None, Some(5 << 20)));
        // What is too large to be one is left aside.
        for (length, stays) in [(70 << 20, false), (5 << 20, false), (1 << 20, true)] {
            let file = on_disk(&swollen(length));
            let bounds = crate::open::Bounds { pixels: 1_000_000, memory: 64 << 20 };
            assert_eq!(crate::open::open(file, bounds).unwrap().profile.is_some(), stays, "{length}");
        }
        for length in [70 << 20, 5 << 20] {
            assert_eq!(all(&swollen(length)).await.len(), 5, "{length}");
        }
        // Rows and chunks are no part of what pixels may take.
        let large = Sample::plain(3000, 2000, [9; 3]).png();
        let needed = 3000 * 2000 * 7 + beside(0, 0, 3000 * 3);
        for (memory, taken) in [(needed, true), (needed - 1, false)] {
            let darkroom = Darkroom::new(DarkroomConfig { max_memory: memory, ..DarkroomConfig::default() });
            assert_eq!(darkroom.open(content(&large)).await.is_ok(), taken);
        }
        assert_eq!(all(&large).await.len(), 5);
    }

    #[tokio::test]
    async fn what_a_png_says_of_itself_is_counted_and_kept_from_no_picture() {
        let large = wordy(9 << 20);
        assert_eq!(all(&large).await.len(), 5);
        let small = Darkroom::new(DarkroomConfig { max_memory: 32 << 20, ..DarkroomConfig::default() });
        assert!(matches!(small.open(content(&large)).await.err(), Some(ImagingError::TooMuchMemory)));
        // Each costs three times its bytes, and is taken where there is as much.
        let some = wordy(1 << 20);
        let said = kept(&some[..]).unwrap();
        assert_eq!(said, (1 << 20) + 22);
        let needed = 2000 * 1000 * 7 + beside(said, 0, 2000 * 3);
        for (memory, taken) in [(needed, true), (needed - 1, false)] {
            let darkroom = Darkroom::new(DarkroomConfig { max_memory: memory, ..DarkroomConfig::default() });
            assert_eq!(darkroom.open(content(&some)).await.is_ok(), taken);
        }
    }
}
