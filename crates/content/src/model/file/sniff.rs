//! Magic numbers, and the few tags by which raw files are told from TIFF.

use super::MediaType;

/// How many bytes of a file tell what it is.
pub const SNIFFED: usize = 64 * 1024;

/// How many tags of a directory are looked at.
const MAX_TAGS: usize = 512;
/// How much of a box of brands is.
const MAX_BRANDS: usize = 256;

const MAKE: u16 = 0x010F;
const SUB_DIRECTORIES: u16 = 0x014A;
const DNG_VERSION: u16 = 0xC612;

pub(super) fn detect(head: &[u8]) -> Option<MediaType> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |start: usize, magic: &[u8]| head.get(start..).is_some_and(|rest| rest.starts_with(magic));
    if starts(b"\xFF\xD8\xFF") {
        Some(MediaType::Jpeg)
    } else if starts(b"\x89PNG\r\n\x1A\n") {
        Some(MediaType::Png)
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Some(MediaType::Gif)
    } else if starts(b"RIFF") && at(8, b"WEBP") {
        Some(MediaType::Webp)
    } else if starts(b"FUJIFILMCCD-RAW") {
        Some(MediaType::Raf)
    } else if starts(b"BM") && is_bitmap(head) {
        Some(MediaType::Bmp)
    } else if at(4, b"ftyp") {
        brand(head)
    } else if starts(b"II*\0") || starts(b"MM\0*") {
        Some(tiff(head).unwrap_or(MediaType::Tiff))
    } else {
        None
    }
}

/// Whether more bytes may tell another kind than these do: the first directory of a TIFF may stand anywhere, and the
/// brands of a box fill it to its end.
pub(super) fn is_undecided(head: &[u8]) -> bool {
    match detect(head) {
        Some(MediaType::Tiff) => head.len() < SNIFFED,
        None if head.get(4..8) == Some(b"ftyp") => head.len() < brands_end(head),
        _ => false,
    }
}

/// Two letters are no magic: the size of the header that follows is one of a few.
fn is_bitmap(head: &[u8]) -> bool {
    let size = head.get(14..18).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    size.is_some_and(|size| matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// The first brand of the box `ftyp`, or else one of those that it is compatible with.
fn brand(head: &[u8]) -> Option<MediaType> {
    let major = head.get(8..12)?;
    let others = head.get(16..brands_end(head).min(head.len())).unwrap_or_default().chunks_exact(4);
    std::iter::once(major).chain(others).find_map(|brand| match brand {
        b"crx " => Some(MediaType::Cr3),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(MediaType::Heic),
        b"avif" | b"avis" => Some(MediaType::Avif),
        _ => None,
    })
}

/// Where the box `ftyp` ends, as far as it is looked at.
fn brands_end(head: &[u8]) -> usize {
    let length = head.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    (length as usize).min(MAX_BRANDS)
}

/// A camera's raw file in the clothes of TIFF; `None` when it is just a TIFF.
fn tiff(head: &[u8]) -> Option<MediaType> {
    if head.get(8..10) == Some(b"CR") {
        return Some(MediaType::Cr2);
    }
    let little = head.starts_with(b"II");
    let short = |at: usize| {
        let bytes: [u8; 2] = head.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes: [u8; 4] = head.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) } as usize)
    };
    let directory = long(4)?;
    let (mut make, mut has_more) = (None, false);
    for number in 0..usize::from(short(directory)?).min(MAX_TAGS) {
        let entry = directory + 2 + number * 12;
        match short(entry)? {
            DNG_VERSION => return Some(MediaType::Dng),
            SUB_DIRECTORIES => has_more = true,
            MAKE => {
                let start = long(entry + 8)?;
                make = head.get(start..start.saturating_add(5));
            }
            _ => {}
        }
    }
    match make? {
        // Their programs write plain TIFF, too: without directories below.
        maker if has_more && maker.eq_ignore_ascii_case(b"NIKON") => Some(MediaType::Nef),
        maker if has_more && maker.starts_with(b"SONY") => Some(MediaType::Arw),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A TIFF whose first directory has these tags; the value of `MAKE` is the text.
    fn directory(little: bool, make: &str, tags: &[u16]) -> Vec<u8> {
        let short = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
        let long = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        bytes.extend(long(8));
        bytes.extend(short(u16::try_from(tags.len()).unwrap()));
        let text = u32::try_from(8 + 2 + 12 * tags.len() + 4).unwrap();
        for tag in tags {
            bytes.extend(short(*tag));
            bytes.extend(short(2));
            bytes.extend(long(u32::try_from(make.len()).unwrap()));
            bytes.extend(long(text));
        }
        bytes.extend(long(0));
        bytes.extend(make.as_bytes());
        bytes
    }

    #[test]
    fn each_kind_is_known_by_its_first_bytes() {
        let bitmap = [&b"BM"[..], &[0; 12], &[40, 0, 0, 0]].concat();
        let of = |brand: &[u8; 4]| [&[0, 0, 0, 24][..], b"ftyp", brand, &[0; 4], brand, b"mif1"].concat();
        let cases: Vec<(&[u8], MediaType)> = vec![
            (b"\xFF\xD8\xFF\xE0", MediaType::Jpeg),
            (b"\x89PNG\r\n\x1A\n", MediaType::Png),
            (b"GIF89a", MediaType::Gif),
            (b"RIFF\0\0\0\0WEBPVP8 ", MediaType::Webp),
            (b"FUJIFILMCCD-RAW 0201", MediaType::Raf),
            (b"II*\0\x10\0\0\0CR\x02\0", MediaType::Cr2),
            (b"II*\0\x08\0\0\0", MediaType::Tiff),
            (&bitmap, MediaType::Bmp),
        ];
        for (head, expected) in cases {
            assert_eq!(detect(head), Some(expected), "{head:?}");
        }
        assert_eq!(detect(&of(b"crx ")), Some(MediaType::Cr3));
        assert_eq!(detect(&of(b"heic")), Some(MediaType::Heic));
        let compatible = [&[0, 0, 0, 24][..], b"ftypmif1", &[0; 4], b"mif1heic"].concat();
        assert_eq!(detect(&compatible), Some(MediaType::Heic));
        for little in [true, false] {
            let detect = |make: &str, tags: &[u16]| detect(&directory(little, make, tags)).unwrap();
            assert_eq!(detect("NIKON CORPORATION\0", &[MAKE, SUB_DIRECTORIES]), MediaType::Nef);
            assert_eq!(detect("SONY\0\0", &[MAKE, SUB_DIRECTORIES]), MediaType::Arw);
            assert_eq!(detect("SONY\0\0", &[MAKE, SUB_DIRECTORIES, DNG_VERSION]), MediaType::Dng);
            assert_eq!(detect("NIKON CORPORATION\0", &[MAKE]), MediaType::Tiff);
            assert_eq!(detect("Canon\0", &[MAKE, SUB_DIRECTORIES]), MediaType::Tiff);
        }
    }

    #[test]
    fn of_a_beginning_more_is_waited_for_where_more_can_tell() {
        // The directory of a raw file behind its first strips.
        let mut late = b"II*\0".to_vec();
        late.extend(2000_u32.to_le_bytes());
        late.resize(2000, 7);
        late.extend([1_u16.to_le_bytes(), DNG_VERSION.to_le_bytes()].concat());
        late.extend([0; 14]);
        assert_eq!((detect(&late), is_undecided(&late)), (Some(MediaType::Dng), false));
        for known in [8, 32, 1999, 2003] {
            assert_eq!(
                (detect(&late[..known]), is_undecided(&late[..known])),
                (Some(MediaType::Tiff), true),
                "{known}"
            );
        }
        let mut plain = late[..2000].to_vec();
        plain.resize(SNIFFED, 0);
        assert!(!is_undecided(&plain) && is_undecided(&plain[..SNIFFED - 1]));
        // Brands that stand last.
        let brands = [&[0, 0, 0, 48][..], b"ftypmif1", &[0; 4], b"mif1miafMiHBtmapMiHEMiPrheixheic"].concat();
        for known in [12, 16, 32, 40] {
            assert_eq!((detect(&brands[..known]), is_undecided(&brands[..known])), (None, true), "{known}");
        }
        assert_eq!(detect(&brands), Some(MediaType::Heic));
        // What says at once what it is not is not waited for.
        let film = b"\0\0\0\x18ftypisom\0\0\0\0isommp42";
        assert!(!is_undecided(film));
        for head in [&b"\xFF\xD8\xFF"[..], b"<html>", b"PK\x03\x04", b"", b"\0\0\0\x08free"] {
            assert!(!is_undecided(head), "{head:?}");
        }
    }

    #[test]
    fn other_files_are_of_no_kind() {
        for head in [
            &b""[..],
            b"\xFF\xD8",
            b"PK\x03\x04",
            b"<!DOCTYPE html><html>",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"%PDF-1.7",
            b"MZ\x90\0",
            b"BMW is no bitmap, whatever it says",
            b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
            b"RIFF\0\0\0\0WAVEfmt ",
        ] {
            assert_eq!(detect(head), None, "{head:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..256), start in 0_usize..6) {
            let starts: [&[u8]; 6] = [b"", b"II*\0", b"MM\0*", b"BM", b"\0\0\0\x18ftyp", b"RIFF"];
            let head = [starts[start], &tail].concat();
            detect(&head);
            is_undecided(&head);
        }
    }
}
